import type { Micros } from '../../schemas/events.js'
import type { SessionKit, Stream } from '../../src/session/index.js'
import { Numbering } from './join.js'

/** The numbers of a topic that tells of all markets at once: a message left out may have told of any of them. */
export class AllMarkets {
  readonly #streams: SessionKit['streams']
  readonly #carries: (stream: Stream) => boolean
  readonly #numbers = new Numbering()

  /** @param carries which streams the topic brings. */
  constructor({ streams }: SessionKit, carries: (stream: Stream) => boolean) {
    this.#streams = streams
    this.#carries = carries
  }

  /** Places a message: where one is missing before it, every stream of the topic has a gap. @returns false for a repeat. */
  take(sequence: number, at: Micros | null): boolean {
    const { last } = this.#numbers
    const place = this.#numbers.take(sequence)
    if (place === 'break') {
      const detail = `number ${sequence} came after ${last}`
      for (const stream of this.#streams.values()) {
        if (stream.state !== 'live' || !this.#carries(stream)) continue
        this.#streams.gap(stream, 'sequence', detail, at)
      }
    }
    return place !== 'repeat'
  }
}
