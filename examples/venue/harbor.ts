import {
  bookHolding,
  type ChannelSpec,
  type Connector,
  type ConnectorOptions,
  canonicalDecimal,
  checker,
  connectorOptions,
  DecodeError,
  decoder,
  defineSession,
  type Endpoint,
  type Instrument,
  type Numbered,
  type OrderRule,
  type Protocol,
  parseOptions,
  readLossless,
  resolveChannels,
  restBeside,
  type SessionKit,
  SnapshotJoin,
  type Stream,
  spotMarket,
  streamFinder,
} from 'tapewire/venue'
import type * as z from 'zod'
import { answer, book, head, markets, refusal, trade } from './schema.js'

/** Each change of a book has the number of the one before plus one, the same on every connection. */
const order: OrderRule = { by: 'seq', scope: 'stream', across: 'same', step: 'next' }

const channels: readonly ChannelSpec[] = [
  // Nothing proves a trade: ids rise and are not contiguous.
  { kind: 'trade', variants: [], markets: ['spot'], cadenceMs: null, snapshot: false },
  {
    kind: 'book',
    variants: [],
    markets: ['spot'],
    order,
    image: { how: 'marked' },
    rows: { kind: 'levels', absent: 'gap' },
    cadenceMs: null,
    snapshot: true,
  },
]

/** Harbor, an exchange that exists only in this example. */
export function harbor(options: ConnectorOptions = {}): Connector {
  const {
    symbols,
    channels: asked,
    url,
    restUrl,
    headers,
  } = parseOptions('harbor', connectorOptions, options)
  const socket = url ?? 'wss://ws.harbor.example/v1'
  const endpoint: Endpoint = {
    name: 'public',
    url: socket,
    headers,
    rest: restUrl ?? (url === undefined ? 'https://api.harbor.example' : restBeside(url)),
  }
  const catalogue: Connector['catalogue'] = {
    requests: () => [{ id: 'markets', method: 'GET', url: `${endpoint.rest}/markets` }],
    read: ({ url: from, body }) => (from.endsWith('/markets') ? readMarkets(body).map(instrumentOf) : null),
  }
  return {
    venue: 'harbor',
    aliases: [],
    title: 'Harbor',
    status: { state: 'open' },
    markets: ['spot'],
    channels,
    limits: {
      subscriptionsPerConnection: 100,
      subscribeBatch: 10,
      subscribesPerMinute: 120,
      connectsPerMinute: 20,
      requestsPerMinute: 60,
      maxFrameBytes: 4 * 1024 * 1024,
      maxConnectionAgeMs: null,
    },
    // Harbor sends a ping every five seconds.
    liveness: { silentAfterMs: 15_000, ping: null },
    endpoints: [endpoint],
    recognises: /^wss:\/\/ws\.harbor\.example\//,
    catalogue,
    symbols,
    requested: resolveChannels('harbor', channels, asked),
    guess,
    route: () => endpoint,
    session: (init, sink) =>
      defineSession({ venue: 'harbor', channels, policy: {}, catalogue, init, sink }, harborProtocol),
  }
}

// ── Symbols ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const readMarkets = decoder(markets)

function instrumentOf({ id, base, quote, tick }: z.output<typeof markets>[number]): Instrument {
  return { ...spotMarket('harbor', id, base, quote), tickSize: canonicalDecimal(tick), status: 'open' }
}

/** `BTC-USD` and `BTC/USD` name the same market: known by rule, for recordings without a listing. */
function guess(symbol: string): Instrument | null {
  const [, base, quote] = /^([A-Z0-9]+)[-/]([A-Z0-9]+)$/.exec(symbol) ?? []
  return base === undefined || quote === undefined
    ? null
    : spotMarket('harbor', `${base}-${quote}`, base, quote)
}

// ── The protocol of one connection ────────────────────────────────────────────────────────────────────────────────────

const checkHead = checker(head)
const checkAnswer = checker(answer)
const checkRefusal = checker(refusal)
const checkTrade = checker(trade)
const checkBook = checker(book)

interface Change extends Numbered {
  readonly bids: [string, string][]
  readonly asks: [string, string][]
  readonly exchangeTime: number
}

function harborProtocol(kit: SessionKit): Protocol {
  const { sink, streams } = kit
  const streamOf = streamFinder(kit, guess)
  const joins = new Map<string, SnapshotJoin<Change>>()

  function joinOf(market: string): SnapshotJoin<Change> {
    const held = joins.get(market) ?? new SnapshotJoin<Change>(order, bookHolding)
    joins.set(market, held)
    return held
  }

  function request(op: 'subscribe' | 'unsubscribe', asked: readonly Stream[]): void {
    for (const { kind, instrument } of asked) {
      if (kind === 'book') joins.delete(instrument.instrument)
      sink.send(JSON.stringify({ op, topic: kind, market: instrument.instrument }))
    }
  }

  function readBook(value: unknown, frame: string, at: number | null): void {
    const { market, type, seq, bids, asks, time } = checkBook(value, frame)
    const stream = streamOf(market, 'book', at)
    if (stream === undefined) return
    const change: Change = {
      sequence: BigInt(seq),
      bids: bids.map(level),
      asks: asks.map(level),
      exchangeTime: time * 1000,
    }
    const join = joinOf(market)
    if (type === 'change') {
      apply(stream, join, change, at)
      return
    }
    streams.snapshot(stream, { ...change, sequence: String(seq), depth: null }, at)
    for (const newer of join.place(change.sequence)) apply(stream, join, newer, at)
  }

  function apply(stream: Stream, join: SnapshotJoin<Change>, change: Change, at: number | null): void {
    const { waiting } = join
    const verdict = join.offer(change)
    if (verdict === 'apply') {
      const taken = streams.update(stream, { ...change, sequence: String(change.sequence) }, at)
      // The book contradicted the change, and is asked for again.
      if (!taken) join.restart()
    } else if (waiting) streams.awaitsSnapshot(stream, at)
    else if (verdict !== 'repeat') streams.resync(stream, 'sequence', join.breach, at)
  }

  return {
    opened: () => sink.ready(),
    subscribe: (asked) => request('subscribe', asked),
    unsubscribe(leaving) {
      request('unsubscribe', leaving)
      // Harbor confirms nothing.
      for (const stream of leaving) streams.remove(stream)
    },
    frame(data, at) {
      const frame = typeof data === 'string' ? data : new TextDecoder().decode(data)
      const value = readLossless(frame)
      const { op, topic } = checkHead(value, frame)
      if (op === 'ping') sink.send('{"op":"pong"}')
      else if (op === 'subscribed') {
        const granted = checkAnswer(value, frame)
        const stream = streamOf(granted.market, granted.topic, at)
        if (stream !== undefined) streams.ack(stream, at)
      } else if (op === 'error') {
        const { market, topic: refused, message } = checkRefusal(value, frame)
        const stream = streams.get(market, refused)
        if (stream !== undefined) streams.refuse(stream, message, at)
      } else if (topic === 'trade') {
        const { market, id, price, amount, taker, time } = checkTrade(value, frame)
        const stream = streamOf(market, 'trade', at)
        if (stream === undefined) return
        const exact = { price: canonicalDecimal(price), amount: canonicalDecimal(amount) }
        streams.trade(stream, { id, ...exact, side: taker, exchangeTime: time * 1000 }, at)
      } else if (topic === 'book') readBook(value, frame, at)
      else throw new DecodeError('unknown_message', 'an unknown message', { path: ['op'], head: frame })
    },
  }
}

function level([price, amount]: readonly [string, string]): [string, string] {
  return [canonicalDecimal(price), canonicalDecimal(amount)]
}
