import type { Micros } from '../../schemas/events.js'
import type { Timers } from './timers.js'

const HOUR: Micros = 3_600_000_000
const WRONG_FOR: Micros = 60_000_000
/** Spans in which it was wrong that are remembered. */
const REMEMBERED = 1_000

/**
 * The clock of a simulated venue, which a fault puts an hour ahead for a minute. What is stamped then keeps that time for good:
 * history shows what the live message showed.
 */
export class VenueClock {
  readonly #timers: Timers
  readonly #wrong: { readonly from: Micros; until: Micros }[] = []

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Puts it ahead, from now on. */
  goWrong(now: Micros): void {
    const last = this.#wrong.at(-1)
    if (last !== undefined && now < last.until) {
      last.until = now + WRONG_FOR
      return
    }
    this.#wrong.push({ from: now, until: now + WRONG_FOR })
    if (this.#wrong.length > REMEMBERED) this.#wrong.shift()
  }

  /** Whether it was ever wrong: what was stamped needs no second look where it was not. */
  get wasWrong(): boolean {
    return this.#wrong.length > 0
  }

  /** What it showed at a moment. @default now */
  read(at: Micros = this.#timers.now): Micros {
    return this.#wrong.some(({ from, until }) => at > from && at < until) ? at + HOUR : at
  }

  /** The same in milliseconds. */
  ms(at?: Micros): number {
    return Math.floor(this.read(at) / 1000)
  }

  /** The same in whole seconds. */
  seconds(at?: Micros): number {
    return Math.floor(this.read(at) / 1_000_000)
  }
}
