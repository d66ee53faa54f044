import { describe, expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { simulateBlockchain } from '../../../simulators/index.js'
import type { Channel } from '../../../src/connector.js'
import { type Feed, openFeed } from '../../../src/feed/feed.js'
import { type VenueSimulator, virtualPlatform, withFaults } from '../../../src/simulator/index.js'

interface Run {
  readonly events: readonly MarketEvent[]
  readonly feed: Feed
  readonly simulator: VenueSimulator
  /** When the run began. */
  readonly began: number
  of<T extends MarketEvent['type']>(type: T): Extract<MarketEvent, { type: T }>[]
}

interface Setup {
  readonly symbols?: readonly string[]
  readonly channels?: readonly Channel[]
  /** From the connect on, for faults of a subscribe; else at twenty seconds. */
  readonly first?: boolean
  readonly seconds?: number
  /** Channels of ETH/USD that are asked for right after the fault. */
  readonly later?: readonly Channel[]
}

/** Plays one fault to a feed of the simulator on a virtual machine, until everything is said and done. */
async function play(name: string, setup: Setup = {}): Promise<Run> {
  const {
    symbols = ['BTC/USD', 'BTC/COP'],
    channels = ['trade', 'book'],
    first = false,
    seconds = 100,
  } = setup
  const platform = virtualPlatform({ seed: 3 })
  const began = platform.now
  const simulator = simulateBlockchain({
    seed: 3,
    stepsPerSecond: 8,
    extremeAmounts: true,
    url: 'ws://venue.test',
  })
  let strikes = 0
  const faulted = withFaults(
    simulator,
    {
      faults: [{ fault: 'venue', name, ...(first ? { afterMs: 0, times: 1 } : { atMs: 20_000 }) }],
    },
    platform.random,
    ({ struck }) => {
      if (struck) strikes++
    },
  )
  platform.serve(faulted, { hosts: ['venue.test'] })
  const feed = openFeed([blockchain({ url: 'ws://venue.test', symbols, channels })], { platform })
  const events: MarketEvent[] = []
  feed.on('event', (event) => void events.push(event))
  await platform.advance(21_000)
  if (setup.later !== undefined) feed.subscribe('blockchain', ['ETH/USD'], setup.later)
  await platform.advance(seconds * 1000 - 21_000)
  expect(strikes).toBeGreaterThan(0)
  for (const market of simulator.markets.values()) market.frozen = true
  await platform.advance(2_000)
  const closing = feed.close()
  await platform.advance(5_000)
  await closing
  expect(platform.open).toEqual({ timers: 0, sockets: 0, requests: 0 })
  return {
    events,
    feed,
    simulator,
    began,
    of: (type) => events.filter((event): event is never => event.type === type),
  }
}

/** What is said of a fault, in the order in which each is said first. */
function said({ events }: Run): string[] {
  const words = events.flatMap((event) => {
    if (event.type === 'malformed') return [`malformed ${event.reason}`]
    if (event.type === 'connection') {
      return event.state === 'refused'
        ? [`refused ${event.reason}`]
        : event.state === 'reconnecting'
          ? ['reconnecting']
          : []
    }
    if (event.type !== 'gap') return []
    const { channel, state, reason, healed } = event
    return [state === 'open' ? `${channel} gap ${reason}` : `${channel} ${healed ? 'healed' : 'closed'}`]
  })
  return [...new Set(words)]
}

/** The feed's books are the true ones, as its last events left them. */
function expectTrueBooks(run: Run, ids = ['BTC-USD', 'BTC-COP']): void {
  for (const id of ids) {
    const sides = { bids: new Map<string, string>(), asks: new Map<string, string>() }
    for (const event of run.events) {
      if ((event.type !== 'book_snapshot' && event.type !== 'book_update') || event.instrument !== id)
        continue
      for (const side of ['bids', 'asks'] as const) {
        if (event.type === 'book_snapshot') sides[side].clear()
        for (const [price, amount] of event[side]) {
          if (amount === '0') sides[side].delete(price)
          else sides[side].set(price, amount)
        }
      }
    }
    const truth = run.simulator.markets.get(id)?.book.top(10_000)
    expect(Object.fromEntries(sides.bids)).toEqual(Object.fromEntries(truth?.bids ?? []))
    expect(Object.fromEntries(sides.asks)).toEqual(Object.fromEntries(truth?.asks ?? []))
  }
}

const LOST_PLACE = ['trade gap sequence', 'book gap sequence', 'reconnecting', 'trade closed', 'book healed']

describe('a fault of the Exchange', () => {
  test.each<[string, string[]]>([
    ['sequence-skipped', LOST_PLACE],
    ['sequence-repeated', LOST_PLACE],
    ['sequence-backwards', LOST_PLACE],
    ['sequence-reset', LOST_PLACE],
    ['level-unknown', ['book gap sequence', 'book healed']],
    ['book-crossed', ['book gap crossed', 'book healed']],
    ['snapshot-twice', []],
    ['trade-duplicate', []],
    ['trade-order', []],
    ['trade-lost', []],
    ['id-long', []],
    ['price-null', ['malformed schema_mismatch', 'book gap sequence', 'book healed']],
    ['price-nan', ['malformed not_json', ...LOST_PLACE]],
    ['price-exponent', []],
    ['field-new', []],
    ['field-missing', ['malformed schema_mismatch', 'book gap sequence', 'book healed']],
    ['message-unknown', ['malformed unknown_message']],
    [
      'heartbeat-missing',
      ['trade gap stale', 'book gap stale', 'reconnecting', 'trade closed', 'book healed'],
    ],
    ['clock-off', []],
    ['silent-but-one', []],
    ['instrument-delisted', []],
  ])('%s: the feed says %j, and its books are the true ones', async (name, words) => {
    const run = await play(name)
    expect(said(run).toSorted()).toEqual(words.toSorted())
    expectTrueBooks(run)
    const open = run.of('gap').filter(({ state }) => state === 'open').length
    expect(run.of('gap').filter(({ state }) => state === 'closed')).toHaveLength(open)
    const ids = run.of('trade').map(({ instrument, id }) => `${instrument} ${id}`)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

/** The numbers of a market's trades in the order in which they were told, from their ids. */
function numbers(run: Run, instrument: string): number[] {
  return run.of('trade').flatMap((trade) => (trade.instrument === instrument ? [Number(trade.id)] : []))
}

describe('what a fault leaves behind', () => {
  test('trade-lost: one trade is missing, and nothing could have shown it', async () => {
    const run = await play('trade-lost')
    const missing = ['BTC-USD', 'BTC-COP'].flatMap((id) => {
      const told = new Set(numbers(run, id))
      const [first = 0] = told
      const last = Math.max(...told)
      return Array.from({ length: last - first + 1 }, (_, index) => first + index).filter(
        (number) => !told.has(number),
      )
    })
    expect(missing).toHaveLength(1)
  })

  test('trade-order: one trade comes after its successor, as the venue told them', async () => {
    const run = await play('trade-order', { symbols: ['BTC/USD'] })
    const told = numbers(run, 'BTC-USD')
    const back = told.filter((number, index) => number < (told[index - 1] ?? 0))
    expect(back).toHaveLength(1)
  })

  test('update-lost: the book differs from the true one in one level, and nothing shows it', async () => {
    const run = await play('update-lost', { symbols: ['BTC/USD'], seconds: 21 })
    expect(said(run)).toEqual([])
    expect(() => expectTrueBooks(run, ['BTC-USD'])).toThrow()
  })

  test('id-long: the id is told as it is', async () => {
    const run = await play('id-long')
    expect(run.of('trade').filter(({ id }) => id.length === 21)).toHaveLength(1)
  })

  test('clock-off: exchange times are an hour ahead for a minute, receive times are not', async () => {
    const run = await play('clock-off')
    const ahead = run.of('book_update').filter(({ exchangeTime, receiveTime }) => {
      return (exchangeTime ?? 0) - (receiveTime ?? 0) > 3_500_000_000
    })
    const times = ahead.map(({ receiveTime }) => receiveTime ?? 0)
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(58_000_000)
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(61_000_000)
  })

  test('instrument-delisted: its status is told, and it trades no longer', async () => {
    const run = await play('instrument-delisted', {
      symbols: ['ENJ/USDT'],
      channels: ['instrument', 'trade'],
    })
    expect(run.of('instrument')[0]?.status).toBe('open')
    expect(run.of('instrument').at(-1)?.status).toBe('closed')
    const told = run.of('trade')
    expect(told.length).toBeGreaterThan(5)
    expect((told.at(-1)?.receiveTime ?? 0) - (told[0]?.receiveTime ?? 0)).toBeLessThan(20_000_000)
  })

  test('silent-but-one: the others say nothing for half a minute', async () => {
    const run = await play('silent-but-one', { symbols: ['ETH/USD'] })
    const times = run.of('book_update').map(({ receiveTime }) => receiveTime ?? 0)
    const pauses = times.map((time, index) => time - (times[index - 1] ?? time))
    expect(Math.max(...pauses)).toBeGreaterThan(29_000_000)
  })

  test('amounts and prices that no double holds come through digit by digit', async () => {
    const run = await play('field-new', { symbols: ['BTC/COP'] })
    const inexact = (text: string) => BigInt(text.replace('.', '')) > 2n ** 53n
    const snapshot = run.of('book_snapshot')[0]
    expect(snapshot?.asks.some(([price]) => inexact(price))).toBe(true)
    expect(snapshot?.asks.some(([, amount]) => inexact(amount))).toBe(true)
    expectTrueBooks(run, ['BTC-COP'])
  })
})

describe('a fault of a subscribe', () => {
  // The heartbeat is the first thing that is asked for, so it is what each of these strikes first.
  test.each<[string, string[]]>([
    ['ack-missing', ['reconnecting']],
    ['ack-late', []],
    ['ack-then-silence', ['reconnecting']],
    ['ack-error', ['refused heartbeat: Internal error', 'reconnecting']],
  ])('%s of the heartbeat: the feed says %j', async (name, words) => {
    const run = await play(name, { first: true })
    const [gaps, rest] = [said(run).filter((word) => /gap|closed|healed/.test(word)), said(run)]
    expect(rest.filter((word) => !gaps.includes(word))).toEqual(words)
    expectTrueBooks(run)
  })

  test.each<[string, Channel, string[]]>([
    ['ack-missing', 'trade', []],
    ['ack-missing', 'book', []],
    ['ack-late', 'trade', []],
    ['ack-late', 'book', []],
    ['ack-then-silence', 'book', []],
    ['update-before-snapshot', 'book', []],
    // A throttled client is not heard for a minute: the third try in vain takes a new connection.
    ['limit-error', 'book', ['refused Connection throttling enabled, your messages will be ignored.']],
  ])('%s of %s: the feed says %j of it, and the stream comes', async (name, channel, words) => {
    const run = await play(name, { later: [channel], seconds: 130 })
    expect(said(run).filter((word) => !/gap|healed|closed|reconnecting/.test(word))).toEqual(words)
    expect(run.events.some((event) => 'instrument' in event && event.instrument === 'ETH-USD')).toBe(true)
    if (channel === 'book') expectTrueBooks(run, ['BTC-USD', 'BTC-COP', 'ETH-USD'])
    else expect(numbers(run, 'ETH-USD').length).toBeGreaterThan(20)
  })

  test('ack-error of a book: it is given up, with the venue’s reason', async () => {
    const run = await play('ack-error', { later: ['book'] })
    expect(said(run)).toEqual(['refused book of ETH/USD: Internal error'])
    expect(run.feed.book('blockchain', 'ETH/USD')?.state).not.toBe('live')
  })
})

describe('a fault of the chain feed', () => {
  const chain = { symbols: ['BTC'], channels: ['transaction', 'block'] as const }

  test.each<[string, string[]]>([
    ['sequence-skipped', ['block gap sequence', 'block closed']],
    ['sequence-repeated', []],
    ['sequence-backwards', ['block gap sequence', 'block closed']],
    ['price-null', []],
    ['price-nan', ['malformed not_json']],
    ['message-unknown', ['malformed unknown_message']],
    ['field-new', []],
    ['field-missing', ['malformed schema_mismatch']],
    ['heartbeat-missing', []],
    ['clock-off', []],
  ])('%s: the feed says %j, and goes on', async (name, words) => {
    const run = await play(name, chain)
    expect(said(run)).toEqual(words)
    const after = run
      .of('transaction')
      .filter(({ receiveTime }) => (receiveTime ?? 0) > run.began + 90_000_000)
    expect(after.length).toBeGreaterThan(20)
    expect(run.of('block').at(-1)?.height).toBeGreaterThan(900_004)
    const hashes = [...run.of('transaction'), ...run.of('block')].map(({ hash }) => hash)
    expect(new Set(hashes).size).toBe(hashes.length)
  })
})
