import { decimal, type MarketTrade, units } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import { type Candle, Candles } from '../kit/candles.js'
import { periods } from '../kit/periods.js'
import { wireNumber } from './book-rows.js'

/** The venue's candle lengths, and what the kit calls them. */
const LENGTHS: Readonly<Record<string, string>> = {
  '1m': '1m',
  '5m': '5m',
  '15m': '15m',
  '30m': '30m',
  '1h': '1h',
  '3h': '3h',
  '6h': '6h',
  '12h': '12h',
  '1D': '1d',
  '1W': '1w',
  '7D': '1w',
  '14D': '2w',
  '1M': '1M',
}

/** Bars kept a series, and sent as history. */
const KEPT = 240

/** How often the last trade of a bar is counted late, which shows as a correction once the next bar has begun. */
const LATE = 0.05

/** Is given the rows that changed, as JSON. */
export interface CandleReader {
  changed(rows: readonly string[]): void
}

/** The candles of one length. */
export class CandleSeries {
  readonly readers = new Set<CandleReader>()
  readonly #candles: Candles
  readonly #decimals: number
  readonly #random: SeededRandom
  #late: MarketTrade | null = null

  /** @param frame as the venue writes it: `1m`, `1D`. */
  constructor(frame: string, amountDecimals: number, random: SeededRandom) {
    this.#candles = new Candles(periods(LENGTHS[frame] ?? '1m'), KEPT)
    this.#decimals = amountDecimals
    this.#random = random
  }

  static knows(frame: string): boolean {
    return LENGTHS[frame] !== undefined
  }

  /** Counts a trade, and publishes what it changed. */
  add(trade: MarketTrade): void {
    if (this.#late === null && this.#random.chance(LATE)) {
      this.#late = trade
      return
    }
    const changed = [this.#count(trade, true)]
    if (this.#late !== null) changed.push(this.#count(this.#late, false))
    this.#late = null
    if (this.readers.size === 0) return
    const rows = changed.map((bar) => this.#row(bar))
    for (const reader of this.readers) reader.changed(rows)
  }

  /** The history, newest first. */
  rows(): string[] {
    return this.#candles.bars.map((bar) => this.#row(bar)).reverse()
  }

  #count({ time, price, amount }: MarketTrade, closes: boolean): Candle {
    return this.#candles.add(time, price, [units(amount, this.#decimals)], closes)
  }

  #row({ start, open, close, high, low, sums }: Candle): string {
    const volume = decimal(sums[0] ?? 0n, this.#decimals)
    return `[${start / 1000},${[open, close, high, low, volume].map(wireNumber).join()}]`
  }
}
