import { statSync } from 'node:fs'
import * as z from 'zod'
import { TapewireError } from '../src/errors.js'
import { type Findings, wholeFile } from './findings.js'
import { logIdsOf } from './log-ids.js'
import type { Tape } from './tape.js'

/** A file so damaged that a check cannot be ended is itself a finding. */
export function guarded(findings: Findings, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof TapewireError) || !isDamage(error)) throw error
    if (!findings.has('storage')) findings.add('error', 'storage', wholeFile, faultOf(error))
  }
}

/** What is wrong with a file, as SQLite says it; without what the error asks a user to do, which is to verify the tape. */
export function faultOf(error: TapewireError): string {
  const { cause } = error
  return cause instanceof Error ? `the file cannot be read: ${cause.message}` : error.message
}

/** SQLite says `malformed JSON` of a cell as it says a query is wrong; the queries here are right. */
function isDamage({ code }: TapewireError): boolean {
  return code === 'tape_damaged' || code === 'bad_sql'
}

/** What SQLite's own check finds, and whether the file ends where a page does. */
export function checkStorage(tape: Tape, findings: Findings): void {
  guarded(findings, () => {
    for (const { integrity_check: what } of tape.query('PRAGMA integrity_check(100)')) {
      if (what !== 'ok') findings.add('error', 'storage', wholeFile, String(what))
    }
    const [page] = tape.query('SELECT page_size AS bytes FROM pragma_page_size')
    const beyond = (statSync(tape.path, { throwIfNoEntry: false })?.size ?? 0) % Number(page?.['bytes'])
    if (beyond > 0) {
      const what = `the file was cut short: its last page has ${beyond} bytes instead of ${page?.['bytes']}`
      findings.add('error', 'storage', wholeFile, what)
    }
  })
}

/** Segments that do not say what is in them would hide events from a query. */
export function checkSegments(tape: Tape, findings: Findings): void {
  const wrong = tape.query(`
    WITH actual AS (
      SELECT s.first_event AS segment, count(*) AS events, min(e.receive_time) AS receive_from,
        max(coalesce(e.emitted, e.receive_time)) AS receive_to, min(e.exchange_time) AS exchange_from, max(e.exchange_time) AS exchange_to
      FROM segments s JOIN events e ON e.id BETWEEN s.first_event AND s.last_event GROUP BY s.first_event
    ), unlisted AS (
      SELECT s.first_event AS segment, e.stream FROM segments s
      JOIN events e ON e.id BETWEEN s.first_event AND s.last_event GROUP BY s.first_event, e.stream
      EXCEPT SELECT s.first_event, j.value FROM segments s JOIN json_each(s.streams) j
    )
    SELECT a.segment, 'does not tell the times in it' AS what FROM actual a
      JOIN segments s ON s.first_event = a.segment
      WHERE (a.receive_from, a.receive_to, a.exchange_from, a.exchange_to)
        IS NOT (s.receive_from, s.receive_to, s.exchange_from, s.exchange_to)
    UNION ALL SELECT segment, 'does not list stream ' || stream FROM unlisted
    UNION ALL SELECT max(last_event), 'is followed by events that are in none' FROM segments
      HAVING max(last_event) < (SELECT max(id) FROM events)`)
  for (const { segment, what } of wrong) {
    const place = { ...wholeFile, event: Number(segment) }
    findings.add('error', 'bad_segment', place, `the segment of event ${segment} ${what}`)
  }
}

const repeatSchema = z.object({
  venue: z.string(),
  symbol: z.string().nullable(),
  channel: z.string().nullable(),
  type: z.string(),
  name: z.string(),
  event: z.int(),
  at: z.int().nullable(),
  first: z.int(),
})

/** In SQL, which sorts on disk: a set of every id would not fit memory on a long tape. */
export function checkRepeatedIds(tape: Tape, findings: Findings, limit: number): void {
  const { types, sql } = logIdsOf((statement) => tape.query(statement))
  const repeats = tape.query(
    `WITH named AS (SELECT id, stream, type, receive_time, ${sql} AS name FROM events WHERE type IN (${types}))
     SELECT s.venue, s.symbol, s.channel, t.type, n.name, max(n.id) AS event, n.receive_time AS at, min(n.id) AS first
     FROM named n JOIN streams s ON s.id = n.stream JOIN event_types t ON t.id = n.type WHERE n.name IS NOT NULL
     GROUP BY n.stream, n.type, n.name HAVING count(*) > 1 ORDER BY event LIMIT ?`,
    limit,
  )
  for (const row of repeats) {
    const { type, name, first, ...place } = repeatSchema.parse(row)
    findings.add('error', 'repeated_id', place, `${type} ${name} was recorded before, as event ${first}`)
  }
}
