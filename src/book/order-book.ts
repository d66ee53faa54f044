import type { Level, Micros } from '../../schemas/events.js'
import { compareDecimals } from '../decode/decimal.js'

/**
 * `syncing`: no snapshot yet. `live`: every change since the snapshot was applied and nothing speaks against it.
 * `suspect`: a hole or a contradiction; the levels are those of the last moment it was live.
 */
export type BookState = 'syncing' | 'live' | 'suspect'

export type BookSide = 'bids' | 'asks'

/** What setting one level did. `absent`: a removal of a level that was not there. */
export type LevelChange = 'inserted' | 'changed' | 'removed' | 'absent'

/** The part of a book that a user may see. */
export interface ReadonlyBook {
  readonly state: BookState
  /** Receive time of the last message applied, microseconds; null before any, or without a clock. */
  readonly lastUpdate: Micros | null
  /** The best level a side; null where the side is empty. */
  best(): { readonly bid: Level | null; readonly ask: Level | null }
  /** The `n` best levels a side, best first. */
  top(n: number): { readonly bids: Level[]; readonly asks: Level[] }
  /** The amount at a price; null where there is no such level. */
  amountAt(side: BookSide, price: string): string | null
  /** Number of levels. */
  count(side: BookSide): number
  /** Whether the best bid is at or above the best ask. */
  readonly crossed: boolean
}

/**
 * One side: amounts by price, and the prices sorted so that the best is last. Most messages change an amount (a map
 * write) or move levels near the best (a short splice), so both stay cheap in a book of ten thousand levels.
 */
class Side {
  readonly amounts = new Map<string, string>()
  readonly prices: string[] = []
  /** 1 where a higher price is better (bids), -1 where a lower one is (asks). */
  readonly #direction: 1 | -1

  constructor(direction: 1 | -1) {
    this.#direction = direction
  }

  set(price: string, amount: string): LevelChange {
    if (amount === '0') {
      if (!this.amounts.delete(price)) return 'absent'
      this.prices.splice(this.#position(price), 1)
      return 'removed'
    }
    const size = this.amounts.size
    this.amounts.set(price, amount)
    if (this.amounts.size === size) return 'changed'
    this.prices.splice(this.#position(price), 0, price)
    return 'inserted'
  }

  replace(levels: readonly Level[]): void {
    this.amounts.clear()
    for (const [price, amount] of levels) if (amount !== '0') this.amounts.set(price, amount)
    this.prices.length = 0
    for (const price of this.amounts.keys()) this.prices.push(price)
    this.prices.sort((a, b) => compareDecimals(a, b) * this.#direction)
  }

  best(): Level | null {
    const price = this.prices[this.prices.length - 1]
    return price === undefined ? null : [price, this.amounts.get(price) as string]
  }

  worst(): Level | null {
    const price = this.prices[0]
    return price === undefined ? null : [price, this.amounts.get(price) as string]
  }

  top(n: number): Level[] {
    const levels: Level[] = []
    const from = this.prices.length - 1
    const to = Math.max(from - n, -1)
    for (let at = from; at > to; at--) {
      const price = this.prices[at] as string
      levels.push([price, this.amounts.get(price) as string])
    }
    return levels
  }

  /** Where the price stands, or would be inserted: a gallop from the best end, then bisection. */
  #position(price: string): number {
    const { prices } = this
    let high = prices.length
    let step = 1
    let low = high - step
    while (low >= 0 && compareDecimals(prices[low] as string, price) * this.#direction >= 0) {
      high = low
      step *= 2
      low = high - step
    }
    if (low < 0) low = -1
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (compareDecimals(prices[middle] as string, price) * this.#direction >= 0) high = middle
      else low = middle
    }
    return high
  }
}

/** An exact order book: canonical decimals in, never a float. */
export class OrderBook implements ReadonlyBook {
  state: BookState = 'syncing'
  lastUpdate: Micros | null = null
  readonly #bids = new Side(1)
  readonly #asks = new Side(-1)

  /** Replaces every level and is live from here. */
  snapshot(bids: readonly Level[], asks: readonly Level[]): void {
    this.#bids.replace(bids)
    this.#asks.replace(asks)
    this.state = 'live'
  }

  /**
   * Applies absolute amounts; `"0"` removes.
   * @returns how many removed levels were not there.
   */
  update(bids: readonly Level[], asks: readonly Level[]): number {
    let absent = 0
    for (const [price, amount] of bids) if (this.#bids.set(price, amount) === 'absent') absent++
    for (const [price, amount] of asks) if (this.#asks.set(price, amount) === 'absent') absent++
    return absent
  }

  set(side: BookSide, price: string, amount: string): LevelChange {
    return this.#side(side).set(price, amount)
  }

  best(): { bid: Level | null; ask: Level | null } {
    return { bid: this.#bids.best(), ask: this.#asks.best() }
  }

  /** The level furthest from the spread; null where the side is empty. */
  worst(side: BookSide): Level | null {
    return this.#side(side).worst()
  }

  top(n: number): { bids: Level[]; asks: Level[] } {
    return { bids: this.#bids.top(n), asks: this.#asks.top(n) }
  }

  amountAt(side: BookSide, price: string): string | null {
    return this.#side(side).amounts.get(price) ?? null
  }

  count(side: BookSide): number {
    return this.#side(side).prices.length
  }

  /** Whether the best bid is at or above the best ask. */
  get crossed(): boolean {
    const bid = this.#bids.prices.at(-1)
    const ask = this.#asks.prices.at(-1)
    return bid !== undefined && ask !== undefined && compareDecimals(bid, ask) >= 0
  }

  /** Forgets everything: as new. */
  clear(): void {
    this.#bids.replace([])
    this.#asks.replace([])
    this.state = 'syncing'
    this.lastUpdate = null
  }

  #side(side: BookSide): Side {
    return side === 'bids' ? this.#bids : this.#asks
  }
}
