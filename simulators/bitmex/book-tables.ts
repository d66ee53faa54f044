import type { Level, Micros } from '../../schemas/events.js'
import type { BookSide, OrderBook } from '../../src/book/order-book.js'
import type { LevelMove } from '../../src/simulator/market.js'
import { Digits, type WireRow } from '../kit/exact-json.js'
import { type Dialect, iso, type LevelFacts } from './dialect.js'
import { LevelIds } from './level-ids.js'
import type { Listing } from './listing.js'
import { type Publication, publication } from './publication.js'
import { TopView } from './top-view.js'

const TABLES = ['orderBookL2', 'orderBookL2_25', 'orderBookL2_100']

interface Move {
  readonly action: Publication['action']
  readonly side: BookSide
  readonly price: string
  readonly amount: string
}

/** The book of one market in every table that the venue shows it in. */
export class BookTables {
  readonly #symbol: string
  readonly #book: OrderBook
  /** Whether a client follows a table: views that nobody sees are not worked out. */
  readonly #wanted: (table: string) => boolean
  /** Each table has ids of its own: a throttled one still names levels that the full book has forgotten. */
  readonly #ids: ReadonlyMap<string, LevelIds>
  readonly #views: ReadonlyMap<string, TopView>
  #topTen = ''

  constructor(listing: Listing, book: OrderBook, wanted: (table: string) => boolean) {
    this.#symbol = listing.symbol
    this.#book = book
    this.#wanted = wanted
    this.#ids = new Map(TABLES.map((table, index) => [table, new LevelIds(listing, index)]))
    this.#views = new Map([25, 100].map((depth) => [`orderBookL2_${depth}`, new TopView(book, depth)]))
  }

  /** The changes of the full book. */
  moved(moves: readonly LevelMove[], at: Micros): Publication[] {
    if (this.#wanted('orderBookL2')) return this.#frames('orderBookL2', moves.map(asMove), at)
    for (const { side, price, amount } of moves) {
      if (amount === null) this.#ids.get('orderBookL2')?.drop(side, price)
    }
    return []
  }

  /** What the throttled tables have to catch up with. */
  publish(at: Micros): Publication[] {
    const published: Publication[] = []
    for (const [table, view] of this.#views) {
      if (this.#wanted(table)) published.push(...this.#frames(table, view.publish(), at))
    }
    if (!this.#wanted('orderBook10')) return published
    const topTen = JSON.stringify(this.#book.top(10))
    if (topTen === this.#topTen) return published
    this.#topTen = topTen
    return [...published, publication('orderBook10', 'update', [this.topTen(at)])]
  }

  /** The rows of an L2 table, the worst ask first, as partials and REST have them. */
  rows(table: string, dialect: Dialect, at: Micros, depth = Number.POSITIVE_INFINITY): WireRow[] {
    const book = this.#book
    const count = Math.max(book.count('bids'), book.count('asks'))
    const view = this.#views.get(table)
    if (view !== undefined && !this.#wanted(table)) view.publish()
    const shown = view?.shown ?? book.top(Math.min(depth, count))
    const rows = [
      ...shown.asks.toReversed().map((level) => this.#level(table, 'asks', level, at)),
      ...shown.bids.map((level) => this.#level(table, 'bids', level, at)),
    ]
    return rows.map((facts) => dialect.level('partial', facts))
  }

  topTen(at: Micros): WireRow {
    const { bids, asks } = this.#book.top(10)
    const side = (levels: readonly Level[]) =>
      levels.map(([price, amount]) => [new Digits(price), new Digits(amount)])
    return { symbol: this.#symbol, bids: side(bids), asks: side(asks), timestamp: iso(at) }
  }

  /** Moves in a row that are of one kind make one frame. */
  #frames(table: string, moves: readonly Move[], at: Micros): Publication[] {
    const published: Publication[] = []
    let rows: LevelFacts[] = []
    for (const [index, { action, side, price, amount }] of moves.entries()) {
      rows.push(this.#level(table, side, [price, amount], at))
      if (action === 'delete') this.#ids.get(table)?.drop(side, price)
      if (moves[index + 1]?.action === action) continue
      const facts = rows
      published.push({ table, action, rows: (dialect) => facts.map((level) => dialect.level(action, level)) })
      rows = []
    }
    return published
  }

  #level(table: string, side: BookSide, [price, amount]: Level, at: Micros): LevelFacts {
    const ids = this.#ids.get(table)
    return {
      symbol: this.#symbol,
      codedId: ids?.coded(price) ?? '0',
      freeId: ids?.free(side, price) ?? '0',
      side: side === 'bids' ? 'Buy' : 'Sell',
      size: amount,
      price,
      time: at,
    }
  }
}

function asMove({ side, price, previous, amount }: LevelMove): Move {
  const action = previous === null ? 'insert' : amount === null ? 'delete' : 'update'
  return { action, side, price, amount: amount ?? previous ?? '0' }
}
