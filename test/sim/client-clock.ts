import type { Micros } from '../../schemas/events.js'

/** Of a clock that was set back, until it is right. */
const SLOW = 0.9

interface Span {
  /** What the clock showed at its beginning, and when that was. */
  readonly from: Micros
  readonly at: Micros
  readonly pace: number
}

/** Turns times of the client's clock, which was stepped now and then, into true time. */
export class ClientClock {
  /** The last may lie ahead: then a clock that goes slower will be right again. */
  #spans: Span[] = []
  #offset = 0

  /** The clock was set, at a true moment: ahead, or back where `by` is less than 0. */
  stepped(at: Micros, by: Micros): void {
    const shown = this.#shown(at)
    this.#offset += by
    this.#spans = this.#spans.filter((span) => span.at <= at)
    const right = at + this.#offset
    if (right >= shown) this.#spans.push({ from: right, at, pace: 1 })
    else {
      const rightAt = at + (shown - right) / (1 - SLOW)
      this.#spans.push(
        { from: shown, at, pace: SLOW },
        { from: rightAt + this.#offset, at: rightAt, pace: 1 },
      )
    }
  }

  /** A time that the clock leapt over is the moment of the leap. */
  trueTime(client: Micros): Micros {
    let next = Number.POSITIVE_INFINITY
    for (const { from, at, pace } of this.#spans.toReversed()) {
      if (client >= from) return Math.min(Math.round(at + (client - from) / pace), next)
      next = at
    }
    return Math.min(client, next)
  }

  #shown(at: Micros): Micros {
    const span = this.#spans.findLast((candidate) => candidate.at <= at)
    return span === undefined ? at : Math.floor(span.from + (at - span.at) * span.pace)
  }
}
