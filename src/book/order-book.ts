import type { Level, Micros } from '../../schemas/events.js'
import { compareDecimals } from '../decode/decimal.js'
import { ownText } from '../decode/own-text.js'
import { type BookState, type BookStep, bookAfter } from './book-steps.js'

export type { BookState }

/** A side of a book. */
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
 * One side: prices sorted so that the best is last, amounts beside them. Most messages concern levels near the best, so the
 * search gallops from that end and a splice moves little, in a book of ten thousand levels too. A map of amounts beside the
 * sorted prices was measured to be slower: hashing a price that was cut from a frame costs as much as finding it.
 */
class Side {
  readonly prices: string[] = []
  readonly amounts: string[] = []
  /** Of all prices and amounts together. */
  characters = 0
  /** Whether a higher price is better (bids) or a lower one (asks). */
  readonly #highest: boolean

  constructor(highest: boolean) {
    this.#highest = highest
  }

  take(level: Level): LevelChange {
    return this.set(level[0], level[1])
  }

  set(price: string, amount: string): LevelChange {
    const at = this.#position(price)
    const held = this.prices[at] === price
    if (amount === '0') {
      if (!held) return 'absent'
      this.characters -= price.length + (this.amounts[at] as string).length
      removeAt(this.prices, at)
      removeAt(this.amounts, at)
      return 'removed'
    }
    this.characters += amount.length
    if (held) {
      this.characters -= (this.amounts[at] as string).length
      this.amounts[at] = ownText(amount)
      return 'changed'
    }
    this.characters += price.length
    insertAt(this.prices, at, ownText(price))
    insertAt(this.amounts, at, ownText(amount))
    return 'inserted'
  }

  /** Of two levels at one price the later one stands. */
  replace(levels: readonly Level[]): void {
    const amounts = new Map<string, string>()
    for (const [price, amount] of levels) if (amount !== '0') amounts.set(price, amount)
    const sign = this.#highest ? 1 : -1
    const sorted = [...amounts].sort(([a], [b]) => compareDecimals(a, b) * sign)
    this.prices.length = 0
    this.amounts.length = 0
    this.characters = 0
    for (const [price, amount] of sorted) {
      this.characters += price.length + amount.length
      this.prices.push(price)
      this.amounts.push(amount)
    }
  }

  amountAt(price: string): string | null {
    const at = this.#position(price)
    return this.prices[at] === price ? (this.amounts[at] as string) : null
  }

  best(): Level | null {
    return this.#level(this.prices.length - 1)
  }

  worst(): Level | null {
    return this.#level(0)
  }

  top(n: number): Level[] {
    const levels: Level[] = []
    const from = this.prices.length - 1
    const to = Math.max(from - n, -1)
    for (let at = from; at > to; at--) levels.push([this.prices[at] as string, this.amounts[at] as string])
    return levels
  }

  topPrices(n: number): string[] {
    return this.prices.slice(Math.max(0, this.prices.length - n)).reverse()
  }

  #level(at: number): Level | null {
    const price = this.prices[at]
    return price === undefined ? null : [price, this.amounts[at] as string]
  }

  /**
   * Where the price stands, or would be inserted: a look at the worst end, where levels enter and leave the window that a
   * venue keeps, then a gallop from the best end and bisection.
   */
  #position(price: string): number {
    const { prices } = this
    if (prices.length > 0 && this.#notBefore(prices[0] as string, price)) return 0
    let high = prices.length
    let step = 1
    let low = high - 1
    while (low >= 0 && this.#notBefore(prices[low] as string, price)) {
      high = low
      step *= 2
      low = high - step
    }
    if (low < 0) low = -1
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (this.#notBefore(prices[middle] as string, price)) high = middle
      else low = middle
    }
    return high
  }

  #notBefore(held: string, price: string): boolean {
    const order = compareDecimals(held, price)
    return this.#highest ? order >= 0 : order <= 0
  }
}

/** This near to the best a loop moves what follows faster than `splice` does. */
const NEAR = 24

function insertAt(items: string[], at: number, item: string): void {
  if (at === 0) items.unshift(item)
  else if (items.length - at > NEAR) items.splice(at, 0, item)
  else {
    items.push(item)
    for (let place = items.length - 1; place > at; place--) items[place] = items[place - 1] as string
    items[at] = item
  }
}

function removeAt(items: string[], at: number): void {
  if (at === 0) items.shift()
  else if (items.length - at > NEAR) items.splice(at, 1)
  else {
    for (let place = at + 1; place < items.length; place++) items[place - 1] = items[place] as string
    items.pop()
  }
}

/** A level that is kept longer than its frame, which it must not keep in memory. */
export function ownLevel([price, amount]: Level): Level {
  return [ownText(price), ownText(amount)]
}

/** An exact order book: canonical decimals in, never a float. */
export class OrderBook implements ReadonlyBook {
  #state: BookState = 'syncing'
  lastUpdate: Micros | null = null
  readonly #bids = new Side(true)
  readonly #asks = new Side(false)

  get state(): BookState {
    return this.#state
  }

  /** Replaces every level and is live from here. */
  snapshot(bids: readonly Level[], asks: readonly Level[]): void {
    this.#bids.replace(bids)
    this.#asks.replace(asks)
    this.#go('snapshot')
  }

  /** Whatever it holds is from now on not known to be the venue's. */
  distrust(): void {
    this.#go('gap')
  }

  /**
   * Applies absolute amounts; `"0"` removes.
   * @returns how many removed levels were not there.
   */
  update(bids: readonly Level[], asks: readonly Level[]): number {
    let absent = 0
    for (let at = 0; at < bids.length; at++) if (this.#bids.take(bids[at] as Level) === 'absent') absent++
    for (let at = 0; at < asks.length; at++) if (this.#asks.take(asks[at] as Level) === 'absent') absent++
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

  /** The `n` best prices of a side, best first. */
  prices(side: BookSide, n: number): string[] {
    return this.#side(side).topPrices(n)
  }

  amountAt(side: BookSide, price: string): string | null {
    return this.#side(side).amountAt(price)
  }

  count(side: BookSide): number {
    return this.#side(side).prices.length
  }

  /** Whether the best bid is at or above the best ask. */
  get crossed(): boolean {
    const bid = this.#bids.prices[this.#bids.prices.length - 1]
    const ask = this.#asks.prices[this.#asks.prices.length - 1]
    return bid !== undefined && ask !== undefined && compareDecimals(bid, ask) >= 0
  }

  /** Levels of both sides. */
  get levels(): number {
    return this.#bids.prices.length + this.#asks.prices.length
  }

  /** Of all prices and amounts together: what the book takes of memory. */
  get characters(): number {
    return this.#bids.characters + this.#asks.characters
  }

  /** Forgets everything: as new. */
  clear(): void {
    this.#bids.replace([])
    this.#asks.replace([])
    this.#go('outgrown')
    this.lastUpdate = null
  }

  #go(step: BookStep): void {
    this.#state = bookAfter(this.#state, step)
  }

  #side(side: BookSide): Side {
    return side === 'bids' ? this.#bids : this.#asks
  }
}
