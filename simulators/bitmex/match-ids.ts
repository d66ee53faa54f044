import type { Micros } from '../../schemas/events.js'
import type { SeededRandom } from '../../src/simulator/random.js'

/** Ids of matches and orders as the venue would give them: never twice, however often the simulator starts. */
export class MatchIds {
  readonly #random: SeededRandom
  /** Counts on from the milliseconds on the clock at the first id. */
  #last = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  next(at: Micros): string {
    if (this.#last === 0) this.#last = Math.floor(at / 1000)
    const part = (digits: number) =>
      this.#random
        .integer(0, 16 ** digits - 1)
        .toString(16)
        .padStart(digits, '0')
    const count = (++this.#last).toString(16).padStart(12, '0')
    return `${part(8)}-${part(4)}-${part(4)}-${part(4)}-${count}`
  }
}
