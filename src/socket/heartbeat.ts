import type { Clock, DialedSocket, Timer } from '../platform.js'
import { Silence } from './silence.js'

/** What the client sends to keep a connection, or to ask for a sign of life. */
export interface Ping {
  /** Send it after this long without a frame from the venue, and again as long as it stays silent. */
  readonly everyMs: number
  /** Send it at this pace however much the venue says. @default false */
  readonly always?: boolean
  /** The frame to send; a function where it carries a time or a number; null for a ping frame of the protocol. */
  readonly frame: string | Uint8Array | (() => string | Uint8Array) | null
  /**
   * The connection is dead when after a ping no answer came for this long. Null: the watchdog alone judges. @default null
   */
  readonly answerWithinMs?: number | null
  /**
   * What answers a ping. `any`: whatever comes, a pong of the protocol too. `pong`: a pong of the protocol. A function: the frame for
   * which it returns true. @default 'any'
   */
  readonly answer?: 'any' | 'pong' | ((data: string | Uint8Array) => boolean)
}

/** What a heartbeat did: it sent a ping, or got the answer after so many microseconds. */
export type Beat = { readonly kind: 'sent' } | { readonly kind: 'answered'; readonly afterMicros: number }

/** Whom a heartbeat tells. */
export interface HeartbeatEvents {
  beat(beat: Beat): void
  unanswered(): void
}

/** Sends the pings of one connection, and says so when one stays unanswered. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #ping: Ping
  readonly #socket: DialedSocket
  readonly #events: HeartbeatEvents
  readonly #silence: Silence | null
  #beat: Timer | null = null
  #deadline: Timer | null = null
  /** When the ping was sent that is not answered yet, on the monotonic clock. */
  #sentAt: number | null = null
  #paused = false

  constructor(clock: Clock, ping: Ping, socket: DialedSocket, events: HeartbeatEvents) {
    this.#clock = clock
    this.#ping = ping
    this.#socket = socket
    this.#events = events
    this.#silence = ping.always === true ? null : new Silence(clock, ping.everyMs, () => this.#send())
  }

  start(): void {
    if (this.#silence === null) this.#beatOn()
    else this.#silence.start()
  }

  stop(): void {
    this.#silence?.stop()
    this.#beat?.cancel()
    this.#beat = null
    this.#settle()
  }

  /** A frame of the venue came. */
  heard(data: string | Uint8Array): void {
    this.#silence?.heard()
    if (this.#sentAt === null) return
    const { answer = 'any' } = this.#ping
    if (answer === 'any' || (answer !== 'pong' && answer(data))) this.#answered()
  }

  /** A ping or pong of the protocol came. */
  controlled(kind: 'ping' | 'pong'): void {
    const { answer = 'any' } = this.#ping
    if (answer === 'any' || (answer === 'pong' && kind === 'pong')) this.#answered()
  }

  /** While nothing is read no answer can be seen: pings go on, and none is waited for. */
  set paused(paused: boolean) {
    this.#paused = paused
    if (paused) this.#settle()
  }

  #beatOn(): void {
    this.#beat = this.#clock.after(this.#ping.everyMs, () => {
      this.#beatOn()
      this.#send()
    })
  }

  #send(): void {
    const { frame, answerWithinMs = null } = this.#ping
    const sent =
      frame === null ? this.#socket.ping() : this.#socket.send(typeof frame === 'function' ? frame() : frame)
    if (!sent) return
    this.#events.beat({ kind: 'sent' })
    if (this.#paused) return
    this.#sentAt ??= this.#clock.monotonic()
    if (answerWithinMs === null || this.#deadline !== null) return
    this.#deadline = this.#clock.after(answerWithinMs, () => {
      this.#settle()
      this.#events.unanswered()
    })
  }

  #answered(): void {
    if (this.#sentAt === null) return
    const afterMicros = this.#clock.monotonic() - this.#sentAt
    this.#settle()
    this.#events.beat({ kind: 'answered', afterMicros })
  }

  #settle(): void {
    this.#deadline?.cancel()
    this.#deadline = null
    this.#sentAt = null
  }
}
