import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { huobiSimulator } from '../../../simulators/huobi/simulator.js'
import { klinePeriods } from '../../../simulators/huobi/statistics-topics.js'
import type { KitSimulator } from '../../../simulators/kit/simulated-exchange.js'
import type { SimulatedConnection } from '../../../src/simulator/venue-simulator.js'
import { T } from '../../connectors/huobi/frames.js'

/** Another project's client: raw frames in and out, and a clock that the test moves. */
class Client {
  readonly raw: Uint8Array[] = []
  readonly closes: [number, string][] = []
  readonly simulator: KitSimulator
  readonly connection: SimulatedConnection
  now: number

  constructor(path: string, simulator = huobiSimulator({ seed: 7 }), now = T) {
    this.simulator = simulator
    this.now = now
    this.connection = simulator.connect(
      {
        request: { method: 'GET', path, headers: {}, body: '' },
        send: (data) => void this.raw.push(typeof data === 'string' ? new Uint8Array() : data),
        ping: () => undefined,
        close: (code, reason) => {
          this.closes.push([code, reason])
          this.connection.closed(this.now)
        },
      },
      this.now,
    )
  }

  send(frame: object | string): void {
    this.connection.received(typeof frame === 'string' ? frame : JSON.stringify(frame), this.now)
  }

  /** The texts of what came since the last look. */
  texts(): string[] {
    return this.raw.splice(0).map((bytes) => gunzipSync(bytes).toString('utf8'))
  }

  frames(): object[] {
    return this.texts().map((text) => JSON.parse(text) as object)
  }

  advance(ms: number): void {
    for (const until = this.now + ms * 1000; this.now < until; ) {
      this.now += 10_000
      this.simulator.advance(this.now)
    }
  }

  /** Pushes of a topic, while every ping is answered. */
  watch(topic: string, ms: number, more: object = {}): string[] {
    this.send({ sub: topic, id: 'w', ...more })
    const texts: string[] = []
    for (let slice = 0; slice < ms; slice += 100) {
      this.advance(100)
      for (const text of this.texts()) {
        const ping = /^\{"ping":(\d+)\}$/.exec(text)?.[1]
        if (ping !== undefined) this.send(`{"pong":${ping}}`)
        else if (text.startsWith(`{"ch":"${topic}"`)) texts.push(text)
      }
    }
    return texts
  }
}

/** The raw token of a field, as it stands on the wire. */
function raw(text: string, name: string): string {
  return new RegExp(`"${name}":("[^"]*"|[^,}\\]]+)`).exec(text)?.[1] ?? ''
}

describe('the simulated sockets', () => {
  it('speak one gzip member a frame', () => {
    const client = new Client('/ws')
    client.send({ sub: 'market.btcusdt.bbo', id: 'a' })
    expect(client.raw.length).toBeGreaterThan(1)
    for (const bytes of client.raw) expect([bytes[0], bytes[1]]).toEqual([0x1f, 0x8b])
  })

  it('are on the paths of the venue, and nowhere else', () => {
    const simulator = huobiSimulator()
    const admit = (path: string) =>
      simulator.admit?.({ method: 'GET', path, headers: {}, body: '' }, T)?.status ?? null
    const paths = [
      '/',
      '/ws',
      '/ws?x=1',
      '/feed/',
      '/swap-ws',
      '/linear-swap-ws',
      '/ws_index',
      '/notification',
      '/swap-notification',
      '/linear-swap-notification',
      '/center-notification',
    ]
    expect(paths.map(admit)).toEqual(paths.map(() => null))
    expect(['/ws/v2', '/option-ws', '/x'].map(admit)).toEqual([404, 404, 404])
  })

  it('echo the id with its type, and nothing where there was none', () => {
    const client = new Client('/ws')
    const acks = [7, 'seven', undefined].map((id) => {
      client.send({ sub: 'market.btcusdt.bbo', id })
      return client.texts()[0] ?? ''
    })
    expect(acks.map((text) => raw(text, 'id'))).toEqual(['7', '"seven"', ''])
    expect(acks.every((text) => raw(text, 'subbed') === '"market.btcusdt.bbo"')).toBe(true)
  })

  it('take an array of topics, with an ack for each', () => {
    const client = new Client('/ws')
    client.send({ sub: ['market.btcusdt.bbo', 'market.ethusdt.bbo'], id: 1 })
    expect(client.texts().filter((text) => text.includes('"subbed"'))).toHaveLength(2)
  })

  it.each([
    ['/ws', 'market.btcusdt.unheard', 'invalid topic market.btcusdt.unheard'],
    ['/ws', 'market.nopeusdt.bbo', 'invalid symbol nopeusdt'],
    ['/ws', 'market.tonusdt.bbo', 'symbol:tonusdt trade not open now '],
    ['/ws', 'market.btcusdt.mbp.150', 'invalid topic market.btcusdt.mbp.150'],
    ['/ws', 'market.btcusdt.depth.step6', 'invalid topic market.btcusdt.depth.step6'],
    ['/ws', 'market.BTC-USDT.bbo', 'invalid topic market.BTC-USDT.bbo'],
    ['/ws', 'public.*.funding_rate', 'invalid topic public.*.funding_rate'],
    ['/feed', 'market.btcusdt.trade.detail', 'invalid topic market.btcusdt.trade.detail'],
    ['/feed', 'market.dogeeth.mbp.20', 'invalid topic market.dogeeth.mbp.20'],
    ['/feed', 'market.tickers', 'invalid topic market.tickers'],
    ['/linear-swap-ws', 'market.BTC-USD.bbo', 'invalid topic market.BTC-USD.bbo'],
    ['/linear-swap-ws', 'market.NOPE-USDT.bbo', 'invalid topic market.NOPE-USDT.bbo'],
    ['/linear-swap-ws', 'market.BTC-USDT.mark_price.1min', 'invalid topic market.BTC-USDT.mark_price.1min'],
    [
      '/linear-swap-ws',
      'market.BTC-USDT.depth.size_5.high_freq',
      'invalid topic market.BTC-USDT.depth.size_5.high_freq',
    ],
    ['/linear-swap-ws', 'market.BTC-USDT.kline.1year', 'invalid topic market.BTC-USDT.kline.1year'],
    ['/linear-swap-ws', 'market.BTC-USDT.ticker', 'invalid topic market.BTC-USDT.ticker'],
    ['/ws_index', 'market.BTC-USDT.bbo', 'invalid topic market.BTC-USDT.bbo'],
  ])('on %s refuse %s in the words of the venue', (path, sub, message) => {
    const client = new Client(path)
    client.send({ sub, id: 'e1' })
    expect(client.frames()).toEqual([
      { id: 'e1', status: 'error', 'err-code': 'bad-request', 'err-msg': message, ts: T / 1000 },
    ])
  })

  it('refuse what they cannot read, and stay open', () => {
    const client = new Client('/ws')
    for (const frame of ['{', '[1]', '{"hello":1}']) client.send(frame)
    expect(client.frames()).toMatchObject([
      { id: '', 'err-msg': 'not json, is not json string' },
      { id: '', 'err-msg': 'not json, is not json string' },
      { 'err-msg': 'invalid command' },
    ])
    client.connection.received(new TextEncoder().encode('{"ping":5}'), T)
    expect(client.texts()).toEqual(['{"pong":5}'])
    expect(client.closes).toEqual([])
  })

  it('on the derivatives answer no ping of a client', () => {
    const client = new Client('/swap-ws')
    client.send({ ping: 5 })
    expect(client.texts()).toEqual([])
  })

  it('take derivatives in any case and push in upper case, also under an alias', () => {
    const linear = new Client('/linear-swap-ws')
    linear.send({ sub: 'market.btc-usdt.bbo', id: 1 })
    expect(raw(linear.texts()[1] ?? '', 'ch')).toBe('"market.BTC-USDT.bbo"')
    const futures = new Client('/ws')
    futures.send({ sub: 'market.BTC_CQ.bbo', id: 1 })
    expect(raw(futures.texts()[1] ?? '', 'ch')).toBe('"market.BTC_CQ.bbo"')
  })

  it('stop when asked to, and say where there was nothing to stop', () => {
    const client = new Client('/ws')
    const topic = 'market.btcusdt.ticker'
    expect(client.watch(topic, 500).length).toBeGreaterThan(3)
    client.send({ unsub: topic, id: 2 })
    client.send({ unsub: topic, id: 3 })
    client.send({ unsub: 'market.unheard', id: 4 })
    expect(client.frames()).toMatchObject([
      { id: 2, status: 'ok', unsubbed: topic },
      { id: 3, 'err-msg': 'unsub with not subbed topic' },
      { id: 4, 'err-msg': 'unsub with not subbed topic' },
    ])
    client.advance(2_000)
    expect(client.texts()).toEqual([])
  })

  it('ack a suspended contract and stay silent', () => {
    const client = new Client('/linear-swap-ws')
    client.send({ sub: 'market.ANT-USDT.trade.detail', id: 1 })
    client.advance(4_000)
    expect(client.frames()).toMatchObject([{ status: 'ok' }])
  })
})

describe('the simulated heartbeat', () => {
  /** Milliseconds after the connect at which the pings came and the venue hung up. */
  function unanswered(path: string) {
    const client = new Client(path)
    const pings: number[] = []
    while (client.closes.length === 0 && client.now < T + 60_000_000) {
      client.advance(10)
      for (const text of client.texts()) if (text.startsWith('{"ping"')) pings.push((client.now - T) / 1000)
    }
    return { pings, closed: (client.now - T) / 1000, close: client.closes[0] }
  }

  it('of spot hurries after the first miss and hangs up after 15.5 s', () => {
    const { pings, closed, close } = unanswered('/ws')
    expect([pings, closed]).toEqual([[5_000, 10_000, 11_000, 12_000, 13_000, 14_000, 15_000], 15_500])
    expect(close?.[0]).toBe(1003)
    expect(close?.[1]).toMatch(
      /^ping check expired, session: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    )
  })

  it('of the derivatives hangs up after four misses', () => {
    const { pings, closed } = unanswered('/linear-swap-ws')
    expect([pings, closed]).toEqual([[5_000, 10_000, 15_000, 20_000], 20_500])
  })

  it('counts only the very value', () => {
    const client = new Client('/ws')
    const values: number[] = []
    while (client.closes.length === 0 && client.now < T + 60_000_000) {
      client.advance(100)
      for (const text of client.texts()) {
        if (!text.startsWith('{"ping"')) continue
        const value = Number(raw(text, 'ping'))
        values.push(value)
        client.send({ pong: values.length <= 4 ? value : value + 1 })
        client.send({ op: 'pong' })
      }
    }
    expect(values.slice(0, 5)).toEqual([5, 10, 15, 20, 25].map((seconds) => T / 1000 + seconds * 1000))
    expect((client.now - T) / 1000).toBe(35_500)
  })

  it('of the notification sockets sends text, and wants the same text', () => {
    const client = new Client('/linear-swap-notification')
    let answers = 0
    const said: string[] = []
    while (client.closes.length === 0 && client.now < T + 120_000_000) {
      client.advance(100)
      for (const text of client.texts()) {
        said.push(text)
        const ts = raw(text, 'ts')
        if (answers++ < 3) client.send(`{"op":"pong","ts":${ts}}`)
        else client.send(`{"op":"pong","ts":${ts.replaceAll('"', '')}}`)
      }
    }
    expect(said[0]).toBe(`{"op":"ping","ts":"${T / 1000 + 5_300}"}`)
    expect(said.filter((text) => text.includes('ping'))).toHaveLength(8)
    expect(said.at(-1)).toContain('"op":"close"')
    expect(client.closes).toEqual([[1000, 'Bye']])
  })
})

describe('the simulated feeds', () => {
  it('begin trades with the last one before the client came, with ids that a double cannot hold', () => {
    const spot = new Client('/ws')
    spot.send({ sub: 'market.btcusdt.trade.detail', id: 1 })
    const [ack = '', push = ''] = spot.texts()
    expect(ack).toContain('"subbed"')
    const tick = /"id":(\d+),"ts":(\d+),"data":\[\{"id":(\d+)/.exec(push) ?? []
    expect(tick[3]?.startsWith(tick[1] ?? '?')).toBe(true)
    expect([24, 25, 26, 27]).toContain(tick[3]?.length)
    expect(Number(tick[2])).toBeLessThan(T / 1000 - 900)
    const linear = new Client('/linear-swap-ws')
    linear.send({ sub: 'market.BTC-USDT.trade.detail', id: 1 })
    const trade = linear.texts().find((text) => text.startsWith('{"ch"')) ?? ''
    const [, sweep = '', id = ''] = /"tick":\{"id":(\d+).*?"id":(\d+),"price"/.exec(trade) ?? []
    expect([id.length, id]).toEqual([19, `${sweep}0000`])
  })

  it('count both sides of a trade of derivatives, and half of it leaves the book', () => {
    const simulator = huobiSimulator({ seed: 7 })
    const client = new Client('/linear-swap-ws', simulator)
    const pushes = client.watch('market.BTC-USDT.trade.detail', 5_000)
    const amounts = pushes.flatMap((text) =>
      [...text.matchAll(/"amount":(\d+)/g)].map((match) => BigInt(match[1] ?? '0')),
    )
    const trades = simulator.markets.get('BTC-USDT')?.trades.map(({ amount }) => 2n * BigInt(amount)) ?? []
    expect(amounts.length).toBeGreaterThan(5)
    expect(amounts.every((amount) => amount % 2n === 0n)).toBe(true)
    expect(amounts.slice(1)).toEqual(trades.slice(trades.length - amounts.length + 1))
  })

  it('print spot numbers as Java does and those of derivatives plain', () => {
    const spot = new Client('/ws').watch('market.dogeeth.depth.step0', 100)[0] ?? ''
    expect(spot).toMatch(/\[1\.\d+E-4,\d/)
    const linear = new Client('/linear-swap-ws').watch('market.BTC-USDT.depth.step0', 100)[0] ?? ''
    expect(linear).not.toMatch(/\dE\d|\.0[,\]]/)
    expect(raw(linear, 'version')).toBe(String(Math.floor(T / 1_000_000)))
  })

  it('chain the deltas of a topic: every one names its predecessor, without a snapshot', () => {
    const texts = new Client('/feed').watch('market.btcusdt.mbp.150', 5_000)
    expect(texts.length).toBeGreaterThan(20)
    for (const [index, text] of texts.entries()) {
      if (index > 0) expect(raw(text, 'prevSeqNum')).toBe(raw(texts[index - 1] ?? '', 'seqNum'))
      expect(text).toMatch(/"bids":\[.*"asks":\[/)
    }
  })

  it('leave an untouched side out at 5 and 20 levels', () => {
    const texts = new Client('/feed').watch('market.btcusdt.mbp.5', 5_000)
    expect(texts.some((text) => !text.includes('"bids"'))).toBe(true)
    expect(texts.some((text) => text.includes('[]'))).toBe(false)
  })

  it('answer a snapshot that is some deltas old, now and then with null, and refuse haste', () => {
    const client = new Client('/feed')
    const topic = 'market.btcusdt.mbp.20'
    client.watch(topic, 3_000)
    const lags: number[] = []
    let last = ''
    for (let round = 0; round < 200; round++) {
      client.send({ req: topic, id: round })
      client.send({ req: topic, id: 'hasty' })
      for (const text of client.texts()) {
        if (text.startsWith('{"ch"')) last = raw(text, 'seqNum')
        else if (text.includes('hasty')) expect(text).toContain(`429 too many request topic is ${topic}`)
        else if (text.startsWith('{"ping"')) client.send(`{"pong":${raw(text, 'ping')}}`)
        else lags.push(text.includes('"data":null') ? -1 : Number(last) - Number(raw(text, 'seqNum')))
      }
      client.advance(110)
      for (const text of client.texts()) {
        if (text.startsWith('{"ping"')) client.send(`{"pong":${raw(text, 'ping')}}`)
        else last = raw(text, 'seqNum')
      }
    }
    expect(lags.filter((lag) => lag > 0).length).toBeGreaterThan(150)
    expect(lags).toContain(-1)
  })

  it('answer recent trades, newest first, and refuse other requests', () => {
    const client = new Client('/ws')
    client.watch('market.btcusdt.trade.detail', 3_000)
    client.send({ req: 'market.btcusdt.trade.detail', id: 'h' })
    const ids = [...(client.texts()[0] ?? '').matchAll(/"tradeId":(\d+)/g)].map((match) => Number(match[1]))
    expect(ids.length).toBeGreaterThan(5)
    expect(ids).toEqual([...ids].sort((a, b) => b - a))
    client.advance(200)
    client.texts()
    client.send({ req: 'market.btcusdt.bbo', id: 'x' })
    client.advance(200)
    client.send({ req: 'market.nope.bbo', id: 'y' })
    expect(client.texts().filter((text) => text.includes('error'))).toHaveLength(2)
  })

  it('answer the depth, the day and the candles that are asked for', () => {
    const client = new Client('/ws')
    client.watch('market.btcusdt.kline.1min', 61_000)
    const ask = (req: string, more: object = {}) => {
      client.advance(110)
      client.texts()
      client.send({ req, id: 'q', ...more })
      return client.frames()[0]
    }
    expect(ask('market.btcusdt.depth.step0')).toMatchObject({
      status: 'ok',
      data: { bids: expect.any(Array), asks: expect.any(Array) },
    })
    expect(ask('market.btcusdt.detail')).toMatchObject({
      data: { open: 58_911.07, count: expect.any(Number) },
    })
    const whole = ask('market.btcusdt.kline.1min') as { data: { id: number; open: number }[] }
    expect(whole.data.length).toBeGreaterThan(1)
    const { id = 0 } = whole.data.at(-1) ?? {}
    expect(ask('market.btcusdt.kline.1min', { from: id, to: id })).toMatchObject({ data: [{ id }] })
  })

  it('have the premium and the basis on the socket of the indices, in words', () => {
    const client = new Client('/ws_index')
    expect(client.watch('market.BTC-USDT.premium_index.1min', 2_100).length).toBeGreaterThan(1)
    const [text = ''] = client.watch('market.BTC-USDT.basis.1min.open', 1_100)
    const { tick } = JSON.parse(text) as { tick: Record<string, string> }
    expect(Number(tick['contract_price']) - Number(tick['index_price'])).toBeCloseTo(Number(tick['basis']), 6)
  })

  it('begin the book of derivatives with a snapshot and count the versions up, some of them for nothing', () => {
    const topic = 'market.BTC-USDT.depth.size_20.high_freq'
    const texts = new Client('/linear-swap-ws').watch(topic, 10_000, { data_type: 'incremental' })
    expect(texts.map((text) => raw(text, 'event')).slice(0, 3)).toEqual([
      '"snapshot"',
      '"update"',
      '"update"',
    ])
    const versions = texts.map((text) => Number(raw(text, 'version')))
    expect(versions).toEqual(versions.map((_, index) => (versions[0] ?? 0) + index))
    expect(texts.some((text) => text.includes('"asks":[],"bids":[]'))).toBe(true)
  })

  it('send a second snapshot after a second subscribe, and single pushes from there', () => {
    const client = new Client('/linear-swap-ws')
    const topic = 'market.BTC-USDT.depth.size_150.high_freq'
    client.watch(topic, 1_000)
    const texts = client.watch(topic, 2_000)
    const events = texts.map((text) => raw(text, 'event'))
    expect(events.filter((event) => event === '"snapshot"')).toHaveLength(1)
    const versions = texts.map((text) => Number(raw(text, 'version')))
    expect(new Set(versions).size).toBe(versions.length)
  })

  it('merge the deeper steps, bids down and asks up', () => {
    const client = new Client('/swap-ws')
    const sides = (step: number) => {
      const text = client.watch(`market.BTC-USD.depth.step${step}`, 200)[0] ?? '{}'
      return (JSON.parse(text) as { tick: { bids: [number, number][]; asks: [number, number][] } }).tick
    }
    const whole = sides(0)
    const coarse = sides(8)
    expect(coarse.bids.length).toBeLessThanOrEqual(20)
    for (const [price] of [...coarse.bids, ...coarse.asks]) expect(price % 10).toBe(0)
    expect(coarse.bids[0]?.[0]).toBeLessThanOrEqual(whole.bids[0]?.[0] ?? 0)
    expect(coarse.asks[0]?.[0]).toBeGreaterThanOrEqual(whole.asks[0]?.[0] ?? 0)
    expect(sides(6).bids.length).toBe(30)
  })

  it('put one counter on books, quotes and refreshes: at equal numbers the tops agree', () => {
    const simulator = huobiSimulator({ seed: 7 })
    const quotes = new Client('/ws', simulator)
    const books = new Client('/feed', simulator)
    quotes.send({ sub: 'market.btcusdt.bbo', id: 1 })
    books.send({ sub: 'market.btcusdt.mbp.refresh.5', id: 1 })
    const tops = new Map<string, string>()
    let compared = 0
    for (let turn = 0; turn < 400; turn++) {
      quotes.advance(10)
      books.now = quotes.now
      for (const text of quotes.texts())
        if (text.includes('"seqId"')) tops.set(raw(text, 'seqId'), `${raw(text, 'bid')} ${raw(text, 'ask')}`)
      for (const text of books.texts()) {
        const top = tops.get(raw(text, 'seqNum'))
        if (top === undefined) continue
        compared++
        expect(`${/"bids":\[\[([^,]+)/.exec(text)?.[1]} ${/"asks":\[\[([^,]+)/.exec(text)?.[1]}`).toBe(top)
      }
    }
    expect(compared).toBeGreaterThan(5)
  })

  it("roll candles over at the venue's own midnight", () => {
    const at = Date.UTC(2026, 10, 22, 18, 30)
    const periodStart = (interval: string, ms: number) => klinePeriods(interval)(ms * 1000) / 1000
    expect(periodStart('1m', at)).toBe(at)
    expect(periodStart('4h', at)).toBe(Date.UTC(2026, 10, 22, 16))
    expect(periodStart('1d', at)).toBe(Date.UTC(2026, 10, 22, 16))
    expect(new Date(periodStart('1w', at) + 8 * 3_600_000).getUTCDay()).toBe(1)
    expect(periodStart('1M', at)).toBe(Date.UTC(2026, 9, 31, 16))
    expect(periodStart('1y', at)).toBe(Date.UTC(2025, 11, 31, 16))
  })
})

describe('the simulated notifications', () => {
  const sub = (topic: string) => ({ op: 'sub', cid: 'c', topic })

  it('give the funding of all contracts in one frame first, then each on its own topic', () => {
    const client = new Client('/linear-swap-notification')
    client.send(sub('public.*.funding_rate'))
    const [ack, all] = client.frames()
    expect(ack).toEqual({ op: 'sub', cid: 'c', topic: 'public.*.funding_rate', ts: T / 1000, 'err-code': 0 })
    expect(all).toMatchObject({
      op: 'notify',
      topic: 'public.*.funding_rate',
      data: [{ contract_code: 'BTC-USDT' }, { contract_code: 'ETH-USDT' }],
    })
    client.advance(5_100)
    expect(client.frames()).toMatchObject([
      { topic: 'public.BTC-USDT.funding_rate', data: [{ settlement_time: expect.stringMatching(/00000$/) }] },
      { topic: 'public.ETH-USDT.funding_rate' },
    ])
  })

  it.each([
    ['public.NOPE-USDT.funding_rate', 2011],
    ['public.*.unheard', 2010],
    ['market.BTC-USDT.bbo', 2010],
    ['public.BTC-USDT.funding_rate.x', 2010],
  ])('refuse %s with %i', (topic, code) => {
    const client = new Client('/linear-swap-notification')
    client.send(sub(topic))
    expect(client.frames()).toMatchObject([{ 'err-code': code, 'err-msg': expect.any(String) }])
  })

  it('call a subscription repeated that a wider one covers, and an unsubscribe of nothing wrong', () => {
    const client = new Client('/linear-swap-notification')
    client.send(sub('public.*.liquidation_orders'))
    client.send(sub('public.BTC-USDT.liquidation_orders'))
    client.send({ op: 'unsub', cid: 'u', topic: 'public.BTC-USDT.liquidation_orders' })
    client.send({ op: 'unsub', cid: 'u', topic: 'public.*.liquidation_orders' })
    client.send({ op: 'auth', cid: 'u' })
    client.send('{')
    expect(client.frames()).toMatchObject([
      { 'err-code': 0 },
      { 'err-code': 2014 },
      { 'err-code': 2012 },
      { op: 'unsub', 'err-code': 0 },
      { op: 'auth', 'err-code': 2030 },
      { op: 'error' },
    ])
    client.connection.received(
      new TextEncoder().encode('{"op":"sub","topic":"public.*.contract_elements"}'),
      T,
    )
    expect(client.frames()).toMatchObject([{ 'err-code': 0 }])
  })

  it('name the coin of coin-margined futures, which have no funding', () => {
    const client = new Client('/notification')
    client.send(sub('public.BTC.liquidation_orders'))
    client.send(sub('public.*.funding_rate'))
    expect(client.frames()).toMatchObject([{ 'err-code': 0 }, { 'err-code': 2010 }])
    client.advance(3_100)
    expect(client.frames()).toMatchObject([
      {
        topic: 'public.BTC.liquidation_orders',
        data: [{ contract_code: 'BTC301227', volume: expect.any(Number) }],
      },
    ])
  })

  it('tell the contracts at once, every minute and when one is delisted', () => {
    const client = new Client('/linear-swap-notification')
    client.send(sub('public.*.contract_info'))
    const answer = (frames: object[]) => frames.filter((frame) => 'event' in frame)
    expect(answer(client.frames())).toMatchObject([
      {
        event: 'init',
        data: [{ contract_code: 'BTC-USDT' }, {}, { business_type: 'futures' }, { contract_status: 3 }],
      },
    ])
    const frames: object[] = []
    for (let second = 0; second < 61; second++) {
      client.advance(1_000)
      for (const text of client.texts()) {
        if (text.includes('"ping"')) client.send(`{"op":"pong","ts":${raw(text, 'ts')}}`)
        else frames.push(JSON.parse(text) as object)
      }
    }
    expect(answer(frames)).toMatchObject([{ event: 'snapshot' }])
    for (let gone = 0; gone < 2; gone++)
      expect(client.simulator.fault('instrument-delisted', client.now)).toBe(true)
    expect(answer(client.frames()).at(-1)).toMatchObject({
      event: 'update',
      data: [{}, {}, { contract_code: 'BTC-USDT-301227', contract_status: 0 }, {}],
    })
    for (let gone = 0; gone < 6; gone++) client.simulator.fault('instrument-delisted', client.now)
    expect(client.simulator.fault('instrument-delisted', client.now)).toBe(false)
  })

  it('tell maintenance on the centre, and refuse elsewhere until it is over', () => {
    const simulator = huobiSimulator({ seed: 7 })
    const centre = new Client('/center-notification', simulator)
    centre.send(sub('public.linear-swap.heartbeat'))
    centre.send(sub('public.*.funding_rate'))
    expect(centre.frames()).toMatchObject([
      { 'err-code': 0 },
      { event: 'init', data: { heartbeat: 1 } },
      { 'err-code': 2010 },
    ])
    const linear = new Client('/linear-swap-notification', simulator)
    const watching = new Client('/center-notification', simulator)
    watching.send(sub('public.futures.heartbeat'))
    watching.texts()
    expect(simulator.fault('maintenance', T)).toBe(true)
    watching.advance(10)
    expect(watching.frames()).toMatchObject([
      { event: 'update', data: { heartbeat: 0, estimated_recovery_time: T / 1000 + 10_000 } },
    ])
    const late = new Client('/linear-swap-notification', simulator)
    late.send(sub('public.*.funding_rate'))
    expect(late.frames()).toMatchObject([{ 'err-code': 1006 }])
    watching.advance(10_100)
    expect(watching.frames().filter((frame) => 'event' in frame)).toMatchObject([
      { event: 'update', data: { heartbeat: 1 } },
    ])
    expect(linear.closes).toEqual([[1000, 'Bye']])
    const again = new Client('/center-notification', simulator, T + 11_000_000)
    again.send(sub('public.spot.heartbeat'))
    again.advance(100)
    expect(again.frames()).toMatchObject([{ 'err-code': 0 }, { data: { heartbeat: 1 } }])
  })
})

describe('the simulated REST', () => {
  const simulator = huobiSimulator({ seed: 7 })
  const get = (path: string) => simulator.http({ method: 'GET', path, headers: {}, body: '' }, T)
  const body = (path: string) => JSON.parse(get(path).body) as object

  it.each([
    [
      '/v1/common/symbols',
      {
        status: 'ok',
        data: [{ symbol: 'btcusdt', state: 'online' }, {}, {}, { symbol: 'tonusdt', state: 'suspend' }],
      },
    ],
    ['/v2/settings/common/symbols', { data: [{ sc: 'btcusdt', te: true }, {}, {}, { te: false }] }],
    ['/v1/settings/common/market-symbols', { data: [{ symbol: 'btcusdt', pp: 2, ap: 6 }, {}, {}, {}] }],
    ['/v2/reference/currencies', { code: 200, data: expect.arrayContaining([expect.anything()]) }],
    ['/v2/market-status', { code: 200, data: { marketStatus: 1 } }],
    ['/v1/common/timestamp', { data: T / 1000 }],
    ['/api/v1/timestamp', { ts: T / 1000 }],
    ['/heartbeat/', { data: { heartbeat: 1 } }],
    [
      '/market/depth?symbol=btcusdt&type=step0&depth=5',
      { ch: 'market.btcusdt.depth.step0', tick: { bids: expect.any(Array) } },
    ],
    ['/market/depth?symbol=nope', { status: 'error' }],
    ['/market/tickers', { data: [{ symbol: 'btcusdt', bid: expect.any(Number) }, {}, {}] }],
    [
      '/api/v1/contract_contract_info',
      { data: [{ contract_code: 'BTC301227', delivery_time: '1924588800000', delivery_date: '20301227' }] },
    ],
    ['/swap-api/v1/swap_contract_info', { data: [{ contract_code: 'BTC-USD', contract_size: 100 }, {}] }],
    [
      '/linear-swap-api/v1/swap_contract_info',
      { data: [{ contract_code: 'BTC-USDT', price_tick: 0.1 }, {}, {}, { contract_status: 3 }] },
    ],
    ['/api/v1/contract_open_interest', { data: [{ contract_code: 'BTC301227' }] }],
    [
      '/swap-api/v1/swap_open_interest?contract_code=ETH-USD',
      { data: [{ contract_code: 'ETH-USD', volume: expect.any(Number) }] },
    ],
    ['/linear-swap-api/v1/swap_open_interest', { data: [{}, {}, { contract_code: 'BTC-USDT-301227' }] }],
    ['/swap-api/v1/swap_batch_funding_rate', { data: [{ contract_code: 'BTC-USD' }, {}] }],
    [
      '/linear-swap-api/v1/swap_batch_funding_rate',
      { data: [{ contract_code: 'BTC-USDT' }, { contract_code: 'ETH-USDT' }] },
    ],
    ['/linear-swap-api/v1/swap_index', { data: [{ contract_code: 'BTC-USDT' }, {}] }],
    [
      '/index/market/history/linear_swap_mark_price_kline?contract_code=BTC-USDT&period=1min&size=1',
      { ch: 'market.BTC-USDT.mark_price.1min' },
    ],
    ['/index/market/history/linear_swap_mark_price_kline', { status: 'error', err_code: 1332 }],
    [
      '/linear-swap-ex/market/depth?contract_code=BTC-USDT&type=step0',
      { ch: 'market.BTC-USDT.depth.step0', tick: { bids: expect.any(Array), asks: expect.any(Array) } },
    ],
    ['/swap-ex/market/depth?contract_code=BTC-USD&type=step0', { ch: 'market.BTC-USD.depth.step0' }],
    ['/swap-ex/market/depth?contract_code=BTC-USDT&type=step0', { status: 'error', err_code: 1332 }],
  ])('%s', (path, expected) => {
    expect(body(path)).toMatchObject(expected)
  })

  it('knows no other path', () => {
    expect(get('/nope').status).toBe(404)
  })
})

describe('the same seed', () => {
  it('gives the same market to the last digit, another seed another', () => {
    const [one, two, three] = [1, 1, 2].map((seed) => {
      const client = new Client('/feed', huobiSimulator({ seed }))
      return client.watch('market.btcusdt.mbp.150', 1_000).join()
    })
    expect(one).toBe(two)
    expect(one).not.toBe(three)
  })
})
