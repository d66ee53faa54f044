import type { Micros } from '../../schemas/events.js'
import type { HttpResponse, SessionInit, Sink } from '../../src/connector.js'
import type { Alarms, SessionKit, Stream, Streams } from '../../src/session/index.js'
import { intervalOf } from './channels.js'

/**
 * Answers of the venue's CDN may be this old. What is asked for this long after an ack cannot be older than the grant, so it
 * joins even where no message has shown yet where the numbers stand.
 */
export const CACHED_FOR_MS = 1_000
/** Live trades and candles are held back for their history no longer than this. */
export const HISTORY_WITHIN_MS = 10_000

/** Requests on their way at a time. Few, so that none of a dead connection block the next one's; the engine paces them. */
const AT_ONCE = 3
/** Tries are this far apart at first, and twice as far each time up to the second figure. */
const RETRY_MS = 1_000
const RETRY_CAP_MS = 30_000
/** The venue counts requests by the calendar minute, and tells who has used it up to wait for the next. */
const THROTTLED_MS = 60_000

/** Failures in a row that may pass are said from this one on. */
const TRIES_UNSAID = 3

/** Books are worth nothing without their snapshot, trades can flow without history. */
const URGENCY: Partial<Record<Stream['kind'], number>> = { book: 0, trade: 1 }

/** The REST answers that begin or mend streams: asked for, paced and repeated. At most one a stream is under way. */
export class Snapshots {
  readonly #init: SessionInit
  readonly #sink: Sink
  readonly #alarms: Alarms
  readonly #streams: Streams
  readonly #waiting = new Set<Stream>()
  /** By request id; null where the stream no longer wants the answer. */
  readonly #sent = new Map<string, Stream | null>()
  readonly #tries = new WeakMap<Stream, number>()
  #ids = 0

  constructor({ init, sink, alarms, streams }: SessionKit) {
    this.#init = init
    this.#sink = sink
    this.#alarms = alarms
    this.#streams = streams
  }

  /** Fetches for a stream after a while, unless that is under way. */
  ask(stream: Stream, afterMs: number, at: Micros | null): void {
    if (this.#under(stream)) return
    this.#tries.delete(stream)
    this.#later(stream, afterMs, at)
  }

  /** Fetches again: the answer did not fit. */
  retry(stream: Stream, at: Micros | null): void {
    this.#later(stream, this.#nextWaitMs(stream), at)
  }

  /** Fetches again: there was no answer, or a refusal. What will hardly pass is asked for more and more seldom. */
  failed(stream: Stream, { status, body }: HttpResponse, at: Micros | null): void {
    const { refusals } = this.#streams
    const reason = status === 0 ? body : `HTTP ${status}`
    if (status >= 400 && status < 500 && status !== 429) {
      this.#streams.excuse(stream)
      this.#later(stream, refusals.refused(nameOf(stream), reason, at), at)
      return
    }
    const waitMs = this.#nextWaitMs(stream)
    if ((this.#tries.get(stream) ?? 0) >= TRIES_UNSAID) refusals.refused(nameOf(stream), reason, at)
    this.#later(stream, status === 429 ? THROTTLED_MS : waitMs, at)
  }

  /** The venue answered with what was asked for. */
  granted(stream: Stream): void {
    this.#streams.refusals.forget(nameOf(stream))
  }

  #nextWaitMs(stream: Stream): number {
    const tries = this.#tries.get(stream) ?? 0
    this.#tries.set(stream, tries + 1)
    return Math.min(RETRY_CAP_MS, RETRY_MS * 2 ** Math.min(tries, 20))
  }

  /** The stream wants no answer any more. */
  cancel(stream: Stream): void {
    this.#waiting.delete(stream)
    this.#alarms.clear(alarmOf(stream))
    for (const [id, asked] of this.#sent) if (asked === stream) this.#sent.set(id, null)
  }

  /** The stream that an answer is for; null where it is for none. */
  answered(response: HttpResponse): Stream | null {
    const stream = this.#sent.get(response.id) ?? null
    if (this.#sent.delete(response.id)) this.#send()
    return stream
  }

  #under(stream: Stream): boolean {
    if (this.#waiting.has(stream) || this.#alarms.has(alarmOf(stream))) return true
    for (const asked of this.#sent.values()) if (asked === stream) return true
    return false
  }

  #later(stream: Stream, delayMs: number, at: Micros | null): void {
    if (this.#init.adopt) return
    this.#alarms.set(alarmOf(stream), at, delayMs, () => {
      this.#waiting.add(stream)
      this.#send()
    })
  }

  #send(): void {
    while (this.#waiting.size > 0 && this.#sent.size < AT_ONCE) {
      const [stream] = [...this.#waiting].sort((a, b) => urgency(a) - urgency(b))
      if (stream === undefined) return
      this.#waiting.delete(stream)
      const id = `${stream.channel} ${stream.instrument.instrument} ${++this.#ids}`
      this.#sent.set(id, stream)
      this.#sink.request({ id, method: 'GET', url: `${this.#init.endpoint.rest}${pathOf(stream)}` })
    }
  }
}

/** The name of the alarm that ends the wait for a stream's history. */
export function historyAlarm(stream: Stream): string {
  return `history ${stream.channel} ${stream.instrument.instrument}`
}

/** What is asked for, as an event names it. */
function nameOf({ channel, instrument }: Stream): string {
  return `snapshot of ${channel} ${instrument.instrument}`
}

function urgency(stream: Stream): number {
  return URGENCY[stream.kind] ?? 2
}

function alarmOf(stream: Stream): string {
  return `fetch ${stream.channel} ${stream.instrument.instrument}`
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
