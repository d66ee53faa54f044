import { Decimal } from 'decimal.js'
import type { SeededRandom } from '../../src/simulator/random.js'

const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** A price that wanders by cents around where it began. */
export function wander(price: string, home: string, random: SeededRandom): string {
  const away = new Exact(price).minus(home)
  const pull = away.gt(5) ? -1 : away.lt(-5) ? 1 : 0
  return new Exact(price).plus(new Exact(random.integer(-30, 30) + pull * 30).div(100)).toFixed()
}
