import type { GapEvent, GapReason, Micros } from '../schemas/events.js'
import type { Tape } from './tape.js'

/** A stretch of time in which events may be missing. */
interface Hole {
  readonly from: Micros
  readonly to: Micros
  readonly reason: GapReason
}

/**
 * When a stream was not covered: before its first event and after its recordings, between two of them, and in gaps that were not
 * healed.
 */
export class CoveredTime {
  readonly #holes: Hole[]
  readonly #open = new Map<GapReason, Micros>()
  readonly #end: Micros
  readonly #recorded: readonly (readonly [from: Micros, to: Micros])[]

  constructor(
    tape: Tape,
    stream: { readonly venue: string; readonly symbol: string; readonly channel: string },
  ) {
    const covered = recordings(tape, stream)
    const holes: Hole[] = []
    let last = Number.NEGATIVE_INFINITY
    for (const [from, to] of covered) {
      holes.push({
        from: last,
        to: from,
        reason: last === Number.NEGATIVE_INFINITY ? 'joined_late' : 'not_recording',
      })
      last = Math.max(last, to)
    }
    holes.push({ from: last, to: Number.POSITIVE_INFINITY, reason: 'not_recording' })
    this.#holes = holes
    this.#recorded = covered
    this.#end = last
  }

  /** Takes in the gaps of the stream in recorded order. */
  gap({ reason, state, from, to, receiveTime, healed }: GapEvent): void {
    if (state === 'open') {
      const since = from ?? receiveTime
      if (since !== null) this.#open.set(reason, Math.min(since, this.#open.get(reason) ?? since))
      return
    }
    const since = from ?? this.#open.get(reason) ?? null
    this.#open.delete(reason)
    const until = to ?? receiveTime
    if (!healed && since !== null && until !== null) this.#holes.push({ from: since, to: until, reason })
  }

  /** Whether a recording had the stream in any moment of `[from, to)`. */
  covers(from: Micros, to: Micros): boolean {
    return this.#recorded.some(([begun, ended]) => begun < to && ended >= from)
  }

  /** Why something may be missing of `[from, to)`. Empty where nothing is. */
  missing(from: Micros, to: Micros): GapReason[] {
    const open = [...this.#open].map(([reason, since]) => ({ reason, from: since, to: this.#end }))
    const reasons = [...this.#holes, ...open]
      .filter((hole) => hole.from < to && hole.to > from)
      .map(({ reason }) => reason)
    return [...new Set(reasons)]
  }
}

/** The stretches of time in which each run had the stream, in recorded order. */
function recordings(
  tape: Tape,
  { venue, symbol, channel }: { readonly venue: string; readonly symbol: string; readonly channel: string },
): (readonly [from: Micros, to: Micros])[] {
  const runs = tape.runs()
  const stretches: (readonly [Micros, Micros])[] = []
  for (const [at, run] of runs.entries()) {
    const lastEvent = (runs[at + 1]?.firstEvent ?? Number.MAX_SAFE_INTEGER) - 1
    const stated = run.streams.find(
      (stream) =>
        stream.venue === venue &&
        stream.channel === channel &&
        (stream.symbol === symbol || stream.instrument === symbol),
    )
    const from = stated?.confirmedAt ?? timeAt(tape, run.firstEvent, lastEvent, 'ASC')
    const to = timeAt(tape, run.firstEvent, lastEvent, 'DESC')
    if (from !== null && to !== null && to >= from) stretches.push([from, to])
  }
  return stretches.sort(([a], [b]) => a - b)
}

/** The moment of the first or last event of a run that has one. */
function timeAt(tape: Tape, first: number, last: number, order: 'ASC' | 'DESC'): Micros | null {
  const [row] = tape.query(
    `SELECT coalesce(emitted, receive_time, exchange_time) AS time FROM events
     WHERE id BETWEEN ? AND ? AND coalesce(receive_time, exchange_time) IS NOT NULL ORDER BY id ${order} LIMIT 1`,
    first,
    last,
  )
  const time = row?.['time'] ?? null
  return time === null ? null : Number(time)
}
