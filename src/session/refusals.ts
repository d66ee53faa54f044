import type { Micros } from '../../schemas/events.js'
import type { SessionInit } from '../connector.js'
import type { StreamEvents } from './stream-events.js'

/** The wait after a first refusal, where nothing better is known; doubled with each that follows. */
const FIRST_WAIT_MS = 30_000
const LONGEST_WAIT_MS = 600_000

/** A request that the venue refused, and how often. */
export interface Refusal {
  /** @default 'refused' */
  readonly state?: 'refused' | 'maintenance'
  /** The wait after the first refusal. @default 30_000 */
  readonly firstMs?: number
}

/**
 * Requests of one connection that the venue refuses and that are made again all the same: each cause is said once, as a `connection`
 * event, and the waits between the tries grow to ten minutes. A request has a budget of its own, so that one that is refused for
 * good takes nothing from the others.
 */
export class Refusals {
  readonly #init: SessionInit
  readonly #events: StreamEvents
  /** By what was asked for. Bounded by the requests that this side makes. */
  readonly #held = new Map<string, { readonly cause: string; readonly count: number }>()

  constructor(init: SessionInit, events: StreamEvents) {
    this.#init = init
    this.#events = events
  }

  /**
   * A request was refused.
   *
   * @param what the request, in words that are the same each time it is made.
   * @returns how long to wait before the next try. Milliseconds.
   */
  refused(
    what: string,
    reason: string,
    at: Micros | null,
    { state = 'refused', firstMs }: Refusal = {},
  ): number {
    // Times and counters in it do not make it another one.
    const cause = reason.slice(0, 200).replace(/\d+/g, '0')
    const held = this.#held.get(what)
    if (held?.cause !== cause) this.#events.connection(state, `${what}: ${reason}`, at)
    const count = held?.count ?? 0
    if (!this.#init.adopt) this.#held.set(what, { cause, count: count + 1 })
    return Math.min(LONGEST_WAIT_MS, (firstMs ?? FIRST_WAIT_MS) * 2 ** Math.min(count, 20))
  }

  /** The request was granted, or nobody makes it any more: the next refusal is news again. */
  forget(what: string): void {
    this.#held.delete(what)
  }
}
