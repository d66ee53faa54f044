import type { Micros } from '../../schemas/events.js'
import type { BookSide } from '../../src/book/order-book.js'
import { decimal, type LevelMove, units } from '../../src/simulator/market.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import { PERIODS } from './listing.js'

/** A single order, or the offer of a loan. */
export interface SimulatedOrder {
  readonly id: number
  readonly price: string
  readonly amount: string
  /** Days of a loan. */
  readonly period: number
}

interface Held {
  readonly id: number
  amount: bigint
}

interface HeldLevel {
  readonly orders: Held[]
  /** As they were last read; null since a change. */
  read: readonly SimulatedOrder[] | null
}

/**
 * The single orders behind the levels of a market: a level that grows gets a new order, one that shrinks loses its oldest.
 */
export class OrderLayer {
  readonly #decimals: number
  readonly #levels: Record<BookSide, Map<string, HeldLevel>> = { bids: new Map(), asks: new Map() }
  #lastId = 0

  constructor(amountDecimals: number) {
    this.#decimals = amountDecimals
  }

  /** Ids go on from the clock, ten a millisecond, so that a simulator that starts again gives none twice. */
  begin(now: Micros): void {
    this.#lastId = Math.floor(now / 100)
  }

  /** A level that stands from the beginning, cut into one to three orders. */
  found(side: BookSide, price: string, amount: string, random: SeededRandom): void {
    const { orders } = this.#level(side, price)
    let left = units(amount, this.#decimals)
    for (let more = random.integer(0, 2); more > 0 && left > 1n; more--) {
      const part = (left * BigInt(random.integer(10, 60))) / 100n
      if (part === 0n) break
      orders.push({ id: ++this.#lastId, amount: part })
      left -= part
    }
    orders.push({ id: ++this.#lastId, amount: left })
  }

  apply({ side, price, amount }: LevelMove): void {
    if (amount === null) {
      this.#levels[side].delete(price)
      return
    }
    const level = this.#level(side, price)
    const { orders } = level
    level.read = null
    let surplus = -units(amount, this.#decimals)
    for (const order of orders) surplus += order.amount
    if (surplus < 0n) orders.push({ id: ++this.#lastId, amount: -surplus })
    for (let first = orders[0]; first !== undefined && surplus > 0n; first = orders[0]) {
      if (first.amount > surplus) {
        first.amount -= surplus
        return
      }
      surplus -= first.amount
      orders.shift()
    }
  }

  /** The orders at a price, oldest first: the same array until one of them changes. */
  at(side: BookSide, price: string): readonly SimulatedOrder[] {
    const level = this.#levels[side].get(price)
    if (level === undefined) return []
    level.read ??= level.orders.map(({ id, amount }) => ({
      id,
      price,
      amount: decimal(amount, this.#decimals),
      period: PERIODS[id % PERIODS.length] ?? 2,
    }))
    return level.read
  }

  #level(side: BookSide, price: string): HeldLevel {
    let level = this.#levels[side].get(price)
    if (level === undefined) {
      level = { orders: [], read: null }
      this.#levels[side].set(price, level)
    }
    return level
  }
}
