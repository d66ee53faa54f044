/** Updates that may wait for their snapshot. Beyond this the oldest are forgotten, and the join then shows a hole. */
const MAX_HELD = 1000

/**
 * What to do with an update: `apply` it; it is `held` until its snapshot comes; it is a `repeat` of the last one; its number
 * went `back`; or there is a `gap` before it.
 */
export type NumberedStep = 'apply' | 'held' | 'repeat' | 'back' | 'gap'

/**
 * The numbers of one pair's book, at both generations alike: the first update after a snapshot has the snapshot's number plus
 * one, and each next one is one more. What comes before the snapshot is held and joined to it.
 */
export class BookNumbers<U extends { readonly id: number }> {
  #last: number | null = null
  #held: U[] = []

  /** The number of the last update taken; null while a snapshot is awaited. */
  get last(): number | null {
    return this.#last
  }

  /** How many updates wait for a snapshot. */
  get held(): number {
    return this.#held.length
  }

  /** A snapshot came. @returns the updates held for it that are newer, to be taken in order. */
  begin(id: number): readonly U[] {
    const held = this.#held.filter((update) => update.id > id)
    this.#held = []
    this.#last = id
    return held
  }

  next(update: U): NumberedStep {
    if (this.#last === null) {
      this.#held.push(update)
      if (this.#held.length > MAX_HELD) this.#held.shift()
      return 'held'
    }
    if (update.id === this.#last + 1) {
      this.#last = update.id
      return 'apply'
    }
    if (update.id === this.#last) return 'repeat'
    return update.id < this.#last ? 'back' : 'gap'
  }

  /** The book is no longer to be trusted: a snapshot is awaited. */
  lose(): void {
    this.#last = null
    this.#held = []
  }
}
