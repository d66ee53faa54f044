import type { Micros } from '../../schemas/events.js'
import type { RestTradeHistory } from '../../src/session/rest-backfill.js'
import { readTransactions } from './rows.js'

/** How the venue refuses who asks too often. */
export const THROTTLED = /"400\.(?:002|067|068)"/

/** What the venue can be asked for, with a margin for the way and for its clock. */
const SPANS = [
  ['minute', 45],
  ['hour', 3_300],
] as const

/** `transactions`: the last minute, hour or day, whole; nothing older, and no paging. */
export function tradeHistory(rest: string | null): RestTradeHistory {
  return {
    pageSize: Number.POSITIVE_INFINITY,
    url: ({ instrument }, { exchangeTime }, at) =>
      `${rest}/api/v2/transactions/${instrument.instrument}/?time=${spanOf(at - exchangeTime)}`,
    instrument: (url) => /\/transactions\/([^/?]+)\/?(?:\?|$)/.exec(url)?.[1] ?? null,
    read: readTransactions,
    throttledMs: 60_000,
    throttled: THROTTLED,
  }
}

/** A trade from the future has it from a clock that is off: the venue's or ours. */
function spanOf(age: Micros): string {
  return SPANS.find(([, seconds]) => Math.abs(age) < seconds * 1_000_000)?.[0] ?? 'day'
}
