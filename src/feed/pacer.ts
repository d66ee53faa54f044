import type { Clock, Timer } from '../platform.js'

/** Hands out jobs no faster than a rate, first come first served. */
export class Pacer {
  readonly #clock: Clock
  readonly #intervalMs: number
  #jobs: (() => void)[] = []
  #timer: Timer | null = null
  #nextAt = Number.NEGATIVE_INFINITY

  /** @param perMinute jobs a minute, evenly spaced. */
  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock
    this.#intervalMs = 60_000 / perMinute
  }

  add(job: () => void): void {
    this.#jobs.push(job)
    this.#arm()
  }

  /** Jobs that wait. */
  get size(): number {
    return this.#jobs.length
  }

  /** Forgets what waits; the rate already used stays used. */
  clear(): void {
    this.#jobs = []
    this.#timer?.cancel()
    this.#timer = null
  }

  #arm(): void {
    if (this.#timer !== null || this.#jobs.length === 0) return
    const waitMs = Math.max(0, (this.#nextAt - this.#clock.monotonic()) / 1000)
    this.#timer = this.#clock.after(waitMs, () => {
      this.#timer = null
      this.#nextAt = this.#clock.monotonic() + this.#intervalMs * 1000
      this.#jobs.shift()?.()
      this.#arm()
    })
  }
}
