import { Decimal } from 'decimal.js'

/** Wide enough for any number that the venue prints, so that nothing is rounded. */
const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** `a - b`, canonical decimals. */
export function difference(a: string, b: string): string {
  return new Exact(a).minus(b).toFixed()
}

/**
 * The funding rate of the next period from the premium accrued so far: what exceeds the dead band, at most the cap, with
 * the premium's sign. Checked against three settlements of 2026.
 *
 * @param cap null where the contract has none.
 */
export function predictedRate(accrued: string, deadBand: string, cap: string | null): string {
  const premium = new Exact(accrued)
  const beyond = Exact.max(premium.abs().minus(deadBand), 0)
  const rate = cap === null ? beyond : Exact.min(beyond, cap)
  return (premium.isNegative() && !rate.isZero() ? rate.negated() : rate).toFixed()
}
