import { describe, expect, test } from 'vitest'
import { bitstamp } from '../../../connectors/index.js'
import type { HttpResponse } from '../../../src/connector.js'
import { harness } from '../../support/harness.js'

const START = 1_787_612_480_000_000
const SECOND = 1_000_000
const connector = bitstamp({ url: 'ws://127.0.0.1:1', symbols: ['BTC/USD'] })

/** A live connection with these streams asked for, and the clock in hand. */
function live(channels: readonly string[], symbol = 'BTC/USD') {
  const run = harness(connector)
  const instrument = connector.guess(symbol)
  if (instrument === null) throw new Error(symbol)
  const streams = channels.map((channel) => ({ instrument, channel: channel as 'book' }))
  let now = START
  run.session.opened({ url: '', negotiated: null, attempt: 1 }, now)
  run.session.subscribe(streams, now)
  const stage = {
    run,
    streams,
    asked: () => run.sent.splice(0).map((frame) => JSON.parse(frame) as { event: string; data: unknown }),
    receive(message: object | string) {
      run.session.frame(typeof message === 'string' ? message : JSON.stringify(message), now)
      return stage
    },
    ack: (channel: string) => stage.receive({ event: 'bts:subscription_succeeded', channel, data: {} }),
    wait(seconds: number) {
      now += seconds * SECOND
      run.until(now)
      return stage
    },
    /** Answers the last request. */
    answer(body: unknown, status = 200) {
      const request = run.requests.at(-1)
      const answer: Omit<HttpResponse, 'body'> = {
        id: request?.id ?? '',
        url: request?.url ?? '',
        status,
        headers: {},
      }
      run.session.response({ ...answer, body: typeof body === 'string' ? body : JSON.stringify(body) }, now)
      return stage
    },
  }
  return stage
}

type Row = readonly [string, string, ...string[]]
const book = (seconds: number, bids: readonly Row[], asks: readonly Row[] = []) => {
  const at = START + seconds * SECOND
  return { timestamp: String(Math.floor(at / SECOND)), microtimestamp: String(at), bids, asks }
}
const diff = (...rows: Parameters<typeof book>) => ({
  data: book(...rows),
  channel: 'diff_order_book_btcusd',
  event: 'data',
})

/** A book that is joined: it asked for its image after two seconds and got it. */
function joined() {
  const stage = live(['book']).ack('diff_order_book_btcusd')
  stage.receive(diff(0.5, [['100', '1']])).wait(2)
  stage.answer(
    book(
      1,
      [
        ['100', '1'],
        ['99', '2'],
      ],
      [['101', '3']],
    ),
  )
  return stage
}

describe('the whole book', () => {
  test('is joined to an image that is asked for two seconds after the grant, by microseconds', () => {
    const { run, ...stage } = live(['book']).ack('diff_order_book_btcusd')
    stage.wait(1.9)
    expect(run.requests).toEqual([])
    stage.receive(diff(0.5, [['100', '1']])).receive(diff(1.5, [['100', '0.00000000']]))
    stage.wait(0.2)
    expect(run.requests.map(({ url }) => url)).toEqual([
      'http://127.0.0.1:1/api/v2/order_book/btcusd/?group=1',
    ])
    stage.answer(
      book(
        1,
        [
          ['100.00', '1.00000000'],
          ['99', '2E-7'],
        ],
        [['101', '3']],
      ),
    )
    // With what waited for it.
    const sequence = String(START + 1.5 * SECOND)
    expect(run.of('book_snapshot')).toMatchObject([{ bids: [['99', '0.0000002']], depth: null, sequence }])
    expect(run.of('book_update')).toEqual([])
  })

  test.each([
    ['goes back', diff(0.9, [['99', '5']]), diff(3, [['99', '4']])],
    ['removes what is not there', diff(3.1, [['55', '0']]), diff(3, [['99', '4']])],
  ])('has a gap where a change %s', (_what, wrong, before) => {
    const { run, ...stage } = joined()
    stage.receive(before).receive(wrong)
    expect(run.of('gap')).toMatchObject([{ reason: 'sequence', state: 'open' }])
    expect(run.resubscribes).toMatchObject([{ channel: 'book' }])
  })

  test('has a gap where a message breaks off, and none where one of nobody does not fit', () => {
    const { run, ...stage } = joined()
    stage.receive('[]').receive({ data: { sky: 'clear' }, channel: '', event: 'weather' })
    expect(run.of('malformed').map(({ reason }) => reason)).toEqual(['schema_mismatch', 'unknown_message'])
    expect(run.of('gap')).toEqual([])
    stage.receive('{"data":{"timestamp":"17876124')
    expect(run.of('gap')).toMatchObject([{ reason: 'sequence' }])
  })

  test.each([
    ['ten megabytes of junk', 'x'.repeat(10_000_000)],
    ['a frame that breaks off within a channel of nobody', '{"channel":"live_trades_xrpusd","data":{"amou'],
  ])('has a gap after %s, which may have been its change', (_what, frame) => {
    const { run, ...stage } = joined()
    stage.receive(frame)
    expect(run.of('malformed')).toMatchObject([{ reason: 'not_json' }])
    expect(run.of('gap')).toMatchObject([{ reason: 'sequence' }])
  })

  test('asks anew for an image that may be from before a message which could not be read', () => {
    const { run, ...stage } = live(['book']).ack('diff_order_book_btcusd')
    stage.receive(diff(0.5, [['100', '1']])).wait(1.5)
    stage.receive({ ...diff(1.4, [['100', '1']]), data: { microtimestamp: 'x' } }).wait(1.5)
    expect(run.requests).toEqual([])
    stage.wait(0.6)
    expect(run.requests).toHaveLength(1)
  })

  test('is asked for again a minute later where it is asked too often', () => {
    const { run, ...stage } = live(['book']).ack('diff_order_book_btcusd').wait(2)
    stage.answer('{"status":"error","reason":"Request rate limit exceeded.","code":"400.002"}', 400).wait(59)
    expect(run.requests).toHaveLength(1)
    stage.wait(1.1)
    expect(run.requests).toHaveLength(2)
  })

  test('that is silent for twenty seconds is compared with the venue', () => {
    const { run, ...stage } = joined()
    stage.wait(19.9)
    expect(run.requests).toHaveLength(1)
    stage.wait(0.2)
    expect(run.requests).toHaveLength(2)
  })
})

describe('orders', () => {
  const order = (what: string, id: string, previous: string, row: Row, seconds = 3) => ({
    data: {
      id: Number(row[2]),
      order_type: 0,
      microtimestamp: String(START + seconds * SECOND),
      amount: 0,
      amount_str: row[1],
      price: 0,
      price_str: row[0],
    },
    channel: 'live_orders_btcusd',
    event: `order_${what}`,
    event_id: id,
    pre_event_id: previous,
  })
  function started() {
    const stage = live(['order']).ack('live_orders_btcusd')
    stage.receive(order('created', 'b', 'a', ['99', '1', '7'], 0.5)).wait(2)
    stage.answer({
      ...book(1, [
        ['100', '2', '5'],
        ['99', '1', '7'],
      ]),
      asks: [],
    })
    return stage
  }

  test('begin with the REST book of orders, follow one another, and go by their id alone', () => {
    const { run, ...stage } = started()
    expect(run.requests[0]?.url).toContain('/order_book/btcusd/?group=2')
    expect(run.of('order_snapshot')).toMatchObject([
      {
        bids: [
          ['5', '100', '2'],
          ['7', '99', '1'],
        ],
      },
    ])
    stage.receive(order('changed', 'c', 'b', ['99', '0.5', '7']))
    // Deleted at another price, with what was left; and one that the image lacked.
    stage
      .receive(order('deleted', 'd', 'c', ['0', '0.5', '7']))
      .receive(order('deleted', 'e', 'd', ['1', '1', '3']))
    expect(run.of('gap')).toEqual([])
    expect(run.memory.record('btcusd', 'order').book.top(5).bids).toEqual([['100', '2']])
  })

  test('have a gap where an event does not name the one before it', () => {
    const { run, ...stage } = started()
    stage.receive(order('created', 'd', 'x', ['98', '1', '9']))
    expect(run.of('gap')).toMatchObject([{ reason: 'sequence', detail: 'expected pre_event_id b, got x' }])
    expect(run.of('order_update')).toEqual([])
  })

  test('and levels of the best hundred are whole in each message, of which an older one is left out', () => {
    const { run, ...stage } = live(['book:100', 'order:100'])
    const detail = (seconds: number) => ({
      data: book(seconds, [['100', '1', '5']]),
      channel: 'detail_order_book_btcusd',
      event: 'data',
    })
    const best = (seconds: number) => ({ ...diff(seconds, [['100', '1']]), channel: 'order_book_btcusd' })
    for (const seconds of [2, 1, 3]) stage.receive(detail(seconds)).receive(best(seconds))
    expect(run.of('order_snapshot').map(({ depth, bids }) => [depth, bids])).toEqual([
      [100, [['5', '100', '1']]],
      [100, [['5', '100', '1']]],
    ])
    expect(run.of('book_snapshot')).toHaveLength(2)
  })
})

describe('trades', () => {
  const trade = (id: string, seconds: number) =>
    `{"channel":"live_trades_btcusd","data":{"amount":1e-08,"amount_str":"1E-8","id":${id},"microtimestamp":"${START + seconds * SECOND}","price":57748.8,"price_str":"57748.80","timestamp":"1616297318","type":0},"event":"trade"}`

  test('are read from the text beside the numbers, and an id above 2^53 keeps its digits', () => {
    const { run, ...stage } = live(['trade']).ack('live_trades_btcusd')
    stage.receive(trade('2001939623936278528', 1))
    expect(run.of('trade')).toMatchObject([
      { id: '2001939623936278528', price: '57748.8', amount: '0.00000001', side: 'buy' },
    ])
  })

  test.each([
    ['minute', 20],
    ['hour', 600],
    ['day', 7_200],
  ])('that were missed are fetched from the last %s', (span, awaySeconds) => {
    const { run, streams, ...stage } = live(['trade']).ack('live_trades_btcusd')
    stage.receive(trade('1', 1)).wait(awaySeconds)
    run.session.closed({ code: 1006, reason: '' }, START + awaySeconds * SECOND)
    const next = harness(connector, { memory: run.memory })
    const at = START + (awaySeconds + 1) * SECOND
    next.session.opened({ url: '', negotiated: null, attempt: 1 }, at)
    next.session.subscribe(streams, at)
    next.session.frame(
      JSON.stringify({ event: 'bts:subscription_succeeded', channel: 'live_trades_btcusd', data: {} }),
      at,
    )
    next.session.frame(trade('5', awaySeconds + 1), at)
    next.until(at + SECOND)
    expect(next.requests.map(({ url }) => url)).toEqual([
      `http://127.0.0.1:1/api/v2/transactions/btcusd/?time=${span}`,
    ])
  })
})

describe('the connection', () => {
  test('asks one channel a frame, and ends it under the same name; a perpetual has a dash', () => {
    const { run, streams, asked } = live(
      ['trade', 'book', 'book:100', 'order', 'order:100', 'derivative'],
      'BTC/USD:USD',
    )
    const names = [
      'live_trades',
      'diff_order_book',
      'order_book',
      'live_orders',
      'detail_order_book',
      'funding_rate',
    ]
    const frames = (event: string) =>
      names.map((name) => ({ event, data: { channel: `${name}_btcusd-perp` } }))
    expect(asked()).toEqual(frames('bts:subscribe'))
    run.session.unsubscribe(streams, START)
    expect(asked()).toEqual(frames('bts:unsubscribe'))
  })

  test('takes an error, which names no channel, as the answer to what is left unanswered', () => {
    const { run, ...stage } = live(['trade', 'book', 'book:100'])
    stage.receive({
      event: 'bts:error',
      channel: '',
      data: { code: null, message: 'Bad subscription string.' },
    })
    stage.ack('live_trades_btcusd')
    expect(run.of('connection')).toEqual([])
    stage.ack('order_book_btcusd')
    expect(run.of('connection')).toMatchObject([
      { state: 'refused', reason: expect.stringMatching(/^book of BTC\/USD: .*Bad subscription string/) },
    ])
  })

  test('says what comes on a channel that nobody asked for, and lets pass what was on its way', () => {
    const { run, streams, ...stage } = live(['book:100'])
    const best = (channel: string) => ({ ...diff(1, [['100', '1']]), channel })
    stage.receive(best('order_book_xrpusd')).receive(best('sky_btcusd'))
    expect(run.of('malformed').map(({ reason, path }) => `${reason} ${path}`)).toEqual(
      Array(2).fill('unknown_message channel'),
    )
    run.session.unsubscribe(streams, START)
    stage.receive(best('order_book_btcusd'))
    expect(run.of('malformed')).toHaveLength(2)
    expect(run.of('book_snapshot')).toEqual([])
  })

  test('keeps little of errors that name no channel', () => {
    const { run, ...stage } = live(['trade', 'book', 'book:100', 'order'])
    for (const kind of ['a', 'b', 'c'])
      stage.receive({
        event: 'bts:error',
        channel: '',
        data: { code: null, message: kind.repeat(1_000_000) },
      })
    stage.ack('live_trades_btcusd')
    const refused = run.of('connection')
    expect(refused).toHaveLength(3)
    for (const { reason } of refused) expect((reason ?? '').length).toBeLessThan(1_000)
  })

  test('is asked whether it lives after eight seconds of silence, and given up after ten more', () => {
    const { run, asked, ...stage } = live([])
    stage.wait(8)
    expect(asked()).toEqual([{ event: 'bts:heartbeat', data: {} }])
    stage
      .receive({ event: 'bts:heartbeat', channel: '', data: { status: 'success' } })
      .wait(8)
      .wait(9)
    expect(run.reconnects).toEqual([])
    stage.wait(2)
    expect(run.reconnects).toHaveLength(1)
  })

  test('funding comes in seconds', () => {
    const { run, ...stage } = live(['derivative'], 'BTC/USD:USD')
    const data = {
      market: 'btcusd-perp',
      mark_price: '77291.94844771',
      index_price: '77276.264',
      funding_rate: '0.00013',
      timestamp: '1789455924',
      next_funding_time: '1789459200',
    }
    stage.receive({ data, channel: 'funding_rate_btcusd-perp', event: 'funding_rate_saved' })
    expect(run.of('derivative')).toMatchObject([
      {
        markPrice: '77291.94844771',
        fundingRate: '0.00013',
        exchangeTime: 1_789_455_924_000_000,
        nextFundingTime: 1_789_459_200_000_000,
      },
    ])
  })
})

describe('a recording', () => {
  test('has the image that Tardis puts into it', () => {
    const run = harness(connector, { adopt: true })
    run.session.frame(
      JSON.stringify({ ...diff(1, [['100', '1']], [['101', '1']]), event: 'snapshot', generated: true }),
      START,
    )
    run.session.frame(JSON.stringify(diff(2, [['100', '2']])), START)
    expect(run.events.map(({ type }) => type).filter((type) => type.startsWith('book'))).toEqual([
      'book_snapshot',
      'book_update',
    ])
  })

  test('has its images before its grants, and events of orders that are no chain', () => {
    const run = harness(connector, { adopt: true })
    const url = 'https://www.bitstamp.net/api/v2/order_book/btcusd/?group=2'
    const body = JSON.stringify(book(2, [['100', '1', '5']]))
    run.session.response({ id: '', url, status: 200, headers: {}, body }, START)
    const order = (id: number, seconds: number) => ({
      data: {
        id,
        order_type: 1,
        amount_str: '1',
        price_str: '101',
        microtimestamp: String(START + seconds * SECOND),
      },
      channel: 'live_orders_btcusd',
      event: 'order_created',
    })
    run.session.frame(
      JSON.stringify({ event: 'bts:subscription_succeeded', channel: 'live_orders_btcusd', data: {} }),
      START + SECOND,
    )
    for (const [id, seconds] of [
      [1, 1],
      [2, 3],
      [3, 3],
    ] as const) {
      run.session.frame(JSON.stringify(order(id, seconds)), START + seconds * SECOND)
    }
    expect(run.of('order_snapshot')).toMatchObject([{ bids: [['5', '100', '1']], receiveTime: START }])
    expect(run.of('order_update').map(({ asks }) => asks[0]?.[0])).toEqual(['2', '3'])
  })
})

describe('symbols', () => {
  test.each([
    ['BTC/USD', 'btcusd'],
    ['USDC/USDT', 'usdcusdt'],
    ['1INCH/USD', '1inchusd'],
    ['GALA/EUR', 'galaeur'],
    ['BTC/USD:USD', 'btcusd-perp'],
  ])('%s is %s, both ways', (symbol, id) => {
    expect(connector.guess(symbol)).toMatchObject({ symbol, instrument: id })
    expect(connector.guess(id)).toMatchObject({ symbol, instrument: id })
  })

  test.each(['BTC/USD:BTC', 'BTCUSD', 'btc_usd', 'nonsense', ''])('%s is none', (symbol) => {
    expect(connector.guess(symbol)).toBeNull()
  })

  test('are read from both lists of markets', () => {
    const read = (path: string, rows: unknown[]) =>
      connector.catalogue.read({
        id: '',
        url: `https://www.bitstamp.net/api/v2/${path}/`,
        status: 200,
        headers: {},
        body: JSON.stringify(rows),
      })
    const steps = { base_decimals: 8, counter_decimals: 2, trading: 'Enabled' }
    const market = { market_symbol: 'abcusdt-perp', base_currency: 'ABC', counter_currency: 'USDT', ...steps }
    expect(read('markets', [market])).toMatchObject([
      {
        symbol: 'ABC/USDT:USDT',
        market: 'perpetual',
        settle: 'USDT',
        status: 'open',
        tickSize: '0.01',
        lotSize: '0.00000001',
      },
    ])
    expect(
      read('trading-pairs-info', [{ url_symbol: 'btcusd', name: 'BTC/USD', ...steps, trading: 'Disabled' }]),
    ).toMatchObject([{ symbol: 'BTC/USD', market: 'spot', status: 'halted' }])
    expect(
      read('markets', [
        { ...market, counter_decimals: -1 },
        { ...market, base_decimals: 999 },
      ]),
    ).toMatchObject([
      { tickSize: null, lotSize: '0.00000001' },
      { tickSize: '0.01', lotSize: null },
    ])
    expect(read('ticker', [])).toBeNull()
  })
})
