import type { Micros } from '../../schemas/events.js'
import type { Sink } from '../../src/connector.js'
import type { Stream } from '../../src/session/stream.js'

/** One request of Spot Trading that waits for its reply. */
export interface SpotRequest {
  readonly method: string
  /** The stream it is for; null for one that serves several, and in a log. */
  readonly stream: Stream | null
  readonly pair: string | null
  /** Of `get_candles`: `bid-1m`. */
  readonly variant: string | null
}

/** Requests that are never answered are forgotten, the oldest first, beyond this. */
const MAX_OPEN = 2000

/** The open requests of one connection, by `oid`: without one the venue closes the socket. */
export class SpotRequests {
  readonly #sink: Sink
  readonly #open = new Map<string, SpotRequest>()
  #count = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  send(
    method: string,
    data: unknown,
    at: Micros | null,
    request: Partial<Omit<SpotRequest, 'method'>> = {},
  ): string {
    const oid = `${Math.floor((at ?? 0) / 1000)}_${++this.#count}_${method}`
    this.note(oid, { method, stream: null, pair: null, variant: null, ...request })
    this.#sink.send(JSON.stringify({ e: method, oid, data }))
    return oid
  }

  note(oid: string, request: SpotRequest): void {
    this.#open.set(oid, request)
    if (this.#open.size <= MAX_OPEN) return
    for (const oldest of this.#open.keys()) {
      this.#open.delete(oldest)
      break
    }
  }

  /** The request that a reply answers, which is then no longer open. */
  take(oid: string | undefined): SpotRequest | null {
    const request = this.#open.get(oid ?? '') ?? null
    this.#open.delete(oid ?? '')
    return request
  }
}
