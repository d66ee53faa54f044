import * as z from 'zod'
import type { Decimal, Level, MarketEventType, Micros, Side, TradeEvent } from '../schemas/events.js'
import { type MaintainedBook, preferredBook } from '../src/book/books.js'
import { natureOf } from '../src/session/stream.js'
import { countEvents, type EventCount } from './event-counts.js'
import { ExactSum } from './exact-sum.js'
import { knownRuns } from './known-runs.js'
import { readCoverage } from './read-coverage.js'
import type { Tape } from './tape.js'
import { assertTape } from './tape-argument.js'
import type { StreamTotal } from './tape-coverage.js'

/** One trade, as far as the overview shows it. */
export interface TradeSummary {
  readonly id: string
  readonly price: Decimal
  readonly amount: Decimal
  readonly side: Side | null
  readonly exchangeTime: Micros | null
}

/** What an inspection says of the trades of an instrument. */
export interface TradesSummary {
  readonly count: number
  /** The exact sum of the amounts, in the venue's own unit. */
  readonly amount: Decimal
  readonly buys: number
  readonly sells: number
  /** In order of arrival; null where there is no trade. */
  readonly first: TradeSummary | null
  readonly last: TradeSummary | null
}

/** What an inspection says of a book. */
export interface BookSummary {
  readonly snapshots: number
  /** Messages that changed the book. */
  readonly updates: number
  /** The five best levels at the end of the tape; of a book that ends suspect, those of its last live moment. */
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

/** What an inspection says of an instrument. */
export interface InstrumentSummary {
  readonly venue: string
  /** The venue's own id. */
  readonly instrument: string
  readonly symbol: string
  /** Trades as they happened. */
  readonly trades: TradesSummary
  /** Trades that the venue sent as history, or that filled a gap. */
  readonly historicalTrades: TradesSummary
  /**
   * One book: that of the channel `book`; where that was not recorded, the deepest of its variants; else the levels of an
   * L3 book. Its counts are of that channel alone.
   */
  readonly book: BookSummary
  readonly quotes: number
  readonly tickers: number
  readonly candles: number
  readonly derivatives: number
  readonly liquidations: number
  /** Gaps that were opened, on all channels, whether or not they were healed. */
  readonly gaps: number
  readonly checksumsVerified: number
  readonly checksumsFailed: number
}

/** What is on a tape. */
export interface Inspection {
  readonly tape: {
    readonly events: number
    readonly bytes: number
    /**
     * The first and the last receive time; exchange times where the tape had no clock; null where it has neither.
     * Microseconds.
     */
    readonly from: Micros | null
    readonly to: Micros | null
  }
  /** By venue, then by the venue's own id. An instrument that never brought data is left out. */
  readonly instruments: readonly InstrumentSummary[]
  /** Frames that did not fit their schema. */
  readonly malformed: number
  /** What is covered of each stream that was asked for or came, over all runs, as `verifyTape` measures it. */
  readonly streams: readonly StreamTotal[]
}

const LEVELS_SHOWN = 5

/** Types of event that are no data: an instrument with nothing else is left out. */
const noData: ReadonlySet<string> = new Set<MarketEventType>([
  'instrument',
  'gap',
  'checksum',
  'connection',
  'malformed',
])

/**
 * Sums a tape up. One pass of SQL counts; trades, gaps and checksums are read, and of each book what came after its last
 * snapshot.
 *
 * @throws {UsageError} `bad_option`.
 * @throws {TapeError} `tape_damaged`, `tape_closed`.
 */
export function inspectTape(tape: Tape): Inspection {
  assertTape('inspectTape', tape)
  const runs = knownRuns(tape)
  const counts = countEvents(tape, runs)
  const instruments = new Map<string, InstrumentCount>()
  for (const { stream, type, count } of counts) {
    const { venue, instrument, symbol, channel } = stream
    if (instrument === null || symbol === null || channel === null) continue
    const key = keyOf(venue, instrument)
    let held = instruments.get(key)
    if (held === undefined) {
      held = new InstrumentCount(venue, instrument)
      instruments.set(key, held)
    }
    held.add({ symbol, channel, type, count })
  }
  for (const event of tape.replay({ types: ['trade', 'gap', 'checksum'] })) {
    const count = instruments.get(keyOf(event.venue, event.instrument))
    if (event.type === 'trade') count?.trade(event)
    else if (event.type === 'gap' && event.state === 'open') count?.gap()
    else if (event.type === 'checksum') count?.checksum(event.ok)
  }
  const books = new Map(
    [...tape.books()].map((book) => [keyOf(book.venue, book.instrument, book.channel), book]),
  )
  return {
    tape: tapeSummary(tape, counts),
    instruments: [...instruments.values()]
      .filter((count) => count.hasData)
      .sort((a, b) => compareText(a.venue, b.venue) || compareText(a.instrument, b.instrument))
      .map((count) => count.summary(books)),
    malformed: total(counts, 'malformed'),
    streams: readCoverage(tape, runs, counts).streams,
  }
}

const extentSchema = z.object({
  bytes: z.int(),
  receiveFrom: z.int().nullable(),
  receiveTo: z.int().nullable(),
  exchangeFrom: z.int().nullable(),
  exchangeTo: z.int().nullable(),
})

function tapeSummary(tape: Tape, counts: readonly EventCount[]): Inspection['tape'] {
  const [row] = tape.query(
    `SELECT page_count * page_size AS bytes,
       min(receive_from) AS receiveFrom, max(receive_to) AS receiveTo,
       min(exchange_from) AS exchangeFrom, max(exchange_to) AS exchangeTo
     FROM pragma_page_count, pragma_page_size LEFT JOIN segments`,
  )
  const extent = extentSchema.parse(row)
  return {
    events: counts.reduce((sum, { count }) => sum + count, 0),
    bytes: extent.bytes,
    from: extent.receiveFrom ?? extent.exchangeFrom,
    to: extent.receiveTo ?? extent.exchangeTo,
  }
}

class TradesCount {
  #count = 0
  readonly #amount = new ExactSum()
  #buys = 0
  #sells = 0
  #first: TradeSummary | null = null
  #last: TradeEvent | null = null

  add(trade: TradeEvent): void {
    this.#count++
    this.#amount.add(trade.amount)
    if (trade.side === 'buy') this.#buys++
    else if (trade.side === 'sell') this.#sells++
    this.#first ??= tradeSummary(trade)
    this.#last = trade
  }

  summary(): TradesSummary {
    return {
      count: this.#count,
      amount: this.#amount.toString(),
      buys: this.#buys,
      sells: this.#sells,
      first: this.#first,
      last: this.#last === null ? null : tradeSummary(this.#last),
    }
  }
}

/** What is counted of one instrument, over all its channels. */
class InstrumentCount {
  readonly venue: string
  readonly instrument: string
  hasData = false
  #symbol = ''
  readonly #byType = new Map<string, number>()
  readonly #bookChannels = new Map<string, { snapshots: number; updates: number }>()
  readonly #trades = new TradesCount()
  readonly #historicalTrades = new TradesCount()
  #gaps = 0
  #checksumsVerified = 0
  #checksumsFailed = 0

  constructor(venue: string, instrument: string) {
    this.venue = venue
    this.instrument = instrument
  }

  add({
    symbol,
    channel,
    type,
    count,
  }: Pick<EventCount, 'type' | 'count'> & { readonly symbol: string; readonly channel: string }): void {
    this.#symbol = symbol
    this.#byType.set(type, (this.#byType.get(type) ?? 0) + count)
    if (!noData.has(type)) this.hasData = true
    if (natureOf({ channel }) !== 'book') return
    const held = this.#bookChannels.get(channel) ?? { snapshots: 0, updates: 0 }
    if (type === 'book_snapshot' || type === 'order_snapshot') held.snapshots += count
    if (type === 'book_update' || type === 'order_update') held.updates += count
    if (held.snapshots + held.updates > 0) this.#bookChannels.set(channel, held)
  }

  trade(trade: TradeEvent): void {
    const trades = trade.historical ? this.#historicalTrades : this.#trades
    trades.add(trade)
  }

  gap(): void {
    this.#gaps++
  }

  checksum(ok: boolean): void {
    if (ok) this.#checksumsVerified++
    else this.#checksumsFailed++
  }

  summary(books: ReadonlyMap<string, MaintainedBook>): InstrumentSummary {
    return {
      venue: this.venue,
      instrument: this.instrument,
      symbol: this.#symbol,
      trades: this.#trades.summary(),
      historicalTrades: this.#historicalTrades.summary(),
      book: this.#book(books),
      quotes: this.#byType.get('quote') ?? 0,
      tickers: this.#byType.get('ticker') ?? 0,
      candles: this.#byType.get('candle') ?? 0,
      derivatives: this.#byType.get('derivative') ?? 0,
      liquidations: this.#byType.get('liquidation') ?? 0,
      gaps: this.#gaps,
      checksumsVerified: this.#checksumsVerified,
      checksumsFailed: this.#checksumsFailed,
    }
  }

  #book(books: ReadonlyMap<string, MaintainedBook>): BookSummary {
    const recorded = [...this.#bookChannels].map(([channel, counts]) => {
      const book = books.get(keyOf(this.venue, this.instrument, channel))
      return { channel, counts, book, depth: book?.depth ?? null }
    })
    const chosen = preferredBook(recorded)
    const { bids, asks } = chosen?.book?.book.top(LEVELS_SHOWN) ?? { bids: [], asks: [] }
    return { ...(chosen?.counts ?? { snapshots: 0, updates: 0 }), bids, asks }
  }
}

function keyOf(...names: readonly string[]): string {
  return JSON.stringify(names)
}

function tradeSummary({ id, price, amount, side, exchangeTime }: TradeEvent): TradeSummary {
  return { id, price, amount, side, exchangeTime }
}

function total(counts: readonly EventCount[], type: MarketEventType): number {
  return counts.filter((count) => count.type === type).reduce((sum, { count }) => sum + count, 0)
}

/** By code unit, the same on every machine. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
