import type { Stream } from '../../src/session/index.js'
import type { AuditTimes } from '../../src/venue/audits.js'
import type { ImageRules } from '../../src/venue/image-requests.js'
import { intervalOf } from './channels.js'

/**
 * Answers of the venue's CDN may be this old. What is asked for this long after an ack cannot be older than the grant, so it
 * joins even where no message has shown yet where the numbers stand.
 */
export const CACHED_FOR_MS = 1_000
/** Live trades and candles are held back for their history no longer than this. */
export const HISTORY_WITHIN_MS = 10_000

/** A stream that had no message for a minute is compared with what the venue itself says. */
export const AUDIT_TIMES: AuditTimes = { firstMs: 5_000, silentMs: 60_000, longestMs: 60_000 }

/** Requests on their way at a time; the engine paces them. */
const AT_ONCE = 3

/** Books are worth nothing without their snapshot, trades can flow without history. */
const URGENCY: Partial<Record<Stream['kind'], number>> = { book: 0, trade: 1 }

/** Snapshots and histories over REST. The venue counts requests by the calendar minute: who has used it up waits for the next. */
export const SNAPSHOTS: ImageRules = {
  path: pathOf,
  atOnce: AT_ONCE,
  urgency: ({ kind }) => URGENCY[kind] ?? 2,
  forGood: ({ status }) => status >= 400 && status < 500 && status !== 429,
}

/** The name of the alarm that ends the wait for a stream's history. */
export function historyAlarm(stream: Stream): string {
  return `history ${stream.channel} ${stream.instrument.instrument}`
}

/** The depth must be told: the venue's default is 25, whatever the stream's. */
function pathOf(stream: Stream): string {
  const market = `/v3/markets/${stream.instrument.instrument}`
  if (stream.kind === 'book') return `${market}/orderbook?depth=${stream.variant || '500'}`
  if (stream.kind === 'trade') return `${market}/trades`
  return `${market}/candles/${intervalOf(stream).wire}/recent`
}

/** What an answer in a log is, told by its URL. */
export interface LoggedAnswer {
  readonly market: string
  readonly kind: 'book' | 'trade' | 'candle'
  /** Depth of a book, interval of a candle; empty for trades. */
  readonly detail: string
}

/** Null for any other URL. */
export function readAnswerUrl(url: string): LoggedAnswer | null {
  const path = /\/v3\/markets\/([^/?]+)\/(orderbook|trades|candles)(?:\/([^?]*))?(?:\?(.*))?$/.exec(url)
  if (path === null) return null
  const market = path[1] ?? ''
  if (path[2] === 'trades') return { market, kind: 'trade', detail: '' }
  if (path[2] === 'orderbook') {
    return { market, kind: 'book', detail: new URLSearchParams(path[4]).get('depth') ?? '25' }
  }
  const interval = /^(?:TRADE\/)?([A-Z]+_\d+)\/recent$/.exec(path[3] ?? '')
  return interval === null ? null : { market, kind: 'candle', detail: interval[1] ?? '' }
}
