import type { Micros } from '../../schemas/events.js'
import type { SessionKit } from '../session/session.js'
import { type Stream, streamName } from '../session/stream.js'
import type { ImageRequests } from './image-requests.js'

/** A message that the venue's answer has may still be on its way for this long. */
const ON_ITS_WAY_MS = 5_000

/** How long a stream may be silent before it is compared with what the venue itself says. Milliseconds. */
export interface AuditTimes {
  /** The first time: a subscription that brings nothing mostly never brought anything. */
  readonly firstMs: number
  /** After a message. */
  readonly silentMs: number
  /** While the silence lasts the time is doubled, up to this. */
  readonly longestMs: number
}

/**
 * A stream that is quiet and one that is dead look the same: what is silent is compared with the venue's own answer over HTTP. The
 * comparison is the caller's, who gets the answer; this sees to it that it is asked for.
 */
export class Audits {
  readonly #kit: SessionKit
  readonly #images: ImageRequests
  readonly #times: AuditTimes
  readonly #comparable: (stream: Stream) => boolean

  /** @param comparable whether a stream stands where it can be compared. */
  constructor(
    kit: SessionKit,
    images: ImageRequests,
    times: AuditTimes,
    comparable: (stream: Stream) => boolean,
  ) {
    this.#kit = kit
    this.#images = images
    this.#times = times
    this.#comparable = comparable
  }

  /** The stream goes on from here, after a grant or an image. */
  begin(stream: Stream, at: Micros | null): void {
    this.#watch(stream, at, this.#times.firstMs)
  }

  leave(stream: Stream): void {
    this.#kit.alarms.clear(alarmOf(stream))
  }

  /**
   * The venue's answer has more than came: what is missing may be on its way.
   *
   * @param mark is another after something came.
   * @param dead called where nothing came in time.
   */
  behind(stream: Stream, at: Micros | null, mark: () => unknown, dead: (now: Micros) => void): void {
    if (this.#kit.init.adopt) return
    const before = mark()
    this.#kit.alarms.set(alarmOf(stream), at, ON_ITS_WAY_MS, (now) => {
      if (mark() === before) dead(now)
      else this.#watch(stream, now, this.#times.silentMs)
    })
  }

  /** One alarm a stream, moved only when it goes off: messages are many. */
  #watch(stream: Stream, from: Micros | null, waitMs: number): void {
    const { init, alarms } = this.#kit
    if (init.adopt || from === null) return
    const { silentMs, longestMs } = this.#times
    alarms.set(alarmOf(stream), from, waitMs, (now) => {
      const heard = Math.max(from, stream.record.lastData ?? from)
      const isQuiet = alarms.elapsedMs(heard, now) >= waitMs
      if (isQuiet && this.#comparable(stream)) this.#images.ask(stream, 0, now)
      if (isQuiet) this.#watch(stream, now, Math.min(longestMs, Math.max(silentMs, waitMs * 2)))
      else this.#watch(stream, heard, silentMs)
    })
  }
}

function alarmOf(stream: Stream): string {
  return `audit ${streamName(stream)}`
}
