import { expect, test } from 'vitest'
import { bitfinex } from '../../connectors/bitfinex/index.js'
import { openTape, type RecordOptions, type RecordSummary, record } from '../../recorder/index.js'
import { bitfinexSimulator } from '../../simulators/index.js'
import { type FeedOptions, openFeed } from '../../src/feed/feed.js'
import { virtualPlatform } from '../../src/simulator/index.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()
const HOST = '127.0.0.1:9000'

/** A recording of a simulated venue, both under a clock that goes only when it is told to. */
function stage(
  symbols: readonly string[],
  options: { readonly record?: RecordOptions; readonly feed?: FeedOptions; readonly away?: boolean } = {},
) {
  const platform = virtualPlatform()
  const host = platform.serve(bitfinexSimulator(), { hosts: [HOST] })
  if (options.away === true) host.part()
  const connector = bitfinex({ url: `ws://${HOST}`, symbols, channels: ['trade', 'book'] })
  const feed = openFeed([connector], { platform, ...options.feed })
  const file = path()
  const recorder = openTape(file, { mode: 'write', clock: platform.clock })
  const began = platform.clock.now()
  const recording = record(feed, recorder, { clock: platform.clock, ...options.record })
  // A test looks at the failure when time has passed.
  recording.catch(() => {})
  return {
    platform,
    file,
    feed,
    recorder,
    began,
    recording,
    async end(): Promise<RecordSummary> {
      const closing = feed.close()
      await platform.advance(3000)
      await closing
      return recording
    },
  }
}

test('records a feed until it ends, and says what came', async () => {
  const { platform, file, recorder, began, end } = stage(['BTC/USD'])
  await platform.advance(10_000)
  const summary = await end()
  expect(recorder.state).toBe('closed')
  using tape = openTape(file)
  const events = [...tape.replay()]
  expect(summary.events).toBe(events.length)
  expect(summary.types.trade).toBe(events.filter(({ type }) => type === 'trade').length)
  expect(summary).toMatchObject({ gaps: {}, malformed: 0 })
  const data = events.filter((event) => 'channel' in event && event.type !== 'instrument')
  expect([summary.first, summary.last]).toEqual([data[0]?.receiveTime, data.at(-1)?.receiveTime])
  expect(summary.streams).toMatchObject([
    { symbol: 'BTC/USD', channel: 'trade', state: 'live', events: summary.types.trade },
    { symbol: 'BTC/USD', channel: 'book', state: 'live' },
  ])
  const [run] = tape.runs()
  expect(run).toMatchObject({ closed: expect.any(Number) })
  const stated = summary.streams.map(({ channel, confirmedAt }) => ({
    venue: 'bitfinex',
    symbol: 'BTC/USD',
    channel,
    instrument: 'tBTCUSD',
    askedAt: began,
    confirmedAt,
    refused: null,
    endedAt: null,
  }))
  expect(run?.streams).toEqual(stated)
})

test('what was asked for by the venue’s own id is on the tape once, under its symbol', async () => {
  const { platform, file, end } = stage(['tBTCUSD'])
  await platform.advance(5000)
  await end()
  using tape = openTape(file)
  expect(tape.runs()[0]?.streams).toMatchObject([
    { symbol: 'BTC/USD', instrument: 'tBTCUSD', channel: 'trade' },
    { symbol: 'BTC/USD', instrument: 'tBTCUSD', channel: 'book' },
  ])
  expect(tape.runs()[0]?.streams).toHaveLength(2)
})

test('a symbol that the venue does not list is on the tape as refused, and the recording fails with it', async () => {
  const ended: RecordSummary[] = []
  const { platform, file, recorder, recording } = stage(['BTC/USD', 'NOSUCH/USD'], {
    record: { onEnd: (summary) => void ended.push(summary) },
  })
  await platform.advance(20_000)
  await expect(recording).rejects.toMatchObject({ code: 'unknown_symbol' })
  expect(recorder.state).toBe('closed')
  expect(ended).toHaveLength(1)
  expect(ended[0]?.streams.filter(({ state }) => state === 'refused')).toHaveLength(2)
  using tape = openTape(file)
  expect(tape.runs()[0]).toMatchObject({ closed: expect.any(Number) })
  expect(tape.runs()[0]?.streams.filter(({ symbol }) => symbol === 'NOSUCH/USD')).toMatchObject([
    { channel: 'trade', instrument: null, confirmedAt: null, refused: expect.stringContaining('NOSUCH/USD') },
    { channel: 'book', instrument: null, confirmedAt: null, refused: expect.stringContaining('NOSUCH/USD') },
  ])
})

test('streams of a venue that is never reached are on the tape at once, and nothing came of them', async () => {
  const { platform, file, end, began } = stage(['BTC/USD'], { away: true })
  await platform.advance(1000)
  {
    using tape = openTape(file)
    expect(tape.runs()[0]?.streams).toMatchObject([{ channel: 'trade' }, { channel: 'book' }])
  }
  await platform.advance(120_000)
  const summary = await end()
  expect(summary).toMatchObject({ first: null, last: null, streams: [{ events: 0 }, { events: 0 }] })
  using tape = openTape(file)
  const unheard = { symbol: 'BTC/USD', askedAt: began, confirmedAt: null, refused: null, endedAt: null }
  expect(tape.runs()[0]?.streams).toMatchObject([unheard, unheard])
  expect(tape.runs()[0]?.streams).toHaveLength(2)
})

test('streams of a venue that is given up have ended', async () => {
  const { platform, file, end, began } = stage(['BTC/USD'], { away: true, feed: { maxAttempts: 2 } })
  await platform.advance(300_000)
  await end().catch((error: unknown) => expect(error).toMatchObject({ code: 'gave_up' }))
  using tape = openTape(file)
  for (const stream of tape.runs()[0]?.streams ?? []) expect(stream.endedAt).toBeGreaterThan(began)
  expect(tape.runs()[0]?.streams).toHaveLength(2)
})

test('a stream that is given up while recording has ended, and one that is added is stated', async () => {
  const { platform, file, feed, end } = stage(['BTC/USD'])
  await platform.advance(5000)
  const at = platform.clock.now()
  feed.unsubscribe('bitfinex', ['BTC/USD'], ['book'])
  feed.subscribe('bitfinex', ['ETH/USD'], ['trade'])
  await platform.advance(2000)
  {
    using tape = openTape(file)
    expect(tape.runs()[0]?.streams).toMatchObject([
      { symbol: 'BTC/USD', channel: 'trade', endedAt: null },
      { symbol: 'BTC/USD', channel: 'book', endedAt: at },
      { symbol: 'ETH/USD', channel: 'trade', askedAt: at, endedAt: null },
    ])
  }
  await end()
})

test('everything is closed, whatever else fails, and each failure is told', async () => {
  const closed: string[] = []
  const broken = {
    close() {
      closed.push('broken')
      throw new Error('the disk of the frame log is full')
    },
  }
  const fine = { close: () => void closed.push('fine') }
  const one = stage(['BTC/USD'], { record: { alsoClose: [broken, fine] } })
  await one.platform.advance(3000)
  await expect(one.end()).rejects.toThrow('the disk of the frame log is full')
  expect(closed).toEqual(['broken', 'fine'])
  expect(one.recorder.state).toBe('closed')

  const two = stage(['NOSUCH/USD'], { record: { alsoClose: [broken] } })
  await two.platform.advance(20_000)
  await expect(two.recording).rejects.toMatchObject({
    code: 'recording_failed',
    message: expect.stringMatching(/NOSUCH\/USD.*the disk of the frame log is full/),
    cause: { errors: [{ code: 'unknown_symbol' }, expect.any(Error)] },
  })
  expect(two.recorder.state).toBe('closed')
})

test('a reader of the events that throws ends the recording, and what was recorded is kept', async () => {
  let seen = 0
  const { platform, file, recorder, recording, feed } = stage(['BTC/USD'], {
    record: {
      onEvent: () => {
        seen++
        if (seen === 20) throw new Error('twenty are enough')
      },
    },
  })
  await platform.advance(10_000)
  await expect(recording).rejects.toThrow('twenty are enough')
  await feed.done
  expect(recorder.state).toBe('closed')
  using tape = openTape(file)
  expect([...tape.replay()]).toHaveLength(20)
})
