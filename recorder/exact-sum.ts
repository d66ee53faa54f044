import { Decimal } from 'decimal.js'

/** Wide enough for the sum of any amounts that `canonicalDecimal` lets through. */
const Exact = Decimal.clone({ precision: 2000, toExpNeg: -2000, toExpPos: 2000 })

/** A sum of canonical decimals, itself exact and canonical. */
export class ExactSum {
  #total = new Exact(0)

  add(amount: string): void {
    this.#total = this.#total.plus(amount)
  }

  toString(): string {
    return this.#total.toFixed()
  }
}
