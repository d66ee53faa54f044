import { NetworkError } from '../errors.js'
import type { Clock, Dial, DialEvents, DialedSocket, DialTarget, Timer } from '../platform.js'
import { shownUrl } from '../shown.js'

/**
 * Dials `http:` and `https:` with the runtime's own `fetch`, for where there is no Node: the body of the response is read as it comes, and
 * every chunk of bytes is a message, cut anywhere. The runtime follows redirects itself and decides about proxies and TLS.
 */
export function fetchDial(clock: Clock): Dial {
  return (target, events) => new Attempt(clock, target, events)
}

/** One attempt, from the call of the dial to its `closed`. */
class Attempt implements DialedSocket {
  readonly #clock: Clock
  readonly #target: DialTarget
  readonly #events: DialEvents
  readonly #cut = new AbortController()
  readonly #timer: Timer
  #resumed: () => void = () => {}
  #paused: Promise<void> | null = null
  #closed = false

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
    void this.#follow()
  }

  /** The body of a request is whole when it is dialled. */
  send(): boolean {
    return false
  }

  ping(): boolean {
    return false
  }

  readonly bufferedBytes = 0

  pause(): void {
    this.#paused ??= new Promise((resolve) => {
      this.#resumed = resolve
    })
  }

  resume(): void {
    this.#paused = null
    this.#resumed()
  }

  close(): void {
    this.terminate()
  }

  terminate(): void {
    queueMicrotask(() => this.#end(null))
  }

  async #follow(): Promise<void> {
    const { url, headers = {}, http } = this.#target
    try {
      const { method = 'GET', body } = http ?? {}
      // Both are the runtime's affair; as headers of ours a server of another origin would have to allow them.
      const response = await fetch(url, {
        method,
        headers: Object.entries(headers).filter(([name]) => !/^(cache-control|accept-encoding)$/i.test(name)),
        // Of browsers; Node's declarations leave it out.
        ...({ cache: 'no-store' } as object),
        signal: this.#cut.signal,
        ...(body !== undefined && { body }),
      })
      if (this.#closed) return
      this.#timer.cancel()
      const { status } = response
      const upgrade = { status, headers: Object.fromEntries(response.headers), protocol: '', extensions: '' }
      this.#events.opened(upgrade, this.#clock.now())
      await this.#read(response.body)
      this.#end(null)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#end(
        new NetworkError('connect_failed', `${shownUrl(url)} cannot be reached, or was lost: ${why}`, {
          context: { url: shownUrl(url) },
          cause: error,
        }),
      )
    }
  }

  async #read(body: ReadableStream<Uint8Array> | null): Promise<void> {
    const reader = body?.getReader()
    if (reader === undefined) return
    for (;;) {
      await this.#paused
      const { done, value } = await reader.read()
      const at = this.#clock.now()
      // What came while it was paused waits: nothing more is read meanwhile.
      await this.#paused
      if (done || this.#closed) return
      this.#events.message(value, at)
    }
  }

  #end(error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer.cancel()
    this.resume()
    this.#cut.abort()
    this.#events.closed({ code: null, reason: '', refused: null, error }, this.#clock.now())
  }
}
