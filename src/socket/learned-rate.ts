import type { Micros } from '../../schemas/events.js'

const MINUTE_MICROS = 60_000_000

/** Of what a host took: its minutes begin where they please, and the network shifts what is sent evenly. */
const MARGIN = 0.9

/**
 * How often a host really lets itself be asked, learned from its refusals: when it says that one was too many, what it took
 * in that minute is its limit, less a tenth. A host that refuses everything teaches nothing: it may hold something older against us.
 *
 * Times are those of the monotonic clock, microseconds.
 */
export class LearnedRate {
  #granted: Micros[] = []
  #refused: Micros[] = []
  #acceptedAt: Micros | null = null
  #perMinute = Number.POSITIVE_INFINITY

  /** Infinity until something was learned. Only ever lower. */
  get perMinute(): number {
    return this.#perMinute
  }

  /** One goes out. */
  granted(now: Micros): void {
    this.#granted = recent(this.#granted, now)
    this.#granted.push(now)
  }

  /** The host took one. */
  accepted(now: Micros): void {
    this.#acceptedAt = now
  }

  /** The host refused one as one too many. What is still under way is held to be taken. */
  refused(now: Micros): void {
    this.#refused = recent(this.#refused, now)
    this.#refused.push(now)
    if (this.#acceptedAt === null || this.#acceptedAt <= now - MINUTE_MICROS) return
    const taken = recent(this.#granted, now).length - this.#refused.length
    if (taken > 0) this.lower(Math.max(1, Math.floor(taken * MARGIN)))
  }

  /** The host said its limit. */
  lower(perMinute: number): void {
    if (perMinute > 0 && perMinute < this.#perMinute) this.#perMinute = perMinute
  }
}

function recent(times: readonly Micros[], now: Micros): Micros[] {
  return times.filter((time) => time > now - MINUTE_MICROS)
}
