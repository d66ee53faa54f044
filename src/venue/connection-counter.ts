import type { Micros } from '../../schemas/events.js'
import type { SessionKit } from '../session/session.js'
import type { OrderRule } from './spec.js'

/**
 * The number that counts the frames of one connection. What it leaves out may belong to any stream: each has a gap, and the
 * connection is replaced.
 */
export class ConnectionCounter {
  readonly #kit: SessionKit
  readonly #by: string
  #last: number | null

  /**
   * @param order the venue's declaration, of scope `connection`
   * @param first the number of the first frame of a connection; in a log any number may be the first
   */
  constructor(kit: SessionKit, { by }: OrderRule, first: number) {
    this.#kit = kit
    this.#by = by
    this.#last = kit.init.adopt ? null : first - 1
  }

  /** The number of the last frame; null before any. */
  get last(): number | null {
    return this.#last
  }

  take(number: number, at: Micros | null): void {
    const expected = this.#last === null ? number : this.#last + 1
    this.#last = number
    if (number === expected) return
    const { streams, sink, init } = this.#kit
    const detail = `expected ${this.#by} ${expected}, got ${number}`
    streams.gapAll('sequence', detail, at)
    if (!init.adopt) sink.reconnect(detail)
  }
}
