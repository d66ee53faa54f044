import type { Micros } from '../../schemas/events.js'
import type { SessionKit, Stream } from '../../src/session/index.js'

/** The numbers of a topic that tells of all markets at once: a message left out may have told of any of them. */
export class AllMarkets {
  readonly #streams: SessionKit['streams']
  readonly #carries: (stream: Stream) => boolean
  #last: number | null = null

  /** @param carries which streams the topic brings. */
  constructor({ streams }: SessionKit, carries: (stream: Stream) => boolean) {
    this.#streams = streams
    this.#carries = carries
  }

  /** Places a message: where one is missing before it, every stream of the topic has a gap. @returns false for a repeat. */
  take(sequence: number, at: Micros | null): boolean {
    const last = this.#last
    if (sequence === last) return false
    this.#last = sequence
    if (last !== null && sequence !== last + 1) {
      const detail = `expected sequence ${last + 1}, got ${sequence}`
      for (const stream of this.#streams.values()) {
        if (stream.state !== 'live' || !this.#carries(stream)) continue
        this.#streams.gap(stream, 'sequence', detail, at)
      }
    }
    return true
  }
}
