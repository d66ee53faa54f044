import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bitfinex } from '../../../connectors/bitfinex/index.js'
import { bitmex } from '../../../connectors/bitmex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { bitfinexSimulator, bitmexSimulator } from '../../../simulators/index.js'
import type { Connector } from '../../../src/connector.js'
import { UsageError, VenueError } from '../../../src/errors.js'
import { listInstruments } from '../../../src/feed/catalogue.js'
import { type Feed, openFeed } from '../../../src/feed/feed.js'
import { playRecording } from '../../../src/framelog/log-player.js'
import { type SimulatorServer, serveSimulator } from '../../../src/simulator/index.js'

let server: SimulatorServer
let other: SimulatorServer
let feed: Feed | null = null

beforeEach(async () => {
  server = await serveSimulator(bitfinexSimulator({ stepsPerSecond: 50 }))
  other = await serveSimulator(bitmexSimulator({ stepsPerSecond: 50 }))
})

afterEach(async () => {
  await feed?.close()
  feed = null
  await server.close()
  await other.close()
})

function faulty(change: (connector: Connector) => Partial<Connector>, symbol = 'BTC/USD'): Connector {
  const connector = bitfinex({ url: server.url, symbols: [symbol], channels: ['trade'] })
  return { ...connector, ...change(connector) }
}

function sound(): Connector {
  return bitmex({ url: other.url, symbols: ['XBTUSD'], channels: ['trade'] })
}

function bug(): never {
  throw new TypeError('undefined is no function')
}

/** Reads until `done` says so. */
async function readUntil(read: Feed, done: (event: MarketEvent) => boolean): Promise<MarketEvent[]> {
  const events: MarketEvent[] = []
  for await (const event of read) {
    events.push(event)
    if (done(event)) return events
  }
  return events
}

describe('a venue whose code throws', () => {
  it('in session(): its connection gives up once, said aloud, and another venue goes on', async () => {
    feed = openFeed([faulty(() => ({ session: bug })), sound()])
    const seen = { closed: false, trade: false }
    const events = await readUntil(feed, (event) => {
      if (event.venue === 'bitfinex' && event.type === 'connection' && event.state === 'closed')
        seen.closed = true
      if (event.venue === 'bitmex' && event.type === 'trade') seen.trade = true
      return seen.closed && seen.trade
    })
    const closed = events.filter(
      (event) => event.venue === 'bitfinex' && event.type === 'connection' && event.state === 'closed',
    )
    expect(closed).toMatchObject([
      { reason: expect.stringContaining('threw in session (TypeError: undefined') },
    ])
  })

  it('in session(), alone: the feed fails with venue_defect', async () => {
    feed = openFeed([faulty(() => ({ session: bug }))])
    const error = await readUntil(feed, () => false).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({
      code: 'venue_defect',
      cause: { code: 'venue_defect', context: { venue: 'bitfinex' } },
    })
  })

  it.each(['opened', 'subscribe', 'frame'] as const)(
    'in %s: a malformed event says so, and the connection starts anew',
    async (method) => {
      let broken = true
      feed = openFeed(
        [
          faulty((connector) => ({
            session(init, sink) {
              const session = connector.session(init, sink)
              const whole = session[method] as (...given: unknown[]) => void
              return {
                ...session,
                [method](...given: unknown[]) {
                  if (broken) {
                    broken = false
                    bug()
                  }
                  whole(...given)
                },
              }
            },
          })),
        ],
        { backoffBaseMs: 5 },
      )
      const events = await readUntil(feed, ({ type }) => type === 'trade')
      expect(events.filter(({ type }) => type === 'malformed')).toMatchObject([{ reason: 'venue_defect' }])
    },
  )

  it('in catalogue.read: the list has not come, and what follows by rule is subscribed', async () => {
    feed = openFeed([faulty(({ catalogue }) => ({ catalogue: { requests: catalogue.requests, read: bug } }))])
    const events = await readUntil(feed, ({ type }) => type === 'trade')
    const said = events.filter((event) => event.type === 'connection' && event.connection === 'catalogue')
    expect(said).toMatchObject([{ reason: expect.stringContaining('threw in catalogue.read') }])
  })

  it.each(['guess', 'route'] as const)('in %s: the feed fails with venue_defect', async (name) => {
    const symbol = name === 'guess' ? 'NO/SUCH' : 'BTC/USD'
    feed = openFeed([faulty(() => ({ [name]: bug }), symbol)])
    await expect(readUntil(feed, () => false)).rejects.toMatchObject({
      code: 'venue_defect',
      context: { venue: 'bitfinex', function: name },
    })
  })

  it('in catalogue.requests: openFeed and listInstruments say so', async () => {
    const connector = faulty(({ catalogue }) => ({ catalogue: { requests: bug, read: catalogue.read } }))
    expect(() => openFeed([connector])).toThrow(VenueError)
    await expect(listInstruments(connector)).rejects.toMatchObject({ code: 'venue_defect' })
  })

  it('in a recording: playRecording fails with venue_defect', async () => {
    const record = {
      dir: 'open',
      conn: 0,
      url: 'wss://api-pub.bitfinex.com/ws/2',
      t: 1,
      venue: 'bitfinex',
    } as const
    const playing = playRecording([[record]], {
      connectors: [faulty(() => ({ session: bug }))],
      onEvent: () => {},
    })
    await expect(playing).rejects.toMatchObject({ code: 'venue_defect', context: { function: 'session' } })
  })

  it('or returns what it must not: venue_defect says what it must', async () => {
    feed = openFeed([faulty(() => ({ route: (() => undefined) as never }))])
    await expect(readUntil(feed, () => false)).rejects.toThrow('route must return one of its endpoints')
  })
})

describe('a declaration', () => {
  it.each([
    'aliases',
    'title',
    'status',
    'markets',
    'channels',
    'limits',
    'liveness',
    'endpoints',
    'recognises',
    'catalogue',
    'symbols',
    'requested',
    'guess',
    'route',
    'session',
  ] as const)('without %s is refused with a sentence that names it', (field) => {
    const { [field]: _, ...rest } = faulty(() => ({}))
    expect(() => openFeed([rest as Connector])).toThrow(
      expect.objectContaining({
        code: 'bad_option',
        context: { venue: 'bitfinex', field },
        message: expect.stringContaining(`bitfinex: the field ${field} of the connector must be`),
      }),
    )
  })

  it('with a wrong limit is refused with a sentence that names it', () => {
    const connector = faulty(({ limits }) => ({ limits: { ...limits, subscribeBatch: 0 } }))
    expect(() => openFeed([connector])).toThrow(
      'bitfinex: the field limits.subscribeBatch of the connector must be above 0 (got 0)',
    )
  })
})
