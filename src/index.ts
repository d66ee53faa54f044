export * from '../schemas/events.js'
export { type ContractTerms, type StatedAmount, type ToBaseOptions, toBase } from './amount.js'
export { Books, type MaintainedBook, preferredBook } from './book/books.js'
export {
  type BookSide,
  type BookState,
  type LevelChange,
  OrderBook,
  type ReadonlyBook,
} from './book/order-book.js'
export { OrderLedger, type ReadonlyLedger } from './book/order-ledger.js'
export * from './connector.js'
export * from './errors.js'
export type { FeedStream, FeedStreamState } from './feed/asked-streams.js'
export { listInstruments } from './feed/catalogue.js'
export { Feed, type FeedIterator, type FeedListener, type FeedOptions, openFeed } from './feed/feed.js'
export type { FrameTap } from './feed/frame-tap.js'
export type { LineOptions } from './feed/lines.js'
export type * from './feed/metrics.js'
export * from './framelog/index.js'
export type { QueueMetrics } from './outlet/outlet.js'
export type {
  FeedReader,
  OverflowPolicy,
  ReaderMetrics,
  ReaderOptions,
} from './outlet/reader.js'
export * from './platform.js'
export type { StreamMemory } from './session/memory.js'
export * from './socket/index.js'
export type { Cursor, Emission } from './stream/emissions.js'
