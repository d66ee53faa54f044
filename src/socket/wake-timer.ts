import type { Micros } from '../../schemas/events.js'
import type { Clock, Timer } from '../platform.js'

/** After a pause, what lies unread comes first; only then is asked what is missed. */
const AFTER_PAUSE_MS = 1_000

/**
 * The one moment, in steady time, at which a session or a codec wants to be woken. It stands still while nothing is read: what is
 * waited for may lie unread in the network.
 */
export class WakeTimer {
  readonly #clock: Clock
  readonly #wake: () => void
  #timer: Timer | null = null
  #at: Micros | null = null
  #paused = false

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock
    this.#wake = wake
  }

  /** Replaces the moment; null for none. */
  set(at: Micros | null): void {
    this.#at = at
    this.#arm(0)
  }

  pause(): void {
    this.#paused = true
    this.#stop()
  }

  resume(): void {
    this.#paused = false
    this.#arm(AFTER_PAUSE_MS)
  }

  #arm(leastMs: number): void {
    this.#stop()
    const at = this.#at
    if (at === null || this.#paused) return
    const now = this.#clock.steady(this.#clock.now())
    this.#timer = this.#clock.after(Math.max(leastMs, (at - now) / 1000), () => {
      this.#timer = null
      this.#at = null
      this.#wake()
    })
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
