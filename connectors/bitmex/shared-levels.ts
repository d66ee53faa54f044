import { Decimal } from 'decimal.js'
import type { Level } from '../../schemas/events.js'

const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** One row of the venue's table. */
export interface TableRow {
  readonly id: string
  readonly pool: string
  price: string
  size: string
}

/**
 * One side of an L2 table in which several rows may stand at one price: two matching pools on one subscription, as the
 * vendor announced for 2026. A level is the exact sum of its rows.
 */
export class SharedLevels {
  readonly #byId = new Map<string, TableRow[]>()
  readonly #byPrice = new Map<string, Set<TableRow>>()

  /**
   * The row of an id. Without a pool it is the only row of its id; a row that came before the venue named its pool is
   * found under any.
   */
  find(id: string, pool: string): TableRow | null {
    const rows = this.#byId.get(id) ?? []
    const [only] = rows
    if (rows.length === 1 && only !== undefined && (pool === '' || only.pool === '')) return only
    return rows.find((row) => row.pool === pool) ?? null
  }

  add(row: TableRow): void {
    const rows = this.#byId.get(row.id)
    if (rows === undefined) this.#byId.set(row.id, [row])
    else rows.push(row)
    this.#join(row)
  }

  remove(row: TableRow): void {
    const rest = this.#byId.get(row.id)?.filter((other) => other !== row) ?? []
    if (rest.length === 0) this.#byId.delete(row.id)
    else this.#byId.set(row.id, rest)
    this.#part(row)
  }

  move(row: TableRow, price: string): void {
    this.#part(row)
    row.price = price
    this.#join(row)
  }

  /** The amount at a price; `"0"` where no row is left. */
  amountAt(price: string): string {
    const rows = this.#byPrice.get(price)
    if (rows === undefined) return '0'
    if (rows.size === 1) for (const { size } of rows) return size
    let sum = new Exact(0)
    for (const { size } of rows) sum = sum.plus(size)
    return sum.toFixed()
  }

  /** Every level, in no order. */
  levels(): Level[] {
    return [...this.#byPrice.keys()].map((price) => [price, this.amountAt(price)])
  }

  #join(row: TableRow): void {
    const rows = this.#byPrice.get(row.price)
    if (rows === undefined) this.#byPrice.set(row.price, new Set([row]))
    else rows.add(row)
  }

  #part(row: TableRow): void {
    const rows = this.#byPrice.get(row.price)
    rows?.delete(row)
    if (rows?.size === 0) this.#byPrice.delete(row.price)
  }
}
