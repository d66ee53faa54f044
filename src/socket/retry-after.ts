import type { Micros } from '../../schemas/events.js'

const SECONDS = /^\d{1,9}(\.\d+)?$/
const HTTP_DATE = /^(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? .*\d{2}:\d{2}:\d{2}/i

/**
 * How long a Retry-After header (RFC 9110 §10.2.3) asks to stay away: seconds, or a date, which is measured against the
 * server's own Date header where there is one (its clock and ours may differ by more than the wait).
 *
 * @param headers names in lower case.
 * @returns milliseconds; null where there is no such header or it says nothing.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: Micros): number | null {
  const value = headers['retry-after']?.trim() ?? ''
  if (SECONDS.test(value)) return Math.ceil(Number(value) * 1000)
  const until = httpDate(value)
  if (until === null) return null
  return Math.max(0, until - (httpDate(headers['date'] ?? '') ?? now / 1000))
}

function httpDate(text: string): number | null {
  const time = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? null : time
}
