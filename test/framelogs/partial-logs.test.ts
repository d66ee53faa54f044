import { describe, expect, test } from 'vitest'
import { casesAtHand, playCase, playFixture } from './play-log.js'

describe('a log that begins inside a connection', () => {
  test('Bitfinex: data of channels that nothing names is counted, and leaves one malformed event a channel', async () => {
    const { lines, of, stats } = await playFixture('bitfinex-amid.jsonl')
    expect(lines).toEqual([])
    expect(of('malformed')).toHaveLength(2)
    expect(stats).toMatchObject({
      used: 0,
      unused: [{ cause: 'unknown_channel', frames: 3, venue: 'bitfinex', symbol: null }],
    })
  })

  test('Huobi spot: trades come, the book is a gap up to the snapshot that it is joined to', async () => {
    const { lines, stats } = await playFixture('huobi-amid.jsonl')
    expect(lines).toEqual([
      'gap ETH/USDT book joined_late open',
      'trade ETH/USDT trade',
      'gap ETH/USDT book joined_late closed',
      'book_snapshot ETH/USDT book',
      'book_update ETH/USDT book',
    ])
    expect(stats.unused).toEqual([])
  })

  test('Huobi derivatives: changes without a snapshot are counted, and the gap stays open', async () => {
    const { lines, stats } = await playFixture('huobi-high-frequency-amid.jsonl')
    expect(lines).toEqual(['gap ETH/USDT:USDT book joined_late open'])
    expect(stats).toMatchObject({ used: 0, unused: [{ cause: 'before_snapshot', frames: 2 }] })
  })

  test('BitMEX: rows before the partial are counted, and what they change is a gap', async () => {
    const { lines, stats } = await playFixture('bitmex-amid.jsonl')
    expect(lines).toEqual([
      'gap BTC/USD:BTC book joined_late open',
      'gap BTC/USD:BTC instrument joined_late open',
      'gap BTC/USD:BTC derivative joined_late open',
      'gap BTC/USD:BTC ticker joined_late open',
      'trade BTC/USD:BTC trade',
      'gap BTC/USD:BTC book joined_late closed',
      'book_snapshot BTC/USD:BTC book',
      'book_update BTC/USD:BTC book',
    ])
    expect(stats).toMatchObject({
      used: 3,
      unused: [
        { cause: 'before_snapshot', channel: 'book', frames: 1 },
        { cause: 'before_snapshot', channel: 'instrument', frames: 1 },
      ],
    })
  })

  test('Blockchain.com: updates of both books before their snapshots', async () => {
    const { lines, stats } = await playFixture('blockchain-amid.jsonl')
    expect(lines).toEqual([
      'gap ETH/USD book joined_late open',
      'gap ETH/USD order joined_late open',
      'trade ETH/USD trade',
      'gap ETH/USD book joined_late closed',
      'book_snapshot ETH/USD book',
    ])
    expect(stats.unused).toMatchObject([
      { cause: 'before_snapshot', channel: 'book', frames: 1 },
      { cause: 'before_snapshot', channel: 'order', frames: 1 },
    ])
  })

  test('CEX.IO: increments that no snapshot comes for', async () => {
    const { lines, stats } = await playFixture('cex-amid.jsonl')
    expect(lines).toEqual(['gap ETH/USD book joined_late open'])
    expect(stats.unused).toMatchObject([{ cause: 'before_snapshot', channel: 'book', frames: 2 }])
  })

  test.runIf(casesAtHand)('bitfinex-from-the-middle gives nothing and says so', async () => {
    const { lines, stats } = await playCase('bitfinex-from-the-middle.jsonl.gz')
    expect(lines).toEqual([])
    expect(stats).toMatchObject({ used: 0, unused: [{ cause: 'unknown_channel', frames: 371 }] })
  })

  test.runIf(casesAtHand)('huobi-from-the-middle gives its trades, and a gap for the book', async () => {
    const { lines, of, stats } = await playCase('huobi-from-the-middle.jsonl.gz')
    expect(of('trade')).toHaveLength(30)
    expect(lines[0]).toBe('gap BTC/USDT book joined_late open')
    expect(stats.unused).toMatchObject([{ cause: 'before_snapshot', frames: 43, symbol: 'BTC/USDT' }])
  })
})

describe('a recording of a client that logged in', () => {
  test('the frames of its account leave no trace and no gap, with the server’s time behind them too', async () => {
    const { lines, events, stats } = await playFixture('bitfinex-account.jsonl')
    expect(lines).toEqual(['trade ETH/USD trade', 'trade ETH/USD trade', 'trade ETH/USD trade'])
    expect(events).toHaveLength(4)
    expect(stats.unused).toEqual([])
  })

  test.runIf(casesAtHand)('bitfinex-account-frames.jsonl', async () => {
    const { events, stats } = await playCase('bitfinex-account-frames.jsonl')
    expect(events.map(({ type }) => type)).toEqual(['connection', 'trade', 'trade'])
    expect(stats.unused).toEqual([])
  })
})
