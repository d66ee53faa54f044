import type { NewRow } from './tape-writer.js'

/**
 * The events of a recorder that wait for their transaction, in the order in which they were taken.
 *
 * They are written in batches that end between two frames, so that a frame is on the tape as a whole or not at all, and so that
 * what fits on a nearly full disk is written.
 */
export class WaitingRows {
  #rows: NewRow[] = []
  #bytes = 0
  /** Where batches end: how many rows come before. */
  #ends: number[] = []
  /** How many rows come before the newest frame. */
  #beforeFrame = 0

  get length(): number {
    return this.#rows.length
  }

  /** The bytes of their bodies. */
  get bytes(): number {
    return this.#bytes
  }

  /** Those that are data of streams. */
  get data(): number {
    return this.#rows.reduce((sum, { datum }) => sum + (datum ? 1 : 0), 0)
  }

  get beforeFrame(): number {
    return this.#beforeFrame
  }

  get rows(): readonly NewRow[] {
    return this.#rows
  }

  /** What follows belongs to a new frame; a batch of at least `batchEvents` ends before it. */
  beginFrame(batchEvents: number): void {
    const { length } = this.#rows
    if (length - (this.#ends.at(-1) ?? 0) >= batchEvents) this.#ends.push(length)
    this.#beforeFrame = length
  }

  add(row: NewRow): void {
    this.#rows.push(row)
    this.#bytes += row.bytes
  }

  /** How many of the first `limit` rows go into the next transaction. */
  batch(limit: number): number {
    return Math.min(this.#ends[0] ?? limit, limit)
  }

  dropFirst(count: number): void {
    this.#rows = count === this.#rows.length ? [] : this.#rows.slice(count)
    this.#ends = this.#ends.filter((end) => end > count).map((end) => end - count)
    this.#beforeFrame = Math.max(0, this.#beforeFrame - count)
    this.#bytes = this.#rows.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  clear(): void {
    this.#rows = []
    this.#ends = []
    this.#beforeFrame = 0
    this.#bytes = 0
  }
}
