import {
  checksumFrame,
  fundingLevelFrame,
  fundingLevelsFrame,
  fundingOrderFrame,
  fundingOrdersFrame,
  levelFrame,
  levelsFrame,
  orderFrame,
  ordersFrame,
} from '../../schemas/bitfinex.js'
import type { Level, Order } from '../../schemas/events.js'
import { OrderLedger } from '../../src/book/order-ledger.js'
import {
  absoluteDecimal,
  canonicalDecimal,
  checker,
  identifier,
  positiveDecimal,
  unsignedDecimal,
} from '../../src/decode/index.js'
import type { Stream, Streams } from '../../src/session/index.js'
import { bookChecksum, SIGNED_LEVELS } from './checksum.js'
import { type ChannelReader, type DataFrame, isList, unknownMessage } from './frames.js'

const checkLevel = checker(levelFrame)
const checkLevels = checker(levelsFrame)
const checkFundingLevel = checker(fundingLevelFrame)
const checkFundingLevels = checker(fundingLevelsFrame)
const checkOrder = checker(orderFrame)
const checkOrders = checker(ordersFrame)
const checkFundingOrder = checker(fundingOrderFrame)
const checkFundingOrders = checker(fundingOrdersFrame)
const checkChecksum = checker(checksumFrame)

export interface BookContext {
  readonly streams: Streams
  readonly stream: Stream
  /** Levels (orders) a side that the venue keeps up to date. */
  readonly depth: number
  /** Whether a log shows the channel by its frames alone: they may be from any time after its snapshot. */
  readonly amid: boolean
  /** Whether `conf` asked for several levels in one frame. */
  bulk(): boolean
}

/** The reader that fits a book channel: aggregated or of single orders, of a pair or of a funding currency. */
export function bookReader(context: BookContext): ChannelReader {
  const funding = context.stream.instrument.market === 'funding'
  if (context.stream.kind === 'order') return funding ? fundingOrders(context) : orders(context)
  return funding ? fundingLevels(context) : levels(context)
}

/** What differs between the four kinds of books. */
interface BookForm<Row> {
  /** Checks a frame with one row. */
  row(frame: DataFrame): Row
  /** Checks a frame with many. */
  rows(frame: DataFrame): readonly Row[]
  removes(row: Row): boolean
  snapshot(rows: readonly Row[], frame: DataFrame): void
  update(rows: readonly Row[], frame: DataFrame): void
  /** As `update`, of one row: nearly every frame of a recording is such, so that it may have a shorter way. */
  change?(row: Row, frame: DataFrame): void
  /** What the venue signs; null where its checksum cannot be relied on. */
  signed: (() => Record<'bids' | 'asks', readonly (readonly [string, string])[]>) | null
}

/**
 * A snapshot and an update in bulk have the same shape: the first frame after the ack is the snapshot. Later a list is an
 * update where `conf` asked for bulk or where it removes something, which no snapshot does; else it is a new snapshot.
 */
function reader<Row>({ streams, stream, amid, bulk }: BookContext, form: BookForm<Row>): ChannelReader {
  const change = form.change ?? ((row: Row, frame: DataFrame) => form.update([row], frame))
  let begun = false
  return {
    rows(frame) {
      if (!isList(frame.value[1])) {
        const row = form.row(frame)
        if (begun) change(row, frame)
        else early(frame)
        return
      }
      const rows = form.rows(frame)
      if (!begun && rows.some(form.removes)) {
        early(frame)
        return
      }
      if (begun && (bulk() || rows.some(form.removes))) {
        if (rows.length > 0) form.update(rows, frame)
        return
      }
      begun = true
      form.snapshot(rows, frame)
    },
    tagged(tag, frame) {
      if (tag !== 'cs') unknownMessage(`a book frame with the tag ${tag}`, frame.text)
      const expected = checkChecksum(frame.value, frame.text)[2]
      if (form.signed === null || !begun || stream.record.book.state !== 'live') return
      const { bids, asks } = form.signed()
      const actual = String(bookChecksum(bids, asks))
      const { sequence, exchangeTime } = frame
      streams.checksum(stream, { expected, actual, exchangeTime, sequence }, frame.at)
    },
  }

  /** An update before the first snapshot. */
  function early({ at }: DataFrame): void {
    if (!amid) streams.resync(stream, 'sequence', 'an update came before the first snapshot', at)
    streams.unplaced(stream, at)
  }
}

/** `[price, count, amount]`: a negative amount is an ask. */
function levels(context: BookContext): ChannelReader {
  const { streams, stream, depth } = context
  return reader<WireLevel>(context, {
    row: (frame) => checkLevel(frame.value, frame.text)[1],
    rows: (frame) => checkLevels(frame.value, frame.text)[1],
    removes: (row) => row[1] === '0',
    snapshot(rows, { exchangeTime, sequence, at }) {
      streams.snapshot(stream, { ...split(rows), depth, exchangeTime, sequence }, at)
    },
    update(rows, { exchangeTime, sequence, at }) {
      const { bids, asks } = split(rows)
      streams.update(stream, { bids, asks, exchangeTime, sequence }, at)
    },
    change(row, { exchangeTime, sequence, at }) {
      const amount = canonicalDecimal(row[2])
      const changed = [level(row, amount)]
      const ask = isNegative(amount)
      const bids = ask ? [] : changed
      const asks = ask ? changed : []
      streams.update(stream, { bids, asks, exchangeTime, sequence }, at)
    },
    signed: () => stream.record.book.top(SIGNED_LEVELS),
  })

  function split(rows: readonly WireLevel[]): Sides<Level> {
    const sides: Sides<Level> = { bids: [], asks: [] }
    for (const row of rows) {
      const amount = canonicalDecimal(row[2])
      const side = isNegative(amount) ? sides.asks : sides.bids
      side.push(level(row, amount))
    }
    return sides
  }

  function level(row: WireLevel, amount: string): Level {
    return [positiveDecimal(row[0]), row[1] === '0' ? '0' : absoluteDecimal(amount)]
  }
}

/**
 * `[rate, period, count, amount]`: a positive amount is an offer (ask). A level of the venue is a rate for a period; ours
 * is a rate, with the amounts of its periods summed.
 */
function fundingLevels(context: BookContext): ChannelReader {
  const { streams, stream, depth } = context
  const ledger = new OrderLedger()
  return reader<readonly [string, string, string, string, ...unknown[]]>(context, {
    row: (frame) => checkFundingLevel(frame.value, frame.text)[1],
    rows: (frame) => checkFundingLevels(frame.value, frame.text)[1],
    removes: (row) => row[2] === '0',
    snapshot(rows, { exchangeTime, sequence, at }) {
      const loans: Sides<Order> = { bids: [], asks: [] }
      for (const row of rows) {
        const { side, loan } = read(row)
        loans[side].push(loan)
      }
      ledger.snapshot(loans.bids, loans.asks)
      const [bids, asks] = [ledger.levels('bids'), ledger.levels('asks')]
      streams.snapshot(stream, { bids, asks, depth, exchangeTime, sequence }, at)
    },
    update(rows, { exchangeTime, sequence, at }) {
      const sides: Sides<Level> = { bids: [], asks: [] }
      for (const row of rows) {
        const { side, loan } = read(row)
        if (ledger.set(side, loan).change === 'absent') {
          const detail = `removed level ${loan[0]} was not in the book`
          streams.resync(stream, 'sequence', detail, at, stream.record.proved)
          return
        }
        sides[side].push(ledger.level(side, loan[1]))
      }
      streams.update(stream, { ...sides, exchangeTime, sequence }, at)
    },
    signed: null,
  })

  function read(row: readonly [string, string, string, string, ...unknown[]]): {
    side: keyof Sides<Level>
    loan: Order
  } {
    const rate = unsignedDecimal(row[0])
    const amount = canonicalDecimal(row[3])
    const held = row[2] === '0' ? '0' : absoluteDecimal(amount)
    return { side: isNegative(amount) ? 'bids' : 'asks', loan: [`${rate} for ${row[1]} days`, rate, held] }
  }
}

/** `[order id, price, amount]`: price 0 says that the order left. */
function orders(context: BookContext): ChannelReader {
  const { stream } = context
  const { ledger } = stream.record
  return reader<readonly [string, string, string, ...unknown[]]>(context, {
    row: (frame) => checkOrder(frame.value, frame.text)[1],
    rows: (frame) => checkOrders(frame.value, frame.text)[1],
    removes: (row) => row[1] === '0',
    ...orderStream(context, (row) => {
      const amount = canonicalDecimal(row[2])
      return {
        id: identifier(row[0]),
        price: unsignedDecimal(row[1]),
        amount,
        side: isNegative(amount) ? 'asks' : 'bids',
      }
    }),
    signed: () => ({
      bids: ledger.top('bids', SIGNED_LEVELS).map(([id, , amount]) => [id, amount] as const),
      asks: ledger.top('asks', SIGNED_LEVELS).map(([id, , amount]) => [id, amount] as const),
    }),
  })
}

/** `[offer id, period, rate, amount]`: rate 0 says that the offer left; a positive amount is an offer (ask). */
function fundingOrders(context: BookContext): ChannelReader {
  return reader<readonly [string, string, string, string, ...unknown[]]>(context, {
    row: (frame) => checkFundingOrder(frame.value, frame.text)[1],
    rows: (frame) => checkFundingOrders(frame.value, frame.text)[1],
    removes: (row) => row[2] === '0',
    ...orderStream(context, (row) => {
      const amount = canonicalDecimal(row[3])
      return {
        id: identifier(row[0]),
        price: unsignedDecimal(row[2]),
        amount,
        side: isNegative(amount) ? 'bids' : 'asks',
      }
    }),
    signed: null,
  })
}

interface WireOrder {
  readonly id: string
  readonly price: string
  /** With the sign of the wire. */
  readonly amount: string
  readonly side: keyof Sides<Order>
}

function orderStream<Row>(
  { streams, stream, depth }: BookContext,
  read: (row: Row) => WireOrder,
): Pick<BookForm<Row>, 'snapshot' | 'update'> {
  const { ledger } = stream.record
  return {
    snapshot(rows, { exchangeTime, sequence, at }) {
      streams.orderSnapshot(stream, { ...split(rows), depth, exchangeTime, sequence }, at)
    },
    update(rows, { exchangeTime, sequence, at }) {
      streams.orderUpdate(stream, { ...split(rows), exchangeTime, sequence }, at)
    },
  }

  function split(rows: readonly Row[]): Sides<Order> {
    const sides: Sides<Order> = { bids: [], asks: [] }
    for (const row of rows) {
      const { id, price, amount, side } = read(row)
      // An order that left has no price of its own any more: it keeps the one under which it is known.
      if (price === '0') sides[side].push([id, ledger.get(side, id)?.[1] ?? '0', '0'])
      else sides[side].push([id, price, absoluteDecimal(amount)])
    }
    return sides
  }
}

type WireLevel = readonly [price: string, count: string, amount: string, ...later: unknown[]]

interface Sides<Row> {
  readonly bids: Row[]
  readonly asks: Row[]
}

function isNegative(canonical: string): boolean {
  return canonical.charCodeAt(0) === 45
}
