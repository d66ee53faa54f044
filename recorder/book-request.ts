import * as z from 'zod'
import type { Micros } from '../schemas/events.js'
import { UsageError } from '../src/errors.js'
import { parseOptions } from '../src/options.js'
import { shownValue } from '../src/shown-value.js'

const requestSchema = z.strictObject({
  venue: z.string(),
  symbol: z.string(),
  channel: z.string().optional(),
})

const momentSchemas = [
  z.number(),
  z.strictObject({ exchangeTime: z.number() }),
  z.strictObject({ event: z.number() }),
]

/**
 * For callers whose compiler does not hold them to the types.
 *
 * @throws {UsageError} `bad_option`, with what to write.
 */
export function checkBookRequest(request: unknown, moment: unknown): void {
  if (typeof request !== 'object' || request === null || !('venue' in request && 'symbol' in request)) {
    throw new UsageError(
      'bad_option',
      `bookAt needs venue and symbol: write bookAt({ venue: 'bitfinex', symbol: 'BTC/USD' }, moment) (got ${shownValue(request)})`,
      { context: { field: 'request' } },
    )
  }
  parseOptions('bookAt', requestSchema, request)
  if (momentSchemas.some((schema) => schema.safeParse(moment).success)) return
  const meant = microsOf(moment)
  const given = shownValue(moment)
  throw new UsageError(
    'bad_option',
    meant === null
      ? `bookAt needs a moment: microseconds since the epoch, { exchangeTime: microseconds } or { event: number } (got ${given})`
      : `the moment of bookAt is ${given}: times are microseconds since the epoch, so write ${meant}`,
    { context: { field: 'moment' } },
  )
}

/** What a date in another form is in microseconds; null where it is none. */
function microsOf(moment: unknown): Micros | null {
  if (typeof moment === 'object' && moment !== null && 'exchangeTime' in moment) {
    return microsOf(moment.exchangeTime)
  }
  const millis =
    moment instanceof Date ? moment.getTime() : typeof moment === 'string' ? Date.parse(moment) : Number.NaN
  return Number.isNaN(millis) ? null : millis * 1_000
}
