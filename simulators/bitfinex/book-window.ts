import { bookChecksum, SIGNED_LEVELS } from '../../connectors/bitfinex/checksum.js'
import { type BookRow, type BookSource, type Precision, RowReader } from './book-rows.js'

/** One row that is set or removed. */
export interface WindowChange {
  readonly json: string
  /** Whether the row is among those that the checksum covers. */
  readonly signed: boolean
}

/** Is given what changes in a window. */
export interface WindowReader {
  changed(changes: readonly WindowChange[]): void
}

/**
 * A book as the venue sends it at one precision and length: exactly so many rows a side, a row that leaves the window is
 * removed and one that enters is set. Everybody who reads it has been sent the same.
 */
export class BookWindow {
  readonly readers = new Set<WindowReader>()
  readonly #sides: Record<'bids' | 'asks', RowReader>
  readonly #length: number
  #bids: BookRow[]
  #asks: BookRow[]

  constructor(source: BookSource, precision: Precision, length: number) {
    this.#sides = {
      bids: new RowReader(source, 'bids', precision),
      asks: new RowReader(source, 'asks', precision),
    }
    this.#length = length
    this.#bids = this.#sides.bids.best(length)
    this.#asks = this.#sides.asks.best(length)
  }

  /** The whole window as last sent: bids best first, then asks best first. */
  snapshot(): string {
    return `[${[...this.#bids, ...this.#asks].map(({ set }) => set).join(',')}]`
  }

  /** The checksum of the window as last sent. */
  checksum(): number {
    return bookChecksum(
      this.#bids.slice(0, SIGNED_LEVELS).map(({ signed }) => signed),
      this.#asks.slice(0, SIGNED_LEVELS).map(({ signed }) => signed),
    )
  }

  /** The best row of a side as last sent. */
  best(side: 'bids' | 'asks'): BookRow | undefined {
    return side === 'bids' ? this.#bids[0] : this.#asks[0]
  }

  /** Publishes what changed since the last time, on the sides where something did. */
  refresh(moved: { readonly bids: boolean; readonly asks: boolean }): void {
    const bids = moved.bids ? this.#sides.bids.best(this.#length) : this.#bids
    const asks = moved.asks ? this.#sides.asks.best(this.#length) : this.#asks
    const [bidsGone, bidsSet] = changes(this.#bids, bids)
    const [asksGone, asksSet] = changes(this.#asks, asks)
    this.#bids = bids
    this.#asks = asks
    // Removals first: a side is never longer than the window, and the sides never cross on the way.
    const all = [...bidsGone, ...asksGone, ...bidsSet, ...asksSet]
    if (all.length > 0) for (const reader of this.readers) reader.changed(all)
  }
}

interface RankedRow {
  readonly row: BookRow
  readonly rank: number
}

function changes(
  before: readonly BookRow[],
  now: readonly BookRow[],
): readonly [gone: WindowChange[], set: WindowChange[]] {
  if (before === now) return [[], []]
  const [left, come] = apart(before, now)
  const held = new Map(left.map((ranked) => [ranked.row.name, ranked]))
  const set: WindowChange[] = []
  for (const { row, rank } of come) {
    if (held.get(row.name)?.row.set !== row.set) set.push({ json: row.set, signed: rank < SIGNED_LEVELS })
    held.delete(row.name)
  }
  const gone = [...held.values()].map(({ row, rank }) => ({
    json: row.removed,
    signed: rank < SIGNED_LEVELS,
  }))
  return [gone, set]
}

/**
 * The rows of two readings without those that are plainly the same: rows of levels that did not change are the same objects,
 * and most of a hundred did not.
 */
function apart(before: readonly BookRow[], now: readonly BookRow[]): readonly [RankedRow[], RankedRow[]] {
  const left: RankedRow[] = []
  const come: RankedRow[] = []
  let old = 0
  let fresh = 0
  for (;;) {
    const was = before[old]
    const is = now[fresh]
    if (was === undefined && is === undefined) return [left, come]
    const same = was === is
    const gone = !same && was !== undefined && (is === undefined || before[old + 1] === is)
    const entered = !same && !gone && is !== undefined && (was === undefined || now[fresh + 1] === was)
    if (was !== undefined && !same && !entered) left.push({ row: was, rank: old })
    if (is !== undefined && !same && !gone) come.push({ row: is, rank: fresh })
    if (!entered) old++
    if (!gone) fresh++
  }
}
