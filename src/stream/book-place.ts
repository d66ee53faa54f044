import type {
  BookSnapshotEvent,
  BookUpdateEvent,
  Micros,
  OrderSnapshotEvent,
  OrderUpdateEvent,
} from '../../schemas/events.js'

/** The last message of a book on one connection, without its rows. */
export interface BookMessage extends Pick<BookUpdateEvent, 'exchangeTime' | 'receiveTime' | 'sequence'> {
  /** What it changed, where the venue's numbers do not name it. */
  readonly change: number | null
  /** Whether it is a whole book. Where that was asked for, its time may be that of the answer. */
  readonly whole: boolean
}

type Row = readonly string[]

/** Changes remembered, to tell a connection that lags from one that is ahead. */
export const CHANGES_KEPT = 4_096

/**
 * Where the emitted book stands, to be compared with the last message of each connection: by the venue's number where every connection has
 * the same (M3), else by the changes that the emitted book had last and by the venue's time (M4).
 */
export class BookPlace {
  readonly #numbered: boolean
  /** Changes that the emitted book has, each with the position at which it was last. */
  readonly #changes = new Map<number, number>()
  /** The change at each of the last positions. */
  readonly #ring: number[] = []
  #position = 0
  #sequence: string | null = null
  #exchangeTime: Micros | null = null
  /** Where the emitted book stood when it was known to be the venue's. */
  #proved: {
    readonly position: number
    readonly sequence: string | null
    readonly exchangeTime: Micros | null
  } = { position: 0, sequence: null, exchangeTime: null }

  constructor(numbered: boolean) {
    this.#numbered = numbered
  }

  message(
    event: Pick<
      BookSnapshotEvent | OrderSnapshotEvent | OrderUpdateEvent | BookUpdateEvent,
      'type' | 'exchangeTime' | 'receiveTime' | 'sequence' | 'bids' | 'asks'
    >,
  ): BookMessage {
    const { exchangeTime, receiveTime, sequence, bids, asks } = event
    const named = this.#numbered && sequence !== null
    const whole = event.type === 'book_snapshot' || event.type === 'order_snapshot'
    return { exchangeTime, receiveTime, sequence, change: named ? null : fingerprint(bids, asks), whole }
  }

  /** The message is emitted, or the book that it leads to. */
  reach({ exchangeTime, sequence, change }: BookMessage): void {
    this.#sequence = sequence
    this.#exchangeTime = exchangeTime ?? this.#exchangeTime
    if (change !== null) this.#add(change)
  }

  /** The emitted book is the venue's: a snapshot, or a checksum that fits. */
  prove(): void {
    this.#proved = { position: this.#position, sequence: this.#sequence, exchangeTime: this.#exchangeTime }
  }

  /** What was emitted since the last proof may be wrong: the emitted book is where it was then. */
  takeBack(): void {
    const { position, sequence, exchangeTime } = this.#proved
    const oldest = Math.max(position, this.#position - CHANGES_KEPT)
    for (; this.#position > oldest; this.#position--) {
      const change = this.#ring[this.#position % CHANGES_KEPT]
      if (change !== undefined && this.#changes.get(change) === this.#position) this.#changes.delete(change)
    }
    // The ring has gone round since, and holds nothing from before.
    if (oldest > position) this.#ring.length = 0
    this.#sequence = sequence
    this.#exchangeTime = exchangeTime
  }

  /** The emitted book has these changes as well, from before the last one: an image of a connection has all that it delivered. */
  include(changes: readonly number[]): void {
    const last = this.#ring[this.#position % CHANGES_KEPT]
    const position = this.#position
    for (const change of changes) if (!this.#changes.has(change)) this.#add(change)
    if (last !== undefined && this.#position > position) this.#add(last)
  }

  #add(change: number): void {
    const slot = ++this.#position % CHANGES_KEPT
    const oldest = this.#ring[slot]
    if (oldest !== undefined && this.#changes.get(oldest) === this.#position - CHANGES_KEPT)
      this.#changes.delete(oldest)
    this.#ring[slot] = change
    this.#changes.set(change, this.#position)
  }

  /** Whether the message is older than the emitted book. With a change of a later time the venue began its numbers anew. */
  isPast({ exchangeTime, sequence, change, whole }: BookMessage): boolean {
    if (this.#comparesNumbers(sequence)) {
      return isHigher(this.#sequence, sequence) && (whole || !isLater(exchangeTime, this.#exchangeTime))
    }
    if (isLater(exchangeTime, this.#exchangeTime)) return false
    const position = change === null ? undefined : this.#changes.get(change)
    return (position !== undefined && position < this.#position) || isLater(this.#exchangeTime, exchangeTime)
  }

  /** Whether the message is the one that was emitted last; by its change alone that is likely, and no more. */
  isAt({ sequence, change }: BookMessage): boolean {
    if (this.#numbered) return sequence !== null && sequence === this.#sequence
    return change !== null && this.#changes.get(change) === this.#position
  }

  /** Whether the venue has begun its numbers anew with this message, or before it. */
  isBegunAnew(message: BookMessage): boolean {
    const { sequence } = message
    return this.#comparesNumbers(sequence) && isHigher(this.#sequence, sequence) && !this.isPast(message)
  }

  /** Whether the message is newer than the emitted book. */
  isNews(message: BookMessage): boolean {
    if (this.#numbered) return isHigher(message.sequence, this.#sequence)
    return !this.isKnown(message)
  }

  /** Whether the emitted book has had the message not long ago; never by its number. */
  isKnown({ change }: BookMessage): boolean {
    return change !== null && this.#changes.has(change)
  }

  /** Whether what follows on this message follows on the emitted book. */
  isContinuedFrom(message: BookMessage | null): boolean {
    return (
      this.#numbered && message !== null && message.sequence !== null && message.sequence === this.#sequence
    )
  }

  #comparesNumbers(sequence: string | null): boolean {
    return this.#numbered && sequence !== null && this.#sequence !== null
  }
}

/** The rows of a change in a number of 53 bits. */
function fingerprint(bids: readonly Row[], asks: readonly Row[]): number {
  let [a, b] = [bids.length, asks.length]
  for (const rows of [bids, asks]) {
    for (const row of rows) {
      for (const cell of row) {
        for (let at = 0; at < cell.length; at++) {
          const code = cell.charCodeAt(at)
          a = Math.imul(a ^ code, 0x01000193)
          b = Math.imul(b ^ code, 0x5bd1e995) ^ (b >>> 15)
        }
        a = Math.imul(a ^ cell.length, 0x01000193)
      }
    }
  }
  return (a >>> 11) * 0x1_0000_0000 + (b >>> 0)
}

function isLater(a: Micros | null, b: Micros | null): boolean {
  return a !== null && b !== null && a > b
}

/** Numbers of twenty digits do not fit a JS number. */
function isHigher(a: string | null, b: string | null): boolean {
  if (a === null || b === null) return a !== null
  if (a.length !== b.length) return a.length > b.length
  return a > b
}
