import type { Micros } from '../../schemas/events.js'
import { OrderBook } from '../book/order-book.js'
import { OrderLedger } from '../book/order-ledger.js'
import type { Channel } from '../channel.js'
import { ownText } from '../decode/own-text.js'
import type { CandleFields, TradeFields } from './fields.js'
import { StreamGap } from './stream-gap.js'

/** A trade as a mark in time. */
export interface TimedTrade {
  readonly id: string
  readonly exchangeTime: Micros
}

/** Trade ids remembered of a stream. */
export const TRADE_IDS_KEPT = 10_000

/** What is known of one stream across reconnects. */
export class StreamRecord {
  /** The maintained book of a `book` or `order` stream. */
  readonly book = new OrderBook()
  /** The orders behind the book of an `order` stream. */
  readonly ledger = new OrderLedger()
  /** Levels a side that the last snapshot of the book showed at most; null for all. */
  depth: number | null = null
  /** The number of the last message of the book, as it was emitted; null where the venue gives none. */
  sequence: string | null = null
  /** Trades already emitted. */
  readonly tradeIds: RecentIds
  /** The newest candle of a `candle` stream, not yet known to be final. */
  candle: CandleFields | null = null
  /** Height of the highest block of a `block` stream. */
  height: number | null = null
  /** The hole that is open now. */
  gap: StreamGap | null = null
  /** The trade up to which the stream was told: what history is asked for from. */
  lastTrade: TimedTrade | null = null
  /** Receive time of the last good datum. */
  lastData: Micros | null = null
  /** Receive time of the last moment at which the book was known to be the venue's: a snapshot, a checksum that fits. */
  proved: Micros | null = null
  /** Whether any datum ever came. */
  seen = false

  /** Receive time of the last ack. */
  acked: Micros | null = null

  /** @param tradeIdsKept ids of trades remembered. @default 10,000 */
  constructor(tradeIdsKept = TRADE_IDS_KEPT) {
    this.tradeIds = new RecentIds(tradeIdsKept)
  }

  /** Whatever the book holds is from now on not known to be the venue's. */
  distrust(): void {
    this.book.distrust()
  }

  /** A trade was emitted. History may come newest first; what happens now is the newest whatever its time says. */
  told({ id, exchangeTime }: TradeFields, historical: boolean): void {
    if (exchangeTime === null) return
    if (historical && this.lastTrade !== null && exchangeTime < this.lastTrade.exchangeTime) return
    this.lastTrade = { id: ownText(id), exchangeTime }
  }
}

/** A set of the last `limit` ids, oldest forgotten first. */
export class RecentIds {
  readonly #limit: number
  readonly #ids = new Set<string>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** @returns false where the id was there already. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false
    this.#ids.add(ownText(id))
    if (this.#ids.size > this.#limit) {
      for (const oldest of this.#ids) {
        this.#ids.delete(oldest)
        break
      }
    }
    return true
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  get size(): number {
    return this.#ids.size
  }

  /** In the order in which they were added. */
  [Symbol.iterator](): IterableIterator<string> {
    return this.#ids.values()
  }
}

/** The venue's answer to the request for a stream, over all connections. */
export interface StreamAnswer {
  readonly symbol: string
  readonly instrument: string
  readonly channel: Channel
  /** Receive time of the first ack, or of the first datum where that came earlier; null where neither came. */
  readonly confirmedAt: Micros | null
  /** Why the venue refused it last; null where it did not, or granted it since. */
  readonly refused: string | null
}

/** Of which instrument a stream is. */
type StreamOf = Pick<StreamAnswer, 'symbol' | 'instrument'>

/** Characters kept of a refusal: how long it is, the venue decides. */
const REFUSAL_CHARACTERS = 1_000

/** What survives the connections of one venue: one record a stream. Bounded by the streams that were ever asked for. */
export class StreamMemory {
  readonly #records = new Map<string, StreamRecord>()
  #announced = new Set<string>()
  /** Shared by all connections to the venue. */
  #answers = new Map<string, StreamAnswer>()
  #holed = false
  readonly #tradeIdsKept: number

  /** @param tradeIdsKept trade ids remembered a stream, to tell what history repeats. @default 10,000 */
  constructor(tradeIdsKept = TRADE_IDS_KEPT) {
    this.#tradeIdsKept = tradeIdsKept
  }

  /**
   * The memory of a further connection to the venue: empty, but an instrument that one of them announced is not announced by
   * the other, and the venue's answers are known to all.
   *
   * @param holed every stream begins with an open gap, which nobody was told of: its end says that the stream is whole.
   */
  sibling(holed: boolean): StreamMemory {
    const sibling = new StreamMemory(this.#tradeIdsKept)
    sibling.#announced = this.#announced
    sibling.#answers = this.#answers
    sibling.#holed = holed
    return sibling
  }

  /** @internal The record of a stream, made on first use. */
  record(instrument: string, channel: Channel): StreamRecord {
    const key = `${channel} ${instrument}`
    let record = this.#records.get(key)
    if (record === undefined) {
      record = new StreamRecord(this.#tradeIdsKept)
      if (this.#holed) record.gap = new StreamGap('disconnected', null)
      this.#records.set(key, record)
    }
    return record
  }

  /** @internal Takes over what another connection knew of a stream that is served here from now on: its open gap, its trades. */
  inherit(instrument: string, channel: Channel, record: StreamRecord): void {
    this.#records.set(`${channel} ${instrument}`, record)
  }

  /** @internal The record of a stream that exists. */
  peek(instrument: string, channel: Channel): StreamRecord | undefined {
    return this.#records.get(`${channel} ${instrument}`)
  }

  forget(instrument: string, channel: Channel): void {
    this.#records.delete(`${channel} ${instrument}`)
  }

  /** Whether the instrument's contract data were emitted. */
  announced(instrument: string): boolean {
    return this.#announced.has(instrument)
  }

  /** @internal The venue granted the stream, or sends data of it. */
  granted({ symbol, instrument }: StreamOf, channel: Channel, at: Micros | null): void {
    const former = this.answer(instrument, channel)
    if (former !== undefined && former.confirmedAt !== null && former.refused === null) return
    const confirmedAt = former?.confirmedAt ?? at
    this.#answers.set(`${channel} ${instrument}`, { symbol, instrument, channel, confirmedAt, refused: null })
  }

  /** @internal The venue refused the stream. */
  refused({ symbol, instrument }: StreamOf, channel: Channel, reason: string): void {
    const confirmedAt = this.answer(instrument, channel)?.confirmedAt ?? null
    const refused = ownText(reason.slice(0, REFUSAL_CHARACTERS))
    this.#answers.set(`${channel} ${instrument}`, { symbol, instrument, channel, confirmedAt, refused })
  }

  /** @internal What the venue said to the request for a stream; undefined where it has not answered yet. */
  answer(instrument: string, channel: Channel): StreamAnswer | undefined {
    return this.#answers.get(`${channel} ${instrument}`)
  }

  /** @internal Every answer of the venue so far. */
  answers(): IterableIterator<StreamAnswer> {
    return this.#answers.values()
  }

  /** True the first time: the instrument's contract data is to be put on the tape once. */
  announce(instrument: string): boolean {
    if (this.#announced.has(instrument)) return false
    this.#announced.add(instrument)
    return true
  }
}
