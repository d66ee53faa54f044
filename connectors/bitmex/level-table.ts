import type { BookDeleteRow, BookImageRow, BookUpdateRow } from '../../schemas/bitmex.js'
import type { Level } from '../../schemas/events.js'
import type { BookSide, ReadonlyBook } from '../../src/book/order-book.js'
import { compareDecimals, positiveDecimal, unsignedDecimal } from '../../src/decode/decimal.js'
import { SharedLevels } from './shared-levels.js'

/** What a frame did to the levels, as absolute amounts. */
export interface LevelChange {
  readonly bids: Level[]
  readonly asks: Level[]
  /** Why the frame cannot follow on what is held: something before it was lost. */
  readonly contradiction: string | null
}

/**
 * The rows of an `orderBookL2` table of one symbol, which its updates and deletes name by id: until April 2023 without
 * their price. The side belongs to the key, as one id was seen on both sides; the pool too, where there is one.
 *
 * Nearly every table has one row a price, so that the row's size is the level's: then only the price of each id is kept,
 * and the amounts are the book's own. As soon as a row names a pool, or stands at a price that is taken, the side keeps
 * whole rows and sums them (measured: the sums would cost every frame a third more).
 *
 * After a throw or a contradiction the table is no longer the venue's; it waits for the next image.
 */
export class LevelTable {
  #bids = new TableSide('bids')
  #asks = new TableSide('asks')

  /** Replaces every row. @throws {DecodeError} */
  image(rows: readonly BookImageRow[]): { readonly bids: Level[]; readonly asks: Level[] } {
    const bids = rows.filter(({ side }) => side === 'Buy')
    const asks = rows.filter(({ side }) => side === 'Sell')
    this.#bids = new TableSide('bids')
    this.#asks = new TableSide('asks')
    return { bids: this.#bids.image(bids), asks: this.#asks.image(asks) }
  }

  /**
   * New rows. One whose key is held already tells that its delete was lost.
   *
   * @param book the book as it stands after every frame so far
   * @throws {DecodeError}
   */
  insert(rows: readonly BookImageRow[], book: ReadonlyBook): LevelChange {
    const bids: Level[] = []
    const asks: Level[] = []
    for (const row of rows) {
      const taken =
        row.side === 'Buy' ? this.#bids.insert(row, book, bids) : this.#asks.insert(row, book, asks)
      if (!taken) return contradiction(`insert of ${row.side} ${row.id}, which is there already`)
    }
    return { bids, asks, contradiction: null }
  }

  /** Changed rows. One that is not held tells that its insert was lost. As {@link insert}. */
  update(rows: readonly BookUpdateRow[], book: ReadonlyBook): LevelChange {
    const bids: Level[] = []
    const asks: Level[] = []
    for (const row of rows) {
      const taken =
        row.side === 'Buy' ? this.#bids.update(row, book, bids) : this.#asks.update(row, book, asks)
      if (!taken) return contradiction(`update of ${row.side} ${row.id}, which is not there`)
    }
    return { bids, asks, contradiction: null }
  }

  /**
   * Rows that are gone. One that is not held is passed over: the venue was seen to delete twice at funding and after a
   * resubscribe (xchange-stream #183, api-connectors #45).
   */
  delete(rows: readonly BookDeleteRow[], book: ReadonlyBook): LevelChange {
    const bids: Level[] = []
    const asks: Level[] = []
    for (const row of rows) {
      if (row.side === 'Buy') this.#bids.delete(row, book, bids)
      else this.#asks.delete(row, book, asks)
    }
    return { bids, asks, contradiction: null }
  }
}

function contradiction(text: string): LevelChange {
  return { bids: [], asks: [], contradiction: text }
}

/** One side. Each method adds what became of the levels to `levels`. */
class TableSide {
  readonly #side: BookSide
  /** The price of each id, while every price has one row and no row has a pool. */
  readonly #prices = new Map<string, string>()
  /** Those prices. To ask the book whether a price is taken was measured to cost an insert four times as much. */
  readonly #taken = new Set<string>()
  /** Takes over from `#prices` for good. */
  #shared: SharedLevels | null = null

  constructor(side: BookSide) {
    this.#side = side
  }

  image(rows: readonly BookImageRow[]): Level[] {
    const levels: Level[] = []
    const better = this.#side === 'bids' ? -1 : 1
    // A partial was sent from the highest price to the lowest until 2023: turning it round is cheaper than sorting.
    let sorted = true
    let reversed = true
    for (const row of rows) {
      const price = positiveDecimal(row.price)
      const before = levels.at(-1)
      if (before !== undefined) {
        const order = compareDecimals(before[0], price) * better
        if (order >= 0) sorted = false
        if (order <= 0) reversed = false
      }
      this.#prices.set(row.id, price)
      this.#taken.add(price)
      levels.push([price, unsignedDecimal(row.size)])
    }
    if (!sorted && reversed) levels.reverse()
    else if (!sorted) levels.sort(([a], [b]) => compareDecimals(a, b) * better)
    const alone =
      this.#prices.size === rows.length &&
      this.#taken.size === rows.length &&
      rows.every(({ pool }) => noPool(pool))
    if (alone) return levels
    this.#forget()
    this.#shared = new SharedLevels()
    for (const { id, pool, price, size } of rows) {
      const row = { id, pool: pool ?? '', price: positiveDecimal(price), size: unsignedDecimal(size) }
      const held = this.#shared.find(id, row.pool)
      if (held !== null) this.#shared.remove(held)
      this.#shared.add(row)
    }
    return this.#shared.levels().sort(([a], [b]) => compareDecimals(a, b) * better)
  }

  insert(row: BookImageRow, book: ReadonlyBook, levels: Level[]): boolean {
    const price = positiveDecimal(row.price)
    const size = unsignedDecimal(row.size)
    if (this.#shared === null && noPool(row.pool)) {
      const held = this.#prices.get(row.id)
      if (held !== undefined) return held === price && book.amountAt(this.#side, price) === size
      if (this.#take(price)) {
        this.#prices.set(row.id, price)
        levels.push([price, size])
        return true
      }
    }
    const shared = this.#share(book, levels)
    const pool = row.pool ?? ''
    const held = shared.find(row.id, pool)
    if (held !== null) return held.price === price && held.size === size
    shared.add({ id: row.id, pool, price, size })
    levels.push([price, shared.amountAt(price)])
    return true
  }

  update(row: BookUpdateRow, book: ReadonlyBook, levels: Level[]): boolean {
    if (this.#shared === null && noPool(row.pool)) {
      const held = this.#prices.get(row.id)
      if (held === undefined) return false
      if (row.price === undefined || row.price === held || positiveDecimal(row.price) === held) {
        if (row.size !== undefined) levels.push([held, unsignedDecimal(row.size)])
        return true
      }
    }
    const shared = this.#share(book, levels)
    const held = shared.find(row.id, row.pool ?? '')
    if (held === null) return false
    if (row.size !== undefined) held.size = unsignedDecimal(row.size)
    const price = row.price === undefined ? held.price : positiveDecimal(row.price)
    if (price !== held.price) {
      const left = held.price
      shared.move(held, price)
      levels.push([left, shared.amountAt(left)])
    }
    levels.push([price, shared.amountAt(price)])
    return true
  }

  delete(row: BookDeleteRow, book: ReadonlyBook, levels: Level[]): void {
    if (this.#shared === null && noPool(row.pool)) {
      const held = this.#prices.get(row.id)
      if (held === undefined) return
      this.#prices.delete(row.id)
      this.#taken.delete(held)
      levels.push([held, '0'])
      return
    }
    const shared = this.#share(book, levels)
    const held = shared.find(row.id, row.pool ?? '')
    if (held === null) return
    shared.remove(held)
    levels.push([held.price, shared.amountAt(held.price)])
  }

  /** Turns to whole rows. The amounts so far are the book's, and of the frame at hand those in `levels`. */
  #share(book: ReadonlyBook, levels: readonly Level[]): SharedLevels {
    if (this.#shared !== null) return this.#shared
    this.#shared = new SharedLevels()
    const changed = new Map(levels)
    for (const [id, price] of this.#prices) {
      const size = changed.get(price) ?? book.amountAt(this.#side, price) ?? '0'
      this.#shared.add({ id, pool: '', price, size })
    }
    this.#forget()
    return this.#shared
  }

  /** @returns false where a row stands at the price already */
  #take(price: string): boolean {
    const { size } = this.#taken
    return this.#taken.add(price).size > size
  }

  #forget(): void {
    this.#prices.clear()
    this.#taken.clear()
  }
}

function noPool(pool: string | null | undefined): boolean {
  return pool === undefined || pool === null || pool === ''
}
