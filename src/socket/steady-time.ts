import type { Micros } from '../../schemas/events.js'

/** What lies further back belongs to no deadline any more: the bound of what a clock that is set all day costs. */
const SPANS_KEPT = 64
/** A clock that is led by less between two looks at it was not set: it drifts, as all do. */
const DRIFT: Micros = 10_000

/** A stretch of time in which the clock went evenly. */
interface Span {
  /** What the clock showed at its beginning. */
  readonly from: Micros
  /** The same moment, in time that passed. */
  readonly steady: Micros
  /** How much the clock goes on in a second that passes. */
  readonly pace: number
}

/**
 * How much time passed between two moments of a clock that is set now and then: an hour by which it leapt is none, and a
 * second in which it was held back is a whole one. It begins as the time of day and parts from it where the clock is set.
 */
export class SteadyTime {
  readonly #spans: [Span, ...Span[]]

  constructor(start: Micros) {
    this.#spans = [{ from: start, steady: start, pace: 1 }]
  }

  /**
   * The clock shows `now` after so much time has passed since it showed `before`, and goes on at a pace. Nobody was told a
   * moment between the two, but such as went on from `before` at the pace of that time.
   */
  passed(before: Micros, now: Micros, passed: Micros, pace = 1): void {
    const steady = this.#exactly(before) + passed
    const { pace: held } = this.#spans.at(-1) ?? this.#spans[0]
    if (pace === held && Math.abs(steady - this.#exactly(now)) <= DRIFT) return
    this.#spans.push({ from: now, steady, pace })
    if (this.#spans.length > SPANS_KEPT) this.#spans.shift()
  }

  /** A moment that the clock showed, or will show, in time that passed. */
  at(moment: Micros): Micros {
    return Math.round(this.#exactly(moment))
  }

  #exactly(moment: Micros): Micros {
    let next: Span | null = null
    for (let index = this.#spans.length - 1; index > 0; index--) {
      const span = this.#spans[index]
      if (span === undefined) break
      if (span.from <= moment) return on(span, moment, next)
      next = span
    }
    return on(this.#spans[0], moment, next)
  }
}

/** What the clock never showed lies at the moment at which it was set. */
function on({ from, steady, pace }: Span, moment: Micros, next: Span | null): Micros {
  const reached = steady + (moment - from) / pace
  return next === null ? reached : Math.min(reached, next.steady)
}
