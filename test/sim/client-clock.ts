import type { Micros } from '../../schemas/events.js'

/** Turns times of the client's clock, which was stepped now and then, into true time. */
export class ClientClock {
  /** Client times from `from` on are `offset` ahead of the truth. */
  readonly #steps: { readonly from: Micros; readonly offset: number }[] = []

  /** The clock was set ahead: by `offset` in all, at a true moment. */
  stepped(at: Micros, offset: number): void {
    this.#steps.push({ from: at + offset, offset })
  }

  /** A time that the clock leapt over is the moment of the leap. */
  trueTime(client: Micros): Micros {
    let offset = 0
    let leap = Number.POSITIVE_INFINITY
    for (const step of this.#steps) {
      if (client >= step.from) offset = step.offset
      else leap = Math.min(leap, step.from - step.offset)
    }
    return Math.min(client - offset, leap)
  }
}
