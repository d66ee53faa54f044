import type { Micros } from '../../schemas/events.js'

const SECOND = 1_000_000
const EVERY_MICROS = 5 * SECOND
/** After the first miss spot pings every second... */
const HURRIED_MICROS = SECOND
/** ...and hangs up this long after the first ping that went unanswered: 15.5 s after the connect. */
const SPOT_PATIENCE_MICROS = 10_500_000
/** The derivatives hang up this long after the fourth unanswered ping: 20.5 s after the connect. */
const DERIVATIVES_MISSES = 4
const DERIVATIVES_PATIENCE_MICROS = 500_000

/** What a heartbeat needs of its connection. */
export interface PingedConnection {
  /** The venue's clock in milliseconds. */
  ms(): number
  after(micros: number, run: () => void): void
  /** How long a fault keeps pings back; 0 where none does. */
  pausedFor(): Micros
  ping(value: number): void
  expired(): void
}

/** The heartbeat of one market socket: pings whose value must come back. */
export class PingCheck {
  readonly #market: 'spot' | 'derivatives'
  readonly #connection: PingedConnection
  #unanswered: number[] = []

  constructor(market: 'spot' | 'derivatives', connection: PingedConnection) {
    this.#market = market
    this.#connection = connection
    connection.after(EVERY_MICROS, () => this.#ping())
  }

  /** A pong counts only with the value of a ping. */
  answered(value: unknown): void {
    if (this.#unanswered.some((ping) => ping === value)) this.#unanswered = []
  }

  #ping(): void {
    const connection = this.#connection
    const paused = connection.pausedFor()
    if (paused > 0) {
      // No pings, and no blame for their lack.
      this.#unanswered = []
      connection.after(paused + EVERY_MICROS, () => this.#ping())
      return
    }
    this.#unanswered.push(connection.ms())
    connection.ping(connection.ms())
    const misses = this.#unanswered.length
    const spot = this.#market === 'spot'
    if (spot && misses === 1) this.#expireIn(SPOT_PATIENCE_MICROS, misses)
    if (!spot && misses === DERIVATIVES_MISSES) this.#expireIn(DERIVATIVES_PATIENCE_MICROS, misses)
    connection.after(spot && misses > 1 ? HURRIED_MICROS : EVERY_MICROS, () => this.#ping())
  }

  /** Gives up the client where none of the pings so far is answered by then. */
  #expireIn(micros: Micros, misses: number): void {
    const [first] = this.#unanswered
    this.#connection.after(micros, () => {
      const waiting = this.#unanswered[0] === first && this.#unanswered.length >= misses
      if (waiting && this.#connection.pausedFor() === 0) this.#connection.expired()
    })
  }
}
