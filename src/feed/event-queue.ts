import type { GapEvent, MarketEvent, Micros } from '../../schemas/events.js'
import { TapewireError } from '../errors.js'
import type { Emission } from '../stream/emissions.js'
import { earlier } from './earlier.js'
import { streamOf } from './stream-of.js'
import { joinGaps, type Waiting } from './unread-gaps.js'

/**
 * What happens when the reader falls behind.
 *
 * `pause`: the sockets stop reading until the reader has caught up, so the network itself holds the venue back; nothing
 * is lost here, and a venue that will not wait ends the connection, which is a disclosed gap. `drop-oldest`: the backlog
 * of the stream that holds the oldest event is dropped and disclosed as a gap of reason `overflow`; gaps that follow one
 * another unread become one. `error`: the feed fails with `queue_overflow`.
 */
export type OverflowPolicy = 'pause' | 'drop-oldest' | 'error'

export interface QueueEvents {
  /** The queue is full (`pause` only). */
  full(): void
  /** The queue has room again. */
  drained(): void
  /**
   * Every queued event of one stream was dropped, from this one on.
   *
   * @param since what the reader misses may have happened from then on; null where nothing tells when.
   */
  dropped(first: MarketEvent, since: Micros | null): void
  /** The queue overflowed under `error`. */
  failed(error: TapewireError): void
}

/** A trade that the reader got as it happened, by both clocks. */
interface ReadTrade {
  readonly receiveTime: Micros
  readonly exchangeTime: Micros
}

/** The bounded queue between the sockets and one reader. */
export class EventQueue {
  readonly #limit: number
  readonly #policy: OverflowPolicy
  readonly #events: QueueEvents
  /** The last of each stream, where events may be dropped: by it history is put in time. */
  readonly #read = new Map<string, ReadTrade>()
  /** The last gap of each stream that was healed, where events may be dropped. */
  readonly #healed = new Map<string, GapEvent>()
  #items: Waiting[] = []
  #head = 0
  #full = false
  #ended = false
  #failure: Error | null = null
  #waiting: ((result: IteratorResult<MarketEvent, undefined>) => void) | null = null
  #rejecting: ((error: Error) => void) | null = null
  /** The place of the event that was read last; null before the first. */
  read: Emission | null = null
  /** The most events that ever waited. */
  highWater = 0
  /** Events that were dropped. */
  dropped = 0

  constructor(limit: number, policy: OverflowPolicy, events: QueueEvents) {
    this.#limit = limit
    this.#policy = policy
    this.#events = events
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  /** @param emission the place of the event, which is copied. @default not known */
  push(event: MarketEvent, { offset, emitted }: Emission = { offset: 0, emitted: null }): void {
    if (this.#ended) return
    const item = { event, offset, emitted }
    const waiting = this.#waiting
    if (waiting !== null) {
      this.#waiting = null
      this.#rejecting = null
      this.#take(item)
      waiting({ value: event, done: false })
      return
    }
    this.#items.push(item)
    const { size } = this
    if (size > this.highWater) this.highWater = size
    // The end of a gap and what ends it belong together: what overflows is the latter.
    if (size >= this.#limit && event.type !== 'gap') this.#overflow(event)
  }

  /** The next event; resolves `done` after {@link end} when all is read. */
  next(): Promise<IteratorResult<MarketEvent, undefined>> {
    const item = this.#items[this.#head]
    if (item !== undefined) {
      this.#head++
      this.#take(item)
      const { length } = this.#items
      // What was read is let go: at once by a reader who has caught up.
      if (this.#head === length || (this.#head > 1024 && this.#head * 2 > length)) this.#compact()
      if (this.#full && this.size <= this.#limit / 2) {
        this.#full = false
        this.#events.drained()
      }
      return Promise.resolve({ value: item.event, done: false })
    }
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => {
      this.#waiting = resolve
      this.#rejecting = reject
    })
  }

  /** No more events: the reader gets what is left, then `done`, or the failure. */
  end(failure: Error | null = null): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    const waiting = this.#waiting
    const rejecting = this.#rejecting
    this.#waiting = null
    this.#rejecting = null
    if (failure !== null) rejecting?.(failure)
    else waiting?.({ value: undefined, done: true })
  }

  /** Forgets what waits: nobody will read it. */
  clear(): void {
    this.#items = []
    this.#head = 0
    if (this.#full) {
      this.#full = false
      this.#events.drained()
    }
  }

  #overflow(last: MarketEvent): void {
    if (this.#policy === 'pause') {
      if (this.#full) return
      this.#full = true
      this.#events.full()
    } else if (this.#policy === 'error') {
      this.#fail()
    } else {
      this.#dropOldest(last)
    }
  }

  #fail(): void {
    this.#events.failed(
      new TapewireError(
        'queue_overflow',
        `${this.#limit} events wait unread: read faster, raise queue.limit, or choose queue.policy 'drop-oldest'`,
      ),
    )
  }

  #dropOldest(last: MarketEvent): void {
    this.#compact()
    const oldest = this.#items.find(({ event }) => event.type !== 'gap')?.event ?? last
    const kept: Waiting[] = []
    const stream = streamOf(oldest)
    const read = this.#read.get(stream)
    let since = lossFrom(oldest, read)
    let backfill = false
    let ended = this.#healed.get(stream)
    for (const item of this.#items) {
      const { event } = item
      if (streamOf(event) !== stream) {
        kept.push(item)
        continue
      }
      // Gaps stay: what was said of a hole is not taken back.
      if (event.type !== 'gap') {
        this.dropped++
        since = earlier(since, lossFrom(event, read))
        if (event.type !== 'trade') continue
        // What comes in the moment in which a gap ends may have waited for that since it began.
        if (ended?.to === event.receiveTime) since = earlier(since, ended.from)
        backfill ||= event.historical
        continue
      }
      kept.push(item)
      ended = isHealed(event) ? event : undefined
      // What made the hole good is dropped: the reader misses what happened in it, and still reads that it was healed.
      if (backfill && ended !== undefined) since = earlier(since, ended.from)
    }
    this.#items = joinGaps(kept)
    this.#events.dropped(oldest, since)
  }

  #take(item: Waiting): void {
    this.read = item
    const { event } = item
    if (this.#policy !== 'drop-oldest') return
    if (event.type === 'gap' && isHealed(event)) this.#healed.set(streamOf(event), event)
    if (event.type !== 'trade' || event.historical) return
    const { receiveTime, exchangeTime } = event
    if (receiveTime !== null && exchangeTime !== null)
      this.#read.set(streamOf(event), { receiveTime, exchangeTime })
  }

  #compact(): void {
    if (this.#head === 0) return
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }
}

/**
 * Since when a stream lacks something, if this event of it is dropped. History is of a time before it came: where the machine's
 * clock is not the venue's, what follows on what was read was missed from then on, or came as much before that as the venue says.
 */
function lossFrom(event: MarketEvent, read: ReadTrade | undefined): Micros | null {
  const { receiveTime } = event
  if (event.type !== 'trade' || !event.historical || event.exchangeTime === null) return receiveTime
  const { exchangeTime } = event
  const known = [exchangeTime]
  if (receiveTime !== null) known.push(receiveTime)
  if (read !== undefined) known.push(read.receiveTime + Math.min(0, exchangeTime - read.exchangeTime))
  return Math.min(...known)
}

function isHealed({ state, healed }: GapEvent): boolean {
  return state === 'closed' && healed
}
