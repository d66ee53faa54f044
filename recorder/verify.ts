import * as z from 'zod'
import type { MalformedEvent, MarketEvent, Micros } from '../schemas/events.js'
import { Books } from '../src/book/books.js'
import { TapewireError } from '../src/errors.js'
import { parseOptions } from '../src/options.js'
import { type Finding, Findings, type Place, placeOf, wholeFile } from './findings.js'
import { type RunEnd, StreamRules } from './stream-rules.js'
import type { Tape, TapeRun } from './tape.js'

export interface VerifyOptions {
  /** Findings kept of each severity; all are counted. @default 1_000 */
  readonly limit?: number
  /** How long a book may be crossed without a gap; null where the venue allows it. @default 10_000 */
  readonly crossedForMs?: number | null
  /** Told now and then how far it is. */
  readonly onProgress?: (done: number, events: number) => void
}

const optionsSchema = z.strictObject({
  limit: z.int().min(1).default(1_000),
  crossedForMs: z.number().positive().nullable().default(10_000),
  onProgress: z
    .custom<(done: number, events: number) => void>((value) => typeof value === 'function')
    .optional(),
})

export interface Verification {
  /** No finding is an error: every hole is disclosed and was made good. */
  readonly whole: boolean
  /** Events that were read. */
  readonly events: number
  /** Gaps that the tape discloses, and how many of them were made good. */
  readonly gaps: { readonly opened: number; readonly healed: number }
  readonly counts: { readonly error: number; readonly warning: number; readonly note: number }
  /** Errors first; at most `limit` of each severity. */
  readonly findings: readonly Finding[]
}

/** Tells of progress after this many events. */
const PROGRESS_EVERY = 10_000

/**
 * Asks a tape whether it is whole: the file itself, every row against its schema, and what the contract of events promises
 * of each stream.
 *
 * @throws {UsageError} `bad_option`.
 * @throws {TapeError} `tape_closed`.
 */
export function verifyTape(tape: Tape, options: VerifyOptions = {}): Verification {
  const { limit, crossedForMs, onProgress } = parseOptions('verify', optionsSchema, options)
  const findings = new Findings(limit)
  checkStorage(tape, findings)
  const pass = new EventPass(tape, findings, crossedForMs)
  guarded(findings, () => pass.run(onProgress))
  guarded(findings, () => checkSegments(tape, findings))
  guarded(findings, () => checkRepeatedTrades(tape, findings, limit))
  return {
    whole: findings.counts.error === 0,
    events: pass.events,
    gaps: { opened: pass.gapsOpened, healed: pass.gapsHealed },
    counts: { ...findings.counts },
    findings: findings.list(),
  }
}

/** A file so damaged that a check cannot be ended is itself a finding. */
function guarded(findings: Findings, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof TapewireError) || !isDamage(error)) throw error
    findings.add('error', 'storage', wholeFile, error.message)
  }
}

/** SQLite says `malformed JSON` of a cell as it says a query is wrong; the queries here are right. */
function isDamage({ code }: TapewireError): boolean {
  return code === 'tape_damaged' || code === 'bad_sql'
}

/** Every event in order, with the rules of its stream. */
class EventPass {
  events = 0
  gapsOpened = 0
  gapsHealed = 0
  readonly #tape: Tape
  readonly #findings: Findings
  readonly #crossedForMs: number | null
  readonly #books = new Books()
  readonly #rules = new Map<string, StreamRules>()
  readonly #malformed = new Map<string, { readonly first: Place; readonly what: string; count: number }>()
  #expected = 1
  #end: RunEnd = { lastData: 0, lastDataAt: null }

  constructor(tape: Tape, findings: Findings, crossedForMs: number | null) {
    this.#tape = tape
    this.#findings = findings
    this.#crossedForMs = crossedForMs
  }

  run(onProgress: VerifyOptions['onProgress']): void {
    const runs = this.#tape.runs()
    const total = Number(this.#tape.query('SELECT max(last_event) AS last FROM segments')[0]?.['last'] ?? 0)
    let next = 0
    const entries = this.#tape.entries({}, (id, fault) => {
      this.#arrived(id)
      this.#findings.add('error', 'unreadable_event', { ...wholeFile, event: id }, fault)
    })
    for (const { id, event } of entries) {
      for (let run = runs[next]; run !== undefined && run.firstEvent <= id; run = runs[++next]) {
        this.#beginRun(run, runs[next - 1], event.receiveTime)
      }
      this.#arrived(id)
      this.#check(id, event)
      if (id % PROGRESS_EVERY === 0) onProgress?.(id, total)
    }
    if (this.#expected <= total) this.#missing(total)
    this.#endRun(runs.at(-1))
    for (const { first, what, count } of this.#malformed.values()) {
      this.#findings.add('warning', 'malformed_frames', first, `${count} frame(s) did not fit: ${what}`)
    }
    onProgress?.(total, total)
  }

  #arrived(id: number): void {
    this.events++
    if (id > this.#expected) this.#missing(id - 1)
    this.#expected = id + 1
  }

  #missing(last: number): void {
    const first = this.#expected
    const which = first === last ? `event ${last} is` : `events ${first} to ${last} are`
    this.#findings.add('error', 'missing_events', { ...wholeFile, event: first }, `${which} missing`)
  }

  #check(id: number, event: MarketEvent): void {
    if (event.type === 'malformed') this.#checkMalformed(id, event)
    if (event.type === 'connection' && event.state === 'open') this.#opened(event.venue)
    if (!('channel' in event)) return
    if (event.type === 'gap') {
      if (event.state === 'open') this.gapsOpened++
      else if (event.healed) this.gapsHealed++
    } else this.#end = { lastData: id, lastDataAt: event.receiveTime }
    const key = `${event.venue} ${event.channel} ${event.instrument}`
    let rules = this.#rules.get(key)
    if (rules === undefined) {
      rules = new StreamRules(this.#findings, this.#crossedForMs)
      this.#rules.set(key, rules)
    }
    rules.check(id, event, this.#books.apply(event))
  }

  /** A new connection may count anew; which streams go over to it, and when, is not on the tape. */
  #opened(venue: string): void {
    for (const [key, rules] of this.#rules) if (key.startsWith(`${venue} `)) rules.connectionOpened()
  }

  #checkMalformed(id: number, event: MalformedEvent): void {
    const what = event.path === '' ? event.reason : `${event.reason} at ${event.path}`
    const held = this.#malformed.get(`${event.venue} ${what}`)
    if (held !== undefined) held.count++
    else this.#malformed.set(`${event.venue} ${what}`, { first: placeOf(id, event), what, count: 1 })
  }

  #beginRun(run: TapeRun, former: TapeRun | undefined, at: Micros | null): void {
    if (former === undefined) return
    this.#endRun(former)
    const place = { ...wholeFile, event: run.firstEvent, at }
    this.#findings.add(
      'note',
      'not_recording',
      place,
      'a new recording begins; nobody was listening before it',
    )
  }

  #endRun(run: TapeRun | undefined): void {
    for (const rules of this.#rules.values()) rules.endRun(this.#end)
    this.#books.interrupt()
    this.#end = { lastData: 0, lastDataAt: null }
    if (run === undefined || run.closed !== null) return
    const place = { ...wholeFile, event: run.firstEvent }
    const what =
      'the recorder was not closed: it is still recording, or it crashed and its last batch is missing'
    this.#findings.add('note', 'run_not_closed', place, what)
  }
}

function checkStorage(tape: Tape, findings: Findings): void {
  guarded(findings, () => {
    for (const { integrity_check: what } of tape.query('PRAGMA integrity_check(100)')) {
      if (what !== 'ok') findings.add('error', 'storage', wholeFile, String(what))
    }
  })
}

/** Segments that do not tell what is in them would hide events from a query. */
function checkSegments(tape: Tape, findings: Findings): void {
  const wrong = tape.query(`
    WITH actual AS (
      SELECT s.first_event AS segment, count(*) AS events, min(e.receive_time) AS receive_from,
        max(e.receive_time) AS receive_to, min(e.exchange_time) AS exchange_from, max(e.exchange_time) AS exchange_to
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
  trade: z.string(),
  event: z.int(),
  at: z.int().nullable(),
  first: z.int(),
})

/**
 * In SQL, which sorts on disk: a set of every trade id would not fit memory on a long tape. Two recordings may hold the same
 * trade, for the second gets as history what the first saw happen.
 */
function checkRepeatedTrades(tape: Tape, findings: Findings, limit: number): void {
  const repeats = tape.query(
    `WITH trade AS (
       SELECT e.id, e.stream, e.receive_time, (SELECT max(r.id) FROM runs r WHERE r.first_event <= e.id) AS run,
         iif(json_valid(e.body), json_extract(e.body, '$[' || f.key || ']'), NULL) AS trade
       FROM event_types t JOIN json_each(t.fields) f ON f.value = 'id' JOIN events e ON e.type = t.id
       WHERE t.type = 'trade'
     )
     SELECT s.venue, s.symbol, s.channel, t.trade, max(t.id) AS event, t.receive_time AS at, min(t.id) AS first
     FROM trade t JOIN streams s ON s.id = t.stream WHERE t.trade IS NOT NULL
     GROUP BY t.stream, t.run, t.trade HAVING count(*) > 1 ORDER BY event LIMIT ?`,
    limit,
  )
  for (const row of repeats) {
    const { trade, first, ...place } = repeatSchema.parse(row)
    findings.add('error', 'repeated_trade', place, `trade ${trade} was recorded before, as event ${first}`)
  }
}
