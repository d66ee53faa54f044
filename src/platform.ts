import type { Micros } from '../schemas/events.js'
import type { ConnectTarget, HttpRequest, HttpResponse, Tools } from './connector.js'

/**
 * Everything that the engine needs of the machine it runs on: time, chance, sockets, HTTP, decompression. Node's is in
 * `socket/node.ts`; the simulator has one with a virtual clock and network. Nothing else in `src` touches the real ones.
 */
export interface Platform {
  readonly clock: Clock
  readonly dial: Dial
  readonly http: Http
  readonly tools: Tools
  /**
   * Says at once, before anything is dialled, that a URL cannot be reached as the machine is set up. @default nothing is checked
   * @throws {UsageError} `bad_option`: the environment names a proxy for it that is none.
   */
  readonly checkWayOut?: (url: string) => void
  /** Where observers listen, apart from the events themselves: Node's `diagnostics_channel`. @default nobody listens */
  readonly diagnostics?: Diagnostics
}

/** Where the engine publishes what happens in it; Node: `diagnostics_channel`. */
export interface Diagnostics {
  /** Tells those who listen on a channel, if any: `tapewire:gap`. The names are in docs/metrics.md. Never throws. */
  publish(channel: string, message: object): void
}

/** A timer that can be cancelled. */
export interface Timer {
  cancel(): void
}

/** Time, as the engine is given it: three readings and a timer. */
export interface Clock {
  /** Microseconds since the Unix epoch. Never goes back; leaps ahead when the machine's clock is set. */
  now(): Micros
  /** Microseconds from an arbitrary start, at an even pace whatever is done to the machine's clock: measures durations. */
  monotonic(): Micros
  /**
   * A moment that `now` told, on a line of time that no setting of the machine's clock bends: two moments are as far apart on
   * it as they really were. Begins as the time of day. For deadlines that are reckoned from receive times.
   */
  steady(at: Micros): Micros
  /**
   * Calls `run` once after the delay. Milliseconds. A pending timer keeps the process alive, unless it is one of the
   * background.
   */
  after(delayMs: number, run: () => void, kind?: 'background'): Timer
  /** A number in [0, 1). */
  random(): number
}

/**
 * One attempt to open one socket. It never throws, and no event comes before the call has returned. Exactly one of `opened`
 * and `closed` comes first; `closed` always comes, also after `close` and `terminate`; nothing comes after `closed`.
 */
export type Dial = (target: DialTarget, events: DialEvents) => DialedSocket

/** Where a connection goes: `ws:` and `wss:`, and for protocols on other transports `tcp:`, `tls:`, `http:` and `https:`. */
export interface DialAddress extends ConnectTarget {
  /** The request, where the URL is `http:` or `https:`. @default GET */
  readonly http?: { readonly method: 'GET' | 'POST'; readonly body?: string }
}

/** What is dialled, and within which bounds. */
export interface DialTarget extends DialAddress {
  /** The whole connect (proxy, TLS, upgrade) must be over within this. */
  readonly timeoutMs: number
  /** A larger frame ends the connection with 1009. Bytes. */
  readonly maxFrameBytes: number
}

/** What a handshake answered. */
export interface Upgrade {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly protocol: string
  readonly extensions: string
}

/** What a dialled socket reports. */
export interface DialEvents {
  opened(upgrade: Upgrade, at: Micros): void
  /** `at` is taken in the socket's own callback, before anything else is done. */
  message(data: string | Uint8Array, at: Micros): void
  /** A ping or pong frame of the WebSocket protocol. */
  control(kind: 'ping' | 'pong', at: Micros): void
  closed(close: DialClose, at: Micros): void
}

/** How a dialled socket ended. */
export interface DialClose {
  /**
   * The close code of the venue (1005 for a close frame without one), or the one that names its breach (1009 for an oversize
   * frame); null where the connection failed or ended without being closed.
   */
  readonly code: number | null
  readonly reason: string
  /** Where the handshake was answered with something else than 101. */
  readonly refused: { readonly status: number; readonly retryAfterMs: number | null } | null
  readonly error: Error | null
}

/** A socket that was dialled. */
export interface DialedSocket {
  /** Sends a text frame, or a binary one. Bytes must not change afterwards. Returns false where the socket cannot take it (not open). */
  send(data: string | Uint8Array): boolean
  /** Sends a ping frame of the WebSocket protocol. Returns false where there is none to send. */
  ping(): boolean
  /** Bytes accepted by `send` and not yet handed to the network. */
  readonly bufferedBytes: number
  /** Stops reading, so that the network itself holds the sender back. */
  pause(): void
  resume(): void
  /** Closes politely, and by force where the other side does not answer within a second. */
  close(code?: number, reason?: string): void
  /** Cuts at once. */
  terminate(): void
}

/** One HTTP exchange. Never rejects: a failure is an answer with status 0 whose body says why. */
export type Http = (
  request: HttpRequest,
  options: { readonly timeoutMs: number; readonly maxBytes: number; readonly signal?: AbortSignal },
) => Promise<HttpResponse>
