import { describe, expect, it } from 'vitest'
import { type BittrexOptions, bittrex } from '../../../connectors/bittrex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { bittrexSimulator, type KitSimulator } from '../../../simulators/index.js'
import { type Feed, openFeed } from '../../../src/feed/feed.js'
import { type FaultPlan, virtualPlatform, withFaults } from '../../../src/simulator/index.js'

type Plan = FaultPlan['faults']

interface World {
  readonly events: MarketEvent[]
  readonly feed: Feed
  readonly simulator: KitSimulator
  /** When the run began. */
  readonly began: number
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
  const began = platform.now
  const simulator = bittrexSimulator({ seed, strictStart })
  platform.serve(withFaults(simulator, { faults: plan }, platform.random), { hosts: ['bittrex.sim'] })
  const events: MarketEvent[] = []
  const feed = openFeed([bittrex({ url: 'ws://bittrex.sim', ...DEFAULTS, ...options })], { platform })
  feed.on('event', (event) => void events.push(event))
  await run({
    events,
    feed,
    simulator,
    began,
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
  return trades.map(({ id }) => Number.parseInt(id.slice(-12), 16))
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
          const { price, amount, side } = truth.get(Number.parseInt(trade.id.slice(-12), 16)) ?? {}
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
    ['trade-lost', [], []],
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
    ['instrument-delisted', [], []],
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

  it('update-lost: a change that a numbered message left out shows in nothing, until what is quiet is compared', async () => {
    await world({ plan: [{ fault: 'venue', name: 'update-lost', atMs: 9_050 }] }, async (run) => {
      await run.pass(9.2)
      for (const market of run.simulator.markets.values()) market.frozen = true
      await run.pass(3)
      expect(run.of('gap')).toEqual([])
      const differs = ['BTC/USD', 'BTC/USDT'].filter((symbol) => {
        const truth = run.simulator.markets.get(symbol.replace('/', '-'))?.book.top(500)
        return JSON.stringify(run.feed.book('bittrex', symbol)?.top(500)) !== JSON.stringify(truth)
      })
      expect(differs).toHaveLength(1)
      await run.pass(125)
      expect(run.of('gap').map(({ symbol, reason, state }) => [symbol, reason, state])).toEqual([
        [differs[0], 'checksum', 'open'],
        [differs[0], 'checksum', 'closed'],
      ])
      await expectTrueBooks(run)
    })
  })

  it('trade-lost: one trade is missing, and nothing shows it', async () => {
    await world({ plan: [{ fault: 'venue', name: 'trade-lost', atMs: 9_000 }] }, async (run) => {
      await run.pass(30)
      const missing = ['BTC/USD', 'BTC/USDT'].flatMap((symbol) => {
        const told = new Set(numbersOf(run, symbol))
        const [first = 0] = told
        return Array.from({ length: Math.max(...told) - first + 1 }, (_, index) => first + index).filter(
          (number) => !told.has(number),
        )
      })
      expect(missing).toHaveLength(1)
    })
  })

  it('clock-off: times are an hour ahead for a minute, and the market goes on as it did', async () => {
    const plan: Plan = [{ fault: 'venue', name: 'clock-off', atMs: 9_000 }]
    await world({ plan }, async (run) => {
      await run.pass(80)
      const ahead = run
        .of('trade')
        .filter(({ exchangeTime, receiveTime }) => (exchangeTime ?? 0) - (receiveTime ?? 0) > 3_500_000_000)
      const times = ahead.map(({ receiveTime }) => receiveTime ?? 0)
      expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(58_000_000)
      expect(Math.max(...times) - Math.min(...times)).toBeLessThan(61_000_000)
      for (const { trades } of run.simulator.markets.values()) {
        const truth = trades.map(({ time }) => time)
        expect(truth).toEqual(truth.toSorted((a, b) => a - b))
      }
    })
  })

  it('instrument-delisted: the market stands still, and the list says so', async () => {
    const options: BittrexOptions = { symbols: ['1INCH/BTC'], channels: ['trade'] }
    await world(
      { options, plan: [{ fault: 'venue', name: 'instrument-delisted', atMs: 9_000 }] },
      async (run) => {
        await run.pass(30)
        const last = run.of('trade').at(-1)?.receiveTime ?? 0
        expect(last - (run.of('trade')[0]?.receiveTime ?? 0)).toBeLessThan(9_000_000)
        const answer = run.simulator.http(
          { method: 'GET', path: '/v3/markets/1INCH-BTC', headers: {}, body: '' },
          0,
        )
        expect(JSON.parse(answer.body)).toMatchObject({ status: 'OFFLINE' })
      },
    )
  })

  it.each([
    ['trade', 'ack-then-silence'],
    ['book', 'ack-then-silence'],
  ] as const)(
    'a subscription to %s that is granted and dead is found out, and asked for again',
    async (channel, name) => {
      await world({ plan: [{ fault: 'venue', name, atMs: 6_500 }] }, async (run) => {
        await run.pass(7)
        run.feed.subscribe('bittrex', ['ETH/BTC'], [channel])
        await run.pass(90)
        const gaps = run.of('gap').map(({ symbol, reason, state }) => [symbol, reason, state])
        expect(gaps).toEqual([
          ['ETH/BTC', 'stale', 'open'],
          ['ETH/BTC', 'stale', 'closed'],
        ])
        const trades = run.of('trade').filter(({ symbol, historical }) => symbol === 'ETH/BTC' && !historical)
        if (channel === 'trade') expect(trades.length).toBeGreaterThan(10)
        else expect(run.feed.book('bittrex', 'ETH/BTC')?.state).toBe('live')
        const noticed = (run.of('gap')[0]?.receiveTime ?? 0) - run.began
        // Of a book its snapshot tells where it stands: 5 s of quiet, and 5 s for what may be on its way.
        expect(noticed).toBeLessThan(channel === 'book' ? 20_000_000 : 80_000_000)
      })
    },
  )

  it('prices that no double holds come through digit by digit', async () => {
    await world({ options: { symbols: ['BTC/COP'] } }, async (run) => {
      await run.pass(10)
      const prices = run.of('book_snapshot')[0]?.asks.map(([price]) => price) ?? []
      expect(prices.some((price) => BigInt(price.replace('.', '')) > 2n ** 53n)).toBe(true)
      const { trades = [] } = run.simulator.markets.get('BTC-COP') ?? {}
      const truth = new Map(trades.map(({ number, price }) => [number, price]))
      expect(run.of('trade').length).toBeGreaterThan(10)
      for (const { id, price } of run.of('trade'))
        expect(price).toBe(truth.get(Number.parseInt(id.slice(-12), 16)))
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
