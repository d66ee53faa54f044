import type { Micros } from '../../schemas/events.js'
import type { RestRecord } from './frame-record.js'
import { type ReadOptions, readFrameLog } from './log-reader.js'

/** What the first records of a file say of it. */
export interface FileHead {
  readonly path: string
  /** The first time in the file; null where it has no clock. */
  readonly start: Micros | null
  /** The REST answers that come before anything of a connection. */
  readonly answers: readonly RestRecord[]
  /** Whether it begins in the middle of a connection, without the `open`. */
  readonly beginsAmid: boolean
}

/** A file whose first records all lack a time has no clock; the answers that lead a file are few. */
const LOOK_AT = 32

/** Looks into a file, and closes it again. */
export async function readHead(path: string, options: ReadOptions): Promise<FileHead> {
  const answers: RestRecord[] = []
  let start: Micros | null = null
  let first: string | null = null
  let seen = 0
  for await (const batch of readFrameLog(path, options)) {
    for (const record of batch) {
      start ??= record.t
      if (record.dir !== 'rest') first ??= record.dir
      else if (first === null) answers.push(record)
      if (++seen === LOOK_AT) break
    }
    if (seen === LOOK_AT || (start !== null && first !== null)) break
  }
  return { path, start, answers, beginsAmid: first !== null && first !== 'open' }
}
