import { afterEach, describe, expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { GapEvent, MarketEvent, StreamEvent } from '../../../schemas/events.js'
import { simulateBlockchain } from '../../../simulators/index.js'
import { type Feed, openFeed } from '../../../src/feed/feed.js'
import { playRecording } from '../../../src/framelog/index.js'
import { type VirtualPlatform, virtualPlatform } from '../../../src/simulator/index.js'
import { EmittedStream } from '../../../src/stream/emitted-stream.js'
import { keyOf } from '../../../src/stream/key.js'
import { snapshot, trade, update } from '../../recorder/sample-events.js'

const HOST = '127.0.0.1:9000'

let open: { readonly feed: Feed; readonly platform: VirtualPlatform } | null = null

function play(lines: 1 | 2 = 1, ageMs: number | null = null) {
  const platform = virtualPlatform({ seed: 5 })
  const host = platform.serve(simulateBlockchain({ seed: 5, stepsPerSecond: 10 }), { hosts: [HOST] })
  const whole = blockchain({ url: `ws://${HOST}`, symbols: ['BTC/USD'], channels: ['trade', 'book'] })
  const limits = { ...whole.limits, maxConnectionAgeMs: ageMs }
  const feed = openFeed([{ ...whole, limits }], { platform, redundancy: lines })
  open = { feed, platform }
  const events: MarketEvent[] = []
  const offsets: number[] = []
  feed.on('event', (event) => {
    events.push(event)
    offsets.push(feed.offset)
  })
  return { platform, host, feed, events, offsets }
}

afterEach(async () => {
  if (open === null) return
  const { feed, platform } = open
  open = null
  const closing = feed.close()
  await platform.advance(3_000)
  await closing
})

function numbers(events: readonly MarketEvent[]): Map<string, (number | null)[]> {
  const streams = new Map<string, (number | null)[]>()
  for (const event of events) {
    if (!('channel' in event)) continue
    const key = `${event.channel} ${event.instrument}`
    streams.set(key, [...(streams.get(key) ?? []), event.n])
  }
  return streams
}

function counted(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

describe('numbers of a stream', () => {
  test.each([
    ['across reconnects', 1, null],
    ['across handovers', 1, 20_000],
    ['with two connections that are cut', 2, null],
  ] as const)('are 1, 2, 3 … %s', async (_, lines, ageMs) => {
    const { platform, host, feed, events } = play(lines, ageMs)
    await platform.advance(8_000)
    if (ageMs === null) host.crash()
    await platform.advance(60_000)
    const venue = feed.metrics().venues[0]
    if (ageMs === null) expect(events.some(({ type }) => type === 'gap')).toBe(true)
    else expect(venue?.handovers).toBeGreaterThan(0)
    const streams = numbers(events)
    expect([...streams.keys()]).toContain('book BTC-USD')
    for (const held of streams.values()) expect(held).toEqual(counted(held.length))
  })

  test('go on where a stream is given up and asked for again', async () => {
    const { platform, feed, events } = play()
    await platform.advance(5_000)
    feed.unsubscribe('blockchain', ['BTC/USD'], ['book'])
    await platform.advance(2_000)
    const before = numbers(events).get('book BTC-USD')?.length ?? 0
    feed.subscribe('blockchain', ['BTC/USD'], ['book'])
    await platform.advance(5_000)
    const held = numbers(events).get('book BTC-USD') ?? []
    expect(held.length).toBeGreaterThan(before)
    expect(held).toEqual(counted(held.length))
  })
})

describe('the offset of a feed', () => {
  test('counts everything that the feed emits, over all streams and connections', async () => {
    const { platform, host, feed, events, offsets } = play()
    expect(feed.offset).toBe(0)
    await platform.advance(5_000)
    host.crash()
    await platform.advance(20_000)
    expect(events.some(({ type }) => type === 'connection')).toBe(true)
    expect(offsets).toEqual(counted(events.length))
    expect(feed.offset).toBe(events.length)
  })

  test('belongs to an epoch, which is another one for every feed and stays the same within it', async () => {
    const first = play().feed
    const { epoch } = first
    expect(first.epoch).toBe(epoch)
    expect(epoch).toMatch(/^[0-9a-z]+-[0-9a-f]{12}$/)
    const platform = virtualPlatform({ seed: 6 })
    const connector = blockchain({ url: `ws://${HOST}`, symbols: ['BTC/USD'] })
    const second = openFeed([connector], { platform })
    expect(second.epoch).not.toBe(epoch)
    const closing = second.close()
    await platform.advance(3_000)
    await closing
  })
})

describe('a gap', () => {
  test('of a lost connection lies between the last event and the snapshot that follows', async () => {
    const { platform, host, events } = play()
    await platform.advance(5_000)
    host.crash()
    await platform.advance(20_000)
    const book = events.filter(
      (event): event is StreamEvent => 'channel' in event && event.channel === 'book',
    )
    const at = book.findIndex((event) => event.type === 'gap')
    const [last, opened, closed, next] = book.slice(at - 1)
    expect(opened).toMatchObject({
      type: 'gap',
      state: 'open',
      after: { epoch: null, n: last?.n, exchangeTime: last?.exchangeTime, receiveTime: last?.receiveTime },
      before: null,
    })
    expect(closed).toMatchObject({ type: 'gap', state: 'closed', before: { epoch: null, n: next?.n } })
    expect((closed as GapEvent).after).toEqual((opened as GapEvent).after)
    expect(next?.type).toBe('book_snapshot')
  })

  const gapAt = (n: number, fields: Partial<GapEvent>): GapEvent => ({
    type: 'gap',
    venue: 'testex',
    symbol: 'BTC/USD',
    instrument: 'tBTCUSD',
    channel: 'book',
    n,
    exchangeTime: null,
    receiveTime: 40,
    reason: 'checksum',
    state: 'open',
    from: null,
    to: null,
    healed: false,
    after: null,
    before: null,
    detail: null,
    ...fields,
  })

  test('of a book that fails its proof lies after what was proved last, and not after what was emitted last', () => {
    const stream = new EmittedStream(true)
    const events: StreamEvent[] = [
      snapshot([['1', '1']], [], { receiveTime: 10, sequence: '100' }),
      update([['1', '2']], [], { receiveTime: 20, sequence: '101' }),
      gapAt(0, { from: 10 }),
    ]
    for (const event of events) stream.emit(event)
    expect(events[2]).toMatchObject({ n: 3, after: { n: 1, key: '100', receiveTime: 10 } })
  })

  test('that is found out late lies after the last proof before it began, and not after a newer one', () => {
    const stream = new EmittedStream(false)
    const gap = gapAt(0, { from: 25 })
    const events: StreamEvent[] = [
      snapshot([['1', '1']], [], { receiveTime: 10 }),
      snapshot([['1', '2']], [], { receiveTime: 20 }),
      snapshot([['1', '3']], [], { receiveTime: 30 }),
      gap,
    ]
    for (const event of events) stream.emit(event)
    expect(gap.after).toMatchObject({ n: 2, receiveTime: 20 })
  })

  test('whose beginning is not known lies after nothing', () => {
    const stream = new EmittedStream(true)
    const gap = gapAt(0, { from: null })
    stream.emit(snapshot([], [], { receiveTime: 10 }))
    stream.emit(gap)
    expect(gap.after).toBeNull()
  })
})

test('a log that is fed twice gives the same numbers', async () => {
  const { openRecording } = await import('../../../src/framelog/index.js')
  const runs: string[] = []
  for (let run = 0; run < 2; run++) {
    const events: MarketEvent[] = []
    const recording = await openRecording(['test/fixtures/framelog/blockchain-amid.jsonl'])
    await playRecording(recording.records(), {
      connectors: [blockchain({})],
      onEvent: (event) => void events.push(event),
    })
    for (const held of numbers(events).values()) expect(held).toEqual(counted(held.length))
    expect(events.length).toBeGreaterThan(0)
    runs.push(JSON.stringify(events))
  }
  expect(runs[0]).toBe(runs[1])
})

test('the key of an event is what it is called at the venue, and nothing that one connection counts', () => {
  expect(keyOf(trade({ id: '7' }), false)).toBe('7')
  expect(keyOf(update([], [], { sequence: '8' }), true)).toBe('8')
  expect(keyOf(update([], [], { sequence: '8' }), false)).toBeNull()
})
