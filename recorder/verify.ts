import * as z from 'zod'
import { parseOptions } from '../src/options.js'
import { EventPass } from './event-pass.js'
import { type Finding, Findings, wholeFile } from './findings.js'
import { checkOverlappingRuns } from './overlapping-runs.js'
import { checkRepeatedIds, checkSegments, checkStorage, guarded } from './storage-checks.js'
import type { Tape } from './tape.js'
import { assertTape } from './tape-argument.js'
import { joinRuns, type TapeCoverage } from './tape-coverage.js'

/** Options of `verifyTape`. */
export interface VerifyOptions {
  /** Findings kept of each severity; all are counted. @default 1_000 */
  readonly limit?: number
  /** How long a book may be crossed without a gap; null where the venue allows it. @default 10_000 */
  readonly crossedForMs?: number | null
  /** Called now and then with how far it is. */
  readonly onProgress?: (done: number, events: number) => void
}

const optionsSchema = z.strictObject({
  limit: z.int().min(1).default(1_000),
  crossedForMs: z.number().positive().nullable().default(10_000),
  onProgress: z
    .custom<(done: number, events: number) => void>(
      (value) => typeof value === 'function',
      'must be a function',
    )
    .optional(),
})

/**
 * `whole`: every stream is covered over the whole of every run, and nothing is wrong. `empty`: there is no data to judge.
 * `not whole`: something is missing or wrong; the errors among the findings say what.
 */
export type Verdict = 'whole' | 'not whole' | 'empty'

/** What a verification found. */
export interface Verification extends TapeCoverage {
  readonly verdict: Verdict
  /** Whether the verdict is `whole`. */
  readonly whole: boolean
  /** Data of all streams, as `record` counts it: no gaps, no checksums, nothing that connections say. */
  readonly events: number
  /** Everything that was read: the data, and what stands on the tape beside it. */
  readonly rows: number
  /** Gaps that the tape discloses, and how many of them say that they were healed. */
  readonly gaps: { readonly opened: number; readonly healed: number }
  readonly counts: { readonly error: number; readonly warning: number; readonly note: number }
  /** Errors first; at most `limit` of each severity. */
  readonly findings: readonly Finding[]
}

/**
 * Asks a tape whether it is whole: the file itself, every row against its schema, what the contract of events promises of
 * each stream, and whether each stream is covered over the whole of each run.
 *
 * @throws {UsageError} `bad_option`.
 * @throws {TapeError} `tape_closed`.
 */
export function verifyTape(tape: Tape, options: VerifyOptions = {}): Verification {
  assertTape('verifyTape', tape)
  const given = verifyOptions(options)
  const findings = new Findings(given.limit)
  checkStorage(tape, findings)
  return judgeTape(tape, findings, given)
}

/** @throws {UsageError} `bad_option`. */
export function verifyOptions(options: VerifyOptions): z.output<typeof optionsSchema> {
  return parseOptions('verify', optionsSchema, options)
}

/**
 * Judges what is on a tape.
 *
 * @param tape null where nothing of it can be read
 * @param findings what was found of the file itself
 */
export function judgeTape(
  tape: Tape | null,
  findings: Findings,
  { limit, crossedForMs, onProgress }: z.output<typeof optionsSchema>,
): Verification {
  const pass = new EventPass(findings, crossedForMs)
  if (tape !== null) {
    guarded(findings, () => pass.read(tape, onProgress))
    pass.end()
    guarded(findings, () => checkSegments(tape, findings))
    guarded(findings, () => checkOverlappingRuns(tape, pass.runs, findings))
    guarded(findings, () => checkRepeatedIds(tape, findings, limit))
  }
  const coverage = joinRuns(pass.runs, findings)
  const data = coverage.streams.reduce((sum, { events }) => sum + events, 0)
  const empty = data === 0 && !findings.has('storage', 'unreadable_event', 'missing_events')
  if (empty && findings.counts.error === 0) {
    findings.add('error', 'no_data', wholeFile, 'there is no data on the tape')
  }
  const verdict = empty ? 'empty' : findings.counts.error === 0 ? 'whole' : 'not whole'
  return {
    verdict,
    whole: verdict === 'whole',
    events: data,
    rows: pass.events,
    gaps: { opened: pass.gapsOpened, healed: pass.gapsHealed },
    counts: { ...findings.counts },
    findings: findings.list(),
    ...coverage,
  }
}
