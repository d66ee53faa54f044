import type { MarketEvent, Micros } from '../schemas/events.js'

/**
 * `error`: the tape is not whole, or contradicts itself. `warning`: what a venue may be known for and nothing proves wrong.
 * `note`: a hole that the tape discloses and that was backfilled, or the end of a recording.
 */
export type Severity = 'error' | 'warning' | 'note'

/** What {@link verifyTape} looks for. Each is explained in docs/tape.md. */
export type FindingCode =
  | 'storage'
  | 'unreadable_event'
  | 'missing_events'
  | 'bad_segment'
  | 'update_before_snapshot'
  | 'update_after_gap'
  | 'unsorted_snapshot'
  | 'absent_removals'
  | 'crossed_book'
  | 'wrong_number'
  | 'sequence_back'
  | 'emitted_back'
  | 'number_back'
  | 'number_missing'
  | 'repeated_id'
  | 'gap_open'
  | 'gap_unhealed'
  | 'gap_uncovered'
  | 'gap_healed'
  | 'gap_at_start'
  | 'gap_unpaired'
  | 'stream_ended'
  | 'checksum_undisclosed'
  | 'checksum_failed'
  | 'malformed_frames'
  | 'run_not_closed'
  | 'not_recording'
  | 'runs_overlap'
  | 'new_run'
  | 'never_came'
  | 'late_start'
  | 'stream_refused'
  | 'no_data'
  | 'log_incomplete'

/** One thing that a verification found. */
export interface Finding {
  readonly severity: Severity
  readonly code: FindingCode
  /** Null where the finding is about the file, not about a stream. */
  readonly venue: string | null
  readonly symbol: string | null
  readonly channel: string | null
  /** The event at which it shows; null where it is about the file. */
  readonly event: number | null
  /** When that event was emitted. */
  readonly at: Micros | null
  /** One sentence for a person. */
  readonly what: string
}

/** Where a finding shows. */
export type Place = Pick<Finding, 'venue' | 'symbol' | 'channel' | 'event' | 'at'>

export const wholeFile: Place = { venue: null, symbol: null, channel: null, event: null, at: null }

export function placeOf(id: number, event: MarketEvent, emitted: Micros | null): Place {
  return {
    venue: event.venue,
    symbol: 'symbol' in event ? event.symbol : null,
    channel: 'channel' in event ? event.channel : null,
    event: id,
    at: emitted,
  }
}

/** Gathers findings, up to a limit of each severity; all are counted. */
export class Findings {
  readonly #limit: number
  readonly #kept: Record<Severity, Finding[]> = { error: [], warning: [], note: [] }
  readonly #counts: Record<Severity, number> = { error: 0, warning: 0, note: 0 }
  readonly #codes = new Set<FindingCode>()

  constructor(limit: number) {
    this.#limit = limit
  }

  add(severity: Severity, code: FindingCode, place: Place, what: string): void {
    this.#counts[severity]++
    this.#codes.add(code)
    if (this.#kept[severity].length < this.#limit)
      this.#kept[severity].push({ severity, code, ...place, what })
  }

  /** Whether anything was found under one of these codes. */
  has(...codes: readonly FindingCode[]): boolean {
    return codes.some((code) => this.#codes.has(code))
  }

  get counts(): Readonly<Record<Severity, number>> {
    return this.#counts
  }

  /** Errors first, then warnings, then notes; each in the order of the tape. */
  list(): Finding[] {
    return [...this.#kept.error, ...this.#kept.warning, ...this.#kept.note]
  }
}
