import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { MarketEvent } from '../../../schemas/events.js'
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
