import type { MarketShape } from '../../src/simulator/market.js'
import { moreListings } from '../kit/more-listings.js'

/** How amounts of an instrument turn into coins and money. */
export type ContractKind = 'inverse' | 'linear' | 'quanto' | 'spot' | 'index'

/** An instrument of the simulated venue. */
export interface BitmexListing {
  readonly symbol: string
  readonly kind: ContractKind
  /** The venue's `typ`, a CFI code. */
  readonly typ: string
  readonly underlying: string
  readonly quoteCurrency: string
  readonly settlCurrency: string | null
  /** Position in the full list of instruments: the old L2 ids are made of it. */
  readonly index: number
  /** Units of the last decimal of the price that the old ids count in. XBTUSD kept 0.01 when its tick became 0.5. */
  readonly idTick: number
  readonly multiplier: string | null
  readonly underlyingToPositionMultiplier: string | null
  readonly quoteToSettleMultiplier: string | null
  readonly expiry: string | null
  readonly tickSize: string
  /** Null for an index, which has a price and no market. */
  readonly shape: MarketShape | null
  readonly price: string
  /** One of those that were added on demand. @default false */
  readonly quiet?: boolean
}

const xbtusd = {
  underlying: 'XBT',
  quoteCurrency: 'USD',
  settlCurrency: 'XBt',
  multiplier: '-100000000',
  underlyingToPositionMultiplier: null,
  quoteToSettleMultiplier: null,
  tickSize: '0.5',
} as const

/** One of each kind: inverse, quanto and linear perpetuals, a dated future, spot, an index. */
const LISTINGS: readonly BitmexListing[] = [
  {
    ...xbtusd,
    symbol: 'XBTUSD',
    kind: 'inverse',
    typ: 'FFWCSX',
    index: 88,
    idTick: 1,
    expiry: null,
    price: '34000',
    shape: { price: '34000', priceDecimals: 2, tick: 50, amountDecimals: 0, amount: '2000' },
  },
  {
    ...xbtusd,
    symbol: 'XBTH27',
    kind: 'inverse',
    typ: 'FFCCSX',
    index: 901,
    idTick: 50,
    expiry: '2027-03-26T12:00:00.000Z',
    price: '34450.5',
    shape: { price: '34450.5', priceDecimals: 2, tick: 50, amountDecimals: 0, amount: '2000' },
  },
  {
    symbol: 'ETHUSD',
    kind: 'quanto',
    typ: 'FFWCSX',
    underlying: 'ETH',
    quoteCurrency: 'USD',
    settlCurrency: 'XBt',
    index: 297,
    idTick: 5,
    multiplier: '100',
    underlyingToPositionMultiplier: null,
    quoteToSettleMultiplier: null,
    expiry: null,
    tickSize: '0.05',
    price: '1800',
    shape: { price: '1800', priceDecimals: 2, tick: 5, amountDecimals: 0, amount: '30' },
  },
  {
    symbol: 'XBTUSDT',
    kind: 'linear',
    typ: 'FFWCSX',
    underlying: 'XBT',
    quoteCurrency: 'USDT',
    settlCurrency: 'USDt',
    index: 732,
    idTick: 50,
    multiplier: '1',
    underlyingToPositionMultiplier: '1000000',
    quoteToSettleMultiplier: '1000000',
    expiry: null,
    tickSize: '0.5',
    price: '34010',
    shape: { price: '34010', priceDecimals: 2, tick: 50, amountDecimals: 0, amount: '60000' },
  },
  {
    symbol: 'XBT_USDT',
    kind: 'spot',
    typ: 'IFXXXP',
    underlying: 'XBT',
    quoteCurrency: 'USDT',
    settlCurrency: null,
    index: 955,
    idTick: 50,
    multiplier: null,
    underlyingToPositionMultiplier: '100000000',
    quoteToSettleMultiplier: null,
    expiry: null,
    tickSize: '0.5',
    price: '34005',
    shape: { price: '34005', priceDecimals: 2, tick: 50, amountDecimals: 0, amount: '5000000' },
  },
  {
    symbol: '.BXBT',
    kind: 'index',
    typ: 'MRCXXX',
    underlying: 'XBT',
    quoteCurrency: 'USD',
    settlCurrency: null,
    index: 2,
    idTick: 1,
    multiplier: null,
    underlyingToPositionMultiplier: null,
    quoteToSettleMultiplier: null,
    expiry: null,
    tickSize: '0.01',
    price: '34001.27',
    shape: null,
  },
]

/** Contracts a coin of the instruments that are added on demand. */
const CONTRACTS_A_COIN = 100

/** The venue's own instruments, and more linear perpetuals up to a number of instruments. */
export function listings(count: number): readonly BitmexListing[] {
  const more = moreListings(count - LISTINGS.length, 0).map(({ base, shape }, number): BitmexListing => {
    const amount = Math.max(1, Math.round((2_000 * CONTRACTS_A_COIN) / Number(shape.price)))
    return {
      symbol: `${base}USDT`,
      kind: 'linear',
      typ: 'FFWCSX',
      underlying: base,
      quoteCurrency: 'USDT',
      settlCurrency: 'USDt',
      index: 1_000 + number,
      idTick: 1,
      multiplier: String(1_000_000 / CONTRACTS_A_COIN),
      underlyingToPositionMultiplier: String(CONTRACTS_A_COIN),
      quoteToSettleMultiplier: '1000000',
      expiry: null,
      tickSize: (10 ** -shape.priceDecimals).toFixed(shape.priceDecimals),
      price: shape.price,
      shape: { ...shape, amount: String(amount) },
      quiet: true,
    }
  })
  return [...LISTINGS, ...more]
}
