import type { GapReason, Micros } from '../schemas/events.js'
import { showDuration } from './duration.js'
import { showBytes } from './size.js'

/** What a recording came to: the last line of `record --json`. */
export interface RecordingSummary {
  readonly type: 'summary'
  readonly at: Micros
  readonly elapsedMs: number
  /** Data of all streams. */
  readonly events: number
  /** Every stream that was asked for. */
  readonly streams: readonly StreamSummary[]
  /** Gaps that were opened, by reason. */
  readonly gaps: Readonly<Partial<Record<GapReason, number>>>
  readonly malformed: number
  /** Null where nothing was recorded, so that no tape was written. */
  readonly tape: { readonly path: string; readonly bytes: number; readonly lost: number } | null
  /** The file of raw frames that was written last; null without `--raw`, or where no connection was opened. */
  readonly raw: string | null
  readonly exitCode: number
}

export interface StreamSummary {
  readonly venue: string
  readonly symbol: string
  readonly channel: string
  /** How it stood at the end: see `FeedStream`. */
  readonly state: string
  readonly events: number
  /** Why it was refused or ended, or why nothing came of it, where a connection says so; else null. */
  readonly reason: string | null
}

/** Streams without a datum that a summary names. */
const NAMED = 10

export function summaryText(summary: RecordingSummary): string[] {
  const { streams, events, gaps, malformed, tape, raw, elapsedMs } = summary
  const silent = streams.filter((stream) => stream.events === 0)
  const opened = Object.entries(gaps).map(([reason, count]) => `${count} ${reason}`)
  const parts = [
    `${events.toLocaleString('en')} events of ${streams.length} streams`,
    opened.length === 0 ? 'no gaps' : `gaps: ${opened.join(', ')}`,
    ...(malformed === 0 ? [] : [`${malformed} malformed frames`]),
    ...(tape === null || tape.lost === 0
      ? []
      : [`${tape.lost.toLocaleString('en')} events lost, for which the tape has gaps`]),
  ]
  const named = silent.slice(0, NAMED).map(({ venue, symbol, channel, state, reason }) => {
    const why = reason === null ? '' : ` (${reason})`
    return `  ${venue} ${symbol} ${channel}: ${state}${why}`
  })
  const rest = silent.length - named.length
  return [
    `recorded ${showDuration(elapsedMs)}: ${parts.join(', ')}`,
    ...(silent.length === 0
      ? []
      : ['nothing came of:', ...named, ...(rest > 0 ? [`  and ${rest} more`] : [])]),
    `${tape === null ? 'no tape was written' : `tape ${tape.path}, ${showBytes(tape.bytes)}`}${raw === null ? '' : `; raw frames in ${raw}`}`,
  ]
}
