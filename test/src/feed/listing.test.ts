import { afterEach, describe, expect, test } from 'vitest'
import { huobi } from '../../../connectors/huobi/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { huobiSimulator } from '../../../simulators/index.js'
import type { Connector } from '../../../src/connector.js'
import { type Feed, type FeedOptions, openFeed } from '../../../src/feed/feed.js'
import { type FaultPlan, SeededRandom, virtualPlatform, withFaults } from '../../../src/simulator/index.js'

/** The path of the list of spot markets. */
const LIST = '/v2/settings/common/symbols|/v1/common/symbols|/v1/settings'

interface Played {
  readonly platform: ReturnType<typeof virtualPlatform>
  readonly feed: Feed
  readonly events: MarketEvent[]
}

let played: Played | null = null

/** A feed of one spot market of the simulated venue, whose lists of instruments meet these faults. */
function play(
  faults: FaultPlan['faults'],
  change: (connector: Connector) => Connector = (connector) => connector,
  options: FeedOptions = {},
): Played {
  const platform = virtualPlatform({ seed: 3 })
  const simulator = huobiSimulator({ seed: 3, stepsPerSecond: 5 })
  platform.serve(withFaults(simulator, { faults }, new SeededRandom(3)), {
    hosts: ['venue.test'],
    stepMs: 100,
  })
  const connector = huobi({ url: 'ws://venue.test', symbols: ['BTC/USDT'], channels: ['trade', 'book'] })
  const feed = openFeed([change(connector)], { platform, ...options })
  const events: MarketEvent[] = []
  feed.on('event', (event) => void events.push(event))
  played = { platform, feed, events }
  return played
}

afterEach(async () => {
  if (played === null) return
  const { feed, platform } = played
  played = null
  const closing = feed.close()
  await platform.advance(3_000)
  await closing
  expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
})

function secondsUntil({ events }: Played, type: MarketEvent['type'], begun: number): number {
  const first = events.find((event) => event.type === type)
  return first?.receiveTime == null ? Number.POSITIVE_INFINITY : (first.receiveTime - begun) / 1_000_000
}

function said({ events }: Played): (string | null)[] {
  return events.flatMap((event) =>
    event.type === 'connection' && event.connection === 'catalogue'
      ? [`${event.state}: ${event.reason}`]
      : [],
  )
}

const ruleless = (connector: Connector): Connector => ({ ...connector, guess: () => null })

describe('a list of instruments that does not come', () => {
  test.each<[string, FaultPlan['faults'][number]]>([
    ['is refused with 429', { fault: 'http-status', status: 429, path: LIST }],
    [
      'is refused with 429 for an hour',
      { fault: 'http-status', status: 429, retryAfterSeconds: 3600, path: LIST },
    ],
    ['is refused with 403', { fault: 'http-status', status: 403, path: LIST }],
    ['fails with 500', { fault: 'http-status', status: 500, path: LIST }],
    ['hangs', { fault: 'http-stall', path: LIST }],
    ['is slow', { fault: 'http-slow', delayMs: 12_000, path: LIST }],
    ['is cut', { fault: 'http-reset', path: LIST }],
    ['is a page of something else', { fault: 'http-garbage', path: LIST }],
  ])(
    '%s: a symbol that follows by rule is subscribed within seconds, and it is said once',
    async (_, fault) => {
      const run = play([fault])
      const begun = run.platform.now
      await run.platform.advance(10_000)
      expect(secondsUntil(run, 'book_snapshot', begun)).toBeLessThan(6)
      expect(said(run)).toHaveLength(1)
      expect(said(run)[0]).toMatch(
        /^refused: the list of instruments has not come \(.+\); it is asked for again$/,
      )
      expect(run.feed.book('huobi', 'BTC/USDT')?.state).toBe('live')
    },
  )

  test('comes later, and an instrument event says what the list knows', async () => {
    const run = play([{ fault: 'http-status', status: 429, path: LIST, untilMs: 20_000 }])
    await run.platform.advance(15_000)
    const instruments = () => run.events.flatMap((event) => (event.type === 'instrument' ? [event] : []))
    expect(instruments()).toHaveLength(1)
    expect(instruments()[0]).toMatchObject({ symbol: 'BTC/USDT', tickSize: null })
    await run.platform.advance(120_000)
    expect(instruments()).toHaveLength(2)
    expect(instruments()[1]).toMatchObject({
      symbol: 'BTC/USDT',
      status: 'open',
      tickSize: expect.any(String),
    })
    expect(run.feed.instrument('huobi', 'BTC/USDT')?.tickSize).toEqual(expect.any(String))
    expect(said(run).at(-1)).toBe('ready: the list of instruments has come')
    expect(run.events.filter(({ type }) => type === 'gap')).toEqual([])
  })

  test('is asked for more and more seldom', async () => {
    let asked = 0
    const run = play([{ fault: 'http-status', status: 403, path: LIST }], undefined, {
      tap: {
        open() {},
        closed() {},
        received() {},
        sent() {},
        rest({ status }) {
          if (status === 403) asked++
        },
      },
    })
    await run.platform.advance(1_200_000)
    expect(asked).toBeGreaterThan(2)
    expect(asked).toBeLessThan(8)
    expect(said(run)).toHaveLength(1)
  })

  test('makes a symbol wait that does not follow by rule, and says so', async () => {
    const run = play([{ fault: 'http-status', status: 503, path: LIST, untilMs: 20_000 }], ruleless)
    await run.platform.advance(15_000)
    expect(run.events.filter(({ type }) => type !== 'connection')).toEqual([])
    expect(said(run)).toHaveLength(1)
    expect(said(run)[0]).toMatch(/HTTP 503\), for which BTC\/USDT must wait; it is asked for again$/)
    await run.platform.advance(60_000)
    expect(run.feed.book('huobi', 'BTC/USDT')?.state).toBe('live')
    expect(said(run).at(-1)).toBe('ready: the list of instruments has come')
  })

  test('lets those begin that follow by rule while others wait, and is then the judge of these', async () => {
    const partly = (connector: Connector): Connector => ({
      ...connector,
      symbols: ['BTC/USDT', 'nonsense'],
      guess: (symbol) => (symbol === 'nonsense' ? null : connector.guess(symbol)),
    })
    const run = play([{ fault: 'http-status', status: 503, path: LIST, untilMs: 20_000 }], partly)
    await run.platform.advance(15_000)
    expect(run.feed.book('huobi', 'BTC/USDT')?.state).toBe('live')
    expect(said(run)[0]).toMatch(/for which nonsense must wait/)
    const failed = expect(run.feed.done).rejects.toMatchObject({ code: 'unknown_symbol' })
    await run.platform.advance(60_000)
    await failed
  })

  test('ends the feed at once where it is refused and nothing can begin without it', async () => {
    const run = play([{ fault: 'http-status', status: 403, path: LIST }], ruleless)
    const failed = expect(run.feed.done).rejects.toMatchObject({
      code: 'no_catalogue',
      message: expect.stringMatching(/HTTP 403\), and BTC\/USDT does not follow by rule without it$/),
    })
    await run.platform.advance(5_000)
    await failed
  })

  test('ends the feed after as many attempts as were allowed where nothing can begin without it', async () => {
    const run = play([{ fault: 'http-reset', path: LIST }], ruleless, { maxAttempts: 4 })
    const failed = expect(run.feed.done).rejects.toMatchObject({ code: 'no_catalogue' })
    await run.platform.advance(60_000)
    await failed
  })

  test('lets a further symbol wait too, until it is given up', async () => {
    const partly = (connector: Connector): Connector => ({
      ...connector,
      guess: (symbol) => (symbol === 'ethusdt' ? null : connector.guess(symbol)),
    })
    const run = play([{ fault: 'http-status', status: 503, path: LIST, untilMs: 60_000 }], partly)
    await run.platform.advance(10_000)
    run.feed.subscribe('huobi', ['ethusdt'], ['trade', 'book'])
    run.feed.unsubscribe('huobi', ['ethusdt'], ['book'])
    await run.platform.advance(10_000)
    expect(said(run).at(-1)).toMatch(/for which ethusdt must wait/)
    await run.platform.advance(300_000)
    expect(run.feed.book('huobi', 'ethusdt')).toBeNull()
    expect(run.events.some((event) => event.type === 'trade' && event.instrument === 'ethusdt')).toBe(true)
  })

  test('corrects streams whose unit was assumed wrongly', async () => {
    const wrong = (connector: Connector): Connector => ({
      ...connector,
      guess(symbol) {
        const guessed = connector.guess(symbol)
        return guessed === null ? null : { ...guessed, amountUnit: 'contract' as const }
      },
    })
    const run = play([{ fault: 'http-status', status: 503, path: LIST, untilMs: 20_000 }], wrong)
    await run.platform.advance(15_000)
    const units = () => run.events.flatMap((event) => (event.type === 'trade' ? [event.amountUnit] : []))
    expect(new Set(units())).toEqual(new Set(['contract']))
    await run.platform.advance(60_000)
    expect(units().at(-1)).toBe('base')
    expect(run.feed.book('huobi', 'BTC/USDT')?.state).toBe('live')
  })
})

test('a list that comes in time leaves nothing to say', async () => {
  const run = play([])
  await run.platform.advance(10_000)
  expect(said(run)).toEqual([])
  expect(run.events.filter(({ type }) => type === 'instrument')).toHaveLength(1)
})
