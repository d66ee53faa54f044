import type { MarketShape } from '../../src/simulator/market.js'
import { SeededRandom } from '../../src/simulator/random.js'

/** An instrument that no venue ever had. */
export interface MoreListing {
  /** Three letters that are no currency's: `BAB`. */
  readonly base: string
  /** Of its market against a dollar. Prices have five significant digits. */
  readonly shape: MarketShape
}

/** What a trade is typically worth, in dollars. */
const USUAL_WORTH = 2_000
/** Levels a side: a thin market. */
const LEVELS = 25
const TAKEN = /^(?:BTC|XBT|ETH|USD|EUR|GBP|CAD|JUP|SOL|TON)$/

/** So many instruments, the same in every run. @param amountDecimals of the venue's amounts */
export function moreListings(count: number, amountDecimals: number): readonly MoreListing[] {
  const random = new SeededRandom(20_261_130)
  const bases = codes()
  return Array.from({ length: Math.max(0, count) }, () => {
    const { value: base = '' } = bases.next()
    const magnitude = random.integer(-3, 2)
    const priceDecimals = 4 - magnitude
    const digits = random.integer(15_000, 85_000)
    const price = (digits / 10 ** priceDecimals).toFixed(priceDecimals)
    const amount = (USUAL_WORTH / Number(price)).toFixed(Math.min(2, amountDecimals))
    return { base, shape: { price, priceDecimals, amountDecimals, amount, levels: LEVELS } }
  })
}

function* codes(): Generator<string, string> {
  const consonants = 'BDFGHKLMNPRSVWZ'
  for (const vowel of 'AEIOU') {
    for (const first of consonants) {
      for (const last of consonants) {
        const code = `${first}${vowel}${last}`
        if (!TAKEN.test(code)) yield code
      }
    }
  }
  for (let number = 1; ; number++) yield `Q${number.toString(36).toUpperCase().padStart(2, '0')}`
}
