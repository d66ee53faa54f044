import type {
  AmountUnit,
  BookSnapshotEvent,
  BookUpdateEvent,
  GapEvent,
  MarketEvent,
  OrderSnapshotEvent,
  OrderUpdateEvent,
} from '../../schemas/events.js'
import { OrderBook, type ReadonlyBook } from './order-book.js'
import { OrderLedger, type ReadonlyLedger } from './order-ledger.js'

/** One book that {@link Books} maintains from events. */
export interface MaintainedBook {
  readonly venue: string
  readonly symbol: string
  /** The venue's own id. */
  readonly instrument: string
  readonly channel: string
  /** The unit of the amounts. */
  readonly amountUnit: AmountUnit
  /** Levels (orders, for an L3 book) a side that the venue keeps; null for the whole book. */
  readonly depth: number | null
  readonly book: ReadonlyBook
  /** The orders behind the levels; null where the channel is no L3 book. */
  readonly orders: ReadonlyLedger | null
  /** Removals of levels or orders that were not there, since the last snapshot. */
  readonly absentRemovals: number
}

/**
 * The books of a stream of events, whether live, replayed or read from a file: feed it every event and ask for any book.
 *
 * A book begins with its first snapshot. A `gap` makes it suspect, and it then keeps the levels of the last moment it was
 * live until the next snapshot.
 */
export class Books implements Iterable<MaintainedBook> {
  /** By venue, instrument, channel. Bounded by the number of book streams. */
  readonly #venues = new Map<string, Map<string, Map<string, BookOfEvents>>>()

  /**
   * Takes one event; those that concern no book are passed over.
   * @returns the book that the event concerned; null where there is none.
   */
  apply(event: MarketEvent): MaintainedBook | null {
    switch (event.type) {
      case 'book_snapshot':
      case 'order_snapshot': {
        const held = this.#find(event)
        const book = held ?? this.#add(event)
        book.snapshot(event)
        return book
      }
      case 'book_update':
      case 'order_update': {
        const book = this.#find(event)
        book?.update(event)
        return book
      }
      case 'gap': {
        const book = this.#find(event)
        if (event.state === 'open') book?.suspect()
        return book
      }
      default:
        return null
    }
  }

  /**
   * Nothing is known to have been missed, but what follows does not join: every book is suspect until its next snapshot.
   * For the seam between two recordings on one tape.
   */
  interrupt(): void {
    for (const book of this.#values()) book.suspect()
  }

  /**
   * The book of an instrument.
   *
   * @param symbol the unified symbol or the venue's own id
   * @param channel where several channels carry books of the instrument; by default the one of {@link preferredBook}
   */
  get(venue: string, symbol: string, channel?: string): MaintainedBook | null {
    const instruments = this.#venues.get(venue)
    if (instruments === undefined) return null
    const channels = instruments.get(symbol) ?? bySymbol(instruments, symbol)
    if (channels === undefined) return null
    return channel === undefined ? preferredBook([...channels.values()]) : (channels.get(channel) ?? null)
  }

  /** Every book that has begun. */
  [Symbol.iterator](): Iterator<MaintainedBook> {
    return this.#values()
  }

  *#values(): Generator<BookOfEvents> {
    for (const instruments of this.#venues.values()) {
      for (const channels of instruments.values()) yield* channels.values()
    }
  }

  #find(event: BookUpdateEvent | OrderUpdateEvent | SnapshotEvent | GapEvent): BookOfEvents | null {
    return this.#venues.get(event.venue)?.get(event.instrument)?.get(event.channel) ?? null
  }

  #add(event: SnapshotEvent): BookOfEvents {
    const book = new BookOfEvents(event)
    const instruments = childMap(this.#venues, event.venue)
    childMap(instruments, event.instrument).set(event.channel, book)
    return book
  }
}

/**
 * Which of an instrument's books is "the" book: the default channel `book`; else the deepest of its variants
 * (`book:P1`), where the whole book is deepest; else the L2 view of an L3 channel (`order`), the default one first.
 */
export function preferredBook<B extends Pick<MaintainedBook, 'channel' | 'depth'>>(
  books: readonly B[],
): B | null {
  let best: B | null = null
  for (const book of books) if (best === null || preference(book, best) < 0) best = book
  return best
}

function preference(
  a: Pick<MaintainedBook, 'channel' | 'depth'>,
  b: Pick<MaintainedBook, 'channel' | 'depth'>,
): number {
  const byKind = kindRank(a.channel) - kindRank(b.channel)
  if (byKind !== 0) return byKind
  if (a.depth === b.depth) return 0
  if (a.depth === null) return -1
  if (b.depth === null) return 1
  return b.depth - a.depth
}

function kindRank(channel: string): number {
  if (channel === 'book') return 0
  if (channel.startsWith('book:')) return 1
  return channel === 'order' ? 2 : 3
}

type SnapshotEvent = BookSnapshotEvent | OrderSnapshotEvent

class BookOfEvents implements MaintainedBook {
  readonly venue: string
  readonly symbol: string
  readonly instrument: string
  readonly channel: string
  readonly book = new OrderBook()
  readonly orders: OrderLedger | null
  amountUnit: AmountUnit
  depth: number | null = null
  absentRemovals = 0

  constructor(first: SnapshotEvent) {
    this.venue = first.venue
    this.symbol = first.symbol
    this.instrument = first.instrument
    this.channel = first.channel
    this.amountUnit = first.amountUnit
    this.orders = first.type === 'order_snapshot' ? new OrderLedger() : null
  }

  snapshot(event: SnapshotEvent): void {
    if (event.type === 'book_snapshot') {
      this.book.snapshot(event.bids, event.asks)
    } else if (this.orders !== null) {
      this.orders.snapshot(event.bids, event.asks)
      this.book.snapshot(this.orders.levels('bids'), this.orders.levels('asks'))
    }
    this.amountUnit = event.amountUnit
    this.depth = event.depth
    this.absentRemovals = 0
    this.book.lastUpdate = event.receiveTime
  }

  update(event: BookUpdateEvent | OrderUpdateEvent): void {
    if (this.book.state !== 'live') return
    if (event.type === 'book_update') this.absentRemovals += this.book.update(event.bids, event.asks)
    else this.#updateOrders(event)
    this.book.lastUpdate = event.receiveTime
  }

  suspect(): void {
    this.book.distrust()
  }

  #updateOrders(event: OrderUpdateEvent): void {
    if (this.orders === null) return
    for (const side of ['bids', 'asks'] as const) {
      for (const order of event[side]) {
        const { change, prices } = this.orders.set(side, order)
        if (change === 'absent') this.absentRemovals++
        for (const price of prices) this.book.set(side, ...this.orders.level(side, price))
      }
    }
  }
}

function bySymbol(
  instruments: ReadonlyMap<string, ReadonlyMap<string, BookOfEvents>>,
  symbol: string,
): ReadonlyMap<string, BookOfEvents> | undefined {
  for (const channels of instruments.values()) {
    for (const book of channels.values()) if (book.symbol === symbol) return channels
  }
  return undefined
}

function childMap<K, V>(parent: Map<string, Map<K, V>>, key: string): Map<K, V> {
  let child = parent.get(key)
  if (child === undefined) {
    child = new Map()
    parent.set(key, child)
  }
  return child
}
