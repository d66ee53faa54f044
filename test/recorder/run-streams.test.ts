import { expect, it } from 'vitest'
import { openTape, type RunStream } from '../../recorder/index.js'
import { START, trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const path = temporaryPaths()

const asked: RunStream = {
  venue: 'testex',
  symbol: 'BTC/USD',
  channel: 'trade',
  instrument: null,
  askedAt: START,
  confirmedAt: null,
  refused: null,
  endedAt: null,
}

it('a stream that was stated is updated by what is stated later, each run for itself', async () => {
  const file = path()
  for (const run of [1, 2]) {
    await using recorder = openTape(file, { mode: 'write', clock: new VirtualClock() })
    recorder.recordStreams([asked, { ...asked, channel: 'book', refused: 'no such pair' }])
    if (run === 2) {
      recorder.record(trade())
      await recorder.flush()
      recorder.recordStreams([
        { ...asked, instrument: 'tBTCUSD', confirmedAt: START + 5, endedAt: START + 9 },
      ])
    }
  }
  using tape = openTape(file)
  const refused = { ...asked, channel: 'book', refused: 'no such pair' }
  expect(tape.runs()).toMatchObject([
    { id: 1, firstEvent: 1, streams: [asked, refused] },
    {
      id: 2,
      firstEvent: 1,
      streams: [{ ...asked, instrument: 'tBTCUSD', confirmedAt: START + 5, endedAt: START + 9 }, refused],
    },
  ])
  expect(tape.query('SELECT * FROM subscriptions WHERE recording = 2 AND channel = ?', 'trade')).toEqual([
    {
      recording: 2,
      venue: 'testex',
      symbol: 'BTC/USD',
      instrument: 'tBTCUSD',
      channel: 'trade',
      asked: '2024-05-01T00:00:00.000000Z',
      confirmed: '2024-05-01T00:00:00.000005Z',
      refused: null,
      ended: '2024-05-01T00:00:00.000009Z',
    },
  ])
})

it('a run of which nothing came is on the tape with what it asked for, before it ends', async () => {
  const file = path()
  const clock = new VirtualClock()
  await using recorder = openTape(file, { mode: 'write', clock })
  recorder.recordStreams([asked])
  clock.pass(500)
  {
    using tape = openTape(file)
    expect(tape.runs()).toMatchObject([{ id: 1, closed: null, streams: [asked] }])
    expect([...tape.replay()]).toEqual([])
  }
  await recorder.close()
  using tape = openTape(file)
  expect(tape.runs()).toMatchObject([{ id: 1, closed: START + 500_000, streams: [asked] }])
  expect(tape.query('SELECT id, first_event, last_event FROM recordings')).toEqual([
    { id: 1, first_event: 1, last_event: null },
  ])
  expect(() => recorder.recordStreams([asked])).toThrow(/is closed/)
})
