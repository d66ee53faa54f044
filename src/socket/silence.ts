import type { Clock, Timer } from '../platform.js'

const TICKS = 20

/**
 * Notices that nothing was heard for a while: between the limit and 5 % beyond it.
 *
 * It counts ticks of its own timer rather than comparing times. So the price of a heard frame is one assignment, a clock that
 * is set makes no difference, and a process that slept or was blocked is not taken for a venue that was silent: what waited
 * in the socket is read before the next tick.
 */
export class Silence {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #limit: number
  readonly #silent: () => void
  #timer: Timer | null = null
  #heard = false
  #ticks = 0

  /** @param silent called when the limit is reached, and again each time it is reached anew. */
  constructor(clock: Clock, afterMs: number, silent: () => void) {
    this.#clock = clock
    this.#tickMs = Math.ceil(afterMs / TICKS)
    this.#limit = Math.ceil(afterMs / this.#tickMs)
    this.#silent = silent
  }

  /** Counts from now on. */
  start(): void {
    this.stop()
    this.#heard = false
    this.#ticks = 0
    this.#arm()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  heard(): void {
    this.#heard = true
  }

  #arm(): void {
    this.#timer = this.#clock.after(this.#tickMs, () => {
      this.#ticks = this.#heard ? 0 : this.#ticks + 1
      this.#heard = false
      this.#arm()
      if (this.#ticks < this.#limit) return
      this.#ticks = 0
      this.#silent()
    })
  }
}
