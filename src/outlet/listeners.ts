import type { MarketEvent } from '../../schemas/events.js'

interface Listener {
  readonly type: string
  readonly call: (event: never) => void
}

/** Those who are called with each event as it is emitted, in the order in which they registered. */
export class Listeners {
  readonly #listeners = new Set<Listener>()
  /** By type of event; made anew when a listener comes or goes. */
  readonly #byType = new Map<string, readonly Listener[]>()

  get size(): number {
    return this.#listeners.size
  }

  /** @returns a function that takes the listener away again. */
  add(type: string, call: (event: never) => void): () => void {
    const listener = { type, call }
    this.#listeners.add(listener)
    this.#byType.clear()
    return () => {
      if (this.#listeners.delete(listener)) this.#byType.clear()
    }
  }

  /** A listener that throws is its owner's defect: reported as uncaught, and the others are called all the same. */
  call(event: MarketEvent): void {
    if (this.#listeners.size === 0) return
    for (const listener of this.#of(event.type)) {
      if (!this.#listeners.has(listener)) continue
      try {
        listener.call(event as never)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  #of(type: string): readonly Listener[] {
    let listeners = this.#byType.get(type)
    if (listeners === undefined) {
      listeners = [...this.#listeners].filter(
        (listener) => listener.type === 'event' || listener.type === type,
      )
      this.#byType.set(type, listeners)
    }
    return listeners
  }
}
