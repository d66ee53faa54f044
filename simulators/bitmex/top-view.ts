import type { Level } from '../../schemas/events.js'
import type { BookSide, OrderBook } from '../../src/book/order-book.js'

/** One level of a view that came, changed or went. */
export interface ViewMove {
  readonly action: 'insert' | 'update' | 'delete'
  readonly side: BookSide
  readonly price: string
  /** The amount that stands now; of a level that went, the last. */
  readonly amount: string
}

/**
 * The best levels a side as `orderBookL2_25` and `_100` publish them: behind the full book, and in frames of their own. A
 * level that leaves the top is deleted, one that enters is inserted.
 */
export class TopView {
  readonly depth: number
  readonly #book: OrderBook
  #shown: { bids: Level[]; asks: Level[] }

  constructor(book: OrderBook, depth: number) {
    this.#book = book
    this.depth = depth
    this.#shown = book.top(depth)
  }

  /** What was published last, which is what a new subscriber is sent. */
  get shown(): { readonly bids: readonly Level[]; readonly asks: readonly Level[] } {
    return this.#shown
  }

  /** Publishes the book as it stands: the moves since the last time, deletes first. */
  publish(): ViewMove[] {
    const before = this.#shown
    this.#shown = this.#book.top(this.depth)
    const moves = (['bids', 'asks'] as const).flatMap((side) => moved(side, before[side], this.#shown[side]))
    return (['delete', 'update', 'insert'] as const).flatMap((action) =>
      moves.filter((move) => move.action === action),
    )
  }
}

function moved(side: BookSide, before: readonly Level[], after: readonly Level[]): ViewMove[] {
  const left = new Map(before)
  const moves: ViewMove[] = []
  for (const [price, amount] of after) {
    const held = left.get(price)
    if (held === undefined) moves.push({ action: 'insert', side, price, amount })
    else if (held !== amount) moves.push({ action: 'update', side, price, amount })
    left.delete(price)
  }
  for (const [price, amount] of left) moves.push({ action: 'delete', side, price, amount })
  return moves
}
