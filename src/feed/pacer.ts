import type { Clock, Timer } from '../platform.js'
import { LearnedRate } from '../socket/learned-rate.js'

interface Job {
  readonly run: () => void
  readonly wanted: () => boolean
}

/** Hands out jobs no faster than a rate, first come first served: in no minute more than the rate says. */
export class Pacer {
  readonly #clock: Clock
  readonly #perMinute: number
  readonly #rate = new LearnedRate()
  #jobs: Job[] = []
  #timer: Timer | null = null
  readonly #burst: number
  /** When the next job would be due if all were evenly spaced. */
  #dueAt = Number.NEGATIVE_INFINITY
  #heldUntil = Number.NEGATIVE_INFINITY

  /**
   * @param perMinute jobs in any minute at most.
   * @param burst jobs that may go at once after a rest; the rest of the minute then pays for them. @default 1
   */
  constructor(clock: Clock, perMinute: number, burst = 1) {
    this.#clock = clock
    this.#perMinute = perMinute
    this.#burst = burst
  }

  /** @param wanted asked when the job's turn comes: one that nobody waits for any more costs nothing. @default always */
  add(run: () => void, wanted: () => boolean = () => true): void {
    this.#jobs.push({ run, wanted })
    this.#arm()
  }

  /** Jobs that wait. */
  get size(): number {
    return this.#jobs.length
  }

  /** A job was granted what it asked for. */
  accepted(): void {
    this.#rate.accepted(this.#clock.monotonic())
  }

  /** A job was refused as one too many: the rate is lower than was held. */
  refused(): void {
    this.#rate.refused(this.#clock.monotonic())
  }

  /** No job before this has passed. */
  hold(forMs: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#clock.monotonic() + forMs * 1000)
    this.#timer?.cancel()
    this.#timer = null
    this.#arm()
  }

  /** Forgets what waits; the rate already used stays used. */
  clear(): void {
    this.#jobs = []
    this.#timer?.cancel()
    this.#timer = null
  }

  #arm(): void {
    if (this.#timer !== null || this.#jobs.length === 0) return
    const { interval, burst } = this.#pace()
    const allowedAt = Math.max(this.#heldUntil, this.#dueAt - (burst - 1) * interval)
    const waitMs = Math.max(0, (allowedAt - this.#clock.monotonic()) / 1000)
    this.#timer = this.#clock.after(waitMs, () => {
      this.#timer = null
      this.#runNext()
      this.#arm()
    })
  }

  #runNext(): void {
    let job = this.#jobs.shift()
    while (job !== undefined && !job.wanted()) job = this.#jobs.shift()
    if (job === undefined) return
    const now = this.#clock.monotonic()
    this.#dueAt = Math.max(this.#dueAt, now) + this.#pace().interval
    this.#rate.granted(now)
    job.run()
  }

  /** A burst of b and one every r-th of a minute after it are b - 1 + r in a minute. Microseconds. */
  #pace(): { readonly interval: number; readonly burst: number } {
    const perMinute = Math.min(this.#perMinute, this.#rate.perMinute(this.#clock.monotonic()))
    const burst = Math.max(1, Math.min(this.#burst, Math.floor(perMinute / 4)))
    return { interval: 60_000_000 / (perMinute - burst + 1), burst }
  }
}
