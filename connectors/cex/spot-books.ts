import type * as z from 'zod'
import { spotBook } from '../../schemas/cex.js'
import type { Level, Micros } from '../../schemas/events.js'
import type { ReadonlyBook } from '../../src/book/order-book.js'
import { canonicalDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import type { SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { BookNumbers } from './book-numbers.js'
import { pairOf } from './symbols.js'

const checkBook = checker(spotBook)

/** The venue keeps a window of so many levels a side: what leaves it is sent as zero, what enters it whole. */
const WINDOW = 20

interface Update {
  readonly id: number
  readonly pair: string
  readonly bids: Level[]
  readonly asks: Level[]
}

/** The books of Spot Trading: a snapshot in the reply, then increments with `seqId` one higher each. */
export interface SpotBooks {
  /** A subscribe goes out that begins the book anew. */
  ask(stream: Stream): void
  forget(stream: Stream): void
  /** A log is over: updates for which no snapshot came are counted. */
  finished(): void
  snapshot(value: LosslessValue, frame: string, at: Micros | null): void
  increment(value: LosslessValue, frame: string, at: Micros | null): void
}

export function spotBooks({ init, streams }: SessionKit): SpotBooks {
  const numbers = new Map<string, BookNumbers<Update>>()
  /** The last update of each pair, to tell a harmless repeat from another update under the same number. */
  const latest = new Map<string, Update>()

  function numbersOf(pair: string): BookNumbers<Update> {
    const held = numbers.get(pair) ?? new BookNumbers<Update>()
    numbers.set(pair, held)
    return held
  }

  function streamOf(pair: string, at: Micros | null): Stream | undefined {
    const stream = init.adopt
      ? streams.adopt(
          pairOf('spot', pair, (id) => init.instruments.get(id)),
          'book',
          at,
        )
      : streams.get(pair, 'book')
    return stream?.state === 'leaving' ? undefined : stream
  }

  function lose(stream: Stream, detail: string, at: Micros | null, from = stream.record.lastData): void {
    numbersOf(stream.instrument.instrument).lose()
    streams.resync(stream, 'sequence', detail, at, from)
  }

  function apply(stream: Stream, update: Update, at: Micros | null): void {
    const book = numbersOf(update.pair)
    const { last } = book
    switch (book.next(update)) {
      case 'apply':
        latest.set(update.pair, update)
        if (streams.update(stream, fieldsOf(update), at)) checkWindow(stream, at)
        // A removal of a level that was not there has opened a gap.
        else if (stream.record.book.state !== 'live') book.lose()
        break
      case 'held':
        streams.awaitsSnapshot(stream, at)
        break
      case 'repeat':
        if (!sameUpdate(latest.get(update.pair), update)) {
          lose(stream, `seqId ${update.id} came twice with different levels`, at)
        }
        break
      case 'back':
        lose(stream, `the venue began anew: seqId ${update.id} after ${last}`, at)
        break
      case 'gap':
        lose(stream, `expected seqId ${(last ?? 0) + 1}, got ${update.id}`, at)
    }
  }

  /** What there is too much of may have come, or its end been lost, at any time since the book was last proved. */
  function checkWindow(stream: Stream, at: Micros | null): void {
    const { book, proved } = stream.record
    const levels = Math.max(book.count('bids'), book.count('asks'))
    if (levels > WINDOW) lose(stream, `${levels} levels on a side of a window of ${WINDOW}`, at, proved)
  }

  /**
   * A second snapshot under the number that we stand at is the venue's own audit of our book: it says whether the two are
   * the same.
   */
  function audit(stream: Stream, update: Update, at: Micros | null): void {
    const { book } = stream.record
    const actual = describe(book)
    const expected = { bids: leveled(update.bids), asks: leveled(update.asks) }
    const text = JSON.stringify(expected)
    const ok = text === JSON.stringify(actual)
    const difference = ok ? null : firstDifference(expected, actual)
    const summary = `seqId ${update.id}: ${expected.bids.length} bids, ${expected.asks.length} asks`
    streams.checksum(
      stream,
      {
        expected: difference?.[0] ?? summary,
        actual: difference?.[1] ?? summary,
        exchangeTime: null,
        sequence: String(update.id),
      },
      at,
    )
  }

  return {
    finished() {
      for (const [pair, book] of numbers) {
        const stream = streams.get(pair, 'book')
        if (stream !== undefined) streams.reportUnplaced(stream, book.held)
      }
    },
    ask: ({ instrument }) => numbersOf(instrument.instrument).lose(),
    forget({ instrument }) {
      numbers.delete(instrument.instrument)
      latest.delete(instrument.instrument)
    },
    snapshot(value, frame, at) {
      const update = read(value, frame)
      const stream = streamOf(update.pair, at)
      if (stream === undefined) return
      const book = numbersOf(update.pair)
      const { last } = book
      if (last !== null && stream.record.book.state === 'live') {
        if (update.id === last) {
          audit(stream, update, at)
          if (stream.record.book.state === 'live') return
        } else {
          const detail = `a second snapshot has seqId ${update.id}, the last increment had ${last}`
          streams.gap(stream, 'sequence', detail, at)
        }
      }
      streams.ack(stream, at)
      streams.snapshot(stream, { ...fieldsOf(update), depth: WINDOW }, at)
      latest.set(update.pair, update)
      for (const held of book.begin(update.id)) apply(stream, held, at)
    },
    increment(value, frame, at) {
      const update = read(value, frame)
      const stream = streamOf(update.pair, at)
      if (stream !== undefined) apply(stream, update, at)
    },
  }
}

function read(value: LosslessValue, frame: string): Update {
  const { data }: z.output<typeof spotBook> = checkBook(value, frame)
  return { id: data.seqId, pair: data.pair, bids: data.bids.map(toLevel), asks: data.asks.map(toLevel) }
}

function toLevel([price, amount]: readonly [string, string]): Level {
  return [canonicalDecimal(price), canonicalDecimal(amount)]
}

function fieldsOf({ id, bids, asks }: Update) {
  return { bids, asks, exchangeTime: null, sequence: String(id) }
}

function sameUpdate(a: Update | undefined, b: Update): boolean {
  return a !== undefined && JSON.stringify([a.bids, a.asks]) === JSON.stringify([b.bids, b.asks])
}

function describe(book: ReadonlyBook): { bids: Level[]; asks: Level[] } {
  return book.top(Math.max(book.count('bids'), book.count('asks')))
}

function leveled(levels: readonly Level[]): Level[] {
  return levels.filter(([, amount]) => amount !== '0')
}

function firstDifference(
  expected: { bids: Level[]; asks: Level[] },
  actual: { bids: Level[]; asks: Level[] },
): [string, string] {
  for (const side of ['bids', 'asks'] as const) {
    for (let at = 0; at < Math.max(expected[side].length, actual[side].length); at++) {
      const theirs = `${side}.${at} ${expected[side][at]?.join(' × ') ?? 'none'}`
      const ours = `${side}.${at} ${actual[side][at]?.join(' × ') ?? 'none'}`
      if (theirs !== ours) return [theirs, ours]
    }
  }
  return ['the same', 'the same in another order']
}
