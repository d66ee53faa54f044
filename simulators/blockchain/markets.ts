import { granularities } from '../../connectors/blockchain/channels.js'
import { type MarketShape, type MarketTrade, SimulatedMarket, units } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { type Candle, Candles } from '../kit/candles.js'
import { moreListings } from '../kit/more-listings.js'
import { periods } from '../kit/periods.js'
import type { Listed } from '../kit/simulated-exchange.js'

/**
 * Markets of the simulated Exchange: one with a price below 1e-6, so that exponents occur, one whose neighbouring prices are
 * the same double, and one that can be delisted.
 */
const SHAPES: Readonly<Record<string, MarketShape>> = {
  'BTC-USD': { priceDecimals: 2, amountDecimals: 8, price: '65000', amount: '0.03' },
  'ETH-USD': { priceDecimals: 2, amountDecimals: 8, price: '3200', amount: '0.6' },
  'ALGO-BTC': { priceDecimals: 8, amountDecimals: 8, price: '0.00000160', amount: '4000', levels: 40 },
  'BTC-COP': { priceDecimals: 8, amountDecimals: 8, price: '271828182.84590452', amount: '0.02' },
  'ENJ-USDT': { priceDecimals: 4, amountDecimals: 8, price: '1.0952', amount: '400', levels: 60 },
}

export const DELISTED = 'ENJ-USDT'

const CANDLES_KEPT = 2
const SCALE = 8

/** One market of the simulated Exchange. */
export class ExchangeMarket implements Listed {
  readonly id: string
  readonly market: SimulatedMarket
  readonly quiet: boolean
  listed = true
  readonly #shape: MarketShape
  /** By their length in seconds. */
  readonly #candles: ReadonlyMap<number, Candles>

  constructor(id: string, shape: MarketShape, quiet: boolean, random: SeededRandom) {
    this.id = id
    this.#shape = shape
    this.quiet = quiet
    this.market = new SimulatedMarket(shape, random)
    this.#candles = new Map(
      [...granularities].map(([name, seconds]) => [seconds, new Candles(periods(name), CANDLES_KEPT)]),
    )
  }

  /** Counts a trade in its candles. */
  count({ time, price, amount }: MarketTrade): void {
    const sums = [units(amount, this.#shape.amountDecimals)]
    for (const candles of this.#candles.values()) candles.add(time, price, sums)
  }

  /** The candle of now. */
  candle(seconds: number): Candle | undefined {
    return this.#candles.get(seconds)?.last
  }

  get amountDecimals(): number {
    return this.#shape.amountDecimals
  }

  /** Its row in the listing, as REST and the `symbols` channel give it: every step an integer with a scale. */
  row(number: number): Record<string, unknown> {
    const [base = '', counter = ''] = this.id.split('-')
    return {
      base_currency: base,
      base_currency_scale: SCALE,
      counter_currency: counter,
      counter_currency_scale: counter === 'USD' ? 2 : SCALE,
      min_price_increment: 1,
      min_price_increment_scale: this.#shape.priceDecimals,
      min_order_size: 50_000,
      min_order_size_scale: SCALE,
      max_order_size: 0,
      max_order_size_scale: SCALE,
      lot_size: 1,
      lot_size_scale: SCALE,
      status: this.status,
      id: number,
      auction_price: 0,
      auction_size: 0,
      auction_time: '',
      imbalance: 0,
    }
  }

  get status(): 'open' | 'close' {
    return this.listed ? 'open' : 'close'
  }
}

export function exchangeMarkets(
  { extremeAmounts = false, instruments = 0 }: SimulatorOptions,
  random: SeededRandom,
): ExchangeMarket[] {
  const own = Object.entries(SHAPES).map(
    ([id, shape]) => new ExchangeMarket(id, { ...shape, extremeAmounts }, false, random.fork()),
  )
  const more = moreListings(instruments - own.length, SCALE).map(
    ({ base, shape }) => new ExchangeMarket(`${base}-USD`, shape, true, random.fork()),
  )
  return [...own, ...more]
}

/** The listing, closed markets included. */
export function listing(markets: Iterable<ExchangeMarket>): Record<string, Record<string, unknown>> {
  return Object.fromEntries([...markets].map((market, index) => [market.id, market.row(index + 1)]))
}
