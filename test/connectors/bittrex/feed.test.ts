import { describe, expect, it } from 'vitest'
import { type BittrexOptions, BittrexSimulator, bittrex } from '../../../connectors/bittrex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { type Feed, openFeed } from '../../../src/feed/feed.js'
import { type FaultPlan, virtualPlatform, withFaults } from '../../../src/simulator/index.js'

type Plan = FaultPlan['faults']

interface World {
  readonly events: MarketEvent[]
  readonly feed: Feed
  readonly simulator: BittrexSimulator
  of<T extends MarketEvent['type']>(type: T): Extract<MarketEvent, { type: T }>[]
  /** Lets seconds pass. */
  pass(seconds: number): Promise<void>
}

const DEFAULTS: BittrexOptions = { symbols: ['BTC/USD', 'BTC/USDT'], channels: ['trade', 'book'] }

/** A feed on a simulator in a virtual network, run by `run` and then closed: nothing may be left open. */
async function world(
  { seed = 1, options = {}, plan = [], strictStart = true }: Setup,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const platform = virtualPlatform({ seed })
  const simulator = new BittrexSimulator({ seed, strictStart })
  platform.serve(withFaults(simulator, { faults: plan }, platform.random), { hosts: ['bittrex.sim'] })
  const events: MarketEvent[] = []
  const feed = openFeed([bittrex({ url: 'ws://bittrex.sim', ...DEFAULTS, ...options })], { platform })
  feed.on('event', (event) => void events.push(event))
  await run({
    events,
    feed,
    simulator,
    of: (type) => events.filter((event): event is never => event.type === type),
    pass: (seconds) => platform.advance(seconds * 1000),
  })
  const closing = feed.close()
  await platform.advance(5_000)
  await closing
  expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
}

interface Setup {
  readonly seed?: number
  readonly options?: BittrexOptions
  readonly plan?: Plan
  readonly strictStart?: boolean
}

/** The book of a market is the true one, once what is on its way has come. */
async function expectTrueBooks({ feed, simulator, pass }: World, depth = 500): Promise<void> {
  for (const [symbol, id] of [
    ['BTC/USD', 'BTC-USD'],
    ['BTC/USDT', 'BTC-USDT'],
  ] as const) {
    let same = false
    for (let tries = 0; tries < 50 && !same; tries++) {
      const book = feed.book('bittrex', symbol)
      const truth = simulator.markets.get(id)?.book.top(depth)
      same = book?.state === 'live' && JSON.stringify(book.top(depth)) === JSON.stringify(truth)
      if (!same) await pass(0.007)
    }
    expect(same, `the book of ${symbol} is the true one`).toBe(true)
  }
}

/** Trades of a market by their numbers, which the simulator puts into the id. */
function numbersOf(world: World, symbol: string): number[] {
  const trades = world.of('trade').filter((trade) => trade.symbol === symbol)
  return trades.map(({ id }) => Number(id.slice(-12)))
}

function reasons(world: World): string[] {
  return [...new Set(world.of('gap').map(({ reason }) => reason))]
}

describe('a feed on the simulator', () => {
  it.each([1, 2, 3])('keeps both books true and mixes no market with another (seed %i)', async (seed) => {
    await world({ seed }, async (run) => {
      await run.pass(20)
      await expectTrueBooks(run)
      expect(run.of('malformed')).toEqual([])
      expect(run.of('gap')).toEqual([])
      for (const [symbol, id] of [
        ['BTC/USD', 'BTC-USD'],
        ['BTC/USDT', 'BTC-USDT'],
      ] as const) {
        const numbers = numbersOf(run, symbol)
        const first = numbers[0] ?? 0
        expect(numbers.length).toBeGreaterThan(10)
        expect(numbers).toEqual(numbers.map((_, index) => first + index))
        const truth = new Map(run.simulator.markets.get(id)?.trades.map((trade) => [trade.number, trade]))
        for (const trade of run.of('trade').filter((event) => event.symbol === symbol)) {
          const { price, amount, side } = truth.get(Number(trade.id.slice(-12))) ?? {}
          expect([trade.price, trade.amount, trade.side]).toEqual([price, amount, side])
        }
      }
    })
  })

  it('brings something on every channel that it offers', async () => {
    const connector = bittrex()
    const channels = connector.channels.flatMap(({ kind, variants }) =>
      variants.length === 0 ? [kind] : variants.map((variant) => `${kind}:${variant}` as const),
    )
    await world({ options: { channels, history: true } }, async (run) => {
      await run.pass(40)
      const seen = new Set(run.events.flatMap((event) => ('channel' in event ? [event.channel] : [])))
      const asked = bittrex({ channels }).requested
      expect([...asked].filter((channel) => !seen.has(channel))).toEqual([])
      expect(run.of('malformed')).toEqual([])
      expect(run.of('gap')).toEqual([])
      expect(run.of('connection').some(({ state }) => state === 'refused')).toBe(false)
    })
  })

  it('shows the windows of 25 and of 1 as they are', async () => {
    await world({ options: { channels: ['book:25', 'book:1'] } }, async (run) => {
      await run.pass(10)
      for (const depth of [25, 1]) {
        let same = false
        for (let tries = 0; tries < 50 && !same; tries++) {
          const book = run.feed.book('bittrex', 'BTC/USD', `book:${depth}`)
          const truth = run.simulator.markets.get('BTC-USD')?.book.top(depth)
          same = JSON.stringify(book?.top(500)) === JSON.stringify(truth)
          if (!same) await run.pass(0.007)
        }
        expect(same, `the book of depth ${depth}`).toBe(true)
      }
      expect(run.of('gap')).toEqual([])
    })
  })

  it('works with a server that is lenient about the start', async () => {
    await world({ strictStart: false }, async (run) => {
      await run.pass(10)
      await expectTrueBooks(run)
    })
  })

  it('fetches the trades that a lost connection cost, and tells each once and in order', async () => {
    await world({ seed: 5, plan: [{ fault: 'reset', atMs: 12_000 }] }, async (run) => {
      await run.pass(40)
      await expectTrueBooks(run)
      expect(run.of('connection').filter(({ state }) => state === 'open')).toHaveLength(2)
      const gaps = run.of('gap').map(({ channel, reason, state, healed }) => [channel, reason, state, healed])
      expect(gaps).toHaveLength(8)
      for (const channel of ['trade', 'book']) {
        expect(gaps).toContainEqual([channel, 'disconnected', 'open', false])
        expect(gaps).toContainEqual([channel, 'disconnected', 'closed', true])
      }
      for (const symbol of ['BTC/USD', 'BTC/USDT']) {
        const numbers = numbersOf(run, symbol)
        expect(new Set(numbers).size).toBe(numbers.length)
        const sorted = numbers.toSorted((a, b) => a - b)
        expect(sorted).toEqual(sorted.map((_, index) => (sorted[0] ?? 0) + index))
        expect(run.of('trade').some((trade) => trade.symbol === symbol && trade.historical)).toBe(true)
      }
    })
  })
})

describe('faults of the venue', () => {
  const gapped: readonly (readonly [string, string[], string[]])[] = [
    ['sequence-skipped', ['sequence'], []],
    ['sequence-repeated', [], []],
    ['sequence-backwards', ['sequence'], []],
    ['level-unknown', ['sequence'], []],
    ['book-crossed', ['crossed'], []],
    ['trade-lost', ['sequence'], []],
    ['trade-duplicate', [], []],
    ['trade-order', [], []],
    ['id-long', [], []],
    ['price-null', ['sequence'], ['schema_mismatch']],
    ['price-nan', ['sequence'], ['not_decimal']],
    ['price-exponent', [], []],
    ['message-unknown', [], ['unknown_message']],
    ['field-new', [], []],
    ['field-missing', ['sequence'], ['schema_mismatch']],
    ['base64-broken', ['sequence'], ['undecodable']],
    ['deflate-truncated', ['sequence'], ['undecodable']],
    ['sequence-reset', ['sequence'], []],
    ['reconnect-notice', [], []],
    ['heartbeat-missing', ['stale'], []],
    ['hub-dead', ['stale'], []],
    ['silent-but-one', [], []],
    ['clock-off', [], []],
  ]

  it.each(gapped)(
    '%s: gaps %j, malformed %j, and the books are true again',
    async (name, gaps, malformed) => {
      await world({ plan: [{ fault: 'venue', name, atMs: 9_000 }] }, async (run) => {
        await run.pass(40)
        await expectTrueBooks(run)
        expect(reasons(run)).toEqual(gaps)
        expect(run.of('malformed').map(({ reason }) => reason)).toEqual(malformed)
        const open = run.of('gap').filter(({ state }) => state === 'open').length
        expect(run.of('gap').filter(({ state }) => state === 'closed')).toHaveLength(open)
      })
    },
  )

  it('a candle of another stream is told of and not believed', async () => {
    const options: BittrexOptions = { channels: ['candle'] }
    await world({ options, plan: [{ fault: 'venue', name: 'candle-foreign', atMs: 9_000 }] }, async (run) => {
      await run.pass(40)
      expect(run.of('gap').map(({ state, reason }) => [state, reason])).toEqual([
        ['open', 'sequence'],
        ['closed', 'sequence'],
      ])
      const order = run.of('candle').filter(({ symbol }) => symbol === run.of('gap')[0]?.symbol)
      const times = order.map(({ openTime }) => openTime)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    })
  })

  it.each([
    ['ack-missing', null],
    ['ack-late', null],
    ['ack-error', 'INTERNAL_ERROR'],
    ['limit-error', 'THROTTLED'],
  ])('%s costs no more than it must', async (name, refusal) => {
    await world({ plan: [{ fault: 'venue', name, atMs: 6_500 }] }, async (run) => {
      await run.pass(7)
      run.feed.subscribe('bittrex', ['ETH/BTC'], ['trade'])
      await run.pass(40)
      await expectTrueBooks(run)
      const refused = run.of('connection').filter(({ state }) => state === 'refused')
      expect(refused.map(({ reason }) => reason)).toEqual(
        refusal === null ? [] : [`trade of ETH/BTC: ${refusal}`],
      )
      const trades = run.of('trade').filter(({ symbol }) => symbol === 'ETH/BTC')
      expect(trades.length > 0).toBe(refusal === null)
      expect(run.of('gap')).toEqual([])
    })
  })

  it('a refused or stalled negotiation, start or snapshot is tried again', async () => {
    const plan: Plan = [
      { fault: 'http-status', status: 503, nth: 1, path: 'negotiate' },
      { fault: 'http-status', status: 500, nth: 1, path: 'start' },
      { fault: 'http-status', status: 429, nth: 1, path: 'orderbook' },
    ]
    await world({ plan }, async (run) => {
      await run.pass(120)
      await expectTrueBooks(run)
    })
  })

  it('the same seed and faults give the same events', async () => {
    const runs: string[] = []
    for (let times = 0; times < 2; times++) {
      await world({ seed: 7, plan: [{ fault: 'reset', everyMs: 9_000 }] }, async (run) => {
        await run.pass(30)
        runs.push(JSON.stringify(run.events))
      })
    }
    expect(runs[0]).toBe(runs[1])
  })
})
