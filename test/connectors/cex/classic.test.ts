import { describe, expect, test } from 'vitest'
import { type CexOptions, cex } from '../../../connectors/cex/index.js'
import type { Channel, Subscription } from '../../../src/connector.js'
import { StreamMemory } from '../../../src/session/memory.js'
import { harness } from '../../support/harness.js'
import { CLASSIC } from './line.js'

const AT = 1_592_818_373_000_000
const OPEN = { url: 'wss://ws.cex.io/ws', negotiated: null, attempt: 1 }
const LOGGED_IN = '{"e":"auth","data":{"ok":"ok"},"ok":"ok","timestamp":1592818373}'

function greeted(symbol = 'BTC/EUR', memory = new StreamMemory(), options: CexOptions = CLASSIC) {
  const connector = cex(options)
  const run = harness(connector, { memory })
  const instrument = connector.guess(symbol)
  if (instrument === null) throw new Error('no instrument')
  run.instruments.add(instrument)
  run.session.opened(OPEN, AT)
  run.session.frame('{"e":"connected"}', AT)
  const of = (channel: Channel): Subscription => ({ instrument, channel })
  return { ...run, run, on: of }
}

function session(channels: readonly Channel[], symbol?: string, memory?: StreamMemory) {
  const line = greeted(symbol, memory)
  line.session.frame(LOGGED_IN, AT)
  line.sent.length = 0
  const subscriptions = channels.map(line.on)
  line.session.subscribe(subscriptions, AT)
  return { ...line, subscriptions }
}

function snapshot(frame: string | undefined, id: number): string {
  const { e, oid } = JSON.parse(frame ?? '{}')
  return `{"e":"${e}","data":{"timestamp":1592818373,"timestamp_ms":1592818373123,"bids":[[8391.9,0.80000000]],"asks":[[8420.3,0.10000000]],"pair":"BTC:EUR","id":${id}},"oid":"${oid}", "ok":"ok"}`
}
const update = (id: number) =>
  `{"e":"md_update","data":{"id":${id},"pair":"BTC:EUR","time":1592818381264,"bids":[[8390.0,1.50000000]],"asks":[]}}`
const failure = (frame: string | undefined, error: string) => {
  const { e, oid } = JSON.parse(frame ?? '{}')
  return `{"e":"${e}","data":{"error":"${error}"},"oid":"${oid}","ok":"error"}`
}

describe('login', () => {
  test('comes after the greeting and before anything is asked for', () => {
    const { session: it, run, sent } = greeted()
    expect(sent).toHaveLength(1)
    expect(run.ready).toBe(false)
    it.frame(LOGGED_IN, AT)
    expect(run.ready).toBe(true)
  })

  test('a wrong key is said; what needs no login goes on', () => {
    const { session: it, run, of, on, sent } = greeted()
    it.frame('{"e":"auth","data":{"error":"Invalid API key"},"ok":"error"}', AT)
    expect(run.ready).toBe(true)
    it.subscribe([on('book'), on('ticker')], AT)
    expect(of('connection').map(({ reason }) => reason)).toEqual([
      'login: Invalid API key',
      'book of BTC/EUR: login: Invalid API key',
    ])
    expect(sent.at(-1)).toBe('{"e":"subscribe","rooms":["tickers"]}')
    it.frame('{"e":"auth","data":{"error":"Invalid API key"},"ok":"error"}', AT)
    it.frame(LOGGED_IN, AT)
    expect(of('malformed')).toEqual([])
  })

  describe('with a clock that is off', () => {
    const OFF = '{"e":"auth","data":{"error":"Timestamp is not in 20sec range"},"ok":"error"}'
    const told = (date?: string) => ({
      id: 'server time',
      url: 'https://cex.io/api/currency_profile',
      status: 200,
      headers: date === undefined ? {} : { date },
      body: '{"data":{"symbols":[]}}',
    })

    test('is sent again with the time of the venue', () => {
      const { session: it, run, sent, reconnects } = greeted()
      it.frame(OFF, AT)
      expect(run.requests.map(({ id }) => id)).toEqual(['server time'])
      expect(reconnects).toEqual([])
      it.response(told('Mon, 22 Jun 2020 12:12:53 GMT'), AT + 1)
      expect(sent.map((frame) => JSON.parse(frame).auth.timestamp)).toEqual([1592818373, 1592827973])
      expect(sent[1]).not.toContain(JSON.parse(sent[0] ?? '').auth.signature)
      it.frame(LOGGED_IN, AT + 2)
      expect(run.ready).toBe(true)
    })

    test('begins with it on the next connection', () => {
      const connector = cex(CLASSIC)
      const login = (at: number) => {
        const run = harness(connector)
        run.session.opened(OPEN, at)
        run.session.frame('{"e":"connected"}', at)
        return { ...run, time: () => JSON.parse(run.sent.at(-1) ?? '').auth.timestamp }
      }
      const first = login(AT)
      first.session.frame(OFF, AT)
      first.session.response(told('Mon, 22 Jun 2020 12:12:53 GMT'), AT)
      expect(login(AT + 10_000_000).time()).toBe(1592827983)
    })

    test('and refused again is tried later', () => {
      const { session: it, run, reconnects } = greeted()
      it.frame(OFF, AT)
      it.response(told('Mon, 22 Jun 2020 12:12:53 GMT'), AT + 1)
      it.frame(OFF, AT + 2)
      expect(reconnects).toEqual(['login: Timestamp is not in 20sec range'])
      expect(run.ready).toBe(false)
    })

    test('and a venue that does not tell its time is tried later', () => {
      const { session: it, reconnects } = greeted()
      it.frame(OFF, AT)
      it.response(told(), AT + 1)
      expect(reconnects).toEqual(['login: the venue does not tell its time (status 200)'])
      const silent = greeted()
      silent.session.frame(OFF, AT)
      silent.run.until(AT + 59_000_000)
      expect(silent.reconnects).toEqual([])
      silent.run.until(AT + 60_000_000)
      expect(silent.reconnects).toEqual(['the venue does not tell its time'])
    })
  })

  test('silence after the greeting or the login ends the connection', () => {
    const ungreeted = harness(cex(CLASSIC))
    ungreeted.session.opened(OPEN, AT)
    ungreeted.until(AT + 10_000_000)
    expect(ungreeted.reconnects).toEqual(['the venue did not greet'])
    const unanswered = greeted()
    unanswered.run.until(AT + 15_000_000)
    expect(unanswered.reconnects).toEqual(['the login was not answered'])
  })

  test('without credentials there is none', () => {
    const { run, sent } = greeted('BTC/EUR', new StreamMemory(), { api: 'classic', channels: ['ticker'] })
    expect(sent).toEqual([])
    expect(run.ready).toBe(true)
  })
})

describe('liveness', () => {
  test('pings are answered; when they stop, the streams are stale and the socket is replaced', () => {
    const { session: it, sent, run, of, reconnects } = session(['book'])
    it.frame(snapshot(sent[0], 1), AT)
    it.frame('{"e":"ping","time":1592818373000}', AT + 15_000_000)
    expect(sent.at(-1)).toBe('{"e":"pong"}')
    run.until(AT + 36_000_000)
    expect(reconnects).toEqual([])
    run.until(AT + 60_000_000)
    expect(of('gap')).toMatchObject([{ reason: 'stale', state: 'open' }])
    expect(reconnects).toEqual(['the venue’s pings stopped'])
  })

  test('the venue’s goodbye is told', () => {
    const { session: it, of, reconnects } = session([])
    it.frame('{"e":"disconnecting","reason":"ping timeout","time":1435927944618}', AT)
    it.frame('{"e":"disconnected"}', AT)
    expect(of('connection').map(({ reason }) => reason)).toEqual([
      'disconnecting: ping timeout',
      'disconnected',
    ])
    expect(reconnects[0]).toBe('the venue says disconnecting: ping timeout')
  })
})

describe('the exact book', () => {
  test('asks for the whole book and joins what overtook the snapshot', () => {
    const { session: it, sent, of } = session(['book'])
    expect(JSON.parse(sent[0] ?? '')).toEqual({
      e: 'order-book-subscribe',
      data: { pair: ['BTC', 'EUR'], subscribe: true, depth: 0 },
      oid: '1_order-book-subscribe',
    })
    it.frame(update(10), AT)
    it.frame(update(11), AT)
    it.frame(snapshot(sent[0], 10), AT + 1)
    it.frame(update(12), AT + 2)
    expect(of('book_snapshot')[0]).toMatchObject({
      depth: null,
      sequence: '10',
      exchangeTime: 1_592_818_373_123_000,
      receiveTime: AT + 1,
    })
    expect(of('book_update').map(({ sequence }) => sequence)).toEqual(['11', '12'])
    expect(of('book_update')[0]).toMatchObject({
      bids: [['8390', '1.5']],
      exchangeTime: 1_592_818_381_264_000,
      receiveTime: AT,
    })
  })

  test.each([
    ['a jump', 12],
    ['a repeat', 10],
    ['a step back', 9],
  ])('%s of the id is a gap, and the pair is asked for again', (_what, id) => {
    const { session: it, sent, of, events, subscriptions, resubscribes } = session(['book'])
    it.frame(snapshot(sent[0], 10), AT)
    it.frame(update(id), AT)
    expect(of('gap')).toMatchObject([{ reason: 'sequence', detail: `expected id 11, got ${id}` }])
    expect(resubscribes).toEqual(subscriptions)
    it.frame(update(13), AT)
    const [subscription] = subscriptions
    if (subscription !== undefined) it.resubscribe(subscription, AT)
    it.frame(snapshot(sent[1], 20), AT)
    it.frame(update(21), AT)
    expect(events.slice(-3).map(({ type }) => type)).toEqual(['gap', 'book_snapshot', 'book_update'])
  })

  test('an update that cannot be read is not counted, so that the next one shows the hole', () => {
    const { session: it, sent, of } = session(['book'])
    it.frame(snapshot(sent[0], 10), AT)
    it.frame(update(11).replace('1.50000000', '"NaN"'), AT)
    it.frame(update(12), AT)
    expect(of('malformed')).toMatchObject([{ reason: 'not_decimal' }])
    expect(of('gap')).toMatchObject([{ reason: 'sequence', detail: 'expected id 11, got 12' }])
    expect(of('book_update')).toEqual([])
  })

  test('a removal of a level that a cut snapshot did not have is no gap', () => {
    const { session: it, sent, of } = session(['book'])
    it.frame(snapshot(sent[0], 10), AT)
    it.frame(update(11).replace('1.50000000', '0.00000000'), AT)
    expect(of('gap')).toEqual([])
  })

  test('a refusal ends the stream, a rate limit only delays it', () => {
    const refused = session(['book'])
    refused.session.frame(failure(refused.sent[0], 'Invalid pair:BTC:EUR.'), AT)
    expect(refused.of('connection')).toMatchObject([{ state: 'refused' }])
    refused.session.frame(failure('{"e":"cancel-order","oid":"x"}', 'Rate limit exceeded'), AT)
    expect(refused.of('connection')).toHaveLength(2)

    const limited = session(['book'])
    limited.session.frame(failure(limited.sent[0], 'Rate limit exceeded'), AT)
    limited.run.until(AT + 10_000_000)
    expect(limited.resubscribes).toEqual(limited.subscriptions)
  })

  test('a rate limit that lasts is said once and asked again more and more seldom', () => {
    const { session: it, sent, of, run, resubscribes, reconnects } = session(['book'])
    let answered = 0
    for (let now = AT; now < AT + 3_600_000_000; now += 1_000_000) {
      it.frame('{"e":"ping"}', now)
      run.until(now)
      for (const again of resubscribes.splice(0)) it.resubscribe(again, now)
      for (; answered < sent.length; answered++) {
        if (sent[answered]?.includes('order-book-subscribe')) {
          it.frame(failure(sent[answered], `Rate limit exceeded (${now})`), now)
        }
      }
    }
    expect(sent.filter((frame) => frame.includes('order-book-subscribe')).length).toBeLessThan(16)
    expect(of('connection')).toHaveLength(1)
    expect(reconnects).toEqual([])
  })

  test('an unsubscribe is confirmed, and what still comes is not read', () => {
    const { session: it, sent, of, subscriptions } = session(['book'])
    it.frame(snapshot(sent[0], 10), AT)
    it.unsubscribe(subscriptions, AT)
    expect(JSON.parse(sent[1] ?? '')).toMatchObject({
      e: 'order-book-unsubscribe',
      data: { pair: ['BTC', 'EUR'] },
    })
    it.frame(update(11), AT)
    it.frame(
      `{"e":"order-book-unsubscribe","data":{"pair":["BTC","EUR"],"time":1},"oid":"${JSON.parse(sent[1] ?? '').oid}","ok":"ok"}`,
      AT,
    )
    it.frame(update(12), AT)
    expect(of('book_update')).toEqual([])
    const failing = session(['book'])
    failing.session.unsubscribe(failing.subscriptions, AT)
    failing.session.frame(failure(failing.sent[1], 'Not subscribed'), AT)
    expect(failing.of('connection')).toEqual([])
  })
})

describe('the room of a pair', () => {
  test('a bad row of a trade is malformed and the rows beside it are read', () => {
    const { session: it, of } = session(['trade'], 'BTC/USD')
    it.frame('{"e":"history","data":["buy:1710255706095:444444:71222.2:14892622"]}', AT)
    it.frame(
      '{"e":"history-update","data":[["buy","1710255706098","1",null,"14892623"],["sell","1710255706099","2","1","14892624"],["buy"]]}',
      AT,
    )
    expect(of('malformed').map(({ reason }) => reason)).toEqual(['schema_mismatch', 'schema_mismatch'])
    expect(of('trade').map(({ id }) => id)).toEqual(['14892622', '14892624'])
  })

  test('its trades are the pair’s of the socket, in whole coins, each once', () => {
    const { session: it, sent, of } = session(['trade'], 'BTC/USD')
    expect(sent).toEqual(['{"e":"subscribe","rooms":["pair-BTC-USD"]}'])
    it.frame(
      '{"e":"history","data":["buy:1710255706095:444444:71222.20:14892622","sell:1710255658251:42530:71300:14892621"]}',
      AT,
    )
    it.frame(
      '{"e":"history-update","data":[["sell","1710255706099","12345678901234567890","1","14892624"],["buy","1710255706098","1","1","14892623"],["buy","1710255706095","444444","71222.2","14892622"]]}',
      AT,
    )
    it.frame('{"e":"history-update","data":[]}', AT)
    expect(of('trade').map(({ id, amount, historical }) => [id, amount, historical])).toEqual([
      ['14892622', '0.00444444', true],
      ['14892621', '0.0004253', true],
      ['14892623', '0.00000001', false],
      ['14892624', '123456789012.3456789', false],
    ])
    expect(of('trade')[0]).toMatchObject({ symbol: 'BTC/USD', price: '71222.2', side: 'buy' })
  })

  test('a bad row is malformed, and its neighbours are read', () => {
    const { session: it, of } = session(['trade'], 'BTC/USD')
    it.frame('{"e":"history","data":["gift:1:1:1:1","buy:1710255706095:444444:71222.2:14892622"]}', AT)
    expect(of('malformed')).toHaveLength(1)
    expect(of('trade')).toHaveLength(1)
  })

  test('its history heals a short outage', () => {
    const memory = new StreamMemory()
    const first = session(['trade'], 'BTC/USD', memory)
    first.session.frame('{"e":"history","data":["buy:1:1:1:5"]}', AT)
    first.session.closed({ code: 1006, reason: '' }, AT + 1)
    const second = session(['trade'], 'BTC/USD', memory)
    expect(second.of('gap')).toEqual([])
    second.session.frame('{"e":"history","data":["buy:2:1:1:6","buy:1:1:1:5"]}', AT + 2)
    expect(second.of('trade').map(({ id }) => id)).toEqual(['6'])
    expect(second.of('gap')).toMatchObject([{ state: 'closed', healed: true }])
  })

  test('books of fifty levels come whole, the grouped chart is none', () => {
    const { session: it, of } = session(['book:md', 'ticker:day'], 'BTC/USD')
    it.frame(
      '{"e":"md","data":{"pair":"BTC:USD","id":146121117,"buy":[[8497.2083,29000000]],"sell":[[8499.9603,2000000]],"buy_total":1,"sell_total":2}}',
      AT,
    )
    it.frame('{"e":"md_groupped","data":{"buy":{"8497":123},"sell":{},"pair":"BTC:USD","id":1}}', AT)
    it.frame('{"e":"ohlcv24","data":["18793.2","19630","18793.2","19104.1",314157273],"pair":"BTC:USD"}', AT)
    it.frame('{"e":"ohlcv24","data":["1","1","1","1","1"],"pair":"ETH:USD"}', AT)
    expect(of('book_snapshot')).toMatchObject([
      {
        channel: 'book:md',
        depth: 50,
        bids: [['8497.2083', '0.29']],
        asks: [['8499.9603', '0.02']],
        sequence: '146121117',
      },
    ])
    expect(of('ticker')).toMatchObject([
      { channel: 'ticker:day', open: '18793.2', last: '19104.1', volume: '3.14157273' },
    ])
  })

  test('candles are final when the next is seen; a reconnect repeats none', () => {
    const memory = new StreamMemory()
    const rows = (...minutes: number[]) =>
      minutes.map((m) => `[${m * 60},"1","2","1","1.50","${m}00000000"]`).join(',')
    const first = session(['candle'], 'BTC/USD', memory)
    expect(first.sent).toEqual(['{"e":"init-ohlcv","i":"1m","rooms":["pair-BTC-USD"]}'])
    first.session.frame(`{"e":"init-ohlcv-data","data":[${rows(2, 1)}],"pair":"BTC:USD"}`, AT)
    first.session.frame('{"e":"ohlcv","data":[],"pair":"BTC:USD"}', AT)
    first.session.frame(
      '{"e":"ohlcv1m","data":{"pair":"BTC:USD","time":"180","o":"1","h":"2","l":"1","c":"1.5","v":300000000,"d":1}}',
      AT,
    )
    first.session.frame(`{"e":"ohlcv","data":[${rows(3)}],"pair":"BTC:USD"}`, AT)
    const second = session(['candle'], 'BTC/USD', memory)
    second.session.frame(`{"e":"init-ohlcv-data","data":[${rows(1, 2, 3, 4)}],"pair":"BTC:USD"}`, AT)
    const told = [...first.of('candle'), ...second.of('candle')]
    expect(told.map(({ openTime, closed, volume }) => [openTime / 60_000_000, closed, volume])).toEqual([
      [1, false, '1'],
      [1, true, '1'],
      [2, false, '2'],
      [2, true, '2'],
      [3, false, '3'],
      [3, false, '3'],
      [3, true, '3'],
      [4, false, '4'],
    ])
  })

  test('a currency whose unit is not known is asked after, and refused where the venue does not tell', () => {
    const { session: it, sent, requests, of } = session(['trade'], 'SHIB/USD')
    expect(sent).toEqual([])
    expect(requests).toMatchObject([{ method: 'POST', url: 'https://cex.io/api/currency_profile' }])
    const url = 'https://cex.io/api/currency_profile'
    const body =
      '{"e":"currency_profile","ok":"ok","data":{"symbols":[{"code":"SHIB","precision":8,"scale":8},{"code":"BTC","precision":2}]}}'
    it.response({ id: 'currency_profile', url, status: 200, headers: {}, body }, AT)
    expect(sent).toEqual(['{"e":"subscribe","rooms":["pair-SHIB-USD"]}'])
    it.frame('{"e":"history","data":["buy:1:7:0.00002210:5"]}', AT)
    expect(of('trade')).toMatchObject([{ amount: '7', price: '0.0000221' }])

    const unknown = session(['trade'], 'DOGE/USD')
    unknown.session.response(
      { id: 'x', url: 'https://cex.io/api/other', status: 200, headers: {}, body: '' },
      AT,
    )
    unknown.session.response({ id: 'currency_profile', url, status: 200, headers: {}, body }, AT)
    expect(unknown.of('connection')).toMatchObject([
      { state: 'refused', reason: expect.stringContaining('DOGE') },
    ])
  })

  test.each([
    ['did not come', 0, 'refused'],
    ['made no sense', 200, '<html>Bad gateway</html>'],
  ])('a currency whose unit is not known is asked after again where the answer %s', (_what, status, body) => {
    const { session: it, sent, requests, of, run } = session(['trade'], 'SHIB/USD')
    const url = 'https://cex.io/api/currency_profile'
    it.response({ id: 'currency_profile', url, status, headers: {}, body }, AT)
    expect(of('connection')).toMatchObject([
      { state: 'refused', reason: expect.stringContaining('currency_profile') },
    ])
    run.until(AT + 4_900_000)
    expect(requests).toHaveLength(1)
    run.until(AT + 5_000_000)
    expect(requests).toHaveLength(2)
    expect(of('connection')).toHaveLength(1)
    const told =
      '{"e":"currency_profile","ok":"ok","data":{"symbols":[{"code":"SHIB","precision":8,"scale":8}]}}'
    it.response({ id: 'currency_profile', url, status: 200, headers: {}, body: told }, AT + 5_000_001)
    expect(sent).toEqual(['{"e":"subscribe","rooms":["pair-SHIB-USD"]}'])
  })

  test('a currency whose unit the venue refuses to tell is asked after more and more seldom, and the socket stays', () => {
    const { session: it, requests, of, run, reconnects } = session(['trade'], 'SHIB/USD')
    const url = 'https://cex.io/api/currency_profile'
    let answered = 0
    for (let now = AT; now < AT + 3_600_000_000; now += 1_000_000) {
      it.frame('{"e":"ping"}', now)
      run.until(now)
      for (; answered < requests.length; answered++) {
        it.response({ id: 'currency_profile', url, status: 403, headers: {}, body: 'no' }, now)
      }
    }
    expect(requests.length).toBeLessThan(16)
    expect(of('connection').map(({ reason }) => reason)).toEqual(['currency_profile: HTTP 403'])
    expect(reconnects).toEqual([])
  })

  test('cannot be left, so what still comes is not read', () => {
    const { session: it, of, subscriptions } = session(['trade', 'ticker'], 'BTC/USD')
    it.unsubscribe(subscriptions, AT)
    it.frame('{"e":"history-update","data":[["buy","1","1","1","1"]]}', AT)
    it.frame('{"e":"tick","data":{"symbol1":"BTC","symbol2":"USD","price":"1"}}', AT)
    expect(of('trade')).toEqual([])
    expect(of('ticker')).toEqual([])
  })
})

describe('tickers', () => {
  test('ticks tell the last price; one room serves all', () => {
    const { session: it, sent, of, on } = session(['ticker'], 'BTC/USD')
    it.subscribe([on('ticker')], AT)
    expect(sent).toEqual(['{"e":"subscribe","rooms":["tickers"]}'])
    it.frame(
      '{"e":"tick","data":{"symbol1":"BTC","symbol2":"USD","price":"4244.40","open24":"4248.4","volume":"935.58669239"}}',
      AT,
    )
    it.frame('{"e":"tick","data":{"symbol1":"ETH","symbol2":"USD","price":"1"}}', AT)
    expect(of('ticker')).toMatchObject([
      { last: '4244.4', open: '4248.4', volume: '935.58669239', bidPrice: null },
    ])
  })

  test('the full ticker is asked for again and again', () => {
    const { session: it, sent, of, run } = session(['ticker:full'], 'BTC/USD')
    run.until(AT + 10_000_000)
    expect(sent.map((frame) => JSON.parse(frame))).toMatchObject([
      { e: 'ticker', data: ['BTC', 'USD'] },
      { e: 'ticker', data: ['BTC', 'USD'] },
    ])
    it.frame(
      '{"e":"ticker","data":{"timestamp":"1663764969","low":"18756.3","last":"19200","bid":19217.20,"ask":19247.5,"priceChange":"44.3","pair":["BTC","USD"]},"oid":"2_ticker","ok":"ok"}',
      AT,
    )
    expect(of('ticker')).toMatchObject([
      {
        exchangeTime: 1_663_764_969_000_000,
        last: '19200',
        bidPrice: '19217.2',
        change: '44.3',
        volume: null,
      },
    ])
  })
})

describe('a recording of another client', () => {
  const adopted = () => {
    const run = harness(cex(), { adopt: true, endpoint: { name: 'classic', url: OPEN.url, rest: null } })
    run.session.opened(OPEN, null)
    return run
  }
  const history = '{"e":"history","data":["buy:1:100000000:1:5"]}'

  test('tells the pair of its trades by the room it joined', () => {
    const { session: it, of } = adopted()
    it.sent('{"e":"auth","auth":{"key":"k","signature":"s","timestamp":1}}', null)
    it.sent('{"e":"init-ohlcv","i":"5m","rooms":["pair-BTC-USD"]}', null)
    it.frame(history, null)
    it.frame('{"e":"init-ohlcv-data","data":[[300,"1","1","1","1","1"]],"pair":"BTC:USD"}', null)
    expect(of('trade')).toMatchObject([{ symbol: 'BTC/USD', amount: '1' }])
    expect(of('candle')).toMatchObject([{ channel: 'candle:5m', interval: '5m' }])
  })

  test('or by the first frame that names it, for which they wait', () => {
    const { session: it, of } = adopted()
    it.frame(history, null)
    it.frame(history, null)
    expect(of('trade')).toEqual([])
    expect(of('connection')).toHaveLength(1)
    it.frame('{"e":"md","data":{"pair":"BTC:USD","id":1,"buy":[],"sell":[]}}', null)
    expect(of('trade')).toMatchObject([{ symbol: 'BTC/USD' }])
  })

  test('with two rooms on one socket no trade is given to either', () => {
    const { session: it, of } = adopted()
    it.sent('{"e":"subscribe","rooms":["pair-BTC-USD","pair-ETH-USD"]}', null)
    it.frame(history, null)
    expect(of('trade')).toEqual([])
    expect(of('connection')[0]?.reason).toMatch(/2 rooms/)
  })

  test('tells the depth of its books; an amount in an unknown unit is malformed', () => {
    const { session: it, of } = adopted()
    const asked =
      '{"e":"order-book-subscribe","data":{"pair":["BTC","EUR"],"subscribe":true,"depth":3},"oid":"a"}'
    it.sent(asked, null)
    it.frame(snapshot('{"e":"order-book-subscribe","oid":"a"}', 1), null)
    it.sent(asked.replace('3', '0'), null)
    it.frame(snapshot('{"e":"order-book-subscribe","oid":"a"}', 5), null)
    expect(of('book_snapshot').map(({ depth }) => depth)).toEqual([3, null])
    it.frame('{"e":"md","data":{"pair":"DOGE:USD","id":1,"buy":[],"sell":[]}}', null)
    it.frame('{"e":"balance","data":{}}', null)
    it.frame('{"e":"pong"}', null)
    it.frame('{"e":"fokBundles"}', null)
    expect(of('malformed').map(({ reason }) => reason)).toEqual(['schema_mismatch', 'unknown_message'])
  })
})
