import type { Micros } from '../../schemas/events.js'
import { compareDecimals } from '../decode/decimal.js'
import type { Stream } from '../session/stream.js'

/** Lower numbers in a row, each at least the one before, after which the counter itself is held to have begun anew. */
const RESTART_AFTER = 3

interface Counted {
  last: string
  /** The venue's time of that frame. */
  time: Micros | null
  /** The lower numbers in a row since: how many, and the last of them. */
  lower: number
  lowerLast: string | null
}

/**
 * The counters of streams whose every frame is complete: a frame with a lower number than one before it is old news and is
 * left out. A counter that stays lower, and rises there, was reset by the venue, and counts from there; a frame whose own time is
 * earlier as well is old news however many of them come.
 */
export class Rising {
  readonly #streams = new Map<Stream, Counted>()

  /**
   * @param counter null where the frame has none: it is taken.
   * @param time the venue's own of the frame; null where it has none.
   */
  takes(stream: Stream, counter: string | null | undefined, time: Micros | null = null): boolean {
    if (counter === null || counter === undefined) return true
    const held = this.#streams.get(stream)
    if (held === undefined) {
      this.#streams.set(stream, { last: counter, time, lower: 0, lowerLast: null })
      return true
    }
    if (compareDecimals(counter, held.last) < 0 && !this.#restarts(held, counter, time)) return false
    held.last = counter
    held.time = time
    held.lower = 0
    held.lowerLast = null
    return true
  }

  forget(stream: Stream): void {
    this.#streams.delete(stream)
  }

  #restarts(held: Counted, counter: string, time: Micros | null): boolean {
    if (time !== null && held.time !== null && time < held.time) return false
    const rises = held.lowerLast !== null && compareDecimals(counter, held.lowerLast) >= 0
    held.lower = rises ? held.lower + 1 : 1
    held.lowerLast = counter
    return held.lower >= RESTART_AFTER
  }
}
