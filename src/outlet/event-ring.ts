import type { MarketEvent, Micros } from '../../schemas/events.js'
import type { EmittedStream } from '../stream/emitted-stream.js'

/** An event beside the place that it has in the feed. */
export interface RingEntry {
  readonly event: MarketEvent
  /** Null for events of a connection. */
  readonly stream: EmittedStream | null
  readonly emitted: Micros | null
  /** What all events before it weigh. Bytes. */
  before: number
}

/** What an event takes beside its text, and a level, an order, an input or output of a transaction. Bytes. */
const EVENT_BYTES = 256
const ROW_BYTES = 96

/**
 * What a feed emitted and some reader has not read: one store for all readers. Events bear the offset of the feed. An event
 * weighs its share of the frame that brought it, and what it takes in memory where no frame did.
 */
export class EventRing {
  #entries: (RingEntry | undefined)[] = []
  /** Entries at the beginning that are let go. */
  #head = 0
  /** The offset of the first entry that is kept. */
  #first = 1
  #weight = 0
  /** Events at the end whose frame is not over. */
  #unweighed = 0

  /** The offset that the next event gets. */
  get next(): number {
    return this.#first + this.#entries.length - this.#head
  }

  get size(): number {
    return this.#entries.length - this.#head
  }

  /** What the events from an offset on weigh. Bytes. */
  weightFrom(offset: number): number {
    const entry = this.at(offset)
    return entry === undefined ? 0 : this.#weight - entry.before
  }

  at(offset: number): RingEntry | undefined {
    return this.#entries[this.#head + offset - this.#first]
  }

  push(event: MarketEvent, stream: EmittedStream | null, emitted: Micros | null): void {
    this.#entries.push({ event, stream, emitted, before: this.#weight })
    this.#weight += EVENT_BYTES + ROW_BYTES * rowsOf(event)
    this.#unweighed++
  }

  /** Nobody will read the next event. */
  skip(): void {
    this.dropBefore(this.next)
    this.#first++
  }

  /** A frame is over: its text is shared out among the events that it brought. */
  weigh(bytes: number): void {
    const brought = this.#unweighed
    this.#unweighed = 0
    const count = Math.min(brought, this.size)
    if (count === 0) return
    const share = bytes / brought
    for (let nth = 1; nth < count; nth++) {
      const entry = this.#entries[this.#entries.length - count + nth]
      if (entry !== undefined) entry.before += share * nth
    }
    this.#weight += share * count
  }

  /** Lets go what comes before an offset. */
  dropBefore(offset: number): void {
    const count = Math.min(offset - this.#first, this.size)
    if (count <= 0) return
    this.#entries.fill(undefined, this.#head, this.#head + count)
    this.#head += count
    this.#first += count
    const { length } = this.#entries
    if (this.#head === length) {
      this.#entries = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }
}

function rowsOf(event: MarketEvent): number {
  if ('bids' in event) return event.bids.length + event.asks.length
  return event.type === 'transaction' ? event.inputs.length + event.outputs.length : 0
}
