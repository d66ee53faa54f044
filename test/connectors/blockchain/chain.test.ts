import { describe, expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { Channel, Instrument } from '../../../src/connector.js'
import type { StreamMemory } from '../../../src/session/memory.js'
import { harness } from '../../support/harness.js'

const OPEN = { url: 'wss://ws.blockchain.info/inv', negotiated: null, attempt: 1 }

function instrument(symbol: string): Instrument {
  const found = blockchain().guess(symbol)
  if (found === null) throw new Error(`no instrument ${symbol}`)
  return found
}

function chain(wanted: readonly (readonly [string, Channel])[], memory?: StreamMemory) {
  const connector = blockchain()
  const endpoint = connector.endpoints.find(({ name }) => name === 'chain')
  if (endpoint === undefined) throw new Error('no chain endpoint')
  const live = harness(connector, { endpoint, ...(memory === undefined ? {} : { memory }) })
  live.session.opened(OPEN, 1)
  live.session.subscribe(
    wanted.map(([symbol, channel]) => ({ instrument: instrument(symbol), channel })),
    1,
  )
  return live
}

function transaction(hash: string, to: string, paid: number, taken = paid + 1183): string {
  return JSON.stringify({
    op: 'utx',
    x: {
      lock_time: 'Unavailable',
      ver: 1,
      size: 225,
      inputs: [
        {
          sequence: 1,
          prev_out: { spent: true, addr: 'bc1qpayer', value: taken, n: 0, script: '' },
          script: '',
        },
      ],
      time: 1_671_026_400,
      tx_index: 0,
      hash,
      out: [
        { addr: to, value: paid, n: 0, script: '' },
        { value: 0, n: 1, script: '6a' },
      ],
    },
  })
}

function block(height: number, hash = `h${height}`): string {
  return JSON.stringify({
    op: 'block',
    x: {
      txIndexes: [0, 0],
      nTx: 2,
      totalBTCSent: 752_148_218_475,
      size: 1_284_093,
      height,
      hash,
      time: 1_579_773_523,
    },
  })
}

describe('the chain feed', () => {
  test('subscriptions are granted by being sent', () => {
    const { sent, of, until } = chain([
      ['BTC', 'transaction'],
      ['BTC', 'block'],
      ['BTC@bc1qwatched', 'transaction'],
    ])
    expect(sent).toEqual([
      '{"op":"unconfirmed_sub"}',
      '{"op":"blocks_sub"}',
      '{"op":"addr_sub","addr":"bc1qwatched"}',
    ])
    until(3_600_000_000)
    expect(of('gap')).toEqual([])
  })

  test('a transaction has exact BTC amounts and the fee that the sums leave', () => {
    const { session, of } = chain([['BTC', 'transaction']])
    session.frame(transaction('17d0', 'bc1qpayee', 100_000_000), 5)
    expect(of('transaction')).toEqual([
      {
        type: 'transaction',
        venue: 'blockchain',
        symbol: 'BTC',
        instrument: 'bitcoin',
        channel: 'transaction',
        n: 1,
        exchangeTime: 1_671_026_400_000_000,
        receiveTime: 5,
        hash: '17d0',
        inputs: [{ address: 'bc1qpayer', value: '1.00001183' }],
        outputs: [
          { address: 'bc1qpayee', value: '1' },
          { address: null, value: '0' },
        ],
        fee: '0.00001183',
        size: 225,
        height: null,
      },
    ])
  })

  test('one that pays out more than it takes in is malformed', () => {
    const { session, of } = chain([['BTC', 'transaction']])
    session.frame(transaction('bad', 'bc1qpayee', 1000, 999), 5)
    expect(of('transaction')).toEqual([])
    expect(of('malformed')).toMatchObject([{ reason: 'schema_mismatch', path: 'x.out' }])
  })

  test('an unknown input value makes the fee unknown, not wrong', () => {
    const { session, of } = chain([['BTC', 'transaction']])
    session.frame(
      '{"op":"utx","x":{"hash":"a","time":1,"inputs":[{"prev_out":null}],"out":[{"value":5}]}}',
      5,
    )
    expect(of('transaction')).toMatchObject([{ fee: null, inputs: [{ address: null, value: null }] }])
  })

  test('a transaction comes once for each stream, however often it is sent', () => {
    const { session, of } = chain([
      ['BTC', 'transaction'],
      ['BTC@bc1qwatched', 'transaction'],
    ])
    for (let time = 0; time < 3; time++) session.frame(transaction('once', 'bc1qwatched', 1000), 5)
    session.frame(transaction('other', 'bc1qelse', 1000), 6)
    expect(of('transaction').map(({ symbol, hash }) => [symbol, hash])).toEqual([
      ['BTC', 'once'],
      ['BTC@bc1qwatched', 'once'],
      ['BTC', 'other'],
    ])
  })

  test('a transaction is remembered until ten thousand others came', () => {
    const { session, of } = chain([['BTC', 'transaction']])
    const say = (number: number) => session.frame(transaction(`hash${number}`, 'bc1qpayee', 1), 5)
    for (let number = 0; number <= 10_000; number++) say(number)
    expect(of('transaction')).toHaveLength(10_001)
    say(10_000)
    say(1)
    expect(of('transaction')).toHaveLength(10_001)
    say(0)
    expect(of('transaction')).toHaveLength(10_002)
  })

  test('short transactions tell their total', () => {
    const { session, of } = chain([['BTC', 'transaction']])
    const mini =
      '{"op":"minitx","x":{"time":1449263035,"value":4185461,"txIndex":114394115,"hash":"a6de1393"}}'
    session.frame(mini, 5)
    session.frame(mini, 6)
    expect(of('transaction')).toMatchObject([
      { hash: 'a6de1393', outputs: [{ value: '0.04185461' }], fee: null },
    ])
  })

  test('a height that does not follow is a gap that ends with the block', () => {
    const { session, of } = chain([['BTC', 'block']])
    session.frame(block(614_187), 5)
    session.frame(block(614_187, 'another branch'), 6)
    session.frame(block(614_190), 7)
    expect(of('block').map(({ height, value, transactions }) => [height, value, transactions])).toEqual([
      [614_187, '7521.48218475', 2],
      [614_187, '7521.48218475', 2],
      [614_190, '7521.48218475', 2],
    ])
    expect(of('gap')).toMatchObject([
      { state: 'open', reason: 'sequence', from: 6, detail: 'expected height 614188, got 614190' },
      { state: 'closed', to: 7, healed: false },
    ])
  })

  test('a block that is told twice is one block', () => {
    const { session, of } = chain([['BTC', 'block']])
    for (const at of [5, 6]) session.frame(block(614_187), at)
    expect(of('block')).toHaveLength(1)
  })

  test('a block or transaction that a new connection sends again is not emitted again', () => {
    const wanted = [
      ['BTC', 'block'],
      ['BTC', 'transaction'],
    ] as const
    const first = chain(wanted)
    first.session.frame(block(614_187), 5)
    first.session.frame(transaction('paid', 'bc1qsomebody', 1000), 5)
    const second = chain(wanted, first.memory)
    second.session.frame(block(614_187), 9)
    second.session.frame(transaction('paid', 'bc1qsomebody', 1000), 9)
    second.session.frame(block(614_188), 10)
    expect(second.of('transaction')).toEqual([])
    expect(second.of('block').map(({ height }) => height)).toEqual([614_188])
  })

  test('after a reconnect the venue is asked which blocks were missed', () => {
    const first = chain([['BTC', 'block']])
    first.session.frame(block(100), 5)
    const second = chain([['BTC', 'block']], first.memory)
    expect(second.requests.map(({ url }) => url)).toEqual(['https://blockchain.info/latestblock'])
    second.session.response(
      {
        id: 'latestblock',
        url: 'https://blockchain.info/latestblock',
        status: 200,
        headers: {},
        body: '{"hash":"h102","height":102,"time":1}',
      },
      9,
    )
    expect(second.of('gap')).toMatchObject([{ state: 'open', detail: 'heights 101 to 102 came while away' }])
    second.session.frame(block(103), 10)
    expect(second.of('gap').at(-1)).toMatchObject({ state: 'closed', healed: false })
  })

  test('what has no meaning here is passed over, what is unknown is malformed', () => {
    const { session, of, events } = chain([['BTC', 'transaction']])
    events.length = 0
    session.frame('{"op":"pong"}', 5)
    session.frame('{"op":"status","msg":"ok"}', 5)
    expect(events).toEqual([])
    session.frame('{"op":"weather"}', 5)
    expect(of('malformed')).toMatchObject([{ reason: 'unknown_message', path: 'op' }])
  })

  test('streams can be given up', () => {
    const { session, sent, of } = chain([
      ['BTC', 'transaction'],
      ['BTC@bc1qwatched', 'transaction'],
    ])
    session.unsubscribe([{ instrument: instrument('BTC@bc1qwatched'), channel: 'transaction' }], 2)
    expect(sent.at(-1)).toBe('{"op":"addr_unsub","addr":"bc1qwatched"}')
    session.frame(transaction('late', 'bc1qwatched', 1000), 5)
    expect(of('transaction').map(({ symbol }) => symbol)).toEqual(['BTC'])
  })

  test('a recording is adopted from what its client sent, or from what came', () => {
    const connector = blockchain()
    const endpoint = { name: 'chain', url: 'wss://ws.blockchain.info/inv', rest: null }
    const told = harness(connector, { adopt: true, endpoint })
    told.session.opened(OPEN, 1)
    for (const frame of [
      '{"op":"blocks_sub"}',
      '{"op":"addr_sub","addr":"bc1qwatched"}',
      '{"op":"unconfirmed_sub"}',
    ])
      told.session.sent(frame, 1)
    told.session.frame(transaction('a', 'bc1qwatched', 1000), 5)
    expect(told.of('transaction').map(({ symbol }) => symbol)).toEqual(['BTC@bc1qwatched', 'BTC'])
    const silent = harness(connector, { adopt: true, endpoint })
    silent.session.opened(OPEN, 1)
    silent.session.frame(block(1), 5)
    expect(silent.of('block')).toHaveLength(1)
  })
})

describe('the connector', () => {
  test('a URL leads to both sockets of the host', () => {
    const urls = (url: string) => new Set(blockchain({ url }).endpoints.map((endpoint) => endpoint.url))
    expect(urls('ws://127.0.0.1:9001')).toEqual(
      new Set(['ws://127.0.0.1:9001/mercury-gateway/v1/ws', 'ws://127.0.0.1:9001/inv']),
    )
    expect(urls('wss://gateway.example/special/ws')).toEqual(
      new Set(['wss://gateway.example/special/ws', 'wss://gateway.example/inv']),
    )
  })

  test('each length of candle but the first has a connection of its own', () => {
    const connector = blockchain()
    const route = (channel: Channel) => connector.route({ instrument: instrument('BTC-USD'), channel }).name
    expect([route('candle'), route('candle:5m'), route('candle:1d'), route('book')]).toEqual([
      'exchange',
      'exchange-5m',
      'exchange-1d',
      'exchange',
    ])
  })

  test('both listings of instruments are read', () => {
    const { catalogue } = blockchain()
    const row =
      '"base_currency":"LTC","counter_currency":"BTC","min_price_increment":100,"min_price_increment_scale":8,"lot_size":1,"lot_size_scale":8,"status":"closed"'
    const read = (url: string, body: string) =>
      catalogue.read({ id: '', url, status: 200, headers: {}, body })
    const expected = [
      {
        symbol: 'LTC/BTC',
        instrument: 'LTC-BTC',
        status: 'closed',
        tickSize: '0.000001',
        lotSize: '0.00000001',
      },
    ]
    expect(read('https://api.blockchain.com/v3/exchange/symbols', `{"LTC-BTC":{${row}}}`)).toMatchObject(
      expected,
    )
    expect(
      read('https://api.blockchain.com/mercury-gateway/v1/instruments', `[{"symbol":"LTC-BTC",${row}}]`),
    ).toMatchObject(expected)
    expect(read('https://api.blockchain.com/v3/exchange/tickers', '[]')).toBeNull()
  })

  test('knows its own sockets, old and new', () => {
    const { recognises } = blockchain()
    for (const url of [
      'wss://ws.prod.blockchain.info/mercury-gateway/v1/ws',
      'wss://ws.blockchain.com/mercury-gateway/v1/ws',
      'wss://ws.blockchain.info/inv',
      'wss://ws.blockchain.info/testnet3/inv',
    ]) {
      expect(recognises.test(url)).toBe(true)
    }
    expect(recognises.test('wss://ws.bitmex.com/realtime')).toBe(false)
  })

  test('refuses what it does not have, naming it', () => {
    expect(() => blockchain({ channels: ['liquidation'] })).toThrow(
      expect.objectContaining({ code: 'unknown_channel' }),
    )
    expect(() => blockchain({ staleBookMs: -1 })).toThrow(/staleBookMs/)
    expect(blockchain().guess('btc')).toBeNull()
  })
})
