import * as z from 'zod'
import { TapeError } from '../src/errors.js'
import type { KnownRun } from './known-runs.js'
import type { TapeStream } from './stream-table.js'
import type { Tape } from './tape.js'

const rowSchema = z.object({
  stream: z.int(),
  type: z.string(),
  count: z.int(),
  first: z.int(),
  last: z.int(),
  receiveFrom: z.int().nullable(),
  receiveTo: z.int().nullable(),
})

/** The events of one type that one stream has in one run. */
export interface EventCount extends Omit<z.output<typeof rowSchema>, 'stream'> {
  readonly run: KnownRun
  readonly stream: TapeStream
}

/**
 * Counts what is on a tape, in one pass of SQL.
 * @throws {TapeError} `tape_damaged`, `tape_closed`.
 */
export function countEvents(tape: Tape, runs: readonly KnownRun[]): EventCount[] {
  const streams = new Map(tape.streams().map((stream) => [stream.id, stream]))
  return runs.flatMap((run, index) => {
    const end = runs[index + 1]?.firstEvent ?? Number.MAX_SAFE_INTEGER
    const rows = tape.query(
      `SELECT c.stream, t.type, c.count, c.first, c.last, c.receiveFrom, c.receiveTo
       FROM (SELECT stream, type, count(*) AS count, min(id) AS first, max(id) AS last,
           min(coalesce(emitted, receive_time)) AS receiveFrom, max(coalesce(emitted, receive_time)) AS receiveTo
         FROM events NOT INDEXED WHERE id >= ? AND id < ? GROUP BY stream, type) c
       JOIN event_types t ON t.id = c.type ORDER BY c.stream, c.type`,
      run.firstEvent,
      end,
    )
    return rows.map((row) => {
      const { stream: id, ...counts } = rowSchema.parse(row)
      const stream = streams.get(id)
      if (stream !== undefined) return { run, stream, ...counts }
      throw new TapeError(
        'tape_damaged',
        `the tape ${tape.path} has events of a stream ${id} that it does not name; tapewire verify lists them`,
        { context: { path: tape.path } },
      )
    })
  })
}
