import type { Micros } from '../../schemas/events.js'

const SECONDS = /^\d+(\.\d+)?$/
const HTTP_DATE = /^(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? .*\d{2}:\d{2}:\d{2}/i

/**
 * How long a Retry-After header (RFC 9110 §10.2.3) asks to stay away: seconds, or a date, which is measured against the
 * server's own Date header where there is one (its clock and ours may differ by more than the wait).
 *
 * @param headers names in lower case.
 * @returns milliseconds, without a bound: whoever waits has one; null where there is no such header or it says nothing.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: Micros): number | null {
  const value = headers['retry-after']?.trim() ?? ''
  if (SECONDS.test(value)) return Math.ceil(Number(value) * 1000)
  const until = httpDate(value)
  if (until === null) return null
  return Math.max(0, until - (httpDate(headers['date'] ?? '') ?? now / 1000))
}

/** A wait that was asked for and is longer than is waited, as a clause of a sentence; empty where it is waited in full. */
export function cappedHold(askedMs: number, maxHoldMs: number): string {
  if (askedMs <= maxHoldMs) return ''
  const hours = Math.round(askedMs / 3_600_000).toLocaleString('en')
  return `; it asks to be left alone for ${hours} h, of which ${Math.round(maxHoldMs / 1000)} s are waited`
}

function httpDate(text: string): number | null {
  const time = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? null : time
}
