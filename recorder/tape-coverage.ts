import type { GapReason, Micros } from '../schemas/events.js'
import { type Findings, wholeFile } from './findings.js'
import { byName, type JudgedRun, type RunCoverage } from './run-coverage.js'
import type { GapSummary, JudgedStream, StreamCoverage } from './stream-coverage.js'

/** What a tape holds of one stream, over all runs that had it. */
export interface StreamTotal extends Omit<StreamCoverage, 'askedAt' | 'confirmedAt' | 'refused' | 'endedAt'> {
  /** How many runs had it. */
  readonly runs: number
}

/** What is covered of a tape: run by run, and of each stream in all. */
export interface TapeCoverage {
  readonly runs: readonly RunCoverage[]
  /** By venue, symbol and channel. */
  readonly streams: readonly StreamTotal[]
}

/** Joins the runs of a tape: the pause between two runs is missing from each stream that both had. */
export function joinRuns(runs: readonly JudgedRun[], findings: Findings): TapeCoverage {
  const former = formerStretches(runs)
  const byStream = new Map<string, JudgedStream[]>()
  const joined = runs.map(({ run, streams }) => ({
    ...run,
    streams: streams.map((stream) => {
      const before = former.get(stream)
      const judged = before === undefined ? stream : withPause(stream, before, run.firstEvent, findings)
      const key = keyOf(judged.coverage)
      const held = byStream.get(key)
      if (held === undefined) byStream.set(key, [judged])
      else held.push(judged)
      return judged.coverage
    }),
  }))
  return { runs: joined, streams: [...byStream.values()].map(totalOf).sort(byName) }
}

/** What each stretch of a stream follows in time. Runs that were made from logs need not be in order. */
function formerStretches(runs: readonly JudgedRun[]): Map<JudgedStream, JudgedStream> {
  const byStream = new Map<string, JudgedStream[]>()
  for (const { streams } of runs) {
    for (const stream of streams) {
      const key = keyOf(stream.coverage)
      byStream.set(key, [...(byStream.get(key) ?? []), stream])
    }
  }
  const former = new Map<JudgedStream, JudgedStream>()
  for (const stretches of byStream.values()) {
    stretches.sort((a, b) => (a.due?.from ?? 0) - (b.due?.from ?? 0))
    stretches.forEach((stretch, index) => {
      const before = stretches[index - 1]
      if (before !== undefined) former.set(stretch, before)
    })
  }
  return former
}

/** The stretch with the pause before it, where the tape itself has no gap for it. */
function withPause(
  stretch: JudgedStream,
  former: JudgedStream,
  firstEvent: number,
  findings: Findings,
): JudgedStream {
  const { coverage, due, data } = stretch
  if (coverage.gaps.some(({ reason }) => reason === 'not_recording')) return stretch
  const lasted = due === null || former.due === null ? null : due.from - former.due.to
  if (lasted !== null && lasted <= 0) return stretch
  const { venue, symbol, channel } = coverage
  const place = { ...wholeFile, venue, symbol, channel, event: firstEvent, at: due?.from ?? null }
  const long = lasted === null ? 'for an unknown time' : `for ${(lasted / 1_000_000).toFixed(1)} s`
  findings.add('error', 'not_recording', place, `nobody was recording ${long} before this run`)
  const gap: GapSummary = { reason: 'not_recording', count: 1, open: 0, healed: 0, lasted }
  return { due, data, coverage: { ...coverage, paused: lasted ?? 0, gaps: [...coverage.gaps, gap] } }
}

function totalOf(stretches: readonly JudgedStream[]): StreamTotal {
  const parts = stretches.map(({ coverage }) => coverage)
  const { venue, symbol, channel } = stretches[0]?.coverage ?? { venue: '', symbol: '', channel: '' }
  const paused = sum(parts.map((part) => part.paused))
  const timed = stretches.every(({ due }) => due !== null)
  const span = paused + sum(stretches.map(({ due }) => (due === null ? 0 : Math.max(0, due.to - due.from))))
  const missing = sum(parts.map((part) => part.missing ?? 0))
  return {
    venue,
    symbol,
    channel,
    instrument: parts.find(({ instrument }) => instrument !== null)?.instrument ?? null,
    asked: parts.some(({ asked }) => asked),
    from: extreme(parts, 'from', Math.min),
    to: extreme(parts, 'to', Math.max),
    share: !timed
      ? null
      : span > 0
        ? (span - missing - paused) / span
        : parts.some(({ from }) => from !== null)
          ? 1
          : 0,
    missing: timed ? missing : null,
    paused,
    gaps: gapsOf(parts),
    events: sum(parts.map((part) => part.events)),
    inDoubt: sum(parts.map((part) => part.inDoubt)),
    runs: parts.length,
  }
}

function gapsOf(parts: readonly StreamCoverage[]): GapSummary[] {
  const byReason = new Map<GapReason, GapSummary>()
  for (const gap of parts.flatMap(({ gaps }) => gaps)) {
    const held = byReason.get(gap.reason)
    byReason.set(
      gap.reason,
      held === undefined
        ? gap
        : {
            reason: gap.reason,
            count: held.count + gap.count,
            open: held.open + gap.open,
            healed: held.healed + gap.healed,
            lasted:
              held.lasted === null && gap.lasted === null ? null : (held.lasted ?? 0) + (gap.lasted ?? 0),
          },
    )
  }
  return [...byReason.values()]
}

function extreme(
  parts: readonly StreamCoverage[],
  of: 'from' | 'to',
  pick: (...moments: Micros[]) => Micros,
): Micros | null {
  const moments = parts.map((part) => part[of]).filter((moment) => moment !== null)
  return moments.length === 0 ? null : pick(...moments)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function keyOf({ venue, channel, instrument, symbol }: StreamCoverage): string {
  return JSON.stringify([venue, channel, instrument ?? symbol])
}
