import type { SeededRandom } from '../../src/simulator/random.js'

/** So many digits of hexadecimal. */
export function hex(random: SeededRandom, digits: number): string {
  return Array.from({ length: digits }, () => random.integer(0, 15).toString(16)).join('')
}

/** A version 4 UUID. */
export function uuid(random: SeededRandom): string {
  return [hex(random, 8), hex(random, 4), `4${hex(random, 3)}`, `a${hex(random, 3)}`, hex(random, 12)].join(
    '-',
  )
}
