import { describe, expect, test } from 'vitest'
import { type CexOptions, cex } from '../../../connectors/cex/index.js'
import type { Channel, Subscription } from '../../../src/connector.js'
import { StreamMemory } from '../../../src/session/memory.js'
import { harness } from '../../support/harness.js'

const AT = 1_790_135_070_000_000

function session(channels: readonly Channel[], options: CexOptions = {}, memory = new StreamMemory()) {
  const connector = cex({ auditEveryMs: null, ...options })
  const run = harness(connector, { memory })
  const instrument = connector.guess('BTC/USD')
  if (instrument === null) throw new Error('no instrument')
  run.instruments.add(instrument)
  const subscriptions = channels.map((channel): Subscription => ({ instrument, channel }))
  run.session.opened({ url: 'wss://trade.cex.io/api/spot/ws-public', negotiated: null, attempt: 1 }, AT)
  run.session.frame('{"e":"connected"}', AT)
  for (const subscription of subscriptions) run.session.subscribe([subscription], AT)
  return { ...run, run, subscriptions }
}

const oidOf = (frame: string | undefined): string => JSON.parse(frame ?? '{}').oid

function reply(frame: string | undefined, data: string): string {
  const { e, oid } = JSON.parse(frame ?? '{}')
  return `{"e":"${e}","oid":"${oid}","data":${data},"ok":"ok"}`
}

const book = (seqId: number, bids: string, asks = '[]') =>
  `{"seqId":${seqId},"pair":"BTC-USD","bids":${bids},"asks":${asks}}`
const increment = (seqId: number, bids: string, asks = '[]') =>
  `{"e":"order_book_increment","data":${book(seqId, bids, asks)},"ok":"ok"}`

const SNAPSHOT = book(100, '[["86875","0.04301025"],["86874","2952.800000"]]', '[["86875.1","3.4"]]')

describe('the book of Spot Trading', () => {
  test('begins with the reply and goes on by seqId, amounts exact', () => {
    const { session: it, sent, events, of } = session(['book'])
    expect(JSON.parse(sent[0] ?? '')).toEqual({
      e: 'order_book_subscribe',
      oid: expect.stringMatching(/^\d+_1_order_book_subscribe$/),
      data: { pair: 'BTC-USD' },
    })
    it.frame(reply(sent[0], SNAPSHOT), AT + 1)
    it.frame(increment(101, '[["86870","12345678901234567890.12345678"],["86874","0.00000000"]]'), AT + 2)
    expect(of('book_snapshot')[0]).toMatchObject({ depth: 20, sequence: '100', exchangeTime: null })
    expect(of('book_update')[0]).toMatchObject({
      bids: [
        ['86870', '12345678901234567890.12345678'],
        ['86874', '0'],
      ],
      sequence: '101',
    })
    expect(events.map(({ type }) => type)).not.toContain('gap')
  })

  test('takes what overtook its snapshot, in its place', () => {
    const { session: it, sent, of } = session(['book'])
    it.frame(increment(100, '[["86875","9"]]'), AT)
    it.frame(increment(101, '[["86873","1"]]'), AT)
    it.frame(reply(sent[0], SNAPSHOT), AT + 1)
    expect(of('book_snapshot')).toMatchObject([{ receiveTime: AT + 1 }])
    expect(of('book_update')).toMatchObject([{ sequence: '101', receiveTime: AT }])
  })

  test('an equal number with equal levels is a harmless repeat, with others a gap', () => {
    const { session: it, sent, of, resubscribes } = session(['book'])
    it.frame(reply(sent[0], SNAPSHOT), AT)
    it.frame(increment(101, '[["86873","1"]]'), AT + 1)
    it.frame(increment(101, '[["86873","1"]]'), AT + 2)
    expect(of('gap')).toEqual([])
    expect(of('book_update')).toHaveLength(1)
    it.frame(increment(101, '[["86873","2"]]'), AT + 3)
    expect(of('gap')).toMatchObject([{ reason: 'sequence', state: 'open' }])
    expect(resubscribes).toHaveLength(1)
  })

  test.each([
    ['a higher number is a gap', 103, /expected seqId 101, got 103/],
    ['a lower number is a restart of the venue', 7, /began anew: expected seqId 101, got 7/],
  ])('%s: nothing more until the next snapshot, which replaces the book', (_what, seqId, detail) => {
    const { session: it, sent, of, events, subscriptions, resubscribes, run } = session(['book'])
    it.frame(reply(sent[0], SNAPSHOT), AT)
    it.frame(increment(seqId, '[["1","1"]]'), AT + 1)
    expect(of('gap')[0]).toMatchObject({ reason: 'sequence', detail: expect.stringMatching(detail) })
    expect(resubscribes).toEqual(subscriptions)
    it.frame(increment(seqId + 1, '[["1","2"]]'), AT + 2)
    expect(of('book_update')).toEqual([])
    const [subscription] = subscriptions
    if (subscription !== undefined) it.resubscribe(subscription, AT + 3)
    it.frame(reply(sent[1], book(seqId + 1, '[["86000","1"]]')), AT + 4)
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['gap', 'book_snapshot'])
    expect(run.memory.record('BTC-USD', 'book').book.top(5)).toEqual({ bids: [['86000', '1']], asks: [] })
  })

  test('a removal of what is not there and a window that grows are gaps', () => {
    const removal = session(['book'])
    removal.session.frame(reply(removal.sent[0], SNAPSHOT), AT)
    removal.session.frame(increment(101, '[["5","0"]]'), AT)
    expect(removal.of('gap')[0]?.detail).toMatch(/were not in the book/)
    removal.session.frame(increment(102, '[["6","1"]]'), AT)
    expect(removal.of('book_update')).toEqual([])

    const growing = session(['book'])
    growing.session.frame(reply(growing.sent[0], SNAPSHOT), AT)
    const levels = Array.from({ length: 20 }, (_, at) => [`${100 + at}`, '1'])
    growing.session.frame(increment(101, '[["86875","9"]]'), AT + 1)
    growing.session.frame(increment(102, JSON.stringify(levels)), AT + 2)
    expect(growing.of('gap')[0]).toMatchObject({ detail: expect.stringMatching(/22 levels/), from: AT })
  })

  test.each([
    ['stands where the venue has an error of its own', 'Internal error', 'live', []],
    [
      'is given up where the venue has the pair no more',
      'Currency pair BTC-USD is not supported',
      'suspect',
      [['stale', 'open']],
    ],
  ] as const)('%s in place of its audit', (_what, error, state, gaps) => {
    const { session: it, sent, of, subscriptions, run } = session(['book'], { auditEveryMs: 60_000 })
    it.frame(reply(sent[0], SNAPSHOT), AT)
    const [subscription] = subscriptions
    if (subscription === undefined) throw new Error('no subscription')
    run.until(AT + 60_000_000)
    it.resubscribe(subscription, AT + 60_000_001)
    it.frame(
      `{"e":"order_book_subscribe","oid":"${oidOf(sent[1])}","data":{"error":"${error}"},"ok":"ok"}`,
      AT + 60_000_002,
    )
    it.frame(increment(101, '[["86873","1"]]'), AT + 60_000_003)
    expect(of('connection').map((event) => event.state)).toEqual(['refused'])
    expect(of('book_update')).toHaveLength(state === 'live' ? 1 : 0)
    expect(of('gap').map((gap) => [gap.reason, gap.state])).toEqual(gaps)
    expect(run.memory.record('BTC-USD', 'book').book.state).toBe(state)
  })

  test('is audited in turn by a second snapshot, which stays silent where it agrees', () => {
    const {
      session: it,
      sent,
      of,
      run,
      resubscribes,
      subscriptions,
    } = session(['book'], { auditEveryMs: 60_000 })
    it.frame(reply(sent[0], SNAPSHOT), AT)
    run.until(AT + 60_000_000)
    expect(resubscribes).toEqual(subscriptions)
    const [subscription] = subscriptions
    if (subscription === undefined) throw new Error('no subscription')
    it.resubscribe(subscription, AT + 60_000_000)
    it.frame(reply(sent[1], SNAPSHOT), AT + 60_000_001)
    expect(of('checksum')).toMatchObject([{ ok: true, sequence: '100' }])
    expect(of('book_snapshot')).toHaveLength(1)

    run.until(AT + 120_000_000)
    it.resubscribe(subscription, AT + 120_000_000)
    it.frame(
      reply(sent[2], book(100, '[["86875","0.05"],["86874","2952.8"]]', '[["86875.1","3.4"]]')),
      AT + 120_000_001,
    )
    expect(of('checksum')[1]).toMatchObject({
      ok: false,
      expected: 'bids.0 86875 × 0.05',
      actual: 'bids.0 86875 × 0.04301025',
    })
    expect(of('gap').map(({ state }) => state)).toEqual(['open', 'closed'])
    expect(of('book_snapshot')).toHaveLength(2)

    run.until(AT + 180_000_000)
    it.resubscribe(subscription, AT + 180_000_000)
    it.frame(reply(sent[3], book(300, '[["86875","0.05"]]')), AT + 180_000_001)
    expect(of('gap').at(-1)).toMatchObject({ state: 'closed', reason: 'sequence' })
  })

  test('goes silent when it is given up', () => {
    const { session: it, sent, of, subscriptions } = session(['book'])
    it.frame(reply(sent[0], SNAPSHOT), AT)
    it.unsubscribe(subscriptions, AT)
    it.frame(increment(101, '[["5","1"]]'), AT)
    it.frame(reply(sent[1], '{"pair":"BTC-USD"}'), AT)
    it.frame(increment(102, '[["5","1"]]'), AT)
    expect(of('book_update')).toEqual([])
    expect(of('gap')).toEqual([])
  })
})

/** The milliseconds of a trade are those of its id. */
const trade = (id: string, more = '') =>
  `{"side":"BUY","dateISO":"${new Date(Number(id.split('-')[0])).toISOString()}","price":"22562.10","amount":"0.00975172","tradeId":"${id}"${more}}`
const update = (id: string) => `{"e":"tradeUpdate","data":${trade(id, ',"pair":"BTC-USD"')},"ok":"ok"}`
const snapshot = (...ids: string[]) =>
  `{"e":"tradeHistorySnapshot","data":{"pair":"BTC-USD","trades":[${ids.map((id) => trade(id)).join(',')}]},"ok":"ok"}`

describe('trades of Spot Trading', () => {
  test('come once each, whether an update or the history was first', () => {
    const { session: it, sent, of } = session(['trade'])
    it.frame(reply(sent[0], '{"reqId":"public-107_1"}'), AT)
    it.frame(update('1678152145734-10'), AT)
    it.frame(snapshot('1678152145734-8', '1678152145734-9', '1678152145734-10'), AT)
    it.frame(update('1678152145734-11'), AT)
    expect(of('trade').map(({ id, historical }) => [id, historical])).toEqual([
      ['1678152145734-10', false],
      ['1678152145734-8', true],
      ['1678152145734-9', true],
      ['1678152145734-11', false],
    ])
    expect(of('trade')[0]).toMatchObject({ side: 'buy', price: '22562.1', amount: '0.00975172' })
  })

  function afterOutage() {
    const memory = new StreamMemory()
    const first = session(['trade'], {}, memory)
    first.session.frame(reply(first.sent[0], '{"reqId":"1"}'), AT)
    first.session.frame(update('1678152145734-0'), AT)
    first.session.closed({ code: 1006, reason: 'cut' }, AT + 1)
    expect(first.of('gap')).toMatchObject([{ reason: 'disconnected', state: 'open' }])
    const second = session(['trade'], {}, memory)
    second.session.frame(reply(second.sent[0], '{"reqId":"2"}'), AT)
    second.run.until(AT)
    return second
  }

  const page = (from: number, to: number) => {
    const rows = Array.from({ length: to - from + 1 }, (_, at) => trade(`${1_678_152_145_734 + from + at}-0`))
    return `{"pageSize":1000,"trades":[${rows.join(',')}]}`
  }

  test('after an outage what was missed is fetched, page after page, and only then the gap is healed', () => {
    const { session: it, sent, of, run } = afterOutage()
    expect(of('gap')).toEqual([])
    expect(JSON.parse(sent[1] ?? '')).toMatchObject({
      e: 'get_trade_history',
      data: { pair: 'BTC-USD', fromDateISO: '2023-03-07T01:22:25.733Z', pageSize: 1000 },
    })
    it.frame(reply(sent[1], page(0, 999)), AT + 2)
    expect(of('trade')).toHaveLength(999)
    expect(of('gap')).toEqual([])
    it.frame(update('1678152147000-0'), AT + 3)
    run.until(AT + 4_000_000)
    expect(JSON.parse(sent[2] ?? '')).toMatchObject({
      e: 'get_trade_history',
      data: { fromDateISO: '2023-03-07T01:22:26.732Z' },
    })
    it.frame(reply(sent[2], page(999, 1266)), AT + 4_000_001)
    expect(of('gap')).toMatchObject([{ state: 'closed', healed: true }])
    expect(of('trade')).toHaveLength(1266)
    expect(of('trade').filter(({ historical }) => !historical)).toMatchObject([{ id: '1678152147000-0' }])
  })

  test('after an outage stay missing where the venue refuses its history', () => {
    const { session: it, sent, of, run } = afterOutage()
    let answered = 1
    for (let at = AT; at < AT + 25_000_000; at += 500_000) {
      run.until(at)
      for (const frame of sent.slice(answered)) {
        answered++
        it.frame(`{"e":"get_trade_history","oid":"${oidOf(frame)}","data":{"error":"no"}}`, at)
      }
    }
    expect(sent.filter((frame) => frame.includes('get_trade_history')).length).toBeLessThanOrEqual(4)
    expect(of('gap')).toMatchObject([{ state: 'closed', healed: false }])
  })

  test('after an outage are not called whole where a row of the history could not be read', () => {
    const { session: it, sent, of } = afterOutage()
    it.frame(reply(sent[1], page(0, 9).replace('22562.10', 'NaN')), AT + 2)
    expect(of('malformed')).toHaveLength(1)
    expect(of('gap')).toMatchObject([{ state: 'closed', healed: false }])
  })

  test('a bad row is malformed and the rows beside it are read', () => {
    const { session: it, sent, of } = session(['trade'])
    it.frame(reply(sent[0], '{"reqId":"1"}'), AT)
    it.frame(snapshot('1-1', '1-2').replace('22562.10', 'NaN'), AT)
    expect(of('malformed')).toMatchObject([{ reason: 'not_decimal' }])
    expect(of('trade').map(({ id }) => id)).toEqual(['1-2'])
  })
})

describe('what is polled', () => {
  test('tickers and quotes of all pairs cost one request, asked again in time', () => {
    const { session: it, sent, of, run } = session(['ticker', 'quote'])
    run.until(AT)
    expect(sent).toHaveLength(1)
    expect(JSON.parse(sent[0] ?? '')).toMatchObject({ e: 'get_ticker', data: { pairs: ['BTC-USD'] } })
    const row =
      '{"bestBid":"86875","bestAsk":"86875.10","lastTradePrice":"86874.9","last":"1","volume":"1.20","quoteVolume":"104250","high":null}'
    it.frame(reply(sent[0], `{"BTC-USD":${row},"ETH-USD":{}}`), AT + 1)
    expect(of('ticker')).toMatchObject([
      {
        last: '86874.9',
        volume: '1.2',
        quoteVolume: '104250',
        high: null,
        bidPrice: '86875',
        askPrice: '86875.1',
      },
    ])
    expect(of('quote')).toMatchObject([{ bidPrice: '86875', bidAmount: null, askPrice: '86875.1' }])
    run.until(AT + 9_000_000)
    expect(sent).toHaveLength(1)
    run.until(AT + 10_000_000)
    expect(sent).toHaveLength(2)
  })

  test('candles follow a side of the book, are final once, and none is missed', () => {
    const { session: it, sent, of, run } = session(['candle', 'candle:ask-1h'])
    run.until(AT + 4_000_000)
    expect(sent.map((frame) => JSON.parse(frame).data)).toMatchObject([
      { pair: 'BTC-USD', limit: 2, dataType: 'bestBid', resolution: '1m', toISO: AT / 1000 },
      { limit: 2, dataType: 'bestAsk', resolution: '1h' },
    ])
    const row = (minute: number, close: string, closed: boolean) =>
      `{"timestamp":${1_790_135_040_000 + minute * 60_000},"open":1,"high":2,"low":1,"close":${close},"volume":1.50,"resolution":"1m"${closed ? ',"isClosed":true' : ''}}`
    it.frame(reply(sent[0], `[${row(-1, '1.10', true)},${row(0, '1.2', false)}]`), AT + 1)
    it.frame(reply(sent[1], `{"BTC-USD":{"timestamp":1790134800000,"isClosed":true}}`), AT + 2)
    run.until(AT + 130_000_000)
    const again = sent.filter((frame) => frame.includes('bestBid')).at(-1)
    expect(JSON.parse(again ?? '').data.limit).toBeGreaterThan(3)
    it.frame(
      reply(again, `[${row(-1, '1.10', true)},${row(0, '1.3', true)},${row(1, '1.4', false)}]`),
      AT + 3,
    )
    expect(
      of('candle').map(({ channel, close, closed, volume }) => [channel, close, closed, volume]),
    ).toEqual([
      ['candle', '1.1', true, '1.5'],
      ['candle', '1.2', false, '1.5'],
      ['candle:ask-1h', null, true, null],
      ['candle', '1.3', true, '1.5'],
      ['candle', '1.4', false, '1.5'],
    ])
  })

  test('an unknown pair is refused and no longer asked for', () => {
    const { session: it, sent, of, run } = session(['ticker', 'candle'])
    run.until(AT + 4_000_000)
    it.frame(
      `{"e":"get_ticker","oid":"${oidOf(sent[0])}","data":{"error":"Currency pair BTC-USD is not supported"}}`,
      AT,
    )
    it.frame(reply(sent[1], '{"BTC-USD":{"error":{"code":400,"reason":"no such pair"}}}'), AT)
    expect(of('connection').map(({ state, reason }) => [state, reason])).toEqual([
      ['refused', 'ticker of BTC/USD: Currency pair BTC-USD is not supported'],
      ['refused', 'candle of BTC/USD: no such pair'],
    ])
    run.until(AT + 60_000_000)
    expect(sent).toHaveLength(2)
  })

  test('stops with the stream', () => {
    const { session: it, sent, run, subscriptions } = session(['ticker', 'candle'])
    run.until(AT + 4_000_000)
    it.unsubscribe(subscriptions, AT + 5_000_000)
    run.until(AT + 60_000_000)
    expect(sent).toHaveLength(2)
  })
})

describe('what the venue refuses', () => {
  test('a pair that it does not know', () => {
    const { session: it, sent, of } = session(['book'])
    it.frame(
      `{"e":"order_book_subscribe","oid":"${oidOf(sent[0])}","data":{"error":"Currency pair BTC-USD is not supported"},"ok":"ok"}`,
      AT,
    )
    expect(of('connection')).toMatchObject([{ state: 'refused', reason: expect.stringContaining('BTC/USD') }])
  })

  test('too many requests: the next connection waits for the next calendar minute', () => {
    const { session: it, sent, of, reconnects, limits } = session(['trade'])
    it.frame(
      `{"e":"trade_subscribe","oid":"${oidOf(sent[0])}","data":{"error":"API rate limit reached"}}`,
      AT,
    )
    it.frame('{"e":"disconnected"}', AT)
    expect(of('connection').map(({ state }) => state)).toEqual(['refused', 'refused'])
    expect(reconnects).toEqual(['the venue says disconnected: API rate limit reached'])
    const [limit] = limits
    expect(((AT / 1000 + (limit?.forMs ?? 0)) % 60_000) / 1000).toBe(0.5)
  })

  test('an error of long ago, or of a single request, is not why the venue ends the connection', () => {
    const { session: it, sent, reconnects, limits } = session(['trade'])
    it.frame(
      `{"e":"trade_subscribe","oid":"${oidOf(sent[0])}","data":{"error":"API rate limit reached"}}`,
      AT,
    )
    it.frame('{"e":"disconnected"}', AT + 3_600_000_000)
    expect(reconnects).toEqual(['the venue says disconnected'])
    expect(limits).toEqual([])
    const other = session(['book'])
    other.session.frame(
      `{"e":"order_book_subscribe","oid":"${oidOf(other.sent[0])}","data":{"error":"Currency pair BTC-USD is not supported"}}`,
      AT,
    )
    other.session.frame('{"e":"disconnected"}', AT + 1)
    expect(other.reconnects).toEqual(['the venue says disconnected'])
  })

  test('a subscribe for a reason that may pass: said once, asked again more and more seldom, the socket stays', () => {
    const { session: it, sent, of, run, resubscribes, reconnects } = session(['book', 'trade'])
    it.frame(reply(sent[1], '{"reqId":"1"}'), AT)
    let answered = 0
    for (let now = AT; now < AT + 3_600_000_000; now += 1_000_000) {
      run.until(now)
      for (const again of resubscribes.splice(0)) it.resubscribe(again, now)
      for (; answered < sent.length; answered++) {
        if (!sent[answered]?.includes('order_book_subscribe')) continue
        it.frame(
          `{"e":"order_book_subscribe","oid":"${oidOf(sent[answered])}","data":{"error":"internal error ${answered}"}}`,
          now,
        )
      }
    }
    expect(sent.filter((frame) => frame.includes('order_book_subscribe')).length).toBeLessThan(14)
    expect(of('connection').map(({ reason }) => reason)).toEqual([
      'order_book_subscribe BTC-USD: internal error 0',
    ])
    expect(reconnects).toEqual([])
  })

  test.each([
    ['ticker', 'get_ticker'],
    ['candle', 'get_candles'],
  ] as const)('a %s that is polled: said once, asked for more and more seldom', (channel, method) => {
    const { session: it, sent, of, run, resubscribes, reconnects } = session([channel])
    let answered = 0
    for (let now = AT; now < AT + 3_600_000_000; now += 1_000_000) {
      run.until(now)
      for (const again of resubscribes.splice(0)) it.resubscribe(again, now)
      for (; answered < sent.length; answered++) {
        it.frame(`{"e":"${method}","oid":"${oidOf(sent[answered])}","data":{"error":"internal error"}}`, now)
      }
    }
    expect(sent.length).toBeGreaterThan(3)
    expect(sent.length).toBeLessThan(16)
    expect(of('connection')).toHaveLength(1)
    expect(reconnects).toEqual([])
  })

  test('maintenance, and an end without a reason', () => {
    const { session: it, of, reconnects } = session([])
    it.frame('{"e":"market_data","data":{"error":"market_data is on maintenance"}}', AT)
    expect(of('connection')[0]?.state).toBe('maintenance')
    const plain = session([])
    plain.session.frame('{"e":"disconnected"}', AT)
    expect(plain.reconnects).toEqual(['the venue says disconnected'])
    expect(reconnects).toEqual([])
  })

  test('an unanswered greeting ends the connection; an unknown event is malformed', () => {
    const silent = harness(cex())
    silent.session.opened({ url: 'wss://trade.cex.io/api/spot/ws-public', negotiated: null, attempt: 1 }, AT)
    silent.until(AT + 10_000_000)
    expect(silent.reconnects).toEqual(['the venue did not greet'])
    silent.session.frame('{"e":"novelty"}', AT)
    silent.session.frame(new TextEncoder().encode('{"e":"pong"}'), AT)
    expect(silent.of('malformed')).toMatchObject([{ reason: 'unknown_message', path: 'e' }])
  })
})

describe('a recording of another client', () => {
  test('tells its streams by its requests and by its frames', () => {
    const run = harness(cex(), { adopt: true })
    const { session: it, of } = run
    it.opened({ url: 'wss://trade.cex.io/api/spot/ws-public', negotiated: null, attempt: 1 }, null)
    it.sent('{"e":"auth","auth":{"key":"k","signature":"s","timestamp":1}}', null)
    it.sent('{"e":"ping"}', null)
    it.frame('{"e":"connected"}', null)
    it.frame(
      '{"e":"get_pairs_info","oid":"0","data":[{"base":"BTC","quote":"USD","baseLotSize":"0.00000001","pricePrecision":1}],"ok":"ok"}',
      null,
    )
    it.frame(increment(99, '[["5","1"]]'), null)
    it.frame(`{"e":"order_book_subscribe","oid":"9","data":${SNAPSHOT},"ok":"ok"}`, null)
    it.frame(increment(101, '[["5","1"]]'), null)
    it.sent('{"e":"trade_subscribe","oid":"t","data":{"pair":"BTC-USD"}}', null)
    it.frame('{"e":"trade_subscribe","oid":"t","data":{"reqId":"1"},"ok":"ok"}', null)
    it.sent('{"e":"get_trade_history","oid":"h","data":{"pair":"BTC-USD"}}', null)
    it.frame(
      `{"e":"get_trade_history","oid":"h","data":{"pageSize":1,"trades":[${trade('1-1')}]},"ok":"ok"}`,
      null,
    )
    it.frame('{"e":"get_ticker","oid":"x","data":{"BTC-USD":{"volume":"1"}},"ok":"ok"}', null)
    it.sent(
      '{"e":"get_candles","oid":"c","data":{"pair":"BTC-USD","resolution":"5m","dataType":"bestAsk"}}',
      null,
    )
    it.frame(
      '{"e":"get_candles","oid":"c","data":[{"timestamp":1790135040000,"open":1,"high":1,"low":1,"close":1,"volume":0}],"ok":"ok"}',
      null,
    )
    it.frame('{"e":"order_book_unsubscribe","oid":"u","data":{"pair":"BTC-USD"},"ok":"ok"}', null)
    expect(of('malformed')).toEqual([])
    expect(of('instrument')[0]).toMatchObject({
      instrument: 'BTC-USD',
      tickSize: '0.1',
      lotSize: '0.00000001',
    })
    expect(of('book_update')).toHaveLength(1)
    expect(of('trade')).toMatchObject([{ historical: true, id: '1-1' }])
    expect(of('ticker')).toHaveLength(1)
    expect(of('candle')).toMatchObject([{ channel: 'candle:ask-5m', interval: '5m' }])
    it.frame('{"e":"order_book_increment","data":{"seqId":1,"pair":"BTC USD","bids":[],"asks":[]}}', null)
    expect(of('malformed')).toMatchObject([{ path: 'data.pair' }])
  })
})
