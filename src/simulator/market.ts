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
  /** Where the price starts, as a decimal. */
  readonly price: string
  /** Levels a side that the market keeps. @default 120 */
  readonly levels?: number
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

/**
 * A market that lives by a seed: a true book that never crosses, and trades that eat from it. All numbers are integers in
 * units of the last decimal, so that the truth is exact; amounts of twenty digits occur.
 */
export class SimulatedMarket {
  /** The true book. */
  readonly book = new OrderBook()
  /** Every trade so far, oldest first; the last thousand are kept. */
  readonly trades: MarketTrade[] = []
  readonly #shape: Required<MarketShape>
  readonly #random: SeededRandom
  /** Price in ticks of the middle of the book. */
  #middle: bigint
  #tradeCount = 0

  constructor(shape: MarketShape, random: SeededRandom) {
    this.#shape = { tick: 1, levels: 120, ...shape }
    this.#random = random
    this.#middle = units(shape.price, shape.priceDecimals) / BigInt(this.#shape.tick)
    const bids: Level[] = []
    const asks: Level[] = []
    for (let step = 1; step <= this.#shape.levels; step++) {
      if (this.#middle - BigInt(step) > 0n)
        bids.push([this.#price(this.#middle - BigInt(step)), this.#amount()])
      asks.push([this.#price(this.#middle + BigInt(step)), this.#amount()])
    }
    this.book.snapshot(bids, asks)
  }

  /** Moves the market on by a few changes. Every change of the book is in `moves`, in order. */
  step(now: Micros): MarketStep {
    const moves: LevelMove[] = []
    const trades: MarketTrade[] = []
    const changes = this.#random.integer(1, 4)
    for (let change = 0; change < changes; change++) {
      if (this.#random.chance(0.15)) this.#trade(now, moves, trades)
      else this.#change(moves)
    }
    return { moves, trades }
  }

  #change(moves: LevelMove[]): void {
    const side: BookSide = this.#random.chance(0.5) ? 'bids' : 'asks'
    const other = side === 'bids' ? this.book.best().ask : this.book.best().bid
    const own = side === 'bids' ? this.book.best().bid : this.book.best().ask
    if (other === null || own === null || this.book.count(side) < this.#shape.levels / 2) {
      this.#refill(side, moves)
      return
    }
    const sign = side === 'bids' ? -1n : 1n
    const limit = this.#ticks(other[0])
    const near = limit + sign
    const distance = BigInt(Math.floor(this.#random.next() ** 3 * this.#shape.levels))
    const ticks = near + sign * distance
    if (ticks <= 0n) return
    const price = this.#price(ticks)
    const held = this.book.amountAt(side, price)
    if (held !== null && this.#random.chance(0.45) && this.book.count(side) > 5)
      this.#set(side, price, null, moves)
    else this.#set(side, price, this.#amount(), moves)
    if (this.book.count(side) > this.#shape.levels * 1.2) {
      const worst = this.book.top(this.book.count(side))[side].at(-1)
      if (worst !== undefined) this.#set(side, worst[0], null, moves)
    }
  }

  #refill(side: BookSide, moves: LevelMove[]): void {
    const best = this.book.best()
    const sign = side === 'bids' ? -1n : 1n
    const anchor = side === 'bids' ? best.ask : best.bid
    const start = anchor === null ? this.#middle : this.#ticks(anchor[0])
    for (let step = 1n; step <= BigInt(this.#shape.levels); step++) {
      const ticks = start + sign * step
      if (ticks <= 0n) break
      const price = this.#price(ticks)
      if (this.book.amountAt(side, price) === null) {
        this.#set(side, price, this.#amount(), moves)
        if (this.#random.chance(0.5)) break
      }
    }
  }

  #trade(now: Micros, moves: LevelMove[], trades: MarketTrade[]): void {
    const side: Side = this.#random.chance(0.5) ? 'buy' : 'sell'
    const eaten: BookSide = side === 'buy' ? 'asks' : 'bids'
    const best = side === 'buy' ? this.book.best().ask : this.book.best().bid
    if (best === null || this.book.count(eaten) < 5) return
    const [price, held] = best
    const available = units(held, this.#shape.amountDecimals)
    const whole = this.#random.chance(0.4)
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
    if (this.trades.length > 1000) this.trades.splice(0, this.trades.length - 1000)
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
    const { amountDecimals } = this.#shape
    if (roll < 0.03) return decimal(1n, amountDecimals)
    if (roll < 0.04) {
      const digits = Array.from({ length: 20 }, () => this.#random.integer(1, 9)).join('')
      return decimal(BigInt(digits), amountDecimals)
    }
    return decimal(BigInt(this.#random.integer(1, 2_000_000_000)), amountDecimals)
  }
}

/** A decimal as an integer in units of its last decimal place. */
export function units(text: string, decimals: number): bigint {
  const negative = text.startsWith('-')
  const [whole = '0', fraction = ''] = (negative ? text.slice(1) : text).split('.')
  const value = BigInt(whole + fraction.padEnd(decimals, '0').slice(0, decimals))
  return negative ? -value : value
}

/** The canonical decimal of an integer in units of its last decimal place. */
export function decimal(value: bigint, decimals: number): string {
  const negative = value < 0n
  const digits = (negative ? -value : value).toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals)
  return canonicalDecimal(`${negative ? '-' : ''}${whole}${decimals > 0 ? `.${fraction}` : ''}`)
}
