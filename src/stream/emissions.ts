import type { Micros } from '../../schemas/events.js'

/** Where an event stands among all that a feed, or the reading of a frame log, emits, and when it was emitted. */
export interface Emission {
  /** 1, 2, 3 … over all venues and streams, `connection` and `malformed` included. */
  readonly offset: number
  /** Microseconds; never goes back. Null where a log has no clock. */
  readonly emitted: Micros | null
}

/** The place of an event in one feed: what a reader, a sink or a tape goes on from. */
export interface Cursor extends Emission {
  /** The name of the feed. */
  readonly epoch: string
}

/**
 * Counts what a feed emits. The moment of emission is the latest that the feed has reached: the receive time of the frame that is
 * worked on, or that of an alarm. What was kept back until then was received before.
 */
export class Emissions implements Emission {
  #offset = 0
  #emitted: Micros | null = null

  /** Of the last event; 0 before the first. */
  get offset(): number {
    return this.#offset
  }

  get emitted(): Micros | null {
    return this.#emitted
  }

  /** Whatever is emitted from now on is emitted no sooner than this. */
  reach(at: Micros | null): void {
    if (at !== null && (this.#emitted === null || at > this.#emitted)) this.#emitted = at
  }

  /** One more event is emitted. */
  count(receiveTime: Micros | null): void {
    this.#offset++
    this.reach(receiveTime)
  }
}
