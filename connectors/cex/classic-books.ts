import type * as z from 'zod'
import { classicSnapshot, classicUpdate } from '../../schemas/cex.js'
import type { Level, Micros } from '../../schemas/events.js'
import { positiveDecimal, unsignedDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import type { SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { bookHolding, SnapshotJoin } from '../../src/venue/snapshot-join.js'
import { CLASSIC_ORDER } from './channels.js'
import { pairStreams } from './symbols.js'

const checkSnapshot = checker(classicSnapshot)
const checkUpdate = checker(classicUpdate)

interface Update {
  readonly sequence: bigint
  readonly pair: string
  readonly bids: Level[]
  readonly asks: Level[]
  readonly exchangeTime: Micros | null
  readonly receivedAt: Micros | null
}

/** The exact books of the classic API: `order-book-subscribe`, then `md_update` numbered per pair. */
export interface ClassicBooks {
  /** A subscribe goes out: what comes before its answer waits for it. */
  ask(stream: Stream): void
  forget(stream: Stream): void
  /** A log is over: updates for which no snapshot came are counted. */
  finished(): void
  /** A recorded client asked: its depth tells how much of the book the snapshot holds. */
  asked(request: { readonly pair: readonly [string, string]; readonly depth?: number | undefined }): void
  snapshot(value: LosslessValue, frame: string, at: Micros | null): void
  update(value: LosslessValue, frame: string, at: Micros | null): void
}

export function classicBooks(kit: SessionKit): ClassicBooks {
  const { streams } = kit
  const find = pairStreams(kit, 'classic')
  const numbers = new Map<string, SnapshotJoin<Update>>()
  const depths = new Map<string, number>()

  function numbersOf(pair: string): SnapshotJoin<Update> {
    const held = numbers.get(pair) ?? new SnapshotJoin<Update>(CLASSIC_ORDER, bookHolding)
    numbers.set(pair, held)
    return held
  }

  function apply(stream: Stream, update: Update, at: Micros | null): void {
    const book = numbersOf(update.pair)
    const { waiting } = book
    const verdict = book.offer(update)
    if (verdict === 'apply') streams.update(stream, { ...update, sequence: String(update.sequence) }, at)
    else if (waiting) streams.awaitsSnapshot(stream, at)
    else {
      // The venue's text knows no harmless repeat here: anything but the next number breaks the book.
      const { sequence } = update
      const detail = verdict === 'repeat' ? `expected id ${sequence + 1n}, got ${sequence}` : book.breach
      book.restart()
      streams.resync(stream, 'sequence', detail, at)
    }
  }

  return {
    finished() {
      for (const [pair, book] of numbers) {
        const stream = streams.get(pair, 'book')
        if (stream !== undefined) streams.reportUnplaced(stream, book.waited)
      }
    },
    ask: ({ instrument }) => numbersOf(instrument.instrument).restart(),
    forget: ({ instrument }) => void numbers.delete(instrument.instrument),
    asked({ pair, depth = 0 }) {
      if (depth > 0) depths.set(pair.join(':'), depth)
      else depths.delete(pair.join(':'))
    },
    snapshot(value, frame, at) {
      const { data } = checkSnapshot(value, frame)
      const stream = find(data.pair, 'book', at)
      if (stream === undefined) return
      const bids = data.bids.map(toLevel)
      const asks = data.asks.map(toLevel)
      streams.ack(stream, at)
      streams.snapshot(
        stream,
        {
          bids,
          asks,
          depth: depths.get(data.pair) ?? null,
          exchangeTime: timeOf(data),
          sequence: String(data.id),
        },
        at,
      )
      for (const update of numbersOf(data.pair).place(BigInt(data.id))) apply(stream, update, at)
    },
    update(value, frame, at) {
      const update = read(value, frame, at)
      const stream = find(update.pair, 'book', at)
      if (stream !== undefined) apply(stream, update, at)
    },
  }
}

/** An update is counted only when all of it could be read: what cannot be leaves a hole in the numbers. */
function read(value: LosslessValue, frame: string, receivedAt: Micros | null): Update {
  const { id, pair, bids, asks, time } = checkUpdate(value, frame).data
  const exchangeTime = time === undefined ? null : time * 1000
  const sides = { bids: bids.map(toLevel), asks: asks.map(toLevel) }
  return { sequence: BigInt(id), pair, ...sides, exchangeTime, receivedAt }
}

function timeOf({ timestamp, timestamp_ms }: z.output<typeof classicSnapshot>['data']): Micros | null {
  if (timestamp_ms !== undefined) return timestamp_ms * 1000
  return timestamp === undefined ? null : timestamp * 1_000_000
}

export function toLevel([price, amount]: readonly [string, string]): Level {
  return [positiveDecimal(price), unsignedDecimal(amount)]
}
