import { UsageError } from '../src/errors.js'
import type { SqliteDatabase } from './sqlite.js'

/** Other units of time since the epoch, by what a moment in them is multiplied with to be in microseconds. */
const otherUnits = [
  ['seconds', 1_000_000],
  ['milliseconds', 1_000],
  ['nanoseconds', 1 / 1_000],
] as const

/** 1973 in microseconds. Of a tape whose times are smaller (made up, not taken from a clock) no unit can be guessed. */
const FIRST_REAL_TIME = 1e14

/**
 * Refuses a moment that is in another unit beyond doubt: it lies decades beside the tape, and multiplied it lies upon it.
 *
 * @throws {UsageError} `bad_option`, with the moment in microseconds.
 */
export function checkMoment(db: SqliteDatabase, field: string, moment: number | undefined): void {
  if (moment === undefined) return
  const [from, to] = db
    .prepare<[number | null, number | null]>(
      'SELECT min(coalesce(receive_from, exchange_from)), max(coalesce(receive_to, exchange_to)) FROM segments',
    )
    .raw()
    .all()[0] ?? [null, null]
  if (from === null || to === null || from < FIRST_REAL_TIME) return
  if (moment > from / 2 && moment < to * 2) return
  const unit = otherUnits.find(([, factor]) => moment * factor > from / 2 && moment * factor < to * 2)
  if (unit === undefined) return
  const [name, factor] = unit
  throw new UsageError(
    'bad_option',
    `${field} is ${moment}, which looks like ${name}: times are microseconds since the epoch, so write ${Math.round(moment * factor)}`,
    { context: { field } },
  )
}
