import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { type Inspection, inspectTape, openTape } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { gap, START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

async function recorded(events: readonly MarketEvent[]): Promise<string> {
  const file = path()
  await using recorder = openTape(file, { mode: 'write' })
  for (const event of events) recorder.record(event)
  await recorder.close()
  return file
}

async function inspected(...events: MarketEvent[]): Promise<Inspection> {
  using tape = openTape(await recorded(events))
  return inspectTape(tape)
}

async function instrumentOf(...events: MarketEvent[]) {
  const { instruments } = await inspected(...events)
  const [instrument] = instruments
  if (instrument === undefined || instruments.length !== 1) throw new Error('expected one instrument')
  return instrument
}

const stream = { venue: 'testex', symbol: 'BTC/USD', instrument: 'tBTCUSD' }

const instrumentEvent: MarketEvent = {
  type: 'instrument',
  ...stream,
  channel: 'instrument',
  n: 1,
  exchangeTime: null,
  receiveTime: START,
  market: 'spot',
  status: 'open',
  base: 'BTC',
  quote: 'USD',
  settle: null,
  tickSize: null,
  lotSize: null,
  amountUnit: 'base',
  contractSize: null,
  contractUnit: null,
  sidesCounted: 1,
  expiry: null,
}

const malformed: MarketEvent = {
  type: 'malformed',
  venue: 'testex',
  receiveTime: START + 5,
  connection: 'public#0',
  reason: 'not_json',
  path: '',
  head: '{',
}

describe('the overview of a tape', () => {
  it('has exactly this shape, keys in this order', async () => {
    const file = await recorded([
      instrumentEvent,
      trade({ id: 'h', historical: true, side: null, exchangeTime: null }),
      trade({ id: 'a', price: '10', amount: '0.1', exchangeTime: START - 1 }),
      trade({ id: 'b', price: '11', amount: '0.2', side: 'sell', receiveTime: START + 9 }),
      snapshot([['10', '1']], [['12', '3']]),
      malformed,
    ])
    using tape = openTape(file)
    const historical = `{"id":"h","price":"60000.5","amount":"0.25","side":null,"exchangeTime":null}`
    expect(JSON.stringify(inspectTape(tape))).toBe(
      `{"tape":{"events":6,"bytes":${statSync(file).size},"from":${START},"to":${START + 9}},` +
        `"instruments":[{"venue":"testex","instrument":"tBTCUSD","symbol":"BTC/USD",` +
        `"trades":{"count":2,"amount":"0.3","buys":1,"sells":1,` +
        `"first":{"id":"a","price":"10","amount":"0.1","side":"buy","exchangeTime":${START - 1}},` +
        `"last":{"id":"b","price":"11","amount":"0.2","side":"sell","exchangeTime":${START}}},` +
        `"historicalTrades":{"count":1,"amount":"0.25","buys":0,"sells":0,` +
        `"first":${historical},"last":${historical}},` +
        `"book":{"snapshots":1,"updates":0,"bids":[["10","1"]],"asks":[["12","3"]]},` +
        `"quotes":0,"tickers":0,"candles":0,"derivatives":0,"liquidations":0,"gaps":0,` +
        `"checksumsVerified":0,"checksumsFailed":0}],"malformed":1,` +
        `"streams":[{"venue":"testex","symbol":"BTC/USD","channel":"book","instrument":"tBTCUSD","asked":false,` +
        `"from":${START + 9},"to":${START + 9},"share":1,"missing":0,"paused":0,"gaps":[],"events":1,"inDoubt":1,"runs":1},` +
        `{"venue":"testex","symbol":"BTC/USD","channel":"trade","instrument":"tBTCUSD","asked":false,` +
        `"from":${START},"to":${START + 9},"share":1,"missing":0,"paused":0,"gaps":[],"events":3,"inDoubt":1,"runs":1}]}`,
    )
  })

  it('of an empty tape has no times and no instruments', async () => {
    const { tape, instruments, malformed: frames } = await inspected()
    expect(tape).toMatchObject({ events: 0, from: null, to: null })
    expect([instruments, frames]).toEqual([[], 0])
  })

  it('sums amounts exactly, where floats would not', async () => {
    const amounts = ['0.1', '0.2', '100000000000000000000', '0.00000000000000000001', '0.3']
    const { trades } = await instrumentOf(
      ...amounts.map((amount, at) => trade({ id: `${at}`, amount, receiveTime: START + at })),
    )
    expect(trades.amount).toBe('100000000000000000000.60000000000000000001')
  })

  it('keeps first and last in order of arrival, whatever the venue says of their time', async () => {
    const { historicalTrades } = await instrumentOf(
      trade({ id: 'newest', historical: true, exchangeTime: START + 2 }),
      trade({ id: 'oldest', historical: true, exchangeTime: START }),
    )
    expect([historicalTrades.first?.id, historicalTrades.last?.id]).toEqual(['newest', 'oldest'])
  })

  it('shows the five best levels at the end, and counts the messages that changed the book', async () => {
    const bids = ['1', '2', '3', '4', '5', '6'].map((price): [string, string] => [price, '1']).reverse()
    const { book } = await instrumentOf(
      snapshot([['99', '1']], []),
      snapshot(bids, [
        ['7', '1'],
        ['8', '2'],
      ]),
      update(
        [
          ['6', '0'],
          ['5.5', '2'],
        ],
        [],
        { receiveTime: START + 1 },
      ),
      update([], [['7', '0']], { receiveTime: START + 2 }),
    )
    expect(book).toEqual({
      snapshots: 2,
      updates: 2,
      bids: [
        ['5.5', '2'],
        ['5', '1'],
        ['4', '1'],
        ['3', '1'],
        ['2', '1'],
      ],
      asks: [['8', '2']],
    })
  })

  it('shows a book that ends suspect as of its last live moment', async () => {
    const { book, gaps } = await instrumentOf(
      snapshot([['1', '1']], []),
      update([['2', '1']], [], { receiveTime: START + 1 }),
      gap('open', { receiveTime: START + 2 }),
    )
    expect([book.bids, gaps]).toEqual([
      [
        ['2', '1'],
        ['1', '1'],
      ],
      1,
    ])
  })

  it('shows the default book where there are several, else the deepest, else that of single orders', async () => {
    const orders: MarketEvent = {
      ...snapshot([], []),
      type: 'order_snapshot',
      channel: 'order',
      bids: [
        ['x', '4', '1'],
        ['y', '4', '1.5'],
      ],
      asks: [],
    }
    const shallow = snapshot([['3', '1']], [], { channel: 'book:P3', depth: 25 })
    const deep = snapshot([['2', '1']], [], { channel: 'book:P1', depth: 100 })
    const plain = snapshot([['1', '1']], [], { depth: 1 })
    const changed = update([['3', '2']], [], { channel: 'book:P3', receiveTime: START + 1 })
    expect((await instrumentOf(orders)).book).toEqual({
      snapshots: 1,
      updates: 0,
      bids: [['4', '2.5']],
      asks: [],
    })
    expect((await instrumentOf(orders, shallow, changed)).book).toEqual({
      snapshots: 1,
      updates: 1,
      bids: [['3', '2']],
      asks: [],
    })
    expect((await instrumentOf(orders, shallow, deep, changed)).book.bids).toEqual([['2', '1']])
    expect((await instrumentOf(orders, shallow, deep, plain)).book.bids).toEqual([['1', '1']])
  })

  it('counts everything else, over all channels', async () => {
    const head = { ...stream, exchangeTime: null, receiveTime: START }
    const checksum = { type: 'checksum', ...head, channel: 'book', n: 1, sequence: null } as const
    const candle = {
      type: 'candle',
      ...head,
      openTime: START,
      open: '1',
      high: '1',
      low: '1',
      close: '1',
      volume: null,
      volumeUnit: 'base',
      trades: null,
      closed: false,
      historical: false,
    } as const
    const counted = await instrumentOf(
      {
        type: 'quote',
        ...head,
        channel: 'quote',
        n: 1,
        sequence: null,
        bidPrice: null,
        bidAmount: null,
        askPrice: null,
        askAmount: null,
        amountUnit: 'base',
      },
      { ...candle, channel: 'candle', n: 1, interval: '1m' },
      { ...candle, channel: 'candle:5m', n: 1, interval: '5m' },
      {
        type: 'liquidation',
        ...head,
        channel: 'liquidation',
        n: 1,
        id: null,
        price: null,
        amount: '1',
        amountUnit: 'base',
        side: null,
      },
      gap('open'),
      gap('closed'),
      gap('open', { channel: 'trade' }),
      { ...checksum, ok: true, expected: '1', actual: '1' },
      { ...checksum, ok: true, expected: '2', actual: '2' },
      { ...checksum, ok: false, expected: '3', actual: '4' },
    )
    expect(counted).toMatchObject({
      quotes: 1,
      tickers: 0,
      candles: 2,
      derivatives: 0,
      liquidations: 1,
      gaps: 2,
      checksumsVerified: 2,
      checksumsFailed: 1,
      book: { snapshots: 0, updates: 0, bids: [], asks: [] },
    })
  })

  it('leaves out an instrument that only ever got an ack', async () => {
    const { instruments, tape } = await inspected(instrumentEvent, gap('open'), gap('closed'))
    expect([instruments, tape.events]).toEqual([[], 3])
  })

  it('is sorted by venue and by the id of the venue', async () => {
    const names = [
      ['b', 'x'],
      ['a', 'y'],
      ['b', 'X'],
      ['a', 'Y'],
    ] as const
    const { instruments } = await inspected(
      ...names.map(([venue, instrument]) => trade({ venue, instrument, symbol: 'S' })),
    )
    expect(instruments.map(({ venue, instrument }) => [venue, instrument])).toEqual([
      ['a', 'Y'],
      ['a', 'y'],
      ['b', 'X'],
      ['b', 'x'],
    ])
  })

  it('of a tape without a clock tells exchange times', async () => {
    const { tape } = await inspected(
      trade({ id: '1', receiveTime: null, exchangeTime: START + 5 }),
      trade({ id: '2', receiveTime: null, exchangeTime: START + 9 }),
      snapshot([], [], { receiveTime: null }),
    )
    expect([tape.from, tape.to]).toEqual([START + 5, START + 9])
  })

  it('can be had while the tape is recorded to', async () => {
    const file = path()
    await using recorder = openTape(file, { mode: 'write' })
    recorder.record(trade())
    await recorder.flush()
    using tape = openTape(file)
    expect(inspectTape(tape).tape.events).toBe(1)
    recorder.record(trade({ id: '2', receiveTime: START + 1 }))
    await recorder.flush()
    expect(inspectTape(tape).instruments[0]?.trades.count).toBe(2)
    await recorder.close()
  })

  it('of a damaged tape is refused rather than guessed', async () => {
    const file = await recorded([trade()])
    const db = new Database(file)
    db.pragma('foreign_keys = OFF')
    db.exec('DELETE FROM streams')
    db.close()
    using tape = openTape(file)
    expect(() => inspectTape(tape)).toThrow(/of a stream 1 that it does not name/)
  })
})
