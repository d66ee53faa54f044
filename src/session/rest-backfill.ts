import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../connector.js'
import { DecodeError } from '../errors.js'
import { retryAfterMs } from '../socket/retry-after.js'
import { Backfills } from './backfill.js'
import type { TradeFields } from './fields.js'
import type { TimedTrade } from './memory.js'
import type { SessionKit } from './session.js'
import type { Stream } from './stream.js'

/** A venue's trade history over REST, declared as data. */
export interface RestTradeHistory {
  /** Rows of a full answer. */
  readonly pageSize: number
  /** Whether what the venue sends on subscribing comes newest first. @default false */
  readonly newestFirst?: boolean
  /** Asks for one page: from the trade on, that one included, oldest first. @param at the moment of the request */
  url(stream: Stream, since: TimedTrade, at: Micros): string
  /** The instrument whose trades an URL of this kind asks for; null for any other URL. Tells the answers in a recording. */
  instrument(url: string): string | null
  /** @throws {DecodeError} where it does not fit. */
  read(response: HttpResponse, stream: Stream): readonly TradeFields[]
  /** How long the venue refuses who asked too often, where its answer does not say. Milliseconds. */
  readonly throttledMs: number
  /** The body by which it refuses who asked too often, where that is not told by status 429. */
  readonly throttled?: RegExp
}

/** A request that a connection which is about to end would have made in vain, and the venue's history a moment to catch up. */
const SETTLE_MS = 500
/** Four requests that bring nothing fit into the time that trades wait, and a page each for as many more. */
const REQUESTS = 8
const RETRY_MS = 2_000
const WITHIN_MS = 15_000

/** Missed trades that are fetched over REST: see {@link Backfills}. */
export class RestBackfills extends Backfills {
  readonly #sent = new Map<string, Stream>()
  readonly #kit: SessionKit
  readonly #rest: RestTradeHistory

  constructor(kit: SessionKit, rest: RestTradeHistory) {
    let asked = 0
    super(kit, {
      pageSize: rest.pageSize,
      requests: REQUESTS,
      withinMs: WITHIN_MS,
      settleMs: SETTLE_MS,
      retryMs: RETRY_MS,
      onConnection: false,
      newestFirst: rest.newestFirst ?? false,
      ask: (stream, since, at) => {
        const id = `backfill ${stream.instrument.instrument} ${++asked}`
        this.#sent.set(id, stream)
        kit.sink.request({ id, method: 'GET', url: rest.url(stream, since, at) })
      },
    })
    this.#kit = kit
    this.#rest = rest
  }

  /**
   * An answer over HTTP, or one that a recording holds.
   *
   * @throws {DecodeError} after the next try was arranged.
   */
  response(response: HttpResponse, at: Micros | null): void {
    if (this.#kit.init.adopt) {
      this.#logged(response, at)
      return
    }
    const stream = this.#sent.get(response.id)
    this.#sent.delete(response.id)
    if (stream === undefined) return
    const { status, body } = response
    const throttled = status === 429 || this.#rest.throttled?.test(body) === true
    if (throttled || status === 503) {
      const asked = at === null ? null : retryAfterMs(response.headers, at)
      this.failed(stream, at, asked ?? (throttled ? this.#rest.throttledMs : null))
    } else if (status === 400 || status === 404) this.failed(stream, at, Number.POSITIVE_INFINITY)
    else if (status < 200 || status >= 300) this.failed(stream, at)
    else this.answered(stream, this.#read(response, stream, at), at)
  }

  #read(response: HttpResponse, stream: Stream, at: Micros | null): readonly TradeFields[] {
    try {
      return this.#rest.read(response, stream)
    } catch (error) {
      if (error instanceof DecodeError) this.failed(stream, at)
      throw error
    }
  }

  /** A recording holds an answer because its client had missed something; what it proved to it is not known. */
  #logged(response: HttpResponse, at: Micros | null): void {
    const instrument = this.#rest.instrument(response.url)
    const stream = instrument === null ? undefined : this.#kit.streams.get(instrument, 'trade')
    if (stream === undefined || response.status < 200 || response.status >= 300) return
    this.#kit.streams.backfill(stream, this.#rest.read(response, stream), at)
  }
}
