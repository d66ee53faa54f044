import { realpath, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { UsageError } from '../errors.js'
import { type FileHead, readHead } from './file-head.js'
import { LogMerge } from './log-merge.js'
import { type ReadOptions, readFrameLog } from './log-reader.js'
import type { PreviewRecord, RecordingRecord } from './recording-record.js'

/** One recording, in one file or in many. */
export interface Recording {
  readonly files: readonly string[]
  /** Bytes of all files, as on disk. */
  readonly bytes: number
  /** Bytes read so far, for a display of progress. */
  readonly bytesRead: number
  /** Every record in order, some at a time. Can be asked for again: it reads again. */
  records(): AsyncGenerator<readonly RecordingRecord[]>
}

/** Options of `openRecording`. */
export type RecordingOptions = Omit<ReadOptions, 'progress'>

/**
 * Opens files that together are one recording.
 *
 * - Files with a clock are merged by time; at the same time, the file that began earlier goes first, then the one named first.
 *   Within a file the order of the file always stands: a record without a time goes with the one before it, and a clock that
 *   steps back moves nothing.
 * - Files without any clock cannot be placed in time: each plays whole, in the order named, after the others.
 * - The connections of each file are numbered again. A file that goes on with the connections of an earlier one (the next
 *   part of a rotated log, of a cryptofeed or a Tardis capture) keeps their numbers.
 *
 * @throws {FrameLogError} `log_unreadable`, `not_a_frame_log`, `bad_record` where a file cannot even be begun.
 * @throws {UsageError} `bad_option` where a file is named twice.
 */
export async function openRecording(
  paths: readonly string[],
  options: RecordingOptions = {},
): Promise<Recording> {
  const { onWarning: _, ...quiet } = options
  const heads: FileHead[] = []
  const named = new Set<string>()
  let bytes = 0
  for (const path of paths) {
    // A link names the file that it leads to. What cannot be resolved cannot be read either, which is said there.
    const file = await realpath(path).catch(() => resolve(path))
    if (named.has(file)) throw new UsageError('bad_option', `the frame log ${path} is named twice`)
    named.add(file)
    heads.push(await readHead(path, quiet))
    bytes += (await stat(path)).size
  }
  const read = new Map<string, number>()
  return {
    files: paths,
    bytes,
    get bytesRead() {
      let sum = 0
      for (const count of read.values()) sum += count
      return sum
    },
    async *records() {
      const lists = previews(heads)
      if (lists.length > 0) yield lists
      yield* new LogMerge(heads, (path) =>
        readFrameLog(path, { ...options, progress: (count) => void read.set(path, count) }),
      ).records()
    },
  }
}

/** Newest first: where two lists name an instrument, the one that holds at the start comes last and stands. */
function previews(heads: readonly FileHead[]): PreviewRecord[] {
  const answers = heads.flatMap((head) => head.answers)
  answers.sort((a, b) => (b.t ?? 0) - (a.t ?? 0))
  return answers.map((answer) => ({ ...answer, dir: 'preview' }))
}
