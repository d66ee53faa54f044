import { describe, expect, it } from 'vitest'
import { bitmex } from '../../../connectors/bitmex/index.js'
import { harness } from '../../support/harness.js'
import {
  ack,
  asked,
  connector,
  emptyPartial,
  reading,
  requests,
  SECOND,
  subscription,
  T,
  table,
} from './conversation.js'

function opened() {
  const run = harness(connector)
  run.session.opened({ url: 'ws://127.0.0.1:1/realtime', negotiated: null, attempt: 1 }, T)
  return run
}

function failure(status: number, error: string, args: unknown, more: object = {}, op = 'subscribe'): string {
  return JSON.stringify({ status, error, meta: {}, request: { op, args }, ...more })
}

const symbols = Array.from({ length: 20 }, (_, index) => `C${index}USDT`)

describe('subscribing', () => {
  it('may begin as soon as the socket is open, greeting or not', () => {
    expect(opened().ready).toBe(true)
  })

  it('asks for at most 18 topics in one request', () => {
    const run = opened()
    run.session.subscribe(
      symbols.map((symbol) => subscription(symbol, 'quote')),
      T,
    )
    expect(requests(run).map(({ op, args }) => [op, args.length])).toEqual([
      ['subscribe', 18],
      ['subscribe', 2],
    ])
    expect(requests(run)[1]?.args).toEqual(['quote:C18USDT', 'quote:C19USDT'])
    expect(connector.limits.subscribeBatch).toBe(18)
  })

  it.each([
    ['trade', 'trade'],
    ['book', 'orderBookL2'],
    ['book:L2_25', 'orderBookL2_25'],
    ['book:L2_100', 'orderBookL2_100'],
    ['book:10', 'orderBook10'],
    ['quote', 'quote'],
    ['ticker', 'instrument'],
    ['derivative', 'instrument'],
    ['instrument', 'instrument'],
    ['derivative:funding', 'funding'],
    ['liquidation', 'liquidation'],
    ['candle', 'tradeBin1m'],
    ['candle:5m', 'tradeBin5m'],
    ['candle:1h', 'tradeBin1h'],
    ['candle:1d', 'tradeBin1d'],
  ] as const)('asks for %s as %s', (channel, topic) => {
    const run = opened()
    run.session.subscribe([subscription('XBTUSD', channel)], T)
    expect(requests(run)).toEqual([{ op: 'subscribe', args: [`${topic}:XBTUSD`] }])
  })

  it('asks again for a topic that is granted and stays silent, and then for another socket', () => {
    const run = asked('book', ['XBTUSD'])
    run.until(T + 16 * SECOND)
    expect(run.resubscribes).toHaveLength(1)
  })

  it('asks for the streams of one topic once, though each of them times out', () => {
    const run = opened()
    const three = (['ticker', 'derivative', 'instrument'] as const).map((kind) =>
      subscription('XBTUSD', kind),
    )
    run.session.subscribe(three, T)
    run.until(T + 31 * SECOND)
    expect(run.resubscribes).toHaveLength(3)
    run.sent.length = 0
    for (const each of three) run.session.resubscribe(each, T + 31 * SECOND)
    expect(requests(run)).toEqual([{ op: 'subscribe', args: ['instrument:XBTUSD'] }])
    run.session.resubscribe(subscription('ETHUSD', 'ticker'), T)
    expect(run.sent).toHaveLength(1)
  })

  it('does not give up trades that came to life while their resubscribe waited its turn', () => {
    const run = asked('trade', ['XBTUSD'])
    run.until(T + 16 * SECOND)
    const [waiting] = run.resubscribes
    if (waiting === undefined) throw new Error('nothing was asked for again')
    run.session.frame(emptyPartial('trade', 'XBTUSD'), T + 17 * SECOND)
    run.session.resubscribe(waiting, T + 18 * SECOND)
    expect(run.sent).toEqual([])
    run.session.frame('{"table":"trade","action":"insert","data":[{"symbol":"XBTUSD","pri', T + 19 * SECOND)
    run.session.resubscribe(waiting, T + 20 * SECOND)
    expect(requests(run).map(({ op }) => op)).toEqual(['unsubscribe', 'subscribe'])
  })

  it('takes the partial for the ack that got lost', () => {
    const run = opened()
    run.session.subscribe([subscription('XBTUSD', 'book')], T)
    run.session.frame(emptyPartial('orderBookL2', 'XBTUSD'), T)
    run.until(T + 100 * SECOND)
    expect(run.resubscribes).toEqual([])
    run.session.overflowed({ instrument: 'XBTUSD', channel: 'book' }, null, T + 100 * SECOND, 'unread')
    run.session.resubscribe(subscription('XBTUSD', 'book'), T + 100 * SECOND)
    expect(requests(run).map(({ op }) => op)).toEqual(['subscribe', 'unsubscribe', 'subscribe'])
  })
})

describe('unsubscribing', () => {
  it('keeps a topic while another channel needs it', () => {
    const run = asked('ticker', ['XBTUSD'])
    run.session.subscribe([subscription('XBTUSD', 'derivative')], T)
    run.session.unsubscribe([subscription('XBTUSD', 'ticker')], T)
    expect(run.sent).toEqual([])
    run.session.frame(table('instrument', 'partial', '{"symbol":"XBTUSD","lastPrice":1,"markPrice":2}'), T)
    expect(run.events.map(({ type }) => type)).toEqual(['derivative'])
    run.session.unsubscribe([subscription('XBTUSD', 'derivative')], T)
    expect(requests(run)).toEqual([{ op: 'unsubscribe', args: ['instrument:XBTUSD'] }])
  })

  it('passes over what still comes, until it is asked for again', () => {
    const run = asked('trade', ['XBTUSD'])
    const frame = (id: string) =>
      table('trade', 'insert', `{"symbol":"XBTUSD","size":1,"price":1,"trdMatchID":"${id}"}`)
    run.session.unsubscribe([subscription('XBTUSD', 'trade')], T)
    run.session.frame(frame('late'), T)
    expect(run.events).toEqual([])
    run.session.subscribe([subscription('XBTUSD', 'trade')], T)
    run.session.frame('{"success":true,"unsubscribe":"trade:XBTUSD"}', T)
    run.session.frame(frame('new'), T)
    expect(run.of('trade').map(({ id }) => id)).toEqual(['new'])
  })

  it('begins a book afresh that is asked for again: what comes before its partial is of another time', () => {
    const run = asked('book', ['XBTUSD'])
    const row = '{"symbol":"XBTUSD","id":1,"side":"Buy","size":1,"price":5}'
    run.session.frame(table('orderBookL2', 'partial', row), T)
    run.session.unsubscribe([subscription('XBTUSD', 'book')], T)
    run.session.frame(table('orderBookL2', 'partial', row), T)
    run.session.subscribe([subscription('XBTUSD', 'book')], T)
    expect(requests(run).map(({ op }) => op)).toEqual(['unsubscribe', 'subscribe'])
    run.session.frame(table('orderBookL2', 'update', row.replace('"size":1', '"size":2')), T)
    expect(run.events.map(({ type }) => type)).toEqual(['book_snapshot'])
    run.session.frame(table('orderBookL2', 'partial', row), T)
    run.session.frame(table('orderBookL2', 'update', row.replace('"size":1', '"size":2')), T)
    expect(run.events.map(({ type }) => type)).toEqual(['book_snapshot', 'book_snapshot', 'book_update'])
  })

  it('forgets a topic when the venue confirms, or says that it never had it', () => {
    for (const answer of [
      '{"success":true,"unsubscribe":"trade:XBTUSD"}',
      failure(400, 'You are not subscribed to this topic: trade:XBTUSD', ['trade:XBTUSD'], {}, 'unsubscribe'),
    ]) {
      const run = asked('trade', ['XBTUSD'])
      run.session.unsubscribe([subscription('XBTUSD', 'trade')], T)
      run.session.frame(answer, T)
      run.session.unsubscribe([subscription('XBTUSD', 'trade')], T)
      expect(requests(run)).toHaveLength(1)
      expect(run.events).toEqual([])
    }
  })
})

describe('errors of the venue', () => {
  it('say that a topic is subscribed already: harmless', () => {
    const run = opened()
    run.session.subscribe([subscription('XBTUSD', 'quote'), subscription('ETHUSD', 'quote')], T)
    const both = ['quote:XBTUSD', 'quote:ETHUSD']
    run.session.frame(failure(400, 'You are already subscribed to this topic: quote:XBTUSD.', both), T)
    run.session.frame(ack('quote:ETHUSD'), T)
    run.until(T + 100 * SECOND)
    expect(run.events).toEqual([])
    expect(run.resubscribes).toEqual([])
  })

  it('refuse one topic, by name or as the only one, and the rest goes on', () => {
    const run = opened()
    run.session.subscribe([subscription('XBTUSD', 'trade'), subscription('NOPEUSD', 'trade')], T)
    run.session.frame(
      failure(400, 'Unknown or expired symbol: trade:NOPEUSD', ['trade:XBTUSD', 'trade:NOPEUSD']),
      T,
    )
    run.session.frame(ack('trade:XBTUSD'), T)
    expect(run.of('connection')).toMatchObject([
      { state: 'refused', reason: 'trade of NOPE/USD:BTC: 400: Unknown or expired symbol: trade:NOPEUSD' },
    ])
    run.session.frame('{"success":false,"subscribe":"trade:XBTUSD"}', T)
    expect(run.of('connection').at(-1)?.reason).toBe(
      'trade of BTC/USD:BTC: the venue answered no to trade:XBTUSD',
    )
  })

  it('that do not say which topic they refuse leave each to be asked for by itself', () => {
    const run = opened()
    run.session.subscribe([subscription('XBTUSD', 'trade'), subscription('NOPEUSD', 'trade')], T)
    run.session.frame(failure(400, 'Bad symbol.', ['trade:XBTUSD', 'trade:NOPEUSD']), T)
    run.session.frame(ack('trade:XBTUSD'), T)
    expect(run.of('connection')).toMatchObject([{ state: 'refused', reason: '400: Bad symbol.' }])
    run.until(T + 31 * SECOND)
    const [again] = run.resubscribes
    expect(again?.instrument.instrument).toBe('XBTUSD')
    run.session.resubscribe(subscription('NOPEUSD', 'trade'), T + 31 * SECOND)
    run.session.frame(failure(400, 'Bad symbol.', 'trade:NOPEUSD'), T + 31 * SECOND)
    expect(run.of('connection').at(-1)?.reason).toBe('trade of NOPE/USD:BTC: 400: Bad symbol.')
  })

  it('teach how many topics a request may have', () => {
    const run = opened()
    const topics = symbols.slice(0, 6)
    run.session.subscribe(
      topics.map((symbol) => subscription(symbol, 'trade')),
      T,
    )
    const [first] = requests(run)
    run.session.frame(failure(400, 'Too many args sent. Max length is 4.', first?.args), T)
    expect(
      requests(run)
        .slice(1)
        .map(({ args }) => args.length),
    ).toEqual([4, 2])
    run.session.frame(failure(400, 'Too many args sent.', ['trade:C0USDT']), T)
    expect(run.of('connection')).toMatchObject([{ state: 'refused' }])
  })

  it('of a limit are waited for as long as the venue says', () => {
    const run = opened()
    run.session.subscribe([subscription('XBTUSD', 'trade')], T)
    run.session.frame(
      failure(429, 'Rate limit exceeded, retry in 40 seconds.', ['trade:XBTUSD'], {
        meta: { retryAfter: 40 },
      }),
      T,
    )
    expect(run.of('connection')).toMatchObject([
      { state: 'refused', reason: expect.stringContaining('40000 ms') },
    ])
    run.until(T + 39 * SECOND)
    expect(run.sent).toHaveLength(1)
    expect(run.resubscribes).toEqual([])
    run.until(T + 40 * SECOND)
    expect(requests(run)[1]).toEqual({ op: 'subscribe', args: ['trade:XBTUSD'] })
  })

  it('of a limit that lasts are said once, and waited for longer each time', () => {
    const run = opened()
    run.session.subscribe([subscription('XBTUSD', 'trade')], T)
    const asked: number[] = []
    for (let now = T; now < T + 3600 * SECOND; now += SECOND) {
      run.until(now)
      for (const frame of run.sent.splice(0)) {
        if (!frame.includes('trade:XBTUSD')) continue
        asked.push(now)
        run.session.frame(failure(429, 'Rate limit exceeded, retry in 4 seconds.', ['trade:XBTUSD']), now)
      }
    }
    expect(asked.length).toBeLessThan(16)
    expect((asked.at(-1) ?? 0) - (asked.at(-2) ?? 0)).toBeGreaterThanOrEqual(600 * SECOND)
    expect(run.of('connection')).toHaveLength(1)
    expect(run.reconnects).toEqual([])
  })

  it.each([
    [{}, 'Rate limit exceeded, retry in 3 seconds.', 3000],
    [{ meta: { retryAfter: 2.5 } }, 'Rate limit exceeded.', 2500],
    [{ meta: null }, 'Rate limit exceeded.', 1000],
    [{ meta: { retryAfter: -1 } }, 'Rate limit exceeded.', 1000],
  ])('of a limit on the connection (%o, %s) end it for %d ms', (more, text, afterMs) => {
    const waits: (number | undefined)[] = []
    const holds: (number | undefined)[] = []
    const run = watched(waits, holds)
    run.frame(failure(429, text, undefined, more), T)
    expect(waits).toEqual([afterMs])
    expect(holds).toEqual([afterMs])
  })

  it('of overload end the connection for five seconds', () => {
    const waits: (number | undefined)[] = []
    watched(waits).frame(failure(503, 'The system is currently overloaded.', ['trade:XBTUSD']), T)
    expect(waits).toEqual([5000])
  })

  it('without a status are refusals, and any request is echoed', () => {
    const run = opened()
    for (const request of ['"nonsense"', '{"args":[1,{"a":null}]}', 'null', '{"op":5,"args":7}']) {
      run.session.frame(`{"error":"Unrecognized request.","request":${request}}`, T)
    }
    expect(run.of('connection').map(({ reason }) => reason)).toEqual(
      Array.from({ length: 4 }, () => '400: Unrecognized request.'),
    )
  })
})

/** A session whose reconnects are watched with their waits. */
function watched(waits: (number | undefined)[], holds: (number | undefined)[] = []) {
  const session = connector.session(
    {
      endpoint: { name: 'public', url: 'ws://127.0.0.1:1', rest: null },
      connection: 'public#0',
      adopt: false,
      instruments: opened().instruments,
      memory: opened().memory,
      tools: { gunzip: String, inflateRaw: String, hmacSha256: (secret) => secret },
      random: () => 0.5,
    },
    {
      emit: () => {},
      send: () => {},
      request: () => {},
      wake: () => {},
      ready: () => {},
      resubscribe: () => {},
      reconnect: (_reason, options) => void waits.push(options?.afterMs),
      limited: ({ forMs }) => void holds.push(forMs),
    },
  )
  session.opened({ url: 'ws://127.0.0.1:1', negotiated: null, attempt: 1 }, T)
  return session
}

describe('the greeting', () => {
  it('holds the dialling of the whole process where no connection is left', () => {
    const holds: (number | undefined)[] = []
    const session = watched([], holds)
    session.frame('{"info":"Welcome","limit":{"remaining":39}}', T)
    session.frame('{"info":"Welcome to the BitMEX Realtime API.","limit":{}}', T)
    expect(holds).toEqual([])
    session.frame('{"info":"Welcome","limit":{"remaining":0}}', T)
    expect(holds).toEqual([60_000])
  })
})

describe('the end of a connection', () => {
  it('with 1012 is a deployment', () => {
    const run = asked('trade', ['XBTUSD'])
    run.session.closed({ code: 1012, reason: 'Service Restart' }, T)
    expect(run.of('connection')).toMatchObject([{ state: 'maintenance', reason: 'Service Restart' }])
    expect(connector.limits.plannedCodes).toEqual([1012])
  })
})

describe('frames that are no data', () => {
  it('are read and left alone: pong, greeting, help, acks of other requests, other tables', () => {
    const run = asked('trade', ['XBTUSD'])
    for (const frame of [
      'pong',
      '{"info":"Welcome to the BitMEX Realtime API.","version":"2.0.0","heartbeatEnabled":false}',
      '{"info":"See the docs","usage":"...","ops":["help"],"subscribe":"..."}',
      '{"success":true,"request":{"op":"authKeyExpires","args":["key",1,"signature"]}}',
      '{"now":"2021-07-22T22:36:07.865Z","cancelTime":0,"request":{"op":"cancelAllAfter","args":15000}}',
      '{"success":true,"subscribe":"chat:1","request":{"op":"subscribe","args":"chat:1"}}',
      '{"success":true,"unsubscribe":"chat:1"}',
      '{"success":true,"subscribe":"trade"}',
      '{"table":"settlement","action":"partial","data":[]}',
      '{"table":"quoteBin1m","action":"insert","data":[{"symbol":"XBTUSD"}]}',
      '{"table":"chat","action":"insert","data":[{"message":"moon"}]}',
    ]) {
      run.session.frame(frame, T)
    }
    expect(run.events).toEqual([])
  })

  it.each([
    ['{"table":"orderBookL4","action":"insert","data":[]}', 'unknown_message', 'table'],
    ['{"table":"insurance","action":"insert"}', 'schema_mismatch', 'data'],
    ['{"hello":1}', 'unknown_message', ''],
    ['[0,"id","topic",{}]', 'unknown_message', ''],
    ['[{"symbol":"XBTUSD"}]', 'unknown_message', ''],
    ['"ping"', 'unknown_message', ''],
    ['null', 'unknown_message', ''],
    ['Bye.', 'not_json', ''],
    ['{"table":"quoteBin1m","action', 'not_json', ''],
    ['{"success":true,"subscr', 'not_json', ''],
  ])('are malformed where nothing like %s is known, and cost no stream', (frame, reason, path) => {
    const run = asked('trade', ['XBTUSD'])
    run.session.frame(frame, T)
    expect(run.events).toMatchObject([{ type: 'malformed', reason, path, head: frame }])
  })

  it.each(['', '{"tab', '{"table":"orderBo'])(
    'may have been anything where they break off as %j does',
    (frame) => {
      const run = asked('trade', ['XBTUSD'])
      run.session.subscribe([subscription('ETHUSD', 'book')], T)
      run.session.frame(emptyPartial('orderBookL2', 'ETHUSD'), T)
      run.session.frame(frame, T)
      expect(run.of('gap').map(({ channel, reason }) => [channel, reason])).toEqual([
        ['trade', 'sequence'],
        ['book', 'sequence'],
      ])
      expect(run.resubscribes.map(({ channel }) => channel)).toEqual(['book'])
    },
  )

  it('are malformed where they are binary', () => {
    const run = asked('trade', ['XBTUSD'])
    run.session.frame(new Uint8Array([1, 2]), T)
    expect(run.of('malformed')).toMatchObject([{ reason: 'undecodable' }])
  })
})

describe('a recording', () => {
  it('makes its streams known by acks, and by rows where it begins later', () => {
    const run = reading()
    run.session.sent('{"op":"subscribe","args":["liquidation:XBTUSD"]}', T)
    run.session.frame(ack('liquidation:XBTUSD'), T)
    run.session.frame(table('quote', 'insert', '{"symbol":"ETHUSD","bidPrice":1,"bidSize":2}'), T)
    run.session.closed({ code: null, reason: 'end of the log' }, T)
    expect(run.of('quote')).toMatchObject([{ symbol: 'ETH/USD:BTC' }])
    expect(run.of('gap').map(({ channel }) => channel)).toEqual(['liquidation', 'quote'])
    expect(run.sent).toEqual([])
    expect(run.requests).toEqual([])
  })

  it('ends a stream with the ack of its unsubscribe', () => {
    const run = reading()
    run.session.frame(ack('trade:XBTUSD'), T)
    run.session.frame('{"success":true,"unsubscribe":"trade:XBTUSD"}', T)
    run.session.closed({ code: 1000, reason: '' }, T)
    expect(run.of('gap')).toEqual([])
  })

  it('tells of the errors that it holds', () => {
    const run = reading()
    run.session.frame(failure(429, 'Rate limit exceeded', ['trade:XBTUSD']), T)
    expect(run.of('connection')).toMatchObject([{ state: 'refused', reason: '429: Rate limit exceeded' }])
    expect(run.reconnects).toEqual([])
  })

  it('is read under the name of the venue where nothing describes an instrument', () => {
    const run = reading()
    run.session.frame(table('quote', 'insert', '{"symbol":"P_FORK","bidPrice":1,"bidSize":2}'), T)
    expect(run.of('quote')).toMatchObject([
      { symbol: 'P_FORK', instrument: 'P_FORK', amountUnit: 'contract' },
    ])
  })

  it('knows the instruments of its REST answers', () => {
    const run = reading()
    const body =
      '[{"symbol":"XBTU21","typ":"FFCCSX","underlying":"XBT","quoteCurrency":"USD","settlCurrency":"XBt","expiry":"2021-09-24T12:00:00.000Z"}]'
    const url = 'https://www.bitmex.com/api/v1/instrument/active'
    run.session.response({ id: '', url, status: 200, headers: {}, body }, T)
    run.session.frame(ack('trade:XBTU21'), T)
    expect(run.of('instrument')).toMatchObject([{ symbol: 'BTC/USD:BTC-210924', instrument: 'XBTU21' }])
    run.session.response({ id: '', url: `${url}/`, status: 200, headers: {}, body: '[]' }, T)
    run.session.response({ id: '', url, status: 200, headers: {}, body: '[{"symbol":1}]' }, T)
    expect(run.of('malformed')).toEqual([])
    run.session.response({ id: '', url, status: 200, headers: {}, body: '[{}]' }, T)
    expect(run.of('malformed')).toMatchObject([{ path: '0.symbol' }])
  })
})

describe('the connector', () => {
  it('is closed, says since when, and has no endpoint of its own', () => {
    const closed = bitmex()
    expect(closed.status).toMatchObject({ state: 'closed', since: '2026-09-23' })
    expect(closed.endpoints).toEqual([])
    expect(closed.catalogue.requests(closed.endpoints)).toEqual([])
    expect(() => closed.route(subscription('XBTUSD', 'trade'))).toThrowError(/closed since 2026-09-23.*url/)
  })

  it('works at any URL that the user gives', () => {
    const given = bitmex({
      url: 'wss://gateway.example/bitmex',
      symbols: ['XBTUSD'],
      channels: ['candle:1m', 'book:L2'],
    })
    expect(given.endpoints).toMatchObject([
      { name: 'public', url: 'wss://gateway.example/bitmex', rest: 'https://gateway.example' },
    ])
    expect(given.requested).toEqual(['candle', 'book'])
    expect(given.catalogue.requests(given.endpoints)).toMatchObject([
      { method: 'GET', url: 'https://gateway.example/api/v1/instrument/active' },
    ])
    expect(given.route(subscription('XBTUSD', 'trade'))).toBe(given.endpoints[0])
    expect(bitmex({ url: 'ws://a', restUrl: 'http://b' }).endpoints[0]?.rest).toBe('http://b')
  })

  it('refuses what it does not know, naming it', () => {
    expect(() => bitmex({ channels: ['order'] })).toThrowError(
      /bitmex has no channel order; it has trade, book, book:L2_25/,
    )
    expect(() => bitmex({ channels: ['candle:2m'] })).toThrowError(/candle:2m/)
    expect(() => bitmex({ url: 'http://x' })).toThrowError(/option url must be a ws/)
  })

  it.each([
    'wss://ws.bitmex.com/realtime',
    'wss://www.bitmex.com/realtime?subscribe=trade:XBTUSD',
    'wss://ws.testnet.bitmex.com/realtime',
    'wss://testnet.bitmex.com/realtime',
    'wss://ws.bitmex.com/realtimePlatform',
    'wss://www.bitmex.com/realtimemd',
  ])('recognises a recording of %s', (url) => {
    expect(connector.recognises.test(url)).toBe(true)
  })

  it('does not take the recording of another venue for its own', () => {
    expect(connector.recognises.test('wss://api-pub.bitfinex.com/ws/2')).toBe(false)
    expect(connector.recognises.test('wss://notbitmex.com/realtime')).toBe(false)
  })

  it('asks for a sign of life after five seconds of silence', () => {
    expect(connector.liveness).toEqual({
      silentAfterMs: 10_000,
      ping: { everyMs: 5000, always: false, frame: 'ping' },
    })
  })
})
