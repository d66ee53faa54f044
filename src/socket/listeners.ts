import { UsageError } from '../errors.js'
import { didYouMean } from '../nearest.js'

/** Listeners by the name of what they listen to; each is called in the order of registration. */
export class Listeners<Events extends object> {
  readonly #names: readonly (keyof Events & string)[]
  readonly #listeners = new Map<keyof Events, ((event: never) => void)[]>()

  constructor(names: readonly (keyof Events & string)[]) {
    this.#names = names
  }

  /**
   * @returns a function that removes the listener.
   * @throws {UsageError} `bad_option` for a name that is none: such a listener would never be called.
   */
  add<K extends keyof Events & string>(name: K, listener: (event: Events[K]) => void): () => void {
    this.#check(name, listener)
    const known = this.#listeners.get(name) ?? []
    this.#listeners.set(name, [...known, listener])
    return () => this.remove(name, listener)
  }

  remove<K extends keyof Events & string>(name: K, listener: (event: Events[K]) => void): void {
    const known = this.#listeners.get(name) ?? []
    const at = known.indexOf(listener)
    if (at !== -1) this.#listeners.set(name, known.toSpliced(at, 1))
  }

  clear(): void {
    this.#listeners.clear()
  }

  has(name: keyof Events & string): boolean {
    return (this.#listeners.get(name)?.length ?? 0) > 0
  }

  /** Calls every listener. What one throws is its owner's defect: it is reported as uncaught, and the next is called. */
  emit<K extends keyof Events & string>(name: K, event: Events[K]): void {
    const listeners = this.#listeners.get(name)
    if (listeners === undefined) return
    for (const listener of listeners) {
      try {
        // The map holds under each name only listeners of that name's event.
        ;(listener as (event: Events[K]) => void)(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  #check(name: string, listener: unknown): void {
    const context = { field: `on.${name}` }
    if (!this.#names.some((known) => known === name)) {
      const hint = didYouMean(name, this.#names) || `; there are ${this.#names.join(', ')}`
      throw new UsageError('bad_option', `openSocket: there is no event ${name}${hint}`, { context })
    }
    if (typeof listener !== 'function') {
      throw new UsageError('bad_option', `openSocket: the listener for ${name} must be a function`, {
        context,
      })
    }
  }
}
