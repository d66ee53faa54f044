export type { BookMoment, BookRequest, TapeBook } from './book-at.js'
export { type CandleRequest, candlesOf, type TapeCandle } from './candles.js'
export type { StreamIdentity } from './event-codec.js'
export type { Finding, FindingCode, Severity } from './findings.js'
export {
  type BookSummary,
  type Inspection,
  type InstrumentSummary,
  inspectTape,
  type TradeSummary,
  type TradesSummary,
} from './inspect.js'
export { openTape } from './open-tape.js'
export { type Closable, type RecordableFeed, type RecordOptions, record } from './record.js'
export type { RecordedStream, RecordSummary } from './record-tally.js'
export type { Recorder } from './recorder.js'
export type { RecorderClock, RecorderOptions } from './recorder-options.js'
export type { RecorderGaps, RecorderState, RecorderStats } from './recorder-stats.js'
export type { RunCoverage } from './run-coverage.js'
export type { RunStream, RunStreamName } from './run-streams.js'
export type { Cell } from './sqlite.js'
export type { GapSummary, StreamCoverage } from './stream-coverage.js'
export type { TapeStream } from './stream-table.js'
export type { Tape, TapeEntry, TapeRun } from './tape.js'
export type { StreamTotal, TapeCoverage } from './tape-coverage.js'
export type { TapeQuery } from './tape-query.js'
export type { TapeSource } from './tape-sources.js'
export type { RecorderTrouble, TroubleKind } from './trouble.js'
export { type Verdict, type Verification, type VerifyOptions, verifyTape } from './verify.js'
export { verifyFile } from './verify-file.js'
