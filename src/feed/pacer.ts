import type { Clock, Timer } from '../platform.js'

/** Hands out jobs no faster than a rate, first come first served. */
export class Pacer {
  readonly #clock: Clock
  readonly #intervalMs: number
  #jobs: (() => void)[] = []
  #timer: Timer | null = null
  readonly #burst: number
  /** When the next job would be due if all were evenly spaced. */
  #dueAt = Number.NEGATIVE_INFINITY

  /**
   * @param perMinute jobs a minute in the long run.
   * @param burst jobs that may go at once after a rest; the rest of the minute then pays for them. @default 1
   */
  constructor(clock: Clock, perMinute: number, burst = 1) {
    this.#clock = clock
    this.#intervalMs = 60_000 / perMinute
    this.#burst = burst
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
    const interval = this.#intervalMs * 1000
    const allowedAt = this.#dueAt - (this.#burst - 1) * interval
    const waitMs = Math.max(0, (allowedAt - this.#clock.monotonic()) / 1000)
    this.#timer = this.#clock.after(waitMs, () => {
      this.#timer = null
      this.#dueAt = Math.max(this.#dueAt, this.#clock.monotonic()) + interval
      this.#jobs.shift()?.()
      this.#arm()
    })
  }
}
