import type { Micros } from '../../schemas/events.js'

interface Deadline {
  readonly at: Micros
  readonly run: (at: Micros) => void
}

/**
 * The deadlines of one codec over the single `wake` of its sink. Thousands of requests may each have one: setting and clearing
 * costs no search, and a moment that was named for a deadline since cleared is a needless tick.
 */
export class Deadlines {
  readonly #due = new Map<string, Deadline>()
  readonly #wake: (at: Micros | null) => void
  #next: Micros | null = null

  constructor(wake: (at: Micros | null) => void) {
    this.#wake = wake
  }

  /** Sets or moves a deadline. */
  set(name: string, from: Micros, delayMs: number, run: (at: Micros) => void): void {
    const at = from + Math.round(delayMs * 1000)
    this.#due.set(name, { at, run })
    if (this.#next === null || at < this.#next) this.#arm(at)
  }

  has(name: string): boolean {
    return this.#due.has(name)
  }

  clear(name: string): void {
    this.#due.delete(name)
    if (this.#due.size === 0) this.#arm(null)
  }

  clearAll(): void {
    this.#due.clear()
    this.#arm(null)
  }

  /** Runs everything that is due, in order of time. */
  tick(now: Micros): void {
    const due = [...this.#due].filter(([, { at }]) => at <= now)
    due.sort(([, a], [, b]) => a.at - b.at)
    for (const [name, deadline] of due) {
      if (this.#due.get(name) !== deadline) continue
      this.#due.delete(name)
      deadline.run(now)
    }
    let next: Micros | null = null
    for (const { at } of this.#due.values()) if (next === null || at < next) next = at
    // A tick uses up what was named, also where it came early.
    this.#next = null
    this.#arm(next)
  }

  #arm(next: Micros | null): void {
    if (next === this.#next) return
    this.#next = next
    this.#wake(next)
  }
}
