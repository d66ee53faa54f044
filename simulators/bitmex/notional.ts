import { Decimal } from 'decimal.js'
import { Digits } from '../kit/exact-json.js'
import type { BitmexListing } from './listing.js'

/** The venue works these out with binary floats, so that they carry dust; seventeen digits are what it prints. */
const Float = Decimal.clone({ precision: 17 })

/** What a trade is worth, in the columns that the venue gives. */
export interface Notional {
  /** In settlement units: satoshi, or millionths of a tether. */
  readonly grossValue: Digits
  /** In coins. */
  readonly homeNotional: Digits
  /** In money. */
  readonly foreignNotional: Digits
}

/** @param bitcoin the price of a bitcoin, which the worth of a quanto contract follows */
export function notional(listing: BitmexListing, size: string, price: string, bitcoin: string): Notional {
  switch (listing.kind) {
    case 'inverse':
      return columns(new Float(size).times(1e8).div(price), new Float(size).div(price), new Float(size))
    case 'quanto': {
      const satoshi = new Float(size).times(price).times(listing.multiplier ?? 0)
      const money = satoshi.div(1e8).times(bitcoin)
      return columns(satoshi, money.div(price), money)
    }
    default: {
      const coins = new Float(size).div(listing.underlyingToPositionMultiplier ?? 1)
      const money = coins.times(price)
      return columns(money.times(1e6), coins, money)
    }
  }
}

function columns(gross: Decimal, home: Decimal, foreign: Decimal): Notional {
  return {
    grossValue: new Digits(gross.round().toFixed()),
    homeNotional: new Digits(home.toString()),
    foreignNotional: new Digits(foreign.toString()),
  }
}
