import pc from 'picocolors'
import wrapAnsi from 'wrap-ansi'
import type { GapSummary, RunCoverage, StreamCoverage, StreamTotal } from '../recorder/index.js'
import type { Micros } from '../schemas/events.js'
import { showDuration } from './duration.js'
import { type Column, table } from './table.js'
import { terminalWidth } from './terminal-width.js'

/** What the shares are shares of. */
const SHARE_LEGEND =
  'share of the time from the start of the stream (at most 30 s after it was asked for) to the end of the run'

type Row = StreamCoverage | StreamTotal

interface Shape {
  /** The day on which all moments lie; null where a time needs its date. */
  readonly day: string | null
  /** What the shares are shares of. */
  readonly share: string
  /** The pauses between the runs count as missing: of a run alone they do not. */
  readonly pauses: boolean
  /** Some stream came at all, so that there are moments to show. */
  readonly moments: boolean
}

/** What is missing is left out first: it follows from the other five. A time that has its date may stand in two lines. */
function columns({ day, share, pauses, moments }: Shape): readonly Column<Row>[] {
  const time = (at: Micros | null) => (at === null ? '' : showTime(at).slice(day === null ? 0 : 11))
  const wrap = day === null ? { wrap: 10 } : {}
  return [
    { head: 'stream', cell: streamName, wrap: 12 },
    { head: 'covered', cell: (row) => showShare(row.share), align: 'right', legend: share },
    {
      head: 'missing',
      cell: (row) => showMissing(row, pauses),
      align: 'right',
      drop: 3,
      ...(pauses ? { legend: 'with the pauses between the runs' } : {}),
    },
    { head: 'gaps', cell: ({ gaps }) => gaps.map(showGap).join('\n'), wrap: 13 },
    { head: 'events', cell: ({ events }) => events.toLocaleString('en'), align: 'right', drop: 1 },
    ...(moments
      ? [
          { head: 'from', cell: ({ from }: Row) => time(from), drop: 2, ...wrap },
          {
            head: 'to',
            cell: ({ to }: Row) => time(to),
            drop: 2,
            legend: day === null ? 'UTC' : `UTC, on ${day}`,
            ...wrap,
          },
        ]
      : []),
  ]
}

/** One line for each stream of a run. */
export function runTable({ streams }: RunCoverage): string {
  return streamTable(streams, SHARE_LEGEND, false)
}

/** One line for each stream of a tape. */
export function totalsTable(streams: readonly StreamTotal[], runs: number): string {
  const share =
    runs > 1 ? 'share of the runs that had the stream, with the pauses between them' : SHARE_LEGEND
  return streamTable(streams, share, runs > 1)
}

function streamTable(streams: readonly Row[], share: string, pauses: boolean): string {
  const moments = streams.flatMap(({ from, to }) => [from, to]).filter((moment) => moment !== null)
  const [day = null, ...others] = new Set(moments.map((at) => showTime(at).slice(0, 10)))
  const shape = { day: others.length > 0 ? null : day, share, pauses, moments: moments.length > 0 }
  return table(columns(shape), streams, { dense: true })
}

/** When a run was, how long, and how it ended. */
export function runTitle({ run, opened, judgedTo, judgedToIs, asked }: RunCoverage): string {
  const from = opened === null || judgedTo === null || opened > judgedTo ? null : opened
  const time =
    judgedTo === null
      ? 'its end is not known'
      : from === null
        ? `up to ${showTime(judgedTo)}`
        : `${showTime(from)} to ${showTime(judgedTo)}, ${showDuration((judgedTo - from) / 1000)}`
  const notes = [
    judgedToIs === 'closed' ? '' : ', judged up to its last event',
    asked ? '' : ', what was asked for is not on the tape',
  ]
  return wrapAnsi(`run ${run}: ${time}${notes.join('')}`, terminalWidth())
}

export function streamName({ venue, symbol, channel }: Pick<Row, 'venue' | 'symbol' | 'channel'>): string {
  return `${venue} ${symbol} ${channel}`
}

/** Never rounded up: what is not covered entirely is not 100 %. */
function showShare(share: number | null): string {
  if (share === null) return '?'
  if (share >= 1) return pc.green('100 %')
  return pc.red(`${(Math.floor(share * 10_000) / 100).toFixed(2)} %`)
}

function showMissing({ missing, paused, inDoubt, from }: Row, pauses: boolean): string {
  const pause = pauses ? paused : 0
  const time =
    from === null ? 'all' : missing === null ? '?' : missing + pause === 0 ? '' : showMicros(missing + pause)
  return [time, inDoubt > 0 ? `${inDoubt} frames` : ''].filter((text) => text !== '').join('\n')
}

function showGap({ reason, count, open, healed, lasted }: GapSummary): string {
  const notes = [
    lasted === null ? '' : showMicros(lasted),
    open > 0 ? 'open' : '',
    healed === count ? 'healed' : healed > 0 ? `${healed} healed` : '',
  ].filter((text) => text !== '')
  const text = `${count} ${reason}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
  return open > 0 ? pc.red(text) : text
}

/** Shorter than a tenth of a second is shown as it is, never as nothing. */
export function showMicros(micros: Micros): string {
  return micros < 100_000 ? `${(micros / 1000).toFixed(1)} ms` : showDuration(micros / 1000)
}

/** `2026-11-30 16:05:26`, UTC. */
function showTime(at: Micros): string {
  return new Date(at / 1000).toISOString().slice(0, 19).replace('T', ' ')
}
