import { describe, expect, it } from 'vitest'
import { bittrex } from '../../../connectors/bittrex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { bittrexSimulator } from '../../../simulators/index.js'
import { openFeed } from '../../../src/feed/feed.js'
import { type FrameRecord, playRecording } from '../../../src/framelog/index.js'
import { virtualPlatform } from '../../../src/simulator/index.js'
import { type Harness, harness } from '../../support/harness.js'
import { candle, message, orderBook, packed, pushed, restBook, SECOND, START, trade, trades } from './wire.js'

const REST = 'https://api.bittrex.com/v3/markets'

interface Log extends Harness {
  now: number | null
  receive(...frames: string[]): void
  /** What the recorded client sent, and the reply to it. */
  called(method: string, args: readonly unknown[], reply: unknown, id?: number, hub?: string): void
  rest(path: string, body: unknown, sequence?: number): void
  pass(seconds: number): void
}

/** A log that is fed by hand. */
function log(now: number | null = START): Log {
  const run = harness(bittrex(), { adopt: true })
  const session: Log = Object.assign(run, {
    now,
    receive(...frames: string[]) {
      for (const frame of frames) run.session.frame(frame, session.now)
    },
    called(method: string, args: readonly unknown[], reply: unknown, id = 1, hub = 'c3') {
      run.session.sent(JSON.stringify({ H: hub, M: method, A: args, I: id }), session.now)
      session.receive(JSON.stringify({ R: reply, I: String(id) }))
    },
    rest(path: string, body: unknown, sequence?: number) {
      const headers: Record<string, string> = sequence === undefined ? {} : { sequence: String(sequence) }
      const response = { id: '', url: `${REST}${path}`, status: 200, headers, body: JSON.stringify(body) }
      run.session.response(response, session.now)
    },
    pass(seconds: number) {
      if (session.now === null) throw new Error('the log has no clock')
      session.now += seconds * SECOND
      run.until(session.now)
    },
  })
  run.session.opened(
    { url: 'wss://socket-v3.bittrex.com/signalr/connect', negotiated: null, attempt: 1 },
    now,
  )
  return session
}

const OK = [{ Success: true, ErrorCode: null }]
const BOOK = restBook([['100', '1']], [['101', '1']])

describe('a log of hub c3', () => {
  it('shows its streams by the acks to its client, refusals left out, and never sends', () => {
    const run = log()
    const topics = [
      'ticker_BTC-USD',
      'market_summary_BTC-USD',
      'candle_BTC-USD_HOUR_1',
      'trade_BTC-USD',
      'heartbeat',
    ]
    run.called('Subscribe', [topics], [...topics.slice(1).map(() => OK[0]), { Success: false }])
    run.session.closed({ code: 1006, reason: '' }, run.now)
    expect(run.of('gap').map(({ channel }) => channel)).toEqual([
      'ticker',
      'quote',
      'ticker:market_summary',
      'candle:1h',
      'trade',
    ])
    expect([run.sent, run.requests, run.reconnects]).toEqual([[], [], []])
  })

  it('whose client sent nothing shows its streams by what came', () => {
    const run = log(null)
    run.receive('{"C":"d-1","S":1,"M":[]}', '{"R":[{"Success":true,"ErrorCode":null}],"I":"1"}')
    run.receive(pushed(trades(1, 'a'), candle(1, '2021-06-14T01:54:00Z', '1'), orderBook(5, [['100', '1']])))
    run.receive(pushed(message('tickers', { sequence: 1, deltas: [] })))
    expect(run.of('trade')).toMatchObject([{ id: 'a', receiveTime: null }])
    expect(run.of('candle')).toHaveLength(1)
    run.rest('/BTC-USD/orderbook?depth=500', BOOK, 4)
    expect(run.events.slice(-2)).toMatchObject([
      { type: 'book_snapshot', sequence: '4' },
      { type: 'book_update', sequence: '5' },
    ])
    expect(run.of('malformed')).toEqual([])
  })

  it('joins a snapshot of a quiet market only where the grant is old enough to prove it', () => {
    const quiet = log()
    quiet.called('Subscribe', [['orderbook_BTC-USD_500']], OK)
    quiet.pass(1)
    quiet.rest('/BTC-USD/orderbook?depth=500', BOOK, 10)
    expect(quiet.of('book_snapshot')).toHaveLength(1)

    for (const [first, gaps] of [
      [11, 0],
      [13, 0],
    ] as const) {
      const early = log()
      early.rest('/BTC-USD/orderbook?depth=500', BOOK, 10)
      early.called('Subscribe', [['orderbook_BTC-USD_500']], OK)
      expect(early.of('book_snapshot')).toEqual([])
      early.receive(pushed(orderBook(first, [['100', '2']])))
      expect(early.of('book_snapshot')).toHaveLength(first === 11 ? 1 : 0)
      expect(early.of('gap')).toHaveLength(gaps)
    }
  })

  it('leaves a book suspect after a gap until the log itself brings a snapshot', () => {
    const run = log()
    run.receive(pushed(orderBook(5, [['100', '1']])))
    run.rest('/BTC-USD/orderbook?depth=500', BOOK, 5)
    run.receive(pushed(orderBook(7, [['100', '7']])), pushed(orderBook(8, [['100', '8']])))
    run.pass(500)
    expect(run.of('book_update')).toEqual([])
    expect(run.of('gap')).toMatchObject([{ reason: 'sequence', state: 'open' }])
    run.rest('/BTC-USD/orderbook?depth=500', BOOK, 7)
    expect(run.of('gap')).toMatchObject([{ state: 'open' }, { state: 'closed', healed: true }])
    expect(run.of('book_update')).toMatchObject([{ sequence: '8' }])
    expect([run.requests, run.reconnects]).toEqual([[], []])
  })

  it('checks a live book against every snapshot of its number that it holds', () => {
    const run = log()
    run.receive(pushed(orderBook(5, [['100', '1']])))
    run.rest('/BTC-USD/orderbook?depth=500', BOOK, 5)
    run.rest('/BTC-USD/orderbook?depth=500', BOOK, 5)
    run.rest('/BTC-USD/orderbook?depth=500', restBook([]), 4)
    run.rest('/BTC-USD/orderbook?depth=500', restBook([]), 6)
    expect(run.of('gap')).toEqual([])
    run.rest('/BTC-USD/orderbook?depth=500', restBook([['99', '1']]), 5)
    expect(run.of('gap')).toMatchObject([{ reason: 'checksum' }, { healed: true }])
    expect(run.of('book_snapshot')).toHaveLength(2)
  })

  it('takes history as it comes, each trade once', () => {
    const run = log()
    run.receive(pushed(trades(5, 'c')))
    run.rest('/BTC-USD/trades', [trade('c'), trade('b')], 5)
    run.receive(pushed(trades(7, 'e')))
    expect(run.of('trade').map(({ id, historical }) => [id, historical])).toEqual([
      ['c', false],
      ['b', true],
      ['e', false],
    ])
    expect(run.of('gap').map(({ state, healed }) => [state, healed])).toEqual([
      ['open', false],
      ['closed', false],
    ])
  })

  it('reads recent candles, and passes over REST answers that are no streams', () => {
    const run = log()
    const row = { startsAt: '2021-06-14T01:54:00Z', open: '1', high: '1', low: '1', close: '1' }
    run.rest('/BTC-USD/candles/TRADE/HOUR_1/recent', [row], 5)
    run.rest('/BTC-USD/candles/HOUR_1/recent', [], 5)
    run.rest('/BTC-USD/candles/MINUTE_7/recent', [row], 5)
    run.rest('/BTC-USD/candles/HOUR_1/historical/2020', [row], 5)
    run.rest('/BTC-USD/ticker', {})
    run.rest('/tickers', [], 5)
    expect(run.events.map((event) => ('channel' in event ? event.channel : event.type))).toEqual([
      'candle:1h',
    ])
  })

  it('says what is wrong with an answer, and asks for nothing', () => {
    const run = log()
    run.rest('/BTC-USD/orderbook', BOOK)
    run.rest('/nonsense/orderbook', BOOK, 5)
    run.session.response(
      { id: '', url: `${REST}/BTC-USD/trades`, status: 500, headers: {}, body: '' },
      run.now,
    )
    run.pass(100)
    expect(run.of('malformed').map(({ path }) => path)).toEqual(['headers.sequence', 'marketSymbol'])
    expect(run.requests).toEqual([])
  })

  it('forgets a stream that its client gave up', () => {
    const run = log()
    run.called('Subscribe', [['orderbook_BTC-USD_500', 'tickers']], [...OK, ...OK])
    run.receive(pushed(orderBook(5, [['100', '1']])))
    run.rest('/BTC-USD/orderbook?depth=500', BOOK, 5)
    run.called('Unsubscribe', [['orderbook_BTC-USD_500', 'tickers']], [...OK, ...OK], 2)
    run.called('Subscribe', [['orderbook_BTC-USD_500']], OK, 3)
    run.receive(pushed(orderBook(90, [['100', '1']])))
    expect(run.of('gap')).toEqual([])
    run.rest('/BTC-USD/orderbook?depth=500', BOOK, 90)
    expect(run.of('book_snapshot')).toHaveLength(2)
  })

  it('ignores what has no bearing: a wish to reconnect, replies to nothing, failures, other calls', () => {
    const run = log()
    run.receive('{"C":"d","T":1}', '{"R":true,"I":"5"}', '{"I":"6","E":"boom"}')
    run.called('Authenticate', ['key'], { Success: true })
    run.called('Subscribe', [7], true, 2)
    run.receive('{"I":"9","R":null}')
    expect(run.events).toEqual([])
  })
})

describe('a log of hub c2', () => {
  const state = (nonce: number, market: string | null = 'USD-BTC') => ({
    M: market,
    N: nonce,
    Z: [{ Q: 1, R: 100.5 }],
    S: [{ Q: 2, R: 101 }],
    f: [{ I: 7, T: 1_617_638_458_730, Q: 0.5, P: 100.7, OT: 'SELL' }],
  })
  const update = (nonce: number, changes: Record<string, unknown> = {}) =>
    pushed(message('uE', { M: 'USD-BTC', N: nonce, Z: [], S: [], f: [], ...changes }, 'C2'))

  it('turns its markets round, joins the queried state by nonce, and tells fills as trades', () => {
    const run = log()
    run.called('SubscribeToExchangeDeltas', ['USD-BTC'], true, 0, 'c2')
    run.receive(update(20, { Z: [{ TY: 0, R: 99, Q: 3 }] }), update(21, { S: [{ TY: 1, R: 101, Q: 0 }] }))
    run.called('QueryExchangeState', ['USD-BTC'], packed(state(20)), 0, 'c2')
    const fill = { FI: 8, OT: 'BUY', R: 100.9, Q: 0.25, T: 1_617_644_223_690 }
    run.receive(update(22, { f: [fill, { ...fill, FI: undefined }] }))
    expect(run.of('book_snapshot')).toMatchObject([
      {
        symbol: 'BTC/USD',
        instrument: 'USD-BTC',
        sequence: '20',
        bids: [['100.5', '1']],
        asks: [['101', '2']],
      },
    ])
    expect(run.of('book_update')).toMatchObject([
      { sequence: '21', asks: [['101', '0']] },
      { sequence: '22', bids: [], asks: [] },
    ])
    expect(
      run.of('trade').map(({ id, side, historical, exchangeTime }) => [id, side, historical, exchangeTime]),
    ).toEqual([
      ['7', 'sell', true, 1_617_638_458_730_000],
      ['8', 'buy', false, 1_617_644_223_690_000],
      ['22.1', 'buy', false, 1_617_644_223_690_000],
    ])
  })

  it('knows the market of a state by the query where the state does not say', () => {
    const run = log()
    run.called('QueryExchangeState', ['USD-ETH'], packed(state(5, null)), 3, 'c2')
    expect(run.of('book_snapshot')).toMatchObject([{ symbol: 'ETH/USD' }])
    run.called('QueryExchangeState', [], packed(state(5, null)), 4, 'c2')
    expect(run.of('malformed')).toMatchObject([{ reason: 'schema_mismatch', path: 'M' }])
  })

  it('marks a book suspect where a nonce is missing', () => {
    const run = log()
    run.called('QueryExchangeState', ['USD-BTC'], packed(state(5)), 1, 'c2')
    run.receive(update(6), update(9))
    expect(run.of('gap')).toMatchObject([{ reason: 'sequence', detail: 'expected sequence 7, got 9' }])
  })

  it('tells the summaries of every market as tickers, and where one is missing', () => {
    const row = {
      M: 'USD-BTC',
      H: 2,
      L: 1,
      V: 10.5,
      l: 1.5,
      m: 15,
      T: 1_617_644_213_790,
      B: 1.4,
      A: 1.6,
      PD: null,
    }
    const summaries = (nonce: number) =>
      pushed(message('uS', { N: nonce, D: [row, { ...row, M: 'BTC-LTC' }] }, 'C2'))
    const run = log()
    run.receive(summaries(5), summaries(5), summaries(6))
    expect(run.of('ticker')).toHaveLength(4)
    expect(run.of('ticker')[1]).toMatchObject({
      symbol: 'LTC/BTC',
      channel: 'ticker:market_summaries',
      last: '1.5',
      open: null,
      high: '2',
      low: '1',
      volume: '10.5',
      quoteVolume: '15',
      bidPrice: '1.4',
      askPrice: '1.6',
      exchangeTime: 1_617_644_213_790_000,
    })
    run.receive(summaries(8))
    expect(run.of('gap').map(({ instrument, state: its }) => [instrument, its])).toEqual([
      ['USD-BTC', 'open'],
      ['BTC-LTC', 'open'],
      ['USD-BTC', 'closed'],
      ['BTC-LTC', 'closed'],
    ])
  })

  it('says what it does not read', () => {
    const run = log()
    run.receive(pushed(message('uL', {}, 'C2')), pushed({ H: 'C2', M: 'uO', A: [packed({})] }))
    expect(run.of('malformed')).toMatchObject([{ reason: 'unknown_message' }])
  })
})

function streamOf(event: MarketEvent): string {
  return 'channel' in event ? `${event.channel} ${event.instrument}` : event.type
}

describe('a log of our own', () => {
  it('gives the very market data again that the feed gave', async () => {
    const platform = virtualPlatform({ seed: 11 })
    platform.serve(bittrexSimulator({ seed: 11 }), { hosts: ['bittrex.sim'] })
    const records: FrameRecord[] = []
    const live: MarketEvent[] = []
    const feed = openFeed(
      [
        bittrex({
          url: 'ws://bittrex.sim',
          symbols: ['BTC/USD', '1INCH/BTC'],
          channels: [
            'trade',
            'book',
            'book:25',
            'ticker',
            'quote',
            'candle',
            'ticker:tickers',
            'ticker:market_summary',
          ],
        }),
      ],
      {
        platform,
        tap: {
          open: (conn, url, t, venue) => void records.push({ dir: 'open', conn, t, url, venue }),
          received: (conn, data, t) => void records.push({ dir: 'in', conn, t, data }),
          sent: (conn, data, t) => void records.push({ dir: 'out', conn, t, data }),
          rest: ({ url, status, headers, body }, t) =>
            void records.push({ dir: 'rest', t, url, status, headers, body }),
          closed: (conn, t) => void records.push({ dir: 'close', conn, t }),
        },
      },
    )
    feed.on('event', (event) => void live.push(event))
    await platform.advance(30_000)
    const again: MarketEvent[] = []
    await playRecording([records], { connectors: [bittrex()], onEvent: (event) => void again.push(event) })
    const closing = feed.close()
    await platform.advance(5_000)
    await closing

    // Topics of all markets show every market of a log, and a live feed those that were asked for; and a log shows a
    // stream, and with it the instrument, by data that may come before the ack.
    const asked = new Set(live.map(streamOf))
    const told = (events: readonly MarketEvent[]) =>
      events
        .filter((event) => !['connection', 'instrument'].includes(event.type) && asked.has(streamOf(event)))
        .map((event) => JSON.stringify(event))
    const [first, second] = [told(live), told(again)]
    expect(first.length).toBeGreaterThan(500)
    expect(second.find((event, index) => event !== first[index])).toBeUndefined()
    expect(second).toHaveLength(first.length)
  })
})
