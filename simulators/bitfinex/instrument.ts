import { Decimal } from 'decimal.js'
import type { Micros } from '../../schemas/events.js'
import { type MarketTrade, SimulatedMarket } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { Listed } from '../kit/simulated-exchange.js'
import { type BookSource, type Precision, wireNumber } from './book-rows.js'
import { BookWindow } from './book-window.js'
import { CandleSeries } from './candle-series.js'
import { type BitfinexListing, PERIODS } from './listing.js'
import { OrderLayer } from './orders.js'

const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** Rows of trade history that a subscriber is sent. */
const HISTORY = 30

/** Steps of the market that lie behind it when the simulator begins, and the time that they took. */
const PAST_STEPS = 240
const PAST_MICROS = 9_600_000_000
/** Of a quiet instrument. */
const QUIET_PAST_STEPS = 40

/** Is given the trades of a step of the market. */
export interface InstrumentReader {
  traded(trade: MarketTrade): void
}

/** One instrument of the simulated venue: its market, and everything that is published of it. */
export class BitfinexInstrument implements BookSource, Listed {
  readonly id: string
  readonly listing: BitfinexListing
  readonly funding: boolean
  readonly market: SimulatedMarket
  readonly orders: OrderLayer
  readonly readers = new Set<InstrumentReader>()
  readonly quiet: boolean
  listed = true
  readonly #windows = new Map<string, BookWindow>()
  readonly #series = new Map<string, CandleSeries>()
  readonly #random: SeededRandom
  /** Trade ids rise, and differ from those of other instruments. */
  readonly #firstTrade: number
  readonly #founding: SeededRandom

  /** @param number counts the instruments from 0. */
  constructor(listing: BitfinexListing, number: number, random: SeededRandom) {
    this.id = listing.id
    this.listing = listing
    this.funding = listing.kind === 'funding'
    this.quiet = listing.quiet ?? false
    this.#random = random
    this.#firstTrade = number * 10_000_000_000_000
    this.market = new SimulatedMarket(listing.shape, random.fork())
    this.orders = new OrderLayer(listing.shape.amountDecimals)
    this.#founding = random.fork()
  }

  /** Makes the orders of the book, and the past that trade history, candles and tickers show. */
  begin(now: Micros): void {
    this.orders.begin(now)
    for (const side of ['bids', 'asks'] as const) {
      for (const [price, amount] of this.market.book.top(this.market.book.count(side))[side]) {
        this.orders.found(side, price, amount, this.#founding)
      }
    }
    const steps = this.quiet ? QUIET_PAST_STEPS : PAST_STEPS
    for (let step = steps; step > 0; step--) this.step(now - (step * PAST_MICROS) / steps)
  }

  /** Moves the market on, and publishes what came of it. */
  step(now: Micros): void {
    const { moves, trades } = this.market.step(now)
    for (const move of moves) this.orders.apply(move)
    for (const trade of trades) this.#count(trade)
    if (moves.length > 0) {
      const moved = { bids: false, asks: false }
      for (const { side } of moves) moved[side] = true
      this.#refresh('F0', moved)
    }
    for (const trade of trades) for (const reader of this.readers) reader.traded(trade)
  }

  /** Publishes the books that are published every two seconds. */
  refreshSlow(): void {
    this.#refresh('F1', { bids: true, asks: true })
  }

  /** A window that nobody reads any more rests, and is made anew for the next who asks. */
  #refresh(frequency: string, moved: { readonly bids: boolean; readonly asks: boolean }): void {
    for (const [name, window] of this.#windows) {
      if (name.endsWith(frequency) && window.readers.size > 0) window.refresh(moved)
    }
  }

  /** The window of a precision, length and frequency; lives while it is read. */
  window(precision: Precision, length: number, frequency: string): BookWindow {
    for (const [name, window] of this.#windows) if (window.readers.size === 0) this.#windows.delete(name)
    const name = `${precision} ${length} ${frequency}`
    let window = this.#windows.get(name)
    if (window === undefined) {
      window = new BookWindow(this, precision, length)
      this.#windows.set(name, window)
    }
    return window
  }

  /** `[id, ms, amount, price]`, of funding with the period. @param ms as the venue's clock showed it */
  tradeRow({ number, time, side, price, amount }: MarketTrade, ms = Math.floor(time / 1000)): string {
    const sign = side === 'buy' ? '' : '-'
    const row = `${this.#firstTrade + number},${ms},${sign}${wireNumber(amount)},${wireNumber(price)}`
    return this.funding ? `[${row},${periodOf(number)}]` : `[${row}]`
  }

  /** The last trades, newest first. */
  history(): string {
    const rows = this.market.trades.slice(-HISTORY).map((trade) => this.tradeRow(trade))
    return `[${rows.reverse().join(',')}]`
  }

  /** The candles of a length; of funding, of one period (`p30`) or of all. Live while they are read. */
  candles(frame: string, periods: string): CandleSeries {
    const name = `${frame} ${periods}`
    let series = this.#series.get(name)
    if (series === undefined) {
      series = new CandleSeries(frame, this.listing.shape.amountDecimals, this.#random.fork())
      for (const trade of this.market.trades) if (counts(trade, periods)) series.add(trade)
      this.#series.set(name, series)
    }
    return series
  }

  /** The middle of the book. */
  middle(): Decimal {
    const { bid, ask } = this.market.book.best()
    const prices = [bid, ask].filter((level) => level !== null).map(([price]) => price)
    return Exact.sum(...prices).div(prices.length)
  }

  ticker(): string {
    return this.funding ? this.#fundingTicker() : this.#pairTicker()
  }

  #pairTicker(): string {
    const { bid, ask } = this.market.book.best()
    const row = [bid?.[0], this.#nearAmount('bids'), ask?.[0], this.#nearAmount('asks'), ...this.#day()]
    const printed = row.map(numberOrNull)
    // Pairs have had an eleventh field since April 2026.
    if (this.listing.kind === 'spot') printed.push('null')
    return `[${printed.join()}]`
  }

  #fundingTicker(): string {
    const { bid, ask } = this.market.book.best()
    const row = [
      this.middle().toDecimalPlaces(12).toFixed(),
      bid?.[0],
      '30',
      this.#nearAmount('bids'),
      ask?.[0],
      '2',
      this.#nearAmount('asks'),
      ...this.#day(),
      null,
      null,
      this.#nearAmount('asks'),
      null,
    ]
    return `[${row.map(numberOrNull).join()}]`
  }

  /** The sum of the best 25: what the venue's ticker calls the size. */
  #nearAmount(side: 'bids' | 'asks'): string {
    return this.market.book
      .top(25)
      [side].reduce((total, [, amount]) => total.plus(amount), new Exact(0))
      .toFixed()
  }

  /** Change, relative change, last price, volume, high and low of 24 hours. */
  #day(): string[] {
    const { open, high, low, last, volume } = this.market.day
    const change = new Exact(last).minus(open)
    const relative = change.div(open).toDecimalPlaces(8)
    return [change.toFixed(), relative.toFixed(), last, volume, high, low]
  }

  #count(trade: MarketTrade): void {
    for (const [name, series] of this.#series) {
      if (series.readers.size === 0) this.#series.delete(name)
      else if (counts(trade, name.slice(name.indexOf(' ') + 1))) series.add(trade)
    }
  }
}

/** Whether a loan counts for the candles of a period. */
function counts({ number }: MarketTrade, periods: string): boolean {
  return !/^p\d+$/.test(periods) || periods === `p${periodOf(number)}`
}

function periodOf(trade: number): number {
  return PERIODS[trade % PERIODS.length] ?? 2
}

function numberOrNull(value: string | null | undefined): string {
  return value === null || value === undefined ? 'null' : wireNumber(value)
}
