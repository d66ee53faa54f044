import { EventSource } from 'eventsource'
import { createParser } from 'eventsource-parser'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { SseServer } from '../../simulators/protocols/sse.js'
import { EventParser } from '../../src/protocols/sse/event-parser.js'
import { serveSimulator } from '../../src/simulator/index.js'

test('eventsource-parser reads the same events', () => {
  const piece = fc.constantFrom(
    'data: a',
    'data',
    'data:b',
    'event: e',
    'event',
    'id: 1',
    'id',
    ': c',
    'retry: 5',
    '\n',
    '\n',
    '\r\n',
    'x: y',
    'data:  é',
  )
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.nat(200)), (pieces, cuts) => {
      // A stream that ends in CR alone may go on with LF.
      const text = `${pieces.join('\n')}\n\n`
      const theirs: { event: string; data: string }[] = []
      const parser = createParser({
        onEvent: ({ event, data }) => theirs.push({ event: event || 'message', data }),
      })
      parser.feed(text)
      const ours: { event: string; data: string }[] = []
      const own = new EventParser(1e6)
      const whole = new TextEncoder().encode(text)
      let at = 0
      for (const end of [...cuts.sort((a, b) => a - b), whole.length]) {
        for (const { event, data } of own.push(whole.subarray(at, end))) ours.push({ event, data })
        at = Math.max(at, Math.min(end, whole.length))
      }
      expect(ours).toEqual(theirs)
    }),
    { numRuns: 1_000 },
  )
})

test('the client of eventsource is served by our test server', async () => {
  const stream = new SseServer({ retryMs: 10 })
  await using server = await serveSimulator(stream)
  stream.publish('first')
  stream.publish('two\nlines', 'named')
  const source = new EventSource(server.url.replace('ws', 'http'))
  const came: string[] = []
  source.addEventListener('message', ({ data, lastEventId }) => came.push(`${lastEventId} ${data}`))
  source.addEventListener('named', ({ data, lastEventId }) => came.push(`${lastEventId} named ${data}`))
  while (stream.requests < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  stream.publish('third')
  while (came.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(came).toEqual(['1 first', '2 named two\nlines', '3 third'])
  stream.fault('gone', 0)
  while (source.readyState !== source.CLOSED) await new Promise((resolve) => setTimeout(resolve, 5))
})
