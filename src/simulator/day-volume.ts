import type { Micros } from '../../schemas/events.js'

const HOUR: Micros = 3_600_000_000
const HOURS = 24

interface Hour {
  readonly number: number
  volume: bigint
  turnover: bigint
}

/**
 * What was traded in the last 24 hours, in units of the last decimal of the amount and of the turnover. Before its first
 * hour a market traded as much in each hour as it is told.
 */
export class DayVolume {
  readonly #before: Omit<Hour, 'number'>
  /** The hours since the first trade, oldest first: a day of them at most. */
  readonly #hours: Hour[] = []
  #first: number | null = null

  constructor(volumeAnHour: bigint, turnoverAnHour: bigint) {
    this.#before = { volume: volumeAnHour, turnover: turnoverAnHour }
  }

  add(at: Micros, volume: bigint, turnover: bigint): void {
    const number = Math.floor(at / HOUR)
    this.#first ??= number
    let hour = this.#hours.at(-1)
    if (hour === undefined || hour.number < number) {
      hour = { number, volume: 0n, turnover: 0n }
      this.#hours.push(hour)
      if (this.#hours.length > HOURS) this.#hours.shift()
    }
    hour.volume += volume
    hour.turnover += turnover
  }

  total(at: Micros): { readonly volume: bigint; readonly turnover: bigint } {
    const now = Math.floor(at / HOUR)
    const known = this.#first === null ? 0 : Math.min(HOURS, Math.max(0, now - this.#first))
    const before = BigInt(HOURS - known)
    let [volume, turnover] = [this.#before.volume * before, this.#before.turnover * before]
    for (const hour of this.#hours) {
      if (hour.number <= now - HOURS) continue
      volume += hour.volume
      turnover += hour.turnover
    }
    return { volume, turnover }
  }
}
