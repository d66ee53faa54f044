import { describe, expect, it } from 'vitest'
import { bittrex } from '../../../connectors/bittrex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { openRecording, playRecording } from '../../../src/framelog/index.js'
import { type Harness, harness } from '../../support/harness.js'
import { capturesPresent, pathOf, recording, singleMessages } from './recordings.js'
import { message, orderBook, pushed } from './wire.js'

/** What a log holds, through the very session that a live feed runs. Files given together are merged by time. */
function replay(...names: string[]): Harness & { frames: number } {
  const records = names.flatMap(recording)
  if (names.length > 1) records.sort((a, b) => (a.t ?? 0) - (b.t ?? 0))
  const run = harness(bittrex(), { adopt: true })
  let frames = 0
  for (const { dir, t, url, data, body, headers } of records) {
    if (t !== null) run.until(t)
    if (dir === 'open') run.session.opened({ url, negotiated: null, attempt: 1 }, t)
    else if (dir === 'out') run.session.sent(data, t)
    else if (dir === 'rest') run.session.response({ id: '', url, status: 200, headers, body }, t)
    else if (dir === 'in') {
      frames++
      run.session.frame(data, t)
    }
  }
  return Object.assign(run, { frames })
}

const V3 = ['bittrex-v3-20210614-rest.part1', 'bittrex-v3-20210614.part1']
const V1 = ['bittrex-v1-20210405.part1']

/** The bodies of skipped suites are run all the same, so they must not read what is not there. */
const present = capturesPresent()

describe.skipIf(!present)('recorded traffic of 2021', () => {
  // What the events add up to is compared with the truth in test/truth.
  it.each([
    [V3, 755, 7],
    [V1, 708, 10],
  ])('%j: nothing malformed, no gap, every book live; the same when read again', (files, frames, books) => {
    const run = replay(...files)
    expect(run.frames).toBe(frames)
    expect([run.of('malformed'), run.of('gap'), run.sent, run.requests]).toEqual([[], [], [], []])
    const snapshots = run.of('book_snapshot')
    expect(snapshots).toHaveLength(books)
    for (const { instrument } of snapshots) {
      expect(run.memory.peek(instrument, 'book')?.book.state).toBe('live')
    }
    expect(JSON.stringify(replay(...files).events)).toBe(JSON.stringify(run.events))
  })

  it('gives the same books when the files are read by the engine, whichever is named first', async () => {
    const expected = replay(...V3)
    for (const order of [V3, V3.toReversed()]) {
      const events: MarketEvent[] = []
      const recording = await openRecording(order.map(pathOf))
      await playRecording(recording.records(), {
        connectors: [bittrex()],
        onEvent: (event) => void events.push(event),
      })
      const books = (all: readonly MarketEvent[]) =>
        all.filter(({ type }) => type === 'book_snapshot' || type === 'book_update')
      expect(books(events).length).toBe(563)
      expect(JSON.stringify(books(events))).toBe(JSON.stringify(books(expected.events)))
    }
  })

  it('knows the markets of either generation by its list', () => {
    const v3 = replay(...V3)
    expect(v3.instruments.size).toBe(909)
    const known = v3
      .of('instrument')
      .map(({ instrument, symbol, tickSize, status }) => [instrument, symbol, tickSize, status])
    expect(known).toHaveLength(10)
    expect(known).toContainEqual(['BTC-EUR', 'BTC/EUR', '0.001', 'open'])
    expect(known).toContainEqual(['REPV2-ETH', 'REPV2/ETH', '0.00000001', 'open'])

    const v1 = replay('bittrex-v1-20210417-rest', ...V1)
    const listed = [...v1.instruments.values()]
    expect(listed.find(({ instrument }) => instrument === 'USD-UMA')).toMatchObject({
      symbol: 'UMA/USD',
      base: 'UMA',
      quote: 'USD',
    })
    expect(v1.of('book_snapshot').map(({ instrument, symbol }) => [instrument, symbol])).toContainEqual([
      'BTC-NMR',
      'NMR/BTC',
    ])
  })

  it('without a clock gives the same data without receive times', () => {
    const records = V1.flatMap(recording)
    const run = harness(bittrex(), { adopt: true })
    for (const { dir, url, data } of records) {
      if (dir === 'open') run.session.opened({ url, negotiated: null, attempt: 1 }, null)
      else if (dir === 'out') run.session.sent(data, null)
      else if (dir === 'in') run.session.frame(data, null)
    }
    const timed = replay(...V1).events
    expect(run.events.every(({ receiveTime }) => receiveTime === null)).toBe(true)
    expect(run.events).toHaveLength(timed.length)
  })
})

describe.skipIf(!present)('single messages', () => {
  const messages = new Map((present ? singleMessages() : []).map(({ kind, data }) => [kind, data]))
  const data = (kind: string) => messages.get(kind) ?? ''

  function adopting() {
    const run = harness(bittrex(), { adopt: true })
    run.session.opened({ url: '', negotiated: null, attempt: 1 }, null)
    return run
  }

  it.each([
    ['candle', 'v3:KlineUpdate', 'candle', { close: '38434.89147075', volume: '0.00230818', interval: '1m' }],
    ['marketSummary', 'v3:SummaryUpdate', 'ticker', { high: '43490', exchangeTime: 1_642_770_925_480_000 }],
    ['ticker', 'v3:TickerUpdate', 'ticker', { last: '38405.28202588', askPrice: '38428.93760109' }],
    [
      'trade',
      'v3:TradeUpdate',
      'trade',
      { id: 'cabd2d0e-4b35-4772-b7d4-8b4b44c8c3cf', side: 'sell', amount: '0.00039' },
    ],
  ] as const)('%s of %s', (method, kind, type, expected) => {
    const run = adopting()
    run.session.frame(pushed(message(method, data(kind))), null)
    expect(run.of('malformed')).toEqual([])
    expect(run.of(type)[0]).toMatchObject({ symbol: 'BTC/USDT', ...expected })
    expect(run.of('trade')).toHaveLength(method === 'trade' ? 2 : 0)
  })

  it('REST answers with the line breaks of their source', () => {
    const run = adopting()
    const rest = (path: string, kind: string) =>
      run.session.response(
        {
          id: '',
          url: `https://api.bittrex.com/v3/markets${path}`,
          status: 200,
          headers: { sequence: '7' },
          body: data(kind),
        },
        null,
      )
    run.session.frame(pushed(orderBook(8, [['1.2', '5']])), null)
    rest('/BTC-USD/orderbook?depth=500', 'v3-rest:GetOrderBookAsync')
    rest('/BTC-USD/trades', 'v3-rest:GetTradeHistoryAsync')
    rest('/tickers', 'v3-rest:GetTickersAsync')
    rest('/summaries', 'v3-rest:GetSymbolSummariesAsync')
    rest('', 'v3-rest:GetSymbolsAsync')
    expect(run.of('malformed')).toEqual([])
    expect(run.of('book_snapshot')).toMatchObject([{ bids: [['1.2', '1.1']], asks: [['1.4', '1.3']] }])
    expect(run.of('trade')).toMatchObject([{ id: '123', price: '1.3', amount: '1.2', historical: true }])
    expect(run.instruments.get('string')).toMatchObject({ tickSize: '0.1', status: 'open' })
  })
})
