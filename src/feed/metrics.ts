import type { GapReason, Micros } from '../../schemas/events.js'
import type { BookState } from '../book/order-book.js'
import type { Channel } from '../connector.js'
import type { QueueMetrics } from '../outlet/outlet.js'
import type { ReaderMetrics } from '../outlet/reader.js'
import type { Loss, SocketStats } from '../socket/resilient-socket.js'

/** Counts by name; a name that never occurred is absent. */
export type Counts<K extends string = string> = Readonly<Partial<Record<K, number>>>

/** What a feed is doing and has done, at one moment. Counters begin with the feed and never go back. Plain data. */
export interface FeedMetrics {
  /** When it was taken: microseconds since the epoch. */
  readonly at: Micros
  /** What waits to be read. */
  readonly queue: QueueMetrics
  readonly readers: readonly ReaderMetrics[]
  /** Dials of the whole process that wait for the budget of their host. */
  readonly waitingDials: number
  /** Connects a minute, by host, that venues were found to allow where that is less than their connectors declare. */
  readonly learnedDialLimits: Readonly<Record<string, number>>
  readonly venues: readonly VenueMetrics[]
}

/** One venue of a feed, in its metrics. */
export interface VenueMetrics {
  readonly venue: string
  readonly connections: readonly ConnectionMetrics[]
  readonly subscriptions: readonly SubscriptionMetrics[]
  readonly gaps: {
    /** Gaps that were told, by reason. */
    readonly opened: Counts<GapReason>
    readonly healed: number
    readonly unhealed: number
    /** Holes of one connection that another made good, by reason: nobody was told. */
    readonly swallowed: Counts<GapReason>
  }
  /** Connections and attempts that ended, by cause; `planned` for those that the venue announced. */
  readonly reconnects: Counts<Loss['cause'] | 'planned'>
  /** Missed trades that were fetched. A backfill that is neither healed nor unhealed is under way, or its connection was lost. */
  readonly backfills: {
    readonly asked: number
    readonly healed: number
    readonly unhealed: number
    /** Trades that they brought. */
    readonly trades: number
  }
  /** Connections that were replaced while they were still whole. */
  readonly handovers: number
  /** Subscriptions and requests that the venue refused. */
  readonly refusals: number
  /** Connects that had to wait for the budget. */
  readonly budgetWaits: { readonly count: number; readonly totalMs: number }
  /** Malformed frames by reason and path, array indices as `*`; the hundredth kind and those after it under `other`. */
  readonly malformed: Counts
  readonly decode: DecodeMetrics
}

/** The time that frames take from the socket's callback to the last of their events. Every 16th frame is timed. */
export interface DecodeMetrics {
  readonly frames: number
  readonly timed: number
  /** Of the timed ones. Microseconds. */
  readonly totalMicros: number
  readonly maxMicros: number
}

/** One connection of a feed, in its metrics. */
export interface ConnectionMetrics {
  /** `public#0` */
  readonly connection: string
  readonly subscriptions: number
  /** Subscribes that wait for the venue's pace. */
  readonly waitingSubscribes: number
  readonly socket: SocketStats
}

/** One stream of a feed, in its metrics. */
export interface SubscriptionMetrics {
  readonly symbol: string
  readonly instrument: string
  readonly channel: Channel
  /** The connection that is followed. */
  readonly connection: string | null
  /** Since the last ack of the subscribe; null before it. Milliseconds. */
  readonly sinceAckMs: number | null
  /** Since the last good datum; null before it. Milliseconds. */
  readonly sinceDataMs: number | null
  /** Why the stream is holed now; null where it is whole. */
  readonly gap: GapReason | null
  /** Of a book. */
  readonly book: BookState | null
}
