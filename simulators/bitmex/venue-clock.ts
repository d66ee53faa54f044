import type { Micros } from '../../schemas/events.js'

const HOUR: Micros = 3_600_000_000

/** The clock of the simulated venue, which now and then is an hour ahead: what is stamped then keeps that time for good. */
export class VenueClock {
  readonly #wrong: { readonly from: Micros; readonly until: Micros }[] = []

  /** Whether it was ever wrong: frames need no second look where it was not. */
  get wasWrong(): boolean {
    return this.#wrong.length > 0
  }

  goWrong(from: Micros, forMicros: Micros): void {
    this.#wrong.push({ from, until: from + forMicros })
  }

  /** What it showed at a moment. */
  stamp(at: Micros): Micros {
    return this.#wrong.some(({ from, until }) => at > from && at < until) ? at + HOUR : at
  }
}
