import { Decimal } from 'decimal.js'
import type { Level, Micros } from '../../../schemas/events.js'
import type { BookSide } from '../../../src/book/order-book.js'
import { compareDecimals } from '../../../src/decode/decimal.js'
import { type LevelMove, type MarketTrade, SimulatedMarket } from '../../../src/simulator/market.js'
import type { SeededRandom } from '../../../src/simulator/random.js'
import { BIN_SIZES, BinSeries, type BinSize } from './bins.js'
import { type Action, type Dialect, iso, type LevelFacts } from './dialect.js'
import { instrumentColumns, type Running } from './instrument-columns.js'
import { LevelIds } from './level-ids.js'
import type { Listing } from './listing.js'
import { notional } from './notional.js'
import { TopView } from './top-view.js'
import { Digits, type WireRow } from './wire.js'

const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** Rows kept for partials and REST. */
const KEPT = 1000

/** Rows of `quote` in one frame, at most (as recorded). */
const QUOTES_A_FRAME = 48

const LEVEL_TABLES = ['orderBookL2', 'orderBookL2_25', 'orderBookL2_100']

const SECOND = 1_000_000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR

/** How often a throttled view is published. */
const VIEW_MICROS = SECOND / 10

/** Steps that the market has behind it when the simulator begins, so that there are trades to look back on. */
const PAST_STEPS = 60

/** What the venue tells of an instrument at one moment: one frame. Rows are written in the dialect of each client. */
export interface Publication {
  readonly table: string
  readonly action: Exclude<Action, 'partial'>
  readonly rows: (dialect: Dialect) => readonly WireRow[]
}

interface Liquidation {
  readonly columns: WireRow
  readonly placedAt: Micros
  updated: boolean
}

/** One instrument of the simulated venue: its market, and every table that tells of it. */
export class SimulatedInstrument {
  readonly listing: Listing
  /** Null for an index. */
  readonly market: SimulatedMarket | null
  /** No longer traded. */
  settled = false
  readonly #random: SeededRandom
  /** Each table has ids of its own: a throttled one still names levels that the full book has forgotten. */
  readonly #ids: ReadonlyMap<string, LevelIds>
  readonly #views = new Map<string, TopView>()
  readonly #bins: ReadonlyMap<BinSize, BinSeries>
  readonly #bitcoin: () => string
  readonly #wanted: (table: string) => boolean
  readonly #running: Running
  readonly #trades: WireRow[] = []
  readonly #quotes: WireRow[] = []
  readonly #fundings: WireRow[] = []
  #pendingQuotes: WireRow[] = []
  #topTen = ''
  #liquidation: Liquidation | null = null
  #viewAt = 0
  #secondAt = 0
  #now: Micros = 0
  #passedAt: Micros = 0
  #matches = 0

  /**
   * @param bitcoin the price of a bitcoin, for what a quanto is worth
   * @param wanted whether a client follows a table of this instrument: views that nobody sees are not worked out
   */
  constructor(
    listing: Listing,
    random: SeededRandom,
    bitcoin: () => string,
    wanted: (table: string) => boolean,
  ) {
    this.listing = listing
    this.#random = random
    this.#bitcoin = bitcoin
    this.#wanted = wanted
    this.market = listing.shape === null ? null : new SimulatedMarket(listing.shape, random.fork())
    this.#ids = new Map(LEVEL_TABLES.map((table, index) => [table, new LevelIds(listing, index)]))
    this.#bins = new Map(BIN_SIZES.map((size) => [size, new BinSeries(listing.symbol, size, listing.price)]))
    this.#running = {
      lastPrice: listing.price,
      tickDirection: 'ZeroPlusTick',
      high: listing.price,
      low: listing.price,
      volume: '0',
      foreign: '0',
      openInterest: '250000000',
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
    for (const depth of [25, 100])
      this.#views.set(`orderBookL2_${depth}`, new TopView(this.market.book, depth))
    this.#topTen = JSON.stringify(this.market.book.top(10))
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
    if (this.market === null || this.settled) return []
    this.#now = at
    const quote = JSON.stringify(this.market.book.best())
    const { moves, trades } = this.market.step(at)
    const published = this.#levels('orderBookL2', moves.map(asMove))
    if (JSON.stringify(this.market.book.best()) !== quote) this.#pendingQuotes.push(this.#quote(at))
    if (trades.length > 0) {
      const rows = trades.map((trade) => this.#trade(trade, at))
      published.push(plain('trade', 'insert', rows))
      published.push(
        this.#changed(at, ['lastPrice', 'lastTickDirection', 'highPrice', 'lowPrice', 'volume24h']),
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
    if (this.settled) return published
    if (at - this.#viewAt >= VIEW_MICROS) {
      this.#viewAt = at
      published.push(...this.#publishViews(at))
    }
    for (const [size, bins] of this.#bins) {
      const rows = bins.finish(at)
      if (rows.length === 0 || this.market === null) continue
      published.push(plain(`tradeBin${size}`, 'insert', rows))
      published.push(
        plain(
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

  /** The instrument stops trading, as its `state` tells. */
  settle(at: Micros): Publication {
    this.settled = true
    this.#now = at
    return this.#changed(at, ['state'])
  }

  #everySecond(at: Micros): Publication[] {
    const published: Publication[] = []
    if (this.#pendingQuotes.length > 0) {
      for (let start = 0; start < this.#pendingQuotes.length; start += QUOTES_A_FRAME) {
        const rows = this.#pendingQuotes.slice(start, start + QUOTES_A_FRAME)
        published.push(plain('quote', 'insert', rows))
      }
      keep(this.#quotes, this.#pendingQuotes)
      this.#pendingQuotes = []
    }
    this.#running.index = drift(this.#running.index, this.listing.price, this.#random)
    published.push(this.#changed(at, [this.market === null ? 'lastPrice' : 'indicativeSettlePrice']))
    if (this.market === null) return published
    this.#running.mark = this.#middle()
    published.push(this.#changed(at, ['fairPrice', 'markPrice']))
    if (this.listing.kind === 'spot') return published
    if (this.#random.chance(0.3)) {
      this.#running.openInterest = new Exact(this.#running.openInterest)
        .plus(this.#random.integer(-900, 900))
        .toFixed()
      published.push(this.#changed(at, ['openInterest', 'openValue']))
    }
    if (this.#random.chance(0.1)) {
      this.#running.indicativeFundingRate = `0.000${this.#random.integer(101, 999)}`
      published.push(this.#changed(at, ['indicativeFundingRate']))
    }
    published.push(...this.#liquidate(at))
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
      published.push(plain('funding', 'insert', [row]))
      published.push(this.#changed(at, ['fundingTimestamp', 'fundingRate']))
    }
    const noon = Math.floor((at + DAY / 2) / DAY) * DAY - DAY / 2
    if (this.listing.expiry !== null && before < noon && at >= noon && this.market !== null) {
      const size = String(this.#random.integer(100, 9999))
      const trade: MarketTrade = { number: 0, time: noon, side: 'buy', price: this.lastPrice, amount: size }
      published.push(plain('trade', 'insert', [this.#tradeRow(trade, noon, 'Settlement')]))
      published.push(plain('settlement', 'insert', [this.#settlement(noon)]))
    }
    const minute = Math.floor(at / (60 * SECOND)) * 60 * SECOND
    if (this.market === null && before < minute) {
      const price = this.#running.index
      published.push(plain('trade', 'insert', [this.#indexRow(minute, price)]))
    }
    return published
  }

  #liquidate(at: Micros): Publication[] {
    const held = this.#liquidation
    if (held !== null && at - held.placedAt >= 3 * SECOND) {
      this.#liquidation = null
      const { orderID, symbol } = held.columns
      return [plain('liquidation', 'delete', [{ orderID, symbol }])]
    }
    if (held !== null && !held.updated) {
      held.updated = true
      const { orderID, symbol } = held.columns
      return [plain('liquidation', 'update', [{ orderID, symbol, leavesQty: 1 }])]
    }
    if (held !== null || !this.#random.chance(0.05)) return []
    const columns = {
      orderID: this.#uuid(),
      symbol: this.symbol,
      side: this.#random.pick(['Buy', 'Sell'] as const),
      price: new Digits(this.lastPrice),
      leavesQty: this.#random.integer(2, 500_000),
    }
    this.#liquidation = { columns, placedAt: at, updated: false }
    return [plain('liquidation', 'insert', [columns])]
  }

  // ── Books ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #publishViews(at: Micros): Publication[] {
    const { market } = this
    if (market === null) return []
    const published: Publication[] = []
    for (const [table, view] of this.#views) {
      if (this.#wanted(table)) published.push(...this.#levels(table, view.publish()))
    }
    if (!this.#wanted('orderBook10')) return published
    const topTen = JSON.stringify(market.book.top(10))
    if (topTen !== this.#topTen) {
      this.#topTen = topTen
      published.push(plain('orderBook10', 'update', [this.#topTenRow(at)]))
    }
    return published
  }

  /** Moves in a row that are of one kind make one frame. */
  #levels(
    table: string,
    moves: readonly { action: Publication['action']; side: BookSide; price: string; amount: string }[],
  ): Publication[] {
    const published: Publication[] = []
    let rows: LevelFacts[] = []
    for (const [index, { action, side, price, amount }] of moves.entries()) {
      rows.push(this.#level(table, side, [price, amount]))
      if (action === 'delete') this.#ids.get(table)?.drop(side, price)
      if (moves[index + 1]?.action === action) continue
      const facts = rows
      published.push({ table, action, rows: (dialect) => facts.map((level) => dialect.level(action, level)) })
      rows = []
    }
    return published
  }

  #level(table: string, side: BookSide, [price, amount]: Level): LevelFacts {
    const ids = this.#ids.get(table)
    return {
      symbol: this.symbol,
      codedId: ids?.coded(price) ?? '0',
      freeId: ids?.free(side, price) ?? '0',
      side: side === 'bids' ? 'Buy' : 'Sell',
      size: amount,
      price,
      time: this.#now,
    }
  }

  /** The rows of an L2 table, the worst ask first, as partials and REST have them. */
  levels(table: string, dialect: Dialect, depth = Number.POSITIVE_INFINITY): WireRow[] {
    if (this.market === null) return []
    const { book } = this.market
    const count = Math.max(book.count('bids'), book.count('asks'))
    const view = this.#views.get(table)
    if (view !== undefined && !this.#wanted(table)) view.publish()
    const shown = view?.shown ?? book.top(Math.min(depth, count))
    const rows = [
      ...shown.asks.toReversed().map((level) => this.#level(table, 'asks', level)),
      ...shown.bids.map((level) => this.#level(table, 'bids', level)),
    ]
    return rows.map((facts) => dialect.level('partial', facts))
  }

  // ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a partial of a table holds. */
  image(table: string, dialect: Dialect, at: Micros): readonly WireRow[] {
    const last = (rows: readonly WireRow[]) => rows.slice(-1).map((row) => dialect.row(table, row))
    switch (table) {
      case 'orderBookL2':
      case 'orderBookL2_25':
      case 'orderBookL2_100':
        return this.levels(table, dialect)
      case 'orderBook10':
        return this.market === null ? [] : [dialect.row(table, this.#topTenRow(at))]
      case 'trade':
        return last(this.#trades)
      case 'quote':
        return last(this.#quotes)
      case 'funding':
        return last(this.#fundings)
      case 'liquidation':
        return this.#liquidation === null ? [] : [dialect.row(table, this.#liquidation.columns)]
      case 'instrument':
        return [dialect.row(table, this.columns(at))]
      default:
        return last(this.history(table))
    }
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
    return instrumentColumns(this.listing, this.#running, this.market?.book ?? null, this.settled, at)
  }

  #changed(at: Micros, columns: readonly string[]): Publication {
    const whole = this.columns(at)
    const row = Object.fromEntries(columns.map((column) => [column, whole[column]]))
    return plain('instrument', 'update', [{ symbol: this.symbol, ...row, timestamp: iso(at) }])
  }

  #topTenRow(at: Micros): WireRow {
    const { bids, asks } = this.market?.book.top(10) ?? { bids: [], asks: [] }
    const side = (levels: readonly Level[]) =>
      levels.map(([price, amount]) => [new Digits(price), new Digits(amount)])
    return { symbol: this.symbol, bids: side(bids), asks: side(asks), timestamp: iso(at) }
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
    const row = this.#tradeRow(trade, at, 'Regular')
    const { price, amount: size } = trade
    const { grossValue, homeNotional, foreignNotional } = notional(this.listing, size, price, this.#bitcoin())
    for (const bins of this.#bins.values()) {
      bins.add({
        price,
        size,
        home: homeNotional.text,
        foreign: foreignNotional.text,
        gross: grossValue.text,
      })
    }
    const running = this.#running
    running.volume = new Exact(running.volume).plus(size).toFixed()
    running.foreign = new Exact(running.foreign).plus(foreignNotional.text).toFixed()
    if (compareDecimals(price, running.high) > 0) running.high = price
    if (compareDecimals(price, running.low) < 0) running.low = price
    keep(this.#trades, [row])
    return row
  }

  #tradeRow(trade: MarketTrade, at: Micros, trdType: string): WireRow {
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
      trdMatchID: this.#uuid(),
      ...notional(this.listing, amount, price, this.#bitcoin()),
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

  /** Ids as a venue would give them, unique in the run. */
  #uuid(): string {
    const part = (digits: number) =>
      Array.from({ length: digits }, () => this.#random.integer(0, 15).toString(16)).join('')
    const count = (++this.#matches).toString(16).padStart(12, '0')
    return `${part(8)}-${part(4)}-${part(4)}-${part(4)}-${count}`
  }
}

function plain(table: string, action: Publication['action'], rows: readonly WireRow[]): Publication {
  return { table, action, rows: (dialect) => rows.map((row) => dialect.row(table, row)) }
}

function asMove({ side, price, previous, amount }: LevelMove) {
  const action = previous === null ? 'insert' : amount === null ? 'delete' : 'update'
  return { action, side, price, amount: amount ?? previous ?? '0' } as const
}

function keep(rows: WireRow[], added: readonly WireRow[]): void {
  rows.push(...added)
  rows.splice(0, Math.max(0, rows.length - KEPT))
}

/** Funding is at 04, 12 and 20 o'clock. */
function nextFunding(at: Micros): Micros {
  return (Math.floor((at - 4 * HOUR) / (8 * HOUR)) + 1) * 8 * HOUR + 4 * HOUR
}

/** A price that wanders by cents around where it began. */
function drift(price: string, home: string, random: SeededRandom): string {
  const away = new Exact(price).minus(home)
  const pull = away.gt(5) ? -1 : away.lt(-5) ? 1 : 0
  return new Exact(price).plus(new Exact(random.integer(-30, 30) + pull * 30).div(100)).toFixed()
}
