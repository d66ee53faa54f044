import * as z from 'zod'
import type { Micros } from '../schemas/events.js'
import { type Findings, wholeFile } from './findings.js'
import type { JudgedRun } from './run-coverage.js'
import type { JudgedStream } from './stream-coverage.js'
import type { Tape } from './tape.js'

/** A stream's data in one run. */
interface Stretch {
  readonly run: JudgedRun['run']
  /** The first event of the run that follows; null for the last run. */
  readonly before: number | null
  readonly fromLog: boolean
  readonly stream: JudgedStream
  readonly from: Micros
  readonly to: Micros
}

/**
 * Two runs that have data of one stream from the same time: a tape's own log was ingested into it, or the logs of two recorders
 * one after the other. Every change of a book is on such a tape twice. Two live runs cannot overlap, since one recorder at a
 * time has a tape; where their times do, the clock of the machine was set back.
 */
export function checkOverlappingRuns(tape: Tape, runs: readonly JudgedRun[], findings: Findings): void {
  for (const stretches of byStream(runs)) {
    stretches.sort((a, b) => a.from - b.from)
    let reaching: Stretch[] = []
    for (const later of stretches) {
      reaching = reaching.filter(({ to }) => to > later.from)
      const overlapped = reaching.find((earlier) => overlap(tape, earlier, later))
      if (overlapped !== undefined) report(overlapped, later, findings)
      reaching.push(later)
    }
  }
}

function byStream(runs: readonly JudgedRun[]): Iterable<Stretch[]> {
  const streams = new Map<string, Stretch[]>()
  for (const [index, { run, streams: judged, fromLog }] of runs.entries()) {
    const before = runs[index + 1]?.run.firstEvent ?? null
    for (const stream of judged) {
      const { data, coverage } = stream
      if (data === null) continue
      const { venue, channel, instrument, symbol } = coverage
      const key = JSON.stringify([venue, channel, instrument ?? symbol])
      const held = streams.get(key) ?? []
      streams.set(key, held)
      held.push({ run, before, fromLog, stream, ...data })
    }
  }
  return streams.values()
}

/** The spans of their data overlap, and both have data in what they share: a log may fill a hole of another. */
function overlap(tape: Tape, a: Stretch, b: Stretch): boolean {
  if (!a.fromLog && !b.fromLog) return false
  const from = Math.max(a.from, b.from)
  const to = Math.min(a.to, b.to)
  return from < to && hasData(tape, a, from, to) && hasData(tape, b, from, to)
}

const anySchema = z.object({ found: z.int() })

function hasData(tape: Tape, stretch: Stretch, from: Micros, to: Micros): boolean {
  const { run, before, stream } = stretch
  // The ends of its data are data.
  if ((stretch.from >= from && stretch.from <= to) || (stretch.to >= from && stretch.to <= to)) return true
  const { venue, channel, instrument, symbol } = stream.coverage
  const [row] = tape.query(
    `SELECT EXISTS (
       SELECT 1 FROM segments g JOIN events e ON e.id BETWEEN g.first_event AND g.last_event
       WHERE g.first_event >= ? AND g.first_event < ? AND g.receive_from <= ? AND g.receive_to >= ?
         AND e.receive_time BETWEEN ? AND ?
         AND e.stream IN (SELECT id FROM streams WHERE venue = ? AND channel = ? AND (instrument = ? OR symbol = ?))
         AND e.type NOT IN (SELECT id FROM event_types WHERE type IN ('gap', 'checksum'))
     ) AS found`,
    run.firstEvent,
    before ?? Number.MAX_SAFE_INTEGER,
    to,
    from,
    from,
    to,
    venue,
    channel,
    instrument,
    symbol,
  )
  return anySchema.parse(row).found === 1
}

function report(earlier: Stretch, later: Stretch, findings: Findings): void {
  const [first, second] = earlier.run.firstEvent < later.run.firstEvent ? [earlier, later] : [later, earlier]
  const from = Math.max(earlier.from, later.from)
  const seconds = ((Math.min(earlier.to, later.to) - from) / 1_000_000).toFixed(1)
  const { venue, symbol, channel } = second.stream.coverage
  const place = { ...wholeFile, venue, symbol, channel, event: second.run.firstEvent, at: from }
  const what = `run ${first.run.run} and run ${second.run.run} both have data of the same ${seconds} s: what happened then is on the tape twice`
  findings.add('error', 'runs_overlap', place, what)
}
