import { describe, expect, it } from 'vitest'
import { huobi } from '../../../connectors/huobi/connector.js'
import { harness } from '../../support/harness.js'
import { asked, granted, packed, sentBy, streamOf, T } from './frames.js'

const TRADE = {
  ch: 'market.btcusdt.trade.detail',
  ts: 1,
  tick: {
    id: 9,
    ts: 1_616_243_199_156,
    data: [{ id: 91, ts: 1_616_243_199_156, tradeId: 7, amount: 0.5, price: 58_911.07, direction: 'sell' }],
  },
}

describe('subscribing', () => {
  it('that is refused as one too many is said once and asked again more and more seldom', () => {
    const run = asked([['BTC/USDT', 'trade']])
    const topic = 'market.btcusdt.trade.detail'
    const times: number[] = []
    for (let now = T; now < T + 3_600_000_000; now += 500_000) {
      run.until(now)
      for (const again of run.resubscribes.splice(0)) run.session.resubscribe(again, now)
      for (const { sub, id } of sentBy(run)) {
        if (sub !== topic) continue
        times.push(now)
        const words = `429 too many request topic is ${topic}`
        run.session.frame(
          packed({ status: 'error', ts: now, id, 'err-code': 'bad-request', 'err-msg': words }),
          now,
        )
      }
    }
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeLessThan(6_000_000)
    expect((times.at(-1) ?? 0) - (times.at(-2) ?? 0)).toBeGreaterThanOrEqual(600_000_000)
    expect(times.length).toBeLessThan(16)
    expect(run.of('connection')).toHaveLength(1)
    expect(run.reconnects).toEqual([])
  })

  it('asks for one topic a frame, numbered', () => {
    const run = asked([
      ['BTC/USDT', 'trade'],
      ['BTC/USDT', 'book'],
      ['BTC/USDT', 'book:refresh20'],
      ['BTC/USDT', 'book:step1'],
      ['BTC/USDT', 'quote'],
      ['BTC/USDT', 'ticker'],
      ['BTC/USDT', 'ticker:ticker'],
      ['BTC/USDT', 'candle:1h'],
    ])
    expect(run.ready).toBe(true)
    expect(sentBy(run)).toEqual(
      [
        'market.btcusdt.trade.detail',
        'market.btcusdt.mbp.150',
        'market.btcusdt.mbp.refresh.20',
        'market.btcusdt.depth.step1',
        'market.btcusdt.bbo',
        'market.btcusdt.detail',
        'market.btcusdt.ticker',
        'market.btcusdt.kline.60min',
      ].map((sub, index) => ({ sub, id: String(index + 1) })),
    )
  })

  it('asks derivatives for increments, and says so again when it leaves', () => {
    const run = asked([
      ['BTC/USDT:USDT', 'book'],
      ['BTC/USDT:USDT', 'book:20'],
      ['BTC/USDT:USDT', 'book:step6'],
    ])
    const [first, second, third] = sentBy(run)
    expect(first).toEqual({
      sub: 'market.BTC-USDT.depth.size_150.high_freq',
      data_type: 'incremental',
      id: '1',
    })
    expect(second).toEqual({
      sub: 'market.BTC-USDT.depth.size_20.high_freq',
      data_type: 'incremental',
      id: '2',
    })
    expect(third).toEqual({ sub: 'market.BTC-USDT.depth.step6', id: '3' })
    run.session.unsubscribe([streamOf('BTC/USDT:USDT', 'book')], T)
    expect(sentBy(run)).toEqual([
      { unsub: 'market.BTC-USDT.depth.size_150.high_freq', data_type: 'incremental', id: '4' },
    ])
  })

  it('asks the notification sockets in their own grammar, futures by their coin', () => {
    const run = asked([
      ['BTC/USDT:USDT', 'derivative:funding'],
      ['BTC/USDT:USDT', 'liquidation'],
      ['BTC/USD:BTC-301227', 'liquidation'],
      ['BTC/USD:BTC', 'instrument'],
    ])
    expect(sentBy(run)).toEqual([
      { op: 'sub', cid: '1', topic: 'public.BTC-USDT.funding_rate' },
      { op: 'sub', cid: '2', topic: 'public.BTC-USDT.liquidation_orders' },
      { op: 'sub', cid: '3', topic: 'public.BTC.liquidation_orders' },
      { op: 'sub', cid: '4', topic: 'public.BTC-USD.contract_info' },
    ])
  })

  it.each([
    ['BTC/USDT', 'book:step6', 'there is no book:step6 for spot pairs'],
    ['BTC/USDT', 'derivative', 'there is no derivative channel for spot pairs'],
    ['BTC/USDT', 'liquidation', 'there are no liquidations for spot pairs'],
    ['BTC/USDT', 'instrument', 'there is no instrument channel for spot pairs'],
    ['BTC/USDT:USDT', 'book:5', 'there is no book:5 for derivatives'],
    ['BTC/USDT:USDT', 'book:400', 'there is no book:400 for derivatives'],
    ['BTC/USDT:USDT', 'book:refresh5', 'there is no book:refresh5 for derivatives'],
    ['BTC/USDT:USDT', 'ticker:tickers', 'there is no ticker:tickers for derivatives'],
    ['BTC/USDT:USDT', 'candle:1y', 'there is no candle:1y for derivatives'],
    ['BTC/USD:BTC-301227', 'derivative:funding', 'there is no funding for contracts that are delivered'],
  ] as const)(
    'what the venue does not have is refused without asking it: %s %s',
    (symbol, channel, reason) => {
      const run = asked([[symbol, channel]])
      expect(run.sent).toEqual([])
      expect(run.of('connection')).toMatchObject([
        { state: 'refused', reason: `${channel} of ${symbol}: ${reason}` },
      ])
    },
  )

  it('shares a topic of all pairs among its streams and leaves it with the last', () => {
    const run = granted([
      ['BTC/USDT', 'ticker:tickers'],
      ['ETH/USDT', 'ticker:tickers'],
    ])
    const row = { open: 1, high: 2, low: 1, close: 2, amount: 3, vol: 4, count: 5 }
    const data = ['btcusdt', 'ethusdt', 'xrpusdt'].map((symbol) => ({ symbol, ...row }))
    run.session.frame(packed({ ch: 'market.tickers', status: 'ok', ts: 1, data }), T)
    expect(run.of('ticker').map(({ instrument }) => instrument)).toEqual(['btcusdt', 'ethusdt'])
    run.session.unsubscribe([streamOf('BTC/USDT', 'ticker:tickers')], T)
    expect(run.sent).toEqual([])
    run.session.frame(packed({ ch: 'market.tickers', status: 'ok', ts: 2, data }), T)
    expect(run.of('ticker').at(-1)?.instrument).toBe('ethusdt')
    expect(run.of('ticker')).toHaveLength(3)
    run.session.unsubscribe([streamOf('ETH/USDT', 'ticker:tickers')], T)
    expect(sentBy(run)).toEqual([{ unsub: 'market.tickers', id: '2' }])
  })

  it('takes a topic that a sibling was granted as granted', () => {
    const run = granted([['BTC/USDT', 'ticker:tickers']])
    run.session.subscribe([streamOf('ETH/USDT', 'ticker:tickers')], T)
    expect(run.sent).toEqual([])
    run.until(T + 60_000_000)
    expect([run.resubscribes, run.reconnects]).toEqual([[], []])
  })
})

describe('what the venue answers', () => {
  it('an unanswered subscribe is asked again', () => {
    const run = asked([['BTC/USDT', 'trade']])
    run.until(T + 15_000_000)
    expect(run.resubscribes.map(({ channel }) => channel)).toEqual(['trade'])
  })

  it.each([
    'invalid symbol nopeusdt',
    'symbol:tonjpy trade not open now ',
    'invalid topic market.btcusdt.trade.detail',
  ])('"%s" refuses that stream alone', (message) => {
    const run = asked([
      ['BTC/USDT', 'trade'],
      ['ETH/USDT', 'trade'],
    ])
    run.session.frame(
      packed({ status: 'error', ts: 1, id: '1', 'err-code': 'bad-request', 'err-msg': message }),
      T,
    )
    expect(run.of('connection')).toMatchObject([
      { state: 'refused', reason: `trade of BTC/USDT: ${message}` },
    ])
    run.session.frame(packed({ id: '2', status: 'ok', subbed: 'market.ethusdt.trade.detail', ts: 1 }), T)
    run.session.frame(packed(TRADE), T)
    run.session.frame(packed({ ...TRADE, ch: 'market.ethusdt.trade.detail' }), T)
    expect(run.of('trade').map(({ instrument }) => instrument)).toEqual(['ethusdt'])
  })

  it('an error without an id is said, and nothing is given up', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(
      packed({
        status: 'error',
        ts: 1,
        id: '',
        'err-code': 'bad-request',
        'err-msg': 'not json, is not json string',
      }),
      T,
    )
    run.session.frame(packed({ status: 'error', ts: 1 }), T)
    run.session.frame(packed(TRADE), T)
    expect(run.of('connection').map(({ reason }) => reason)).toEqual([
      'not json, is not json string',
      'an error without words',
    ])
    expect(run.of('trade')).toHaveLength(1)
  })

  it('after an unsubscribe nothing of the stream is heard, confirmed or refused', () => {
    for (const answer of [
      { id: '2', status: 'ok', unsubbed: 'market.btcusdt.trade.detail', ts: 1 },
      { id: '2', status: 'error', ts: 1, 'err-msg': 'unsub with not subbed topic' },
    ]) {
      const run = granted([['BTC/USDT', 'trade']])
      run.session.unsubscribe([streamOf('BTC/USDT', 'trade')], T)
      run.session.frame(packed(TRADE), T)
      run.session.frame(packed(answer), T)
      run.session.frame(packed(TRADE), T)
      run.session.closed({ code: 1000, reason: '' }, T)
      expect(run.events.filter(({ type }) => type !== 'instrument')).toEqual([])
    }
  })

  it('a stream that is asked for again while its unsubscribe is on the way stays', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.resubscribe(streamOf('BTC/USDT', 'trade'), T)
    expect(sentBy(run)).toEqual([
      { unsub: 'market.btcusdt.trade.detail', id: '2' },
      { sub: 'market.btcusdt.trade.detail', id: '3' },
    ])
    run.session.frame(packed({ id: '2', status: 'ok', unsubbed: 'market.btcusdt.trade.detail', ts: 1 }), T)
    run.session.frame(packed({ id: '3', status: 'ok', subbed: 'market.btcusdt.trade.detail', ts: 1 }), T)
    run.session.frame(packed(TRADE), T)
    expect(run.of('trade')).toHaveLength(1)
  })

  it('a stream whose unsubscribe is carried out after it was asked for again has a gap, and is asked for once more', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.resubscribe(streamOf('BTC/USDT', 'trade'), T)
    run.session.frame(packed({ id: '3', status: 'ok', subbed: 'market.btcusdt.trade.detail', ts: 1 }), T)
    run.session.frame(packed(TRADE), T)
    run.session.frame(packed({ id: '2', status: 'ok', unsubbed: 'market.btcusdt.trade.detail', ts: 1 }), T)
    expect(run.of('gap').at(-1)).toMatchObject({ state: 'open', reason: 'stale' })
    expect(run.resubscribes.map(({ channel }) => channel)).toEqual(['trade'])
  })

  it('a contract that is granted and silent is asked for twice more, then said, and the socket is left alone', () => {
    const run = granted([
      ['ANT/USDT:USDT', 'book'],
      ['BTC/USDT', 'trade'],
    ])
    run.session.frame(packed(TRADE), T)
    for (let second = 1; second <= 120; second++) {
      run.until(T + second * 1_000_000)
      for (const subscription of run.resubscribes.splice(0)) {
        expect(subscription.instrument.instrument).toBe('ANT-USDT')
        run.session.resubscribe(subscription, T + second * 1_000_000)
        for (const frame of sentBy(run)) {
          if (frame['sub'] !== undefined) {
            run.session.frame(
              packed({ id: frame['id'], status: 'ok', subbed: frame['sub'], ts: 1 }),
              T + second * 1_000_000,
            )
          }
        }
      }
    }
    expect(run.of('connection').map(({ state, reason }) => [state, reason])).toEqual([
      ['refused', 'book of ANT/USDT:USDT was granted and stays silent'],
    ])
    expect(run.reconnects).toEqual([])
    const ch = 'market.ANT-USDT.depth.size_150.high_freq'
    const tick = { event: 'snapshot', version: 5, ts: 1, bids: [[5.1, 3]], asks: [], ch }
    run.session.frame(packed({ ch, ts: 1, tick }), T + 130_000_000)
    expect(run.of('book_snapshot')).toHaveLength(1)
  })
})

it('remembers no more than five thousand requests that nobody answers', () => {
  const run = harness(huobi(), { adopt: true })
  for (let id = 0; id <= 5_000; id++)
    run.session.sent(JSON.stringify({ sub: `market.a${id}.bbo`, id: `e${id}` }), T)
  for (const id of ['e0', 'e1']) run.session.frame(packed({ status: 'error', ts: 1, id, 'err-msg': 'no' }), T)
  expect(run.of('connection').map(({ reason }) => reason)).toEqual(['no', 'market.a1.bbo: no'])
})

describe('the heartbeat', () => {
  it('sends the value back as it stands, whatever its size', () => {
    const run = harness(huobi())
    for (const ping of [
      '{"ping":1618677960000}',
      '{"ping": 99999999999999999999 }',
      '{"ping":"1618677960000"}',
    ]) {
      run.session.frame(packed(ping), T)
    }
    expect(run.sent).toEqual([
      '{"pong":1618677960000}',
      '{"pong":99999999999999999999}',
      '{"pong":"1618677960000"}',
    ])
  })

  it('of the notification sockets keeps text as text', () => {
    const run = harness(huobi())
    run.session.frame(packed('{"op":"ping","ts":"1789676447110"}'), T)
    run.session.frame(packed('{"op":"ping","ts":1789676447110}'), T)
    run.session.frame(packed('{"op":"ping"}'), T)
    expect(run.sent).toEqual([
      '{"op":"pong","ts":"1789676447110"}',
      '{"op":"pong","ts":1789676447110}',
      '{"op":"pong"}',
    ])
    expect(run.events).toEqual([])
  })

  it('takes the answer to a ping of its own for nothing', () => {
    const run = harness(huobi())
    run.session.frame(packed('{"pong":1}'), T)
    run.session.frame(packed('{"op":"pong"}'), T)
    expect([run.events, run.sent]).toEqual([[], []])
  })
})

describe('a frame that does not fit is disclosed and the feed goes on', () => {
  it.each([
    ['no gzip', new Uint8Array([1, 2, 3]), 'undecodable', ''],
    ['no JSON', packed('{"ch":'), 'not_json', ''],
    ['no object', packed('[1]'), 'unknown_message', ''],
    ['no known message', packed('{"hello":1}'), 'unknown_message', ''],
    ['no known topic', packed('{"ch":"market.btcusdt.unheard","ts":1}'), 'unknown_message', 'ch'],
    ['no known grammar', packed('{"ch":"unheard","ts":1}'), 'unknown_message', 'ch'],
    ['a ping without a value', packed('{"ping":null}'), 'unknown_message', 'ping'],
    [
      'an ack of no topic',
      packed('{"id":"1","status":"ok","subbed":"unheard","ts":1}'),
      'unknown_message',
      'subbed',
    ],
    [
      'an answer to no topic',
      packed('{"id":"1","status":"ok","rep":"unheard","data":{}}'),
      'unknown_message',
      'rep',
    ],
    ['an operation nobody knows', packed('{"op":"unheard"}'), 'unknown_message', 'op'],
    [
      'a notification nobody knows',
      packed('{"op":"notify","topic":"public.x.unheard","ts":1}'),
      'unknown_message',
      'topic',
    ],
    [
      'a field missing',
      packed({ ...TRADE, tick: { ...TRADE.tick, data: [{ id: 1, ts: 1, amount: 1, direction: 'buy' }] } }),
      'schema_mismatch',
      'tick.data.0.price',
    ],
    [
      'no number',
      packed({ ...TRADE, tick: { ...TRADE.tick, data: [{ ...TRADE.tick.data[0], amount: 'many' }] } }),
      'not_decimal',
      'tick.data.0.amount',
    ],
  ])('%s', (_name, frame, reason, path) => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(frame, T)
    expect(run.of('malformed')).toMatchObject([{ reason, path, connection: 'spot#0', receiveTime: T }])
    run.session.frame(packed(TRADE), T)
    expect(run.of('trade')).toHaveLength(1)
  })

  it('shows the head of the frame as text, not as gzip', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(
      packed({ ...TRADE, tick: { ...TRADE.tick, data: [{ ...TRADE.tick.data[0], price: '1,5' }] } }),
      T,
    )
    expect(run.of('malformed')[0]?.head).toMatch(/^\{"ch":"market.btcusdt.trade.detail"/)
  })

  it('does not unpack a bomb', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(packed(`{"x":"${' '.repeat(9 * 1024 * 1024)}"}`), T)
    expect(run.of('malformed')).toMatchObject([{ reason: 'oversize' }])
  })

  it('reads frames that come unpacked as well', () => {
    const run = granted([['BTC/USDT', 'trade']])
    run.session.frame(JSON.stringify(TRADE), T)
    expect(run.of('trade')).toHaveLength(1)
  })
})

describe('a recording', () => {
  const log = (frames: (string | object)[]) => {
    const run = harness(huobi(), { adopt: true })
    for (const [index, frame] of frames.entries()) run.session.frame(packed(frame), T + index)
    return run
  }

  it('shows its streams by their acks and first data, and is never answered', () => {
    const run = log([
      { id: 'x', status: 'ok', subbed: 'market.zeneth.trade.detail', ts: 1 },
      { ...TRADE, ch: 'market.zeneth.trade.detail' },
      { ...TRADE, ch: 'market.ethusdt.trade.detail' },
      { ping: 1 },
      { op: 'ping', ts: '1' },
      { op: 'close', ts: 1 },
    ])
    expect(run.of('trade').map(({ symbol }) => symbol)).toEqual(['ZEN/ETH', 'ETH/USDT'])
    expect([run.sent, run.requests, run.reconnects]).toEqual([[], [], []])
  })

  it('ends a stream where its unsubscribe was confirmed', () => {
    const run = log([TRADE, { id: 'x', status: 'ok', unsubbed: 'market.btcusdt.trade.detail', ts: 1 }])
    run.session.closed({ code: null, reason: 'end' }, T)
    expect(run.of('gap')).toEqual([])
  })

  it('says what was refused, by the ids of the recorded client', () => {
    const run = harness(huobi(), { adopt: true })
    run.session.sent('{"sub":"market.nopeusdt.bbo","id":"e1"}', T)
    run.session.sent('{"pong":1}', T)
    run.session.frame(packed({ status: 'error', ts: 1, id: 'e1', 'err-msg': 'invalid symbol nopeusdt' }), T)
    expect(run.of('connection')).toMatchObject([
      { state: 'refused', reason: 'market.nopeusdt.bbo: invalid symbol nopeusdt' },
    ])
  })

  it('names a market that no rule tells by its id', () => {
    expect(log([{ ...TRADE, ch: 'market.abcxyz.trade.detail' }]).of('trade')).toMatchObject([
      { symbol: 'abcxyz', instrument: 'abcxyz', amountUnit: 'base' },
    ])
  })

  it('checks topics that have no event here, and reads on', () => {
    const run = log([
      { ch: 'market.BTC-USDT.premium_index.1min', ts: 1, tick: { id: 1, close: '0' } },
      { ch: 'market.BTC-USDT.basis.1min.open', ts: 1, tick: { id: 1, basis: '1' } },
      { op: 'notify', topic: 'public.*.contract_elements', ts: 1, data: [] },
      { ch: 'market.BTC-USDT.basis.1min.open', ts: 1 },
    ])
    expect(run.events).toMatchObject([{ type: 'malformed', path: 'tick' }])
  })

  it('shows other answers that a client asked for', () => {
    const kline = { open: 1, close: 2, low: 1, high: 2, amount: 3, vol: 4, count: 5 }
    const run = log([
      {
        id: 'a',
        status: 'ok',
        ts: 1,
        rep: 'market.btcusdt.kline.1min',
        data: [
          { id: 60, ...kline },
          { id: 120, ...kline },
        ],
      },
      {
        id: 'b',
        status: 'ok',
        ts: 7,
        rep: 'market.btcusdt.depth.step0',
        data: { bids: [[1, 1]], asks: [[2, 1]], version: 3 },
      },
      { id: 'c', status: 'ok', ts: 7, rep: 'market.btcusdt.depth.step1', data: null },
      { id: 'd', status: 'ok', ts: 7, rep: 'market.btcusdt.bbo', data: {} },
    ])
    expect(
      run.of('candle').map(({ openTime, closed, historical }) => [openTime, closed, historical]),
    ).toEqual([
      [60_000_000, false, true],
      [60_000_000, true, true],
      [120_000_000, false, true],
    ])
    expect(run.of('book_snapshot')).toMatchObject([
      { channel: 'book:step0', exchangeTime: 7_000, sequence: '3' },
    ])
    expect(run.of('malformed')).toMatchObject([{ reason: 'unknown_message', path: 'rep' }])
  })
})
