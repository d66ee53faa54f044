import type { MarketShape } from '../../src/simulator/market.js'
import { moreListings } from '../kit/more-listings.js'

/** An instrument of the simulated venue. */
export interface BitfinexListing {
  /** The venue's own id. */
  readonly id: string
  readonly kind: 'spot' | 'perpetual' | 'funding'
  readonly shape: MarketShape
  /** Of a perpetual: the spot pair that its mark price follows. */
  readonly spot?: string
  /** Of a perpetual: whether its rate has a cap. @default true */
  readonly capped?: boolean
  /** A market for play. @default false */
  readonly paper?: boolean
  /** One of those that were added on demand. @default false */
  readonly quiet?: boolean
}

/** The venue keeps binary floats: what it prints has at most so many digits, sums of levels included, to be exact. */
const FLOAT = { amountDecimals: 8, amountDigits: 13 }

/**
 * Prices have five significant digits, as the venue's orders have. One pair trades below a millionth, where numbers are
 * printed with exponents; of extreme amounts it alone has those of twenty digits, more than the venue's own numbers could hold:
 * clients that compute checksums with binary floats fail on it.
 */
const LISTINGS: readonly BitfinexListing[] = [
  { id: 'tBTCUSD', kind: 'spot', shape: { price: '43125', priceDecimals: 0, amount: '0.05', ...FLOAT } },
  { id: 'tETHUSD', kind: 'spot', shape: { price: '2274.3', priceDecimals: 1, amount: '0.9', ...FLOAT } },
  { id: 'tETHBTC', kind: 'spot', shape: { price: '0.052741', priceDecimals: 6, amount: '0.9', ...FLOAT } },
  { id: 'tBTCUST', kind: 'spot', shape: { price: '43190', priceDecimals: 0, amount: '0.05', ...FLOAT } },
  { id: 'tAVAX:USD', kind: 'spot', shape: { price: '18.437', priceDecimals: 3, amount: '27', ...FLOAT } },
  {
    id: 'tPEPE:USD',
    kind: 'spot',
    shape: { price: '0.00000072345', priceDecimals: 11, amountDecimals: 8, amount: '1500000000' },
  },
  {
    id: 'tTESTBTC:TESTUSD',
    kind: 'spot',
    shape: { price: '43125', priceDecimals: 0, amount: '0.05', ...FLOAT },
    paper: true,
  },
  {
    id: 'tBTCF0:USTF0',
    kind: 'perpetual',
    shape: { price: '43180', priceDecimals: 0, amount: '0.05', ...FLOAT },
    spot: 'tBTCUST',
  },
  {
    id: 'tETHF0:USTF0',
    kind: 'perpetual',
    shape: { price: '2275.1', priceDecimals: 1, amount: '0.9', ...FLOAT },
    spot: 'tETHUSD',
  },
  {
    id: 'tETHF0:BTCF0',
    kind: 'perpetual',
    shape: { price: '0.052733', priceDecimals: 6, amount: '0.9', ...FLOAT },
    spot: 'tETHBTC',
    capped: false,
  },
  {
    id: 'fUSD',
    kind: 'funding',
    shape: { price: '0.00023112', priceDecimals: 8, amountDecimals: 4, amount: '2500', amountDigits: 13 },
  },
  {
    id: 'fBTC',
    kind: 'funding',
    shape: { price: '0.000012345', priceDecimals: 9, amount: '0.05', ...FLOAT },
  },
]

/** The periods of the simulated loans, in days. */
export const PERIODS: readonly number[] = [2, 7, 14, 30]

/** The venue's own instruments, and more pairs up to a number of instruments. */
export function listings(count: number): readonly BitfinexListing[] {
  const more = moreListings(count - LISTINGS.length, FLOAT.amountDecimals)
  return [
    ...LISTINGS,
    ...more.map(
      ({ base, shape }): BitfinexListing => ({
        id: `t${base}USD`,
        kind: 'spot',
        shape: { ...shape, ...FLOAT },
        quiet: true,
      }),
    ),
  ]
}
