import type { Level, Micros } from '../../schemas/events.js'
import { compareDecimals } from '../../src/decode/decimal.js'
import {
  decimal,
  type LevelMove,
  type MarketTrade,
  SimulatedMarket,
  units,
} from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'

/** Markets of both simulated exchanges. SHIB counts whole coins only, and no client's table knows its minor unit. */
const SHAPES = {
  'BTC/USD': { priceDecimals: 1, amountDecimals: 8, price: '86875.0', amount: '0.02', levels: 60 },
  'ETH/USD': { priceDecimals: 2, amountDecimals: 6, price: '3200.00', amount: '0.6', levels: 60 },
  'SHIB/USD': { priceDecimals: 8, amountDecimals: 0, price: '0.00002210', amount: '15000000', levels: 60 },
  'ADA/EUR': { priceDecimals: 4, amountDecimals: 6, price: '0.6210', amount: '600', levels: 60 },
} as const

/** A trade with the ids that each exchange gives it, and the time: the venue's clock showed it once, and it stays. */
export interface PublishedTrade extends MarketTrade {
  readonly stamp: Micros
  readonly classicId: number
  /** Milliseconds and a counter within them. */
  readonly spotId: string
}

const TRADES_KEPT = 5_000

/** A candle of one length; volume in minor units. */
export interface RunningCandle {
  /** Seconds. */
  readonly time: number
  readonly open: string
  high: string
  low: string
  close: string
  volume: bigint
}

const CANDLES_KEPT = 120

/** The last candles of one length. */
export class CandleRun {
  readonly seconds: number
  readonly candles: RunningCandle[] = []

  constructor(seconds: number) {
    this.seconds = seconds
  }

  add(at: Micros, price: string, volume: bigint): RunningCandle {
    const time = Math.floor(at / 1_000_000 / this.seconds) * this.seconds
    let candle = this.candles.at(-1)
    if (candle?.time !== time) {
      candle = { time, open: price, high: price, low: price, close: price, volume: 0n }
      this.candles.push(candle)
      if (this.candles.length > CANDLES_KEPT) this.candles.shift()
    }
    candle.close = price
    candle.volume += volume
    if (compareDecimals(price, candle.high) > 0) candle.high = price
    if (compareDecimals(price, candle.low) < 0) candle.low = price
    return candle
  }
}

/** One market, with what both exchanges tell of it. */
export class PairMarket {
  readonly base: string
  readonly quote: string
  readonly market: SimulatedMarket
  readonly priceDecimals: number
  readonly amountDecimals: number
  /** The last trades, oldest first. */
  readonly trades: PublishedTrade[] = []
  /** Neither exchange knows a pair that is not: it is missing in the listings, and nothing happens in it. */
  listed = true
  readonly #day = new CandleRun(86_400)
  #lastMs = 0
  #counter = 0

  constructor(symbol: keyof typeof SHAPES, extremeAmounts: boolean, random: SeededRandom) {
    const shape = SHAPES[symbol]
    const [base = '', quote = ''] = symbol.split('/')
    this.base = base
    this.quote = quote
    this.priceDecimals = shape.priceDecimals
    this.amountDecimals = shape.amountDecimals
    this.market = new SimulatedMarket({ ...shape, extremeAmounts }, random)
  }

  get spot(): string {
    return `${this.base}-${this.quote}`
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
    for (const { price, amount } of published) this.#day.add(now, price, BigInt(this.minor(amount)))
    this.trades.push(...published)
    this.trades.splice(0, Math.max(0, this.trades.length - TRADES_KEPT))
    return { moves, trades: published }
  }

  /** What was traded today; undefined before the first trade. */
  get day(): RunningCandle | undefined {
    return this.#day.candles.at(-1)
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

  #publish(trade: MarketTrade, stamp: Micros): PublishedTrade {
    const ms = Math.floor(stamp / 1000)
    this.#counter = ms === this.#lastMs ? this.#counter + 1 : 0
    this.#lastMs = ms
    return { ...trade, stamp, classicId: trade.number, spotId: `${ms}-${this.#counter}` }
  }
}

export function pairMarkets(random: SeededRandom, extremeAmounts: boolean): readonly PairMarket[] {
  const symbols = ['BTC/USD', 'ETH/USD', 'SHIB/USD', 'ADA/EUR'] as const
  return symbols.map((symbol) => new PairMarket(symbol, extremeAmounts, random))
}

/** The window of twenty levels that Spot Trading publishes of one market, once a second. */
export class PublishedWindow {
  readonly #pair: PairMarket
  seqId: number
  bids: readonly Level[]
  asks: readonly Level[]
  due: Micros | null = null

  constructor(pair: PairMarket, seqId: number) {
    this.#pair = pair
    this.seqId = seqId
    ;({ bids: this.bids, asks: this.asks } = pair.market.book.top(20))
  }

  /** Moves on to the market as it is. @returns what changed, in no order of price; null where nothing did. */
  publish(): { readonly bids: readonly Level[]; readonly asks: readonly Level[] } | null {
    const { bids, asks } = this.#pair.market.book.top(20)
    const changed = { bids: changes(this.bids, bids), asks: changes(this.asks, asks) }
    if (changed.bids.length + changed.asks.length === 0) return null
    this.bids = bids
    this.asks = asks
    this.seqId++
    return changed
  }
}

function changes(before: readonly Level[], after: readonly Level[]): Level[] {
  const held = new Map(after)
  const was = new Map(before)
  const gone = before.filter(([price]) => !held.has(price)).map(([price]): Level => [price, '0'])
  const set = after.filter(([price, amount]) => was.get(price) !== amount)
  return [...set.reverse(), ...gone]
}

/** The sum of amounts in minor units as a decimal. */
export function coins(minor: bigint, decimals: number): string {
  return decimal(minor, decimals)
}
