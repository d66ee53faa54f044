import type { SeededRandom } from '../../src/simulator/random.js'

/** Ids of matches and orders as the venue would give them, unique in the run. */
export class MatchIds {
  readonly #random: SeededRandom
  #given = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  next(): string {
    const part = (digits: number) =>
      this.#random
        .integer(0, 16 ** digits - 1)
        .toString(16)
        .padStart(digits, '0')
    const count = (++this.#given).toString(16).padStart(12, '0')
    return `${part(8)}-${part(4)}-${part(4)}-${part(4)}-${count}`
  }
}
