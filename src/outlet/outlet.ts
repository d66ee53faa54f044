import type { MarketEvent, Micros, StreamEvent } from '../../schemas/events.js'
import { TapewireError, UsageError } from '../errors.js'
import type { EmittedStream } from '../stream/emitted-stream.js'
import { EventRing } from './event-ring.js'
import { Listeners } from './listeners.js'
import {
  FeedReader,
  type GivenOptions,
  type OverflowPolicy,
  type ReaderMetrics,
  type ReaderSettings,
} from './reader.js'
import type { StreamName } from './reader-stream.js'

/** How much of what was emitted is kept for readers that have not read it yet. */
export interface OutletBounds {
  readonly limit: number
  readonly maxBytes: number
  /** Of a reader that names none. */
  readonly policy: OverflowPolicy
}

/** What waits to be read, of all readers together, in the metrics of a feed. */
export interface QueueMetrics {
  /** Events that the slowest reader has not read. */
  readonly depth: number
  /** What they weigh. Bytes. */
  readonly bytes: number
  /** The most that ever waited. */
  readonly highWater: number
  readonly limit: number
  readonly maxBytes: number
  /** Of readers that name none. */
  readonly policy: OverflowPolicy
  /** Events that readers missed (`drop-oldest`), each under a gap of reason `overflow` of that reader. */
  readonly dropped: number
}

export interface OutletEvents {
  /** Names the feed. */
  epoch(): string
  /** A reader that asked for it is full: nothing more is to be read from the network. */
  full(): void
  /** It has room again. */
  drained(): void
  /** Every stream of which something was emitted. */
  streams(): Iterable<StreamName & { readonly stream: EmittedStream }>
  /** A stream as it is now; null where that cannot be told at this moment. */
  image(name: StreamName, stream: EmittedStream): StreamEvent | null
  /** A loop over the feed itself is too far behind, under the policy `error`. */
  failed(error: TapewireError): void
}

/** So many events may be read before those that all have read are let go, where no reader has caught up. */
const LET_GO_EVERY = 1_024

/**
 * Where the events of a feed come out: listeners are called first, in the order in which they registered; then the event is
 * stored once, for any number of readers, each of which has its own place, filter and policy.
 *
 * While nobody reads or listens, events wait for whoever comes first.
 */
export class Outlet {
  readonly #bounds: OutletBounds
  readonly #events: OutletEvents
  readonly #ring = new EventRing()
  readonly #listeners = new Listeners()
  readonly #readers = new Set<FeedReader>()
  /** Readers that have read everything. */
  readonly #waiting = new Set<FeedReader>()
  /** Loops over the feed itself, which fail with it. */
  readonly #loops = new Set<FeedReader>()
  /** Holds the place of the first reader, as long as there is none. */
  #unclaimed: FeedReader | null = null
  #everRead = false
  #opened = 0
  #full = false
  #ended: { readonly failure: Error | null } | null = null
  #advances = 0
  #highWater = 0
  #dropped = 0

  constructor(bounds: OutletBounds, events: OutletEvents) {
    this.#bounds = bounds
    this.#events = events
    this.#holdPlace()
  }

  get queue(): QueueMetrics {
    const depth = this.#depth()
    const bytes = Math.round(this.#ring.weightFrom(this.#ring.next - depth))
    return { depth, bytes, highWater: this.#highWater, ...this.#bounds, dropped: this.#dropped }
  }

  get readers(): ReaderMetrics[] {
    return [...this.#readers]
      .filter((reader) => reader !== this.#unclaimed)
      .map((reader) => ({
        reader: reader.name,
        policy: reader.settings.policy,
        offset: reader.at - 1,
        behind: this.#ring.next - reader.at,
        behindBytes: Math.round(this.#ring.weightFrom(reader.at)),
        dropped: reader.dropped,
      }))
  }

  /** Whether events only reach listeners: nobody reads, so that nobody would be given what ends the feed. */
  get isOnlyListenedTo(): boolean {
    return this.#listeners.size > 0 && this.#readers.size === 0
  }

  /** Loops over the feed itself that go on. */
  get loops(): number {
    return this.#loops.size
  }

  /** @returns a function that takes the listener away again. */
  on(type: string, listener: (event: never) => void): () => void {
    const off = this.#listeners.add(type, listener)
    const held = this.#unclaimed
    this.#unclaimed = null
    held?.close()
    return () => {
      off()
      if (this.#listeners.size === 0 && !this.#everRead && this.#ended === null) this.#holdPlace()
    }
  }

  /** @throws {UsageError} `second_pause` where another reader may pause the feed already. */
  open(options: GivenOptions, loop = false): FeedReader {
    const { policy = this.#bounds.policy, name = `reader#${this.#opened}` } = options
    this.#assertLonePause(policy)
    this.#opened++
    this.#everRead = true
    const settings = { ...options, policy, name }
    const held = this.#unclaimed
    this.#unclaimed = null
    const reader = held === null ? this.#add(settings) : held.claim(settings)
    if (loop) this.#loops.add(reader)
    if (this.#ended !== null) reader.end(this.#ended.failure)
    this.#bound()
    this.#resume()
    return reader
  }

  push(event: MarketEvent, stream: EmittedStream | null, emitted: Micros | null): void {
    this.#listeners.call(event)
    if (this.#ended !== null) return
    if (this.#readers.size === 0) {
      this.#ring.skip()
      return
    }
    this.#ring.push(event, stream, emitted)
    if (this.#waiting.size > 0) this.#wake()
    if (this.#ring.size > this.#highWater) {
      this.#letGo()
      this.#highWater = Math.max(this.#highWater, this.#ring.size)
    }
    // The end of a gap and what ends it belong together: what overflows is the latter.
    if (this.#ring.size >= this.#bounds.limit && event.type !== 'gap') this.#bound()
  }

  /** A frame is over, which brought what was emitted since the last one. */
  weigh(bytes: number): void {
    this.#ring.weigh(bytes)
    if (
      this.#ring.size > 0 &&
      this.#ring.weightFrom(this.#ring.next - this.#ring.size) >= this.#bounds.maxBytes
    )
      this.#bound()
  }

  /** No more events: each reader gets what is left, then `done`, or the failure. */
  end(failure: Error | null): void {
    if (this.#ended !== null) return
    this.#ended = { failure }
    for (const reader of [...this.#readers]) reader.end(failure)
  }

  #wake(): void {
    for (const reader of [...this.#waiting]) if (!reader.wake()) this.#waiting.delete(reader)
  }

  #depth(): number {
    let first = this.#ring.next
    for (const { at } of this.#readers) first = Math.min(first, at)
    return this.#ring.next - first
  }

  #holdPlace(): void {
    const { policy } = this.#bounds
    this.#unclaimed = this.#add({ policy, books: false, name: '' })
  }

  #add(settings: ReaderSettings): FeedReader {
    const { next } = this.#ring
    const reader: FeedReader = new FeedReader(
      {
        at: (offset) => this.#ring.at(offset),
        epoch: () => this.#events.epoch(),
        image: (name, stream) => this.#events.image(name, stream),
        waits: (one) => void this.#waiting.add(one),
        advanced: (one) => this.#advanced(one),
        left: (one) => this.#release(one),
      },
      settings,
      next,
    )
    if (next > 1) reader.join(this.#events.streams())
    this.#readers.add(reader)
    return reader
  }

  #release(reader: FeedReader): void {
    this.#readers.delete(reader)
    this.#waiting.delete(reader)
    this.#loops.delete(reader)
    this.#letGo()
    this.#resume()
  }

  #advanced(reader: FeedReader): void {
    this.#advances++
    if (reader.at === this.#ring.next || this.#advances >= LET_GO_EVERY) this.#letGo()
    if (this.#full && reader.settings.policy === 'pause') this.#resume()
  }

  #letGo(): void {
    this.#advances = 0
    this.#ring.dropBefore(this.#ring.next - this.#depth())
  }

  /** Whether what a reader has not read is more than a share of what may wait. */
  #exceeds({ at }: FeedReader, share: number): boolean {
    const { limit, maxBytes } = this.#bounds
    return this.#ring.next - at >= limit * share || this.#ring.weightFrom(at) >= maxBytes * share
  }

  /** Each reader that is too far behind gets what its policy says. */
  #bound(): void {
    this.#letGo()
    for (const reader of [...this.#readers]) {
      if (!this.#exceeds(reader, 1)) continue
      const { policy } = reader.settings
      if (policy === 'drop-oldest') this.#dropped += reader.fallTo(this.#half(reader))
      else if (policy === 'error') this.#fail(reader)
      else if (!this.#full) {
        this.#full = true
        this.#events.full()
      }
    }
    this.#letGo()
  }

  #fail(reader: FeedReader): void {
    const error = this.#overflow()
    if (reader === this.#unclaimed || this.#loops.has(reader)) this.#events.failed(error)
    else reader.fail(error)
  }

  /** Where a reader goes on that keeps the newer half of what may wait. */
  #half(reader: FeedReader): number {
    const { limit, maxBytes } = this.#bounds
    let at = Math.max(reader.at + 1, this.#ring.next - Math.floor(limit / 2))
    while (at < this.#ring.next && this.#ring.weightFrom(at) > maxBytes / 2) at++
    return at
  }

  #resume(): void {
    if (!this.#full) return
    for (const reader of this.#readers) {
      if (reader.settings.policy === 'pause' && this.#exceeds(reader, 0.5)) return
    }
    this.#full = false
    this.#events.drained()
  }

  #assertLonePause(policy: OverflowPolicy): void {
    if (policy !== 'pause') return
    for (const reader of this.#readers) {
      if (reader === this.#unclaimed || reader.settings.policy !== 'pause') continue
      throw new UsageError(
        'second_pause',
        `one reader of a feed may pause it, and ${reader.name} does: open this one with feed.reader({ policy: 'drop-oldest' })`,
        { context: { reader: reader.name } },
      )
    }
  }

  #overflow(): TapewireError {
    return new TapewireError(
      'queue_overflow',
      `${this.#bounds.limit} events or ${this.#bounds.maxBytes} bytes wait unread: read faster, raise queue.limit or queue.maxBytes, ` +
        `or choose the policy 'drop-oldest'`,
    )
  }
}
