import type { Micros } from '../../schemas/events.js'
import { DecodeError } from '../errors.js'

const ISO = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$/

/** Events have microseconds, which fit 2^53 until the year 2255. */
export const LATEST_MS = Date.UTC(2255, 0)

/** Frames come in order, so most share their second with the one before. */
let lastSecond = ''
let lastMicros = 0

/**
 * Microseconds of an ISO 8601 time with any number of fraction digits (what is finer is cut); UTC where it names no zone.
 * `Date.parse` alone would cut at milliseconds.
 *
 * @throws {DecodeError} code `not_time`.
 */
export function isoMicros(text: string): Micros {
  const match = ISO.exec(text)
  if (match === null) return notTime(text)
  const second = `${(match[1] as string).replace(' ', 'T')}${match[3] ?? 'Z'}`
  if (second !== lastSecond) {
    const ms = Date.parse(second)
    // `Date.parse` takes the thirtieth of February for the second of March; a comparison with NaN is false.
    const lastDay = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate()
    if (!(ms < LATEST_MS && Number(text.slice(8, 10)) <= lastDay)) return notTime(text)
    lastSecond = second
    lastMicros = ms * 1000
  }
  const fraction = match[2]
  return fraction === undefined ? lastMicros : lastMicros + Number(fraction.slice(0, 6).padEnd(6, '0'))
}

function notTime(text: string): never {
  throw new DecodeError(
    'not_time',
    `${JSON.stringify(text.slice(0, 40))} is not an ISO 8601 time before the year 2255`,
    {
      path: [],
      head: text,
    },
  )
}
