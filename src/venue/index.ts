/**
 * What a venue is written with, here and by third parties: the contract (`Connector`), the session that keeps what is the same at
 * every venue, and the decoding of frames. See docs/adding-a-venue.md.
 */
export { integer, number } from '../../schemas/wire.js'
export * from '../connector.js'
export * from '../decode/index.js'
export { DecodeError, ProtocolError, UsageError, VenueError } from '../errors.js'
export { connectorOptions, parseOptions, resolveChannels, restBeside } from '../options.js'
export type { Alarms } from '../session/alarms.js'
export { Backfills, type TradeHistory } from '../session/backfill.js'
export type { CandleFields, MayHaveWaited, TradeFields } from '../session/fields.js'
export type { RecentIds, StreamMemory, StreamRecord, TimedTrade } from '../session/memory.js'
export type { Refusal, Refusals } from '../session/refusals.js'
export { RestBackfills, type RestTradeHistory } from '../session/rest-backfill.js'
export { defineSession, type Protocol, type SessionDefinition, type SessionKit } from '../session/session.js'
export {
  type Stream,
  type StreamLabels,
  type StreamPolicy,
  streamName,
} from '../session/stream.js'
export type {
  ChecksumFields,
  DerivativeFields,
  EventBody,
  GapFields,
  LiquidationFields,
  QuoteFields,
  SnapshotFields,
  StreamEvents,
  TickerFields,
  Times,
  UpdateFields,
} from '../session/stream-events.js'
export type { StreamGap } from '../session/stream-gap.js'
export type { StreamState } from '../session/stream-steps.js'
export type { Streams } from '../session/streams.js'
export { Audits, type AuditTimes } from './audits.js'
export { type BookRows, levelRows, orderRows, type RowSides } from './book-rows.js'
export { ConnectionCounter } from './connection-counter.js'
export { ImageRequests, type ImageRules } from './image-requests.js'
export { OpenRequests } from './open-requests.js'
export { PacedRequests } from './paced-requests.js'
export { type BookMessage, type RequestedBookRules, RequestedBooks } from './requested-books.js'
export { Rising } from './rising.js'
export {
  bookHolding,
  type Holding,
  type Joined,
  type Numbered,
  type Sides,
  SnapshotJoin,
  type Verdict,
} from './snapshot-join.js'
export { spotMarket } from './spot-market.js'
export { type FindStream, streamFinder } from './stream-finder.js'
export type { TopicState } from './topic-steps.js'
export { type Topic, type TopicRules, Topics } from './topics.js'
export { type CodecHandlers, type SessionCodec, withCodec } from './with-codec.js'
