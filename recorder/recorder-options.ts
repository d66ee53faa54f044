import * as z from 'zod'
import type { Clock } from '../src/platform.js'
import type { RecorderTrouble } from './trouble.js'

/** Options of a tape that is opened to be recorded to. */
export interface RecorderOptions {
  /** Events that are written in one transaction. A crash loses at most the last of them. @default 1_000 */
  readonly batchEvents?: number
  /** Events wait no longer than about twice this for their transaction. @default 250 */
  readonly batchMs?: number
  /**
   * Events that may wait while the tape cannot be written (the disk is full, another program holds a lock). What comes beyond it
   * is lost: `onTrouble` says so, and the tape gets gaps for it. @default 100_000
   */
  readonly bufferEvents?: number
  /** As `bufferEvents`, in bytes of their bodies. @default 67_108_864 */
  readonly bufferBytes?: number
  /** The tape does not grow beyond this: writing then fails as on a full disk. @default no limit */
  readonly maxBytes?: number
  /**
   * Called when the tape cannot be written, when events are lost because of it, once a minute while that lasts, when it is over,
   * and when the tape was moved or deleted and the recording goes on in another file.
   */
  readonly onTrouble?: (trouble: RecorderTrouble) => void
  /** Time in place of the machine's own. */
  readonly clock?: RecorderClock
}

/** What a recorder needs of a {@link Clock}. */
export type RecorderClock = Pick<Clock, 'now' | 'after'>

export const recorderOptions = z.strictObject({
  batchEvents: z.int().min(1).default(1_000),
  batchMs: z.number().positive().default(250),
  bufferEvents: z.int().min(1).default(100_000),
  bufferBytes: z
    .int()
    .min(1)
    .default(64 << 20),
  maxBytes: z.int().min(65_536).optional(),
  onTrouble: z
    .custom<(trouble: RecorderTrouble) => void>((value) => typeof value === 'function', 'must be a function')
    .optional(),
  clock: z.custom<RecorderClock>((value) => typeof value === 'object', 'must be a clock').optional(),
})
