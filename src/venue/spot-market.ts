import type { Instrument } from '../connector.js'

/** A spot market, with amounts in base coins: what a venue says beyond it (status, steps) is put over it. */
export function spotMarket(venue: string, id: string, base: string, quote: string): Instrument {
  return {
    venue,
    symbol: `${base}/${quote}`,
    instrument: id,
    market: 'spot',
    status: null,
    base,
    quote,
    settle: null,
    tickSize: null,
    lotSize: null,
    amountUnit: 'base',
    contractSize: null,
    contractUnit: null,
    sidesCounted: 1,
    expiry: null,
  }
}
