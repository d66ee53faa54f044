import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Decimal } from 'decimal.js'
import { describe, expect, it } from 'vitest'
import { huobi } from '../../../connectors/huobi/connector.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { Instruments } from '../../../src/session/instrument-table.js'
import { harness } from '../../support/harness.js'

const captures = new URL('../../../../shared/captures/', import.meta.url)
const absent = !existsSync(captures)
if (absent) console.log(`SKIPPED: no captures at ${captures.pathname}`)

Decimal.set({ precision: 200 })

type LogRecord = { t: number | null; dir: string; url?: string; data?: string; b64?: string; body?: string }

function lines<T>(name: string): T[] {
  const text = gunzipSync(readFileSync(new URL(name, captures))).toString('utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

/** The instruments of a recording's REST lists. */
function listed(name: string): Instruments {
  const connector = huobi()
  const instruments = new Instruments()
  for (const record of lines<LogRecord>(`huobi/${name}.jsonl.gz`)) {
    const read = connector.catalogue.read({
      id: '',
      url: record.url ?? '',
      status: 200,
      headers: {},
      body: record.body ?? '',
    })
    for (const instrument of read ?? []) instruments.add(instrument)
  }
  return instruments
}

/** Feeds a capture to a session that adopts what the recorded client did. */
function ingest(name: string, instruments = new Instruments()) {
  const run = harness(huobi(), { adopt: true, instruments })
  for (const record of lines<LogRecord>(`huobi/${name}.jsonl.gz`)) {
    if (record.dir === 'open')
      run.session.opened({ url: record.url ?? '', negotiated: null, attempt: 1 }, record.t)
    else if (record.dir === 'out') run.session.sent(record.data ?? '', record.t)
    else if (record.dir === 'in') {
      run.session.frame(
        record.b64 === undefined ? (record.data ?? '') : Buffer.from(record.b64, 'base64'),
        record.t,
      )
    }
  }
  return run
}

type TradeTruth = { id: string; price: string; amount: string; side: string; ts_us: number }
type Truth = {
  frames_in: number
  symbols: {
    [id: string]: {
      trades?: {
        count: number
        amount_sum: string
        buys: number
        sells: number
        first: TradeTruth
        last: TradeTruth
      }
      book?: {
        snapshots: number
        updates: number
        bid_levels: number
        ask_levels: number
        bids: string[][]
        asks: string[][]
      }
    }
  }
  totals: { trades: number; book_snapshots: number; book_updates: number; tickers: number }
}

function truthOf(name: string): Truth {
  return JSON.parse(readFileSync(new URL(`truth/${name}.json`, captures), 'utf8')) as Truth
}

function tradeAs(event: Extract<MarketEvent, { type: 'trade' }> | undefined) {
  if (event === undefined) return undefined
  const { id, price, amount, side, exchangeTime } = event
  return { id, price, amount, side, ts_us: exchangeTime }
}

function truthTrade({ id, price, amount, side, ts_us }: TradeTruth) {
  return { id, price: new Decimal(price).toFixed(), amount: new Decimal(amount).toFixed(), side, ts_us }
}

const CAPTURES = [
  ['huobi-spot-20210417.part1', 'huobi-spot-20210417-rest', 'ZEN/ETH'],
  ['huobi-swap-20220219.part1', 'huobi-swap-20220219-rest', 'SHIB/USD:SHIB'],
  ['huobi-linear-20220217.part1', 'huobi-swap-20220219-rest', 'BTC/USDT:USDT'],
] as const

describe.skipIf(absent)('a recorded capture', () => {
  it.each(CAPTURES)('%s gives exactly what its truth says', (name, rest) => {
    const truth = truthOf(name)
    const { events, memory, sent, requests } = ingest(name, listed(rest))

    expect(
      events.filter(({ type }) => type === 'malformed' || type === 'gap' || type === 'connection'),
    ).toEqual([])
    expect([sent, requests]).toEqual([[], []])
    const count = (type: string) => events.filter((event) => event.type === type).length
    expect({
      trades: count('trade'),
      book_snapshots: count('book_snapshot'),
      book_updates: count('book_update'),
      tickers: count('ticker') + count('quote'),
    }).toEqual(truth.totals)

    for (const [id, expected] of Object.entries(truth.symbols)) {
      const trades = events
        .filter((event) => event.type === 'trade')
        .filter((event) => event.instrument === id)
      expect(trades.every(({ historical }) => !historical)).toBe(true)
      if (expected.trades !== undefined) {
        const sum = trades.reduce((total, { amount }) => total.plus(amount), new Decimal(0))
        expect({
          count: trades.length,
          sum: sum.toFixed(),
          buys: trades.filter(({ side }) => side === 'buy').length,
          sells: trades.filter(({ side }) => side === 'sell').length,
          first: tradeAs(trades[0]),
          last: tradeAs(trades.at(-1)),
        }).toEqual({
          count: expected.trades.count,
          sum: new Decimal(expected.trades.amount_sum).toFixed(),
          buys: expected.trades.buys,
          sells: expected.trades.sells,
          first: truthTrade(expected.trades.first),
          last: truthTrade(expected.trades.last),
        })
      }
      if (expected.book !== undefined) {
        const book = memory.record(id, 'book:step0').book
        const snapshots = events.filter((event) => event.type === 'book_snapshot' && event.instrument === id)
        expect({
          state: book.state,
          snapshots: snapshots.length,
          levels: [book.count('bids'), book.count('asks')],
          ...book.top(5),
        }).toEqual({
          state: 'live',
          snapshots: expected.book.snapshots,
          levels: [expected.book.bid_levels, expected.book.ask_levels],
          bids: expected.book.bids,
          asks: expected.book.asks,
        })
      }
    }
  })

  it.each(CAPTURES)(
    '%s names its markets by unified symbols, with and without the lists',
    (name, rest, symbol) => {
      const known = ingest(name, listed(rest)).events
      const guessed = ingest(name).events
      expect(known.some((event) => 'symbol' in event && event.symbol === symbol)).toBe(true)
      const symbols = (events: MarketEvent[]) => [
        ...new Set(events.map((event) => ('symbol' in event ? event.symbol : ''))),
      ]
      expect(symbols(guessed)).toEqual(symbols(known))
    },
  )
})
