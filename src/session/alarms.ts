import type { Micros } from '../../schemas/events.js'

/**
 * Named deadlines of one session over the single `wake` of its sink. They are kept in steady time: whoever sets one names
 * receive times, and a machine whose clock is set meanwhile changes nothing.
 */
export class Alarms {
  readonly #due = new Map<string, { readonly at: Micros; readonly run: (at: Micros) => void }>()
  readonly #wake: (at: Micros | null) => void
  readonly #steady: (at: Micros) => Micros
  #next: Micros | null = null

  /** @param steady turns a receive time into steady time. */
  constructor(wake: (at: Micros | null) => void, steady: (at: Micros) => Micros) {
    this.#wake = wake
    this.#steady = steady
  }

  /**
   * How long it was from one receive time to another: what remembers a moment asks this, for the difference of the two is
   * also what the clock was set by. Milliseconds.
   */
  elapsedMs(since: Micros, at: Micros): number {
    return (this.#steady(at) - this.#steady(since)) / 1000
  }

  /** Sets or moves an alarm. Without a clock (`from` null) there is no time to wait for, and nothing is set. */
  set(name: string, from: Micros | null, delayMs: number, run: (at: Micros) => void): void {
    if (from === null) return
    this.#due.set(name, { at: this.#steady(from) + Math.round(delayMs * 1000), run })
    this.#arm()
  }

  has(name: string): boolean {
    return this.#due.has(name)
  }

  clear(name: string): void {
    if (this.#due.delete(name)) this.#arm()
  }

  clearAll(): void {
    this.#due.clear()
    this.#arm()
  }

  /** Runs everything that is due, in order of time. */
  tick(now: Micros): void {
    const steady = this.#steady(now)
    const due = [...this.#due].filter(([, alarm]) => alarm.at <= steady)
    due.sort(([, a], [, b]) => a.at - b.at)
    for (const [name, alarm] of due) {
      if (this.#due.get(name) !== alarm) continue
      this.#due.delete(name)
      alarm.run(now)
    }
    this.#next = null
    this.#arm()
  }

  #arm(): void {
    let next: Micros | null = null
    for (const { at } of this.#due.values()) if (next === null || at < next) next = at
    if (next === this.#next) return
    this.#next = next
    this.#wake(next)
  }
}
