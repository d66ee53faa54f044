import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../connector.js'
import type { SessionKit } from '../session/session.js'
import { type Stream, streamName } from '../session/stream.js'

/** Tries are this far apart at first, and twice as far each time up to the second figure. */
const RETRY_MS = 1_000
const RETRY_CAP_MS = 30_000
const THROTTLED_MS = 60_000
/** Failures in a row that may pass are said from this one on. */
const TRIES_UNSAID = 3

/** How a venue's images are asked for over HTTP. */
export interface ImageRules {
  /** Of the URL, behind the endpoint's `rest`: `/v3/markets/BTC-USD/orderbook?depth=500`. */
  path(stream: Stream): string
  /** Requests on their way at a time. Few, so that those of a dead connection do not block the next one's. @default all */
  readonly atOnce?: number
  /** Of two that wait the lower goes first. @default all alike, in the order in which they were asked for */
  urgency?(stream: Stream): number
  /** Whether an answer means "you ask too often": the next try then waits `throttledMs`. @default status 429 */
  throttled?(response: HttpResponse): boolean
  /** Milliseconds. @default 60_000 */
  readonly throttledMs?: number
  /** Whether an answer refuses what will hardly be granted later: it is asked for more and more seldom. @default never */
  forGood?(response: HttpResponse): boolean
}

/**
 * The answers over HTTP that begin a stream or bring it up to date: asked for after a while, and again where there was none. At
 * most one a stream is under way. In a recording nothing is asked for.
 */
export class ImageRequests {
  readonly #kit: SessionKit
  readonly #rules: ImageRules
  /** Whose time has come, while as many as may be are on their way. */
  readonly #waiting = new Set<Stream>()
  /** By request id; null where the stream no longer wants the answer. */
  readonly #sent = new Map<string, Stream | null>()
  readonly #tries = new WeakMap<Stream, number>()
  #ids = 0

  constructor(kit: SessionKit, rules: ImageRules) {
    this.#kit = kit
    this.#rules = rules
  }

  /** Asks after a while, unless that is under way. */
  ask(stream: Stream, afterMs: number, at: Micros | null): void {
    if (this.#isUnderWay(stream)) return
    this.#tries.delete(stream)
    this.#later(stream, afterMs, at)
  }

  /** Asks again: the answer did not fit, or made no sense. */
  retry(stream: Stream, at: Micros | null): void {
    this.#later(stream, this.#nextWaitMs(stream), at)
  }

  /** Asks again: there was no answer, or a refusal. */
  failed(stream: Stream, response: HttpResponse, at: Micros | null): void {
    const { throttled = isTooMany, throttledMs = THROTTLED_MS, forGood } = this.#rules
    const { streams } = this.#kit
    const reason = response.status === 0 ? response.body : `HTTP ${response.status}`
    if (forGood?.(response) === true) {
      streams.excuse(stream)
      this.#later(stream, streams.refusals.refused(nameOf(stream), reason, at), at)
      return
    }
    const waitMs = this.#nextWaitMs(stream)
    if ((this.#tries.get(stream) ?? 0) >= TRIES_UNSAID) streams.refusals.refused(nameOf(stream), reason, at)
    this.#later(stream, throttled(response) ? throttledMs : waitMs, at)
  }

  /** The venue answered with what was asked for: its next refusal is news again. */
  granted(stream: Stream): void {
    this.#kit.streams.refusals.forget(nameOf(stream))
  }

  /** The stream wants no answer any more. */
  cancel(stream: Stream): void {
    this.#waiting.delete(stream)
    this.#kit.alarms.clear(alarmOf(stream))
    for (const [id, asked] of this.#sent) if (asked === stream) this.#sent.set(id, null)
  }

  /** The stream that an answer is for; null where it wants none any more; undefined where it is for none of these. */
  answered({ id }: HttpResponse): Stream | null | undefined {
    const stream = this.#sent.get(id)
    if (this.#sent.delete(id)) this.#send()
    return stream
  }

  #isUnderWay(stream: Stream): boolean {
    if (this.#waiting.has(stream) || this.#kit.alarms.has(alarmOf(stream))) return true
    for (const asked of this.#sent.values()) if (asked === stream) return true
    return false
  }

  #nextWaitMs(stream: Stream): number {
    const tries = this.#tries.get(stream) ?? 0
    this.#tries.set(stream, tries + 1)
    return Math.min(RETRY_CAP_MS, RETRY_MS * 2 ** Math.min(tries, 20))
  }

  #later(stream: Stream, delayMs: number, at: Micros | null): void {
    if (this.#kit.init.adopt) return
    this.#kit.alarms.set(alarmOf(stream), at, delayMs, () => {
      this.#waiting.add(stream)
      this.#send()
    })
  }

  #send(): void {
    const { init, sink } = this.#kit
    const { atOnce = Number.POSITIVE_INFINITY, path } = this.#rules
    while (this.#waiting.size > 0 && this.#sent.size < atOnce) {
      const stream = this.#mostUrgent()
      if (stream === undefined) return
      this.#waiting.delete(stream)
      const id = `image ${stream.channel} ${stream.instrument.instrument} ${++this.#ids}`
      this.#sent.set(id, stream)
      sink.request({ id, method: 'GET', url: `${init.endpoint.rest}${path(stream)}` })
    }
  }

  #mostUrgent(): Stream | undefined {
    const { urgency } = this.#rules
    const waiting = [...this.#waiting]
    if (urgency !== undefined) waiting.sort((a, b) => urgency(a) - urgency(b))
    return waiting[0]
  }
}

function isTooMany({ status }: HttpResponse): boolean {
  return status === 429
}

/** What is asked for, as an event names it. */
function nameOf(stream: Stream): string {
  return `image of ${streamName(stream)}`
}

function alarmOf(stream: Stream): string {
  return `image ${streamName(stream)}`
}
