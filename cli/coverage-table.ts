import pc from 'picocolors'
import wrapAnsi from 'wrap-ansi'
import type { GapSummary, RunCoverage, StreamCoverage, StreamTotal } from '../recorder/index.js'
import type { Micros } from '../schemas/events.js'
import { showDuration } from './duration.js'
import { type Column, table, terminalWidth } from './table.js'

/** What the shares are shares of. */
const SHARE_LEGEND =
  'of the time from its beginning, 30 s after it was asked for at the latest, to the end of the run'

type Row = StreamCoverage | StreamTotal

/**
 * @param day the day on which all of them lie; null where a time needs its date
 * @param paused whether a run begins with a pause that is missing
 */
function columns(day: string | null, shareLegend: string, paused: boolean): readonly Column<Row>[] {
  const time = (at: Micros | null) => (at === null ? '' : showTime(at).slice(day === null ? 0 : 11))
  return [
    { head: 'stream', cell: streamName },
    { head: 'covered', cell: ({ share }) => showShare(share), align: 'right', legend: shareLegend },
    {
      head: 'missing',
      cell: showMissing,
      align: 'right',
      ...(paused ? { legend: 'with the pause before the run' } : {}),
    },
    { head: 'gaps', cell: ({ gaps }) => gaps.map(showGap).join('\n'), wrap: 14 },
    { head: 'events', cell: ({ events }) => events.toLocaleString('en'), align: 'right', drop: 1 },
    { head: 'from', cell: ({ from }) => time(from), drop: 3 },
    {
      head: 'to',
      cell: ({ to }) => time(to),
      drop: 2,
      legend: day === null ? 'UTC' : `UTC, on ${day}`,
    },
  ]
}

/** One line for each stream of a run. */
export function runTable({ streams }: RunCoverage): string {
  return streamTable(streams, SHARE_LEGEND)
}

/** One line for each stream of a tape. */
export function totalsTable(streams: readonly StreamTotal[], runs: number): string {
  return streamTable(
    streams,
    runs > 1 ? 'of the runs that had the stream and the pauses between them' : SHARE_LEGEND,
  )
}

function streamTable(streams: readonly Row[], shareLegend: string): string {
  const moments = streams.flatMap(({ from, to }) => [from, to]).filter((moment) => moment !== null)
  const [day, ...others] = new Set(moments.map((at) => showTime(at).slice(0, 10)))
  const paused = streams.some((stream) => stream.paused > 0)
  return table(columns(others.length > 0 ? null : (day ?? null), shareLegend, paused), streams, {
    dense: true,
  })
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

function showMissing({ missing, paused, inDoubt, from }: Row): string {
  const time =
    from === null
      ? 'all'
      : missing === null
        ? '?'
        : missing + paused === 0
          ? ''
          : showMicros(missing + paused)
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
