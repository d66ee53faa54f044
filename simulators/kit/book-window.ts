import type { Level } from '../../schemas/events.js'
import type { BookSide, ReadonlyBook } from '../../src/book/order-book.js'

/** The best levels of a book at one moment, best first. */
export interface Window {
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

/** What became of one level of a window. */
export interface WindowMove {
  readonly action: 'insert' | 'update' | 'delete'
  readonly side: BookSide
  readonly price: string
  /** The amount that stands now; of a level that went, the last. */
  readonly amount: string
}

/** What changed of one side, in the order of its prices: a level that left it is deleted. */
export function sideMoves(
  side: BookSide,
  before: readonly Level[],
  after: readonly Level[],
): readonly WindowMove[] {
  const moves: WindowMove[] = []
  const was = new Map(before)
  const is = new Map(after)
  for (const [price, amount] of after) {
    const held = was.get(price)
    if (held === undefined) moves.push({ action: 'insert', side, price, amount })
    else if (held !== amount) moves.push({ action: 'update', side, price, amount })
  }
  for (const [price, amount] of before) {
    if (!is.has(price)) moves.push({ action: 'delete', side, price, amount })
  }
  const better = side === 'bids' ? -1 : 1
  return moves.sort((a, b) => better * (Number(a.price) - Number(b.price)))
}

/** The levels of a window that changed, best first; amount 0 where one left it. */
export function changedLevels(before: Window, after: Window): { bids: Level[]; asks: Level[] } {
  const changed = (side: BookSide) =>
    sideMoves(side, before[side], after[side]).map(
      ({ action, price, amount }): Level => [price, action === 'delete' ? '0' : amount],
    )
  return { bids: changed('bids'), asks: changed('asks') }
}

/** The best levels of a book as they were last published. */
export class PublishedWindow {
  readonly depth: number
  readonly #book: ReadonlyBook
  #shown: Window

  constructor(book: ReadonlyBook, depth: number) {
    this.#book = book
    this.depth = depth
    this.#shown = book.top(depth)
  }

  /** As last published, which is what a new subscriber is sent. */
  get shown(): Window {
    return this.#shown
  }

  /** Publishes the book as it stands. @returns what it was before */
  publish(): Window {
    const before = this.#shown
    this.#shown = this.#book.top(this.depth)
    return before
  }
}
