import type { Level, Micros, Side } from '../../schemas/events.js'
import { type BookSide, OrderBook } from '../book/order-book.js'
import { canonicalDecimal } from '../decode/decimal.js'
import type { SeededRandom } from './random.js'

/** What an instrument of the simulated market is like. */
export interface MarketShape {
  /** Decimals of the price, and the smallest step in units of the last decimal. */
  readonly priceDecimals: number
  readonly tick?: number
  readonly amountDecimals: number
  /** Where the price starts, as a decimal; rounded down to a multiple of the tick. */
  readonly price: string
  /** Levels a side that the market keeps. @default 120 */
  readonly levels?: number
  /** Digits of the longest amounts. Fewer where the venue itself keeps binary floats, as Bitfinex does. @default 20 */
  readonly amountDigits?: number
}

export interface MarketTrade {
  /** Counts from 1 in each market. */
  readonly number: number
  readonly time: Micros
  readonly side: Side
  readonly price: string
  readonly amount: string
}

/** One change of one level. `previous` is null where the level is new, `amount` is null where it went. */
export interface LevelMove {
  readonly side: BookSide
  readonly price: string
  readonly previous: string | null
  readonly amount: string | null
}

export interface MarketStep {
  readonly moves: readonly LevelMove[]
  readonly trades: readonly MarketTrade[]
}

/** Some minutes of a busy market: what a venue's history over REST reaches back to. */
const TRADES_KEPT = 5_000

/** How far from where it began the price may wander before the market leans against it, in levels. */
const ROAM = 50n

/**
 * A market that lives by a seed: a true book that never crosses, and trades that eat from it. All numbers are integers in
 * units of the last decimal, so that the truth is exact; amounts of twenty digits occur.
 *
 * However long it lives, a side keeps from `levels` to a fifth more (fewer only where prices would fall to zero), the
 * price stays around where it began, and the last five thousand trades are kept.
 */
export class SimulatedMarket {
  /** The true book. */
  readonly book = new OrderBook()
  /** The last trades, oldest first: five thousand at most. */
  readonly trades: MarketTrade[] = []
  /** The market stands still: what was told of it can catch up with what is true. */
  frozen = false
  readonly #shape: Required<MarketShape>
  readonly #random: SeededRandom
  /** Where the price began, in ticks. */
  readonly #home: bigint
  #tradeCount = 0

  /** @throws {RangeError} where the price is below one tick or has more than its decimals. */
  constructor(shape: MarketShape, random: SeededRandom) {
    this.#shape = { tick: 1, levels: 120, amountDigits: 20, ...shape }
    this.#random = random
    this.#home = units(shape.price, shape.priceDecimals) / BigInt(this.#shape.tick)
    if (this.#home <= 0n) throw new RangeError(`the price ${shape.price} is below one tick`)
    const bids: Level[] = []
    const asks: Level[] = []
    for (let step = 1n; step <= BigInt(this.#shape.levels); step++) {
      if (this.#home > step) bids.push([this.#price(this.#home - step), this.#amount()])
      asks.push([this.#price(this.#home + step), this.#amount()])
    }
    this.book.snapshot(bids, asks)
  }

  /** Moves the market on by a few changes. Every change of the book is in `moves`, in order. */
  step(now: Micros): MarketStep {
    if (this.frozen) return { moves: [], trades: [] }
    const moves: LevelMove[] = []
    const trades: MarketTrade[] = []
    const changes = this.#random.integer(1, 4)
    for (let change = 0; change < changes; change++) {
      if (this.#random.chance(0.15)) this.#trade(now, moves, trades)
      else this.#change(moves)
    }
    this.#trim('bids', moves)
    this.#trim('asks', moves)
    return { moves, trades }
  }

  /** Sets or removes one level, most often near the spread, never beyond it. */
  #change(moves: LevelMove[]): void {
    const side: BookSide = this.#random.chance(0.5) ? 'bids' : 'asks'
    const { bid, ask } = this.book.best()
    const other = side === 'bids' ? ask : bid
    const near = other === null ? this.#home : this.#ticks(other[0])
    const distance = 1n + BigInt(Math.floor(this.#random.next() ** 3 * this.#shape.levels))
    const ticks = side === 'bids' ? near - distance : near + distance
    if (ticks <= 0n) return
    const price = this.#price(ticks)
    const held = this.book.amountAt(side, price)
    const remove = held !== null && this.book.count(side) > 5 && this.#random.chance(0.45)
    this.#set(side, price, remove ? null : this.#amount(), moves)
  }

  /** Keeps the number of levels where it belongs, at the far end of the side. */
  #trim(side: BookSide, moves: LevelMove[]): void {
    const { levels } = this.#shape
    while (this.book.count(side) > levels * 1.2) {
      const worst = this.book.worst(side)
      if (worst !== null) this.#set(side, worst[0], null, moves)
    }
    while (this.book.count(side) < levels) {
      const worst = this.book.worst(side)
      const from = worst === null ? this.#home : this.#ticks(worst[0])
      const ticks = side === 'bids' ? from - 1n : from + 1n
      if (ticks <= 0n) return
      this.#set(side, this.#price(ticks), this.#amount(), moves)
    }
  }

  #trade(now: Micros, moves: LevelMove[], trades: MarketTrade[]): void {
    const { bid, ask } = this.book.best()
    if (bid === null || ask === null) return
    const side: Side = this.#random.chance(this.#demand(bid[0])) ? 'buy' : 'sell'
    const eaten: BookSide = side === 'buy' ? 'asks' : 'bids'
    const [price, held] = side === 'buy' ? ask : bid
    const available = units(held, this.#shape.amountDecimals)
    const whole = this.book.count(eaten) > 5 && this.#random.chance(0.4)
    const taken = whole ? available : (available * BigInt(this.#random.integer(1, 99))) / 100n
    if (taken === 0n) return
    const left = available - taken
    this.#set(eaten, price, left === 0n ? null : decimal(left, this.#shape.amountDecimals), moves)
    const trade: MarketTrade = {
      number: ++this.#tradeCount,
      time: now,
      side,
      price,
      amount: decimal(taken, this.#shape.amountDecimals),
    }
    trades.push(trade)
    this.trades.push(trade)
    if (this.trades.length > TRADES_KEPT) this.trades.shift()
  }

  /** The chance that the next taker buys: even at home, and the further away the price is the more it pulls back. */
  #demand(bid: string): number {
    const half = this.#home / 2n
    const reach = BigInt(this.#shape.levels) * ROAM
    const roam = half < reach ? half + 1n : reach
    const lean = Number(((this.#home - this.#ticks(bid)) * 1000n) / roam) / 1000
    return 0.5 + 0.45 * Math.max(-1, Math.min(1, lean))
  }

  #set(side: BookSide, price: string, amount: string | null, moves: LevelMove[]): void {
    const previous = this.book.amountAt(side, price)
    if (previous === amount) return
    this.book.set(side, price, amount ?? '0')
    moves.push({ side, price, previous, amount })
  }

  #price(ticks: bigint): string {
    return decimal(ticks * BigInt(this.#shape.tick), this.#shape.priceDecimals)
  }

  #ticks(price: string): bigint {
    return units(price, this.#shape.priceDecimals) / BigInt(this.#shape.tick)
  }

  /** Mostly ordinary, sometimes a single unit, rarely one of twenty digits. */
  #amount(): string {
    const roll = this.#random.next()
    const { amountDecimals, amountDigits } = this.#shape
    if (roll < 0.03) return decimal(1n, amountDecimals)
    if (roll < 0.04) {
      const digits = Array.from({ length: amountDigits }, () => this.#random.integer(1, 9)).join('')
      return decimal(BigInt(digits), amountDecimals)
    }
    return decimal(BigInt(this.#random.integer(1, 2_000_000_000)), amountDecimals)
  }
}

/**
 * A decimal as an integer in units of its last decimal place.
 *
 * @throws {RangeError} where it has more decimals than that.
 */
export function units(text: string, decimals: number): bigint {
  const point = text.indexOf('.')
  if (point === -1) return BigInt(text + '0'.repeat(decimals))
  const fraction = text.slice(point + 1)
  if (fraction.length > decimals && /[^0]/.test(fraction.slice(decimals))) {
    throw new RangeError(`${text} has more than ${decimals} decimals`)
  }
  return BigInt(text.slice(0, point) + fraction.slice(0, decimals).padEnd(decimals, '0'))
}

/** The canonical decimal of an integer in units of its last decimal place. */
export function decimal(value: bigint, decimals: number): string {
  const negative = value < 0n
  const digits = (negative ? -value : value).toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals)
  return canonicalDecimal(`${negative ? '-' : ''}${whole}${decimals > 0 ? `.${fraction}` : ''}`)
}
