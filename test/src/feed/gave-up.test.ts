import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bitfinex } from '../../../connectors/bitfinex/index.js'
import { bitmex } from '../../../connectors/bitmex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { bitfinexSimulator } from '../../../simulators/index.js'
import type { Connector } from '../../../src/connector.js'
import { NetworkError, UsageError } from '../../../src/errors.js'
import { type Feed, type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import { serveSimulator } from '../../../src/simulator/index.js'
import { openSocket } from '../../../src/socket/index.js'
import { answering, closedPort, closeServers, eventually, holdingNoMore } from '../socket/servers.js'

let nothingLeft: () => Promise<void>
let feed: Feed | null = null

beforeEach(() => {
  nothingLeft = holdingNoMore()
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await feed?.close()
  feed = null
  await closeServers()
  await nothingLeft()
})

const quick: FeedOptions = { maxAttempts: 2, backoffBaseMs: 5, backoffCapMs: 10, connectTimeoutMs: 5_000 }

function bitfinexAt(port: number, symbol = 'tBTCUSD'): Connector {
  return bitfinex({ url: `ws://127.0.0.1:${port}/`, symbols: [symbol] })
}

/** What ends the iteration, and what came before. */
async function readToTheEnd(
  read: Feed,
): Promise<{ readonly events: MarketEvent[]; readonly error: unknown }> {
  const events: MarketEvent[] = []
  try {
    for await (const event of read) events.push(event)
  } catch (error) {
    return { events, error }
  }
  return { events, error: null }
}

describe('a feed whose connections have all given up', () => {
  it('fails with gave_up: `done` rejects, the iteration ends with it, and nothing is left', async () => {
    feed = openFeed([bitfinexAt(await closedPort())], quick)
    const { events, error } = await readToTheEnd(feed)
    expect(error).toBeInstanceOf(NetworkError)
    expect(error).toMatchObject({ code: 'gave_up', retryable: false, cause: { code: 'connect_failed' } })
    expect(String(error)).toContain('gave up after 2 attempts')
    await expect(feed.done).rejects.toBe(error)
    expect(events.filter((event) => event.type === 'connection').map(({ state }) => state)).toContain(
      'closed',
    )
  })

  it('fails for a listener who only awaits `done`', async () => {
    feed = openFeed([bitfinexAt(await closedPort())], quick)
    const said: string[] = []
    feed.on('connection', ({ state }) => said.push(state))
    await expect(feed.done).rejects.toMatchObject({ code: 'gave_up' })
    expect(said).toContain('closed')
  })

  it('fails where both of two lines have, and not before', async () => {
    const port = await closedPort()
    feed = openFeed([bitfinexAt(port)], { ...quick, redundancy: 2 })
    const closed: string[] = []
    feed.on('connection', (event) => {
      if (event.state === 'closed') closed.push(event.connection)
    })
    await expect(feed.done).rejects.toMatchObject({ code: 'gave_up' })
    expect(new Set(closed).size).toBe(2)
  })

  it('goes on while another venue does', async () => {
    const server = await serveSimulator(bitfinexSimulator({ stepsPerSecond: 50 }))
    feed = openFeed(
      [
        bitmex({ url: `ws://127.0.0.1:${await closedPort()}/`, symbols: ['XBTUSD'] }),
        bitfinex({ url: server.url, symbols: ['BTC/USD'] }),
      ],
      quick,
    )
    let closed = false
    let trades = 0
    feed.on('connection', ({ venue, state }) => {
      if (venue === 'bitmex' && state === 'closed') closed = true
    })
    feed.on('trade', () => {
      if (closed) trades++
    })
    await eventually(() => expect(trades).toBeGreaterThan(5))
    await feed.close()
    await expect(feed.done).resolves.toBeUndefined()
    await server.close()
  })

  it('fails at once for a list of instruments that waits in vain too', async () => {
    // The symbol follows by no rule: without the list nothing of it can begin.
    feed = openFeed([bitfinexAt(await closedPort(), 'no such thing'), bitmexAt(await closedPort())], quick)
    expect((await readToTheEnd(feed)).error).toMatchObject({
      code: expect.stringMatching(/gave_up|no_catalogue/),
    })
  })
})

function bitmexAt(port: number): Connector {
  return bitmex({ url: `ws://127.0.0.1:${port}/`, symbols: ['XBTUSD'] })
}

describe('a wait that a venue asks for', () => {
  it.each(['Fri, 01 Jan 2099 00:00:00 GMT', '99999999999999'])(
    'is capped, and said: Retry-After %s',
    async (after) => {
      const port = await answering(503, { 'retry-after': after })
      feed = openFeed([bitfinexAt(port)], { maxHoldMs: 20, backoffBaseMs: 5 })
      const reasons: string[] = []
      feed.on('connection', ({ state, attempt, reason }) => {
        if (state === 'reconnecting' && attempt > 2) reasons.push(reason ?? '')
      })
      await eventually(() => expect(reasons.length).toBeGreaterThan(2))
      expect(reasons[0]).toMatch(/asks to be left alone for [\d,∞]+ h, of which 0 s are waited/)
    },
  )

  it('is an hour at most by default', async () => {
    const port = await answering(503, { 'retry-after': 'Fri, 01 Jan 2099 00:00:00 GMT' })
    const waits: number[] = []
    const socket = openSocket(`ws://127.0.0.1:${port}/`, {
      on: { waiting: ({ delayMs }) => waits.push(delayMs) },
    })
    await eventually(() => expect(waits).toHaveLength(1))
    expect(waits[0]).toBeGreaterThanOrEqual(3_600_000)
    expect(waits[0]).toBeLessThan(3_600_000 + 1_000)
    await socket.close()
  })
})

describe('a proxy of the environment that is none', () => {
  it.each(['HTTPS_PROXY', 'ALL_PROXY'])('is refused at the door, by feed and socket alike: %s', (name) => {
    for (const proxy of ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']) vi.stubEnv(proxy, '')
    vi.stubEnv(name.toLowerCase(), 'ftp://ann:hunter2@proxy:1')
    for (const open of [
      () => openFeed([bitfinex({ symbols: ['tBTCUSD'] })]),
      () => openSocket('wss://venue.example/'),
    ]) {
      expect(open).toThrow(UsageError)
      expect(open).toThrow(
        expect.objectContaining({ code: 'bad_option', message: expect.stringContaining(name) }),
      )
      expect(open).not.toThrow(/hunter2/)
    }
  })

  it('harms nobody who does not need it', async () => {
    vi.stubEnv('https_proxy', 'ftp://proxy')
    const server = await serveSimulator(bitfinexSimulator())
    feed = openFeed([bitfinex({ url: server.url, symbols: ['BTC/USD'] })])
    await eventually(() => expect(feed?.book('bitfinex', 'BTC/USD')?.state).toBe('live'))
    await feed.close()
    await server.close()
  })
})

describe('a handler of openSocket', () => {
  it('that would never be called is refused at the door', () => {
    const open = (on: object) => () => openSocket('ws://127.0.0.1:1/', { on })
    expect(open({ mesage() {} })).toThrow(/there is no option on\.mesage; did you mean message\?/)
    expect(open({ message: 'log' })).toThrow(/option on\.message must be a function/)
    expect(open(() => {})).toThrow(/option on must be an object/)
  })
})
