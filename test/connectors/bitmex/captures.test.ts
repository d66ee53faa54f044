import { Decimal } from 'decimal.js'
import { describe, expect, it } from 'vitest'
import { bitmex } from '../../../connectors/bitmex/index.js'
import type { TradeEvent } from '../../../schemas/events.js'
import { type Harness, harness } from '../../support/harness.js'
import { capturesPresent, recording, type TrueTrades, truthOf } from './recordings.js'

/** What a log holds, through the very session that a live feed runs. */
function replay(...names: string[]): Harness & { frames: number } {
  const records = names.flatMap(recording).sort((a, b) => (a.t ?? 0) - (b.t ?? 0))
  const run = harness(bitmex(), { adopt: true })
  let frames = 0
  for (const { dir, t, url = '', data = '', body = '' } of records) {
    if (dir === 'open') run.session.opened({ url, negotiated: null, attempt: 1 }, t)
    else if (dir === 'out') run.session.sent(data, t)
    else if (dir === 'rest') run.session.response({ id: '', url, status: 200, headers: {}, body }, t)
    else if (dir === 'in') {
      frames++
      run.session.frame(data, t)
    }
  }
  return Object.assign(run, { frames })
}

function summary(trades: readonly TradeEvent[]): TrueTrades | undefined {
  const first = trades[0]
  const last = trades.at(-1)
  if (first === undefined || last === undefined) return undefined
  const shown = ({ id, price, amount, side, exchangeTime }: TradeEvent) => ({
    id,
    price,
    amount,
    side: side ?? '',
    ts_us: exchangeTime ?? 0,
  })
  return {
    count: trades.length,
    amount_sum: trades.reduce((sum, { amount }) => sum.plus(amount), new Decimal(0)).toFixed(),
    buys: trades.filter(({ side }) => side === 'buy').length,
    sells: trades.filter(({ side }) => side === 'sell').length,
    first: shown(first),
    last: shown(last),
  }
}

const present = capturesPresent()
const captures = present ? ['bitmex-20210405.part1', 'bitmex-20210722.part1'] : []

describe.skipIf(!present)('recorded traffic of 2021', () => {
  describe.each(captures)('%s', (name) => {
    const truth = truthOf(name)
    const run = replay(name)

    it('reads every frame and finds nothing malformed and no gap', () => {
      expect(run.frames).toBe(truth.frames_in)
      expect(run.of('malformed')).toEqual([])
      expect(run.of('gap')).toEqual([])
      expect(run.sent).toEqual([])
    })

    it.each(Object.entries(truth.symbols))('%s has the true trades, quotes and book', (symbol, expected) => {
      const trades = run.of('trade').filter(({ instrument }) => instrument === symbol)
      expect(summary(trades.filter(({ historical }) => !historical))).toEqual(expected.trades)
      expect(summary(trades.filter(({ historical }) => historical))).toEqual(expected.trades_snapshot)

      const quotes = run.of('quote').filter(({ instrument }) => instrument === symbol)
      expect(quotes).toHaveLength(expected.tickers)

      const snapshots = run.of('book_snapshot').filter(({ instrument }) => instrument === symbol)
      const updates = run.of('book_update').filter(({ instrument }) => instrument === symbol)
      const rows = updates.reduce((sum, { bids, asks }) => sum + bids.length + asks.length, 0)
      const book = run.memory.peek(symbol, 'book')?.book
      expect({
        snapshots: snapshots.length,
        updates: updates.length,
        update_rows: rows,
        bid_levels: book?.count('bids'),
        ask_levels: book?.count('asks'),
        ...book?.top(5),
      }).toEqual(expected.book)
      expect(book?.state).toBe('live')
    })

    it('gives the same events when it is read again', () => {
      expect(JSON.stringify(replay(name).events)).toBe(JSON.stringify(run.events))
    })
  })

  it('knows the instruments of a recording by its REST answers', () => {
    const run = replay('bitmex-20210722-rest', 'bitmex-20210722.part1')
    const known = run.of('instrument').map(({ instrument, symbol, contractSize, contractUnit, tickSize }) => {
      return [instrument, symbol, contractSize, contractUnit, tickSize]
    })
    expect(known).toEqual([
      ['XRPU21', 'XRP/BTC:BTC-210924', '1', 'base', '0.00000001'],
      ['UNIUSDT', 'UNI/USDT:BTC', null, null, '0.001'],
      ['XBTUSD', 'BTC/USD:BTC', '1', 'quote', '0.5'],
      ['ADAUSDT', 'ADA/USDT:BTC', null, null, '0.00001'],
      ['SOLUSDT', 'SOL/USDT:BTC', null, null, '0.001'],
      ['TRXU21', 'TRX/BTC:BTC-210924', '1', 'base', '0.0000000001'],
      ['EOSUSDT', 'EOS/USDT:BTC', null, null, '0.0005'],
      ['TRXUSDT', 'TRX/USDT:BTC', null, null, '0.00001'],
      ['BCHUSD', 'BCH/USD:BTC', null, null, '0.05'],
      ['MATICUSDT', 'MATIC/USDT:BTC', null, null, '0.0001'],
    ])
  })
})
