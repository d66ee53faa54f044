import type { Micros } from '../../schemas/events.js'
import { compareDecimals } from '../../src/decode/decimal.js'
import type { PeriodStart } from './periods.js'

/** One candle. */
export interface Candle {
  readonly start: Micros
  readonly open: string
  high: string
  low: string
  close: string
  trades: number
  /** What the venue adds up of its trades: an amount, money, contracts; in units of its own choice. */
  readonly sums: bigint[]
}

/** The candles of one length, each instrument's once for all who ask. */
export class Candles {
  /** Oldest first. */
  readonly bars: Candle[] = []
  readonly #start: PeriodStart
  readonly #kept: number

  constructor(start: PeriodStart, kept: number) {
    this.#start = start
    this.#kept = kept
  }

  /** The candle of now. */
  get last(): Candle | undefined {
    return this.bars.at(-1)
  }

  /**
   * Counts a trade, in the candle that its time belongs to.
   *
   * @param closes whether it is the last so far: one that others overtook leaves the close as it is. @default true
   * @returns that candle
   */
  add(at: Micros, price: string, sums: readonly bigint[] = [], closes = true): Candle {
    const start = this.#start(at)
    const held = this.bars.findLast((bar) => bar.start === start)
    const bar = held ?? this.#open(start, price, sums.length)
    if (compareDecimals(price, bar.high) > 0) bar.high = price
    if (compareDecimals(price, bar.low) < 0) bar.low = price
    if (closes) bar.close = price
    bar.trades++
    for (const [index, sum] of sums.entries()) bar.sums[index] = (bar.sums[index] ?? 0n) + sum
    return bar
  }

  /**
   * Begins the candle of a moment at the close of the one before it, where the venue has candles without trades.
   *
   * @returns the candle that is over; null where none is
   */
  roll(at: Micros, price: string): Candle | null {
    const start = this.#start(at)
    const before = this.last
    if (before?.start === start) return null
    this.#open(start, before?.close ?? price, before?.sums.length ?? 0)
    return before ?? null
  }

  #open(start: Micros, price: string, sums: number): Candle {
    const bar: Candle = {
      start,
      open: price,
      high: price,
      low: price,
      close: price,
      trades: 0,
      sums: Array.from({ length: sums }, () => 0n),
    }
    const place = this.bars.findLastIndex((other) => other.start < start) + 1
    this.bars.splice(place, 0, bar)
    if (this.bars.length > this.#kept) this.bars.shift()
    return bar
  }
}
