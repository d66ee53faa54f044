import type { Micros } from '../../schemas/events.js'

const HOUR: Micros = 3_600_000_000
const HOURS = 24

/** What happened in a span of time. Prices, volume and turnover are in units of their last decimal. */
export interface DayTotals {
  /** The price when the span began. */
  readonly open: bigint
  readonly high: bigint
  readonly low: bigint
  readonly volume: bigint
  readonly turnover: bigint
  readonly trades: number
}

interface Hour {
  readonly number: number
  readonly open: bigint
  high: bigint
  low: bigint
  volume: bigint
  turnover: bigint
  trades: number
}

/** An hour as it usually was before the market began. */
export interface UsualHour {
  readonly price: bigint
  readonly volume: bigint
  readonly turnover: bigint
  readonly trades: number
}

/** The figures of the last 24 hours, counted by the hour. The hours before the first trade were usual ones. */
export class DayFigures {
  readonly #usual: UsualHour
  /** The hours since the first trade, oldest first: a day of them at most. */
  readonly #hours: Hour[] = []
  #first: number | null = null

  constructor(usual: UsualHour) {
    this.#usual = usual
  }

  add(at: Micros, price: bigint, volume: bigint, turnover: bigint): void {
    const number = Math.floor(at / HOUR)
    this.#first ??= number
    let hour = this.#hours.at(-1)
    if (hour === undefined || hour.number < number) {
      hour = { number, open: price, high: price, low: price, volume: 0n, turnover: 0n, trades: 0 }
      this.#hours.push(hour)
      if (this.#hours.length > HOURS) this.#hours.shift()
    }
    if (price > hour.high) hour.high = price
    if (price < hour.low) hour.low = price
    hour.volume += volume
    hour.turnover += turnover
    hour.trades++
  }

  totals(at: Micros): DayTotals {
    const now = Math.floor(at / HOUR)
    const known = this.#first === null ? 0 : Math.min(HOURS, Math.max(0, now - this.#first))
    const hours = this.#hours.filter(({ number }) => number > now - HOURS)
    const usual = this.#usual
    const before = HOURS - known
    const open = before > 0 ? usual.price : (hours[0]?.open ?? usual.price)
    let [high, low] = [open, open]
    let volume = usual.volume * BigInt(before)
    let turnover = usual.turnover * BigInt(before)
    let trades = usual.trades * before
    for (const hour of hours) {
      if (hour.high > high) high = hour.high
      if (hour.low < low) low = hour.low
      volume += hour.volume
      turnover += hour.turnover
      trades += hour.trades
    }
    return { open, high, low, volume, turnover, trades }
  }
}
