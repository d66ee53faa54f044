import { compareDecimals } from '../decode/decimal.js'
import type { Stream } from '../session/stream.js'

/** Lower numbers in a row after which the counter itself is held to have begun anew. */
const RESTART_AFTER = 3

/**
 * The counters of streams whose every frame is complete: a frame with a lower number than one before it is old news and is
 * left out. A counter that stays lower was reset by the venue, and counts from there.
 */
export class Rising {
  readonly #streams = new Map<Stream, { last: string; lower: number }>()

  /** @param counter null where the frame has none: it is taken. */
  takes(stream: Stream, counter: string | null | undefined): boolean {
    if (counter === null || counter === undefined) return true
    const held = this.#streams.get(stream)
    if (held === undefined) {
      this.#streams.set(stream, { last: counter, lower: 0 })
      return true
    }
    if (compareDecimals(counter, held.last) < 0 && ++held.lower < RESTART_AFTER) return false
    held.last = counter
    held.lower = 0
    return true
  }

  forget(stream: Stream): void {
    this.#streams.delete(stream)
  }
}
