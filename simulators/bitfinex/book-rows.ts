import { Decimal } from 'decimal.js'
import type { BookSide } from '../../src/book/order-book.js'
import { canonicalDecimal, javascriptNumberText } from '../../src/decode/index.js'
import type { SimulatedMarket } from '../../src/simulator/market.js'
import type { OrderLayer, SimulatedOrder } from './orders.js'

const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })

/** One row of a book as the venue keeps it: its name, and how it is printed. */
export interface BookRow {
  /** Unique in its side. */
  readonly name: string
  /** JSON of the row as it stands. */
  readonly set: string
  /** JSON of the row that removes it. */
  readonly removed: string
  /** What the checksum signs of it. */
  readonly signed: readonly [name: string, amount: string]
}

/** Prices whose rounding is remembered. */
const ROUNDED_KEPT = 2_000

export interface BookSource {
  readonly market: SimulatedMarket
  readonly orders: OrderLayer
  readonly funding: boolean
}

export type Precision = 'P0' | 'P1' | 'P2' | 'P3' | 'P4' | 'R0'

/** A number as the venue prints it. */
export function wireNumber(canonical: string): string {
  return javascriptNumberText(canonical)
}

/** Reads the rows of one side of a book at a precision. Rows of levels that did not change are the same objects. */
export class RowReader {
  readonly #source: BookSource
  readonly #side: BookSide
  readonly #precision: Precision
  readonly #rounded = new Map<string, string>()
  readonly #kept = new WeakMap<readonly SimulatedOrder[], readonly BookRow[]>()

  constructor(source: BookSource, side: BookSide, precision: Precision) {
    this.#source = source
    this.#side = side
    this.#precision = precision
  }

  /** The best rows, best first. */
  best(length: number): BookRow[] {
    const rows: BookRow[] = []
    const { market, orders } = this.#source
    const { book } = market
    const side = this.#side
    if (this.#precision === 'P0' || this.#precision === 'R0') {
      for (const price of book.prices(side, length)) {
        if (this.#add(rows, orders.at(side, price), length)) break
      }
    } else {
      const all = book.prices(side, book.count(side)).flatMap((price) => orders.at(side, price))
      for (const level of this.#merged(all)) if (this.#add(rows, level, length)) break
    }
    return rows
  }

  /** Adds the rows of a level. @returns whether there are as many as are wanted */
  #add(rows: BookRow[], level: readonly SimulatedOrder[], length: number): boolean {
    for (const row of this.#rows(level)) {
      if (rows.length === length) return true
      rows.push(row)
    }
    return rows.length === length
  }

  /**
   * Prices have five significant digits, so that P0 shows every one and each further precision has a digit less: levels
   * that it cannot tell apart are one.
   */
  #merged(orders: readonly SimulatedOrder[]): Iterable<readonly SimulatedOrder[]> {
    const digits = 5 - Number(this.#precision.slice(1))
    const merged = new Map<string, SimulatedOrder[]>()
    for (const order of orders) {
      const price = this.#significant(order.price, digits)
      const group = merged.get(price)
      if (group === undefined) merged.set(price, [{ ...order, price }])
      else group.push({ ...order, price })
    }
    return merged.values()
  }

  #rows(orders: readonly SimulatedOrder[]): readonly BookRow[] {
    let rows = this.#kept.get(orders)
    if (rows === undefined) {
      rows = this.#precision === 'R0' ? orders.map((order) => this.#orderRow(order)) : this.#levelRows(orders)
      this.#kept.set(orders, rows)
    }
    return rows
  }

  /** One row a level; of loans one for each period. */
  #levelRows(orders: readonly SimulatedOrder[]): BookRow[] {
    if (!this.#source.funding) return [this.#levelRow(orders)]
    const periods = [...new Set(orders.map(({ period }) => period))].sort((a, b) => a - b)
    return periods.map((period) => this.#levelRow(orders.filter((order) => order.period === period)))
  }

  #levelRow(orders: readonly SimulatedOrder[]): BookRow {
    const [{ price, period } = { price: '0', period: 0 }] = orders
    const amount = orders.reduce((sum, order) => sum.plus(order.amount), new Exact(0)).toFixed()
    const head = this.#source.funding ? `${wireNumber(price)},${period}` : wireNumber(price)
    return {
      name: head,
      set: `[${head},${orders.length},${this.#sign}${wireNumber(amount)}]`,
      removed: `[${head},0,${this.#sign}1]`,
      signed: [price, amount],
    }
  }

  #orderRow({ id, price, amount, period }: SimulatedOrder): BookRow {
    const head = this.#source.funding ? `${id},${period}` : `${id}`
    return {
      name: String(id),
      set: `[${head},${wireNumber(price)},${this.#sign}${wireNumber(amount)}]`,
      removed: `[${head},0,${this.#sign}1]`,
      signed: [String(id), amount],
    }
  }

  /** Asks are negative; of loans the bids are. */
  get #sign(): string {
    return (this.#side === 'bids') === this.#source.funding ? '-' : ''
  }

  /** Bids are rounded down and asks up, so that a merged book never crosses. */
  #significant(price: string, digits: number): string {
    let rounded = this.#rounded.get(price)
    if (rounded === undefined) {
      const rounding = this.#side === 'bids' ? Decimal.ROUND_DOWN : Decimal.ROUND_UP
      rounded = canonicalDecimal(new Exact(price).toSignificantDigits(digits, rounding).toFixed())
      if (this.#rounded.size === ROUNDED_KEPT) this.#rounded.clear()
      this.#rounded.set(price, rounded)
    }
    return rounded
  }
}
