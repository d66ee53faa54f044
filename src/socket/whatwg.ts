import { NetworkError, UsageError } from '../errors.js'
import type { Clock, Dial, DialEvents, DialedSocket, DialTarget, Timer } from '../platform.js'
import { shownUrl } from '../shown.js'

/** What is needed of a WebSocket as the WHATWG standard has it: of browsers, Deno, Bun, workers, Node 22. */
export interface WhatwgWebSocket {
  binaryType: string
  readonly readyState: number
  readonly bufferedAmount: number
  readonly protocol: string
  readonly extensions: string
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  addEventListener(
    type: 'open' | 'message' | 'error' | 'close',
    listener: (event: {
      readonly type: string
      readonly data?: unknown
      readonly code?: number
      readonly reason?: string
    }) => void,
  ): void
}

const OPEN = 1
const CUT = 1006
const TOO_LARGE = 1009
const CLOSE_WITHIN_MS = 1_000

/**
 * Dials with a standard WebSocket class, for where there is no Node.
 *
 * What the standard cannot do: open a bare connection or send headers (a target that asks for that is refused), send or see ping and pong frames, show the
 * answer to a handshake or why it failed, bound a frame before it is there, and stop reading: while paused, frames are held up
 * to `maxFrameBytes` in all, and one more ends the connection.
 *
 * @example dialWith(globalThis.WebSocket, clock)
 */
export function dialWith(
  WebSocketClass: new (url: string, protocols: string[]) => WhatwgWebSocket,
  clock: Clock,
): Dial {
  return (target, events) => {
    const attempt = new Attempt(clock, target, events)
    try {
      if (Object.keys(target.headers ?? {}).length > 0) {
        throw new UsageError(
          'bad_target',
          'a WebSocket of a browser cannot send headers; put a token in the URL, by the option prepare',
          { context: { field: 'headers' } },
        )
      }
      if (/^(tcp|tls):/.test(target.url)) {
        throw new UsageError(
          'bad_target',
          `a page of a browser opens no bare connection (${shownUrl(target.url)}); reach the server by ws:// or wss://`,
        )
      }
      attempt.follow(new WebSocketClass(target.url, [...(target.protocols ?? [])]))
    } catch (error) {
      attempt.fail(error)
    }
    return attempt
  }
}

class Attempt implements DialedSocket {
  readonly #clock: Clock
  readonly #target: DialTarget
  readonly #events: DialEvents
  #socket: WhatwgWebSocket | null = null
  #timer: Timer | null = null
  #isOpen = false
  #closed = false
  #held: { readonly data: string | Uint8Array; readonly at: number }[] | null = null
  #heldBytes = 0

  constructor(clock: Clock, target: DialTarget, events: DialEvents) {
    this.#clock = clock
    this.#target = target
    this.#events = events
  }

  follow(socket: WhatwgWebSocket): void {
    const { url, timeoutMs } = this.#target
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    this.#timer = this.#clock.after(timeoutMs, () => {
      this.#cut(
        null,
        new NetworkError('connect_timeout', `${shownUrl(url)} was not open within ${timeoutMs} ms`),
      )
    })
    socket.addEventListener('open', () => {
      const at = this.#clock.now()
      if (this.#closed) return
      this.#timer?.cancel()
      this.#isOpen = true
      this.#events.opened(
        { status: 101, headers: {}, protocol: socket.protocol, extensions: socket.extensions },
        at,
      )
    })
    socket.addEventListener('message', ({ data }) => {
      const at = this.#clock.now()
      if (typeof data === 'string') this.#received(data, data.length, at)
      else if (data instanceof ArrayBuffer) this.#received(new Uint8Array(data), data.byteLength, at)
    })
    // The standard tells nothing of the reason; `close` always follows.
    socket.addEventListener('error', () => {})
    socket.addEventListener('close', ({ code = CUT, reason = '' }) => {
      const error = this.#isOpen
        ? null
        : new NetworkError('connect_failed', `${shownUrl(url)} cannot be reached`, {
            context: { url: shownUrl(url) },
          })
      this.#end(code === CUT ? null : code, reason, error)
    })
  }

  /** The attempt could not even begin. */
  fail(error: unknown): void {
    const known = error instanceof UsageError ? error : null
    const reason = error instanceof Error ? error.message : String(error)
    queueMicrotask(() => this.#end(null, '', known ?? new UsageError('bad_target', reason)))
  }

  send(data: string | Uint8Array): boolean {
    if (this.#closed || this.#socket?.readyState !== OPEN) return false
    // The standard takes no bytes of shared memory.
    this.#socket.send(typeof data === 'string' ? data : new Uint8Array(data))
    return true
  }

  ping(): boolean {
    return false
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0
  }

  pause(): void {
    this.#held ??= []
  }

  resume(): void {
    const held = this.#held ?? []
    this.#held = null
    this.#heldBytes = 0
    for (const { data, at } of held) if (!this.#closed) this.#events.message(data, at)
  }

  close(code = 1000, reason = ''): void {
    if (this.#closed || this.#socket === null) return
    this.#timer?.cancel()
    this.#timer = this.#clock.after(CLOSE_WITHIN_MS, () => this.#end(null, '', null))
    this.#leave(code, reason)
  }

  terminate(): void {
    queueMicrotask(() => this.#cut(null, null))
  }

  #received(data: string | Uint8Array, size: number, at: number): void {
    if (this.#closed) return
    const { url, maxFrameBytes } = this.#target
    if (size > maxFrameBytes) {
      const text = `${shownUrl(url)} sent a frame larger than maxFrameBytes (${maxFrameBytes})`
      this.#cut(TOO_LARGE, new NetworkError('frame_too_large', text))
    } else if (this.#held === null) {
      this.#events.message(data, at)
    } else {
      this.#held.push({ data, at })
      this.#heldBytes += size
      if (this.#heldBytes <= maxFrameBytes) return
      const text = `more than ${maxFrameBytes} bytes came while reading was paused`
      this.#cut(null, new NetworkError('paused_too_long', text))
    }
  }

  #cut(code: number | null, error: NetworkError | null): void {
    if (this.#closed) return
    this.#leave()
    this.#end(code, '', error)
  }

  #leave(code?: number, reason?: string): void {
    try {
      this.#socket?.close(code, reason)
    } catch {
      // A code that may not be sent: the other side learns nothing, the end is the same.
      this.#socket?.close()
    }
  }

  #end(code: number | null, reason: string, error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.#held = null
    this.#timer?.cancel()
    this.#events.closed({ code, reason, refused: null, error }, this.#clock.now())
  }
}
