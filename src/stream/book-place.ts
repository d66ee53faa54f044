import type {
  BookSnapshotEvent,
  BookUpdateEvent,
  Micros,
  OrderSnapshotEvent,
  OrderUpdateEvent,
} from '../../schemas/events.js'
import { fingerprintOfRows } from './fingerprint.js'
import { RecentChanges } from './recent-changes.js'

/** The last message of a book on one connection, without its rows. */
export interface BookMessage extends Pick<BookUpdateEvent, 'exchangeTime' | 'receiveTime' | 'sequence'> {
  /** What it changed, where the venue's numbers do not name it. */
  readonly change: number | null
  /** Whether it is a whole book. Where that was asked for, its time may be that of the answer. */
  readonly whole: boolean
}

/**
 * Where the emitted book stands, to be compared with the last message of each connection: by the venue's number where every connection has
 * the same (M3), else by the changes that the emitted book had last and by the venue's time (M4).
 */
export class BookPlace {
  readonly #numbered: boolean
  /** Those that the emitted book has. */
  readonly #changes = new RecentChanges()
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
    return {
      exchangeTime,
      receiveTime,
      sequence,
      change: named ? null : fingerprintOfRows(bids, asks),
      whole,
    }
  }

  /** The message is emitted, or the book that it leads to. */
  reach({ exchangeTime, sequence, change }: BookMessage): void {
    this.#sequence = sequence
    this.#exchangeTime = exchangeTime ?? this.#exchangeTime
    if (change !== null) this.#changes.add(change)
  }

  /** The emitted book is the venue's: a snapshot, or a checksum that fits. */
  prove(): void {
    this.#proved = {
      position: this.#changes.position,
      sequence: this.#sequence,
      exchangeTime: this.#exchangeTime,
    }
  }

  /** What was emitted since the last proof may be wrong: the emitted book is where it was then. */
  takeBack(): void {
    const { position, sequence, exchangeTime } = this.#proved
    this.#changes.takeBack(position)
    this.#sequence = sequence
    this.#exchangeTime = exchangeTime
  }

  /** The emitted book has these changes as well, from before the last one: an image of a connection has all that it delivered. */
  include(changes: readonly number[]): void {
    const { last, position } = this.#changes
    for (const change of changes) if (!this.#changes.has(change)) this.#changes.add(change)
    if (last !== null && this.#changes.position > position) this.#changes.add(last)
  }

  /** Whether the message is older than the emitted book. With a change of a later time the venue began its numbers anew. */
  isPast({ exchangeTime, sequence, change, whole }: BookMessage): boolean {
    if (this.#comparesNumbers(sequence)) {
      return isHigher(this.#sequence, sequence) && (whole || !isLater(exchangeTime, this.#exchangeTime))
    }
    if (isLater(exchangeTime, this.#exchangeTime)) return false
    const position = change === null ? 0 : this.#changes.positionOf(change)
    return (position > 0 && position < this.#changes.position) || isLater(this.#exchangeTime, exchangeTime)
  }

  /** Whether the message is the one that was emitted last; by its change alone that is likely, and no more. */
  isAt({ sequence, change }: BookMessage): boolean {
    if (this.#numbered) return sequence !== null && sequence === this.#sequence
    return change !== null && change === this.#changes.last
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

function isLater(a: Micros | null, b: Micros | null): boolean {
  return a !== null && b !== null && a > b
}

/** Numbers of twenty digits do not fit a JS number. */
function isHigher(a: string | null, b: string | null): boolean {
  if (a === null || b === null) return a !== null
  if (a.length !== b.length) return a.length > b.length
  return a > b
}
