import type * as z from 'zod'
import { spotBook } from '../../schemas/cex.js'
import type { Level, Micros } from '../../schemas/events.js'
import type { ReadonlyBook } from '../../src/book/order-book.js'
import { positiveDecimal, unsignedDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import type { SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { bookHolding, SnapshotJoin } from '../../src/venue/snapshot-join.js'
import { SPOT_ORDER, SPOT_WINDOW } from './channels.js'
import { pairStreams } from './symbols.js'

const checkBook = checker(spotBook)

interface Update {
  readonly sequence: bigint
  readonly pair: string
  readonly bids: Level[]
  readonly asks: Level[]
  readonly receivedAt: Micros | null
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

export function spotBooks(kit: SessionKit): SpotBooks {
  const { streams } = kit
  const find = pairStreams(kit, 'spot')
  const numbers = new Map<string, SnapshotJoin<Update>>()
  /** The last update of each pair, to tell a harmless repeat from another update under the same number. */
  const latest = new Map<string, Update>()

  function numbersOf(pair: string): SnapshotJoin<Update> {
    const held = numbers.get(pair) ?? new SnapshotJoin<Update>(SPOT_ORDER, bookHolding)
    numbers.set(pair, held)
    return held
  }

  function lose(stream: Stream, detail: string, at: Micros | null): void {
    numbersOf(stream.instrument.instrument).restart()
    streams.resync(stream, 'sequence', detail, at)
  }

  function apply(stream: Stream, update: Update, at: Micros | null): void {
    const book = numbersOf(update.pair)
    const { position, waiting } = book
    switch (book.offer(update)) {
      case 'apply':
        latest.set(update.pair, update)
        // What contradicts the book has opened a gap.
        if (!streams.update(stream, fieldsOf(update), at) && stream.record.book.state !== 'live')
          book.restart()
        break
      case 'repeat':
        if (!waiting && !sameUpdate(latest.get(update.pair), update)) {
          lose(stream, `seqId ${update.sequence} came twice with different levels`, at)
        }
        break
      case 'held':
        streams.awaitsSnapshot(stream, at)
        break
      case 'back':
      case 'break':
        if (waiting) streams.awaitsSnapshot(stream, at)
        else if (position !== null && update.sequence < position) {
          lose(stream, `the venue began anew: ${book.breach}`, at)
        } else lose(stream, book.breach, at)
    }
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
    const summary = `seqId ${update.sequence}: ${expected.bids.length} bids, ${expected.asks.length} asks`
    streams.checksum(
      stream,
      {
        expected: difference?.[0] ?? summary,
        actual: difference?.[1] ?? summary,
        exchangeTime: null,
        sequence: String(update.sequence),
      },
      at,
    )
  }

  return {
    finished() {
      for (const [pair, book] of numbers) {
        const stream = streams.get(pair, 'book')
        if (stream !== undefined) streams.reportUnplaced(stream, book.waited)
      }
    },
    ask: ({ instrument }) => numbersOf(instrument.instrument).restart(),
    forget({ instrument }) {
      numbers.delete(instrument.instrument)
      latest.delete(instrument.instrument)
    },
    snapshot(value, frame, at) {
      const update = read(value, frame, at)
      const stream = find(update.pair, 'book', at)
      if (stream === undefined) return
      const book = numbersOf(update.pair)
      const { position } = book
      if (position !== null && stream.record.book.state === 'live') {
        if (update.sequence === position) {
          audit(stream, update, at)
          if (stream.record.book.state === 'live') return
        } else {
          const detail = `a second snapshot has seqId ${update.sequence}, the last increment had ${position}`
          streams.gap(stream, 'sequence', detail, at)
        }
      }
      streams.ack(stream, at)
      streams.snapshot(stream, { ...fieldsOf(update), depth: SPOT_WINDOW }, at)
      latest.set(update.pair, update)
      for (const held of book.place(update.sequence)) apply(stream, held, at)
    },
    increment(value, frame, at) {
      const update = read(value, frame, at)
      const stream = find(update.pair, 'book', at)
      if (stream !== undefined) apply(stream, update, at)
    },
  }
}

function read(value: LosslessValue, frame: string, receivedAt: Micros | null): Update {
  const { data }: z.output<typeof spotBook> = checkBook(value, frame)
  return {
    sequence: BigInt(data.seqId),
    pair: data.pair,
    bids: data.bids.map(toLevel),
    asks: data.asks.map(toLevel),
    receivedAt,
  }
}

function toLevel([price, amount]: readonly [string, string]): Level {
  return [positiveDecimal(price), unsignedDecimal(amount)]
}

function fieldsOf({ sequence, bids, asks, receivedAt }: Update) {
  return { bids, asks, exchangeTime: null, sequence: String(sequence), receivedAt }
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
