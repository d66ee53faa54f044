import type * as z from 'zod'
import { l2Frame, l3Frame } from '../../schemas/blockchain.js'
import type { Level, Micros, Order } from '../../schemas/events.js'
import { compareDecimals, positiveDecimal, unsignedDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import { identifier } from '../../src/decode/identifier.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import { isoMicros } from '../../src/decode/time.js'

const checkL2 = checker(l2Frame)
const checkL3 = checker(l3Frame)

/** A frame of `l2` or `l3`, of rows that are levels or orders. */
export interface BookFrame<Row> {
  readonly symbol: string
  readonly bids: Row[]
  readonly asks: Row[]
  readonly exchangeTime: Micros | null
}

/** @param snapshot the venue lists both sides in ascending order of price: the best bid comes last, and is put first. */
export function readLevels(value: LosslessValue, frame: string, snapshot: boolean): BookFrame<Level> {
  const read = rows(checkL2(value, frame), toLevel)
  return snapshot ? bestFirst(read, ([price]) => price) : read
}

/** @param snapshot as of {@link readLevels}. */
export function readOrders(value: LosslessValue, frame: string, snapshot: boolean): BookFrame<Order> {
  const read = rows(checkL3(value, frame), toOrder)
  return snapshot ? bestFirst(read, ([, price]) => price) : read
}

type L2Row = z.output<typeof l2Frame>['bids'][number]
type L3Row = z.output<typeof l3Frame>['bids'][number]

function toLevel({ px, qty }: L2Row): Level {
  return [positiveDecimal(px), unsignedDecimal(qty)]
}

function toOrder(row: L3Row): Order {
  return [identifier(row.id), ...toLevel(row)]
}

interface Wire<WireRow> {
  readonly symbol: string
  readonly bids: readonly WireRow[]
  readonly asks: readonly WireRow[]
  readonly timestamp?: string | undefined
}

function rows<WireRow, Row>(frame: Wire<WireRow>, toRow: (row: WireRow) => Row): BookFrame<Row> {
  const { symbol, bids, asks, timestamp } = frame
  const exchangeTime = timestamp === undefined ? null : isoMicros(timestamp)
  return { symbol, bids: bids.map(toRow), asks: asks.map(toRow), exchangeTime }
}

function bestFirst<Row>(book: BookFrame<Row>, priceOf: (row: Row) => string): BookFrame<Row> {
  book.bids.sort((a, b) => compareDecimals(priceOf(b), priceOf(a)))
  book.asks.sort((a, b) => compareDecimals(priceOf(a), priceOf(b)))
  return book
}
