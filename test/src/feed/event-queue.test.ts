import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { MarketEvent, TradeEvent } from '../../../schemas/events.js'
import { EventQueue } from '../../../src/feed/event-queue.js'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const EVENTS = 500

function malformed(receiveTime: number): MarketEvent {
  return {
    type: 'malformed',
    venue: 'toy',
    receiveTime,
    connection: 'public#0',
    reason: 'not_json',
    path: '',
    head: '',
  }
}

function trade(exchangeTime: number, receiveTime: number): TradeEvent {
  return {
    type: 'trade',
    venue: 'toy',
    symbol: 'BTC/USD',
    instrument: 'BTCUSD',
    channel: 'trade',
    n: 1,
    exchangeTime,
    receiveTime,
    sequence: null,
    id: String(exchangeTime),
    price: '1',
    amount: '1',
    amountUnit: 'base',
    side: null,
    liquidation: false,
    historical: false,
  }
}

test('an event that was read is not kept by the queue', async () => {
  const queue = new EventQueue(10_000, 'pause', { full() {}, drained() {}, dropped() {}, failed() {} })
  const events: WeakRef<MarketEvent>[] = []
  for (let count = 0; count < EVENTS; count++) {
    const event = malformed(count)
    events.push(new WeakRef(event))
    queue.push(event)
  }
  for (let count = 0; count < EVENTS; count++) expect((await queue.next()).value?.receiveTime).toBe(count)
  // What a promise resolved to lives until the turn is over.
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  expect(events.filter((event) => event.deref() !== undefined).length).toBeLessThan(5)
  expect(queue.size).toBe(0)
})

test('history that was dropped is put in time by what was read, where the machine’s clock is behind the venue’s', async () => {
  const lost: (number | null)[] = []
  const dropped = (_first: MarketEvent, since: number | null) => void lost.push(since)
  const queue = new EventQueue(2, 'drop-oldest', { full() {}, drained() {}, dropped, failed() {} })
  const behind = 9_000_000
  const drop = async (first: number, came: number) => {
    queue.push(trade(50_000_000, 50_000_000 - behind))
    await queue.next()
    for (const happened of [first, first + 1])
      queue.push({ ...trade(happened, came - behind), historical: true })
  }
  await drop(53_000_000, 65_000_000)
  await drop(47_000_000, 65_000_000)
  expect(lost).toEqual([50_000_000 - behind, 47_000_000 - behind])
})

test('trades that waited for the end of a gap are missed since it began, though it was read as healed', async () => {
  const lost: (number | null)[] = []
  const dropped = (_first: MarketEvent, since: number | null) => void lost.push(since)
  const queue = new EventQueue(2, 'drop-oldest', { full() {}, drained() {}, dropped, failed() {} })
  const { symbol, instrument, channel } = trade(0, 0)
  const rest = {
    n: 1,
    reason: 'disconnected',
    exchangeTime: null,
    after: null,
    before: null,
    detail: null,
  } as const
  const gap = { type: 'gap', venue: 'toy', symbol, instrument, channel, ...rest } as const
  queue.push({ ...gap, state: 'open', receiveTime: 6_000_000, from: 5_000_000, to: null, healed: false })
  queue.push({
    ...gap,
    state: 'closed',
    receiveTime: 9_000_000,
    from: 5_000_000,
    to: 9_000_000,
    healed: true,
  })
  await queue.next()
  await queue.next()
  for (const happened of [7_000_000, 8_000_000]) queue.push(trade(happened, 9_000_000))
  for (const happened of [9_500_000, 9_600_000]) queue.push(trade(happened, happened))
  expect(lost).toEqual([5_000_000, 9_500_000])
})

test('a queue that fills up again says so again, and again when it has room', async () => {
  const said: string[] = []
  const queue = new EventQueue(10, 'pause', {
    full: () => said.push('full'),
    drained: () => said.push('drained'),
    dropped() {},
    failed() {},
  })
  for (let round = 1; round <= 3; round++) {
    for (let count = 0; count < 12; count++) queue.push(malformed(count))
    expect(said.slice(2 * (round - 1))).toEqual(['full'])
    for (let count = 0; count < 12; count++) await queue.next()
    expect(said.slice(2 * (round - 1))).toEqual(['full', 'drained'])
  }
})
