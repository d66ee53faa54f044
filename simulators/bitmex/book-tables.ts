import type { Level, Micros } from '../../schemas/events.js'
import type { BookSide, OrderBook } from '../../src/book/order-book.js'
import { compareDecimals } from '../../src/decode/decimal.js'
import type { LevelMove } from '../../src/simulator/market.js'
import { PublishedWindow, sideMoves, type WindowMove } from '../kit/book-window.js'
import { Digits, type WireRow } from '../kit/exact-json.js'
import { type Dialect, iso, type LevelFacts } from './dialect.js'
import { LevelIds } from './level-ids.js'
import type { BitmexListing } from './listing.js'
import { type Publication, publication } from './publication.js'

const TABLES = ['orderBookL2', 'orderBookL2_25', 'orderBookL2_100']

/** The book of one market in every table that the venue shows it in. */
export class BookTables {
  readonly #symbol: string
  readonly #book: OrderBook
  /** Whether a client follows a table: views that nobody sees are not worked out. */
  readonly #wanted: (table: string) => boolean
  /** Each table has ids of its own: a throttled one still names levels that the full book has forgotten. */
  readonly #ids: ReadonlyMap<string, LevelIds>
  readonly #views: ReadonlyMap<string, PublishedWindow>
  #topTen = ''

  constructor(listing: BitmexListing, book: OrderBook, wanted: (table: string) => boolean) {
    this.#symbol = listing.symbol
    this.#book = book
    this.#wanted = wanted
    this.#ids = new Map(TABLES.map((table, index) => [table, new LevelIds(listing, index)]))
    this.#views = new Map(
      [25, 100].map((depth) => [`orderBookL2_${depth}`, new PublishedWindow(book, depth)]),
    )
  }

  /** The changes of the full book. */
  moved(moves: readonly LevelMove[], at: Micros): Publication[] {
    if (this.#wanted('orderBookL2')) return this.#frames('orderBookL2', netMoves(moves), at)
    for (const { side, price, amount } of moves) {
      if (amount === null) this.#ids.get('orderBookL2')?.drop(side, price)
    }
    return []
  }

  /** What the throttled tables have to catch up with. */
  publish(at: Micros): Publication[] {
    const published: Publication[] = []
    for (const [table, view] of this.#views) {
      if (!this.#wanted(table)) continue
      const before = view.publish()
      const moved = (side: BookSide) => sideMoves(side, before[side], view.shown[side])
      published.push(...this.#frames(table, [...moved('asks'), ...moved('bids')], at))
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

  /** A frame for each kind of move, deletes first; its rows have the worst ask first, as those of a partial. */
  #frames(table: string, moves: readonly WindowMove[], at: Micros): Publication[] {
    return (['delete', 'update', 'insert'] as const).flatMap((action) => {
      const alike = moves.filter((move) => move.action === action).sort(worstAskFirst)
      if (alike.length === 0) return []
      const facts = alike.map(({ side, price, amount }) => this.#level(table, side, [price, amount], at))
      if (action === 'delete') for (const { side, price } of alike) this.#ids.get(table)?.drop(side, price)
      return [
        { table, action, rows: (dialect: Dialect) => facts.map((level) => dialect.level(action, level)) },
      ]
    })
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

/** What became of each level in a step: a frame names none twice. */
function netMoves(moves: readonly LevelMove[]): WindowMove[] {
  const levels = new Map<string, LevelMove>()
  for (const move of moves) {
    const level = `${move.side} ${move.price}`
    levels.set(level, { ...move, previous: (levels.get(level) ?? move).previous })
  }
  return [...levels.values()].flatMap(({ side, price, previous, amount }): WindowMove[] => {
    if (previous === amount) return []
    if (amount === null) return [{ action: 'delete', side, price, amount: previous ?? '0' }]
    return [{ action: previous === null ? 'insert' : 'update', side, price, amount }]
  })
}

function worstAskFirst(a: WindowMove, b: WindowMove): number {
  if (a.side !== b.side) return a.side === 'asks' ? -1 : 1
  return compareDecimals(b.price, a.price)
}
