/** Changes remembered, to tell a connection that lags from one that is ahead. */
export const CHANGES_KEPT = 4_096

/** A book that changes seldom needs no more for long. */
const FIRST_CAPACITY = 64

/**
 * The last changes of a book, each with the position at which it was last. Chains of equal hashes go through the ring from the newest
 * position to the oldest, so that what is overwritten need not be taken out.
 */
export class RecentChanges {
  #capacity = FIRST_CAPACITY
  /** The change at each of the last positions. */
  #ring = new Float64Array(FIRST_CAPACITY)
  /** The position before it of the same hash. */
  #before = new Float64Array(FIRST_CAPACITY)
  /** The newest position of each hash. */
  #newest = new Float64Array(2 * FIRST_CAPACITY)
  #position = 0
  /** What is at or before this position is forgotten. */
  #forgotten = 0

  /** Of the last change; 0 where there was none. */
  get position(): number {
    return this.#position
  }

  get last(): number | null {
    return this.#position > this.#forgotten
      ? (this.#ring[this.#position & (this.#capacity - 1)] ?? null)
      : null
  }

  add(change: number): void {
    if (this.#position - this.#forgotten === this.#capacity) {
      if (this.#capacity < CHANGES_KEPT) this.#rebuild(2 * this.#capacity)
      else this.#forgotten++
    }
    this.#put(change)
  }

  has(change: number): boolean {
    return this.positionOf(change) !== 0
  }

  /** Where the change was last; 0 where it was not of late. */
  positionOf(change: number): number {
    let at = this.#newest[this.#slotOf(change)] ?? 0
    while (at > this.#forgotten) {
      const index = at & (this.#capacity - 1)
      if (this.#ring[index] === change) return at
      at = this.#before[index] ?? 0
    }
    return 0
  }

  /** Forgets all that came after a position. */
  takeBack(position: number): void {
    this.#position = Math.max(position, this.#forgotten)
    this.#rebuild(this.#capacity)
  }

  #put(change: number): void {
    const at = ++this.#position
    const index = at & (this.#capacity - 1)
    const slot = this.#slotOf(change)
    this.#ring[index] = change
    this.#before[index] = this.#newest[slot] ?? 0
    this.#newest[slot] = at
  }

  #rebuild(capacity: number): void {
    const [ring, mask, last] = [this.#ring, this.#capacity - 1, this.#position]
    this.#capacity = capacity
    this.#ring = new Float64Array(capacity)
    this.#before = new Float64Array(capacity)
    this.#newest = new Float64Array(2 * capacity)
    this.#position = this.#forgotten
    while (this.#position < last) this.#put(ring[(this.#position + 1) & mask] ?? 0)
  }

  /** The lower bits of the number. */
  #slotOf(change: number): number {
    return change & (2 * this.#capacity - 1)
  }
}
