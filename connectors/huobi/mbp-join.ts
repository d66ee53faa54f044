import type { Level } from '../../schemas/events.js'
import { ownLevel } from '../../src/book/order-book.js'
import { compareDecimals } from '../../src/decode/index.js'

/** One delta of `mbp.N`, its numbers canonical. */
export interface MbpDelta {
  readonly sequence: string
  /** The number of the delta before it: the whole proof. */
  readonly previous: string
  readonly bids: Level[]
  readonly asks: Level[]
  /** Microseconds. */
  readonly exchangeTime: number
}

/**
 * What a delta did. `applies`: next in the chain. `kept`: buffered until a snapshot fits. `stale`: the snapshot holds it
 * already. `broken`: it does not follow from the last one; the chain begins anew with it.
 */
export type DeltaOutcome = 'applies' | 'kept' | 'stale' | 'broken'

/**
 * What an answer did. `joined`: the deltas to apply on top of it. `older`: it is older than the first delta that was kept.
 * `astride`: it lies within a delta, which it neither holds nor leaves whole. `needless`: the chain stands without it.
 */
export type AnswerOutcome =
  | { readonly kind: 'joined'; readonly deltas: readonly MbpDelta[] }
  | { readonly kind: 'older' | 'astride' | 'needless' }

/** The venue was seen to answer with a snapshot that 20 deltas had overtaken; a slow join needs many more. */
const MAX_KEPT = 1000
/** Levels of the kept deltas together. */
const MAX_KEPT_LEVELS = 100_000

/**
 * Joins the snapshot of a `req` to the deltas of one `mbp.N` topic.
 *
 * `buffering`: deltas are kept and wait for a snapshot. `chained`: a snapshot stands and every delta must name its
 * predecessor.
 *
 * The rule is equality: the first delta kept must name the snapshot's number. The looser rule of other clients (previous
 * < snapshot < number) misses a level that changed before the snapshot and changed back after it.
 */
export class MbpJoin {
  state: 'buffering' | 'chained' = 'buffering'
  #last = ''
  /** Whether a delta has named the snapshot's number: until then older ones may still come. */
  #proved = false
  #kept: MbpDelta[] = []
  #keptLevels = 0
  #waiting = 0

  /** The number of the book as it stands; empty before any. */
  get last(): string {
    return this.#last
  }

  /** Deltas that came since a snapshot is awaited, those included that are no longer kept. */
  get waiting(): number {
    return this.#waiting
  }

  delta(delta: MbpDelta): DeltaOutcome {
    if (this.state === 'buffering') {
      this.#keep(delta)
      return 'kept'
    }
    if (delta.previous === this.#last) {
      this.#last = delta.sequence
      this.#proved = true
      return 'applies'
    }
    if (delta.sequence === this.#last) return 'stale'
    if (!this.#proved && compareDecimals(delta.sequence, this.#last) < 0) return 'stale'
    this.restart()
    this.#keep(delta)
    return 'broken'
  }

  answer(sequence: string): AnswerOutcome {
    if (this.state === 'chained') return { kind: 'needless' }
    const from = this.#kept.findIndex((delta) => compareDecimals(delta.sequence, sequence) > 0)
    const deltas = from === -1 ? [] : this.#kept.slice(from)
    const first = deltas[0]
    if (first !== undefined && first.previous !== sequence) {
      const older = from === 0 && compareDecimals(first.previous, sequence) > 0
      return { kind: older ? 'older' : 'astride' }
    }
    this.state = 'chained'
    this.#last = deltas.at(-1)?.sequence ?? sequence
    this.#proved = deltas.length > 0
    this.#forget()
    this.#waiting = 0
    return { kind: 'joined', deltas }
  }

  /** Forgets the book: a snapshot is needed again. */
  restart(): void {
    this.state = 'buffering'
    this.#last = ''
    this.#forget()
    this.#waiting = 0
  }

  /** A hole among the kept deltas makes those before it useless; so does a buffer that is full. */
  #keep(delta: MbpDelta): void {
    const before = this.#kept.at(-1)
    if (before?.sequence === delta.sequence) return
    this.#waiting++
    if (before !== undefined && before.sequence !== delta.previous) this.#forget()
    this.#kept.push({ ...delta, bids: delta.bids.map(ownLevel), asks: delta.asks.map(ownLevel) })
    this.#keptLevels += levelsOf(delta)
    while (this.#kept.length > MAX_KEPT || this.#keptLevels > MAX_KEPT_LEVELS) {
      const oldest = this.#kept.shift()
      if (oldest === undefined) return
      this.#keptLevels -= levelsOf(oldest)
    }
  }

  #forget(): void {
    this.#kept = []
    this.#keptLevels = 0
  }
}

function levelsOf({ bids, asks }: MbpDelta): number {
  return bids.length + asks.length
}
