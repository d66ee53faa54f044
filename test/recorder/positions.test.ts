import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { blockchain } from '../../connectors/blockchain/index.js'
import { openTape, record } from '../../recorder/index.js'
import type { GapEvent, MarketEvent } from '../../schemas/events.js'
import { simulateBlockchain } from '../../simulators/index.js'
import { openFeed } from '../../src/feed/feed.js'
import { virtualPlatform } from '../../src/simulator/index.js'
import { gap, START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()
const HOST = '127.0.0.1:9000'

/** Records a feed of the simulated venue for some seconds of its own time. */
async function recorded(file: string, seed: number): Promise<{ epoch: string; events: MarketEvent[] }> {
  const platform = virtualPlatform({ seed })
  platform.serve(simulateBlockchain({ seed, stepsPerSecond: 10 }), { hosts: [HOST] })
  const feed = openFeed([blockchain({ url: `ws://${HOST}`, symbols: ['BTC/USD'] })], { platform })
  const events: MarketEvent[] = []
  const { epoch } = feed
  const recorder = openTape(file, { mode: 'write' })
  const recording = record(feed, recorder, { onEvent: (event) => void events.push(event) })
  await platform.advance(8_000)
  const closing = feed.close()
  await platform.advance(3_000)
  await closing
  await recording
  return { epoch, events }
}

it('a tape knows the feed of each run, and where in it each event stands', async () => {
  const file = path()
  const { epoch, events } = await recorded(file, 5)
  using tape = openTape(file)
  expect(tape.query('SELECT epoch FROM runs')).toEqual([{ epoch }])
  const entries = [...tape.entries()]
  expect(entries.map(({ offset }) => offset)).toEqual(events.map((_, index) => index + 1))
  let last = 0
  for (const { emitted, event } of entries) {
    expect(emitted).toBeGreaterThanOrEqual(Math.max(last, event.receiveTime ?? 0))
    last = emitted ?? 0
  }
  expect(entries.map(({ event }) => event)).toEqual(events)
})

it('a run that goes on with a tape begins with a gap after the last event of the former feed', async () => {
  const file = path()
  const first = await recorded(file, 5)
  await recorded(file, 6)
  using tape = openTape(file)
  const book = first.events.findLast((event) => 'channel' in event && event.channel === 'book')
  const pause = [...tape.replay({ types: ['gap'] })].find(
    (event): event is GapEvent => event.type === 'gap' && event.channel === 'book',
  )
  expect(pause).toMatchObject({
    reason: 'not_recording',
    n: null,
    after: { epoch: first.epoch, n: book && 'n' in book ? book.n : null, receiveTime: book?.receiveTime },
    before: null,
  })
})

it('the moment of an event is that of its emission: a query and a book know nothing earlier than the live reader', async () => {
  const file = path()
  const recorder = openTape(file, { mode: 'write' })
  const at = (seconds: number) => START + seconds * 1_000_000
  const epoch = 'feed'
  recorder.record(snapshot([['1', '1']], [['9', '1']], { receiveTime: at(0) }), {
    epoch,
    offset: 1,
    emitted: at(0),
  })
  // Received in the second second, and kept back until the fifth.
  recorder.record(update([['1', '2']], [], { n: 2, receiveTime: at(2) }), {
    epoch,
    offset: 2,
    emitted: at(5),
  })
  recorder.record(trade({ receiveTime: at(3) }), { epoch, offset: 3, emitted: at(5) })
  await recorder.close()
  using tape = openTape(file)
  expect([...tape.replay({ to: at(4) })]).toHaveLength(1)
  expect([...tape.replay({ from: at(4) })].map(({ type }) => type)).toEqual(['book_update', 'trade'])
  const best = (seconds: number) =>
    tape.bookAt({ venue: 'testex', symbol: 'BTC/USD' }, at(seconds))?.book.best().bid
  expect(best(4)).toEqual(['1', '1'])
  expect(best(6)).toEqual(['1', '2'])
  expect([...tape.replay()].map(({ receiveTime }) => receiveTime)).toEqual([at(0), at(2), at(3)])
})

it('what a recorder lost lies after the last event on the tape and before the next one', async () => {
  const file = path()
  const recorder = openTape(file, { mode: 'write', bufferEvents: 1, batchEvents: 1 })
  recorder.record(trade({ id: '1', n: 1 }))
  await recorder.flush()
  const blocker = new Database(file)
  blocker.exec('BEGIN IMMEDIATE')
  for (let n = 2; n <= 6; n++) recorder.record(trade({ id: String(n), n, receiveTime: START + n }))
  blocker.exec('ROLLBACK')
  blocker.close()
  await recorder.flush()
  recorder.record(trade({ id: '7', n: 7, receiveTime: START + 7 }))
  await recorder.close()
  using tape = openTape(file)
  const lost = [...tape.replay({ types: ['gap'] })].filter(({ type }) => type === 'gap')
  const kept = [...tape.replay({ types: ['trade'] })].map((event) => ('n' in event ? event.n : 0))
  const lastKept = kept.filter((n) => n !== 7).at(-1)
  expect(lost[0]).toMatchObject({ n: null, reason: 'not_written', after: { n: lastKept }, before: null })
  expect(lost.at(-1)).toMatchObject({ state: 'closed', before: { n: 7, key: '7' } })
})

it('a gap of a feed is on the tape with its positions', async () => {
  const file = path()
  const position = { epoch: null, n: 1, key: '1', exchangeTime: START, receiveTime: START }
  const open = gap('open', { n: 2, after: position })
  const recorder = openTape(file, { mode: 'write' })
  for (const event of [trade({ n: 1 }), open]) recorder.record(event)
  await recorder.close()
  using tape = openTape(file)
  expect([...tape.replay({ types: ['gap'] })]).toEqual([open])
})
