import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bittrex } from '../../../connectors/bittrex/index.js'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { bittrexSimulator, simulateBlockchain } from '../../../simulators/index.js'
import type { Connector } from '../../../src/connector.js'
import { type Feed, openFeed } from '../../../src/feed/feed.js'
import type { LineOptions } from '../../../src/feed/lines.js'
import { type SimulatorServer, serveSimulator, type VenueSimulator } from '../../../src/simulator/index.js'
import { certificateFor } from '../socket/certificate.js'
import { closeServers, connectProxy, door, eventually, holdingNoMore, socksProxy } from '../socket/servers.js'
import { oracle } from './oracle.js'

const PASSWORD = 'hunter2'
const certificate = certificateFor(['venue.test'], ['127.0.0.1'])
let nothingLeft: () => Promise<void>
let server: SimulatorServer
let feed: Feed | null = null
const events: MarketEvent[] = []

beforeEach(() => {
  nothingLeft = holdingNoMore()
  events.length = 0
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await feed?.close()
  await server.close()
  await closeServers()
  await nothingLeft()
})

async function serve(simulator: VenueSimulator = simulateBlockchain({ stepsPerSecond: 50 })): Promise<void> {
  server = await serveSimulator(simulator)
}

/** A feed that leaves by these lines. The venue is where `url` says. */
function open(lines: readonly LineOptions[], url = server.url, make = blockchainAt): Feed {
  feed = openFeed([make(url)], { lines, backoffBaseMs: 50, backoffCapMs: 200 })
  feed.on('event', (event) => void events.push(event))
  return feed
}

function blockchainAt(url: string): Connector {
  return blockchain({ url, symbols: ['BTC/USD'], headers: { 'x-user': 'ann' } })
}

async function live(): Promise<void> {
  await eventually(() => expect(feed?.book('blockchain', 'BTC/USD')?.state).toBe('live'))
  await eventually(() => expect(events.filter(({ type }) => type === 'trade').length).toBeGreaterThan(5))
}

/** Both connections are there. */
async function bothReady(): Promise<void> {
  await eventually(() => {
    const ready = events.filter((event) => event.type === 'connection' && event.state === 'ready')
    expect(ready).toHaveLength(2)
  })
  await live()
}

/** The market stands still; the book is the true one, and every trade since the first was told once. */
async function expectWhole(): Promise<void> {
  const market = server.simulator.markets.get('BTC-USD')
  if (market === undefined) throw new Error('no market')
  market.frozen = true
  const trades = () => events.filter((event) => event.type === 'trade').map(({ id }) => Number(id))
  // The last trade and the last change of the book come in frames of their own.
  await eventually(() => {
    expect(feed?.book('blockchain', 'BTC/USD')?.top(40)).toEqual(market.book.top(40))
    expect(trades().at(-1)).toBe(market.trades.at(-1)?.number)
  })
  const first = trades()[0] ?? 0
  expect(trades()).toEqual(trades().map((_, index) => first + index))
  expect(events.filter(({ type }) => type === 'gap')).toEqual([])
  oracle(events)
}

/** Neither as it stands nor as a header carries it. */
function expectNoPassword(...shown: readonly unknown[]): void {
  const text = shown.map((value) => inspect(value, { depth: 12, maxArrayLength: null })).join('\n')
  expect(text).not.toContain(PASSWORD)
  expect(text).not.toContain(Buffer.from(`ann:${PASSWORD}`).toString('base64'))
}

describe('two lines of one feed', () => {
  test('leave by two proxies, and where one of them dies nothing is lost and no password is shown', async () => {
    await serve()
    const published: unknown[] = []
    const listen = (message: unknown) => void published.push(message)
    const channels = ['connection', 'gap', 'loss', 'swallowed-gap', 'malformed'].map(
      (name) => `tapewire:${name}`,
    )
    for (const channel of channels) subscribe(channel, listen)
    const connect = await connectProxy({ user: 'ann', password: PASSWORD })
    const socks = await socksProxy({ user: 'ann', password: PASSWORD })
    const running = open([
      { proxy: `http://ann:${PASSWORD}@127.0.0.1:${connect.port}` },
      { proxy: `socks5h://ann:${PASSWORD}@127.0.0.1:${socks.port}` },
    ])
    await bothReady()
    expect(server.clients).toBe(2)
    connect.die()
    await eventually(() => {
      const failed = events.filter((event) => event.type === 'connection' && event.state === 'reconnecting')
      expect(failed.length).toBeGreaterThan(3)
    })
    const told = events.length
    await eventually(() => expect(events.length).toBeGreaterThan(told + 50))
    expect(server.clients).toBe(1)
    await expectWhole()
    const [metrics] = running.metrics().venues
    expect(metrics?.gaps.opened).toEqual({})
    expect(Object.keys(metrics?.gaps.swallowed ?? {})).not.toEqual([])
    expect(JSON.stringify(published)).toContain(`http://127.0.0.1:${connect.port}`)
    expectNoPassword(events, running.metrics(), published)
    for (const channel of channels) unsubscribe(channel, listen)
    socks.die()
    await eventually(() => expect(events.some(({ type }) => type === 'gap')).toBe(true))
    expectNoPassword(events, running.metrics())
  })

  test('reach the venue under two URLs', async () => {
    await serve()
    const second = await door(server.port)
    open([{}, { urls: { blockchain: `ws://127.0.0.1:${second.port}` } }])
    await bothReady()
    expect(second.clients).toHaveLength(1)
    expect(server.clients).toBe(2)
    await expectWhole()
  })

  test('bind to two addresses, and tell the venue two things of themselves', async () => {
    await serve()
    const entry = await door(server.port)
    open([{}, { localAddress: '127.0.0.2', headers: { 'x-line': 'second' } }], `ws://127.0.0.1:${entry.port}`)
    await bothReady()
    expect(new Set(entry.clients)).toEqual(new Set(['127.0.0.1', '127.0.0.2']))
    const upgrades = entry.heads.filter((head) => /upgrade: websocket/i.test(head))
    expect(upgrades.map((head) => /x-user: ann/.test(head))).toEqual([true, true])
    expect(upgrades.filter((head) => /x-line: second/.test(head))).toHaveLength(1)
    await expectWhole()
  })

  test('trust an authority each, over TLS', async () => {
    await serve()
    const encrypted = await door(server.port, certificate)
    const tls = { ca: certificate.cert }
    open([{ tls }, {}], `wss://127.0.0.1:${encrypted.port}`)
    await live()
    await eventually(() => {
      const reasons = events.flatMap((event) => (event.type === 'connection' ? [event.reason ?? ''] : []))
      expect(reasons.join()).toMatch(/certificate/i)
    })
    expect(events.filter((event) => event.type === 'connection' && event.state === 'ready')).toHaveLength(1)
    await expectWhole()
  })

  test('leave by the proxy of the environment, where one says nothing else', async () => {
    await serve()
    for (const name of ['HTTP_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY']) vi.stubEnv(name, '')
    const named = await connectProxy({
      user: 'ann',
      password: PASSWORD,
      names: { 'venue.test': '127.0.0.1' },
    })
    const own = await socksProxy({ names: { 'venue.test': '127.0.0.1' } })
    vi.stubEnv('http_proxy', `http://ann:${PASSWORD}@127.0.0.1:${named.port}`)
    const running = open([{}, { proxy: `socks5h://127.0.0.1:${own.port}` }], `ws://venue.test:${server.port}`)
    await bothReady()
    expect(new Set(named.asked)).toEqual(new Set([`venue.test:${server.port}`]))
    expect(new Set(own.asked)).toEqual(new Set([`venue.test:${server.port}`]))
    await expectWhole()
    expectNoPassword(events, running.metrics())
  })
})

describe('what belongs to no line', () => {
  test('is asked by the lines’ ways, and by the second where the first leads nowhere', async () => {
    await serve(bittrexSimulator())
    const dead = await connectProxy({ names: { 'venue.test': '127.0.0.1' } })
    dead.die()
    const proxy = await connectProxy({ names: { 'venue.test': '127.0.0.1' } })
    const lines = [dead, proxy].map(({ port }) => ({ proxy: `http://127.0.0.1:${port}` }))
    open(lines, `ws://venue.test:${server.port}`, (url) => bittrex({ url, symbols: ['BTC/USD'] }))
    await eventually(() => expect(feed?.instrument('bittrex', 'BTC/USD')?.tickSize).toBe('0.001'))
    expect(new Set(proxy.asked)).toEqual(new Set([`venue.test:${server.port}`]))
  })
})
