import type { Tape } from '../recorder/index.js'
import type { Micros } from '../schemas/events.js'
import { UsageError } from '../src/errors.js'

/** The part of a tape that `--from` and `--to` ask for. */
export interface TapeWindow {
  readonly from?: Micros | undefined
  readonly to?: Micros | undefined
}

/** Streams that a sentence names. */
const STREAMS_NAMED = 5

/** @throws {UsageError} `bad_option` for a window that nothing can be in. */
export function checkWindow({ from, to }: TapeWindow): void {
  if (from === undefined || to === undefined || from < to) return
  throw new UsageError(
    'bad_option',
    `--from ${iso(from)} is not before --to ${iso(to)}, so that nothing lies between: give an earlier --from or a later --to`,
    { context: { field: '--from' } },
  )
}

/** What a tape holds, for one who asked for something that is not on it: `it holds 2024-05-01T00:00:00.000Z to …: bitfinex BTC/USD trade`. */
export function holdings(tape: Tape): string {
  const [from, to] = [endOfTape(tape, 'ASC'), endOfTape(tape, 'DESC')]
  const streams = tape
    .streams()
    .filter(({ symbol, channel }) => symbol !== null && channel !== null)
    .map(({ venue, symbol, channel }) => `${venue} ${symbol} ${channel}`)
  if (from === null || to === null || streams.length === 0) return 'it holds no data'
  const more = streams.length - STREAMS_NAMED
  const named = [...streams.slice(0, STREAMS_NAMED), ...(more > 0 ? [`${more} more`] : [])]
  return `it holds ${iso(from)} to ${iso(to)}: ${named.join(', ')}`
}

/** When the last event of a tape was received, or the first (`ASC`); null where the tape has no times. */
export function endOfTape(tape: Tape, order: 'ASC' | 'DESC' = 'DESC'): Micros | null {
  const [row] = tape.query(
    `SELECT coalesce(receive_time, exchange_time) AS time FROM events WHERE time IS NOT NULL ORDER BY id ${order} LIMIT 1`,
  )
  return row === undefined ? null : Number(row['time'])
}

function iso(time: Micros): string {
  return new Date(time / 1000).toISOString()
}
