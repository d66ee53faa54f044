import type { GapReason, Micros } from '../schemas/events.js'

/**
 * - `recording`: what is recorded is written in time.
 * - `failing`: transactions fail at the moment; what is recorded is kept and tried again.
 * - `losing`: as `failing`, and the buffer is full, so that what is recorded is lost until all that waits is written.
 */
export type RecorderState = 'recording' | 'failing' | 'losing' | 'closed'

/** What a recorder counts. */
export interface RecorderStats {
  readonly state: RecorderState
  /** The file that is recorded to. */
  readonly path: string
  /** Events on that tape, those of former recordings included. */
  readonly written: number
  /** Events of every type that wait for their transaction, and the bytes of their bodies. */
  readonly waiting: number
  readonly waitingBytes: number
  /** Data of streams that were lost since this recorder was opened, as `events` counts them: no gaps, no checksums. */
  readonly lost: number
  /** Those of them for which the tape has no gap: it could not be written when the recorder was closed. */
  readonly lostWithoutGap: number
  /** Those of them that were on a tape that was deleted while it was recorded to. */
  readonly deleted: number
  /** Since when transactions fail; null where they do not. */
  readonly failingSince: Micros | null
  /** Gaps of the recorder's own, of which the feed knows nothing. */
  readonly gaps: RecorderGaps
}

/**
 * Gaps that a recorder opened itself: events that could not be written (`not_written`), a book that goes on in another file
 * (`joined_late`), the pause since the run before (`not_recording`).
 */
export interface RecorderGaps {
  /** Since this recorder was opened, by reason; a reason that never occurred is absent. */
  readonly opened: Readonly<Partial<Record<GapReason, number>>>
  /** Those that are open. */
  readonly open: number
}
