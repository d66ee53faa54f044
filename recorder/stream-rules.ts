import type {
  BookSnapshotEvent,
  ChecksumEvent,
  GapEvent,
  Level,
  Micros,
  Order,
  OrderSnapshotEvent,
  StreamEvent,
} from '../schemas/events.js'
import type { MaintainedBook } from '../src/book/books.js'
import { compareDecimals } from '../src/decode/decimal.js'
import type { Findings, Place } from './findings.js'
import { type WrongNumber, wrongNumber } from './wrong-number.js'

/** What the contract of events promises of one stream in one run, checked event by event (docs/tape.md, verify). */
export class StreamRules {
  readonly #findings: Findings
  readonly #crossedForMicros: number | null
  /** `none`: no snapshot yet in this run. `broken`: a gap, and no snapshot since. */
  #book: 'none' | 'whole' | 'broken' = 'none'
  #lastSequence: string | null = null
  /** A connection was opened since the numbers last began: a stream that is handed over to it may count from the beginning, once. */
  #mayRestart = false
  #absent: { readonly first: Place; count: number } | null = null
  #absentSoFar = 0
  readonly #wrong = new Map<
    WrongNumber['severity'],
    { readonly first: Place; readonly what: string; count: number }
  >()
  #crossed: { readonly since: Micros; reported: boolean } | null = null

  /** @param crossedForMs how long a book may be crossed; null for any time */
  constructor(findings: Findings, crossedForMs: number | null) {
    this.#findings = findings
    this.#crossedForMicros = crossedForMs === null ? null : crossedForMs * 1000
  }

  /**
   * @param book the stream's book after the event, where it has one
   * @param inGap whether a gap is open on the stream after the event
   */
  check(event: StreamEvent, place: Place, book: MaintainedBook | null, inGap: boolean): void {
    switch (event.type) {
      case 'gap':
        this.#passGap(event)
        break
      case 'book_snapshot':
      case 'order_snapshot':
        this.#checkSnapshot(event, place)
        break
      case 'book_update':
      case 'order_update':
        this.#checkUpdate(event.sequence, place, inGap)
        break
      case 'checksum':
        this.#checkChecksum(event, place, inGap)
        break
      default:
        break
    }
    this.#checkNumbers(event, place)
    if (book !== null) this.#checkBook(book, place)
  }

  /** The run ends here. */
  end(): void {
    for (const [severity, { first, what, count }] of this.#wrong) {
      const more = count === 1 ? '' : `; ${count} events of the stream have such numbers`
      this.#findings.add(severity, 'wrong_number', first, `${what}${more}`)
    }
    if (this.#absent === null) return
    const { first, count } = this.#absent
    this.#findings.add('warning', 'absent_removals', first, `${count} removal(s) of what was not in the book`)
  }

  /** After a gap only a snapshot makes a book whole again, and numbers may begin again. */
  #passGap({ state }: GapEvent): void {
    if (state === 'closed') return
    if (this.#book === 'whole') this.#book = 'broken'
    this.#lastSequence = null
  }

  #checkSnapshot(event: BookSnapshotEvent | OrderSnapshotEvent, place: Place): void {
    this.#book = 'whole'
    this.#lastSequence = null
    this.#absentSoFar = 0
    const sorted =
      event.type === 'book_snapshot'
        ? levelsSorted(event.bids, -1) && levelsSorted(event.asks, 1)
        : ordersSorted(event.bids, -1) && ordersSorted(event.asks, 1)
    if (!sorted) {
      this.#findings.add(
        'error',
        'unsorted_snapshot',
        place,
        'a snapshot is not in order, best first, each once and none empty',
      )
    }
  }

  connectionOpened(): void {
    this.#mayRestart = true
  }

  /** An open gap says already what changes without a snapshot are worth. */
  #checkUpdate(sequence: string | null, place: Place, inGap: boolean): void {
    if (this.#book === 'none' && !inGap) {
      this.#findings.add('error', 'update_before_snapshot', place, 'a book changes before its first snapshot')
    } else if (this.#book === 'broken' && !inGap) {
      this.#findings.add('error', 'update_after_gap', place, 'a book changes after a gap without a snapshot')
    }
    if (sequence === null || !/^\d+$/.test(sequence)) return
    if (this.#lastSequence === null || compareIntegers(sequence, this.#lastSequence) >= 0) {
      this.#lastSequence = sequence
      return
    }
    if (this.#mayRestart) this.#mayRestart = false
    else {
      this.#findings.add(
        'error',
        'sequence_back',
        place,
        `sequence ${sequence} comes after ${this.#lastSequence}`,
      )
    }
    this.#lastSequence = sequence
  }

  #checkChecksum(event: ChecksumEvent, place: Place, inGap: boolean): void {
    const matches = event.expected === event.actual
    if (matches !== event.ok) {
      const said = event.ok ? 'verified' : 'failed'
      this.#findings.add(
        'error',
        'checksum_undisclosed',
        place,
        `a checksum is said to have ${said}: expected ${event.expected}, actual ${event.actual}`,
      )
    } else if (!matches && !inGap) {
      this.#findings.add(
        'error',
        'checksum_undisclosed',
        place,
        `a checksum failed (expected ${event.expected}, actual ${event.actual}) and no gap says so`,
      )
    } else if (!matches) {
      this.#findings.add('note', 'checksum_failed', place, 'a checksum failed, and a gap says so')
    }
  }

  #checkNumbers(event: StreamEvent, place: Place): void {
    const wrong = wrongNumber(event)
    if (wrong === null) return
    const { severity, what } = wrong
    const held = this.#wrong.get(severity)
    if (held === undefined) this.#wrong.set(severity, { first: place, what, count: 1 })
    else held.count++
  }

  #checkBook({ book, absentRemovals }: MaintainedBook, place: Place): void {
    if (absentRemovals > this.#absentSoFar) {
      this.#absent ??= { first: place, count: 0 }
      this.#absent.count += absentRemovals - this.#absentSoFar
      this.#absentSoFar = absentRemovals
    }
    if (this.#crossedForMicros === null || place.at === null) return
    if (book.state !== 'live' || !book.crossed) {
      this.#crossed = null
      return
    }
    this.#crossed ??= { since: place.at, reported: false }
    if (this.#crossed.reported || place.at - this.#crossed.since <= this.#crossedForMicros) return
    this.#crossed.reported = true
    const { bid, ask } = book.best()
    const seconds = (place.at - this.#crossed.since) / 1_000_000
    this.#findings.add(
      'error',
      'crossed_book',
      place,
      `bid ${bid?.[0]} is not below ask ${ask?.[0]}, for ${seconds.toFixed(1)} s, and no gap says so`,
    )
  }
}

/** @param direction 1 where prices rise (asks), -1 where they fall (bids) */
function levelsSorted(levels: readonly Level[], direction: 1 | -1): boolean {
  let last: string | null = null
  for (const [price, amount] of levels) {
    if (amount === '0') return false
    if (last !== null && compareDecimals(price, last) * direction <= 0) return false
    last = price
  }
  return true
}

/** Orders may share a price. */
function ordersSorted(orders: readonly Order[], direction: 1 | -1): boolean {
  let last: string | null = null
  const ids = new Set<string>()
  for (const [id, price, amount] of orders) {
    if (amount === '0' || ids.has(id)) return false
    if (last !== null && compareDecimals(price, last) * direction < 0) return false
    ids.add(id)
    last = price
  }
  return true
}

/** Of integers as text that may have leading zeros. */
function compareIntegers(a: string, b: string): number {
  const left = BigInt(a)
  const right = BigInt(b)
  return left < right ? -1 : left > right ? 1 : 0
}
