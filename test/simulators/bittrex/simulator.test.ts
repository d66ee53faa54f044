import { describe, expect, it } from 'vitest'
import { type BittrexSimulatorOptions, bittrexSimulator } from '../../../simulators/index.js'
import {
  connectUrl,
  type HubFrame,
  type HubMessage,
  hubAddress,
  negotiateUrl,
  readFrame,
  readNegotiation,
  startUrl,
  unpack,
} from '../../../src/protocols/classic-signalr/grammar.js'
import type { SimulatedAnswer, SimulatedRequest } from '../../../src/simulator/venue-simulator.js'
import { nodeTools } from '../../../src/socket/tools.js'

const { inflateRaw } = nodeTools(10_000_000)
const ADDRESS = hubAddress('ws://sim', ['c3'])
const SECOND = 1_000_000

function request(url: string, method = 'GET'): SimulatedRequest {
  const { pathname, search } = new URL(url, 'http://sim')
  return { method, path: `${pathname}${search}`, headers: {}, body: '' }
}

/** A client that knows the protocol and nothing of our connector. */
function client(options: BittrexSimulatorOptions = {}, hub = 'c3') {
  const simulator = bittrexSimulator(options)
  let now = 1_700_000_000_000_000
  const frames: HubFrame[] = []
  const closes: number[] = []
  const address = hubAddress('ws://sim', [hub])
  const get = (url: string): SimulatedAnswer => simulator.http(request(url), now)
  const negotiated = () =>
    readNegotiation({ url: '', headers: {}, ...get(negotiateUrl(address)) }).connectionToken
  const open = (token: string, step = 'connect') => {
    const upgrade = request(connectUrl(address, token).replace('/connect?', `/${step}?`))
    expect(simulator.admit?.(upgrade, now)).toBeNull()
    const connection = simulator.connect(
      {
        request: upgrade,
        send: (data) => void frames.push(readFrame(typeof data === 'string' ? data : '')),
        ping: () => {},
        close: (code) => void closes.push(code),
      },
      now,
    )
    const send = (call: unknown) => connection.received(JSON.stringify(call), now)
    return { token, connection, send }
  }
  return {
    simulator,
    frames,
    closes,
    get,
    /** Connects as one does. @returns the token. */
    connect: () => open(negotiated()),
    reconnect: (token: string, step: string) => open(token, step),
    start: (token: string) => get(startUrl(ADDRESS, token)),
    pass(seconds: number) {
      const end = now + seconds * SECOND
      while (now < end) {
        now += SECOND / 100
        simulator.advance(now)
      }
    },
    messages: (): HubMessage[] => frames.flatMap((frame) => (frame.kind === 'push' ? frame.messages : [])),
    results: () => frames.filter((frame) => frame.kind === 'result'),
  }
}

const subscribe = (id: number | string, ...topics: string[]) => ({
  H: 'c3',
  M: 'Subscribe',
  A: [topics],
  I: id,
})

describe('the simulated venue', () => {
  it('answers an unknown hub with 500, a false token with 400, and forgets a token that is not used', () => {
    const run = client()
    expect(run.get(negotiateUrl(hubAddress('ws://sim', ['c9']))).status).toBe(500)
    expect(run.simulator.admit?.(request(connectUrl(ADDRESS, 'false')), 0)?.status).toBe(400)
    expect(run.start('false').status).toBe(400)
    const { connectionToken } = readNegotiation({ url: '', headers: {}, ...run.get(negotiateUrl(ADDRESS)) })
    run.pass(111)
    expect(run.simulator.admit?.(request(connectUrl(ADDRESS, connectionToken)), 1.8e15)?.status).toBe(400)
  })

  it('greets, is started, answers pings, and takes an abort', () => {
    const run = client()
    const { token } = run.connect()
    expect(run.frames).toMatchObject([{ kind: 'push', initialised: true, messages: [] }])
    expect(run.start(token)).toMatchObject({ status: 200, body: '{"Response":"started"}' })
    expect(run.get('/signalr/ping').body).toBe('{"Response":"pong"}')
    expect(run.get(`/signalr/abort?connectionToken=${encodeURIComponent(token)}`).status).toBe(200)
    expect(run.get('/elsewhere').status).toBe(404)
  })

  it('sends nothing before the start where it is strict, and closes who never starts', () => {
    const run = client({ strictStart: true })
    run.connect().send(subscribe(1, 'ticker_BTC-USD', 'heartbeat'))
    run.pass(9)
    expect(run.results()).toHaveLength(1)
    expect(run.messages()).toEqual([])
    run.pass(2)
    expect(run.closes).toEqual([1000])
  })

  it('sends at once and for good to who never starts, as the venue did', () => {
    const run = client()
    run.connect().send(subscribe(1, 'orderbook_BTC-USD_500'))
    run.pass(30)
    expect(run.messages().length).toBeGreaterThan(0)
    expect(run.closes).toEqual([])
  })

  it('goes on with the topics of a client that reconnects, and takes a second connect with one token', () => {
    const run = client()
    const { token, connection, send } = run.connect()
    send(subscribe(1, 'orderbook_BTC-USD_25'))
    run.pass(1)
    connection.closed(0)
    const before = run.messages().length
    expect(before).toBeGreaterThan(0)
    run.reconnect(token, 'reconnect')
    run.pass(1)
    expect(run.messages().length).toBeGreaterThan(before)
    expect(run.frames.filter((frame) => frame.kind === 'push' && frame.initialised)).toHaveLength(1)
    run.reconnect(token, 'connect')
    expect(run.frames.filter((frame) => frame.kind === 'push' && frame.initialised)).toHaveLength(2)
  })

  it('speaks the hub before v3 as well: deltas, the whole state on demand, names with the quote first', () => {
    const run = client({}, 'c2')
    const { send } = run.connect()
    const call = (method: string, id: string, ...args: string[]) =>
      send({ H: 'c2', M: method, A: args, I: id })
    call('SubscribeToExchangeDeltas', 'a', 'USD-BTC')
    call('SubscribeToSummaryDeltas', 'b')
    call('SubscribeToExchangeDeltas', 'c', 'BTC-USD')
    run.pass(3)
    call('QueryExchangeState', 'd', 'USD-BTC')
    run.pass(0.2)
    const results = new Map(run.results().map((frame) => [frame.id, frame.value]))
    expect([results.get('a'), results.get('b'), results.get('c')]).toEqual([true, true, false])
    const state = JSON.parse(unpack(String(results.get('d')), inflateRaw))
    expect(state).toMatchObject({ M: 'USD-BTC', Z: expect.any(Array), f: expect.any(Array) })
    expect(state.Z).toHaveLength(500)
    const deltas = run
      .messages()
      .filter(({ method }) => method === 'ue')
      .map(({ args }) => JSON.parse(unpack(String(args[0]), inflateRaw)))
    const nonces = deltas.map(({ N }) => N)
    expect(nonces.length).toBeGreaterThan(40)
    expect(nonces).toEqual(nonces.map((_, index) => nonces[0] + index))
    expect(nonces).toContain(state.N)
    expect(new Set(run.messages().map(({ method }) => method))).toEqual(new Set(['ue', 'us']))
  })

  it('sends a keepalive each ten seconds, and a heartbeat each five to who asked for it', () => {
    const run = client()
    const { token, send } = run.connect()
    run.start(token)
    send(subscribe(1, 'heartbeat'))
    run.pass(60.5)
    expect(run.frames.filter(({ kind }) => kind === 'keepalive')).toHaveLength(6)
    expect(run.messages()).toEqual(
      Array.from({ length: 12 }, () => ({ hub: 'c3', method: 'heartbeat', args: [] })),
    )
  })

  it('answers with ids as text, in an order of its own, a result a name, new groups each time', () => {
    const run = client()
    const { send } = run.connect()
    for (let id = 1; id <= 30; id++) send(subscribe(id, 'trade_BTC-USD', `trade_NO-SUCH${id}`))
    run.pass(1)
    const ids = run.results().map(({ id }) => id)
    expect(ids).not.toEqual(ids.toSorted((a, b) => Number(a) - Number(b)))
    expect(new Set(ids).size).toBe(30)
    expect(run.results()[0]?.value).toEqual([
      { Success: true, ErrorCode: null },
      { Success: false, ErrorCode: 'MARKET_DOES_NOT_EXIST' },
    ])
    const groups = run.frames.filter((frame) => frame.kind === 'push' && frame.groups !== null)
    expect(groups).toHaveLength(30)
  })

  it('refuses keys, unknown hubs and unknown methods as the venue does, and drops what it cannot read', () => {
    const run = client()
    const { connection, send } = run.connect()
    send({ H: 'C3', M: 'isAuthenticated', A: [], I: 'a' })
    send({ H: 'c3', M: 'Authenticate', A: ['key', 1, 'x', 'y'], I: 'b' })
    send({ H: 'c3', M: 'NoSuchMethod', A: [], I: 'c' })
    send({ H: 'c9', M: 'Subscribe', A: [], I: 'd' })
    send({ H: 'c3', M: 'Subscribe', A: ['heartbeat'], I: 'e' })
    send({ H: 'c3', M: 'Subscribe', A: [], I: 'f' })
    connection.received('nonsense', 0)
    connection.received(Uint8Array.of(1), 0)
    run.pass(1)
    const replies = run.frames.filter(({ kind }) => kind === 'result' || kind === 'failure')
    const byId = new Map(replies.map((frame) => ['id' in frame ? frame.id : '', frame]))
    expect(byId.get('a')).toMatchObject({ value: false })
    expect(byId.get('b')).toMatchObject({ value: { Success: false, ErrorCode: 'INVALID_APIKEY' } })
    expect(byId.get('c')).toMatchObject({ kind: 'failure' })
    expect(byId.get('c')).toMatchObject({ error: "'NoSuchMethod' method could not be resolved." })
    expect(byId.get('d')).toMatchObject({ kind: 'failure' })
    expect(byId.get('e')).toMatchObject({ error: "There was an error invoking Hub method 'c3.Subscribe'." })
    expect(byId.get('f')).toMatchObject({ error: "'Subscribe' method could not be resolved." })
    expect(byId.size).toBe(6)
  })

  it('stops a topic that was given up, and a connection that is gone', () => {
    const run = client()
    const { token, connection, send } = run.connect()
    run.start(token)
    send(subscribe(1, 'orderbook_BTC-USD_25'))
    run.pass(2)
    send({ H: 'c3', M: 'Unsubscribe', A: [['orderbook_BTC-USD_25']], I: 2 })
    run.pass(0.1)
    const before = run.messages().length
    run.pass(2)
    expect(run.messages()).toHaveLength(before)
    connection.closed(0)
    run.pass(20)
    expect(run.frames.filter(({ kind }) => kind === 'keepalive')).toEqual([])
  })

  it('packs its bodies as raw deflate, several messages a frame at times, numbers without a hole', () => {
    const run = client()
    const { token, send } = run.connect()
    run.start(token)
    send(subscribe(1, 'orderbook_BTC-USD_500', 'orderbook_BTC-USDT_500', 'orderbook_ETH-BTC_25'))
    run.pass(20)
    const numbers = new Map<string, number[]>()
    for (const { method, args } of run.messages()) {
      expect(method).toBe('orderbook')
      const body = JSON.parse(unpack(String(args[0]), inflateRaw))
      const seen = numbers.get(body.marketSymbol) ?? []
      seen.push(body.sequence)
      numbers.set(body.marketSymbol, seen)
      for (const { rate, quantity } of [...body.bidDeltas, ...body.askDeltas]) {
        expect(rate).toMatch(/^\d+\.\d{8}$/)
        expect(quantity).toMatch(/^(?:0|\d+\.\d{8})$/)
      }
    }
    expect([...numbers.keys()].sort()).toEqual(['BTC-USD', 'BTC-USDT', 'ETH-BTC'])
    for (const seen of numbers.values()) expect(seen).toEqual(seen.map((_, index) => (seen[0] ?? 0) + index))
    const together = run.frames.map((frame) => (frame.kind === 'push' ? frame.messages.length : 0))
    expect(Math.max(...together)).toBeGreaterThan(1)
    expect(Math.max(...together)).toBeLessThanOrEqual(4)
  })

  it('gives books over REST with their number, up to a second old and a few messages ahead of the socket', () => {
    const run = client({ stepsPerSecond: 100 })
    const { token, send } = run.connect()
    run.start(token)
    send(subscribe(1, 'orderbook_BTC-USD_25'))
    const url = '/v3/markets/BTC-USD/orderbook?depth=25'
    run.pass(1)
    const ahead: number[] = []
    let cached = 0
    for (let times = 0; times < 300; times++) {
      run.pass(0.01)
      const last = run.messages().at(-1)
      const { sequence } = JSON.parse(unpack(String(last?.args[0]), inflateRaw))
      const first = run.get(url)
      ahead.push(Number(first.headers?.['sequence']) - sequence)
      if (run.get(url) === first) cached++
    }
    expect(Math.max(...ahead)).toBeGreaterThan(0)
    expect(Math.max(...ahead)).toBeLessThanOrEqual(2)
    expect(Math.min(...ahead)).toBeLessThan(-10)
    expect(cached).toBe(300)
  })

  it('lists its markets, and what else REST has', () => {
    const run = client()
    run.pass(70)
    const json = (path: string) => JSON.parse(run.get(path).body)
    expect(json('/v3/markets').map(({ symbol }: { symbol: string }) => symbol)).toEqual([
      ...run.simulator.markets.keys(),
    ])
    expect(json('/v3/markets/1INCH-BTC')).toMatchObject({ baseCurrencySymbol: '1INCH', precision: 8 })
    expect(json('/v3/markets/BTC-USD/ticker').bidRate).toMatch(/^\d+\.\d{8}$/)
    expect(json('/v3/markets/BTC-USD/summary')).toMatchObject({ symbol: 'BTC-USD' })
    expect(json('/v3/markets/tickers')).toHaveLength(5)
    expect(json('/v3/currencies/BTC')).toMatchObject({ symbol: 'BTC', status: 'ONLINE' })
    expect(json('/v3/markets/summaries')).toHaveLength(5)
    expect(json('/v3/markets/BTC-USD/trades').length).toBeGreaterThan(50)
    expect(json('/v3/markets/BTC-USD/candles/MINUTE_1/recent')).toHaveLength(2)
    expect(json('/v3/markets/BTC-USD/candles/TRADE/HOUR_1/recent')).toHaveLength(1)
    expect(json('/v3/markets/BTC-USD/orderbook').bid).toHaveLength(25)
    for (const path of [
      '/v3/markets/NO-SUCH',
      '/v3/markets/BTC-USD/orderbook?depth=7',
      '/v3/markets/BTC-USD/candles/MINUTE_2/recent',
      '/v3/markets/BTC-USD/nothing',
    ]) {
      expect([path, run.get(path).status]).toEqual([path, 404])
    }
  })

  it('commits only the faults that it knows, and only to somebody', () => {
    const run = client()
    expect(run.simulator.fault('reconnect-notice', 0)).toBe(false)
    const { connection } = run.connect()
    for (const name of run.simulator.faults)
      expect([name, run.simulator.fault(name, 0)]).toEqual([name, true])
    expect(run.simulator.fault('checksum-wrong', 0)).toBe(false)
    connection.closed(0)
    expect(connection.fault?.('hub-dead', 0)).toBe(false)
  })

  it('is the same market for the same seed', () => {
    const [one, same, other] = [3, 3, 4].map((seed) => {
      const run = client({ seed })
      const { token, send } = run.connect()
      run.start(token)
      send(subscribe(1, 'orderbook_BTC-USD_25', 'trade_ETH-BTC', 'tickers', 'market_summaries'))
      run.pass(5)
      return JSON.stringify(run.frames)
    })
    expect(one).toBe(same)
    expect(one).not.toBe(other)
  })
})
