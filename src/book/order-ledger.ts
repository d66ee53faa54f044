import { Decimal } from 'decimal.js'
import type { Level, Order } from '../../schemas/events.js'
import { compareDecimals } from '../decode/decimal.js'
import { ownText } from '../decode/own-text.js'
import type { BookSide, LevelChange } from './order-book.js'

/** Sums of amounts must stay exact at any length that a venue prints. */
const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** The part of an L3 book that a user may see. */
export interface ReadonlyLedger {
  /** The order held under an id. */
  get(side: BookSide, id: string): Order | undefined
  /** The L2 level at a price: the exact sum of its orders, `"0"` where there is none. */
  level(side: BookSide, price: string): Level
  /** Every L2 level, best first. */
  levels(side: BookSide): Level[]
  /** The `n` best orders: by price, then by id as numbers (text where they are none). */
  top(side: BookSide, n: number): Order[]
  /** Number of orders. */
  count(side: BookSide): number
}

/** An L3 book: every order by its id and side, and the L2 levels that follow from it. */
export class OrderLedger implements ReadonlyLedger {
  readonly #orders = { bids: new Map<string, Order>(), asks: new Map<string, Order>() }
  /** Orders by price, to sum a level again when one of its orders changes. */
  readonly #levels = {
    bids: new Map<string, Map<string, Order>>(),
    asks: new Map<string, Map<string, Order>>(),
  }

  /** Of all ids, prices and amounts together: what the ledger takes of memory. */
  characters = 0

  snapshot(bids: readonly Order[], asks: readonly Order[]): void {
    this.clear()
    for (const order of bids) this.#put('bids', order)
    for (const order of asks) this.#put('asks', order)
  }

  /**
   * Sets one order as it now stands; amount `"0"` removes it.
   * @returns what it did, and the prices whose L2 level changed.
   */
  set(side: BookSide, order: Order): { change: LevelChange; prices: string[] } {
    const held = this.#orders[side].get(order[0])
    if (order[2] === '0') {
      if (held === undefined) return { change: 'absent', prices: [] }
      this.#drop(side, held)
      return { change: 'removed', prices: [held[1]] }
    }
    if (held !== undefined) this.#drop(side, held)
    this.#put(side, [ownText(order[0]), ownText(order[1]), ownText(order[2])])
    if (held === undefined) return { change: 'inserted', prices: [order[1]] }
    return { change: 'changed', prices: held[1] === order[1] ? [order[1]] : [held[1], order[1]] }
  }

  /** The order held under an id. */
  get(side: BookSide, id: string): Order | undefined {
    return this.#orders[side].get(id)
  }

  /** The L2 level at a price: the exact sum of its orders, `"0"` where there is none. */
  level(side: BookSide, price: string): Level {
    const orders = this.#levels[side].get(price)
    if (orders === undefined) return [price, '0']
    let sum = new Exact(0)
    for (const order of orders.values()) sum = sum.plus(order[2])
    return [price, sum.toFixed()]
  }

  /** Every L2 level, best first. */
  levels(side: BookSide): Level[] {
    return this.#prices(side).map((price) => this.level(side, price))
  }

  /** The `n` best orders: by price, then by id as numbers (text where they are none). */
  top(side: BookSide, n: number): Order[] {
    const orders: Order[] = []
    for (const price of this.#prices(side)) {
      const level = this.#levels[side].get(price) as Map<string, Order>
      orders.push(...[...level.values()].sort((a, b) => compareIds(a[0], b[0])))
      if (orders.length >= n) break
    }
    return orders.slice(0, n)
  }

  count(side: BookSide): number {
    return this.#orders[side].size
  }

  clear(): void {
    for (const side of ['bids', 'asks'] as const) {
      this.#orders[side].clear()
      this.#levels[side].clear()
    }
    this.characters = 0
  }

  #prices(side: BookSide): string[] {
    const direction = side === 'bids' ? -1 : 1
    return [...this.#levels[side].keys()].sort((a, b) => compareDecimals(a, b) * direction)
  }

  #put(side: BookSide, order: Order): void {
    // A snapshot may name an order twice: the later one stands.
    const before = this.#orders[side].get(order[0])
    if (before !== undefined) this.#drop(side, before)
    this.characters += order[0].length + order[1].length + order[2].length
    this.#orders[side].set(order[0], order)
    const level = this.#levels[side].get(order[1])
    if (level === undefined) this.#levels[side].set(order[1], new Map([[order[0], order]]))
    else level.set(order[0], order)
  }

  #drop(side: BookSide, order: Order): void {
    this.characters -= order[0].length + order[1].length + order[2].length
    this.#orders[side].delete(order[0])
    const level = this.#levels[side].get(order[1])
    level?.delete(order[0])
    if (level?.size === 0) this.#levels[side].delete(order[1])
  }
}

function compareIds(a: string, b: string): number {
  const numeric = /^\d+$/
  if (numeric.test(a) && numeric.test(b)) return compareDecimals(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}
