import { describe, expect, it } from 'vitest'
import { marketEvent } from '../../../schemas/event-schemas.js'
import type { Level } from '../../../schemas/events.js'
import type { Channel } from '../../../src/connector.js'
import { Line } from '../../connectors/bitfinex/line.js'

const MINUTE = 60_000

/** The true book, as deep as it is told. */
function truth(line: Line, instrument: string, length: number): { bids: Level[]; asks: Level[] } {
  return line.market(instrument).book.top(length)
}

/** Ends at a moment at which nothing is on its way. */
function settle(line: Line): void {
  line.run(200)
}

describe('a session on the simulated venue', () => {
  it('keeps the true book of every market, proved by every checksum, over numbers without a hole', () => {
    const line = new Line({ connector: { bookLength: 25 } })
    line.connect(...[...line.instruments.values()].map(({ symbol }): [string, Channel] => [symbol, 'book']))
    line.run(MINUTE)
    settle(line)
    expect(line.of('gap')).toEqual([])
    expect(line.of('malformed')).toEqual([])
    expect(line.of('connection')).toEqual([])
    expect(line.reconnects).toEqual([])
    const checksums = line.of('checksum')
    expect(checksums.length).toBeGreaterThan(100)
    expect(checksums.every(({ ok }) => ok)).toBe(true)
    for (const { instrument, market, symbol } of line.instruments.values()) {
      const book = line.book(symbol)
      expect(book.state).toBe('live')
      // Of loans the window counts rates for each period, so that fewer rates fit into it.
      if (market === 'funding') {
        const told = book.top(5)
        expect(told).toEqual(truth(line, instrument, 5))
      } else expect(book.top(1_000)).toEqual(truth(line, instrument, 25))
    }
  })

  it.each([1, 25, 100, 250] as const)('keeps %i levels', (bookLength) => {
    const line = new Line({ seed: bookLength, connector: { bookLength } }).connect([
      'BTC/USD',
      'book',
      'order',
    ])
    line.run(20_000)
    settle(line)
    expect(line.book('BTC/USD').top(1_000)).toEqual(truth(line, 'tBTCUSD', bookLength))
    expect(line.of('checksum').every(({ ok }) => ok)).toBe(true)
    const orders = line.memory.record('tBTCUSD', 'order').ledger
    expect(Math.max(orders.count('bids'), orders.count('asks'))).toBeLessThanOrEqual(bookLength)
    const whole = line.book('BTC/USD', 'order').top(1_000).bids.slice(0, -1)
    expect(truth(line, 'tBTCUSD', 1_000).bids.slice(0, whole.length)).toEqual(whole)
  })

  it('keeps the slow and the merged books', () => {
    const line = new Line({ connector: { bookFrequency: 'F1' } })
    line.connect(['BTC/USD', 'book', 'book:P1', 'book:P2', 'book:P3', 'book:P4']).run(20_000)
    expect(line.of('gap')).toEqual([])
    for (const channel of ['book', 'book:P1', 'book:P2', 'book:P3', 'book:P4'] as const) {
      const checksums = line.of('checksum').filter((event) => event.channel === channel)
      expect(checksums.length).toBeGreaterThan(3)
      expect(checksums.every(({ ok }) => ok)).toBe(true)
    }
    const counts = (['book', 'book:P1', 'book:P3'] as const).map((channel) =>
      line.book('BTC/USD', channel).count('bids'),
    )
    expect(counts).toEqual(counts.toSorted((a, b) => b - a))
    expect(new Set(counts).size).toBe(3)
  })

  it('tells every trade once, exactly as it happened', () => {
    const line = new Line().connect(['tPEPE:USD', 'trade'], ['fUSD', 'trade']).run(MINUTE)
    for (const symbol of ['PEPE/USD', 'fUSD']) {
      const told = line.of('trade').filter((event) => event.symbol === symbol)
      const live = told.filter(({ historical }) => !historical)
      expect(told).toHaveLength(live.length + 30)
      expect(new Set(told.map(({ id }) => id)).size).toBe(told.length)
      const { instrument = '' } = live[0] ?? {}
      const happened = line.market(instrument).trades.slice(-live.length)
      expect(live.map(({ price, amount, side }) => ({ price, amount, side }))).toEqual(
        happened.map(({ price, amount, side }) => ({ price, amount, side })),
      )
    }
  })

  it('tells every other channel in events of the right form', () => {
    const line = new Line()
    line
      .connect(
        ['BTC/USD', 'ticker', 'candle', 'candle:1d', 'liquidation'],
        ['BTC/USDT:USDT', 'ticker', 'derivative', 'liquidation'],
        ['ETH/BTC:BTC', 'derivative'],
        ['fUSD', 'ticker', 'candle', 'order'],
      )
      .run(2 * MINUTE)
    for (const event of line.events) expect(marketEvent.safeParse(event).error).toBeUndefined()
    expect(line.of('gap')).toEqual([])
    expect(line.of('malformed')).toEqual([])
    expect(line.of('ticker').length).toBeGreaterThan(10)
    expect(new Set(line.of('candle').map(({ channel }) => channel))).toEqual(new Set(['candle', 'candle:1d']))
    expect(line.of('candle').some(({ closed, historical }) => closed && !historical)).toBe(true)
    const states = line.of('derivative').filter(({ symbol }) => symbol === 'BTC/USDT:USDT')
    expect(states).toHaveLength(40)
    expect(line.of('derivative').every(({ predictedFundingRate }) => predictedFundingRate !== null)).toBe(
      true,
    )
    expect(line.of('order_update').length).toBeGreaterThan(100)
  })

  it('hears of liquidations on one subscription, each once', () => {
    const line = new Line({ stepsPerSecond: 4 })
    const symbols = [...line.instruments.values()].filter(({ market }) => market !== 'funding')
    line.connect(...symbols.map(({ symbol }): [string, Channel] => [symbol, 'liquidation'])).run(5 * MINUTE)
    expect(line.sent.filter((frame) => frame.includes('liq:global'))).toHaveLength(1)
    const told = line.of('liquidation')
    expect(told.length).toBeGreaterThan(10)
    expect(new Set(told.map(({ id }) => id)).size).toBe(told.length)
    expect(new Set(told.map(({ instrument }) => instrument)).size).toBeGreaterThan(2)
  })

  it('subscribes and unsubscribes while running without disturbing the rest', () => {
    const line = new Line().connect(['BTC/USD', 'book']).run(5_000)
    line.subscribe('ETH/USD', 'book')
    line.run(5_000)
    line.unsubscribe('ETH/USD', 'book')
    line.run(5_000)
    const before = line.of('book_update').filter(({ symbol }) => symbol === 'ETH/USD').length
    expect(before).toBeGreaterThan(50)
    line.run(5_000)
    expect(line.of('book_update').filter(({ symbol }) => symbol === 'ETH/USD')).toHaveLength(before)
    expect(line.of('gap')).toEqual([])
    expect(line.book('BTC/USD').top(100)).toEqual(truth(line, 'tBTCUSD', 100))
  })

  it('comes back after a cut: a gap, then a fresh book and only the trades that are new', () => {
    const line = new Line().connect(['BTC/USD', 'book', 'trade']).run(10_000)
    line.cut()
    line.run(10_000)
    settle(line)
    const states = (channel: string) =>
      line
        .of('gap')
        .filter((gap) => gap.channel === channel)
        .map(({ state, reason, healed }) => [state, reason, healed])
    expect(states('book')).toEqual([
      ['open', 'disconnected', false],
      ['closed', 'disconnected', true],
    ])
    expect(states('trade')).toEqual([
      ['open', 'disconnected', false],
      ['closed', 'disconnected', true],
    ])
    expect(line.of('book_snapshot')).toHaveLength(2)
    const ids = line.of('trade').map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(line.book('BTC/USD').top(100)).toEqual(truth(line, 'tBTCUSD', 100))
  })

  it('takes a fresh snapshot of one book on the same connection', () => {
    const line = new Line().connect(['BTC/USD', 'book'], ['ETH/USD', 'book']).run(5_000)
    line.lost('BTC/USD', 'book')
    line.run(5_000)
    expect(
      line
        .of('book_snapshot')
        .map(({ symbol }) => symbol)
        .toSorted(),
    ).toEqual(['BTC/USD', 'BTC/USD', 'ETH/USD'])
    expect(line.reconnects).toEqual([])
    expect(line.of('gap').map(({ symbol, state }) => [symbol, state])).toEqual([
      ['BTC/USD', 'open'],
      ['BTC/USD', 'closed'],
    ])
    expect(line.book('BTC/USD').top(100)).toEqual(truth(line, 'tBTCUSD', 100))
  })

  it('gives the same events for the same seed', () => {
    const run = () =>
      new Line({ seed: 11 }).connect(['BTC/USD', 'book', 'trade', 'ticker']).run(20_000).events
    expect(run()).toEqual(run())
  })
})

/** What each fault of the protocol comes to, besides that the book is true again afterwards. */
const FAULTS: readonly [fault: string, seen: (line: Line) => unknown, expected: unknown][] = [
  ['checksum-wrong', reasons, ['checksum']],
  ['sequence-skipped', reasons, expect.arrayContaining(['sequence'])],
  ['sequence-repeated', reasons, expect.arrayContaining(['sequence'])],
  ['sequence-backwards', reasons, expect.arrayContaining(['sequence'])],
  ['sequence-reset', reasons, expect.arrayContaining(['sequence'])],
  ['level-unknown', reasons, ['sequence']],
  ['book-crossed', reasons, expect.arrayContaining([expect.stringMatching(/checksum|crossed/)])],
  ['snapshot-twice', (line) => [reasons(line), line.of('book_snapshot').length], [[], 2]],
  [
    'maintenance',
    (line) => [reasons(line).includes('stale'), states(line)],
    [true, ['maintenance', 'ready']],
  ],
  ['reconnect-notice', (line) => line.reconnects, ['the server restarts: Stopping. Please try to reconnect']],
  ['message-unknown', malformed, ['unknown_message']],
  ['field-new', (line) => [malformed(line), reasons(line)], [[], []]],
  ['field-missing', malformed, ['schema_mismatch']],
  ['price-null', malformed, ['schema_mismatch']],
  ['price-nan', malformed, ['not_json']],
  ['price-exponent', malformed, []],
  ['id-long', (line) => line.of('trade').filter(({ id }) => id.length === 21).length, 1],
  ['trade-duplicate', malformed, []],
  ['trade-order', malformed, []],
  ['trade-lost', malformed, []],
  ['unknown-channel', malformed, []],
  ['heartbeat-missing', reasons, []],
  ['clock-off', reasons, []],
]

function reasons(line: Line): string[] {
  return line.of('gap').flatMap(({ state, reason }) => (state === 'open' ? [reason] : []))
}

function malformed(line: Line): string[] {
  return line.of('malformed').map(({ reason }) => reason)
}

function states(line: Line): string[] {
  return line.of('connection').map(({ state }) => state)
}

describe('a fault of the venue', () => {
  it.each(FAULTS)('%s is noticed for what it is, and the book is true again', (fault, seen, expected) => {
    const line = new Line({ stepsPerSecond: 8 }).connect(['BTC/USD', 'book', 'trade']).run(4_000)
    expect(line.simulator.fault?.(fault, line.now)).toBe(true)
    line.run(25_000)
    settle(line)
    expect(seen(line)).toEqual(expected)
    expect(line.book('BTC/USD').state).toBe('live')
    expect(line.book('BTC/USD').top(100)).toEqual(truth(line, 'tBTCUSD', 100))
    expect(line.of('gap').filter(({ state }) => state === 'open').length).toBe(
      line.of('gap').filter(({ state }) => state === 'closed').length,
    )
    const ids = line.of('trade').map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it.each(['ack-missing', 'ack-late', 'ack-then-silence', 'update-before-snapshot'])(
    '%s at a subscribe is overcome',
    (fault) => {
      const line = new Line({ stepsPerSecond: 8 }).connect(['ETH/USD', 'trade']).run(1_000)
      expect(line.simulator.fault?.(fault, line.now)).toBe(true)
      line.subscribe('BTC/USD', 'book')
      line.run(50_000)
      settle(line)
      expect(line.book('BTC/USD').top(100)).toEqual(truth(line, 'tBTCUSD', 100))
      expect(line.reconnects).toEqual([])
    },
  )

  it('ack-after-retry at a subscribe is overcome: the ack is taken though the venue said `dup` before', () => {
    const line = new Line({ stepsPerSecond: 8 }).connect(['ETH/USD', 'trade']).run(1_000)
    expect(line.simulator.fault?.('ack-after-retry', line.now)).toBe(true)
    line.subscribe('BTC/USD', 'book')
    line.run(50_000)
    settle(line)
    expect(line.frames.filter((frame) => frame.includes('subscribe: dup'))).toHaveLength(1)
    expect(line.book('BTC/USD').top(100)).toEqual(truth(line, 'tBTCUSD', 100))
    expect(line.reconnects).toEqual([])
    expect(line.of('connection')).toEqual([])
  })

  it('ack-lost at a subscribe is overcome: the connection is replaced', () => {
    const line = new Line({ stepsPerSecond: 8 }).connect(['ETH/USD', 'trade']).run(1_000)
    expect(line.simulator.fault?.('ack-lost', line.now)).toBe(true)
    line.subscribe('BTC/USD', 'book')
    line.run(60_000)
    settle(line)
    expect(line.book('BTC/USD').top(100)).toEqual(truth(line, 'tBTCUSD', 100))
    expect(line.reconnects).toHaveLength(1)
    expect(line.of('connection').filter(({ state }) => state === 'refused')).toEqual([])
  })

  it.each([
    ['ack-error', '10300 subscribe: failed'],
    ['limit-error', '10305 subscribe: limit'],
  ])('%s at a subscribe is a refusal', (fault, reason) => {
    const line = new Line().connect(['ETH/USD', 'trade']).run(1_000)
    line.simulator.fault?.(fault, line.now)
    line.subscribe('BTC/USD', 'book')
    line.run(MINUTE)
    expect(line.of('connection')).toMatchObject([{ state: 'refused', reason: `book of BTC/USD: ${reason}` }])
    expect(line.reconnects).toEqual([])
  })

  it('status-short leaves out what the row does not have', () => {
    const line = new Line().connect(['BTC/USDT:USDT', 'derivative']).run(1_000)
    line.simulator.fault?.('status-short', line.now)
    line.run(30_000)
    expect(line.of('derivative').some(({ markPrice }) => markPrice === null)).toBe(true)
    expect(line.of('malformed')).toEqual([])
  })

  it('update-lost is noticed by the next checksum or removal, unless the market itself has made it good by then', () => {
    let noticed = 0
    for (let seed = 1; seed <= 8; seed++) {
      const line = new Line({ seed }).connect(['BTC/USD', 'book']).run(4_000)
      line.simulator.fault?.('update-lost', line.now)
      line.run(8_000)
      settle(line)
      expect(line.book('BTC/USD').top(100)).toEqual(truth(line, 'tBTCUSD', 100))
      if (reasons(line).length > 0) noticed++
    }
    expect(noticed).toBeGreaterThan(1)
  })

  it('silent-but-one leaves quiet markets alone', () => {
    const line = new Line().connect(['BTC/USD', 'book'], ['ETH/USD', 'book']).run(5_000)
    line.simulator.fault?.('silent-but-one', line.now)
    const before = line.of('book_update').length
    line.run(29_000)
    const during = line.of('book_update').slice(before)
    expect(new Set(during.map(({ symbol }) => symbol))).toEqual(new Set(['BTC/USD']))
    line.run(5_000)
    expect(line.of('gap')).toEqual([])
    expect(line.of('book_update').at(-1)).toBeDefined()
    expect(line.book('ETH/USD').top(100)).toEqual(truth(line, 'tETHUSD', 100))
  })

  it('instrument-delisted takes the instrument off the lists, without a word on the socket', () => {
    const line = new Line()
    const before = line.simulator.markets.size
    for (let count = 0; count < before; count++) {
      expect(line.simulator.fault?.('instrument-delisted', line.now)).toBe(true)
    }
    expect(line.simulator.fault?.('instrument-delisted', line.now)).toBe(false)
    const request = { method: 'GET', path: '/v2/conf/pub:list:pair:exchange', headers: {}, body: '' }
    expect(line.simulator.http(request, line.now).body).toBe('[[]]')
    line.connect(['BTC/USD', 'book']).run(1_000)
    expect(line.of('connection')).toMatchObject([{ state: 'refused' }])
  })

  it('that nobody knows, or that nobody is there to see, is not committed', () => {
    const line = new Line()
    expect(line.simulator.fault?.('message-unknown', line.now)).toBe(false)
    line.connect(['BTC/USD', 'trade']).run(1_000)
    expect(line.simulator.fault?.('book-crossed', line.now)).toBe(false)
    expect(line.simulator.fault?.('earthquake', line.now)).toBe(false)
    for (const fault of line.simulator.faults ?? []) expect(fault).toMatch(/^[a-z-]+$/)
  })

  it('maintenance is told to those who come during it', () => {
    const line = new Line().connect(['BTC/USD', 'trade']).run(1_000)
    line.simulator.fault?.('maintenance', line.now)
    line.cut()
    line.run(100)
    expect(states(line)).toEqual(['maintenance', 'maintenance'])
  })
})
