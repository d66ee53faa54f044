import type { Micros } from '../../schemas/events.js'
import type { Sink } from '../../src/connector.js'
import type { Stream } from '../../src/session/stream.js'
import { OpenRequests } from '../../src/venue/open-requests.js'

/** One request of Spot Trading that waits for its reply. */
export interface SpotRequest {
  readonly method: string
  /** The stream it is for; null for one that serves several, and in a log. */
  readonly stream: Stream | null
  readonly pair: string | null
  /** Of `get_candles`: `bid-1m`. */
  readonly variant: string | null
}

/** The open requests of one connection, by `oid`: without one the venue closes the socket. */
export class SpotRequests extends OpenRequests<SpotRequest> {
  readonly #sink: Sink

  constructor(sink: Sink) {
    super()
    this.#sink = sink
  }

  send(
    method: string,
    data: unknown,
    at: Micros | null,
    request: Partial<Omit<SpotRequest, 'method'>> = {},
  ): void {
    const oid = `${Math.floor((at ?? 0) / 1000)}_${this.next()}_${method}`
    this.keep(oid, { method, stream: null, pair: null, variant: null, ...request })
    this.#sink.send(JSON.stringify({ e: method, oid, data }))
  }
}
