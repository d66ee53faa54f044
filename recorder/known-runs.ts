import type { Tape, TapeRun } from './tape.js'

/** A run as far as the tape still knows it: of a damaged tape the table of runs may be gone. */
export type KnownRun = Pick<TapeRun, 'id' | 'firstEvent' | 'closed' | 'streams'> & {
  readonly opened: TapeRun['opened'] | null
  /** Whether the tape says that the run was made from frame logs. */
  readonly fromLogs: boolean
}

/** The runs of a tape, and before them those events that no run claims. */
export function knownRuns(tape: Tape): KnownRun[] {
  const sourced = new Set(tape.sources().map(({ run }) => run))
  const runs = tape.runs().map((run) => ({ ...run, fromLogs: sourced.has(run.id) }))
  if ((runs[0]?.firstEvent ?? Number.POSITIVE_INFINITY) === 1) return runs
  if (tape.query('SELECT 1 FROM events LIMIT 1').length === 0) return runs
  return [{ id: 0, firstEvent: 1, opened: null, closed: null, streams: [], fromLogs: false }, ...runs]
}
