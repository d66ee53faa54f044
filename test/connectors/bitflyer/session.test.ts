import { describe, expect, test } from 'vitest'
import { bitflyer } from '../../../connectors/bitflyer/index.js'
import type { Channel } from '../../../src/connector.js'
import { harness } from '../../support/harness.js'

const T0 = 1_639_350_329_000_000
const SECOND = 1_000_000
const connector = bitflyer({ url: 'ws://lightning.test' })

type Row = readonly [price: string, size: string]
const rows = (side: readonly Row[]) => side.map(([price, size]) => `{"price":${price},"size":${size}}`).join()
const sides = (bids: readonly Row[], asks: readonly Row[]) =>
  `{"mid_price":1.0,"bids":[${rows(bids)}],"asks":[${rows(asks)}]}`
const push = (channel: string, message: string) =>
  `{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"lightning_${channel}","message":${message}}}`
const image = (bids: readonly Row[], asks: readonly Row[]) =>
  push('board_snapshot_BTC_JPY', sides(bids, asks))
const change = (bids: readonly Row[], asks: readonly Row[]) => push('board_BTC_JPY', sides(bids, asks))
const execution = (id: number, more = '') =>
  `{"id":${id},"side":"BUY","price":88.570,"size":4.0,"exec_date":"2021-04-05T17:29:03.0519246Z"${more}}`
const ticker = (tick: number, state = 'RUNNING') =>
  push(
    'ticker_BTC_JPY',
    `{"product_code":"BTC_JPY","state":"${state}","timestamp":"2021-12-12T23:05:35.247913Z","tick_id":${tick},"best_bid":31.469,"best_ask":0.0,"best_bid_size":4958.910,"best_ask_size":0.0,"ltp":31.471,"volume":2.5,"volume_by_product":1471420.073424000000}`,
  )

/** A connection with streams of BTC_JPY, asked for and granted. */
function open(channels: readonly Channel[], granted = true, memory?: ReturnType<typeof harness>['memory']) {
  const stage = harness(connector, memory === undefined ? {} : { memory })
  const instrument = connector.guess('BTC/JPY')
  if (instrument === null) throw new Error('no BTC/JPY')
  const { session } = stage
  session.opened({ url: 'ws://lightning.test', negotiated: null, attempt: 1 }, T0)
  session.subscribe(
    channels.map((channel) => ({ instrument, channel })),
    T0,
  )
  const answer = (at = T0) => {
    for (const frame of stage.sent.splice(0))
      session.frame(`{"jsonrpc":"2.0","id":${JSON.parse(frame).id},"result":true}`, at)
  }
  if (granted) answer()
  return { ...stage, instrument, answer, stage, frame: (text: string, at = T0) => session.frame(text, at) }
}

describe('subscribing', () => {
  test('asks for each channel of the wire once, by a call with an id', () => {
    const { sent } = open(['book', 'trade', 'ticker', 'quote'], false)
    expect(sent.map((frame) => JSON.parse(frame))).toEqual(
      ['board_snapshot', 'board', 'executions', 'ticker'].map((topic, index) => ({
        jsonrpc: '2.0',
        method: 'subscribe',
        params: { channel: `lightning_${topic}_BTC_JPY` },
        id: index + 1,
      })),
    )
  })

  test('that names no product is refused for good, and the other channel of the stream is given up', () => {
    const { frame, of, sent } = open(['book'], false)
    frame('{"jsonrpc":"2.0","id":1,"result":true}')
    frame('{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"Invalid params"}}')
    expect(of('connection')).toMatchObject([
      { state: 'refused', reason: 'book of BTC/JPY: Invalid params (-32602)' },
    ])
    expect(JSON.parse(sent.at(-1) ?? '')).toMatchObject({
      method: 'unsubscribe',
      params: { channel: 'lightning_board_snapshot_BTC_JPY' },
    })
  })

  test('that fails for another reason is asked for again after a while', () => {
    const { frame, resubscribes, stage, session, instrument, sent } = open(['trade'], false)
    frame('{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal error"}}')
    stage.until(T0 + 29 * SECOND)
    expect(resubscribes).toEqual([])
    stage.until(T0 + 31 * SECOND)
    expect(resubscribes).toHaveLength(1)
    session.resubscribe({ instrument, channel: 'trade' }, T0 + 31 * SECOND)
    expect(sent.at(-1)).toContain('"method":"subscribe"')
  })

  test('that nobody answers is asked for again', () => {
    const { stage, resubscribes } = open(['trade'], false)
    stage.until(T0 + 13 * SECOND)
    expect(resubscribes).toHaveLength(1)
  })

  test('ends a channel only when its last stream is given up', () => {
    const { session, instrument, sent } = open(['ticker', 'quote'])
    session.unsubscribe([{ instrument, channel: 'ticker' }], T0)
    expect(sent).toEqual([])
    session.unsubscribe([{ instrument, channel: 'quote' }], T0)
    expect(sent).toHaveLength(1)
  })
})

describe('a book', () => {
  test('begins with an image in any order, without its levels of size 0 and the orders of an auction', () => {
    const { frame, of } = open(['book'])
    frame(change([['1.0', '1.0']], []))
    frame(
      image(
        [
          ['0.0', '9.0'],
          ['99.0', '0.0'],
          ['97.0', '1.0'],
          ['98.50', '2.00'],
        ],
        [
          ['102', '1'],
          ['101', '0.00000001'],
        ],
      ),
    )
    expect(of('book_update')).toEqual([])
    expect(of('book_snapshot')).toMatchObject([
      {
        bids: [
          ['98.5', '2'],
          ['97', '1'],
        ],
        asks: [
          ['101', '0.00000001'],
          ['102', '1'],
        ],
        depth: null,
      },
    ])
    frame(
      change(
        [
          ['98.5', '0.0'],
          ['12345.0', '0.0'],
        ],
        [],
      ),
    )
    expect(of('book_update')).toMatchObject([
      {
        bids: [
          ['98.5', '0'],
          ['12345', '0'],
        ],
      },
    ])
    expect(of('gap')).toEqual([])
  })

  test('of 300 levels a side says that it is cut', () => {
    const { frame, of } = open(['book'])
    frame(
      image(
        Array.from({ length: 300 }, (_, step): Row => [`${1000 - step}.0`, '1.0']),
        [['2000', '1']],
      ),
    )
    expect(of('book_snapshot')[0]?.depth).toBe(300)
  })

  test('does not begin before its changes are granted', () => {
    const { frame, of } = open(['book'], false)
    frame('{"jsonrpc":"2.0","id":1,"result":true}')
    frame(image([['1', '1']], []))
    expect(of('book_snapshot')).toEqual([])
    frame('{"jsonrpc":"2.0","id":2,"result":true}')
    frame(image([['1', '1']], []))
    expect(of('book_snapshot')).toHaveLength(1)
  })

  test('whose images differ while no change comes is asked for again', () => {
    const { frame, of, resubscribes } = open(['book'])
    const at = (nth: number) => T0 + nth * 5 * SECOND
    frame(image([['1', '1']], []), at(0))
    frame(image([['1', '2']], []), at(1))
    // The change of an image that runs ahead.
    frame(change([['1', '2']], []), at(1))
    frame(image([['1', '2']], []), at(2))
    frame(image([['1', '3']], []), at(3))
    expect(of('gap')).toEqual([])
    frame(image([['1', '4']], []), at(4))
    expect(of('gap')).toMatchObject([{ state: 'open', reason: 'stale' }])
    expect(resubscribes).toHaveLength(1)
  })

  test('without an image for three of its times is asked for again', () => {
    const { frame, of, stage, resubscribes } = open(['book'])
    frame(image([['1', '1']], []))
    stage.until(T0 + 17 * SECOND)
    expect(of('gap')).toMatchObject([{ state: 'open', reason: 'stale' }])
    expect(resubscribes).toHaveLength(1)
  })
})

describe('what cannot be read', () => {
  test.each([
    ['names its channel', push('board_BTC_JPY', '{"bids":null}'), ['book']],
    ['names no channel', '{"jsonrpc":"2.0","method":"channelMess', ['trade', 'book']],
    ['breaks off within the name', push('board_BTC_JPY', '').slice(0, 75), ['trade', 'book']],
    ['is no message of a channel', '{"jsonrpc":"2.0","method":"weather","params":{}}', []],
  ])('and %s is a gap where it may have told something', (_what, text, gaps) => {
    const { frame, of } = open(['trade', 'book'])
    frame(push('executions_BTC_JPY', `[${execution(1)}]`))
    frame(image([['1', '1']], []))
    frame(text)
    expect(of('malformed')).toHaveLength(1)
    expect(
      of('gap')
        .map(({ channel }) => channel)
        .sort(),
    ).toEqual([...gaps].sort())
  })
})

describe('trades', () => {
  test('have exact figures, microseconds, and no side where they are of an auction', () => {
    const { frame, of } = open(['trade'])
    const auction = execution(8).replace('BUY', '').replace('.0519246Z', '')
    frame(push('executions_BTC_JPY', `[${execution(7, ',"new_field":{"a":[1]}')},${auction}]`))
    expect(of('trade')).toMatchObject([
      { id: '7', price: '88.57', amount: '4', side: 'buy', exchangeTime: 1_617_643_743_051_924 },
      { id: '8', side: null, exchangeTime: 1_617_643_743_000_000 },
    ])
  })

  test('that were missed are fetched by id, and heal the gap', () => {
    const before = open(['trade'])
    before.frame(push('executions_BTC_JPY', `[${execution(100)}]`))
    before.session.closed({ code: 1006, reason: '' }, T0 + SECOND)
    const after = open(['trade'], true, before.memory)
    after.frame(push('executions_BTC_JPY', `[${execution(103)}]`))
    after.stage.until(T0 + SECOND)
    const request = after.requests.find(({ url }) => url.includes('getexecutions'))
    expect(request?.url).toBe(
      'http://lightning.test/v1/getexecutions?product_code=BTC_JPY&count=500&after=99',
    )
    // Newest first, and without a zone.
    const page = [103, 102, 101, 100].map((id) => execution(id).replace('.0519246Z', '.051'))
    const answer = { id: request?.id ?? '', url: request?.url ?? '', status: 200, headers: {} }
    after.session.response({ ...answer, body: `[${page}]` }, T0 + SECOND)
    expect(after.of('trade').map(({ id, historical }) => [id, historical])).toEqual([
      ['101', true],
      ['102', true],
      ['103', false],
    ])
    expect(after.of('gap')).toMatchObject([{ state: 'closed', healed: true }])
  })
})

test('a ticker is one of the price, of the best levels and of the state of the product, and never an older one', () => {
  const { frame, of } = open(['ticker', 'quote', 'instrument'])
  for (const text of [ticker(20), ticker(19), ticker(21), ticker(22, 'CIRCUIT BREAK')]) frame(text)
  expect(of('ticker')).toHaveLength(3)
  expect(of('ticker')[0]).toMatchObject({ last: '31.471', volume: '1471420.073424', askPrice: null })
  expect(of('quote')[0]).toMatchObject({ bidPrice: '31.469', bidAmount: '4958.91', askAmount: null })
  expect(of('instrument').map(({ status }) => status)).toEqual(['open', 'halted'])
})

test('a venue that is stopped says so once a connection', () => {
  const { requests, session, of } = open(['trade'])
  const [request] = requests
  expect(request?.url).toBe('http://lightning.test/v1/gethealth')
  session.response({ id: 'health', url: '', status: 200, headers: {}, body: '{"status":"STOP"}' }, T0)
  expect(of('connection')).toMatchObject([{ state: 'maintenance' }])
})

test('a recording shows its streams by its answers, and by its data where there are none', () => {
  const { session, of, sent } = harness(connector, { adopt: true })
  session.opened({ url: '', negotiated: null, attempt: 1 }, T0)
  session.sent('{"method":"subscribe","params":{"channel":"lightning_executions_ETH_BTC"}}', T0)
  session.sent('{"id":5,"method":"subscribe","params":{"channel":"lightning_executions_XRP_JPY"}}', T0)
  session.frame('{"id":5,"result":true}', T0)
  session.frame(push('board_snapshot_BTCJPY24DEC2021', sides([['1', '1']], [])), T0)
  session.closed({ code: null, reason: '' }, T0)
  expect(of('gap').map(({ channel, symbol }) => [channel, symbol])).toEqual([
    ['trade', 'XRP/JPY'],
    ['book', 'BTC/JPY:JPY-211224'],
  ])
  expect(sent).toEqual([])
})

test.each([
  ['BTC_JPY', 'BTC/JPY', 'spot'],
  ['FX_BTC_JPY', 'BTC/JPY:JPY', 'perpetual'],
  ['BTCJPY24DEC2021', 'BTC/JPY:JPY-211224', 'future'],
])('%s is %s, by rule and back', (id, symbol, market) => {
  expect(connector.guess(id)).toMatchObject({ instrument: id, symbol, market })
  expect(connector.guess(symbol)).toEqual(connector.guess(id))
})

test.each(['BTCJPY_MAT1WK', 'BTC-JPY', 'BTC/JPY:BTC', 'BTCJPY24DEX2021', ''])('%j is no product', (name) => {
  expect(connector.guess(name)).toBeNull()
})
