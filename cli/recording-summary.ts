import type { GapReason, Micros } from '../schemas/events.js'
import { showDuration } from './duration.js'
import { showBytes } from './size.js'
import { causeOf } from './troubles.js'

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
  readonly tape: SummarizedTape | null
  /** The file of raw frames that was written last; null without `--raw`, or where no connection was opened. */
  readonly raw: string | null
  readonly exitCode: number
}

export interface SummarizedTape {
  readonly path: string
  /** Of the file, and of SQLite's log beside it where somebody still reads the tape; 0 where the file is no longer there. */
  readonly bytes: number
  /** Data of streams that could not be written, or that were on a tape that was deleted. */
  readonly lost: number
  /** Those of them for which the tape has no gap either. */
  readonly lostWithoutGap: number
  /** Those of them that were on a tape that was deleted while it was recorded to. */
  readonly deleted: number
}

export interface StreamSummary {
  readonly venue: string
  readonly symbol: string
  readonly channel: string
  /** How it stood at the end: see `FeedStream`; `never came` where the venue confirmed a book and sent no snapshot of it. */
  readonly state: string
  /** Data of it. */
  readonly events: number
  /** Whether it began, as `verify` judges it: a datum came, and of a book a snapshot. */
  readonly began: boolean
  /** Why it was refused or ended, or why nothing came of it, where a connection says so; else null. */
  readonly reason: string | null
}

/** Streams without a datum that a summary names. */
const NAMED = 10

export function summaryText(summary: RecordingSummary): string[] {
  const { streams, events, gaps, malformed, tape, raw, elapsedMs } = summary
  const silent = streams.filter(({ began }) => !began)
  const opened = Object.entries(gaps).map(([reason, count]) => `${count} ${reason}`)
  const lost = tape === null || tape.lost === 0 ? null : lossText(tape)
  const parts = [
    `${events.toLocaleString('en')} events of ${streams.length} streams`,
    ...(opened.length > 0 ? [`gaps: ${opened.join(', ')}`] : lost === null ? ['no gaps'] : []),
    ...(malformed === 0 ? [] : [`${malformed} malformed frames`]),
    ...(lost === null ? [] : [lost]),
  ]
  const rest = silent.length - NAMED
  return [
    `recorded ${showDuration(elapsedMs)}: ${parts.join(', ')}`,
    ...(silent.length === 0
      ? []
      : [
          'nothing came of:',
          ...silentLines(silent.slice(0, NAMED)),
          ...(rest > 0 ? [`  and ${rest} more`] : []),
        ]),
    `${tapeText(tape)}${raw === null ? '' : `; raw frames in ${raw}`}`,
  ]
}

/** A line for each way in which nothing came, with the streams that it is true of. */
function silentLines(streams: readonly StreamSummary[]): string[] {
  const names = new Map<string, string[]>()
  for (const { venue, symbol, channel, state, reason } of streams) {
    const how = reason === null ? state : `${state}, ${causeOf(reason)}`
    names.set(how, [...(names.get(how) ?? []), `${venue} ${symbol} ${channel}`])
  }
  return [...names].map(([how, streamNames]) => `  ${streamNames.join(', ')}: ${how}`)
}

function lossText({ lost, lostWithoutGap, deleted }: SummarizedTape): string {
  const texts = []
  if (deleted > 0) texts.push(`${lostEvents(deleted)} with a tape that was deleted while it was recorded to`)
  if (lost > deleted) texts.push(unwrittenText(lost - deleted, lostWithoutGap))
  return texts.join(', ')
}

function unwrittenText(lost: number, lostWithoutGap: number): string {
  const events = lostEvents(lost)
  if (lostWithoutGap === 0) return `${events}, for which the tape has gaps`
  const which = lostWithoutGap === lost ? '' : ` of ${lostWithoutGap.toLocaleString('en')}`
  return `${events}, and the loss${which} could not be noted on the tape: verify calls it not whole`
}

function lostEvents(count: number): string {
  return count === 1 ? '1 event lost' : `${count.toLocaleString('en')} events lost`
}

function tapeText(tape: SummarizedTape | null): string {
  if (tape === null) return 'no tape was written'
  return tape.bytes === 0
    ? `tape ${tape.path}, which is not there`
    : `tape ${tape.path}, ${showBytes(tape.bytes)}`
}
