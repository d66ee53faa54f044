import type { Level, Micros } from '../../schemas/events.js'
import { type MarketShape, type MarketTrade, SimulatedMarket } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { moreListings } from '../kit/more-listings.js'
import type { Listed } from '../kit/simulated-exchange.js'

const AMOUNT_DECIMALS = 8

/** What a fault delists. */
export const DELISTED = 'BTCJPY24DEC2021'

/** Spot, FX and a future; the book of FX is deeper than an image shows. */
const SHAPES: Readonly<Record<string, MarketShape>> = {
  BTC_JPY: { priceDecimals: 0, amountDecimals: 8, price: '6866022', amount: '0.05' },
  XRP_JPY: { priceDecimals: 2, amountDecimals: 8, price: '96.02', amount: '2000' },
  ETH_BTC: { priceDecimals: 5, amountDecimals: 8, price: '0.03561', amount: '2.5', levels: 60 },
  FX_BTC_JPY: { priceDecimals: 0, amountDecimals: 8, price: '6865955', amount: '0.05', levels: 320 },
  BTC_USD: { priceDecimals: 2, amountDecimals: 8, price: '58673.18', amount: '0.05', levels: 60 },
  [DELISTED]: { priceDecimals: 0, amountDecimals: 8, price: '5700879', amount: '0.05', levels: 30 },
}

/** Levels a side of an image. */
const IMAGE_LEVELS = 300
const TRADES_KEPT = 5_000
/** Where its tickers begin to count. */
const FIRST_TICK = 7_240_196

/** A trade as the venue names it. */
export interface Execution extends MarketTrade {
  readonly id: number
}

/** One product of the simulated venue. */
export class Product implements Listed {
  readonly id: string
  readonly market: SimulatedMarket
  readonly quiet: boolean
  /** Oldest first. */
  readonly executions: Execution[] = []
  listed = true
  #tick = FIRST_TICK

  constructor(id: string, shape: MarketShape, quiet: boolean, random: SeededRandom) {
    this.id = id
    this.quiet = quiet
    this.market = new SimulatedMarket(shape, random)
  }

  keep(executions: readonly Execution[]): void {
    this.executions.push(...executions)
    if (this.executions.length > TRADES_KEPT) this.executions.splice(0, this.executions.length - TRADES_KEPT)
  }

  /** As in `getmarkets`. */
  get row(): Record<string, string> {
    if (this.id.startsWith('FX_')) return { product_code: this.id, market_type: 'FX' }
    if (this.id.includes('_')) return { product_code: this.id, market_type: 'Spot' }
    return { product_code: this.id, alias: 'BTCJPY_MAT1WK', market_type: 'Futures' }
  }

  image(): string {
    const { bids, asks } = this.market.book.top(IMAGE_LEVELS)
    // From the worst bid to the best, as in the recordings.
    return board(bids.toReversed(), asks)
  }

  ticker(state: string, time: string): string {
    const { last, volume } = this.market.day
    const { bids, asks } = this.market.book.top(1)
    const [bid = ['0', '0'], ask = ['0', '0']] = [bids[0], asks[0]]
    const figures = {
      best_bid: bid[0],
      best_ask: ask[0],
      best_bid_size: bid[1],
      best_ask_size: ask[1],
      total_bid_depth: volume,
      total_ask_depth: volume,
      market_bid_size: '0',
      market_ask_size: '0',
      ltp: last,
      volume,
      volume_by_product: volume,
    }
    const rest = Object.entries(figures).map(([name, value]) => `"${name}":${bare(value)}`)
    return `{"product_code":"${this.id}","state":"${state}","timestamp":"${time}","tick_id":${++this.#tick},${rest.join()}}`
  }
}

export function products(
  { extremeAmounts = false, instruments = 0 }: SimulatorOptions,
  random: SeededRandom,
): Product[] {
  const own = Object.entries(SHAPES).map(
    ([id, shape]) => new Product(id, { ...shape, extremeAmounts }, false, random.fork()),
  )
  const more = moreListings(instruments - own.length, AMOUNT_DECIMALS).map(
    ({ base, shape }) => new Product(`${base}_JPY`, shape, true, random.fork()),
  )
  return [...own, ...more]
}

/** The message of a board. */
export function board(bids: readonly Level[], asks: readonly Level[]): string {
  const rows = (levels: readonly Level[]) =>
    levels.map(([price, size]) => `{"price":${bare(price)},"size":${bare(size)}}`).join()
  return `{"mid_price":${bare(bids.at(-1)?.[0] ?? asks[0]?.[0] ?? '0')},"bids":[${rows(bids)}],"asks":[${rows(asks)}]}`
}

export function executionRow({ id, side, price, amount }: Execution, time: string): string {
  const of = `"buy_child_order_acceptance_id":"JRF${id}-1","sell_child_order_acceptance_id":"JRF${id}-2"`
  return `{"id":${id},"side":"${side.toUpperCase()}","price":${bare(price)},"size":${bare(amount)},"exec_date":"${time}",${of}}`
}

/** Seven digits of a second, without zeros at their end. */
export function time(at: Micros): string {
  const second = new Date(Math.floor(at / 1_000_000) * 1000).toISOString().slice(0, 19)
  return `${second}.${String(at % 1_000_000).padStart(6, '0')}7Z`
}

/** As the venue prints numbers: `6866022.0`, and some with zeros at the end. */
function bare(decimal: string): string {
  return decimal.includes('.') ? `${decimal}00` : `${decimal}.0`
}
