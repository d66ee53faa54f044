import type { Micros } from '../../schemas/events.js'

/** So many in a window of time. */
export interface Limit {
  /** Takes one, or as many as it costs. @returns false where the limit is reached */
  take(at: Micros, cost?: number): boolean
  /** How many are left. */
  remaining(at: Micros): number
}

/** Windows that begin with the clock, as calendar minutes do. */
export class CalendarLimit implements Limit {
  readonly #most: number
  readonly #window: Micros
  #current = 0
  #taken = 0

  constructor(most: number, window: Micros) {
    this.#most = most
    this.#window = window
  }

  take(at: Micros, cost = 1): boolean {
    this.#roll(at)
    this.#taken += cost
    return this.#taken <= this.#most
  }

  remaining(at: Micros): number {
    this.#roll(at)
    return Math.max(0, this.#most - this.#taken)
  }

  #roll(at: Micros): void {
    const window = Math.floor(at / this.#window)
    if (window === this.#current) return
    this.#current = window
    this.#taken = 0
  }
}

/** Any span of so long holds so many at most. */
export class RollingLimit implements Limit {
  readonly #most: number
  readonly #window: Micros
  #taken: Micros[] = []

  constructor(most: number, window: Micros) {
    this.#most = most
    this.#window = window
  }

  take(at: Micros): boolean {
    if (this.remaining(at) === 0) return false
    this.#taken.push(at)
    return true
  }

  remaining(at: Micros): number {
    this.#taken = this.#taken.filter((taken) => taken > at - this.#window)
    return this.#most - this.#taken.length
  }

  /** Seconds until one may be taken again. */
  retryAfter(at: Micros): number {
    return Math.ceil(((this.#taken[0] ?? at) + this.#window - at) / 1_000_000)
  }
}

/** A burst of so many, and one back every so often. */
export class BurstLimit implements Limit {
  readonly #most: number
  readonly #every: Micros
  #left: number
  #at: Micros | null = null

  constructor(most: number, every: Micros) {
    this.#most = most
    this.#every = every
    this.#left = most
  }

  take(at: Micros): boolean {
    if (this.remaining(at) < 1) return false
    this.#left--
    return true
  }

  remaining(at: Micros): number {
    const passed = this.#at === null ? 0 : (at - this.#at) / this.#every
    this.#at = at
    this.#left = Math.min(this.#most, this.#left + passed)
    return Math.floor(this.#left)
  }
}
