import type { Micros } from '../../schemas/events.js'

const MINUTE_MICROS = 60_000_000

/** Of what a host took: its minutes begin where they please, and the network shifts what is sent evenly. */
const MARGIN = 0.9

/** A host that refuses after fewer has another reason, which Retry-After speaks of. */
const LEAST = 6

/** A refusal may have been of the moment: a limit that nothing confirmed for so long is doubled, and so on. */
const DOUBLES_AFTER = 15 * MINUTE_MICROS

/**
 * How often a host really lets itself be asked, learned from its refusals: when it says that one was too many, what it took
 * in that minute is its limit, less a tenth. A host that refuses everything teaches nothing: it may hold something older against us.
 * What was learned wears off, a quarter of an hour at a time: a feed that runs for months is not slowed by one bad minute.
 *
 * Times are those of the monotonic clock, microseconds.
 */
export class LearnedRate {
  #granted: Micros[] = []
  #refused: Micros[] = []
  #acceptedAt: Micros | null = null
  #perMinute = Number.POSITIVE_INFINITY
  #learnedAt: Micros = 0

  /** Infinity until something was learned. */
  perMinute(now: Micros): number {
    return this.#perMinute * 2 ** Math.floor((now - this.#learnedAt) / DOUBLES_AFTER)
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
    if (taken >= LEAST) this.lower(Math.floor(taken * MARGIN), now)
  }

  /** The host said its limit. */
  lower(perMinute: number, now: Micros): void {
    if (perMinute <= 0) return
    this.#perMinute = Math.min(this.perMinute(now), perMinute)
    this.#learnedAt = now
  }
}

function recent(times: readonly Micros[], now: Micros): Micros[] {
  return times.filter((time) => time > now - MINUTE_MICROS)
}
