import type { BookSnapshotEvent, Level, Micros, Order, OrderSnapshotEvent } from '../../schemas/events.js'
import type { Channel, Instrument } from '../connector.js'
import type { StreamRecord } from './memory.js'

/** Both sides of a book, level by level or order by order. */
export interface BookSides {
  readonly bids: readonly (Level | Order)[]
  readonly asks: readonly (Level | Order)[]
}

/** What a snapshot that the engine makes says of its place. */
export interface ImagePlace {
  readonly n: number
  readonly exchangeTime: Micros | null
  readonly receiveTime: Micros | null
  readonly sequence: string | null
}

/** The sides of a book that is kept; null where it has not begun. */
export function sidesOf(record: StreamRecord, channel: Channel): BookSides | null {
  if (record.book.state === 'syncing') return null
  const all = Number.POSITIVE_INFINITY
  if (!channel.startsWith('order')) return record.book.top(all)
  return { bids: record.ledger.top('bids', all), asks: record.ledger.top('asks', all) }
}

/**
 * A book that is kept, as a snapshot; null where it has not begun. The fields are in the order in which every snapshot has them: a
 * tape gives events back byte for byte.
 */
export function bookImage(
  record: StreamRecord,
  { venue, symbol, instrument, amountUnit }: Instrument,
  channel: Channel,
  { n, exchangeTime, receiveTime, sequence }: ImagePlace,
): BookSnapshotEvent | OrderSnapshotEvent | null {
  if (record.book.state === 'syncing') return null
  const head = { venue, symbol, instrument, channel, n, exchangeTime, receiveTime, sequence }
  const { depth } = record
  const all = Number.POSITIVE_INFINITY
  if (channel.startsWith('order')) {
    const bids = record.ledger.top('bids', all)
    const asks = record.ledger.top('asks', all)
    return { type: 'order_snapshot', ...head, bids, asks, amountUnit, depth }
  }
  const { bids, asks } = record.book.top(all)
  return { type: 'book_snapshot', ...head, bids, asks, amountUnit, depth }
}
