import type { RecorderClock } from '../../recorder/index.js'
import { START } from './sample-events.js'

/** Time that passes only when the test says so. */
export class VirtualClock implements RecorderClock {
  #now = START
  readonly #due: { readonly at: number; readonly run: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): { cancel(): void } {
    const entry = { at: this.#now + delayMs * 1000, run }
    this.#due.push(entry)
    return {
      cancel: () => {
        const at = this.#due.indexOf(entry)
        if (at !== -1) this.#due.splice(at, 1)
      },
    }
  }

  /** Timers that are set and have not fired. */
  get pending(): number {
    return this.#due.length
  }

  pass(ms: number): void {
    const until = this.#now + ms * 1000
    while (true) {
      this.#due.sort((a, b) => a.at - b.at)
      const next = this.#due[0]
      if (next === undefined || next.at > until) break
      this.#due.shift()
      this.#now = next.at
      next.run()
    }
    this.#now = until
  }
}
