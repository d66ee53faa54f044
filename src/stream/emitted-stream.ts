import type { GapEvent, Micros, Position, StreamEvent } from '../../schemas/events.js'
import { keyOf } from './key.js'

/** Proofs remembered of a book: a connection that finds out late that it was wrong dates that from its own last proof. */
const PROOFS_KEPT = 8

/** The gap that is open on the stream. */
interface OpenGap {
  readonly from: Micros | null
  readonly after: Position | null
}

/**
 * What was emitted of one stream of a feed. It outlives connections, and it alone gives the events of the stream their numbers:
 * when they are emitted, after two connections have been made one and before any reader.
 */
export class EmittedStream {
  readonly #numbered: boolean
  #n = 0
  /** The last event that is no gap and no history. */
  #last: Position | null = null
  /** Those at which the book was known to be the venue's, the newest first: snapshots, checksums that fit. */
  #proofs: Position[] = []
  #gap: OpenGap | null = null
  #opened: GapEvent | null = null
  #newest: StreamEvent | null = null

  /** @param numbered whether the venue's `sequence` is the stream's own, the same on every connection */
  constructor(numbered: boolean) {
    this.#numbered = numbered
  }

  /** The number of the last event; 0 where there was none. */
  get n(): number {
    return this.#n
  }

  /** The last event that is no gap and no history; null where there was none. */
  get last(): Position | null {
    return this.#last
  }

  /** The event with which the open gap was disclosed; null where no gap is open. */
  get openGap(): GapEvent | null {
    return this.#opened
  }

  /** The newest event of a stream of values, which is its whole state; null for books and logs. */
  get newest(): StreamEvent | null {
    return this.#newest
  }

  /** Numbers an event that is emitted now. A gap also learns between which events it lies. */
  emit(event: StreamEvent): void {
    event.n = ++this.#n
    if (isValue(event)) this.#newest = event
    if (event.type === 'gap') this.#place(event)
    else if (!('historical' in event) || !event.historical) this.#note(event, event.n)
  }

  /** The stream was given up: only its number is kept, for the case that it is asked for again. */
  forget(): void {
    this.#last = null
    this.#proofs = []
    this.#gap = null
    this.#opened = null
    this.#newest = null
  }

  #note(event: Exclude<StreamEvent, GapEvent>, n: number): void {
    const { type, exchangeTime, receiveTime } = event
    const key = keyOf(event, this.#numbered)
    this.#last = { epoch: null, n, key, exchangeTime, receiveTime }
    const proves = type === 'checksum' ? event.ok : type === 'book_snapshot' || type === 'order_snapshot'
    if (proves) this.#proofs = [this.#last, ...this.#proofs.slice(0, PROOFS_KEPT - 1)]
  }

  #place(gap: GapEvent): void {
    const { from, before } = gap
    this.#opened = gap.state === 'open' ? gap : null
    if (gap.state === 'open') {
      gap.after = this.#until(gap)
      this.#gap = { from, after: gap.after }
      return
    }
    // Its beginning moves back where events from before it were dropped unread.
    gap.after = this.#gap?.from === from ? this.#gap.after : this.#until(gap)
    gap.before = {
      epoch: null,
      n: this.#n + 1,
      key: before?.key ?? null,
      exchangeTime: before?.exchangeTime ?? null,
      receiveTime: before?.receiveTime ?? null,
    }
    this.#gap = null
  }

  /**
   * The last event that is good, where a gap begins at its `from`. What was dropped at that very moment is not, and nothing is by its time
   * where a proof failed: a change that waited for its snapshot came before it.
   */
  #until({ from, reason }: GapEvent): Position | null {
    const proofFailed = reason === 'crossed' || reason === 'checksum'
    for (const position of proofFailed ? this.#proofs : [this.#last, ...this.#proofs]) {
      const at = position?.receiveTime ?? null
      const good = at === null || from === null ? at === from : reason === 'overflow' ? at < from : at <= from
      if (good && position !== null) return position
    }
    return null
  }
}

function isValue({ type }: StreamEvent): boolean {
  return (
    type === 'quote' ||
    type === 'ticker' ||
    type === 'candle' ||
    type === 'derivative' ||
    type === 'instrument'
  )
}
