import { compareDecimals } from '../../src/decode/index.js'
import { decimal, type MarketTrade, units } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import { wireNumber } from './book-rows.js'

const MINUTE = 60_000
const DAY = 1_440 * MINUTE
const WEEK = 7 * DAY
/** The epoch was a Thursday; weeks open on Monday. */
const MONDAY = 4 * DAY

/** Candle lengths of the venue; months have none in milliseconds. */
const LENGTHS: ReadonlyMap<string, number> = new Map([
  ['1m', MINUTE],
  ['5m', 5 * MINUTE],
  ['15m', 15 * MINUTE],
  ['30m', 30 * MINUTE],
  ['1h', 60 * MINUTE],
  ['3h', 180 * MINUTE],
  ['6h', 360 * MINUTE],
  ['12h', 720 * MINUTE],
  ['1D', DAY],
  ['1W', WEEK],
  ['7D', WEEK],
  ['14D', 2 * WEEK],
  ['1M', 0],
])

/** Bars kept a series, and sent as history. */
const KEPT = 240

/** How often the last trade of a bar is counted late, which shows as a correction once the next bar has begun. */
const LATE = 0.05

interface Bar {
  readonly openTime: number
  readonly open: string
  close: string
  high: string
  low: string
  volume: bigint
  /** Number of the last trade counted. */
  last: number
}

/** Hears of bars that changed, as JSON of single rows. */
export interface CandleReader {
  changed(rows: readonly string[]): void
}

/** The candles of one length. */
export class CandleSeries {
  readonly readers = new Set<CandleReader>()
  readonly #frame: string
  readonly #decimals: number
  readonly #random: SeededRandom
  /** Oldest first. */
  readonly #bars: Bar[] = []
  #late: MarketTrade | null = null

  /** @param frame as the venue writes it: `1m`, `1D`. */
  constructor(frame: string, amountDecimals: number, random: SeededRandom) {
    this.#frame = frame
    this.#decimals = amountDecimals
    this.#random = random
  }

  static knows(frame: string): boolean {
    return LENGTHS.has(frame)
  }

  /** Counts a trade, and tells what it changed. */
  add(trade: MarketTrade): void {
    if (this.#late === null && this.#random.chance(LATE)) {
      this.#late = trade
      return
    }
    const told = [this.#count(trade)]
    if (this.#late !== null) told.push(this.#count(this.#late))
    this.#late = null
    if (this.readers.size === 0) return
    const rows = told.map((bar) => this.#row(bar))
    for (const reader of this.readers) reader.changed(rows)
  }

  /** The history, newest first. */
  rows(): string[] {
    return this.#bars.map((bar) => this.#row(bar)).reverse()
  }

  #count(trade: MarketTrade): Bar {
    const openTime = barOf(this.#frame, trade.time / 1000)
    const amount = units(trade.amount, this.#decimals)
    const { price } = trade
    const held = this.#bars.findLast((bar) => bar.openTime === openTime)
    if (held === undefined) {
      const bar = {
        openTime,
        open: price,
        close: price,
        high: price,
        low: price,
        volume: amount,
        last: trade.number,
      }
      const at = this.#bars.findLastIndex((other) => other.openTime < openTime) + 1
      this.#bars.splice(at, 0, bar)
      if (this.#bars.length > KEPT) this.#bars.shift()
      return bar
    }
    held.volume += amount
    if (compareDecimals(price, held.high) > 0) held.high = price
    if (compareDecimals(price, held.low) < 0) held.low = price
    if (trade.number > held.last) {
      held.close = price
      held.last = trade.number
    }
    return held
  }

  #row({ openTime, open, close, high, low, volume }: Bar): string {
    const prices = [open, close, high, low].map(wireNumber).join(',')
    return `[${openTime},${prices},${wireNumber(decimal(volume, this.#decimals))}]`
  }
}

/** When the bar that holds a moment opened. Milliseconds. */
function barOf(frame: string, ms: number): number {
  if (frame === '1M') {
    const date = new Date(ms)
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
  }
  const length = LENGTHS.get(frame) ?? MINUTE
  const offset = length >= WEEK ? MONDAY : 0
  return Math.floor((ms - offset) / length) * length + offset
}
