import type { Micros } from '../../schemas/events.js'
import type { Connector } from '../connector.js'
import type { OpenRecord } from './frame-record.js'

/**
 * How long a recorded connection may be silent while it lives, microseconds; null where the log cannot prove that it should have
 * spoken.
 *
 * A log that has the opening of a connection has every frame of it. One without may be a selection without the venue's signs of
 * life, as Tardis' files are, which mark what was cut instead. A venue that speaks by itself speaks in everybody's log. One that
 * answers pings of the client does so where the client pinged, as tapewire's own sockets do: their log names the venue. Where the
 * ping is one of the protocol its answer is no frame, and not in the log.
 */
export function silenceLimit({ liveness, channels }: Connector, opened: OpenRecord): Micros | null {
  const { ping, silentAfterMs } = liveness
  const speaks = ping === null || channels.every(({ cadenceMs }) => cadenceMs !== null)
  const answers = opened.venue !== undefined && ping?.frame != null
  return speaks || answers ? silentAfterMs * 1000 : null
}

/** The watchdog of a live connection notices a silence so much beyond its limit at the latest. */
const SLACK = 1.05

/** Notices that a recorded connection was silent for longer than it may be. */
export class LogSilence {
  readonly #limit: Micros
  #last: Micros
  #noticed = false

  constructor(limit: Micros, opened: Micros) {
    this.#limit = limit
    this.#last = opened
  }

  /** A frame of the venue came. */
  received(at: Micros): void {
    this.#last = at
    this.#noticed = false
  }

  /** The moment at which the silence is too long; null where that was noticed. */
  get due(): Micros | null {
    return this.#noticed ? null : this.#last + Math.floor(this.#limit * SLACK) + 1
  }

  /** @returns what is said of it */
  notice(): string {
    this.#noticed = true
    return `the log has nothing of the connection for ${this.#limit / 1000} ms and more`
  }
}
