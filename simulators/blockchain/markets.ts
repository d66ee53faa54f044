import type { SimulatedMarket } from '../../src/simulator/market.js'

/**
 * Markets of the simulated Exchange: one with a price below 1e-6, so that exponents occur, one whose neighbouring prices are
 * the same double, and one that can be delisted.
 */
export const SHAPES = {
  'BTC-USD': { priceDecimals: 2, amountDecimals: 8, price: '65000', amount: '0.03' },
  'ETH-USD': { priceDecimals: 2, amountDecimals: 8, price: '3200', amount: '0.6' },
  'ALGO-BTC': { priceDecimals: 8, amountDecimals: 8, price: '0.00000160', amount: '4000', levels: 40 },
  'BTC-COP': { priceDecimals: 8, amountDecimals: 8, price: '271828182.84590452', amount: '0.02' },
  'ENJ-USDT': { priceDecimals: 4, amountDecimals: 8, price: '1.0952', amount: '400', levels: 60 },
} as const

export const DELISTED = 'ENJ-USDT'

/** One market of the simulated Exchange. */
export interface ExchangeMarket {
  readonly symbol: string
  readonly market: SimulatedMarket
  status: string
}

const LISTING_SCALE = 8

/** The listing as REST and the `symbols` channel give it: every step an integer with a scale. */
export function listing(
  markets: ReadonlyMap<string, ExchangeMarket>,
): Record<string, Record<string, unknown>> {
  let id = 0
  const rows: Record<string, Record<string, unknown>> = {}
  for (const { symbol, status } of markets.values()) {
    const [base = '', counter = ''] = symbol.split('-')
    const shape = SHAPES[symbol as keyof typeof SHAPES]
    rows[symbol] = {
      base_currency: base,
      base_currency_scale: LISTING_SCALE,
      counter_currency: counter,
      counter_currency_scale: counter === 'USD' ? 2 : LISTING_SCALE,
      min_price_increment: 1,
      min_price_increment_scale: shape.priceDecimals,
      min_order_size: 50_000,
      min_order_size_scale: LISTING_SCALE,
      max_order_size: 0,
      max_order_size_scale: LISTING_SCALE,
      lot_size: 1,
      lot_size_scale: LISTING_SCALE,
      status,
      id: ++id,
      auction_price: 0,
      auction_size: 0,
      auction_time: '',
      imbalance: 0,
    }
  }
  return rows
}
