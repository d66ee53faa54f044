import type { Micros } from '../../schemas/events.js'
import type { Scene } from './scene.js'

const EVERY_MICROS = 5_000_000
/** After the first miss spot pings every second... */
const HURRIED_MICROS = 1_000_000
/** ...and hangs up this long after the first ping that went unanswered: 15.5 s after the connect. */
const SPOT_PATIENCE_MICROS = 10_500_000
/** The derivatives hang up this long after the fourth unanswered ping: 20.5 s after the connect. */
const DERIVATIVES_MISSES = 4
const DERIVATIVES_PATIENCE_MICROS = 500_000

/** The heartbeat of one market socket: pings whose value must come back. */
export class PingCheck {
  readonly #market: 'spot' | 'derivatives'
  readonly #scene: Scene
  #next: Micros
  #unanswered: { readonly value: number; readonly at: Micros }[] = []

  constructor(market: 'spot' | 'derivatives', scene: Scene, at: Micros) {
    this.#market = market
    this.#scene = scene
    this.#next = at + EVERY_MICROS
  }

  /** The value of a ping that is to be sent now, or that patience is over. */
  due(at: Micros): number | 'expired' | null {
    if (this.#expired(at)) return 'expired'
    if (at < this.#next) return null
    const value = this.#scene.ms(this.#next)
    this.#unanswered.push({ value, at: this.#next })
    const hurried = this.#market === 'spot' && this.#unanswered.length > 1
    this.#next += hurried ? HURRIED_MICROS : EVERY_MICROS
    return value
  }

  /** A pong counts only with the value of a ping. */
  answered(value: unknown): void {
    if (this.#unanswered.some((ping) => ping.value === value)) this.#unanswered = []
  }

  /** No pings until then, and no blame for their lack. */
  paused(until: Micros): void {
    if (this.#next > until) return
    this.#next = until + EVERY_MICROS
    this.#unanswered = []
  }

  #expired(at: Micros): boolean {
    const first = this.#unanswered[0]
    if (first === undefined) return false
    if (this.#market === 'spot') return at - first.at >= SPOT_PATIENCE_MICROS
    const last = this.#unanswered[DERIVATIVES_MISSES - 1]
    return last !== undefined && at - last.at >= DERIVATIVES_PATIENCE_MICROS
  }
}
