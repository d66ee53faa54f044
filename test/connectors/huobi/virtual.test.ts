import { describe, expect, it } from 'vitest'
import { huobiSimulator } from '../../../simulators/huobi/simulator.js'
import type { Channel } from '../../../src/connector.js'
import { VirtualLine } from './virtual-line.js'

/** Compares the book with the true one at every turn in which the stream moved. @returns how often. */
function compare(line: VirtualLine, id: string, channel: Channel, levels: number, ms: number): number {
  const truth = line.simulator.markets.get(id)?.book
  const book = line.book(id, channel)
  let compared = 0
  for (let turn = 0; turn < ms / 10; turn++) {
    const seen = line.events.length
    line.advance(10)
    const moved = line.events
      .slice(seen)
      .some(
        (event) =>
          (event.type === 'book_update' || event.type === 'book_snapshot') &&
          event.instrument === id &&
          event.channel === channel,
      )
    if (!moved || book.state !== 'live') continue
    // A snapshot that was joined alone may be behind the market: the next delta brings it up.
    if (line.events.at(-1)?.type === 'book_snapshot' && channel === 'book' && id === id.toLowerCase())
      continue
    expect(book.top(levels)).toEqual(truth?.top(levels))
    compared++
  }
  return compared
}

describe('the book is the true one, at every step,', () => {
  it.each([
    ['BTC/USDT', 'btcusdt', 'book', 1_000],
    ['DOGE/ETH', 'dogeeth', 'book:400', 1_000],
    ['BTC/USDT', 'btcusdt', 'book:20', 20],
    ['BTC/USDT', 'btcusdt', 'book:5', 5],
    ['BTC/USDT', 'btcusdt', 'book:refresh10', 10],
    ['BTC/USDT', 'btcusdt', 'book:step0', 1_000],
    ['BTC/USDT:USDT', 'BTC-USDT', 'book', 1_000],
    ['BTC/USDT:USDT', 'BTC-USDT', 'book:20', 20],
    ['BTC/USD:BTC', 'BTC-USD', 'book', 1_000],
    ['BTC/USD:BTC-301227', 'BTC301227', 'book', 1_000],
    ['BTC/USDT:USDT-301227', 'BTC-USDT-301227', 'book:step0', 1_000],
  ] as const)('%s (%s) %s', (symbol, id, channel, levels) => {
    for (const seed of [1, 2]) {
      const line = new VirtualLine(huobiSimulator({ seed }))
      line.subscribe(symbol, channel)
      const compared = compare(line, id, channel, levels, 10_000)
      expect(compared).toBeGreaterThan(channel === 'book:step0' ? 8 : 80)
      expect(
        line.events.filter(({ type }) => type === 'gap' || type === 'malformed' || type === 'connection'),
      ).toEqual([])
    }
  })
})

describe('everything that the venue has', () => {
  const SPOT: Channel[] = [
    'trade',
    'book',
    'book:refresh5',
    'book:step1',
    'quote',
    'ticker',
    'ticker:ticker',
    'ticker:tickers',
    'candle',
    'candle:1M',
  ]
  const SWAP: Channel[] = [
    'trade',
    'book',
    'book:20',
    'book:step6',
    'quote',
    'ticker',
    'candle:5m',
    'derivative',
    'derivative:funding',
    'liquidation',
    'instrument',
  ]
  const FUTURE: Channel[] = [
    'trade',
    'book',
    'quote',
    'ticker',
    'candle',
    'derivative',
    'liquidation',
    'instrument',
  ]

  it('comes, without a gap, a refusal or a malformed frame', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 5 }))
    const wanted = new Set<string>()
    for (const [symbol, channels] of [
      ['BTC/USDT', SPOT],
      ['ETH/USDT', SPOT],
      ['BTC/USDT:USDT', SWAP],
      ['BTC/USD:BTC', SWAP],
      ['BTC/USDT:USDT-301227', FUTURE],
      ['BTC/USD:BTC-301227', FUTURE],
    ] as const) {
      for (const channel of channels) {
        line.subscribe(symbol, channel)
        wanted.add(`${symbol} ${channel}`)
      }
    }
    line.advance(40_000)
    for (const event of line.events) if ('symbol' in event) wanted.delete(`${event.symbol} ${event.channel}`)
    expect([...wanted]).toEqual([])
    expect(
      line.events.filter(({ type }) => type === 'gap' || type === 'malformed' || type === 'connection'),
    ).toEqual([])
    expect(line.closes).toEqual([])
    expect(
      line
        .of('derivative')
        .filter(({ channel }) => channel === 'derivative')
        .at(-1),
    ).toMatchObject({
      markPrice: expect.any(String),
      indexPrice: expect.any(String),
      openInterest: expect.any(String),
    })
  })

  it('of trades comes once each, as the true market made them', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 6 }))
    line.subscribe('BTC/USDT', 'trade')
    line.subscribe('BTC/USDT:USDT', 'trade')
    line.advance(20_000)
    for (const [id, double] of [
      ['btcusdt', 1n],
      ['BTC-USDT', 2n],
    ] as const) {
      const trades = line.of('trade').filter(({ instrument }) => instrument === id)
      const truth = line.simulator.markets.get(id)?.trades.slice(-trades.length) ?? []
      expect(trades.length).toBeGreaterThan(100)
      expect(new Set(trades.map((trade) => trade.id)).size).toBe(trades.length)
      const told = (price: string, amount: string, side: string | null) => `${price} ${amount} ${side}`
      // Spot lists the trades of one push newest first.
      expect(trades.map(({ price, amount, side }) => told(price, amount, side)).sort()).toEqual(
        truth
          .map(({ price, amount, side }) =>
            told(price, double === 1n ? amount : String(double * BigInt(amount)), side),
          )
          .sort(),
      )
    }
  })
})

describe('a connection that is lost', () => {
  it('costs a gap, then a fresh book and the trades that were missed', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 8 }))
    for (const channel of ['trade', 'book'] as const) {
      line.subscribe('BTC/USDT', channel)
      line.subscribe('BTC/USDT:USDT', channel)
    }
    line.advance(5_000)
    const before = line.events.length
    for (const endpoint of ['spot', 'feed', 'linear']) line.cut(endpoint)
    line.advance(10_000)
    const gaps = line
      .of('gap')
      .map(
        ({ state, reason, channel, instrument, healed }) =>
          `${instrument} ${channel} ${state} ${reason} ${healed}`,
      )
    expect(gaps.sort()).toEqual(
      ['BTC-USDT', 'btcusdt']
        .flatMap((id) =>
          ['book', 'trade'].flatMap((channel) => [
            `${id} ${channel} closed disconnected true`,
            `${id} ${channel} open disconnected false`,
          ]),
        )
        .sort(),
    )
    const after = line.events.slice(before)
    for (const id of ['BTC-USDT', 'btcusdt']) {
      const book = after.filter(
        (event) => 'channel' in event && event.instrument === id && event.channel === 'book',
      )
      expect(book.map(({ type }) => type).slice(0, 3)).toEqual(['gap', 'gap', 'book_snapshot'])
    }
    const ids = line.of('trade').map(({ instrument, id }) => `${instrument} ${id}`)
    expect(new Set(ids).size).toBe(ids.length)
    for (const [id, market] of line.simulator.markets) {
      if (id !== 'btcusdt' && id !== 'BTC-USDT') continue
      const seen = line.of('trade').filter(({ instrument }) => instrument === id).length
      // The trades of one step before the market began for the client; then all.
      expect(seen).toBe(market.trades.length)
    }
  })

  it('is what silence towards the pings leads to, and the session comes back', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 9 }))
    line.subscribe('BTC/USDT', 'book')
    line.outgoing = (frame) => !frame.includes('pong')
    line.advance(16_000)
    expect(line.closes).toEqual([expect.stringMatching(/^1003 ping check expired/)])
    line.outgoing = () => true
    line.advance(30_000)
    expect(line.closes).toHaveLength(1)
    expect(line.book('btcusdt').state).toBe('live')
  })

  it('does not touch the other sockets', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 9 }))
    line.subscribe('BTC/USDT', 'trade')
    line.subscribe('BTC/USDT', 'book')
    line.advance(3_000)
    line.cut('feed')
    line.advance(1_000)
    expect(new Set(line.of('gap').map(({ channel }) => channel))).toEqual(new Set(['book']))
  })
})

describe('while running', () => {
  it('streams come and go without disturbing their siblings', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 10 }))
    line.subscribe('BTC/USDT', 'book')
    line.advance(3_000)
    const guest = line.subscribe('ETH/USDT', 'book')
    line.advance(3_000)
    line.unsubscribe(guest)
    line.advance(200)
    const left = line.events.length
    line.advance(3_000)
    expect(line.of('gap')).toEqual([])
    expect(line.of('book_snapshot').map(({ instrument }) => instrument)).toEqual(['btcusdt', 'ethusdt'])
    expect(
      line.events.slice(left).every((event) => 'instrument' in event && event.instrument === 'btcusdt'),
    ).toBe(true)
  })

  it('a suspended contract is said and its siblings go on', () => {
    const line = new VirtualLine(huobiSimulator({ seed: 10 }))
    line.subscribe('ANT/USDT:USDT', 'book')
    line.subscribe('BTC/USDT:USDT', 'book')
    line.subscribe('TON/USDT', 'trade')
    line.advance(45_000)
    expect(line.of('connection').map(({ reason }) => reason)).toEqual([
      'trade of TON/USDT: symbol:tonusdt trade not open now ',
      'book of ANT/USDT:USDT was granted and stays silent',
    ])
    expect([line.closes, line.of('gap')]).toEqual([[], []])
    expect(line.book('BTC-USDT').state).toBe('live')
  })
})
