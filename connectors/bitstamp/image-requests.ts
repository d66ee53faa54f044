import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../../src/connector.js'
import type { SessionKit } from '../../src/session/session.js'
import { type Stream, streamName } from '../../src/session/stream.js'

/** Tries are this far apart at first, and twice as far each time up to the second figure. */
const RETRY_MS = 1_000
const RETRY_CAP_MS = 30_000
const THROTTLED_MS = 60_000
/** Failures in a row that may pass are said from this one on. */
const TRIES_UNSAID = 3

/** How the venue refuses who asks too often. */
export const THROTTLED = /"400\.(?:002|067|068)"/

/** The books over REST: asked for after a while, and again where there was none. At most one a stream is under way. */
export class ImageRequests {
  readonly #kit: SessionKit
  readonly #path: (instrument: string) => string
  /** By request id; null where the stream no longer wants the answer. */
  readonly #sent = new Map<string, Stream | null>()
  readonly #tries = new WeakMap<Stream, number>()
  #ids = 0

  constructor(kit: SessionKit, path: (instrument: string) => string) {
    this.#kit = kit
    this.#path = path
  }

  ask(stream: Stream, afterMs: number, at: Micros | null): void {
    if (this.#kit.alarms.has(alarmOf(stream)) || [...this.#sent.values()].includes(stream)) return
    this.#tries.delete(stream)
    this.#later(stream, afterMs, at)
  }

  /** The answer did not fit, or made no sense. */
  retry(stream: Stream, at: Micros | null): void {
    this.#later(stream, this.#nextWaitMs(stream), at)
  }

  /** There was no answer, or a refusal. */
  failed(stream: Stream, { status, body }: HttpResponse, at: Micros | null): void {
    const waitMs = this.#nextWaitMs(stream)
    const reason = status === 0 ? body : `HTTP ${status}`
    const what = `image of ${streamName(stream)}`
    if ((this.#tries.get(stream) ?? 0) >= TRIES_UNSAID) this.#kit.streams.refusals.refused(what, reason, at)
    this.#later(stream, status === 429 || THROTTLED.test(body) ? THROTTLED_MS : waitMs, at)
  }

  cancel(stream: Stream): void {
    this.#kit.alarms.clear(alarmOf(stream))
    for (const [id, asked] of this.#sent) if (asked === stream) this.#sent.set(id, null)
  }

  /** The stream that an answer is for; null where it wants none any more; undefined where it is for none of these. */
  answered({ id }: HttpResponse): Stream | null | undefined {
    const stream = this.#sent.get(id)
    this.#sent.delete(id)
    return stream
  }

  #nextWaitMs(stream: Stream): number {
    const tries = this.#tries.get(stream) ?? 0
    this.#tries.set(stream, tries + 1)
    return Math.min(RETRY_CAP_MS, RETRY_MS * 2 ** Math.min(tries, 20))
  }

  #later(stream: Stream, delayMs: number, at: Micros | null): void {
    const { init, sink, alarms } = this.#kit
    if (init.adopt) return
    alarms.set(alarmOf(stream), at, delayMs, () => {
      const { instrument } = stream.instrument
      const id = `image ${stream.channel} ${instrument} ${++this.#ids}`
      this.#sent.set(id, stream)
      sink.request({ id, method: 'GET', url: `${init.endpoint.rest}${this.#path(instrument)}` })
    })
  }
}

function alarmOf(stream: Stream): string {
  return `image ${streamName(stream)}`
}
