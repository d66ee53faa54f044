import { describe, expect, test } from 'vitest'
import { bitfinexVenue } from '../../connectors/bitfinex/index.js'
import { bitmexVenue } from '../../connectors/bitmex/index.js'
import { cexVenue } from '../../connectors/cex/index.js'
import type { GapEvent, TradeEvent } from '../../schemas/events.js'
import { simulate } from '../../simulators/index.js'
import type { Venue } from '../../src/connector.js'
import { openFeed } from '../../src/feed/feed.js'
import { type FaultPlan, SeededRandom, virtualPlatform, withFaults } from '../../src/simulator/index.js'
import { TrueMarket } from '../sim/true-market.js'

type Draft = FaultPlan['faults'][number]

/** When a virtual machine begins. */
const START = 1_704_067_200_000_000

interface Card {
  readonly name: string
  readonly venue: Venue
  readonly url: string
  readonly symbol: string
  readonly instrument: string
  /** Of the requests for trades; null where they go over the socket. */
  readonly path: string | null
}

const CARDS: readonly Card[] = [
  {
    name: 'Bitfinex',
    venue: bitfinexVenue,
    url: 'ws://venue.test',
    symbol: 'ETH/USD',
    instrument: 'tETHUSD',
    path: '/hist',
  },
  {
    name: 'BitMEX',
    venue: bitmexVenue,
    url: 'ws://venue.test',
    symbol: 'XBTUSD',
    instrument: 'XBTUSD',
    path: '/trade\\?',
  },
  {
    name: 'CEX.IO',
    venue: cexVenue,
    url: 'ws://venue.test',
    symbol: 'BTC/USD',
    instrument: 'BTC-USD',
    path: null,
  },
]

/** The connection is lost, and for so long nobody answers. */
const away = (atMs: number, durationMs: number): Draft[] => [
  { fault: 'unreachable', atMs, durationMs },
  { fault: 'reset', atMs },
]

/**
 * Plays a feed of one market's trades under a fault plan: what it said of its gaps, and which true trades it never told.
 * Bitfinex and CEX.IO send history on subscribing; their markets are fast enough for a hole to be longer than that.
 */
async function play(card: Card, faults: readonly Draft[], lengthMs: number) {
  const { venue, url, symbol, instrument } = card
  const platform = virtualPlatform({ seed: 5 })
  const simulator = simulate(venue.id, { seed: 5, stepsPerSecond: 20, url })
  const market = simulator.markets.get(instrument)
  if (market === undefined) throw new Error(`the simulator has no market ${instrument}`)
  for (const other of simulator.markets.values()) other.frozen = other !== market
  const truth = new TrueMarket(market)
  platform.serve(withFaults(simulator, { faults: [...faults] }, new SeededRandom(5)), {
    hosts: ['venue.test'],
  })
  const feed = openFeed([venue.connector({ url, symbols: [symbol], channels: ['trade'] })], {
    platform,
    backoffCapMs: 2_000,
  })
  const trades: TradeEvent[] = []
  const gaps: GapEvent[] = []
  /** In the order in which it was told. */
  const told: (TradeEvent | GapEvent)[] = []
  feed.on('trade', (event) => {
    trades.push(event)
    told.push(event)
    const found = truth.find(event, false)
    expect(found, `trade ${event.id} never happened`).not.toBeNull()
    if (found !== null) found.emitted = true
  })
  feed.on('gap', (event) => {
    gaps.push(event)
    told.push(event)
  })
  await platform.advance(lengthMs)
  market.frozen = true
  await platform.advance(5_000)
  const [metrics] = feed.metrics().venues
  const closing = feed.close()
  await platform.advance(5_000)
  await closing
  expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
  expect(new Set(trades.map(({ id }) => id)).size).toBe(trades.length)
  const first = truth.trades.find(({ emitted }) => emitted)?.number ?? 0
  const missing = truth.trades.filter(({ number, emitted }) => number > first && !emitted)
  return { trades, gaps, told, missing, backfills: metrics?.backfills }
}

/** Trades between the opening and the end of the first gap. */
function fetched(told: readonly (TradeEvent | GapEvent)[]): TradeEvent[] {
  const open = told.findIndex((event) => event.type === 'gap')
  const close = told.findIndex((event) => event.type === 'gap' && event.state === 'closed')
  return told.slice(open + 1, close).filter((event) => event.type === 'trade')
}

describe.each(CARDS)('trades that $name made while it was away', (card) => {
  test.each([
    ['20 seconds', 20_000],
    ['5 minutes', 300_000],
  ])('for %s are all told, each once, in order, before the gap ends', async (_, durationMs) => {
    const { gaps, told, missing, backfills } = await play(card, away(20_000, durationMs), 80_000 + durationMs)
    expect(gaps.map(({ state, healed }) => [state, healed])).toEqual([
      ['open', false],
      ['closed', true],
    ])
    expect(missing).toEqual([])
    const history = fetched(told)
    expect(history.length).toBeGreaterThan(durationMs / 200)
    expect(history.every(({ historical }) => historical)).toBe(true)
    const times = history.map(({ exchangeTime }) => exchangeTime ?? 0)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(backfills).toMatchObject({ asked: 1, healed: 1, unhealed: 0 })
    expect(backfills?.trades).toBeGreaterThan(0)
  })

  test('and are told after a second loss in the middle of that as well', async () => {
    const { gaps, missing } = await play(
      card,
      [...away(20_000, 60_000), ...away(82_500, 20_000), { fault: 'reset', atMs: 110_000 }],
      180_000,
    )
    expect(gaps.length).toBeGreaterThanOrEqual(2)
    expect(gaps.filter(({ state }) => state === 'closed').every(({ healed }) => healed)).toBe(true)
    expect(missing).toEqual([])
  })
})

test('what a slow reader drops of the fetched trades lies in a gap from when it happened', async () => {
  const platform = virtualPlatform({ seed: 5 })
  const simulator = simulate('bitmex', { seed: 5, stepsPerSecond: 20, url: 'ws://venue.test' })
  const market = simulator.markets.get('XBTUSD')
  if (market === undefined) throw new Error('the simulator has no market XBTUSD')
  const truth = new TrueMarket(market)
  platform.serve(withFaults(simulator, { faults: away(20_000, 60_000) }, new SeededRandom(5)), {
    hosts: ['venue.test'],
  })
  const feed = openFeed(
    [bitmexVenue.connector({ url: 'ws://venue.test', symbols: ['XBTUSD'], channels: ['trade'] })],
    { platform, backoffCapMs: 2_000, queue: { limit: 600, policy: 'drop-oldest' } },
  )
  const closed: GapEvent[] = []
  let rest = Promise.resolve()
  const read = async (): Promise<void> => {
    for await (const event of feed) {
      await rest
      if (event.type === 'gap' && event.state === 'closed' && !event.healed) closed.push(event)
      const found = event.type === 'trade' ? truth.find(event, false) : null
      if (found !== null) found.emitted = true
    }
  }
  const reading = read()
  await platform.advance(79_000)
  let wake = () => {}
  rest = new Promise((resolve) => {
    wake = resolve
  })
  // The queue takes what was fetched; what comes live after that is too much.
  await platform.advance(40_000)
  wake()
  await platform.advance(30_000)
  market.frozen = true
  await platform.advance(5_000)
  const closing = feed.close()
  await platform.advance(5_000)
  await closing
  await reading
  const missing = truth.trades.filter(({ emitted, time }) => !emitted && time > START + 1e6)
  expect(missing.length).toBeGreaterThan(100)
  for (const { time } of missing) {
    const told = closed.some(({ from, to }) => time + 100_000 >= (from ?? 0) && time <= (to ?? 0))
    expect(told, `a trade of ${time} is missing without a gap`).toBe(true)
  }
})

describe.each(CARDS.filter(({ path }) => path !== null))(
  'where $name answers a request for them',
  ({ path, ...card }) => {
    const fault = (faulty: object): Draft[] => [{ ...faulty, path: path ?? '', times: 1 } as Draft]
    const always = (faulty: object): Draft[] => [{ ...faulty, path: path ?? '' } as Draft]

    test.each([
      ['500', { fault: 'http-status', status: 500 }],
      ['garbage', { fault: 'http-garbage' }],
      ['half', { fault: 'http-half' }],
      ['with a reset', { fault: 'http-reset' }],
      [
        'that it is asked too often, for three seconds',
        { fault: 'http-status', status: 429, retryAfterSeconds: 3 },
      ],
      ['after three seconds', { fault: 'http-slow', delayMs: 3_000 }],
    ])('%s once, they are told all the same', async (_, faulty) => {
      const { gaps, missing } = await play(
        { ...card, path },
        [...away(20_000, 60_000), ...fault(faulty)],
        140_000,
      )
      expect(gaps.at(-1)).toMatchObject({ state: 'closed', healed: true })
      expect(missing).toEqual([])
    })

    test.each([
      ['500', { fault: 'http-status', status: 500 }],
      ['garbage', { fault: 'http-garbage' }],
      ['that it is asked too often', { fault: 'http-status', status: 429 }],
      ['not at all', { fault: 'http-stall' }],
    ])('%s and nothing else, the gap closes unhealed within 20 s of the reconnect', async (_, faulty) => {
      const { gaps, missing, backfills } = await play(
        { ...card, path },
        [...away(20_000, 60_000), ...always(faulty)],
        140_000,
      )
      expect(gaps.map(({ state, healed }) => [state, healed])).toEqual([
        ['open', false],
        ['closed', false],
      ])
      const [open, closed] = gaps
      expect(((closed?.receiveTime ?? 0) - (open?.receiveTime ?? 0)) / 1e6).toBeLessThan(60 + 20)
      expect(missing.length).toBeGreaterThan(60)
      for (const { time } of missing) {
        expect(time).toBeGreaterThanOrEqual((closed?.from ?? 0) - 1e6)
        expect(time).toBeLessThanOrEqual(closed?.to ?? 0)
      }
      expect(backfills).toMatchObject({ asked: 1, healed: 0, unhealed: 1 })
    })
  },
)
