import type { InstrumentEvent, MarketType } from '../../schemas/events.js'
import type { Channel, ChannelKind } from '../channel.js'

/*
 * What a venue declares of itself, as data. Nothing here needs the engine, so that `tapewire venues`, the recorder and the
 * documentation read it without loading any of it.
 */

/** One channel that a venue offers: a row of its capabilities. */
export interface ChannelSpec extends Integrity {
  readonly kind: ChannelKind
  /**
   * Variants after the colon; empty where there is only the bare kind. A kind has several rows where its markets or its variants
   * promise different things; the bare kind means the first variant of its first row.
   */
  readonly variants: readonly string[]
  readonly markets: readonly MarketType[]
  /**
   * The longest silence of a healthy stream. Null for a sparse channel, which leans on the socket's heartbeat and on its
   * siblings: an illiquid market must never cause a reconnect.
   */
  readonly cadenceMs: number | null
  /** Whether the first datum (a snapshot) is promised after the ack; a stream that is acked and silent is then resubscribed. */
  readonly snapshot: boolean
  /** Needs the user's key and secret. @default false */
  readonly credentials?: boolean
}

/**
 * What a venue promises of a channel, as data: what orders its events, how its image comes, what its rows mean and what checks it.
 * The engine acts on it; `tapewire venues` and the documentation print it. Absent means: the venue promises nothing of the kind.
 */
export interface Integrity {
  readonly order?: OrderRule
  readonly image?: ImageRule
  readonly rows?: RowRule
  readonly checks?: readonly CheckRule[]
  readonly mark?: MarkRule
}

/** The number by which a message shows what came before it. */
export interface OrderRule {
  /** The field, in the venue's spelling: `seqNum`. */
  readonly by: string
  /** Within what it counts. A topic may carry several streams. */
  readonly scope: 'connection' | 'topic' | 'stream'
  /**
   * Whether another connection shows the same number for the same message. `same` only where that is known: two connections are
   * then compared by it.
   */
  readonly across: 'same' | 'own'
  /**
   * How a message follows the one before it. `next`: one more. `range`: its first number is the last one plus one. `overlap`: its
   * first number is the last one. `prev`: it names its predecessor. `rising`: higher, which shows order and hides loss.
   */
  readonly step: 'next' | 'range' | 'overlap' | 'prev' | 'rising'
  /** Frames without data (acks, heartbeats) are numbered as well. @default false */
  readonly everyFrame?: boolean
}

/** How a book's whole image comes. */
export interface ImageRule {
  /**
   * `marked`: on the socket, marked as an image. `first`: the first message after the subscribe. `every frame`: each message is one.
   * `request`: asked for, over HTTP or on the socket, and joined by number.
   */
  readonly how: 'marked' | 'first' | 'every frame' | 'request'
  /**
   * The levels a side that the venue keeps up to date, where it says so. `exact`: a level that leaves the window comes with a
   * removal, so that more levels than these contradict the book.
   */
  readonly window?: { readonly levels: number; readonly kind: 'exact' }
}

/** What a book's rows mean. */
export interface RowRule {
  /** `levels`: price and amount. `keyed`: rows have ids, and a change may name the id alone. */
  readonly kind: 'levels' | 'keyed'
  /** A removal of what the book does not hold: a `gap` where the venue never sends one, `ignore` where that is known to happen. */
  readonly absent: 'gap' | 'ignore'
}

/** What proves the book as a whole. */
export type CheckRule =
  | {
      readonly kind: 'checksum'
      /** How many of the best rows a side are signed. */
      readonly best: number
      /** Mismatches in a row after which the fault is no single lost frame and the connection is replaced. */
      readonly failures: number
    }
  /** A second image at the number at which the book stands. */
  | { readonly kind: 'image' }

/** "The venue stands at this number", asked for or told: proves a silent stream. */
export interface MarkRule {
  readonly by: 'heartbeat' | 'request'
}

/** What a venue's instrument is; the fields of an `instrument` event without times and stream. */
export type Instrument = Pick<
  InstrumentEvent,
  | 'venue'
  | 'symbol'
  | 'instrument'
  | 'market'
  | 'status'
  | 'base'
  | 'quote'
  | 'settle'
  | 'tickSize'
  | 'lotSize'
  | 'amountUnit'
  | 'contractSize'
  | 'contractUnit'
  | 'sidesCounted'
  | 'expiry'
>

/** One stream that a session is asked for. */
export interface Subscription {
  readonly instrument: Instrument
  readonly channel: Channel
}

/** A request that a venue asks the engine for. */
export interface HttpRequest {
  /** Chosen by the asker and given back with the answer: `snapshot BTC-USD`. */
  readonly id: string
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The URL or the answer carries a token: the exchange is written down nowhere. @default false */
  readonly confidential?: boolean
}

/** The answer to a request, or its failure. */
export interface HttpResponse {
  /** The request's id; empty for an answer from a log, which is recognised by its URL. */
  readonly id: string
  readonly url: string
  /** 0 where no answer came; `body` then says why. */
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Where and how a socket is opened. */
export interface ConnectTarget {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly protocols?: readonly string[]
}

/** One kind of socket of a venue. A venue with several families of paths has one for each. */
export interface Endpoint extends ConnectTarget {
  /** Short and stable: `public`, `linear`, `feed`. */
  readonly name: string
  /** Where the REST calls of this endpoint go, without a trailing slash; null where it needs none. */
  readonly rest: string | null
  /** A step over HTTP that comes before the socket: the answer says where to connect. */
  readonly negotiate?: {
    readonly request: HttpRequest
    /** @throws {VenueError} where the answer refuses. */
    target(answer: HttpResponse): ConnectTarget
  }
}

/** What the engine must respect on a venue's behalf. Declared from the venue's page, never guessed in the engine. */
export interface Limits {
  /** Streams on one connection; the rest goes to further connections. */
  readonly subscriptionsPerConnection: number
  /** Subscriptions handed to the session in one call (a venue that takes several in one frame). */
  readonly subscribeBatch: number
  /** Calls of `subscribe` a minute on one connection. */
  readonly subscribesPerMinute: number
  /** Connects a minute to one host, over all connections of the process. */
  readonly connectsPerMinute: number
  /** REST calls a minute. */
  readonly requestsPerMinute: number
  /** Close codes by which the venue says that it restarts: no failure. @default none */
  readonly plannedCodes?: readonly number[]
  /** How long the venue refuses who connects or calls too often (429), where its answer does not say. @default not told */
  readonly refusedForMs?: number
  /** A frame larger than this (after decompression) ends the connection. Bytes. */
  readonly maxFrameBytes: number
  /** The venue cuts connections of this age; null where no such rule is known. */
  readonly maxConnectionAgeMs: number | null
}

/** Proof that a socket lives. */
export interface Liveness {
  /** No frame of any kind for this long: the socket is dead. */
  readonly silentAfterMs: number
  /** A frame that the client sends to keep the connection or to ask for a sign of life. Null: the server speaks first. */
  readonly ping: {
    /** Send it after this long without a frame from the venue (or, with `always`, at this pace). */
    readonly everyMs: number
    readonly always: boolean
    /** Null: a ping frame of the WebSocket protocol. */
    readonly frame: string | null
    /** The socket is dead when after a ping nothing came for this long, not even a pong. @default null, silence alone judges */
    readonly answerWithinMs?: number | null
  } | null
}

/** Whether a venue still exists. */
export type VenueStatus =
  | { readonly state: 'open'; readonly note?: string }
  | { readonly state: 'closed'; readonly since: string; readonly note: string }

/** How a venue's instruments are listed. */
export interface Catalogue {
  /** The REST calls that list them. */
  requests(endpoints: readonly Endpoint[]): readonly HttpRequest[]
  /**
   * Reads one answer (also one from a log, known by its URL). Null where the answer is no list of instruments.
   * @throws {DecodeError} where it is one and does not fit its schema.
   */
  read(response: HttpResponse): readonly Instrument[] | null
}
