import { Decimal } from 'decimal.js'
import type { Level, Micros } from '../../schemas/events.js'
import { compareDecimals } from '../../src/decode/decimal.js'
import { type MarketTrade, SimulatedMarket } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import { Digits, type WireRow } from '../kit/exact-json.js'
import type { Listed } from '../kit/simulated-exchange.js'
import { BIN_SIZES, BinSeries, type BinSize } from './bins.js'
import { BookTables } from './book-tables.js'
import { type Dialect, iso } from './dialect.js'
import { nextFunding } from './funding-times.js'
import { instrumentColumns, type Running } from './instrument-columns.js'
import { Liquidations } from './liquidations.js'
import type { BitmexListing } from './listing.js'
import { MatchIds } from './match-ids.js'
import { type Notional, notional } from './notional.js'
import { type Publication, publication } from './publication.js'
import { wander } from './wandering-price.js'

const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** Rows kept for partials and REST. */
const KEPT = 5_000

/** Rows of `quote` in one frame, at most (as recorded). */
const QUOTES_A_FRAME = 48

const SECOND = 1_000_000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR

/** Typical amounts that are open as contracts when the simulator begins. */
const OPEN_AMOUNTS = 125_000

/** How often a throttled view is published. */
const VIEW_MICROS = SECOND / 10

/** Steps that the market has behind it when the simulator begins, so that there are trades to look back on. */
const PAST_STEPS = 60

/** One instrument of the simulated venue: its market, and every table that shows it. */
export class BitmexInstrument implements Listed {
  readonly listing: BitmexListing
  /** Null for an index. */
  readonly market: SimulatedMarket | null
  readonly id: string
  readonly quiet: boolean
  listed = true
  readonly #random: SeededRandom
  readonly #ids: MatchIds
  readonly #books: BookTables | null
  readonly #liquidations: Liquidations
  readonly #bins: ReadonlyMap<BinSize, BinSeries>
  readonly #bitcoin: () => string
  readonly #wanted: (table: string) => boolean
  readonly #running: Running
  readonly #trades: WireRow[] = []
  readonly #quotes: WireRow[] = []
  readonly #fundings: WireRow[] = []
  #pendingQuotes: WireRow[] = []
  #viewAt = 0
  #secondAt = 0
  #now: Micros = 0
  #passedAt: Micros = 0

  /**
   * @param bitcoin the price of a bitcoin, for what a quanto is worth
   * @param wanted whether a client follows a table of this instrument: views that nobody sees are not worked out
   */
  constructor(
    listing: BitmexListing,
    random: SeededRandom,
    bitcoin: () => string,
    wanted: (table: string) => boolean,
  ) {
    this.id = listing.symbol
    this.quiet = listing.quiet ?? false
    this.listing = listing
    this.#random = random
    this.#ids = new MatchIds(random)
    this.#bitcoin = bitcoin
    this.#wanted = wanted
    this.market = listing.shape === null ? null : new SimulatedMarket(listing.shape, random.fork())
    this.#books = this.market === null ? null : new BookTables(listing, this.market.book, wanted)
    this.#liquidations = new Liquidations(listing.symbol, random.fork())
    this.#bins = new Map(BIN_SIZES.map((size) => [size, new BinSeries(listing.symbol, size, listing.price)]))
    this.#running = {
      lastPrice: listing.price,
      tickDirection: 'ZeroPlusTick',
      openInterest: new Exact(listing.shape?.amount ?? 0).times(OPEN_AMOUNTS).toFixed(),
      mark: listing.price,
      index: listing.price,
      fundingRate: '0.0001',
      indicativeFundingRate: '0.000123',
      fundingTimestamp: 0,
    }
  }

  /** The venue opens: a minute of trades, a quote and a payment of funding lie behind it. */
  begin(at: Micros): void {
    this.#now = at
    this.#passedAt = at
    this.#running.fundingTimestamp = nextFunding(at)
    for (const bins of this.#bins.values()) bins.begin(at)
    if (this.market === null) return
    for (let step = PAST_STEPS; step > 0; step--) {
      const time = at - step * SECOND
      const { trades } = this.market.step(time)
      for (const trade of trades) this.#trade(trade, time)
    }
    this.#quotes.push(this.#quote(at))
    if (this.#funded) this.#fundings.push(this.#funding(nextFunding(at) - 8 * HOUR))
  }

  get symbol(): string {
    return this.listing.symbol
  }

  get lastPrice(): string {
    return this.#running.lastPrice
  }

  /** The perpetuals pay funding. */
  get #funded(): boolean {
    return this.listing.typ === 'FFWCSX'
  }

  // ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Moves the market by one step. */
  step(at: Micros): Publication[] {
    if (this.market === null) return []
    this.#now = at
    const before = this.market.book.best()
    const { moves, trades } = this.market.step(at)
    if (moves.length === 0) return []
    const published = this.#books?.moved(moves, at) ?? []
    const { bid, ask } = this.market.book.best()
    if (!sameLevel(bid, before.bid) || !sameLevel(ask, before.ask)) this.#pendingQuotes.push(this.#quote(at))
    if (trades.length > 0) {
      const rows = trades.map((trade) => this.#trade(trade, at))
      published.push(publication('trade', 'insert', rows))
      published.push(
        ...this.#changed(at, [
          'lastPrice',
          'lastTickDirection',
          'lastChangePcnt',
          'highPrice',
          'lowPrice',
          'volume24h',
          'turnover24h',
        ]),
      )
    }
    return published
  }

  /** What the clock brings: throttled views, batched quotes, bins, marks, liquidations, funding, settlement. */
  pass(at: Micros): Publication[] {
    const before = this.#passedAt
    this.#now = at
    this.#passedAt = at
    const published: Publication[] = []
    if (at - this.#viewAt >= VIEW_MICROS) {
      this.#viewAt = at
      published.push(...(this.#books?.publish(at) ?? []))
    }
    for (const [size, bins] of this.#bins) {
      const rows = bins.finish(at)
      if (rows.length === 0 || this.market === null) continue
      published.push(publication(`tradeBin${size}`, 'insert', rows))
      published.push(
        publication(
          `quoteBin${size}`,
          'insert',
          rows.map((row) => this.#quoteBin(row)),
        ),
      )
    }
    published.push(...this.#boundaries(before, at))
    if (at - this.#secondAt < SECOND) return published
    this.#secondAt = at
    return [...published, ...this.#everySecond(at)]
  }

  /** The instrument has stopped trading, as its `state` says. */
  settled(at: Micros): Publication[] {
    this.#now = at
    return this.#changed(at, ['state'])
  }

  #everySecond(at: Micros): Publication[] {
    const published: Publication[] = []
    if (this.#pendingQuotes.length > 0) {
      for (let start = 0; start < this.#pendingQuotes.length; start += QUOTES_A_FRAME) {
        const rows = this.#pendingQuotes.slice(start, start + QUOTES_A_FRAME)
        published.push(publication('quote', 'insert', rows))
      }
      keep(this.#quotes, this.#pendingQuotes)
      this.#pendingQuotes = []
    }
    this.#running.index = wander(this.#running.index, this.listing.price, this.#random)
    published.push(...this.#changed(at, [this.market === null ? 'lastPrice' : 'indicativeSettlePrice']))
    if (this.market === null) return published
    this.#running.mark = this.#middle()
    published.push(...this.#changed(at, ['fairPrice', 'markPrice']))
    if (this.listing.kind === 'spot') return published
    if (this.#random.chance(0.3)) {
      this.#running.openInterest = new Exact(this.#running.openInterest)
        .plus(this.#random.integer(-900, 900))
        .toFixed()
      published.push(...this.#changed(at, ['openInterest', 'openValue']))
    }
    if (this.#random.chance(0.1)) {
      this.#running.indicativeFundingRate = `0.000${this.#random.integer(101, 999)}`
      published.push(...this.#changed(at, ['indicativeFundingRate']))
    }
    published.push(...this.#liquidations.pass(at, this.#ids.next(at), this.lastPrice))
    return published
  }

  /** Funding at 04, 12 and 20 o'clock; at noon the dated contract settles, as a trade without a side. */
  #boundaries(before: Micros, at: Micros): Publication[] {
    const published: Publication[] = []
    if (this.#funded && at >= this.#running.fundingTimestamp) {
      const row = this.#funding(nextFunding(at) - 8 * HOUR)
      keep(this.#fundings, [row])
      this.#running.fundingRate = this.#running.indicativeFundingRate
      this.#running.fundingTimestamp = nextFunding(at)
      published.push(publication('funding', 'insert', [row]))
      published.push(...this.#changed(at, ['fundingTimestamp', 'fundingRate']))
    }
    const noon = Math.floor((at + DAY / 2) / DAY) * DAY - DAY / 2
    if (this.listing.expiry !== null && before < noon && at >= noon && this.market !== null) {
      const size = String(this.#random.integer(100, 9999))
      const trade: MarketTrade = { number: 0, time: noon, side: 'buy', price: this.lastPrice, amount: size }
      const worth = notional(this.listing, size, trade.price, this.#bitcoin())
      published.push(publication('trade', 'insert', [this.#tradeRow(trade, worth, noon, 'Settlement')]))
      published.push(publication('settlement', 'insert', [this.#settlement(noon)]))
    }
    const minute = Math.floor(at / (60 * SECOND)) * 60 * SECOND
    if (this.market === null && before < minute) {
      const price = this.#running.index
      published.push(publication('trade', 'insert', [this.#indexRow(minute, price)]))
    }
    return published
  }

  // ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a partial of a table holds. */
  image(table: string, dialect: Dialect, at: Micros): readonly WireRow[] {
    const last = (rows: readonly WireRow[]) => rows.slice(-1).map((row) => dialect.row(table, row))
    switch (table) {
      case 'orderBookL2':
      case 'orderBookL2_25':
      case 'orderBookL2_100':
        return this.levels(table, dialect, at)
      case 'orderBook10':
        return this.#books === null ? [] : [dialect.row(table, this.#books.topTen(at))]
      case 'trade':
        return last(this.#trades)
      case 'quote':
        return last(this.#quotes)
      case 'funding':
        return last(this.#fundings)
      case 'liquidation':
        return this.#liquidations.rows.map((row) => dialect.row(table, row))
      case 'instrument':
        return [dialect.row(table, this.columns(at))]
      default:
        return last(this.history(table))
    }
  }

  /** The rows of an L2 table. @param depth levels a side */
  levels(table: string, dialect: Dialect, at: Micros, depth?: number): readonly WireRow[] {
    return this.#books?.rows(table, dialect, at, depth) ?? []
  }

  /** The rows that REST answers with, oldest first. */
  history(table: string): readonly WireRow[] {
    if (table === 'trade') return this.#trades
    if (table === 'quote') return this.#quotes
    if (table === 'funding') return this.#fundings
    const size = BIN_SIZES.find((each) => table.endsWith(`Bin${each}`))
    const rows = size === undefined ? [] : (this.#bins.get(size)?.rows ?? [])
    return table.startsWith('quoteBin') ? rows.map((row) => this.#quoteBin(row)) : rows
  }

  /** The row of the instrument table. */
  columns(at: Micros): WireRow {
    const { market } = this
    const worth = (size: string) => notional(this.listing, size, this.lastPrice, this.#bitcoin())
    const day = market === null ? null : { ...market.day, worth: worth(market.day.volume) }
    const open = worth(this.#running.openInterest).grossValue
    return instrumentColumns(this.listing, this.#running, day, open, market?.book ?? null, this.listed, at)
  }

  #changed(at: Micros, columns: readonly string[]): Publication[] {
    if (!this.#wanted('instrument')) return []
    const whole = this.columns(at)
    const row = Object.fromEntries(columns.map((column) => [column, whole[column]]))
    return [publication('instrument', 'update', [{ symbol: this.symbol, ...row, timestamp: iso(at) }])]
  }

  #quote(at: Micros): WireRow {
    const { bid, ask } = this.market?.book.best() ?? { bid: null, ask: null }
    return {
      timestamp: iso(at),
      symbol: this.symbol,
      bidSize: bid === null ? null : new Digits(bid[1]),
      bidPrice: bid === null ? null : new Digits(bid[0]),
      askPrice: ask === null ? null : new Digits(ask[0]),
      askSize: ask === null ? null : new Digits(ask[1]),
    }
  }

  #quoteBin(bin: WireRow): WireRow {
    return { ...this.#quote(this.#now), timestamp: bin['timestamp'] }
  }

  #trade(trade: MarketTrade, at: Micros): WireRow {
    const { price, amount: size } = trade
    const worth = notional(this.listing, size, price, this.#bitcoin())
    const { grossValue, homeNotional, foreignNotional } = worth
    const row = this.#tradeRow(trade, worth, at, 'Regular')
    for (const bins of this.#bins.values()) {
      bins.add({
        price,
        size,
        home: homeNotional.text,
        foreign: foreignNotional.text,
        gross: grossValue.text,
      })
    }
    keep(this.#trades, [row])
    return row
  }

  #tradeRow(trade: MarketTrade, worth: Notional, at: Micros, trdType: string): WireRow {
    const { price, amount } = trade
    const running = this.#running
    const order = compareDecimals(price, running.lastPrice)
    if (order !== 0) running.tickDirection = order > 0 ? 'PlusTick' : 'MinusTick'
    else if (!running.tickDirection.startsWith('Zero')) running.tickDirection = `Zero${running.tickDirection}`
    running.lastPrice = price
    return {
      timestamp: iso(at),
      symbol: this.symbol,
      side: trdType === 'Settlement' ? null : trade.side === 'buy' ? 'Buy' : 'Sell',
      size: new Digits(amount),
      price: new Digits(price),
      tickDirection: running.tickDirection,
      trdMatchID: this.#ids.next(at),
      ...worth,
      trdType,
    }
  }

  #indexRow(at: Micros, price: string): WireRow {
    this.#running.lastPrice = price
    const row = {
      timestamp: iso(at),
      symbol: this.symbol,
      side: null,
      size: 0,
      price: new Digits(price),
      tickDirection: this.#running.tickDirection,
      trdMatchID: '00000000-0000-0000-0000-000000000000',
      grossValue: null,
      homeNotional: null,
      foreignNotional: null,
    }
    keep(this.#trades, [row])
    return row
  }

  #funding(at: Micros): WireRow {
    const rate = this.#running.fundingRate
    return {
      timestamp: iso(at),
      symbol: this.symbol,
      fundingInterval: '2000-01-01T08:00:00.000Z',
      fundingRate: new Digits(rate),
      fundingRateDaily: new Digits(new Exact(rate).times(3).toFixed()),
    }
  }

  #settlement(at: Micros): WireRow {
    return {
      timestamp: iso(at),
      symbol: this.symbol,
      settlementType: 'Settlement',
      settledPrice: new Digits(this.lastPrice),
    }
  }

  #middle(): string {
    const { bid, ask } = this.market?.book.best() ?? { bid: null, ask: null }
    if (bid === null || ask === null) return this.lastPrice
    return new Exact(bid[0]).plus(ask[0]).div(2).toFixed()
  }
}

function keep(rows: WireRow[], added: readonly WireRow[]): void {
  rows.push(...added)
  rows.splice(0, Math.max(0, rows.length - KEPT))
}

function sameLevel(a: Level | null, b: Level | null): boolean {
  return a?.[0] === b?.[0] && a?.[1] === b?.[1]
}
