import type { Micros } from '../schemas/events.js'

/** Stretches that are kept apart; beyond it the oldest is summed up, so that memory does not grow with the tape. */
const STRETCHES = 256

/** How much of a span is missing: a union of stretches of time, so that what two gaps share counts once. */
export class MissingTime {
  /** Disjoint and in order. */
  readonly #stretches: { from: Micros; to: Micros }[] = []
  #summedUp = 0
  /** Time before this is summed up and takes no more. */
  #settled: Micros = Number.NEGATIVE_INFINITY

  add(from: Micros, to: Micros): void {
    let start = Math.max(from, this.#settled)
    let end = to
    if (end <= start) return
    let at = this.#stretches.length
    for (; at > 0; at--) {
      const held = this.#stretches[at - 1]
      if (held === undefined || held.to < start) break
      if (held.from > end) continue
      start = Math.min(start, held.from)
      end = Math.max(end, held.to)
      this.#stretches.splice(at - 1, 1)
    }
    this.#stretches.splice(at, 0, { from: start, to: end })
    if (this.#stretches.length <= STRETCHES) return
    const oldest = this.#stretches.shift()
    if (oldest === undefined) return
    this.#settled = oldest.to
    this.#summedUp += oldest.to - oldest.from
  }

  /** What is missing between two moments. What was summed up counts in full. */
  within(from: Micros, to: Micros): Micros {
    return this.#stretches.reduce(
      (sum, stretch) => sum + Math.max(0, Math.min(stretch.to, to) - Math.max(stretch.from, from)),
      this.#summedUp,
    )
  }
}
