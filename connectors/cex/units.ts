import { currencyProfile } from '../../schemas/cex.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { decoder } from '../../src/decode/decoder.js'

const readProfile = decoder(currencyProfile)

/** Decimals of the minor unit by currency, as clients in production have them. */
const KNOWN: readonly (readonly [number, readonly string[]])[] = [
  [8, ['BTC', 'BCH', 'BTG', 'DASH', 'LTC', 'ZEC', 'GAS']],
  [7, ['XLM']],
  [6, ['ADA', 'ATOM', 'BAT', 'BTT', 'ETH', 'LINK', 'MATIC', 'MHC']],
  [6, ['NEO', 'OMG', 'ONG', 'ONT', 'TRX', 'XRP', 'XTZ']],
  [2, ['GUSD']],
]

/**
 * The minor units in which the pair rooms of the classic API count: 29000000 is 0.29 BTC. What the table does not have, the
 * venue's `currency_profile` tells.
 */
export class MinorUnits {
  readonly #decimals = new Map(
    KNOWN.flatMap(([decimals, codes]) => codes.map((code) => [code, decimals] as const)),
  )

  knows(currency: string): boolean {
    return this.#decimals.has(currency)
  }

  /** Decimals of the currency's minor unit; null where nothing says. An amount is then unknown, and none is made up. */
  decimals(currency: string): number | null {
    return this.#decimals.get(currency) ?? null
  }

  /**
   * Takes the answer of `currency_profile`: the decimals of the minor unit are `precision` less `scale`. What the table has
   * stays, so that an amount never depends on when the answer came.
   *
   * @throws {DecodeError} where the answer is not one.
   */
  learn(body: string): void {
    for (const { code, precision, scale = 0 } of readProfile(body).data.symbols) {
      if (precision >= scale && !this.#decimals.has(code)) this.#decimals.set(code, precision - scale)
    }
  }
}

/** An integer in minor units as an exact decimal in whole coins. */
export function wholeCoins(minor: string, decimals: number): string {
  return canonicalDecimal(`${minor}e-${decimals}`)
}
