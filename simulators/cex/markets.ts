import { Decimal } from 'decimal.js'
import type { Level, Micros } from '../../schemas/events.js'
import {
  type LevelMove,
  type MarketShape,
  type MarketTrade,
  SimulatedMarket,
  units,
} from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { PublishedWindow, sideMoves } from '../kit/book-window.js'
import { moreListings } from '../kit/more-listings.js'
import type { Listed } from '../kit/simulated-exchange.js'

const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** Markets of both simulated exchanges. SHIB counts whole coins only, and no client's table knows its minor unit. */
const SHAPES: Readonly<Record<string, MarketShape>> = {
  'BTC/USD': { priceDecimals: 1, amountDecimals: 8, price: '86875.0', amount: '0.02', levels: 60 },
  'ETH/USD': { priceDecimals: 2, amountDecimals: 6, price: '3200.00', amount: '0.6', levels: 60 },
  'SHIB/USD': { priceDecimals: 8, amountDecimals: 0, price: '0.00002210', amount: '15000000', levels: 60 },
  'ADA/EUR': { priceDecimals: 4, amountDecimals: 6, price: '0.6210', amount: '600', levels: 60 },
}

/** A trade with the ids that each exchange gives it, and the time: the venue's clock showed it once, and it stays. */
export interface PublishedTrade extends MarketTrade {
  readonly stamp: Micros
  readonly classicId: number
  /** Milliseconds and a counter within them. */
  readonly spotId: string
}

const TRADES_KEPT = 5_000

/** One market, with what both exchanges publish of it. */
export class PairMarket implements Listed {
  /** The name on Spot Trading. */
  readonly id: string
  readonly quiet: boolean
  readonly base: string
  readonly quote: string
  readonly market: SimulatedMarket
  readonly priceDecimals: number
  readonly amountDecimals: number
  /** The last trades, oldest first. */
  readonly trades: PublishedTrade[] = []
  /** Neither exchange knows a pair that is not: it is missing in the listings, and nothing happens in it. */
  listed = true
  #lastMs = 0
  #counter = 0

  constructor(symbol: string, shape: MarketShape, quiet: boolean, random: SeededRandom) {
    const [base = '', quote = ''] = symbol.split('/')
    this.id = `${base}-${quote}`
    this.quiet = quiet
    this.base = base
    this.quote = quote
    this.priceDecimals = shape.priceDecimals
    this.amountDecimals = shape.amountDecimals
    this.market = new SimulatedMarket(shape, random)
  }

  get classic(): string {
    return `${this.base}:${this.quote}`
  }

  /** @param stamp now, by the venue's clock. */
  step(
    now: Micros,
    stamp: Micros,
  ): { readonly moves: readonly LevelMove[]; readonly trades: readonly PublishedTrade[] } {
    const { moves, trades } = this.market.step(now)
    const published = trades.map((trade) => this.#publish(trade, stamp))
    this.trades.push(...published)
    this.trades.splice(0, Math.max(0, this.trades.length - TRADES_KEPT))
    return { moves, trades: published }
  }

  /** An amount as Spot Trading writes it: padded to the decimals of the base. */
  padded(amount: string): string {
    if (this.amountDecimals === 0) return amount
    const [whole = '0', fraction = ''] = amount.split('.')
    return `${whole}.${fraction.padEnd(this.amountDecimals, '0')}`
  }

  /** An amount in minor units of the base. */
  minor(amount: string): string {
    return units(amount, this.amountDecimals).toString()
  }

  /** What levels add up to: coins, and their worth in money. */
  totals(levels: readonly Level[]): { readonly coins: Decimal; readonly money: Decimal } {
    const coins = levels.reduce((sum, [, amount]) => sum.plus(amount), new Exact(0))
    const money = levels.reduce(
      (sum, [price, amount]) => sum.plus(new Exact(price).times(amount)),
      new Exact(0),
    )
    return { coins, money }
  }

  #publish(trade: MarketTrade, stamp: Micros): PublishedTrade {
    const ms = Math.floor(stamp / 1000)
    this.#counter = ms === this.#lastMs ? this.#counter + 1 : 0
    this.#lastMs = ms
    return { ...trade, stamp, classicId: trade.number, spotId: `${ms}-${this.#counter}` }
  }
}

export function pairMarkets(
  { extremeAmounts = false, instruments = 0 }: SimulatorOptions,
  random: SeededRandom,
): PairMarket[] {
  const own = Object.entries(SHAPES).map(
    ([symbol, shape]) => new PairMarket(symbol, { ...shape, extremeAmounts }, false, random),
  )
  const more = moreListings(instruments - own.length, 6).map(
    ({ base, shape }) => new PairMarket(`${base}/USD`, shape, true, random),
  )
  return [...own, ...more]
}

/** The window of twenty levels that Spot Trading publishes of one market, once a second. */
export class SpotWindow {
  readonly #window: PublishedWindow
  seqId: number

  constructor({ market }: PairMarket, seqId: number) {
    this.#window = new PublishedWindow(market.book, 20)
    this.seqId = seqId
  }

  get shown() {
    return this.#window.shown
  }

  /** Moves on to the market as it is. @returns what changed: levels that entered first, those that went last; null where nothing did. */
  publish(): { readonly bids: readonly Level[]; readonly asks: readonly Level[] } | null {
    const before = this.#window.publish()
    const changes = (side: 'bids' | 'asks'): Level[] => {
      const moves = sideMoves(side, before[side], this.shown[side])
      const rows = (wanted: 'insert' | 'update' | 'delete'): Level[] =>
        moves
          .filter(({ action }) => action === wanted)
          .map(({ price, amount }) => [price, wanted === 'delete' ? '0' : amount])
      return [...rows('insert').reverse(), ...rows('update').reverse(), ...rows('delete')]
    }
    const changed = { bids: changes('bids'), asks: changes('asks') }
    if (changed.bids.length + changed.asks.length === 0) return null
    this.seqId++
    return changed
  }
}
