import type { Level, Micros } from '../../schemas/events.js'
import { type BookSide, OrderBook } from '../../src/book/order-book.js'
import { compareDecimals } from '../../src/decode/index.js'
import {
  decimal,
  type LevelMove,
  type MarketShape,
  type MarketTrade,
  SimulatedMarket,
  units,
} from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import { SimulatedCandles, volumeText } from './candles.js'
import { type Body, type Push, WIRE_DECIMALS, wire, wireTime } from './wire.js'

/** A REST answer with the number that it stands for. */
export interface Numbered {
  readonly sequence: number
  readonly body: unknown
}

const DEPTHS = [500, 25, 1]

/** What the ticker tells: the best prices and the last one. */
type Ticker = Body & { readonly lastTradeRate: string; readonly bidRate: string; readonly askRate: string }

/** One market of the simulated venue: its truth, and everything that the hub and REST tell of it. */
export class BittrexMarket {
  readonly symbol: string
  readonly base: string
  readonly quote: string
  readonly precision: number
  readonly truth: SimulatedMarket
  readonly #windows = new Map<number, BookWindow>()
  readonly #candles: readonly SimulatedCandles[]
  readonly #random: SeededRandom
  #tradeSequence: number
  #ticker: Ticker
  #traded = false
  #offline = false

  constructor(symbol: string, shape: MarketShape, random: SeededRandom) {
    this.symbol = symbol
    const [base = '', quote = ''] = symbol.split('-')
    this.base = base
    this.quote = quote
    this.precision = shape.priceDecimals
    this.truth = new SimulatedMarket(shape, random.fork())
    this.#random = random.fork()
    this.#tradeSequence = this.#someNumber()
    this.#candles = (['MINUTE_1', 'MINUTE_5', 'HOUR_1', 'DAY_1'] as const).map(
      (interval) => new SimulatedCandles(symbol, interval, shape.price, this.#someNumber()),
    )
    this.#ticker = this.tickerBody()
  }

  /** The market has stopped for good, as the list of markets says. */
  get offline(): boolean {
    return this.#offline
  }

  delist(): void {
    this.#offline = true
  }

  /**
   * Moves the market on by one step.
   *
   * @param aheadMicros how far the time that the venue tells is ahead of the true one.
   * @param followed whether anybody has a topic: what a book's window changes by is worked out for nobody else.
   */
  step(at: Micros, aheadMicros: Micros, followed: (topic: string) => boolean): Push[] {
    if (this.#offline) return []
    const { moves, trades } = this.truth.step(at)
    const pushes: Push[] = []
    if (moves.length === 0 && trades.length === 0) {
      this.#candlesAt(at + aheadMicros, [], followed, pushes)
      return pushes
    }
    for (const window of this.#windows.values()) {
      const topic = `orderbook_${this.symbol}_${window.depth}`
      const body = followed(topic) ? window.move(moves) : window.skip()
      if (body !== null) pushes.push({ topic, method: 'orderBook', body })
    }
    if (trades.length > 0) {
      this.#traded = true
      const deltas = trades.map((trade) => tradeRow(trade, aheadMicros))
      const body = { deltas, sequence: ++this.#tradeSequence, marketSymbol: this.symbol }
      pushes.push({ topic: `trade_${this.symbol}`, method: 'trade', body })
    }
    this.#candlesAt(at + aheadMicros, trades, followed, pushes)
    const ticker = this.tickerBody()
    const { lastTradeRate, bidRate, askRate } = this.#ticker
    if (ticker.bidRate !== bidRate || ticker.askRate !== askRate || ticker.lastTradeRate !== lastTradeRate) {
      this.#ticker = ticker
      pushes.push({ topic: `ticker_${this.symbol}`, method: 'ticker', body: ticker })
    }
    return pushes
  }

  /** The summary, where trades changed it since it was last asked for. */
  summary(clock: Micros): Push | null {
    if (!this.#traded) return null
    this.#traded = false
    return { topic: `market_summary_${this.symbol}`, method: 'marketSummary', body: this.summaryBody(clock) }
  }

  /** The server restarted: its numbers begin again. */
  restart(): void {
    for (const window of this.#windows.values()) window.sequence = 0
    for (const candles of this.#candles) candles.sequence = 0
    this.#tradeSequence = 0
  }

  tickerBody(): Ticker {
    const { bid, ask } = this.truth.book.best()
    return {
      symbol: this.symbol,
      lastTradeRate: wire(this.truth.trades.at(-1)?.price ?? '0'),
      bidRate: wire(bid?.[0] ?? '0'),
      askRate: wire(ask?.[0] ?? '0'),
    }
  }

  summaryBody(clock: Micros): Body {
    const day = this.#candles.at(-1)?.current
    const { volume, turnover } = this.truth.day
    return {
      symbol: this.symbol,
      high: wire(day?.high ?? '0'),
      low: wire(day?.low ?? '0'),
      volume: wire(volume),
      quoteVolume: volumeText(units(turnover, 2 * WIRE_DECIMALS) / 10n ** BigInt(WIRE_DECIMALS)),
      percentChange: day === undefined ? '0' : percent(day.open, day.close),
      updatedAt: wireTime(clock),
    }
  }

  /** What REST says of the book, as it stands: pushes of it may still be on their way. Null for a depth there is not. */
  book(depth: number): Numbered | null {
    const window = this.#window(depth)
    window?.catchUp()
    return window === null ? null : { sequence: window.sequence, body: window.body() }
  }

  /** The last hundred trades, newest first. */
  trades(aheadMicros: Micros): Numbered {
    const rows = this.truth.trades.slice(-100).reverse()
    return { sequence: this.#tradeSequence, body: rows.map((trade) => tradeRow(trade, aheadMicros)) }
  }

  /** Null for an interval there is not. */
  candles(interval: string): Numbered | null {
    const candles = this.#candles.find((some) => some.interval === interval)
    return candles === undefined ? null : { sequence: candles.sequence, body: candles.rows() }
  }

  /** Whether there is such a topic of this market; a book is kept from the first time that it is asked for. */
  has(topic: string): boolean {
    const book = topic.startsWith(`orderbook_${this.symbol}_`)
    if (book) return this.#window(Number(topic.slice(topic.lastIndexOf('_') + 1))) !== null
    return (
      [`trade_${this.symbol}`, `ticker_${this.symbol}`, `market_summary_${this.symbol}`].includes(topic) ||
      this.#candles.some(({ interval }) => topic === `candle_${this.symbol}_${interval}`)
    )
  }

  #window(depth: number): BookWindow | null {
    if (!DEPTHS.includes(depth)) return null
    let window = this.#windows.get(depth)
    if (window === undefined) {
      window = new BookWindow(this, depth, this.#someNumber())
      this.#windows.set(depth, window)
    }
    return window
  }

  #candlesAt(
    clock: Micros,
    trades: readonly MarketTrade[],
    followed: (topic: string) => boolean,
    pushes: Push[],
  ): void {
    for (const candles of this.#candles) candles.step(clock, trades, followed, pushes)
  }

  #someNumber(): number {
    return this.#random.integer(1_000, 5_000_000)
  }
}

/** The best levels of a book, and what changed of them: a level that leaves the window is said to be gone. */
class BookWindow {
  readonly depth: number
  sequence: number
  readonly #market: BittrexMarket
  /** What was told. */
  readonly #told = new OrderBook()
  /** Messages since what was told, which nobody got. */
  #skipped = 0

  constructor(market: BittrexMarket, depth: number, sequence: number) {
    this.#market = market
    this.depth = depth
    this.sequence = sequence
    const { bids, asks } = market.truth.book.top(depth)
    this.#told.snapshot(bids, asks)
  }

  /** Nobody follows: the message has its number and is not made. */
  skip(): null {
    this.#skipped++
    return null
  }

  /** Goes on from the book as it is, after what nobody followed. */
  catchUp(): void {
    if (this.#skipped === 0) return
    this.sequence += this.#skipped
    this.#skipped = 0
    const { bids, asks } = this.#market.truth.book.top(this.depth)
    this.#told.snapshot(bids, asks)
  }

  /** Takes the book as these moves left it. @returns the message that tells of them; null where the window saw none. */
  move(moves: readonly LevelMove[]): Body | null {
    if (this.#skipped > 0) {
      this.#skipped++
      this.catchUp()
      return null
    }
    const bidDeltas = this.#deltas('bids', moves)
    const askDeltas = this.#deltas('asks', moves)
    if (bidDeltas.length === 0 && askDeltas.length === 0) return null
    const marketSymbol = this.#market.symbol
    return { marketSymbol, depth: this.depth, sequence: ++this.sequence, bidDeltas, askDeltas }
  }

  body(): Record<'bid' | 'ask', unknown> {
    const { bids, asks } = this.#market.truth.book.top(this.depth)
    return { bid: bids.map(wireLevel), ask: asks.map(wireLevel) }
  }

  /** Levels that were set, that left the window or the book, and that came into the window from behind it. */
  #deltas(side: BookSide, moves: readonly LevelMove[]) {
    const { book } = this.#market.truth
    const told = this.#told
    /** What the touched levels were: some come and go within one step. */
    const former = new Map<string, string | null>()
    const tell = (price: string, amount: string) => {
      if (!former.has(price)) former.set(price, told.amountAt(side, price))
      told.set(side, price, amount)
    }
    for (const { side: moved, price } of moves) {
      if (moved !== side) continue
      const amount = book.amountAt(side, price)
      const before = told.amountAt(side, price)
      if (amount === before) continue
      if (amount === null) tell(price, '0')
      else if (before !== null || this.#isWithin(side, price)) {
        tell(price, amount)
        const worst = told.count(side) > this.depth ? told.worst(side) : null
        if (worst !== null) tell(worst[0], '0')
      }
    }
    // What was told is the best of the book without a hole: what is missing comes right behind it.
    const missing = Math.min(this.depth, book.count(side)) - told.count(side)
    if (missing > 0) for (const level of book.top(this.depth)[side].slice(-missing)) tell(...level)
    const changed: Level[] = []
    for (const [price, before] of former) {
      const now = told.amountAt(side, price)
      if (now !== before) changed.push([price, now ?? '0'])
    }
    return changed.map(wireLevel)
  }

  /** Whether a price is better than the last one of the window. */
  #isWithin(side: BookSide, price: string): boolean {
    const worst = this.#told.worst(side)
    if (worst === null) return false
    const order = compareDecimals(price, worst[0])
    return side === 'bids' ? order > 0 : order < 0
  }
}

/** The id of a trade is a uuid whose last group is its number in the market. */
function tradeRow({ number, time, side, price, amount }: MarketTrade, aheadMicros: Micros) {
  return {
    id: `b177e0de-0000-4000-8000-${number.toString(16).padStart(12, '0')}`,
    executedAt: wireTime(time + aheadMicros),
    quantity: wire(amount),
    rate: wire(price),
    takerSide: side.toUpperCase(),
  }
}

function wireLevel([price, amount]: Level) {
  return { quantity: wire(amount), rate: wire(price) }
}

/** In percent with two decimals, as text. */
function percent(from: string, to: string): string {
  const before = units(from, WIRE_DECIMALS)
  return before === 0n ? '0' : decimal(((units(to, WIRE_DECIMALS) - before) * 10_000n) / before, 2)
}
