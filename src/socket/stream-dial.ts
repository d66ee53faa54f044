import { NetworkError } from '../errors.js'
import type { Clock, Dial, DialEvents, DialedSocket, DialTarget, Timer } from '../platform.js'
import { shownUrl } from '../shown.js'
import { egress } from './egress.js'
import { lostConnection } from './failure.js'
import { NETWORK } from './network-defaults.js'
import type { EgressOptions } from './network-options.js'
import { nodeTls } from './node-tls.js'
import type { Keep, OpenStream } from './stream-transports.js'

/**
 * Dials what is no WebSocket: `tcp:` and `tls:` for a protocol on a bare connection, `http:` and `https:` for a response whose body is
 * read as it comes. Every chunk of bytes is a message, cut anywhere. Proxies, TLS and the deadline are those of the WebSocket's dial.
 *
 * @throws {UsageError} `bad_option` for a proxy that is no proxy URL.
 */
export function streamDial(options: EgressOptions & { readonly clock: Clock }): Dial {
  const wayOut = egress(options)
  const own = nodeTls({ minVersion: NETWORK.minTlsVersion, ...options.tls })
  return (target, events) => {
    const attempt = new Attempt(options.clock, target, events)
    void attempt.follow(async (signal, keep) => {
      // Loaded when it is first needed: most sockets are WebSockets.
      const { connection, response } = await import('./stream-transports.js')
      return /^https?:/.test(target.url)
        ? response(target, wayOut, signal, keep)
        : connection(target, wayOut, { own, localAddress: options.localAddress }, signal, keep)
    })
    return attempt
  }
}

/** One attempt, from the call of the dial to its `closed`. */
class Attempt implements DialedSocket {
  readonly #clock: Clock
  readonly #target: DialTarget
  readonly #events: DialEvents
  readonly #cut = new AbortController()
  readonly #parts: { destroy(): unknown }[] = []
  #timer: Timer
  #opened: OpenStream | null = null
  #paused = false
  #closed = false
  #error: Error | null = null

  constructor(clock: Clock, target: DialTarget, events: DialEvents) {
    this.#clock = clock
    this.#target = target
    this.#events = events
    this.#timer = clock.after(target.timeoutMs, () => {
      const url = shownUrl(target.url)
      this.#end(
        new NetworkError('connect_timeout', `${url} was not open within ${target.timeoutMs} ms`, {
          context: { url },
        }),
      )
    })
  }

  async follow(open: (signal: AbortSignal, keep: Keep) => Promise<OpenStream>): Promise<void> {
    try {
      const opened = await open(this.#cut.signal, (part) => {
        this.#parts.push(part)
        if (this.#closed) part.destroy()
      })
      if (this.#closed) return
      this.#timer.cancel()
      this.#opened = opened
      const { incoming, upgrade } = opened
      incoming.on('error', (error) => {
        if (!this.#closed) this.#error ??= lostConnection(error, this.#target.url)
      })
      incoming.on('close', () => this.#end(null))
      this.#events.opened(upgrade, this.#clock.now())
      incoming.on('data', (bytes: Uint8Array) => {
        const at = this.#clock.now()
        if (!this.#closed) this.#events.message(bytes, at)
      })
      if (this.#paused) incoming.pause()
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)))
    }
  }

  send(data: string | Uint8Array): boolean {
    const outgoing = this.#opened?.outgoing
    if (this.#closed || outgoing === null || outgoing === undefined || !outgoing.writable) return false
    outgoing.write(data)
    return true
  }

  ping(): boolean {
    return false
  }

  get bufferedBytes(): number {
    return this.#opened?.outgoing?.writableLength ?? 0
  }

  pause(): void {
    this.#paused = true
    this.#opened?.incoming.pause()
  }

  resume(): void {
    this.#paused = false
    this.#opened?.incoming.resume()
  }

  close(): void {
    const outgoing = this.#opened?.outgoing
    if (outgoing === null || outgoing === undefined) {
      this.terminate()
      return
    }
    this.resume()
    this.#timer.cancel()
    this.#timer = this.#clock.after(NETWORK.closeWithinMs, () => this.terminate())
    outgoing.end()
  }

  terminate(): void {
    queueMicrotask(() => this.#end(null))
  }

  #end(error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer.cancel()
    this.#cut.abort()
    for (const part of this.#parts) part.destroy()
    this.#opened?.incoming.destroy()
    this.#events.closed(
      { code: null, reason: '', refused: null, error: error ?? this.#error },
      this.#clock.now(),
    )
  }
}
