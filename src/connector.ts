import type { AmountUnit, Decimal, MarketEvent, MarketType, Micros } from '../schemas/events.js'
import type { Channel, ChannelKind } from './channel.js'
import type {
  Catalogue,
  ChannelSpec,
  Endpoint,
  HttpRequest,
  HttpResponse,
  Instrument,
  Limits,
  Liveness,
  Subscription,
  VenueStatus,
} from './venue/spec.js'

export type * from './venue/spec.js'
export type { Channel, ChannelKind }

/**
 * The contract between the engine and a venue.
 *
 * A venue is data and pure functions: frames and time go in, events and requests come out. It opens no socket, reads no
 * clock, sets no timer. The engine (a live feed, a frame log, the simulator's network, a test) owns those.
 */

/** Pure capabilities that a session may need and that the platform provides. All are bounded; all throw on bad input. */
export interface Tools {
  /**
   * @param maxBytes what may come out. @default the platform's `maxFrameBytes`, which is never exceeded
   * @throws {DecodeError} `undecodable`, or `oversize`.
   */
  gunzip(bytes: Uint8Array, maxBytes?: number): string
  /** As `gunzip`, of raw deflate. */
  inflateRaw(bytes: Uint8Array, maxBytes?: number): string
  /** Lower-case hex. */
  hmacSha256(secret: string, message: string): string
}

/**
 * What was seen on each stream, kept across reconnects. Made by the engine and read by `defineSession`: a venue hands it on with the rest
 * of {@link SessionInit} and looks at none of it.
 */
export interface SessionMemory {
  /** Whether the instrument's contract data were emitted. */
  announced(instrument: string): boolean
}

/** What the session of one connection is given. */
export interface SessionInit {
  readonly endpoint: Endpoint
  /** Which connection this is, for events and metrics: `public#0`. */
  readonly connection: string
  /**
   * True when a log is fed: the session learns its subscriptions and flags from the log's acks (and `out` frames), never
   * sends, and waits for the log itself to bring a snapshot.
   */
  readonly adopt: boolean
  /** True when the log begins inside this connection: its first subscriptions and snapshots are not in the log. @default false */
  readonly amid?: boolean
  /** Everything that the catalogue said; also filled by the session from answers in a log. */
  readonly instruments: InstrumentTable
  readonly memory: SessionMemory
  readonly tools: Tools
  /** A number in [0, 1) from the engine's seeded source, for ids and jitter. */
  readonly random: () => number
  /**
   * A receive time, on a line of time that no setting of the machine's clock bends ({@link Clock.steady}): deadlines are
   * reckoned on it. @default receive times are steady themselves, as far as a log can tell
   */
  readonly steady?: (at: Micros) => Micros
}

/** What became of a backfill, for those who count. */
export interface BackfillReport {
  /** The venue's own id. */
  readonly instrument: string
  readonly channel: Channel
  /**
   * `asked`: it began. `brought`: an answer held trades that were missed. `healed`: everything that the gap had cost was told.
   * `unhealed`: it ended without that.
   */
  readonly state: 'asked' | 'brought' | 'healed' | 'unhealed'
  /** Trades that an answer brought; 0 in the other states. */
  readonly trades: number
}

/**
 * Why something that a log holds could not be used.
 *
 * - `unknown_channel`: data of a channel of which neither the log nor the frame says what it is. The log begins after the subscription.
 * - `before_snapshot`: changes of a book of which no snapshot has come yet.
 * - `in_gap`: changes of a book that has a hole, for which the log brings no snapshot.
 * - `malformed`: what does not fit the venue's schema.
 * - `no_event`: messages that another program made and for which there is no event.
 * - `unknown_venue`: frames of a connection whose venue cannot be told.
 * - `unclaimed_answer`: REST answers that belong to no venue of the log.
 */
export type UnusedCause =
  | 'unknown_channel'
  | 'before_snapshot'
  | 'in_gap'
  | 'malformed'
  | 'no_event'
  | 'unknown_venue'
  | 'unclaimed_answer'

/** Frames of a log that could not be used. */
export interface UnusedReport {
  readonly cause: UnusedCause
  readonly frames: number
  /** Whose they are, where that is known. */
  readonly stream?: { readonly symbol: string; readonly instrument: string; readonly channel: Channel }
}

/** What a session may do. Nothing else. */
export interface Sink {
  emit(event: MarketEvent): void
  /** Sends a text frame. */
  send(frame: string): void
  /** Asks for an HTTP resource; the answer (or its failure) comes to `response`. */
  request(request: HttpRequest): void
  /** Names the moment at which `tick` is wanted, in steady time; a later call replaces it; null for none. */
  wake(at: Micros | null): void
  /** The greeting and login are over: the engine may hand out subscriptions. */
  ready(): void
  /** Asks for a new connection. `planned`: the venue announced it, it is no failure. */
  reconnect(reason: string, options?: { readonly planned?: boolean; readonly afterMs?: number }): void
  /** Asks for `session.resubscribe` as soon as the pace allows. */
  resubscribe(subscription: Subscription): void
  /**
   * The venue refused a stream because the connection carries as many as it allows: the engine asks for it on another, and puts
   * no more on one from now on. Left out where there is no other, as in a log.
   */
  full?(subscription: Subscription): void
  /** Tells of missed trades being fetched. Left out where nobody counts. */
  backfill?(report: BackfillReport): void
  /**
   * The venue said how often it lets itself be dialled, or that it will not be for a while: kept by all connections of the
   * process. Left out where nobody dials.
   */
  limited?(limit: DialLimit): void
  /** Tells of frames that were read and could not be used. Only in a log, where somebody counts. */
  unused?(report: UnusedReport): void
}

/** What a venue says of its own limits. */
export interface DialLimit {
  /** Connects a minute, where that is less than was declared. */
  readonly connectsPerMinute?: number
  /** No connect before this has passed. */
  readonly forMs?: number
}

/** How a connection was opened. */
export interface OpenInfo {
  /** The URL that was opened, without secrets. */
  readonly url: string
  /** The answer of the negotiate step, where the endpoint has one. */
  readonly negotiated: HttpResponse | null
  readonly attempt: number
}

/** How a connection ended. */
export interface CloseInfo {
  readonly code: number | null
  readonly reason: string
}

/**
 * The state machine of one connection. `at` is the receive time in microseconds, which never goes back and leaps ahead where
 * the machine's clock is set; null only from a log without a clock.
 */
export interface Session {
  opened(info: OpenInfo, at: Micros | null): void
  /** Asks the venue for these streams; at most `subscribeBatch` a call. */
  subscribe(subscriptions: readonly Subscription[], at: Micros | null): void
  unsubscribe(subscriptions: readonly Subscription[], at: Micros | null): void
  /** Gives the stream up and asks for it again: a fresh snapshot on the same connection. */
  resubscribe(subscription: Subscription, at: Micros | null): void
  frame(data: string | Uint8Array, at: Micros | null): void
  /** A frame that the recorded client sent: only when adopting. */
  sent(frame: string, at: Micros | null): void
  response(response: HttpResponse, at: Micros | null): void
  tick(at: Micros): void
  closed(info: CloseInfo, at: Micros | null): void
  /** The connection has been silent for longer than one that lives may be: every stream has a hole from its last datum on. */
  silent(detail: string, at: Micros): void
  /** The log is over, with the connection open: what still waits for something to come is reported as unused. */
  finished(at: Micros | null): void
  /**
   * The reader lacks events of this stream, from one received at `from` on. `detail` says why, for a person: it was too slow and
   * they were dropped, or it lost them itself.
   */
  overflowed(
    stream: { readonly instrument: string; readonly channel: Channel },
    from: Micros | null,
    at: Micros,
    detail: string,
  ): void
}

/** Everything that the engine knows of a venue, made once from the user's options. */
export interface Connector {
  readonly venue: string
  readonly aliases: readonly string[]
  readonly title: string
  readonly status: VenueStatus
  readonly markets: readonly MarketType[]
  readonly channels: readonly ChannelSpec[]
  readonly limits: Limits
  readonly liveness: Liveness
  /** The sockets to use, by the options (a user's URL replaces the default). Empty where a closed venue was given no URL. */
  readonly endpoints: readonly Endpoint[]
  /** Every URL at which the venue's sockets were ever found: recognises the recordings of others. */
  readonly recognises: RegExp
  readonly catalogue: Catalogue
  /** What the user asked for. */
  readonly symbols: readonly string[]
  readonly requested: readonly Channel[]
  /**
   * The instrument of a symbol (unified or the venue's own id) by rule alone, where the catalogue is not at hand or does
   * not list it; null where no rule applies.
   */
  guess(symbol: string): Instrument | null
  /** Which endpoint carries a stream. */
  route(subscription: Subscription): Endpoint
  session(init: SessionInit, sink: Sink): Session
  /** A frame that was sent, as it may be written down. Only where frames carry the user's credentials. */
  redact?(frame: string): string
}

/** Options that every connector takes. A connector adds its own; unknown keys are refused. */
export interface ConnectorOptions {
  /** Unified symbols (`BTC/USD`) or the venue's own ids (`tBTCUSD`). */
  readonly symbols?: readonly string[]
  /** @default ['trade', 'book'] */
  readonly channels?: readonly Channel[]
  /** Socket URL in place of the venue's own: a gateway, a simulator. Needed for a venue that is closed. */
  readonly url?: string
  /** REST base in place of the venue's own. @default derived from `url` where that is given, else the venue's */
  readonly restUrl?: string
  /** Extra headers for the handshake. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A connector's constructor, with what can be known before there are options. */
export interface Venue {
  readonly id: string
  readonly aliases: readonly string[]
  /** @throws {UsageError} where an option does not fit, naming field and value. */
  connector(options: ConnectorOptions): Connector
}

/** The instruments of one venue, by the venue's own id and by unified symbol. */
export interface InstrumentTable {
  add(instrument: Instrument): void
  /** By the venue's own id. */
  get(instrument: string): Instrument | undefined
  /** By unified symbol or the venue's own id. */
  find(symbol: string): Instrument | undefined
  readonly size: number
  values(): IterableIterator<Instrument>
}

export type { AmountUnit, Decimal, Micros }
