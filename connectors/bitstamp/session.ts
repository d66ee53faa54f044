import type { Level, Micros, Order } from '../../schemas/events.js'
import type { Channel, HttpResponse } from '../../src/connector.js'
import { readLossless } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import { type PusherMessage, pusher } from '../../src/protocols/pusher/index.js'
import { RestBackfills } from '../../src/session/rest-backfill.js'
import type { Protocol, SessionKit } from '../../src/session/session.js'
import { type Stream, streamName } from '../../src/session/stream.js'
import { levelRows, orderRows } from '../../src/venue/book-rows.js'
import { type BookMessage, RequestedBooks } from '../../src/venue/requested-books.js'
import { Rising } from '../../src/venue/rising.js'
import type { OrderRule } from '../../src/venue/spec.js'
import { withCodec } from '../../src/venue/with-codec.js'
import {
  clockWentBack,
  readBook,
  readFunding,
  readLevels,
  readOrder,
  readOrderBook,
  readOrders,
  readTrade,
} from './rows.js'
import { instrumentNamed } from './symbols.js'
import { THROTTLED, tradeHistory } from './trade-history.js'

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
  unasked: true,
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

/** The image is about a second old: what is asked for this long after the grant holds everything before the first change. */
const SETTLE_MS = 2_000
/** The books over REST: of levels, and order by order. */
const LEVELS = '1'
const ORDERS = '2'

/** It hides what is lost; and whether another connection shows the same is not known. */
export const RISING: OrderRule = { by: 'microtimestamp', scope: 'stream', across: 'own', step: 'rising' }

/** What is kept of errors that name no channel, and of channels that were given up. */
const REASONS = 5
const REASON_LENGTH = 200
const MOST_LEFT = 1_024

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
  /** Channels that were asked for and not answered, and how many errors came, which name none of them. */
  const asked = new Map<string, Stream>()
  const reasons = new Set<string>()
  let errors = 0
  /** Channels that were given up: what is still on its way is nobody's. */
  const left = new Set<string>()
  let events = 0n

  const common = {
    order: RISING,
    settleMs: SETTLE_MS,
    startedAgain: clockWentBack,
    throttled: ({ status, body }: HttpResponse) => status === 429 || THROTTLED.test(body),
    refuse,
  }
  const books = new RequestedBooks<Level>(kit, {
    ...common,
    rows: levelRows,
    strict: true,
    path: (stream) => imagePath(stream, LEVELS),
    read: readBook,
    audit: { firstMs: 20_000, silentMs: 20_000, longestMs: 600_000 },
  })
  const orders = new RequestedBooks<Order>(kit, {
    ...common,
    rows: orderRows,
    strict: false,
    path: (stream) => imagePath(stream, ORDERS),
    read: readOrderBook,
  })

  const codec = withCodec(kit, grammar, {
    message(message, frame, at) {
      if (message.type === 'subscribed') granted(message.channel, at)
      else if (message.type === 'event') datum(message, frame, at)
    },
    misfit(frame, at, { code }) {
      const channel = /"channel"\s*:\s*"([^"]*)"/.exec(frame)?.[1]
      const stream = channel === undefined ? undefined : known(channel)
      // A frame that is no JSON may have been of any channel.
      const torn = code === 'not_json' || code === 'undecodable'
      const harmed = stream !== undefined ? [stream] : torn ? [...streams.values()] : []
      for (const each of harmed) lost(each, at)
    },
    error({ message }, at) {
      errors++
      if (reasons.size < REASONS) reasons.add(message.slice(0, REASON_LENGTH))
      settle(at)
    },
    response,
  })

  // ── Subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────

  function ask(stream: Stream, at: Micros | null): void {
    const channel = channelOf(stream)
    asked.set(channel, stream)
    left.delete(channel)
    joined(stream)?.begin(stream)
    rising.forget(stream)
    chain.delete(stream)
    codec.command({ type: 'subscribe', channel }, at)
  }

  function leave(stream: Stream, at: Micros | null): void {
    const channel = channelOf(stream)
    // One of the errors may be its own; whoever else it was is asked again in time.
    if (asked.delete(channel)) errors = Math.max(0, errors - 1)
    left.add(channel)
    if (left.size > MOST_LEFT) for (const oldest of left) if (left.delete(oldest)) break
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
    if (stream === undefined) return
    const joins = joined(stream)
    if (joins !== null) joins.granted(stream, at)
    else if (stream.kind === 'trade') trades.granted(stream, at)
    else streams.ack(stream, at)
    settle(at)
  }

  /** An error names no channel: it is known whose it is when as many are unanswered as there were errors. */
  function settle(at: Micros | null): void {
    if (errors === 0 || errors < asked.size) return
    const reason = [...reasons].join('; ')
    errors = 0
    reasons.clear()
    if (asked.size === 0) streams.connection('refused', reason, at)
    for (const stream of asked.values()) refuse(stream, reason, at)
  }

  // ── Data ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The stream of a channel; undefined where nobody wants it. In a recording its first sight is how it becomes known. */
  function streamOf(channel: string, at: Micros | null): Stream | undefined {
    const { id, ours } = partsOf(channel)
    if (ours === undefined || !init.adopt) return known(channel)
    const instrument = instrumentNamed(id, (name) => init.instruments.get(name))
    return streams.adopt(instrument, ours, at)
  }

  function known(channel: string): Stream | undefined {
    const { id, ours } = partsOf(channel)
    return ours === undefined ? undefined : streams.get(id, ours)
  }

  function datum(event: Extract<PusherMessage, { type: 'event' }>, frame: string, at: Micros | null): void {
    const { channel, message } = event
    if (channel === null || !DATA.has(event.event)) {
      throw unknown(`unknown event ${event.event.slice(0, 60)}`, 'event', frame)
    }
    if (left.has(channel)) return
    const stream = streamOf(channel, at)
    if (stream === undefined) throw unknown(`nobody asked for ${channel.slice(0, 60)}`, 'channel', frame)
    read(stream, event.event, message, frame, at)
  }

  function read(stream: Stream, event: string, message: unknown, frame: string, at: Micros | null): void {
    switch (stream.channel) {
      case 'trade':
        return trades.trade(stream, readTrade(message, frame), at)
      case 'book': {
        const rows = readLevels(message, frame)
        if (event === 'snapshot') books.image(stream, rows, at)
        else books.change(stream, rows, at)
        return
      }
      case 'book:100': {
        const rows = readLevels(message, frame)
        if (rising.takes(stream, rows.shown)) streams.snapshot(stream, fieldsOf(rows), at)
        return
      }
      case 'order': {
        const { id, after, ...rows } = readOrder(message, frame, ++events)
        const last = chain.get(stream)
        if (id !== null) chain.set(stream, id)
        if (last !== undefined && after !== null && after !== last)
          orders.broken(stream, `expected pre_event_id ${last}, got ${after}`, at)
        orders.change(stream, rows, at)
        return
      }
      case 'order:100': {
        const rows = readOrders(message, frame)
        if (rising.takes(stream, rows.shown)) streams.orderSnapshot(stream, fieldsOf(rows), at)
        return
      }
      default:
        streams.derivative(stream, readFunding(message, frame), at)
    }
  }

  /** A message of the stream could not be read. Where each is complete, the next one says all. */
  function lost(stream: Stream, at: Micros | null): void {
    if (stream.state === 'leaving' || stream.state === 'requested') return
    const detail = `a message of ${streamName(stream)} could not be read`
    const joins = joined(stream)
    if (joins !== null) joins.broken(stream, detail, at)
    else if (stream.kind === 'trade') streams.gap(stream, 'sequence', detail, at)
  }

  function joined({ channel }: Stream): RequestedBooks<Level> | RequestedBooks<Order> | null {
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
    const group = new URLSearchParams(query).get('group') ?? LEVELS
    if (group === LEVELS) books.logged(id, streams.get(id, 'book'), answer, at)
    else if (group === ORDERS) orders.logged(id, streams.get(id, 'order'), answer, at)
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

function fieldsOf<Row>({ bids, asks, exchangeTime, shown }: BookMessage<Row>) {
  return { bids, asks, exchangeTime, sequence: shown ?? null, depth: DEPTH }
}

function imagePath({ instrument }: Stream, group: string): string {
  return `/api/v2/order_book/${instrument.instrument}/?group=${group}`
}

function channelOf({ channel, instrument }: Stream): string {
  return `${NAMES.get(channel)}_${instrument.instrument}`
}

function unknown(what: string, path: string, head: string): DecodeError {
  return new DecodeError('unknown_message', what, { path: [path], head })
}

/** The market's id has no underscore, and the names of the channels have. */
function partsOf(channel: string): { readonly id: string; readonly ours: Channel | undefined } {
  const end = channel.lastIndexOf('_')
  return { id: channel.slice(end + 1), ours: CHANNELS.get(channel.slice(0, end)) }
}
