import type { MarketEvent, MarketEventType, StreamEvent } from '../../schemas/events.js'
import { Books } from '../book/books.js'
import type { ReadonlyBook } from '../book/order-book.js'
import type { Channel } from '../connector.js'
import { UsageError } from '../errors.js'
import type { Cursor, Emission } from '../stream/emissions.js'
import type { EmittedStream } from '../stream/emitted-stream.js'
import type { RingEntry } from './event-ring.js'
import { ReaderStream, type StreamName } from './reader-stream.js'

/**
 * What happens when a reader falls behind by as much as the feed keeps.
 *
 * `pause`: the sockets stop reading until the reader has caught up, so the network itself holds the venue back; nothing
 * is lost here, and a venue that will not wait ends the connection, which is a disclosed gap. One reader of a feed may ask for it.
 * `drop-oldest`: the older half of what waits is dropped for this reader, which gets a gap of reason `overflow` on each stream of
 * which it missed something. `error`: the reader fails with `queue_overflow`.
 */
export type OverflowPolicy = 'pause' | 'drop-oldest' | 'error'

/** Options of `feed.reader`. */
export interface ReaderOptions {
  /** What the reader is called in the metrics of the feed. @default 'reader#0', 'reader#1' … */
  readonly name?: string
  /** What happens when it falls behind. @default that of the feed, `queue.policy` */
  readonly policy?: OverflowPolicy
  /**
   * Whether `reader.book()` is kept: each change of a book is folded once more for it, as it is read.
   * @default as soon as the reader itself is read with `for await`; not for `next()` called by hand
   */
  readonly books?: boolean
  /** Only events of these types. Without `gap` the reader does not learn what it missed. @default all */
  readonly types?: readonly MarketEventType[]
  /** Only events of these venues. @default all */
  readonly venues?: readonly string[]
  /** Only streams of these instruments, by unified symbol or the venue's own id; events of connections pass. @default all */
  readonly symbols?: readonly string[]
  /** Only streams of these channels; events of connections pass. @default all */
  readonly channels?: readonly string[]
}

/** One reader of a feed, in its metrics. */
export interface ReaderMetrics {
  readonly reader: string
  readonly policy: OverflowPolicy
  /** The offset of the last event that it read or passed over. */
  readonly offset: number
  /** Events that it has not read. */
  readonly behind: number
  /** What they weigh. Bytes. */
  readonly behindBytes: number
  /** Events that it missed (`drop-oldest`), each under a gap of reason `overflow` of its own. */
  readonly dropped: number
}

/** What a reader needs of the outlet. */
export interface ReaderSource {
  /** Names the feed. */
  epoch(): string
  at(offset: number): RingEntry | undefined
  /** The stream as it is now; null where that cannot be told at this moment. */
  image(name: StreamName, stream: EmittedStream): StreamEvent | null
  /** The reader has gone on. */
  advanced(reader: FeedReader): void
  /** It has read everything and waits for more. */
  waits(reader: FeedReader): void
  left(reader: FeedReader): void
}

/** An event that is to be read; without a place where it is for this reader alone. */
interface Due {
  readonly event: MarketEvent
  readonly place: Emission | null
}

interface Waiter {
  resolve(result: IteratorResult<MarketEvent, undefined>): void
  reject(error: Error): void
}

/** Options as they were given. */
export type GivenOptions = { readonly [Name in keyof ReaderOptions]?: ReaderOptions[Name] | undefined }

/** Options with what was not given filled in. */
export type ReaderSettings = GivenOptions & Required<Pick<ReaderOptions, 'name' | 'policy'>>

/**
 * One reader of a feed, at a place of its own: made by `feed.reader()`. Others do not hold it up, and it does not hold them up.
 *
 * One that begins amid the feed gets, of each stream, first its image: the open gap where there is one, of a book a snapshot with the
 * number `n` of the last event that it contains, and of values the newest event.
 */
export class FeedReader implements AsyncIterableIterator<MarketEvent, undefined>, AsyncDisposable {
  /** @internal The offset of the next event that it reads. */
  at: number
  /** @internal */
  settings: ReaderSettings
  readonly #source: ReaderSource
  readonly #streams = new Map<EmittedStream, ReaderStream>()
  /** Streams that go on with an image. */
  readonly #imageless = new Set<ReaderStream>()
  #books: Books | null
  /** Some of them may have one now. */
  #maybeImaged = false
  /** What comes before the event at the cursor. */
  #due: Due[] = []
  #waiters: Waiter[] = []
  #place: Emission | null = null
  #dropped = 0
  #ended = false
  #closed = false
  #failure: Error | null = null

  /** @internal */
  constructor(source: ReaderSource, settings: ReaderSettings, at: number) {
    this.#source = source
    this.settings = settings
    this.at = at
    this.#books = settings.books === true ? new Books() : null
  }

  get name(): string {
    return this.settings.name
  }

  /**
   * The place in the feed of the event that was read last; null before the first, and where that event is this reader's own: an image,
   * or a gap in what it read.
   */
  get cursor(): Cursor | null {
    const place = this.#place
    return place === null ? null : { epoch: this.#source.epoch(), ...place }
  }

  /** Events that were missed under `drop-oldest`. */
  get dropped(): number {
    return this.#dropped
  }

  /** The next event; `done` after the end of the feed, when all is read. @throws what ended the feed; `queue_overflow` */
  next(): Promise<IteratorResult<MarketEvent, undefined>> {
    const value = this.#take()
    if (value !== null) return Promise.resolve({ value, done: false })
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#source.waits(this)
    })
  }

  /** Ends the reader, as leaving its loop does. */
  return(): Promise<IteratorResult<MarketEvent, undefined>> {
    this.close()
    return Promise.resolve({ value: undefined, done: true })
  }

  /**
   * The book of a stream as it was with the last event that this reader read; null where it read none of the stream. `feed.book()`
   * is the newest one, which is ahead of a reader that has events to read.
   *
   * ```ts
   * const reader = feed.reader()
   * for await (const event of reader) console.log(event.type, reader.book('kraken', 'BTC/USD')?.best())
   * ```
   *
   * @throws {UsageError} `bad_option` where the reader keeps no books: it was opened with `books: false`, or is read with `next()` and was
   * opened without `books: true`.
   */
  book(venue: string, symbol: string, channel?: Channel): ReadonlyBook | null {
    if (this.#books === null) {
      throw new UsageError(
        'bad_option',
        'this reader keeps no books: read it with for await, or open it with feed.reader({ books: true })',
      )
    }
    return this.#books.get(venue, symbol, channel)?.book ?? null
  }

  /** Ends the reader; the feed and its other readers go on. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.end(null)
    this.#failure = null
    this.#source.left(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  /** For `for await`: books are kept from here on, unless `books` says otherwise. */
  [Symbol.asyncIterator](): this {
    if (this.settings.books === undefined) this.#books ??= new Books()
    return this
  }

  /** @internal Becomes a reader of these settings, before it has read anything. */
  claim(settings: ReaderSettings): this {
    this.settings = settings
    this.#books = settings.books === true ? new Books() : null
    return this
  }

  /** @internal It begins amid these streams. */
  join(streams: Iterable<StreamName & { readonly stream: EmittedStream }>): void {
    const first: MarketEvent[] = []
    for (const name of streams) {
      if (name.stream.n === 0) continue
      const state = new ReaderStream(name.stream, name)
      this.#streams.set(name.stream, state)
      state.join(first)
      if (state.wantsImage) this.#imageless.add(state)
    }
    this.#own(first)
    this.#maybeImaged = true
  }

  /** @internal An event was emitted. @returns whether it waits for more */
  wake(): boolean {
    while (this.#waiters.length > 0) {
      const value = this.#take()
      if (value === null) return true
      this.#waiters.shift()?.resolve({ value, done: false })
    }
    return false
  }

  /** @internal Gives up what comes before an offset. @returns how many events it misses by that */
  fallTo(offset: number): number {
    const before = this.#dropped
    const gaps: MarketEvent[] = []
    for (let at = this.at; at < offset; at++) {
      const entry = this.#source.at(at)
      if (entry === undefined) continue
      const { event, stream } = entry
      if (event.type !== 'gap') this.#dropped++
      if (stream === null || !('channel' in event)) continue
      const state = this.#stateOf(stream, event)
      const gap = state.miss(event)
      if (gap !== null) gaps.push(gap)
      if (state.wantsImage) this.#imageless.add(state)
    }
    this.#own(gaps)
    this.#maybeImaged = true
    this.at = offset
    return this.#dropped - before
  }

  /** @internal No more events: it gets what is left, then `done`, or the failure. */
  end(failure: Error | null): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    const waiters = this.#waiters
    this.#waiters = []
    for (const { resolve, reject } of waiters) {
      if (failure === null) resolve({ value: undefined, done: true })
      else reject(failure)
    }
  }

  /** @internal It reads no further, and what waits is not for it any more. */
  fail(failure: Error): void {
    this.#closed = true
    this.end(failure)
    this.#source.left(this)
  }

  #take(): MarketEvent | null {
    while (!this.#closed) {
      if (this.#maybeImaged) this.#images()
      for (let due = this.#due.shift(); due !== undefined; due = this.#due.shift()) {
        if (this.#passes(due.event)) return this.#read(due)
      }
      const entry = this.#source.at(this.at)
      if (entry === undefined) return null
      this.at++
      this.#prepare(entry)
      this.#source.advanced(this)
    }
    return null
  }

  /** Makes due what this reader gets of an event, and what comes before it. */
  #prepare({ event, stream, emitted }: RingEntry): void {
    const place = { offset: this.at - 1, emitted }
    if (stream === null || !('channel' in event)) {
      this.#due.push({ event, place })
      return
    }
    const state = this.#stateOf(stream, event)
    const before: MarketEvent[] = []
    const taken = state.take(event, before)
    this.#own(before)
    if (taken !== null) this.#due.push({ event: taken, place })
    // At the end of a gap the book is that of the snapshot which follows.
    if (this.#imageless.size > 0 && event.type !== 'gap' && this.#imageless.has(state)) this.#image(state)
  }

  #images(): void {
    this.#maybeImaged = false
    for (const state of this.#imageless) this.#image(state)
  }

  /** Puts the image of a stream, where there can be one, in the place of what was missed. */
  #image(state: ReaderStream): void {
    if (state.wantsImage) {
      const image = this.#source.image(state.name, state.stream)
      if (image === null) return
      const events: MarketEvent[] = []
      state.image(image, events)
      this.#own(events)
    }
    this.#imageless.delete(state)
  }

  #own(events: readonly MarketEvent[]): void {
    for (const event of events) this.#due.push({ event, place: null })
  }

  #stateOf(stream: EmittedStream, event: StreamEvent): ReaderStream {
    let state = this.#streams.get(stream)
    if (state === undefined) {
      state = new ReaderStream(stream, event)
      this.#streams.set(stream, state)
    }
    return state
  }

  #read({ event, place }: Due): MarketEvent {
    this.#place = place
    this.#books?.apply(event)
    return event
  }

  #passes(event: MarketEvent): boolean {
    const { types, venues, symbols, channels } = this.settings
    if (types !== undefined && !types.includes(event.type)) return false
    if (venues !== undefined && !venues.includes(event.venue)) return false
    if (!('channel' in event)) return true
    if (channels !== undefined && !channels.includes(event.channel)) return false
    return symbols === undefined || symbols.includes(event.symbol) || symbols.includes(event.instrument)
  }
}
