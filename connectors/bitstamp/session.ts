import type { Level, Micros, Order } from '../../schemas/events.js'
import type { Channel, HttpResponse } from '../../src/connector.js'
import { readLossless } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import { type PusherMessage, pusher } from '../../src/protocols/pusher/index.js'
import { RestBackfills } from '../../src/session/rest-backfill.js'
import type { Protocol, SessionKit } from '../../src/session/session.js'
import { type Stream, streamName } from '../../src/session/stream.js'
import { Rising } from '../../src/venue/rising.js'
import { bookHolding } from '../../src/venue/snapshot-join.js'
import { withCodec } from '../../src/venue/with-codec.js'
import { JoinedBooks, type Rows, sequenceOf } from './joined-books.js'
import {
  orderHolding,
  readBook,
  readFunding,
  readLevels,
  readOrder,
  readOrderBook,
  readOrders,
  readTrade,
} from './rows.js'
import { instrumentNamed } from './symbols.js'
import { tradeHistory } from './trade-history.js'

/** Pusher's grammar under Bitstamp's names. The heartbeat is asked for: the venue itself speaks only when markets move. */
const grammar = pusher({
  read: readLossless,
  dialect: {
    prefix: 'bts:',
    handshake: false,
    ping: 'heartbeat',
    pong: 'heartbeat',
    reconnect: 'request_reconnect',
  },
  activityTimeoutMs: 8_000,
  pongTimeoutMs: 10_000,
  timeoutMs: Number.POSITIVE_INFINITY,
})

/** By the venue's name, which stands before the market's id: `detail_order_book_btcusd`. */
const CHANNELS: ReadonlyMap<string, Channel> = new Map([
  ['live_trades', 'trade'],
  ['diff_order_book', 'book'],
  ['order_book', 'book:100'],
  ['live_orders', 'order'],
  ['detail_order_book', 'order:100'],
  ['funding_rate', 'derivative'],
])

const NAMES = new Map([...CHANNELS].map(([name, channel]) => [channel, name]))

/** The best rows of the channels that show them alone. */
const DEPTH = 100

/** Events of channels that carry something; `snapshot` is the REST book that Tardis puts into its files. */
const DATA = new Set([
  'trade',
  'data',
  'snapshot',
  'order_created',
  'order_changed',
  'order_deleted',
  'funding_rate_saved',
])

/** The protocol of one connection to Bitstamp. */
export function bitstampProtocol(kit: SessionKit): Protocol {
  const { init, streams } = kit
  const trades = new RestBackfills(kit, tradeHistory(init.endpoint.rest))
  const rising = new Rising()
  /** Of each L3 stream the id of its last event. */
  const chain = new WeakMap<Stream, string>()
  /** Channels that were asked for and not answered, and errors that name none of them. */
  const asked = new Map<string, Stream>()
  let errors: string[] = []
  let events = 0n

  const books = new JoinedBooks<Level>(kit, {
    group: 1,
    strict: true,
    holding: bookHolding,
    read: readBook,
    refuse,
    snapshot: (stream, rows, at) => streams.snapshot(stream, fieldsOf(rows), at),
    update: (stream, rows, at) => streams.update(stream, fieldsOf(rows), at),
    differs: ({ record: { book } }, { bids, asks }) =>
      book.count('bids') !== bids.length ||
      book.count('asks') !== asks.length ||
      bids.some(([price, amount]) => book.amountAt('bids', price) !== amount) ||
      asks.some(([price, amount]) => book.amountAt('asks', price) !== amount),
  })
  const orders = new JoinedBooks<Order>(kit, {
    group: 2,
    strict: false,
    holding: orderHolding,
    read: readOrderBook,
    refuse,
    snapshot: (stream, rows, at) => streams.orderSnapshot(stream, fieldsOf(rows), at),
    update: (stream, rows, at) => streams.orderUpdate(stream, fieldsOf(rows), at),
  })

  const codec = withCodec(kit, grammar, {
    message(message, frame, at) {
      if (message.type === 'subscribed') granted(message.channel, at)
      else if (message.type === 'event') datum(message, frame, at)
    },
    misfit(frame, at) {
      const channel = /"channel"\s*:\s*"([^"]*)"/.exec(frame)?.[1]
      if (channel !== undefined) {
        const { id, ours } = partsOf(channel)
        if (ours !== undefined) lost(streams.get(id, ours), at)
      }
      // One that breaks off may have been of any channel.
      else if (frame.startsWith('{')) for (const stream of [...streams.values()]) lost(stream, at)
    },
    error({ message }, at) {
      errors.push(message)
      settle(at)
    },
    response,
  })

  // ── Subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────

  function ask(stream: Stream, at: Micros | null): void {
    const channel = `${NAMES.get(stream.channel)}_${stream.instrument.instrument}`
    asked.set(channel, stream)
    joined(stream)?.begin(stream)
    rising.forget(stream)
    chain.delete(stream)
    codec.command({ type: 'subscribe', channel }, at)
  }

  function leave(stream: Stream, at: Micros | null): void {
    const channel = `${NAMES.get(stream.channel)}_${stream.instrument.instrument}`
    // One of the errors may be its own; whoever else it was is asked again in time.
    if (asked.delete(channel)) errors.shift()
    joined(stream)?.leave(stream)
    if (stream.kind === 'trade') trades.forget(stream)
    codec.command({ type: 'unsubscribe', channel }, at)
  }

  function refuse(stream: Stream, reason: string, at: Micros | null): void {
    leave(stream, at)
    streams.refuse(stream, reason, at)
  }

  function granted(channel: string, at: Micros | null): void {
    asked.delete(channel)
    const stream = streamOf(channel, at)
    if (stream === null) return
    const joins = joined(stream)
    if (joins !== null) joins.granted(stream, at)
    else if (stream.kind === 'trade') trades.granted(stream, at)
    else streams.ack(stream, at)
    settle(at)
  }

  /** An error names no channel: it is known whose it is when as many are unanswered as there were errors. */
  function settle(at: Micros | null): void {
    if (errors.length === 0 || errors.length < asked.size) return
    const reason = errors.join('; ')
    errors = []
    if (asked.size === 0) streams.connection('refused', reason, at)
    for (const stream of asked.values()) refuse(stream, reason, at)
  }

  // ── Data ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The stream of a channel; null where nobody wants it any more. In a recording its first sight is how it becomes known. */
  function streamOf(channel: string, at: Micros | null): Stream | null {
    const { id, ours } = partsOf(channel)
    if (ours === undefined) return null
    if (!init.adopt) return streams.get(id, ours) ?? null
    return streams.adopt(
      instrumentNamed(id, (known) => init.instruments.get(known)),
      ours,
      at,
    )
  }

  function datum(event: Extract<PusherMessage, { type: 'event' }>, frame: string, at: Micros | null): void {
    const { channel, message } = event
    if (channel === null || !DATA.has(event.event)) {
      const what = `unknown event ${event.event.slice(0, 60)}`
      throw new DecodeError('unknown_message', what, { path: ['event'], head: frame })
    }
    const stream = streamOf(channel, at)
    if (stream === null) return
    read(stream, event.event, message, frame, at)
  }

  function read(stream: Stream, event: string, message: unknown, frame: string, at: Micros | null): void {
    switch (stream.channel) {
      case 'trade':
        return trades.trade(stream, readTrade(message, frame), at)
      case 'book': {
        const rows = readLevels(message, frame)
        if (event === 'snapshot') books.image(stream, rows, at)
        else books.change(stream, sequenceOf(rows.exchangeTime), rows, at)
        return
      }
      case 'book:100': {
        const rows = readLevels(message, frame)
        if (takes(stream, rows)) streams.snapshot(stream, { ...fieldsOf(rows), depth: DEPTH }, at)
        return
      }
      case 'order': {
        const { id, previous, ...rows } = readOrder(message, frame)
        const last = chain.get(stream)
        if (id !== null) chain.set(stream, id)
        if (last !== undefined && previous !== null && previous !== last)
          orders.broken(stream, `expected pre_event_id ${last}, got ${previous}`, at)
        orders.change(stream, sequenceOf(rows.exchangeTime, ++events), rows, at)
        return
      }
      case 'order:100': {
        const rows = readOrders(message, frame)
        if (takes(stream, rows)) streams.orderSnapshot(stream, { ...fieldsOf(rows), depth: DEPTH }, at)
        return
      }
      default:
        streams.derivative(stream, readFunding(message, frame), at)
    }
  }

  function takes(stream: Stream, { exchangeTime }: Rows<unknown>): boolean {
    return rising.takes(stream, String(exchangeTime))
  }

  /** A message of the stream could not be read. Where each is complete, the next one says all. */
  function lost(stream: Stream | undefined, at: Micros | null): void {
    if (stream === undefined || stream.state === 'leaving' || stream.state === 'requested') return
    const detail = `a message of ${streamName(stream)} could not be read`
    const joins = joined(stream)
    if (joins !== null) joins.broken(stream, detail, at)
    else if (stream.kind === 'trade') streams.gap(stream, 'sequence', detail, at)
  }

  function joined({ channel }: Stream): JoinedBooks<Level> | JoinedBooks<Order> | null {
    return channel === 'book' ? books : channel === 'order' ? orders : null
  }

  // ── Answers over HTTP ───────────────────────────────────────────────────────────────────────────────────────────

  function response(answer: HttpResponse, at: Micros | null): void {
    if (init.adopt) logged(answer, at)
    else if (!books.response(answer, at) && !orders.response(answer, at)) trades.response(answer, at)
  }

  function logged(answer: HttpResponse, at: Micros | null): void {
    const path = /\/order_book\/([^/?]+)\/?(?:\?(.*))?$/.exec(answer.url)
    if (path === null) return trades.response(answer, at)
    if (answer.status !== 200) return
    const [, id = '', query] = path
    const group = new URLSearchParams(query).get('group') ?? '1'
    if (group === '1') books.logged(id, streams.get(id, 'book'), readBook(answer), at)
    else if (group === '2') orders.logged(id, streams.get(id, 'order'), readOrderBook(answer), at)
  }

  return {
    ...codec.protocol,
    subscribe(requested, at) {
      for (const stream of requested) ask(stream, at)
    },
    resubscribe(stream, at) {
      streams.leave(stream)
      leave(stream, at)
      ask(streams.request(stream, at), at)
    },
    unsubscribe(leaving, at) {
      for (const stream of leaving) {
        leave(stream, at)
        streams.remove(stream)
      }
    },
    finished() {
      books.finished()
      orders.finished()
    },
  }
}

function fieldsOf<Row>({ bids, asks, exchangeTime, receivedAt = null }: Rows<Row>) {
  return { bids, asks, exchangeTime, sequence: String(exchangeTime), receivedAt, depth: null }
}

/** The market's id has no underscore, and the names of the channels have. */
function partsOf(channel: string): { readonly id: string; readonly ours: Channel | undefined } {
  const end = channel.lastIndexOf('_')
  return { id: channel.slice(end + 1), ours: CHANNELS.get(channel.slice(0, end)) }
}
