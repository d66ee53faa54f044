import { expect, it } from 'vitest'
import { openTape } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import type { ChannelKind, ChannelSpec, Instrument, SessionInit, Sink } from '../../src/connector.js'
import { Alarms } from '../../src/session/alarms.js'
import { Instruments } from '../../src/session/instrument-table.js'
import { StreamMemory } from '../../src/session/memory.js'
import { Streams } from '../../src/session/streams.js'
import { nodeTools } from '../../src/socket/tools.js'
import { START } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

const instrument: Instrument = {
  venue: 'testex',
  symbol: 'BTC/USD',
  instrument: 'tBTCUSD',
  market: 'spot',
  status: 'open',
  base: 'BTC',
  quote: 'USD',
  settle: null,
  tickSize: '0.1',
  lotSize: null,
  amountUnit: 'base',
  contractSize: null,
  contractUnit: null,
  sidesCounted: 1,
  expiry: null,
}

const kinds: readonly ChannelKind[] = [
  'trade',
  'book',
  'order',
  'quote',
  'ticker',
  'candle',
  'derivative',
  'liquidation',
  'instrument',
]

/** Everything that a session of any venue says through {@link Streams}, once each. */
function liveEvents(): MarketEvent[] {
  const events: MarketEvent[] = []
  const sink: Sink = {
    emit: (event) => void events.push(event),
    send: () => {},
    request: () => {},
    wake: () => {},
    ready: () => {},
    reconnect: () => {},
    resubscribe: () => {},
  }
  const instruments = new Instruments()
  instruments.add(instrument)
  const memory = new StreamMemory()
  const init: SessionInit = {
    endpoint: { name: 'public', url: 'ws://127.0.0.1:1', rest: null },
    connection: 'public#0',
    adopt: true,
    instruments,
    memory,
    tools: nodeTools(1_000_000),
    random: () => 0.5,
  }
  const channels = kinds.map(
    (kind): ChannelSpec => ({
      kind,
      variants: [],
      markets: ['spot'],
      cadenceMs: null,
      snapshot: false,
    }),
  )
  const alarms = new Alarms(
    () => {},
    (at) => at,
  )
  const streams = new Streams('testex', channels, {}, init, memory, sink, alarms)
  const of = (kind: ChannelKind) => streams.adopt(instrument, kind, START)
  const times = { exchangeTime: START - 5, receiveTime: START }
  const row = { id: '1', price: '1.5', amount: '2', side: 'buy', exchangeTime: START } as const

  streams.history(of('trade'), [row], START)
  streams.trade(of('trade'), { ...row, id: '2', liquidation: true, sequence: '9' }, START)
  streams.snapshot(
    of('book'),
    { bids: [['1', '2']], asks: [['3', '4']], depth: 25, exchangeTime: null },
    START,
  )
  streams.update(of('book'), { bids: [['1', '0']], asks: [], exchangeTime: null, sequence: '10' }, START + 1)
  const checksum = { expected: '7', actual: '7', exchangeTime: null }
  streams.checksum(of('book'), checksum, START + 1)
  streams.checksum(of('book'), { ...checksum, actual: '8' }, START + 2)
  streams.snapshot(of('book'), { bids: [], asks: [], depth: null, exchangeTime: START }, START + 3)
  streams.orderSnapshot(
    of('order'),
    { bids: [['id', '1', '2']], asks: [], depth: null, exchangeTime: null },
    START,
  )
  streams.orderUpdate(of('order'), { bids: [], asks: [['x', '5', '1']], exchangeTime: null }, START)
  streams.quote(
    of('quote'),
    { exchangeTime: START, bidPrice: '1', bidAmount: null, askPrice: '2', askAmount: '3' },
    START,
  )
  streams.ticker(of('ticker'), { last: '1', volume: '2', exchangeTime: START }, START)
  const candle = { interval: '1m', openTime: START, open: '1', high: '2', low: '0.5', close: '1' }
  streams.rollingCandle(of('candle'), candle, START)
  streams.rollingCandle(of('candle'), { ...candle, openTime: START + 60_000_000, trades: 3 }, START)
  streams.derivative(of('derivative'), { markPrice: '1', nextFundingTime: START, exchangeTime: START }, START)
  streams.liquidation(
    of('liquidation'),
    instrument,
    { exchangeTime: null, id: null, price: null, amount: '5', side: 'sell' },
    START,
  )
  streams.instrument(of('instrument'), { ...instrument, status: 'halted', expiry: START }, times)
  streams.connection('maintenance', 'the venue restarts', START)
  streams.closed('closed with 1006', START + 10)
  return events
}

it('what a session emits comes back from the tape byte for byte, key order included', async () => {
  const events = liveEvents()
  expect(new Set(events.map(({ type }) => type)).size).toBe(14)
  const file = path()
  await using recorder = openTape(file, { mode: 'write' })
  for (const event of events) recorder.record(event)
  await recorder.close()
  using tape = openTape(file)
  const lines = (list: Iterable<MarketEvent>) => [...list].map((event) => JSON.stringify(event)).join('\n')
  expect(lines(tape.replay())).toBe(lines(events))
})
