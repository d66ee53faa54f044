export { FrameLogError } from './frame-log-error.js'
export {
  type CloseRecord,
  type FrameRecord,
  type InRecord,
  type OfConnection,
  type OpenRecord,
  type OutRecord,
  type RestRecord,
  readRecord,
  writeRecord,
} from './frame-record.js'
export { identifyLog, type LogIdentity, type LogOverlap, overlapOf } from './log-identity.js'
export { LogPlayer, playRecording } from './log-player.js'
export { type LogWarning, type ReadOptions, readFrameLog } from './log-reader.js'
export { FrameLogWriter, type FrameLogWriterOptions } from './log-writer.js'
export type { PlayedStream, PlayOptions, PlayStats } from './playing.js'
export { openRecording, type Recording, type RecordingOptions } from './recording.js'
export type { LostRecord, PreviewRecord, RecordingRecord } from './recording-record.js'
export type { Unused } from './unused-frames.js'
