/** How many records an asynchronous source is read ahead. */
const READ_AHEAD = 2000

/**
 * Hands out the items of an iterable one at a time without ever waiting: from a synchronous source at once, from an
 * asynchronous one what was read ahead (boundedly).
 */
export class RecordSource<T> {
  readonly #iterator: Iterator<T> | null = null
  readonly #ahead: T[] = []
  #next = 0
  #state: 'reading' | 'read' | 'closed' = 'reading'
  #failure: { readonly error: unknown } | null = null
  #wake: (() => void) | null = null

  constructor(items: Iterable<T> | AsyncIterable<T>) {
    if (Symbol.iterator in items) this.#iterator = items[Symbol.iterator]()
    else void this.#read(items)
  }

  /**
   * @returns null where there is nothing yet; `done` where there will be nothing more.
   * @throws what the source threw.
   */
  next(): { readonly done: boolean; readonly value: T | null } | null {
    if (this.#state === 'closed') return { done: true, value: null }
    if (this.#iterator !== null) {
      const { done = false, value } = this.#iterator.next()
      return done ? { done: true, value: null } : { done: false, value }
    }
    const value = this.#ahead[this.#next]
    if (value !== undefined) {
      this.#next++
      if (this.#next === this.#ahead.length) {
        this.#ahead.length = 0
        this.#next = 0
        this.#wake?.()
      }
      return { done: false, value }
    }
    if (this.#failure !== null) throw this.#failure.error
    return this.#state === 'read' ? { done: true, value: null } : null
  }

  /** Lets go of the source. */
  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#iterator?.return?.()
    this.#wake?.()
  }

  async #read(items: AsyncIterable<T>): Promise<void> {
    try {
      for await (const item of items) {
        if (this.#state === 'closed') return
        this.#ahead.push(item)
        if (this.#ahead.length < READ_AHEAD) continue
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = null
        if (this.#isClosed()) return
      }
      if (this.#state === 'reading') this.#state = 'read'
    } catch (error) {
      this.#failure = { error }
    }
  }

  /** The state may have changed while the reader slept. */
  #isClosed(): boolean {
    return this.#state === 'closed'
  }
}
