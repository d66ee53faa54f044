import { describe, expect, it } from 'vitest'
import { StreamMemory } from '../../../src/session/index.js'
import {
  candle,
  HEARTBEAT,
  INIT,
  live,
  message,
  NEGOTIATED,
  orderBook,
  pushed,
  restBook,
  SECOND,
  START,
  started,
  trade,
  trades,
} from './wire.js'

const BOOK_URL = '/v3/markets/BTC-USD/orderbook?depth=500'

describe('the connection', () => {
  it('starts when the first frame came, with the token and the cookie of the negotiation', () => {
    const run = live({ headers: { 'x-key': 'k' } })
    run.session.opened({ url: 'ws://127.0.0.1:9001', negotiated: NEGOTIATED, attempt: 1 }, run.now)
    expect([run.requests, run.ready]).toEqual([[], false])
    run.receive(INIT)
    const [request] = run.requests
    expect(request?.url).toContain('http://127.0.0.1:9001/signalr/start?transport=webSockets')
    expect(request?.url).toContain('connectionToken=t%2Fo%2Bk%3D')
    expect(request?.headers).toEqual({ 'x-key': 'k', cookie: '__cf_bm=abc' })
    expect(run.ready).toBe(false)
    run.answer('{"Response":"started"}')
    expect(run.ready).toBe(true)
    expect(run.calls()).toEqual([{ method: 'Subscribe', topics: ['heartbeat'], id: 1 }])
  })

  it('starts once, though the first frame be sent twice or the answer come late', () => {
    const run = started()
    run.receive(INIT)
    expect(run.requests).toHaveLength(1)
    run.session.response(
      { id: 'start', url: '', status: 200, headers: {}, body: '{"Response":"started"}' },
      run.now,
    )
    expect(run.calls()).toEqual([])
  })

  it('is given up where the start is refused, the first frame stays away, or the heartbeat is not granted in time', () => {
    const refused = live()
    refused.session.opened({ url: '', negotiated: NEGOTIATED, attempt: 1 }, refused.now)
    refused.receive(INIT)
    refused.answer('<html>', { status: 400 })
    expect(refused.reconnects).toEqual(['the start of the connection was refused: HTTP 400'])

    const failed = live()
    failed.session.opened({ url: '', negotiated: NEGOTIATED, attempt: 1 }, failed.now)
    failed.receive(INIT)
    failed.answer('connect ECONNREFUSED', { status: 0 })
    expect(failed.reconnects).toEqual(['the start of the connection was refused: connect ECONNREFUSED'])

    const silent = live()
    silent.session.opened({ url: '', negotiated: NEGOTIATED, attempt: 1 }, silent.now)
    silent.until(START + 11 * SECOND)
    expect(silent.reconnects).toEqual(['the first frame of SignalR did not come'])

    const unheard = live()
    unheard.session.opened({ url: '', negotiated: NEGOTIATED, attempt: 1 }, unheard.now)
    unheard.receive(INIT)
    unheard.answer('{"Response":"started"}')
    unheard.until(START + 11 * SECOND)
    expect(unheard.reconnects).toEqual(['the subscribe of the heartbeat was not answered'])
  })

  it('needs no start where nothing was negotiated', () => {
    const run = live()
    run.session.opened({ url: '', negotiated: null, attempt: 1 }, run.now)
    run.receive(INIT)
    expect([run.ready, run.requests]).toEqual([true, []])
  })

  it('is stale 15 s after the last heartbeat, though frames go on', () => {
    const run = started()
    run.ask(['ticker'])
    run.grant()
    run.receive(pushed(message('ticker', TICKER)))
    run.pass(20)
    run.receive(HEARTBEAT)
    expect(run.of('gap')).toEqual([])
    for (let second = 1; second <= 15; second++) {
      run.now += SECOND
      run.receive('{}')
      run.until(run.now)
      expect(run.reconnects).toHaveLength(second < 15 ? 0 : 1)
    }
    expect(run.reconnects).toEqual(['no heartbeat of the hub for 15000 ms'])
    expect(run.of('gap')).toMatchObject([{ reason: 'stale', state: 'open', channel: 'ticker' }])
  })

  it('is dead after the silence that the server itself granted', () => {
    const run = live()
    const body = NEGOTIATED.body.replace('"KeepAliveTimeout":20.0', '"KeepAliveTimeout":4.0')
    run.session.opened({ url: '', negotiated: { ...NEGOTIATED, body }, attempt: 1 }, run.now)
    run.receive(INIT)
    run.until(START + 3 * SECOND)
    run.now = START + 3 * SECOND
    run.receive('{}')
    run.until(START + 6.9 * SECOND)
    expect(run.reconnects).toEqual([])
    run.until(START + 7 * SECOND)
    expect(run.reconnects).toEqual(['no frame of SignalR for 4000 ms'])
  })

  it('is not held to a keepalive that the server does not send', () => {
    const run = live()
    const body = NEGOTIATED.body.replace('"KeepAliveTimeout":20.0', '"KeepAliveTimeout":null')
    run.session.opened({ url: '', negotiated: { ...NEGOTIATED, body }, attempt: 1 }, run.now)
    run.receive(INIT)
    run.until(START + 300 * SECOND)
    expect(run.reconnects).toEqual([])
  })

  it('goes on without a heartbeat where the server has none, and says so', () => {
    const run = live()
    run.session.opened({ url: '', negotiated: NEGOTIATED, attempt: 1 }, run.now)
    run.receive(INIT)
    run.answer('{"Response":"started"}')
    run.grant({ heartbeat: 'UNKNOWN_STREAM' })
    run.until(START + 19 * SECOND)
    expect(run.reconnects).toEqual([])
    expect(run.of('connection')).toMatchObject([{ state: 'refused', reason: 'heartbeat: UNKNOWN_STREAM' }])
  })

  it('is replaced when the server asks for it', () => {
    const run = started()
    run.receive('{"C":"d-1","T":1,"M":[]}')
    expect(run.reconnects).toEqual(['the server asked for a new connection'])
  })
})

const TICKER = {
  symbol: 'BTC-USD',
  lastTradeRate: '32407.59900000',
  bidRate: '32414.61700000',
  askRate: '32483.68700000',
}

describe('subscriptions', () => {
  it('go out in one call, by the names of the hub', () => {
    const run = started()
    run.ask(['book', 'book:25', 'book:1', 'trade', 'candle', 'candle:5m', 'candle:1h', 'candle:1d'])
    run.ask(['ticker', 'quote', 'ticker:market_summary', 'ticker:tickers', 'quote:tickers'])
    run.ask(['ticker:market_summaries', 'ticker:tickers'], 'ETH-BTC')
    expect(run.calls().map(({ topics }) => topics)).toEqual([
      [
        'orderbook_BTC-USD_500',
        'orderbook_BTC-USD_25',
        'orderbook_BTC-USD_1',
        'trade_BTC-USD',
        'candle_BTC-USD_MINUTE_1',
        'candle_BTC-USD_MINUTE_5',
        'candle_BTC-USD_HOUR_1',
        'candle_BTC-USD_DAY_1',
      ],
      ['ticker_BTC-USD', 'market_summary_BTC-USD', 'tickers'],
      ['market_summaries'],
    ])
  })

  it('are matched to replies in any order, each name to its own result', () => {
    const run = started()
    run.ask(['trade'])
    run.ask(['trade'], 'NO-SUCH')
    const [first, second] = run.calls()
    run.receive(`{"R":[{"Success":false,"ErrorCode":"MARKET_DOES_NOT_EXIST"}],"I":"${second?.id}"}`)
    run.receive(`{"R":[{"Success":true,"ErrorCode":null}],"I":"${first?.id}"}`)
    expect(run.of('connection')).toMatchObject([
      { state: 'refused', reason: 'trade of NO/SUCH: MARKET_DOES_NOT_EXIST' },
    ])
    run.receive(pushed(trades(1, 'a')))
    expect(run.of('trade')).toHaveLength(1)
  })

  it('are refused as a whole where the call fails, and one by one where no reason is given', () => {
    const run = started()
    run.ask(['trade', 'ticker'])
    run.receive(`{"I":"${run.calls()[0]?.id}","E":"boom","H":true}`)
    run.ask(['candle'])
    run.receive(`{"R":[{"Success":false}],"I":"${run.calls()[0]?.id}"}`)
    expect(run.of('connection').map(({ reason }) => reason)).toEqual([
      'trade of BTC/USD: boom',
      'ticker of BTC/USD: boom',
      'candle of BTC/USD: no reason given',
    ])
  })

  it('are sent again after ten seconds without a reply, and cost the connection in the end', () => {
    const run = started()
    const [subscription] = run.ask(['trade'])
    if (subscription === undefined) throw new Error('nothing was asked for')
    expect(run.calls()).toHaveLength(1)
    run.pass(10)
    expect(run.resubscribes).toEqual([subscription])
    run.session.resubscribe(subscription, run.now)
    expect(run.calls()).toMatchObject([{ method: 'Subscribe', topics: ['trade_BTC-USD'] }])
    run.pass(10)
    run.session.resubscribe(subscription, run.now)
    expect(run.reconnects).toEqual([])
    run.pass(10)
    expect(run.reconnects).toEqual(['no answer to the subscribe of trade of BTC/USD'])
  })

  it('of a topic that the hub sends already are granted at once', () => {
    const run = started()
    run.ask(['ticker'])
    run.grant()
    run.ask(['quote'])
    expect(run.calls()).toEqual([])
    run.receive(pushed(message('ticker', TICKER)))
    expect(run.of('quote')).toHaveLength(1)
  })

  it('end one by one; a topic is left when nobody wants it any more', () => {
    const run = started()
    const [ticker, quote, book] = run.ask(['ticker', 'quote', 'trade'])
    if (ticker === undefined || quote === undefined || book === undefined) throw new Error('not asked for')
    run.grant()
    run.session.unsubscribe([ticker], run.now)
    expect(run.calls()).toEqual([])
    run.receive(pushed(message('ticker', TICKER)))
    expect([run.of('ticker').length, run.of('quote').length]).toEqual([0, 1])
    run.session.unsubscribe([quote], run.now)
    run.receive(pushed(message('ticker', TICKER)))
    run.grant()
    run.receive(pushed(message('ticker', TICKER), trades(1, 'a')))
    expect([run.of('ticker').length, run.of('quote').length, run.of('trade').length]).toEqual([0, 1, 1])
    expect(run.of('malformed')).toEqual([])
  })

  it('to a topic that is being left wait until it is', () => {
    const run = started()
    const [subscription] = run.ask(['trade'])
    if (subscription === undefined) throw new Error('nothing was asked for')
    run.grant()
    run.session.unsubscribe([subscription], run.now)
    const [leave] = run.calls()
    expect(leave).toMatchObject({ method: 'Unsubscribe', topics: ['trade_BTC-USD'] })
    run.session.subscribe([subscription], run.now)
    expect(run.calls()).toEqual([])
    run.receive(`{"R":[{"Success":true,"ErrorCode":null}],"I":"${leave?.id}"}`)
    expect(run.calls()).toMatchObject([{ method: 'Subscribe', topics: ['trade_BTC-USD'] }])
    run.receive(pushed(trades(7, 'a')))
    expect(run.of('trade')).toHaveLength(1)
  })

  it('are over even where the unsubscribe fails', () => {
    const run = started()
    const [subscription] = run.ask(['trade'])
    if (subscription === undefined) throw new Error('nothing was asked for')
    run.grant()
    run.session.unsubscribe([subscription], run.now)
    run.receive(`{"I":"${run.calls()[0]?.id}","E":"boom"}`)
    run.receive(pushed(trades(7, 'a')))
    expect(run.of('trade')).toEqual([])
    run.session.subscribe([subscription], run.now)
    expect(run.calls()).toHaveLength(1)
  })
})

describe('a book', () => {
  function joined() {
    const run = started()
    const [subscription] = run.ask(['book'])
    if (subscription === undefined) throw new Error('nothing was asked for')
    run.grant()
    run.pass(1)
    run.answer(restBook([['100.00000000', '1.00000000']], [['101.00000000', '2.00000000']]), { sequence: 10 })
    return { run, subscription, book: () => run.memory.peek('BTC-USD', 'book')?.book }
  }

  it('is fetched a second after the grant, when no cached answer can be older than the grant', () => {
    const run = started()
    run.ask(['book', 'book:25'])
    run.grant()
    run.pass(0.9)
    expect(run.unanswered()).toEqual([])
    run.pass(0.1)
    expect(run.unanswered()).toEqual([BOOK_URL, '/v3/markets/BTC-USD/orderbook?depth=25'])
  })

  it('is shown with its number, canonical, and goes on with the next', () => {
    const { run, book } = joined()
    run.receive(pushed(orderBook(11, [['100.00000000', '0']], [['100.50000000', '0.10000000']])))
    expect(run.of('book_snapshot')).toMatchObject([
      { sequence: '10', depth: 500, bids: [['100', '1']], asks: [['101', '2']], exchangeTime: null },
    ])
    expect(run.of('book_update')).toMatchObject([
      { sequence: '11', bids: [['100', '0']], asks: [['100.5', '0.1']] },
    ])
    expect(book()?.top(3)).toEqual({
      bids: [],
      asks: [
        ['100.5', '0.1'],
        ['101', '2'],
      ],
    })
  })

  it('joins the messages that came before its snapshot', () => {
    const run = started()
    run.ask(['book'])
    run.receive(pushed(orderBook(9, [['100', '9']]), orderBook(10, [['100', '10']])))
    run.grant()
    run.receive(pushed(orderBook(11, [['100', '11']])))
    run.pass(1)
    expect(run.events.filter(({ type }) => type === 'book_update')).toEqual([])
    run.answer(restBook([['100', '10']]), { sequence: 10 })
    expect(run.of('book_update').map(({ sequence }) => sequence)).toEqual(['11'])
  })

  it('is fetched again after a second where the snapshot is too old, then less and less often', () => {
    const run = started()
    run.ask(['book'])
    run.receive(pushed(orderBook(20, [['100', '1']])))
    run.grant()
    run.pass(1)
    for (const wait of [1, 2, 4]) {
      run.answer(restBook([]), { sequence: 18 })
      run.pass(wait - 0.1)
      expect(run.unanswered()).toEqual([])
      run.pass(0.1)
      expect(run.unanswered()).toEqual([BOOK_URL])
    }
    run.answer(restBook([['100', '7']]), { sequence: 19 })
    expect(run.of('book_snapshot')).toHaveLength(1)
    expect(run.of('gap')).toEqual([])
  })

  it('is suspect from a missing number on, and healed by a new snapshot on the same subscription', () => {
    const { run, subscription, book } = joined()
    run.receive(pushed(orderBook(11, [['99', '1']])))
    run.receive(pushed(orderBook(13, [['98', '1']])))
    expect(run.of('gap')).toMatchObject([
      { reason: 'sequence', state: 'open', detail: 'expected sequence 12, got 13' },
    ])
    expect(book()?.state).toBe('suspect')
    expect(run.resubscribes).toEqual([subscription])
    run.session.resubscribe(subscription, run.now)
    run.receive(pushed(orderBook(14, [['97', '1']])))
    run.pass(0)
    run.until(run.now)
    expect(run.calls()).toEqual([])
    expect(run.of('book_update')).toHaveLength(1)
    run.answer(restBook([['99', '1']]), { sequence: 13 })
    expect(run.of('gap')).toMatchObject([{ state: 'open' }, { state: 'closed', healed: true }])
    expect(run.events.at(-1)).toMatchObject({ type: 'book_update', sequence: '14' })
    expect(book()?.state).toBe('live')
  })

  it('is suspect when numbers begin again, and does not take a snapshot of before', () => {
    const { run, subscription } = joined()
    run.receive(pushed(orderBook(5_000_000, [['98', '1']])))
    run.session.resubscribe(subscription, run.now)
    run.receive(pushed(orderBook(1, [['98', '2']])))
    run.until(run.now)
    run.answer(restBook([['98', '9']]), { sequence: 5_000_001 })
    expect(run.of('book_snapshot')).toHaveLength(1)
    // One lower number alone may be an old message that came late.
    run.pass(1)
    run.answer(restBook([['98', '2']]), { sequence: 1 })
    expect(run.of('book_snapshot')).toHaveLength(1)
    run.receive(pushed(orderBook(2, [['98', '3']])))
    run.pass(2)
    run.answer(restBook([['98', '2']]), { sequence: 1 })
    expect(run.of('book_snapshot')).toHaveLength(2)
    expect(run.events.at(-1)).toMatchObject({ type: 'book_update', sequence: '2' })
    expect(run.of('gap')).toMatchObject([{ state: 'open' }, { state: 'closed', healed: true }])
  })

  it('is suspect where a level that is not there is removed', () => {
    const { run, subscription } = joined()
    run.receive(pushed(orderBook(11, [['55', '0']])))
    expect(run.of('gap')).toMatchObject([{ reason: 'sequence', state: 'open' }])
    run.session.resubscribe(subscription, run.now)
    run.until(run.now)
    run.answer(restBook([['100', '1']]), { sequence: 10 })
    run.pass(1)
    run.answer(restBook([['100', '1']]), { sequence: 11 })
    expect(run.of('gap')).toMatchObject([{ state: 'open' }, { state: 'closed', healed: true }])
  })

  it('is suspect when it stays crossed', () => {
    const { run, subscription, book } = joined()
    run.receive(pushed(orderBook(11, [['102', '1']])))
    run.pass(3)
    expect(run.of('gap')).toMatchObject([{ reason: 'crossed', state: 'open' }])
    run.receive(pushed(orderBook(12, [['102', '0']])))
    expect(book()?.state).toBe('suspect')
    run.session.resubscribe(subscription, run.now)
    run.until(run.now)
    run.answer(restBook([['100', '1']]), { sequence: 12 })
    expect(book()?.state).toBe('live')
  })

  it('ignores a message that is sent twice', () => {
    const { run } = joined()
    const frame = pushed(orderBook(11, [['99', '1']]))
    run.receive(frame, frame, pushed(orderBook(12, [['99', '2']])))
    expect(run.of('book_update').map(({ sequence }) => sequence)).toEqual(['11', '12'])
    expect(run.of('gap')).toEqual([])
  })

  it('loses nothing but its own message to a bad one in the same frame, and heals by the number it lost', () => {
    const { run } = joined()
    run.receive(
      pushed(
        { H: 'C3', M: 'orderBook', A: ['***='] },
        orderBook(12, [['99', '1']]),
        orderBook(1, [['7', '1']], [], 'ETH-BTC'),
      ),
    )
    expect(run.of('malformed')).toMatchObject([{ reason: 'undecodable', head: '***=' }])
    expect(run.of('gap')).toMatchObject([{ reason: 'sequence', detail: 'expected sequence 11, got 12' }])
  })

  it('keeps each depth by its own numbers', () => {
    const run = started()
    run.ask(['book', 'book:25'])
    run.grant()
    run.pass(1)
    run.answer(restBook([['100', '1']]), { sequence: 900 })
    run.answer(restBook([['100', '1']]), { sequence: 10 })
    run.receive(pushed(orderBook(11, [['100', '2']]), orderBook(901, [['100', '3']], [], 'BTC-USD', 25)))
    expect(run.of('gap')).toEqual([])
    expect(run.of('book_snapshot').map(({ channel, depth }) => [channel, depth])).toEqual([
      ['book:25', 25],
      ['book', 500],
    ])
    expect(run.of('book_update').map(({ channel, bids }) => [channel, bids])).toEqual([
      ['book', [['100', '2']]],
      ['book:25', [['100', '3']]],
    ])
  })

  it('never takes the messages of a market whose id begins alike', () => {
    const { run } = joined()
    run.receive(pushed(orderBook(11, [['1', '1']], [], 'BTC-USDT')))
    expect(run.of('book_update')).toEqual([])
    expect(run.of('gap')).toEqual([])
  })

  it('is given up where REST does not know the market', () => {
    const run = started()
    run.ask(['book'])
    run.grant()
    run.pass(1)
    run.answer({ code: 'MARKET_DOES_NOT_EXIST' }, { status: 404 })
    run.ask(['book'], 'ETH-BTC')
    run.grant()
    run.pass(1)
    run.answer('<html>', { status: 400 })
    expect(run.of('connection').map(({ reason }) => reason)).toEqual([
      'book of BTC/USD: its snapshot was refused: MARKET_DOES_NOT_EXIST',
      'book of ETH/BTC: its snapshot was refused: HTTP 400',
    ])
    run.pass(100)
    expect(run.unanswered()).toEqual([])
  })

  it('waits for the next minute where REST is used up, and a little where it fails', () => {
    const run = started()
    run.ask(['book'])
    run.grant()
    run.pass(1)
    run.answer({ code: 'THROTTLED' }, { status: 429 })
    run.pass(59)
    expect(run.unanswered()).toEqual([])
    run.pass(1)
    expect(run.unanswered()).toEqual([BOOK_URL])
    run.answer('socket hang up', { status: 0 })
    run.pass(2)
    expect(run.unanswered()).toEqual([BOOK_URL])
  })

  it('says once that REST refuses its snapshot, and asks for it more and more seldom on the same connection', () => {
    const run = started()
    run.ask(['book'])
    run.grant()
    let asked = 0
    for (let passed = 0; passed < 3600; passed += 5) {
      run.pass(5)
      run.receive(HEARTBEAT)
      while (run.unanswered().length > 0) {
        run.answer('forbidden', { status: 403 })
        asked++
      }
    }
    expect(asked).toBeGreaterThan(4)
    expect(asked).toBeLessThan(13)
    expect(run.of('connection').map(({ state, reason }) => [state, reason])).toEqual([
      ['refused', 'image of book of BTC/USD: HTTP 403'],
    ])
    expect(run.reconnects).toEqual([])
  })

  it('tries again, and says so, where the answer is no book or has no number', () => {
    const run = started()
    run.ask(['book'])
    run.grant()
    run.pass(1)
    run.answer(restBook([['100', '1']]))
    run.pass(1)
    run.answer('{"bid":[{"quantity":"1"}],"ask":[]}', { sequence: 5 })
    run.pass(2)
    run.answer(restBook([['100', 'NaN']]), { sequence: 5 })
    expect(run.of('malformed').map(({ reason, path }) => [reason, path])).toEqual([
      ['schema_mismatch', 'headers.sequence'],
      ['schema_mismatch', 'bid.0.rate'],
      ['not_decimal', ''],
    ])
    run.pass(4)
    run.answer(restBook([['100', '1']]), { sequence: 5 })
    expect(run.of('book_snapshot')).toHaveLength(1)
  })

  it('asks REST for three things at a time, and for books first', () => {
    const run = started({ history: true })
    run.ask(['candle', 'candle:5m', 'candle:1h', 'candle:1d', 'trade', 'book', 'book:25'])
    run.grant()
    run.pass(1)
    const asked = () => run.requests.slice(1).map(({ url }) => url.split('/BTC-USD/')[1])
    expect(asked()).toEqual(['candles/MINUTE_1/recent', 'candles/MINUTE_5/recent', 'candles/HOUR_1/recent'])
    while (run.unanswered().length > 0) run.answer('', { status: 404 })
    expect(asked().slice(3)).toEqual([
      'orderbook?depth=500',
      'orderbook?depth=25',
      'trades',
      'candles/DAY_1/recent',
    ])
  })

  it('is compared with the venue after a minute of silence', () => {
    const { run, book } = joined()
    run.pass(60)
    expect(run.unanswered()).toEqual([BOOK_URL])
    run.answer(restBook([['100', '1']], [['101', '2']]), { sequence: 10 })
    expect(run.of('gap')).toEqual([])
    run.receive(pushed(orderBook(11, [['99', '1']])))
    run.pass(59)
    expect(run.unanswered()).toEqual([])
    expect(book()?.state).toBe('live')
  })

  it('that is another than the venue’s under the same number is replaced', () => {
    const { run, book } = joined()
    run.pass(60)
    run.answer(restBook([['100', '7']], [['101', '2']]), { sequence: 10 })
    expect(run.of('gap')).toMatchObject([
      { reason: 'checksum', state: 'open' },
      { state: 'closed', healed: true },
    ])
    expect(book()?.best().bid).toEqual(['100', '7'])
  })

  it('whose subscription died unseen is noticed, and subscribed again', () => {
    const { run, subscription, book } = joined()
    run.pass(60)
    run.answer(restBook([['100', '7']]), { sequence: 12 })
    run.pass(4)
    expect(run.of('gap')).toEqual([])
    run.pass(1)
    expect(run.of('gap')).toMatchObject([
      { reason: 'stale', detail: 'the venue is at number 12, the stream stopped at 10' },
    ])
    expect(run.resubscribes).toEqual([subscription])
    run.calls()
    run.session.resubscribe(subscription, run.now)
    run.grant()
    run.pass(1)
    run.answer(restBook([['100', '7']]), { sequence: 12 })
    expect(book()?.state).toBe('live')
    expect(run.of('gap').at(-1)).toMatchObject({ state: 'closed', healed: true })
  })

  it('that was only slow is left alone', () => {
    const { run } = joined()
    run.pass(60)
    run.answer(restBook([['100', '7']]), { sequence: 11 })
    run.pass(1)
    run.receive(pushed(orderBook(11, [['100', '7']])))
    run.pass(30)
    expect(run.of('gap')).toEqual([])
    expect(run.resubscribes).toEqual([])
  })

  it('asks for nothing any more once it is left', () => {
    const { run, subscription } = joined()
    run.session.unsubscribe([subscription], run.now)
    run.grant()
    run.pass(200)
    expect(run.unanswered()).toEqual([])
    const early = started()
    const [other] = early.ask(['book'])
    if (other === undefined) throw new Error('nothing was asked for')
    early.grant()
    early.pass(1)
    early.session.unsubscribe([other], early.now)
    early.answer(restBook([['1', '1']]), { sequence: 1 })
    expect(early.of('book_snapshot')).toEqual([])
  })
})

describe('trades', () => {
  it('are told with id, taker’s side and microseconds', () => {
    const run = started()
    run.ask(['trade'])
    run.grant()
    run.receive(pushed(trades(7, 'a', 'b')))
    expect(run.of('trade')).toMatchObject([
      {
        id: 'a',
        price: '38808.83',
        amount: '0.00693216',
        amountUnit: 'base',
        side: 'buy',
        sequence: '7',
        exchangeTime: 1_623_623_891_080_000,
        historical: false,
      },
      { id: 'b' },
    ])
  })

  it('that were missed are fetched, marked, and emitted oldest first before those that follow', () => {
    const run = started()
    run.ask(['trade'])
    run.grant()
    run.receive(pushed(trades(7, 'a')), pushed(trades(9, 'c')), pushed(trades(10, 'd')))
    expect(run.of('trade').map(({ id }) => id)).toEqual(['a'])
    run.until(run.now)
    expect(run.unanswered()).toEqual(['/v3/markets/BTC-USD/trades'])
    run.answer(
      ['c', 'b', 'a', 'older'].map((id) => trade(id, '1', 'SELL')),
      { sequence: 9 },
    )
    expect(run.of('gap')).toMatchObject([
      { reason: 'sequence', detail: 'expected sequence 8, got 9', state: 'open' },
      { state: 'closed', healed: true },
    ])
    expect(run.of('trade').map(({ id, historical }) => [id, historical])).toEqual([
      ['a', false],
      ['older', true],
      ['b', true],
      ['c', true],
      ['d', false],
    ])
  })

  it('wait for history no longer than ten seconds', () => {
    const run = started()
    run.ask(['trade'])
    run.grant()
    run.receive(pushed(trades(7, 'a')), pushed(trades(9, 'c')))
    run.pass(9)
    expect(run.of('trade')).toHaveLength(1)
    run.pass(1)
    expect(run.of('trade').map(({ id }) => id)).toEqual(['a', 'c'])
    expect(run.of('gap').at(-1)).toMatchObject({ state: 'closed', healed: false })
    run.answer([trade('b')], { sequence: 9 })
    expect(run.of('trade')).toHaveLength(2)
  })

  it('go on at once where REST has no history, or a broken run breaks again', () => {
    const run = started()
    run.ask(['trade'])
    run.grant()
    run.receive(pushed(trades(7, 'a')), pushed(trades(9, 'c')), pushed(trades(12, 'f')))
    expect(run.of('trade').map(({ id }) => id)).toEqual(['a', 'c'])
    run.until(run.now)
    run.answer({ code: 'NOT_FOUND' }, { status: 404 })
    expect(run.of('trade').map(({ id }) => id)).toEqual(['a', 'c', 'f'])
    expect(run.of('gap').map(({ state, healed }) => [state, healed])).toEqual([
      ['open', false],
      ['closed', false],
      ['open', false],
      ['closed', false],
    ])
  })

  it('that a lost connection cost are fetched on the next one', () => {
    const memory = new StreamMemory()
    const before = started({ memory })
    before.ask(['trade'])
    before.grant()
    before.receive(pushed(trades(7, 'a')))
    before.session.closed({ code: 1006, reason: '' }, before.now)

    const run = started({ memory })
    run.ask(['trade'])
    run.receive(pushed(trades(10, 'd')))
    run.grant()
    expect(run.events).toEqual([])
    run.pass(1)
    run.answer(
      ['c', 'b', 'a'].map((id) => trade(id)),
      { sequence: 9 },
    )
    expect(run.of('gap')).toMatchObject([{ reason: 'disconnected', state: 'closed', healed: true }])
    expect(run.of('trade').map(({ id }) => id)).toEqual(['b', 'c', 'd'])
  })

  it('begin with history where that is wished', () => {
    const run = started({ history: true })
    run.ask(['trade'])
    run.grant()
    run.receive(pushed(trades(3, 'b')))
    run.pass(1)
    run.answer([trade('b'), trade('a')], { sequence: 3 })
    expect(run.of('trade').map(({ id, historical }) => [id, historical])).toEqual([
      ['b', true],
      ['a', true],
    ])
  })
})

describe('candles', () => {
  const minute = (n: number) => `2021-06-14T01:5${n}:00Z`

  it('are final when the next one begins', () => {
    const run = started()
    run.ask(['candle'])
    run.grant()
    run.receive(pushed(candle(1, minute(4), '5.00000000')), pushed(candle(2, minute(5), '6.00000000')))
    expect(
      run.of('candle').map(({ openTime, close, closed, volume }) => [openTime, close, closed, volume]),
    ).toEqual([
      [1_623_635_640_000_000, '5', false, '0'],
      [1_623_635_640_000_000, '5', true, '0'],
      [1_623_635_700_000_000, '6', false, '0'],
    ])
  })

  it('of another stream are not believed', () => {
    const run = started()
    run.ask(['candle'])
    run.grant()
    run.receive(
      pushed(candle(1, minute(4), '5')),
      pushed(candle(700, minute(4), '666')),
      pushed(candle(2, minute(4), '6')),
    )
    expect(run.of('candle').map(({ close }) => close)).toEqual(['5', '6'])
    expect(run.of('gap').map(({ state, detail }) => [state, detail])).toEqual([
      ['open', 'expected sequence 2, got 700'],
      ['closed', null],
    ])
  })

  it('begin with the recent ones where that is wished, and only the new ones after a reconnect', () => {
    const memory = new StreamMemory()
    const rows = [5, 3, 4].map((n) => ({
      startsAt: minute(n),
      open: '1',
      high: '1',
      low: '1',
      close: String(n),
    }))
    const first = started({ memory, history: true })
    first.ask(['candle'])
    first.grant()
    first.receive(pushed(candle(8, minute(5), '5.1')), pushed(candle(9, minute(5), '5.2')))
    first.pass(1)
    expect(first.unanswered()).toEqual(['/v3/markets/BTC-USD/candles/MINUTE_1/recent'])
    first.answer(rows, { sequence: 8 })
    const told = first.of('candle').map(({ close, closed, historical }) => [close, closed, historical])
    expect(told).toEqual([
      ['3', true, true],
      ['4', true, true],
      ['5', false, true],
      ['5.2', false, false],
    ])
    first.session.closed({ code: 1006, reason: '' }, first.now)

    const second = started({ memory, history: true })
    second.ask(['candle'])
    second.grant()
    second.pass(1)
    second.answer([...rows, { startsAt: minute(6), open: '1', high: '1', low: '1', close: '6' }], {
      sequence: 12,
    })
    expect(second.of('candle').map(({ close, closed }) => [close, closed])).toEqual([
      ['5', true],
      ['6', false],
    ])
  })

  it('wait for their history no longer than ten seconds', () => {
    const run = started({ history: true })
    run.ask(['candle'])
    run.grant()
    run.receive(pushed(candle(8, minute(5), '5')))
    run.pass(10)
    expect(run.of('candle')).toMatchObject([{ close: '5', historical: false }])
    const refused = started({ history: true })
    refused.ask(['candle'])
    refused.grant()
    refused.receive(pushed(candle(8, minute(5), '5')))
    refused.pass(1)
    refused.answer('', { status: 404 })
    expect(refused.of('candle')).toHaveLength(1)
  })

  it('are not held back without bound', () => {
    const run = started({ history: true })
    run.ask(['candle'])
    run.grant()
    for (let sequence = 1; sequence <= 1_000; sequence++)
      run.receive(pushed(candle(sequence, minute(5), '5')))
    expect(run.of('candle')).toHaveLength(1_000)
  })
})

describe('tickers and summaries', () => {
  it('turn a ticker into the last price and a quote, zero into nothing', () => {
    const run = started()
    run.ask(['ticker', 'quote'])
    run.grant()
    run.receive(
      pushed(
        message('ticker', TICKER),
        message('ticker', { ...TICKER, lastTradeRate: '0', bidRate: '0.00000000' }),
      ),
    )
    expect(run.of('ticker').map(({ last, bidPrice, askPrice }) => [last, bidPrice, askPrice])).toEqual([
      ['32407.599', '32414.617', '32483.687'],
      [null, null, '32483.687'],
    ])
    expect(run.of('quote')).toMatchObject([
      { bidPrice: '32414.617', bidAmount: null, askPrice: '32483.687', askAmount: null, sequence: null },
      { bidPrice: null },
    ])
  })

  it('read the batches of all markets for those that were asked for, and prove their numbers', () => {
    const run = started()
    run.ask(['ticker:tickers', 'quote:tickers'])
    run.ask(['ticker:tickers'], 'ETH-BTC')
    run.grant()
    const batch = (sequence: number, ...symbols: string[]) =>
      pushed(message('tickers', { sequence, deltas: symbols.map((symbol) => ({ ...TICKER, symbol })) }))
    run.receive(batch(5, 'BTC-USD', 'DOGE-USD'), batch(6, 'ETH-BTC'), batch(6, 'ETH-BTC'))
    expect(run.of('ticker').map(({ instrument }) => instrument)).toEqual(['BTC-USD', 'ETH-BTC'])
    expect(run.of('quote')).toHaveLength(1)
    run.receive(batch(8, 'BTC-USD'))
    expect(
      run.of('gap').map(({ instrument, channel, state, detail }) => [instrument, channel, state, detail]),
    ).toEqual([
      ['BTC-USD', 'ticker:tickers', 'open', 'expected sequence 7, got 8'],
      ['BTC-USD', 'quote:tickers', 'open', 'expected sequence 7, got 8'],
      ['ETH-BTC', 'ticker:tickers', 'open', 'expected sequence 7, got 8'],
      ['BTC-USD', 'ticker:tickers', 'closed', null],
      ['BTC-USD', 'quote:tickers', 'closed', null],
    ])
  })

  it('turn a summary into a ticker of the day', () => {
    const run = started()
    run.ask(['ticker:market_summary', 'ticker:market_summaries'])
    run.grant()
    const summary = {
      symbol: 'BTC-USD',
      high: '43490.00000000',
      low: '0',
      volume: '205.33916707',
      quoteVolume: '8218757.38934245',
      percentChange: '-8.76',
      updatedAt: '2022-01-21T13:15:25.48Z',
    }
    run.receive(pushed(message('marketSummary', summary)))
    run.receive(pushed(message('marketSummaries', { sequence: 3, deltas: [summary] })))
    run.receive(pushed(message('marketSummaries', { sequence: 3, deltas: [summary] })))
    const told = {
      high: '43490',
      low: null,
      volume: '205.33916707',
      volumeUnit: 'base',
      quoteVolume: '8218757.38934245',
      change: null,
      exchangeTime: 1_642_770_925_480_000,
    }
    expect(run.of('ticker')).toMatchObject([
      { ...told, channel: 'ticker:market_summary' },
      { ...told, channel: 'ticker:market_summaries' },
    ])
  })
})

describe('what does not fit', () => {
  it.each([
    ['a frame of nothing', 'hello', 'not_json', ''],
    ['a frame of another protocol', '{"type":6}', 'unknown_message', ''],
    ['a message that nobody documents', pushed(message('orderBookV4', {})), 'unknown_message', ''],
    ['a hub that is not ours', pushed(message('ticker', TICKER, 'C9')), 'unknown_message', 'H'],
    ['the old hub, on a live connection', pushed(message('uE', {}, 'C2')), 'unknown_message', 'H'],
    ['a message without a body', pushed({ H: 'C3', M: 'ticker', A: [] }), 'schema_mismatch', 'A.0'],
    ['a body that is not packed', pushed({ H: 'C3', M: 'ticker', A: ['!'] }), 'undecodable', ''],
    ['a body that is not JSON', pushed(message('ticker', 'nope')), 'not_json', ''],
    [
      'a price that is null',
      pushed(message('ticker', { ...TICKER, bidRate: null })),
      'schema_mismatch',
      'bidRate',
    ],
    [
      'a price that is no number',
      pushed(message('ticker', { ...TICKER, bidRate: 'NaN' })),
      'not_decimal',
      '',
    ],
    ['a reply to no call', '{"R":[],"I":"77"}', 'unknown_message', 'I'],
    ['a reply that is no list', '{"R":true,"I":"2"}', 'unknown_message', 'I'],
    ['too few results', '{"R":[],"I":"2"}', 'schema_mismatch', 'R'],
    ['results that are none', '{"R":[7],"I":"2"}', 'schema_mismatch', '0'],
  ])('%s is said to be malformed, and the feed goes on', (_, frame, reason, path) => {
    const run = started()
    run.ask(['ticker'])
    run.receive(frame)
    expect(run.of('malformed').map((event) => [event.reason, event.path])).toEqual([[reason, path]])
    run.receive(pushed(message('ticker', TICKER)))
    expect(run.of('ticker')).toHaveLength(1)
    expect(run.reconnects).toEqual([])
  })

  it('a binary frame is said to be malformed', () => {
    const run = started()
    run.session.frame(Uint8Array.of(1, 2), run.now)
    expect(run.of('malformed')).toMatchObject([{ reason: 'undecodable' }])
  })

  it('a bomb is not unpacked', () => {
    const run = started()
    run.receive(pushed(message('ticker', '0'.repeat(20_000_000))))
    expect(run.of('malformed')).toMatchObject([{ reason: 'oversize' }])
  })

  it('private messages and signs of progress are passed over', () => {
    const run = started()
    run.receive(pushed({ H: 'C3', M: 'authenticationExpiring', A: [] }, message('order', { delta: {} })))
    run.receive('{"I":"1","P":{"D":1}}', '{"C":"d","G":"x","M":[]}')
    expect(run.events).toEqual([])
  })
})
