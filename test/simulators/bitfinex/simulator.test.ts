import { describe, expect, it } from 'vitest'
import { signedCrc32 } from '../../../connectors/bitfinex/checksum.js'
import { bitfinexSimulator } from '../../../simulators/index.js'
import { NEW_YEAR } from '../../connectors/bitfinex/line.js'
import { isRecord } from '../../connectors/bitfinex/records.js'

type Frame = readonly unknown[]
type Event = Readonly<Record<string, unknown>>

/** A client of its own making: it sends text and keeps what came. */
class Client {
  readonly simulator = bitfinexSimulator({ seed: 3 })
  readonly texts: string[] = []
  readonly closes: number[] = []
  now = NEW_YEAR
  readonly #connection

  constructor() {
    this.#connection = this.simulator.connect(
      {
        request: { method: 'GET', path: '/any/path', headers: {}, body: '' },
        send: (data) => void this.texts.push(String(data)),
        ping: () => {},
        close: (code) => void this.closes.push(code),
      },
      this.now,
    )
    this.run(5)
  }

  run(ms: number): this {
    for (const end = this.now + ms * 1000; this.now < end; ) {
      this.now = Math.min(this.now + 10_000, end)
      this.simulator.advance(this.now)
    }
    return this
  }

  send(message: object | string): this {
    this.#connection.received(typeof message === 'string' ? message : JSON.stringify(message), this.now)
    return this
  }

  /** Sends, waits, and gives what came. */
  ask(message: object | string, ms = 50): unknown[] {
    const from = this.texts.length
    this.send(message).run(ms)
    return this.texts.slice(from).map((text) => JSON.parse(text) as unknown)
  }

  events(name?: string): Event[] {
    return this.texts
      .map((text) => JSON.parse(text) as unknown)
      .filter(isRecord)
      .filter(({ event }) => name === undefined || event === name)
  }

  /** Array frames of one channel, or of all. */
  frames(chanId?: unknown): Frame[] {
    return this.texts
      .map((text) => JSON.parse(text) as unknown)
      .filter((value): value is Frame => Array.isArray(value))
      .filter(([id]) => chanId === undefined || id === chanId)
  }

  subscribe(fields: object): unknown {
    const answers = this.ask({ event: 'subscribe', ...fields })
    return answers.filter(isRecord).find(({ event }) => event === 'subscribed')?.['chanId']
  }

  http(path: string): { status: number; body: unknown; text: string } {
    const { status, body } = this.simulator.http({ method: 'GET', path, headers: {}, body: '' }, this.now)
    return { status, body: JSON.parse(body) as unknown, text: body }
  }
}

describe('the simulated socket', () => {
  it('greets, and answers conf and ping', () => {
    const client = new Client()
    expect(client.events()).toEqual([
      {
        event: 'info',
        version: 2,
        serverId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        platform: { status: 1 },
      },
    ])
    expect(client.ask({ event: 'conf', flags: 131_072 })).toEqual([
      { event: 'conf', status: 'OK', flags: 131_072 },
    ])
    expect(client.ask({ event: 'conf', flags: 3 })).toEqual([{ event: 'conf', status: 'FAILED', flags: 3 }])
    expect(client.ask({ event: 'ping', cid: 1234 })).toEqual([
      { event: 'pong', ts: expect.any(Number), cid: 1234 },
    ])
    expect(client.ask({ event: 'ping' })).toEqual([{ event: 'pong', ts: expect.any(Number) }])
  })

  it.each([
    [
      { channel: 'trades', symbol: 'tBTCUSD' },
      { symbol: 'tBTCUSD', pair: 'BTCUSD' },
    ],
    [
      { channel: 'trades', symbol: 'BTCUSD', subId: 'x1' },
      { subId: 'x1', symbol: 'tBTCUSD', pair: 'BTCUSD' },
    ],
    [
      { channel: 'ticker', pair: 'AVAX:USD' },
      { symbol: 'tAVAX:USD', pair: 'AVAX:USD' },
    ],
    [
      { channel: 'ticker', symbol: 'fUSD', subId: 7 },
      { subId: 7, symbol: 'fUSD', currency: 'USD' },
    ],
    [
      { channel: 'book', symbol: 'tBTCUSD' },
      { symbol: 'tBTCUSD', prec: 'P0', freq: 'F0', len: '25', pair: 'BTCUSD' },
    ],
    [
      { channel: 'book', symbol: 'tBTCUSD', prec: 'R0', freq: 'F1', len: 100 },
      { symbol: 'tBTCUSD', prec: 'R0', freq: 'F1', len: '100', pair: 'BTCUSD' },
    ],
    [{ channel: 'candles', key: 'trade:1h:tBTCUSD' }, { key: 'trade:1h:tBTCUSD' }],
    [{ channel: 'candles', key: 'trade:1h:fUSD:p30' }, { key: 'trade:1h:fUSD:p30' }],
    [{ channel: 'status', key: 'deriv:tBTCF0:USTF0' }, { key: 'deriv:tBTCF0:USTF0' }],
    [{ channel: 'status', key: 'liq:global' }, { key: 'liq:global' }],
  ])('grants %j', (asked, fields) => {
    const [ack] = new Client().ask({ event: 'subscribe', ...asked })
    expect(ack).toEqual({
      event: 'subscribed',
      channel: asked.channel,
      chanId: expect.any(Number),
      ...fields,
    })
  })

  it.each([
    [{ channel: 'book', symbol: 'tNOPE', prec: 'P0', len: '25' }, 10_300, 'symbol: invalid'],
    [{ channel: 'weather' }, 10_300, 'channel: unknown'],
    [{ channel: 'book', symbol: 'tBTCUSD', prec: 'P9' }, 10_300, 'precision: invalid'],
    [{ channel: 'book', symbol: 'tBTCUSD', len: '50' }, 10_300, 'length: invalid'],
    [{ channel: 'book', symbol: 'tBTCUSD', freq: 'F7' }, 10_300, 'frequency: invalid'],
    [{ channel: 'candles', key: 'trade:2m:tBTCUSD' }, 10_300, 'key: invalid'],
    [{ channel: 'candles', key: 'trade:1m:fUSD' }, 10_300, 'key: invalid'],
    [{ channel: 'status', key: 'moon:full' }, 10_300, 'key: invalid'],
    [{ channel: 'trades' }, 10_300, 'symbol: invalid'],
  ])('refuses %j', (asked, code, msg) => {
    const [error] = new Client().ask({ event: 'subscribe', subId: 'a', ...asked })
    expect(error).toMatchObject({ event: 'error', code, msg, subId: 'a', ...asked })
  })

  it('refuses a second subscribe before the first is acked, a 37th channel, and what it does not know', () => {
    const client = new Client()
    const book = { event: 'subscribe', channel: 'book', symbol: 'tBTCUSD' }
    const answers = client
      .send(book)
      .ask({ ...book, subId: 'again' })
      .filter(isRecord)
    expect(answers).toMatchObject([
      {
        event: 'error',
        code: 10_301,
        msg: 'subscribe: dup',
        channel: 'book',
        subId: 'again',
        pair: 'BTCUSD',
      },
      { event: 'subscribed' },
    ])
    // The refusal names the channel that there is, whose ack is still on its way.
    expect(answers[0]?.['chanId']).toBe(answers[1]?.['chanId'])
    let granted = 1
    for (const symbol of client.simulator.markets.keys()) {
      for (const channel of ['trades', 'ticker', 'book']) {
        if (client.subscribe({ channel, symbol, prec: 'P1' }) !== undefined) granted++
      }
    }
    expect(granted).toBe(36)
    expect(client.events('error').at(-1)).toMatchObject({ code: 10_305, msg: 'subscribe: limit' })
    expect(client.closes).toEqual([])
    expect(client.ask({ event: 'nope' }).filter(isRecord)).toMatchObject([
      { event: 'error', code: 10_000, msg: 'event: invalid (nope)' },
    ])
    expect(client.ask({ event: 'unsubscribe', chanId: 1 }).filter(isRecord)).toMatchObject([
      { event: 'error', code: 10_400, msg: 'unsubscribe: invalid' },
    ])
  })

  it.each([
    ['what is no JSON', 'hello'],
    ['what is no event', '[1,2]'],
    [
      'a contract that it does not know',
      { event: 'subscribe', channel: 'status', key: 'deriv:tXXXF0:USTF0' },
    ],
  ])('does not answer %s', (_, message) => {
    expect(new Client().ask(message)).toEqual([])
  })

  it('unsubscribes', () => {
    const client = new Client()
    const chanId = client.subscribe({ channel: 'book', symbol: 'tBTCUSD' })
    const answers = client.ask({ event: 'unsubscribe', chanId })
    expect(answers.at(-1)).toEqual({ event: 'unsubscribed', status: 'OK', chanId })
    const before = client.frames().length
    client.run(30_000)
    expect(client.frames()).toHaveLength(before)
  })

  it('cuts a client after a minute that neither subscribes nor speaks', () => {
    const client = new Client().run(59_000)
    expect(client.closes).toEqual([])
    expect(client.run(2_000).closes).toHaveLength(1)
    const speaking = new Client().run(30_000).send({ event: 'ping' }).run(60_000)
    expect(speaking.closes).toEqual([])
  })

  it('numbers and dates every array frame by the flags, one counter for all channels', () => {
    const client = new Client()
    client.ask({ event: 'conf', flags: 65_536 + 32_768 })
    const trades = client.subscribe({ channel: 'trades', symbol: 'tBTCUSD' })
    const book = client.subscribe({ channel: 'book', symbol: 'tETHUSD' })
    client.run(20_000)
    const frames = client.frames()
    expect(frames.map((frame) => frame.at(-2))).toEqual(frames.map((_, at) => at + 1))
    expect(frames.every((frame) => Math.abs(Number(frame.at(-1)) - NEW_YEAR / 1000) < 21_000)).toBe(true)
    expect(frames.filter(([id, tag]) => tag === 'hb' && id === trades)).toHaveLength(1)
    expect(frames.filter(([id, tag]) => tag === 'hb' && id === book)).toHaveLength(1)
    expect(frames.filter(([, tag]) => tag === 'cs')).toEqual([])
  })

  it('has a pulse each 15 s on every channel at once, in rising order of their numbers', () => {
    const client = new Client()
    for (const channel of ['trades', 'ticker']) client.subscribe({ channel, symbol: 'tBTCUSD' })
    client.subscribe({ channel: 'status', key: 'liq:global' })
    const ids = client.events('subscribed').map(({ chanId }) => Number(chanId))
    client.run(60_000)
    const pulses = client.frames().filter(([, tag]) => tag === 'hb')
    expect(pulses).toHaveLength(12)
    expect(pulses.slice(0, 3).map(([id]) => id)).toEqual(ids.toSorted((a, b) => a - b))
  })

  it('tells each trade twice, the second time 20 to 100 ms later and the same', () => {
    const client = new Client()
    const chanId = client.subscribe({ channel: 'trades', symbol: 'tBTCUSD' })
    client.run(20_000)
    const [[, history] = [], ...frames] = client.frames(chanId)
    expect(history).toHaveLength(30)
    const told = (tag: string) =>
      frames.filter((frame) => frame[1] === tag).map(([, , row]) => JSON.stringify(row))
    const executed = told('te')
    const updated = told('tu')
    expect(executed.length).toBeGreaterThan(50)
    expect(executed.length - updated.length).toBeLessThan(10)
    expect(updated.toSorted()).toEqual(executed.slice(0, updated.length).toSorted())
    expect(updated).not.toEqual(executed.slice(0, updated.length))
    const ids = frames.filter(([, tag]) => tag === 'te').map(([, , row]) => (row as number[])[0] ?? 0)
    expect(ids).toEqual(ids.toSorted((a, b) => a - b))
  })

  it('has fte and ftu for loans, rows with a period', () => {
    const client = new Client()
    const chanId = client.subscribe({ channel: 'trades', symbol: 'fUSD' })
    client.run(10_000)
    const tags = new Set(client.frames(chanId).map(([, tag]) => (typeof tag === 'string' ? tag : 'history')))
    expect(tags).toEqual(new Set(['history', 'fte', 'ftu']))
    expect(client.frames(chanId).find(([, tag]) => tag === 'fte')?.[2]).toHaveLength(5)
  })

  it('keeps a window of so many rows, never more and never crossed after any frame', () => {
    const client = new Client()
    const chanId = client.subscribe({ channel: 'book', symbol: 'tBTCUSD', len: 25 })
    client.run(30_000)
    const [[, snapshot] = [], ...updates] = client
      .frames(chanId)
      .filter(([, payload]) => Array.isArray(payload))
    const bids = new Map<number, number>()
    const asks = new Map<number, number>()
    const apply = ([price = 0, count = 0, amount = 0]: number[]) => {
      const side = amount > 0 ? bids : asks
      if (count > 0) side.set(price, amount)
      else {
        expect(Math.abs(amount)).toBe(1)
        expect(side.delete(price)).toBe(true)
      }
    }
    for (const row of snapshot as number[][]) apply(row)
    expect([bids.size, asks.size]).toEqual([25, 25])
    for (const [, row] of updates) {
      apply(row as number[])
      expect(bids.size).toBeLessThanOrEqual(25)
      expect(asks.size).toBeLessThanOrEqual(25)
      expect(Math.max(...bids.keys())).toBeLessThan(Math.min(...asks.keys()))
    }
    expect(updates.length).toBeGreaterThan(300)
  })

  it('signs a book about every 2.5 s as a client with binary floats would compute it', () => {
    const client = new Client()
    client.ask({ event: 'conf', flags: 131_072 })
    const chanId = client.subscribe({ channel: 'book', symbol: 'tBTCUSD', len: 100 })
    client.run(30_000)
    const sides = { bids: new Map<number, number>(), asks: new Map<number, number>() }
    let signed = 0
    for (const [, payload, checksum] of client.frames(chanId)) {
      if (payload === 'cs') {
        signed++
        const bids = [...sides.bids].sort(([a], [b]) => b - a).slice(0, 25)
        const asks = [...sides.asks].sort(([a], [b]) => a - b).slice(0, 25)
        const parts = bids.flatMap((bid, at) => [...bid, ...(asks[at] ?? [])])
        expect(checksum).toBe(signedCrc32(parts.join(':')))
      } else if (Array.isArray(payload)) {
        for (const row of (Array.isArray(payload[0]) ? payload : [payload]) as number[][]) {
          const [price = 0, count = 0, amount = 0] = row
          const side = amount > 0 ? sides.bids : sides.asks
          if (count === 0) side.delete(price)
          else side.set(price, amount)
        }
      }
    }
    expect(signed).toBeGreaterThanOrEqual(10)
    expect(signed).toBeLessThanOrEqual(12)
  })

  it('puts several levels into one frame where bulk is asked for', () => {
    const client = new Client()
    client.ask({ event: 'conf', flags: 536_870_912 })
    const chanId = client.subscribe({ channel: 'book', symbol: 'tBTCUSD' })
    client.run(5_000)
    const updates = client.frames(chanId).filter(([, payload]) => Array.isArray(payload))
    expect(updates.every(([, payload]) => Array.isArray((payload as unknown[])[0]))).toBe(true)
    expect(updates.some(([, payload]) => (payload as unknown[]).length > 1)).toBe(true)
  })

  it('tells slow books every two seconds', () => {
    const client = new Client()
    const chanId = client.subscribe({ channel: 'book', symbol: 'tBTCUSD', freq: 'F1' })
    const before = client.frames(chanId).length
    client.run(1_800)
    const during = client.frames(chanId).length
    client.run(4_000)
    expect(client.frames(chanId).length).toBeGreaterThan(during)
    expect(during - before).toBeLessThan(40)
  })

  it('prints numbers as JavaScript does, exponents included', () => {
    const client = new Client()
    client.subscribe({ channel: 'book', symbol: 'tPEPE:USD' })
    expect(client.texts.at(-1)).toMatch(/\[7\.\d+e-7,\d+,/)
  })

  it('merges prices at the lower precisions, bids down and asks up', () => {
    const client = new Client()
    const chanId = client.subscribe({ channel: 'book', symbol: 'tBTCUSD', prec: 'P3', len: '1' })
    const [[, rows] = []] = client.frames(chanId)
    const { bid, ask } = client.simulator.markets.get('tBTCUSD')?.book.best() ?? {}
    expect((rows as number[][]).map(([price]) => price)).toEqual([
      Math.floor(Number(bid?.[0]) / 1_000) * 1_000,
      Math.ceil(Number(ask?.[0]) / 1_000) * 1_000,
    ])
  })

  it('has tickers of eleven and of ten fields, and of loans of seventeen', () => {
    const client = new Client()
    for (const [symbol, fields] of [
      ['tBTCUSD', 11],
      ['tBTCF0:USTF0', 10],
      ['fUSD', 17],
    ] as const) {
      const chanId = client.subscribe({ channel: 'ticker', symbol })
      client.run(16_000)
      const rows = client.frames(chanId).filter(([, tag]) => tag !== 'hb')
      expect(rows.length).toBeGreaterThan(1)
      expect(rows.every(([, row]) => (row as unknown[]).length === fields)).toBe(true)
    }
  })

  it('tells a status about every second, two of three being repeats', () => {
    const client = new Client()
    const chanId = client.subscribe({ channel: 'status', key: 'deriv:tETHF0:BTCF0' })
    client.run(9_000)
    const rows = client.frames(chanId).filter(([, tag]) => tag !== 'hb')
    expect(rows).toHaveLength(10)
    expect(new Set(rows.map(([, row]) => (row as unknown[])[0])).size).toBe(4)
    const [[, first] = []] = rows
    expect((first as unknown[]).at(22)).toBeNull()
  })

  it('corrects a bar now and then once the next has begun, and has minutes without one', () => {
    const client = new Client()
    const chanId = client.subscribe({ channel: 'candles', key: 'trade:1m:tAVAX:USD' })
    client.run(900_000)
    const [[, history] = [], ...frames] = client.frames(chanId).filter(([, tag]) => tag !== 'hb')
    const opened = (history as number[][]).map(([time = 0]) => time)
    expect(opened).toEqual(opened.toSorted((a, b) => b - a))
    expect((opened[0] ?? 0) - (opened.at(-1) ?? 0)).toBeGreaterThan((opened.length - 1) * 60_000)
    const told = frames.map(([, row]) => (row as number[])[0] ?? 0)
    expect(told.some((time, at) => time < (told[at - 1] ?? 0))).toBe(true)
  })

  it.each(['5m', '15m', '30m', '3h', '6h', '12h', '1D', '1W', '14D', '1M'])('has candles of %s', (frame) => {
    const client = new Client()
    const chanId = client.subscribe({ channel: 'candles', key: `trade:${frame}:tBTCUSD` })
    const [[, history] = []] = client.frames(chanId)
    const [[openTime = 0] = []] = history as number[][]
    expect(openTime).toBeLessThanOrEqual(client.now / 1000)
    expect(new Date(openTime).toISOString()).toMatch(/:00\.000Z$/)
    if (frame === '1W' || frame === '14D') expect(new Date(openTime).getUTCDay()).toBe(1)
    if (frame === '1M') expect(new Date(openTime).getUTCDate()).toBe(1)
  })
})

describe('the simulated REST', () => {
  it('answers several keys of conf with one element each', () => {
    const client = new Client()
    expect(client.http('/v2/platform/status').body).toEqual([1])
    const { body } = client.http('/v2/conf/pub:list:pair:exchange,pub:list:pair:futures,pub:map:tx:method')
    expect(body).toEqual([
      expect.arrayContaining(['BTCUSD', 'AVAX:USD', 'TESTBTC:TESTUSD']),
      expect.arrayContaining(['BTCF0:USTF0']),
      [],
    ])
    const [info] = client.http('/v2/conf/pub:info:pair').body as [[string, unknown[]][]]
    expect(info[0]?.[1]).toHaveLength(10)
    const [currencies] = client.http('/v2/conf/pub:list:currency').body as [string[]]
    expect(currencies).toEqual(expect.arrayContaining(['BTC', 'USTF0']))
    expect(client.http('/v2/conf/pub:info:pair:futures').status).toBe(200)
  })

  it('gives books, trades, candles, tickers and states as on the socket', () => {
    const client = new Client()
    expect(client.http('/v2/book/tBTCUSD/P0?len=25').body).toHaveLength(50)
    expect(client.http('/v2/book/tBTCUSD/R0').body).toHaveLength(50)
    const trades = client.http('/v2/trades/tBTCUSD/hist?limit=5').body as number[][]
    expect(trades).toHaveLength(5)
    const since = client.http(`/v2/trades/tBTCUSD/hist?sort=1&start=${trades[4]?.[1]}`).body as number[][]
    expect(since).toEqual(trades.toReversed())
    expect(client.http('/v2/candles/trade:1m:tBTCUSD/hist?limit=3').body).toHaveLength(3)
    expect(client.http('/v2/candles/trade:1m:tBTCUSD/hist?limit=3&sort=1').body).toHaveLength(3)
    expect(client.http('/v2/candles/trade:1m:tBTCUSD/last').body).toHaveLength(6)
    expect(client.http('/v2/ticker/tBTCUSD').body).toHaveLength(11)
    expect(client.http('/v2/tickers?symbols=tBTCUSD,fUSD,tNOPE').body).toEqual([
      expect.arrayContaining(['tBTCUSD']),
      expect.arrayContaining(['fUSD']),
    ])
    expect(client.http('/v2/tickers?symbols=ALL').body).toHaveLength(client.simulator.markets.size)
    expect(client.http('/v2/status/deriv?keys=tBTCF0:USTF0,tNOPE').body).toEqual([
      expect.arrayContaining(['tBTCF0:USTF0']),
    ])
    expect(client.http('/v2/status/deriv?keys=ALL').body).toHaveLength(3)
    client.run(30_000)
    expect((client.http('/v2/liquidations/hist').body as unknown[]).length).toBeGreaterThan(0)
  })

  it.each([
    '/v2/book/tNOPE/P0',
    '/v2/book/tBTCUSD/P9',
    '/v2/trades/tNOPE/hist',
    '/v2/trades/tBTCUSD',
    '/v2/candles/trade:2m:tBTCUSD/hist',
    '/v2/candles/trade:1m:tBTCUSD/none',
    '/v2/ticker/tNOPE',
    '/v2/status/none',
    '/v2/platform/none',
    '/v2/liquidations/none',
    '/v2/conf/nope',
    '/v2/weather',
  ])('says 500 and the code of the venue for %s', (path) => {
    expect(new Client().http(path)).toMatchObject({
      status: 500,
      body: ['error', 10_020, expect.any(String)],
    })
  })

  it('is at /v2 alone', () => {
    expect(new Client().http('/v1/symbols').status).toBe(404)
  })
})
