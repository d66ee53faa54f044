import type { Level, Micros } from '../../schemas/events.js'
import { type BookState, bookAfter } from '../book/book-steps.js'
import { type BookSide, OrderBook, type ReadonlyBook } from '../book/order-book.js'

/**
 * The book of a stream for as long as the stream lives: what is emitted may come from one connection after another, each of which has a
 * book of its own.
 */
class StreamBook implements ReadonlyBook {
  readonly #emitted: () => ReadonlyBook | null
  /** What was found last. While a stream moves from one connection to another nothing is. */
  #last: ReadonlyBook
  #closed = false

  constructor(emitted: () => ReadonlyBook | null, first: ReadonlyBook) {
    this.#emitted = emitted
    this.#last = first
  }

  get state(): BookState {
    return this.#closed ? bookAfter(this.#book.state, 'over') : this.#book.state
  }

  get lastUpdate(): Micros | null {
    return this.#book.lastUpdate
  }

  get crossed(): boolean {
    return this.#book.crossed
  }

  best(): { readonly bid: Level | null; readonly ask: Level | null } {
    return this.#book.best()
  }

  top(n: number): { readonly bids: Level[]; readonly asks: Level[] } {
    return this.#book.top(n)
  }

  amountAt(side: BookSide, price: string): string | null {
    return this.#book.amountAt(side, price)
  }

  count(side: BookSide): number {
    return this.#book.count(side)
  }

  /** The feed is over, and nothing is emitted any more. */
  close(): void {
    this.#last = this.#book
    this.#closed = true
  }

  /** The stream was given up. Where it is asked for again, its connection goes on with the book that it has: the user keeps a copy. */
  giveUp(): void {
    const { bids, asks } = this.top(Number.POSITIVE_INFINITY)
    const copy = new OrderBook()
    copy.snapshot(bids, asks)
    copy.lastUpdate = this.lastUpdate
    this.#last = copy
    this.#closed = true
  }

  get #book(): ReadonlyBook {
    if (!this.#closed) this.#last = this.#emitted() ?? this.#last
    return this.#last
  }
}

/** Where the books are found. */
interface BookSource {
  /** Whether the feed has the stream. */
  has(venue: string, instrument: string, channel: string): boolean
  /** The book as it was emitted last, on whichever connection; null where nothing came of it yet. */
  emitted(venue: string, instrument: string, channel: string): ReadonlyBook | null
}

/** The books that `feed.book()` gives, one for each stream that was asked for one: the same object each time. */
export class StreamBooks {
  readonly #source: BookSource
  readonly #books = new Map<string, StreamBook>()
  #over = false

  constructor(source: BookSource) {
    this.#source = source
  }

  get(venue: string, instrument: string, channel: string): ReadonlyBook | null {
    const key = keyOf(venue, instrument, channel)
    const held = this.#books.get(key)
    if (held !== undefined) return held
    const emitted = () => this.#source.emitted(venue, instrument, channel)
    const first = this.#source.has(venue, instrument, channel) ? emitted() : null
    if (first === null) return null
    const book = new StreamBook(emitted, first)
    if (this.#over) book.close()
    this.#books.set(key, book)
    return book
  }

  /** A stream was given up; one that is asked for later has a book of its own. */
  giveUp(venue: string, instrument: string, channel: string): void {
    const key = keyOf(venue, instrument, channel)
    this.#books.get(key)?.giveUp()
    this.#books.delete(key)
  }

  /** The feed is over. */
  end(): void {
    this.#over = true
    for (const book of this.#books.values()) book.close()
  }
}

function keyOf(venue: string, instrument: string, channel: string): string {
  return `${venue} ${channel} ${instrument}`
}
