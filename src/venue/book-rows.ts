import type { Level, Micros, Order } from '../../schemas/events.js'
import { ownText } from '../decode/own-text.js'
import type { Stream } from '../session/stream.js'
import type { SnapshotFields, UpdateFields } from '../session/stream-events.js'
import type { Streams } from '../session/streams.js'
import { bookHolding } from './snapshot-join.js'

/** Rows of both sides. */
export interface RowSides<Row> {
  readonly bids: Row[]
  readonly asks: Row[]
}

/** What a book is made of: price levels or orders. */
export interface BookRows<Row> {
  readonly holding: {
    rows(message: RowSides<Row>): number
    own<Message extends RowSides<Row>>(message: Message): Message
  }
  snapshot(streams: Streams, stream: Stream, fields: SnapshotFields<Row>, at: Micros | null): void
  /** @returns whether the book took it. */
  update(streams: Streams, stream: Stream, fields: UpdateFields<Row>, at: Micros | null): boolean
  /** Whether the book as it stands is the one of an image; left out where that cannot be compared. */
  isSame?(stream: Stream, image: RowSides<Row>): boolean
}

/** A book of price levels. */
export const levelRows: Required<BookRows<Level>> = {
  holding: bookHolding,
  snapshot: (streams, stream, fields, at) => streams.snapshot(stream, fields, at),
  update: (streams, stream, fields, at) => streams.update(stream, fields, at),
  isSame({ record: { book } }, image) {
    return (['bids', 'asks'] as const).every(
      (side) =>
        book.count(side) === image[side].length &&
        image[side].every(([price, amount]) => book.amountAt(side, price) === amount),
    )
  },
}

/** A book order by order. */
export const orderRows: BookRows<Order> = {
  holding: {
    rows: ({ bids, asks }) => bids.length + asks.length,
    own: (change) => ({ ...change, bids: change.bids.map(ownOrder), asks: change.asks.map(ownOrder) }),
  },
  snapshot: (streams, stream, fields, at) => streams.orderSnapshot(stream, fields, at),
  update: (streams, stream, fields, at) => streams.orderUpdate(stream, fields, at),
}

function ownOrder([id, price, amount]: Order): Order {
  return [ownText(id), ownText(price), ownText(amount)]
}
