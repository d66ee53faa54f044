import type { Micros } from '../../schemas/events.js'
import type { FrameRecord, RestRecord } from './frame-record.js'

/** A REST answer at the head of a file, given before everything else: the lists of instruments hold for the whole recording. */
export interface PreviewRecord extends Omit<RestRecord, 'dir'> {
  readonly dir: 'preview'
}

/** A file ended with this connection open. Whether that is a hole shows when the venue's data goes on elsewhere. */
export interface LostRecord {
  readonly dir: 'lost'
  readonly t: Micros | null
  readonly conn: number
}

/** What a recording plays: the records of its files, and what only the files together say. */
export type RecordingRecord = FrameRecord | PreviewRecord | LostRecord
