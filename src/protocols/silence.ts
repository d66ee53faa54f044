import type { Micros } from '../../schemas/events.js'
import type { Deadlines } from './deadlines.js'

/** Tells when nothing happened for a while. Hearing costs a comparison, however often it happens. */
export class Silence {
  readonly #deadlines: Deadlines
  readonly #name: string
  #heardAt: Micros = 0

  constructor(deadlines: Deadlines, name: string) {
    this.#deadlines = deadlines
    this.#name = name
  }

  /** Begins to wait, anew where it did already. */
  start(at: Micros, forMs: number, silent: (at: Micros) => void): void {
    this.#heardAt = at
    this.#wait(at, forMs, forMs, silent)
  }

  heard(at: Micros): void {
    this.#heardAt = at
  }

  stop(): void {
    this.#deadlines.clear(this.#name)
  }

  #wait(from: Micros, delayMs: number, forMs: number, silent: (at: Micros) => void): void {
    this.#deadlines.set(this.#name, from, delayMs, (at) => {
      const leftMs = forMs - (at - this.#heardAt) / 1000
      if (leftMs <= 0) silent(at)
      else this.#wait(at, leftMs, forMs, silent)
    })
  }
}
