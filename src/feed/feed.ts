/// <reference lib="esnext.disposable" preserve="true" />
import * as z from 'zod'
import { marketEvent } from '../../schemas/event-schemas.js'
import type { EventOf, MarketEvent, MarketEventType, Micros, StreamEvent } from '../../schemas/events.js'
import type { ReadonlyBook } from '../book/order-book.js'
import { checkedConnector } from '../checked-connector.js'
import type { Channel, Connector, Instrument, Subscription } from '../connector.js'
import { UsageError } from '../errors.js'
import { didYouMean } from '../nearest.js'
import { parseOptions } from '../options.js'
import { Outlet } from '../outlet/outlet.js'
import type { FeedReader, OverflowPolicy, ReaderOptions } from '../outlet/reader.js'
import type { StreamName } from '../outlet/reader-stream.js'
import type { Platform } from '../platform.js'
import type { StreamRecord } from '../session/memory.js'
import { splitChannel } from '../session/stream.js'
import { shown } from '../shown.js'
import { shownValue } from '../shown-value.js'
import { dialBudget } from '../socket/dial-budget.js'
import { NETWORK } from '../socket/network-defaults.js'
import { nodePlatform } from '../socket/node.js'
import { type Cursor, Emissions } from '../stream/emissions.js'
import type { EmittedStream } from '../stream/emitted-stream.js'
import { newEpoch } from '../stream/epoch.js'
import { AskedStreams, type FeedStream } from './asked-streams.js'
import type { FrameTap } from './frame-tap.js'
import { Lane } from './lane.js'
import { type LineOptions, linesSchema, routesOf, waysOf } from './lines.js'
import type { FeedMetrics } from './metrics.js'
import { assertReachable } from './reachable.js'
import { socketSettings } from './socket-settings.js'
import { StreamBooks } from './stream-books.js'
import { shard } from './subscriptions.js'
import { type VenueLine, venueLine } from './venue-line.js'
import { WantedStreams } from './wanted-streams.js'

/** Options of `openFeed`. */
export interface FeedOptions {
  /** Ends the feed, as `close()` does. */
  readonly signal?: AbortSignal
  /** What is kept for readers that have not read it yet: one store for all of them. */
  readonly queue?: {
    /** Events that may wait unread. @default 100_000 */
    readonly limit?: number
    /** What they may weigh: of each event its share of its frame, and what it takes in memory. Bytes. @default 67_108_864 */
    readonly maxBytes?: number
    /** What happens to a reader that is so far behind, where it names no policy of its own. @default 'pause' */
    readonly policy?: OverflowPolicy
  }
  /** A connect (proxy, TLS and upgrade included) must be over within this. @default 15_000 */
  readonly connectTimeoutMs?: number
  /** No venue data for this long: the socket is replaced. @default the venue's own */
  readonly stallAfterMs?: number
  /** The first wait after a failed connect; doubles with full jitter. @default 1_000 */
  readonly backoffBaseMs?: number
  /** The longest wait between connects. @default 60_000 */
  readonly backoffCapMs?: number
  /** A connection that lived this long was stable: the backoff starts anew after it. @default 60_000 */
  readonly stableAfterMs?: number
  /**
   * Connects in a row that may fail before a connection gives up. The feed fails with `gave_up` when all of its connections have.
   * @default Infinity
   */
  readonly maxAttempts?: number
  /** The longest wait that a venue may ask for (Retry-After); what it asks beyond that is said. @default 3_600_000 */
  readonly maxHoldMs?: number
  /** A REST answer must be there within this. @default 15_000 */
  readonly requestTimeoutMs?: number
  /**
   * Connections that carry each stream. With 2, what one of them misses the other delivers, and losing one loses no event. @default the number of `lines`, or 1
   */
  readonly redundancy?: 1 | 2
  /** The network path of each of these connections, so that they do not fail together. @default one path for all */
  readonly lines?: readonly LineOptions[]
  /** Sees every raw frame, to write it down. */
  readonly tap?: FrameTap
  /** Time, sockets and HTTP in place of Node's own. */
  readonly platform?: Platform
}

const optionsSchema = z.strictObject({
  signal: z.instanceof(AbortSignal).optional(),
  queue: z
    .strictObject({
      limit: z.int().min(1).default(100_000),
      maxBytes: z.int().min(1).default(67_108_864),
      policy: z.enum(['pause', 'drop-oldest', 'error']).default('pause'),
    })
    .prefault({}),
  connectTimeoutMs: z.number().positive().default(15_000),
  stallAfterMs: z.number().positive().optional(),
  backoffBaseMs: z.number().nonnegative().default(1_000),
  backoffCapMs: z.number().positive().default(60_000),
  stableAfterMs: z.number().nonnegative().default(60_000),
  maxAttempts: z
    .custom<number>((value) => typeof value === 'number' && value >= 1, 'must be at least 1')
    .default(Number.POSITIVE_INFINITY),
  maxHoldMs: z.number().nonnegative().default(NETWORK.maxHoldMs),
  requestTimeoutMs: z.number().positive().default(15_000),
  redundancy: z.union([z.literal(1), z.literal(2)], { error: 'must be 1 or 2' }).optional(),
  lines: linesSchema,
  tap: z.custom<FrameTap>((value) => typeof value === 'object').optional(),
  platform: z.custom<Platform>((value) => typeof value === 'object').optional(),
})

/** The listeners of a feed: one for each type of event, `event` for all. */
export type FeedListener<T extends MarketEventType | 'event'> = (
  event: T extends MarketEventType ? EventOf<T> : MarketEvent,
) => void

/**
 * Opens one stream of events over many venues.
 *
 * Read it with `for await`, or with listeners, or both. Events of one stream come in the venue's order, none twice; where
 * something may be missing the stream says so with a `gap` event.
 *
 * @throws {UsageError} for options that cannot be; `venue_closed` (a {@link VenueError}) for a venue that no longer exists
 * and was given no URL. What can only be known later (an unknown symbol) rejects the iteration and `done`.
 */
export function openFeed(connectors: readonly Connector[], options: FeedOptions = {}): Feed {
  assertConnectors(connectors)
  const checked = connectors.map(checkedConnector)
  if (checked.length === 0) {
    throw new UsageError(
      'no_connectors',
      "openFeed needs at least one connector: openFeed([bitfinex({ symbols: ['BTC/USD'] })])",
    )
  }
  const venues = new Set<string>()
  for (const connector of checked) {
    const { venue } = connector
    if (venues.has(venue)) {
      throw new UsageError(
        'duplicate_venue',
        `${venue} is given twice: name all its symbols and channels in one connector`,
      )
    }
    venues.add(venue)
    assertReachable(connector)
  }
  return new Feed(checked, parseOptions('openFeed', optionsSchema, options))
}

/** For callers whose compiler does not hold them to the types. */
function assertConnectors(given: unknown): void {
  const example = "write openFeed([bitfinex({ symbols: ['BTC/USD'] })])"
  if (!Array.isArray(given)) {
    throw new UsageError('bad_option', `openFeed takes a list of connectors: ${example}`)
  }
  const wrong = given.findIndex((one) => typeof one !== 'object' || one === null || !('venue' in one))
  if (wrong !== -1) {
    throw new UsageError('bad_option', `item ${wrong} of openFeed's list is no connector: ${example}`)
  }
}

function assertListener(type: string, listener: unknown): void {
  if (type !== 'event' && !eventTypes.has(type)) {
    const near = didYouMean(type, ['event', ...eventTypes]) || `; there are ${[...eventTypes].join(', ')};`
    throw new UsageError('bad_option', `there is no event ${shown(type, 80)}${near} 'event' stands for all`, {
      context: { field: 'type' },
    })
  }
  if (typeof listener !== 'function') {
    throw new UsageError('bad_option', `feed.on('${type}', …) needs a function that takes the event`)
  }
}

function assertStreams(call: string, venue: unknown, symbols: unknown, channels: unknown): void {
  const isList = (given: unknown) => Array.isArray(given) && given.every((one) => typeof one === 'string')
  const wrong = Object.entries({ venue, symbols, channels }).find(([field, given]) =>
    field === 'venue' ? typeof given !== 'string' : !isList(given),
  )
  if (wrong === undefined) return
  const [field, given] = wrong
  throw new UsageError(
    'bad_option',
    `feed.${call} needs a venue, a list of symbols and a list of channels: write feed.${call}('bitfinex', ['BTC/USD'], ['trade']) ` +
      `(${field}: got ${shownValue(given)})`,
    { context: { field } },
  )
}

const texts = z.array(z.string()).optional()

const readerSchema = z.strictObject({
  name: z.string().optional(),
  policy: z.enum(['pause', 'drop-oldest', 'error']).optional(),
  books: z.boolean().optional(),
  types: z.array(z.enum(marketEvent.options.map(({ shape }) => shape.type.value))).optional(),
  venues: texts,
  symbols: texts,
  channels: texts,
})

const eventTypes: ReadonlySet<string> = new Set(marketEvent.options.map(({ shape }) => shape.type.value))

/**
 * A loop over a feed: `for await (const event of feed)`. Held by name, it also has its position and its books:
 *
 * ```ts
 * const loop = feed[Symbol.asyncIterator]()
 * for await (const event of loop) console.log(event.type, loop.book('kraken', 'BTC/USD')?.best())
 * ```
 */
export interface FeedIterator extends AsyncIterableIterator<MarketEvent, undefined> {
  /** The place of the event that was read last; null before the first. */
  readonly cursor: Cursor | null
  /**
   * The book of a stream as it was with the event that was read last; `feed.book()` is the newest. Kept where the iterator itself is read
   * with `for await`, as above.
   *
   * @throws {UsageError} `bad_option` where it is not.
   */
  book(venue: string, symbol: string, channel?: Channel): ReadonlyBook | null
}

/** One stream of events over many venues; made by {@link openFeed}. */
export class Feed implements AsyncIterable<MarketEvent>, AsyncDisposable {
  /**
   * Settles when the feed is over: resolves after `close()`, rejects with what ended it. A reader gets that as well. Where there are only
   * listeners, watch it: what is wrong with the options (a symbol that the venue does not list) is an unhandled rejection otherwise.
   */
  readonly done: Promise<void>
  readonly #options: z.output<typeof optionsSchema>
  readonly #platform: Platform
  readonly #outlet: Outlet
  readonly #lines = new Map<string, VenueLine>()
  readonly #wanted = new Map<string, WantedStreams>()
  readonly #asked = new Map<string, AskedStreams>()
  readonly #lanes: { readonly venue: string; readonly lane: Lane }[] = []
  #connections = 0
  /** Streams on one connection that a venue was found to allow, where that is less than it declares. */
  readonly #room = new Map<string, number>()
  #epoch: string | null = null
  readonly #emissions = new Emissions()
  readonly #books = new StreamBooks({
    has: (venue, id, channel) =>
      this.#subscriptions(venue).some(
        (held) => held.channel === channel && held.instrument.instrument === id,
      ),
    emitted: (venue, id, channel) => this.#emittedBook(venue, id, channel as Channel),
  })
  #closing: Promise<void> | null = null
  /** The streams as they stood when the feed ended. */
  #atTheEnd: readonly FeedStream[] | null = null
  #failure: Error | null = null
  #finished: { resolve: () => void; reject: (error: Error) => void } = { resolve: () => {}, reject: () => {} }

  /** @internal */
  constructor(connectors: readonly Connector[], options: z.output<typeof optionsSchema>) {
    this.#options = options
    this.#platform = options.platform ?? nodePlatform()
    this.done = new Promise((resolve, reject) => {
      this.#finished = { resolve, reject }
    })
    this.#outlet = new Outlet(options.queue, {
      full: () => this.#each((lane) => lane.pause()),
      drained: () => this.#each((lane) => lane.resume()),
      failed: (error) => this.#fail(error),
      streams: () => this.#emittedStreams(),
      image: (name, stream) => this.#image(name, stream),
      epoch: () => this.epoch,
    })
    const budget = dialBudget(this.#platform.clock)
    for (const connector of connectors) {
      // A line that is no way is refused at the door.
      for (const endpoint of connector.endpoints) {
        for (const {
          platform,
          endpoint: { url },
        } of routesOf(connector, endpoint, this.#platform, options)) {
          platform.checkWayOut?.(url)
        }
      }
      const line = venueLine({
        connector,
        platform: this.#platform,
        budget,
        requestTimeoutMs: options.requestTimeoutMs,
        emit: (event, stream) => this.#emit(event, stream),
        frameRead: (bytes) => this.#outlet.weigh(bytes),
        reach: (at) => this.#emissions.reach(at),
        nextConnection: () => this.#connections++,
        tap: options.tap ?? null,
      })
      this.#lines.set(connector.venue, line)
      this.#wanted.set(connector.venue, this.#wantedOf(line))
      const asked = new AskedStreams(line)
      asked.ask(connector.symbols, connector.requested, this.#platform.clock.now())
      this.#asked.set(connector.venue, asked)
    }
    const { signal } = options
    if (signal?.aborted === true) void this.close()
    else signal?.addEventListener('abort', () => void this.close(), { once: true })
    // Not before the caller had the chance to listen.
    queueMicrotask(() => {
      if (this.#closing === null) for (const wanted of this.#wanted.values()) wanted.start()
    })
  }

  /**
   * Names this feed among all that were ever opened: the numbers `n` and {@link offset} are its own. Anything that keeps events of
   * several feeds, such as a tape, keeps the epoch beside them; no event holds it.
   */
  get epoch(): string {
    this.#epoch ??= newEpoch(this.#platform.clock)
    return this.#epoch
  }

  /**
   * The number of the last event that the feed emitted, over all venues and streams, `connection` and `malformed` included: 1, 2,
   * 3 … without a hole; 0 before the first. While a listener runs, it is that of the event the listener was given. (epoch, offset)
   * is the place at which a reader can go on later.
   */
  get offset(): number {
    return this.#emissions.offset
  }

  /**
   * The moment at which the last event was emitted. Microseconds; never goes back; null before the first. It is later than the
   * event's receive time where the event waited: for what was missed before it, for its snapshot, for another connection.
   */
  get emitted(): Micros | null {
    return this.#emissions.emitted
  }

  /**
   * Events of one type, or every event under `event`.
   * @returns a function that takes the listener away again.
   * @throws {UsageError} `bad_option` for a type that does not exist; `feed_closed`.
   */
  on<T extends MarketEventType | 'event'>(type: T, listener: FeedListener<T>): () => void {
    assertListener(type, listener)
    this.#assertOpen('on')
    return this.#outlet.on(type, listener)
  }

  /**
   * Opens a reader with a place of its own, beside the loops over the feed, its listeners and other readers. The first one gets
   * everything from the beginning; one that is opened later gets, of each stream, its image first: see {@link FeedReader}. After the
   * end of the feed it gets what nobody has read.
   *
   * ```ts
   * const reader = feed.reader({ policy: 'drop-oldest', channels: ['book'] })
   * for await (const event of reader) console.log(reader.book('kraken', 'BTC/USD')?.top(1))
   * ```
   *
   * @throws {UsageError} `second_pause` where another reader may pause the feed already; `bad_option`.
   */
  reader(options: ReaderOptions = {}): FeedReader {
    return this.#outlet.open(parseOptions('feed.reader', readerSchema, options))
  }

  /**
   * The maintained book of a stream, L2, as it was emitted last; of an `order` stream the levels that follow from its orders. A reader
   * that has events to read is behind it, and has a book of its own: see {@link FeedReader}.
   *
   * It is the same object for as long as the stream lives, whatever becomes of its connections, and is `closed` after that.
   * Null where there is no such stream, or nothing came of it yet.
   */
  book(venue: string, symbol: string, channel: Channel = 'book'): ReadonlyBook | null {
    const line = this.#lines.get(venue)
    return this.#books.get(venue, line?.instruments.find(symbol)?.instrument ?? symbol, channel)
  }

  /** What is known of an instrument of the feed, by unified symbol or the venue's own id. */
  instrument(venue: string, symbol: string): Instrument | null {
    return this.#lines.get(venue)?.instruments.find(symbol) ?? null
  }

  /**
   * Asks for further streams of a venue that the feed has. What it holds already it goes on with: one that the venue refused is given up
   * with {@link unsubscribe} first, to be asked for again.
   * @throws {UsageError} `unknown_venue`, `unknown_symbol`, `unsupported_channel`, `bad_option`, `feed_closed`.
   */
  subscribe(venue: string, symbols: readonly string[], channels: readonly Channel[]): void {
    this.#assertOpen('subscribe')
    assertStreams('subscribe', venue, symbols, channels)
    this.#of(venue, this.#wanted).add(symbols, channels)
    this.#asked.get(venue)?.ask(symbols, channels, this.#platform.clock.now())
  }

  /**
   * Gives streams up; no other stream is disturbed.
   * @throws {UsageError} as {@link subscribe}.
   */
  unsubscribe(venue: string, symbols: readonly string[], channels: readonly Channel[]): void {
    this.#assertOpen('unsubscribe')
    assertStreams('unsubscribe', venue, symbols, channels)
    const given = this.#of(venue, this.#wanted).remove(symbols, channels)
    for (const { instrument, channel } of given) this.#books.giveUp(venue, instrument.instrument, channel)
    this.#release(venue, given)
    this.#asked.get(venue)?.end(symbols, channels, this.#platform.clock.now())
  }

  /**
   * Asks for a fresh snapshot of a book, for a reader that lost events of it. The book gets a gap (`overflow`) at once, which
   * the snapshot closes; one that has a gap already gets its snapshot by that. It waits its turn among what the venue allows to ask.
   *
   * @returns whether the feed has such a stream; false after its end.
   * @throws {UsageError} `unknown_venue`; `unsupported_channel` for a channel that carries no book.
   */
  resync(venue: string, symbol: string, channel: Channel = 'book'): boolean {
    const { instruments } = this.#of(venue, this.#lines)
    const { kind } = splitChannel(channel)
    if (kind !== 'book' && kind !== 'order') {
      throw new UsageError(
        'unsupported_channel',
        `resync takes a channel that carries a book, such as 'book' or 'order', not ${shown(channel, 80)}`,
        { context: { venue, channel, field: 'channel' } },
      )
    }
    if (this.#closing !== null) return false
    const id = instruments.find(symbol)?.instrument ?? symbol
    const now = this.#platform.clock.now()
    for (const { venue: served, lane } of this.#lanes) {
      if (served !== venue) continue
      const held = lane.describe(now).find((stream) => stream.instrument === id && stream.channel === channel)
      if (held === undefined) continue
      if (held.gap === null) lane.overflowed(id, channel, now, 'the reader asked for a fresh snapshot')
      return true
    }
    return false
  }

  /**
   * Every stream that the feed was asked for and how it stands, those included that the venue refused or that it does not
   * list. After the end of the feed: as they stood then.
   */
  streams(): readonly FeedStream[] {
    return this.#atTheEnd ?? this.#describeStreams()
  }

  /** Ages, counters and depths at this moment, to be shown or exported: see docs/metrics.md. */
  metrics(): FeedMetrics {
    const at = this.#platform.clock.now()
    const { queue, readers } = this.#outlet
    const budget = dialBudget(this.#platform.clock)
    return {
      at,
      queue,
      readers,
      waitingDials: budget.waiting,
      learnedDialLimits: budget.learned,
      venues: [...this.#lines].map(([venue, { counters }]) => {
        const lanes = this.#lanes.filter((entry) => entry.venue === venue).map(({ lane }) => lane)
        return {
          ...counters.metrics(),
          connections: lanes.flatMap(({ connections }) => connections.map(({ metrics }) => metrics)),
          subscriptions: lanes.flatMap((lane) => lane.describe(at)),
        }
      }),
    }
  }

  /** Ends the feed for good; an iteration gets what is still queued and then ends. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * A loop over the feed is a reader with the policy of the feed. Leaving the last such loop closes the feed.
   * @throws {UsageError} `second_pause` where another reader may pause the feed already.
   */
  [Symbol.asyncIterator](): FeedIterator {
    const reader = this.#outlet.open({}, true)
    return {
      get cursor() {
        return reader.cursor
      },
      book: (venue, symbol, channel) => reader.book(venue, symbol, channel),
      next: () => reader.next(),
      [Symbol.asyncIterator]() {
        reader[Symbol.asyncIterator]()
        return this
      },
      return: async () => {
        reader.close()
        if (this.#outlet.loops === 0) await this.close()
        return { value: undefined, done: true }
      },
    }
  }

  // ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #assertOpen(call: string): void {
    if (this.#closing === null) return
    throw new UsageError('feed_closed', `${call}: this feed is closed; open a new one with openFeed`)
  }

  #wantedOf(line: VenueLine): WantedStreams {
    const { venue } = line.connector
    const { lines, maxAttempts } = this.#options
    return new WantedStreams({
      line,
      ways: waysOf(this.#platform, lines),
      maxAttempts,
      place: (subscriptions) => {
        const held = new Set(this.#subscriptions(venue).map(keyOf))
        this.#place(
          line,
          subscriptions.filter((subscription) => !held.has(keyOf(subscription))),
        )
      },
      subscribed: () => this.#subscriptions(venue),
      replace: (stale, fresh) => {
        this.#release(venue, stale)
        this.#place(line, fresh)
      },
      failed: (error) => this.#fail(error),
      hopeless: (error) => this.#endWhereNothingGoesOn(error),
    })
  }

  /** Every connection has given up, and no list of instruments is to come that would open another. */
  #endWhereNothingGoesOn(error: Error): void {
    const goesOn = this.#lanes.some(({ lane }) => lane.gaveUp === null)
    if (goesOn || [...this.#wanted.values()].some((wanted) => wanted.pending)) return
    // A wrong target is the user's to correct; how often it was tried says nothing.
    this.#fail(error.cause instanceof UsageError ? error.cause : error)
  }

  #release(venue: string, subscriptions: readonly Subscription[]): void {
    const given = new Set(subscriptions.map(keyOf))
    for (const { instrument, channel } of subscriptions) {
      this.#lines.get(venue)?.emitted.forget(instrument.instrument, channel)
    }
    for (const { lane } of this.#lanes.filter((entry) => entry.venue === venue)) {
      const leaving = lane.subscriptions.filter((subscription) => given.has(keyOf(subscription)))
      if (leaving.length > 0) lane.unsubscribe(leaving)
    }
  }

  /** Puts streams on connections that have room, and opens further ones for the rest. */
  #place(line: VenueLine, subscriptions: readonly Subscription[]): void {
    const { connector } = line
    const limit = this.#room.get(connector.venue) ?? connector.limits.subscriptionsPerConnection
    let rest = [...subscriptions]
    for (const { venue, lane } of this.#lanes) {
      if (venue !== connector.venue || rest.length === 0) continue
      const room = limit - lane.subscriptions.length
      const fitting = rest.filter((subscription) => connector.route(subscription).name === lane.endpoint.name)
      const taken = new Set(fitting.slice(0, Math.max(0, room)))
      if (taken.size > 0) lane.subscribe([...taken])
      rest = rest.filter((subscription) => !taken.has(subscription))
    }
    for (const { endpoint, subscriptions: share } of shard(connector, rest, limit)) {
      const lane = new Lane({
        line,
        endpoint,
        subscriptions: share,
        routes: routesOf(connector, endpoint, this.#platform, this.#options),
        full: (full, refused, record) => this.#full(line, full, refused, record),
        gaveUp: (error) => this.#endWhereNothingGoesOn(error),
        settings: socketSettings(connector, this.#options),
      })
      this.#lanes.push({ venue: connector.venue, lane })
      lane.start()
    }
  }

  /** A connection that takes not even one stream will not take it elsewhere either: the refusal stands. */
  #full(line: VenueLine, lane: Lane, refused: Subscription, record: StreamRecord | null): void {
    const { venue } = line.connector
    const room = lane.subscriptions.length
    if (room === 0 || this.#closing !== null) return
    this.#room.set(venue, Math.min(room, this.#room.get(venue) ?? room))
    this.#place(line, [refused])
    const taker = this.#lanes.find(
      (entry) => entry.lane !== lane && entry.lane.subscriptions.includes(refused),
    )
    if (record !== null) taker?.lane.inherit(refused, record)
  }

  #emit(event: MarketEvent, stream: EmittedStream | null): void {
    this.#emissions.count(event.receiveTime)
    this.#outlet.push(event, stream, this.#emissions.emitted)
  }

  *#emittedStreams(): Generator<StreamName & { readonly stream: EmittedStream }> {
    for (const [venue, { emitted }] of this.#lines) {
      for (const each of emitted.entries()) yield { venue, ...each }
    }
  }

  #emittedBook(venue: string, id: string, channel: Channel): ReadonlyBook | null {
    for (const { venue: served, lane } of this.#lanes) {
      const book = served === venue ? lane.book(id, channel) : null
      if (book !== null) return book
    }
    return null
  }

  /** A stream as it is now: of values the newest event, of a book a snapshot; null where there is none, or a gap is open. */
  #image({ venue, channel, instrument }: StreamName, stream: EmittedStream): StreamEvent | null {
    const { openGap, newest, last, n } = stream
    if (openGap !== null || newest !== null || last === null) return openGap === null ? newest : null
    const { exchangeTime, receiveTime } = last
    const place = { n, exchangeTime, receiveTime, sequence: null }
    for (const { venue: served, lane } of this.#lanes) {
      const image = served === venue ? lane.image(instrument, channel as Channel, place) : null
      if (image !== null) return image
    }
    return null
  }

  #fail(error: Error): void {
    this.#failure ??= error
    if (error instanceof UsageError) this.#refused(error)
    void this.close()
  }

  /** A symbol or channel that the venue does not have. */
  #refused({ context, message }: UsageError): void {
    const { venue, symbol } = context
    if (typeof venue === 'string' && typeof symbol === 'string') {
      this.#asked.get(venue)?.refuse(symbol, message)
    }
  }

  #describeStreams(): FeedStream[] {
    const now = this.#platform.clock.now()
    return [...this.#asked].flatMap(([venue, asked]) =>
      asked.describe(
        this.#lanes.filter((entry) => entry.venue === venue).map(({ lane }) => lane),
        now,
      ),
    )
  }

  async #shutDown(): Promise<void> {
    this.#atTheEnd = this.#describeStreams()
    for (const wanted of this.#wanted.values()) wanted.close()
    for (const line of this.#lines.values()) line.close()
    await Promise.all(this.#lanes.map(({ lane }) => lane.close()))
    this.#books.end()
    // A reader gets the failure where it reads, and connection events tell of the network. A mistake that nobody else would be told of
    // is left to those who watch `done`, and is an unhandled rejection where nobody does.
    const told = !(this.#failure instanceof UsageError && this.#outlet.isOnlyListenedTo)
    if (told) this.done.catch(() => {})
    this.#outlet.end(this.#failure)
    if (this.#failure === null) this.#finished.resolve()
    else this.#finished.reject(this.#failure)
  }

  #each(run: (lane: Lane) => void): void {
    for (const { lane } of this.#lanes) run(lane)
  }

  #of<Held>(venue: string, held: ReadonlyMap<string, Held>): Held {
    const found = held.get(venue)
    if (found !== undefined) return found
    throw new UsageError(
      'unknown_venue',
      `this feed has no venue ${venue}; it has ${[...this.#lines.keys()].join(', ')}`,
      { context: { venue } },
    )
  }

  #subscriptions(venue: string): Subscription[] {
    return this.#lanes.filter((entry) => entry.venue === venue).flatMap(({ lane }) => [...lane.subscriptions])
  }
}

function keyOf({ instrument, channel }: Subscription): string {
  return `${channel} ${instrument.instrument}`
}
