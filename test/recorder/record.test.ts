import { renameSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { bitfinex } from '../../connectors/bitfinex/index.js'
import {
  openTape,
  type RecorderOptions,
  type RecorderTrouble,
  type RecordOptions,
  type RecordSummary,
  record,
  verifyTape,
} from '../../recorder/index.js'
import { bitfinexSimulator } from '../../simulators/index.js'
import { type FeedOptions, openFeed } from '../../src/feed/feed.js'
import { virtualPlatform } from '../../src/simulator/index.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()
const HOST = '127.0.0.1:9000'

/** A recording of a simulated venue, both under a clock that goes only when the test says so. */
function stage(
  symbols: readonly string[],
  options: {
    readonly record?: RecordOptions
    readonly feed?: FeedOptions
    readonly recorder?: RecorderOptions
    readonly away?: boolean
  } = {},
) {
  const platform = virtualPlatform()
  const host = platform.serve(bitfinexSimulator(), { hosts: [HOST] })
  if (options.away === true) host.part()
  const connector = bitfinex({ url: `ws://${HOST}`, symbols, channels: ['trade', 'book'] })
  const feed = openFeed([connector], { platform, ...options.feed })
  const file = path()
  const recorder = openTape(file, { mode: 'write', clock: platform.clock, ...options.recorder })
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
  expect(summary.events).toBe(verifyTape(tape).events)
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

test('everything is closed, whatever else fails, and each failure is reported', async () => {
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

/** Gaps and snapshots of the books on a tape, in order, each followed by its moment in seconds since `from`. */
function bookStory(file: string, from: number): string[] {
  using tape = openTape(file)
  const story: string[] = []
  for (const event of tape.replay({ channels: ['book'] })) {
    if (event.type === 'book_update' || event.type === 'checksum') continue
    const seconds = Math.floor(((event.receiveTime ?? 0) - from) / 1_000_000)
    const what = event.type === 'gap' ? `${event.reason} ${event.state}` : event.type
    story.push(`${what} ${seconds}`)
  }
  return story
}

test.each([
  ['moved', (file: string) => renameSync(file, `${file}.old`), 'is in the former file, if that was renamed'],
  ['deleted', (file: string) => rmSync(file), 'What was recorded before is gone: '],
])(
  'the tape is %s: a snapshot makes each book whole on the new one within seconds',
  async (_how, take, said) => {
    const troubles: RecorderTrouble[] = []
    const { platform, file, recorder, end } = stage(['BTC/USD', 'ETH/USD'], {
      recorder: { onTrouble: (trouble) => void troubles.push(trouble) },
    })
    await platform.advance(10_000)
    const at = platform.clock.now()
    take(file)
    await platform.advance(120_000)
    expect(recorder.stats.gaps).toEqual({ opened: { joined_late: 2 }, open: 0 })
    expect(recorder.booksWanted).toEqual([])
    const summary = await end()
    expect(summary.gaps).toEqual({ joined_late: 2, overflow: 2 })
    expect(troubles.map(({ kind }) => kind)).toEqual(['moved'])
    expect(troubles[0]?.message).toContain(said)

    expect(recorder.path).not.toBe(file)
    const story = bookStory(recorder.path, at)
    for (const kind of [
      'joined_late open',
      'joined_late closed',
      'overflow open',
      'overflow closed',
      'book_snapshot',
    ]) {
      const moments = story.filter((one) => one.startsWith(`${kind} `))
      expect(moments, kind).toHaveLength(2)
      for (const one of moments) expect(Number(one.split(' ').at(-1)), one).toBeLessThan(5)
    }
    using tape = openTape(recorder.path)
    const { findings, streams } = verifyTape(tape)
    // For each book the gap of the recorder and the one in which the snapshot came; nothing for any change, nothing of trades.
    expect(findings.map(({ channel, code }) => `${channel} ${code}`)).toEqual(
      Array.from({ length: 4 }, () => 'book gap_at_start'),
    )
    expect(streams.map(({ channel, share, missing }) => [channel, share, missing])).toEqual([
      ['book', 1, 0],
      ['trade', 1, 0],
      ['book', 1, 0],
      ['trade', 1, 0],
    ])
  },
)

test('events of a book are lost: a snapshot is asked for when the tape can be written again', async () => {
  const { platform, file, recorder, end } = stage(['BTC/USD'], { recorder: { bufferEvents: 20 } })
  await platform.advance(10_000)
  const at = platform.clock.now()
  const other = new Database(file)
  other.exec('BEGIN IMMEDIATE')
  await platform.advance(20_000)
  expect(recorder.state).toBe('losing')
  expect(recorder.booksWanted).toEqual([])
  other.exec('ROLLBACK')
  other.close()
  await platform.advance(60_000)
  expect(recorder.stats.gaps).toMatchObject({ opened: { not_written: 2 }, open: 0 })
  const summary = await end()
  expect(summary.gaps).toEqual({ not_written: 2, overflow: 1 })
  const story = bookStory(file, at)
  expect(story.at(-1)).toMatch(/^book_snapshot 2\d$/)
  using tape = openTape(file)
  expect(verifyTape(tape).findings.map(({ channel, code }) => `${channel} ${code}`)).toEqual([
    'trade gap_unhealed',
    'book gap_unhealed',
    'book gap_uncovered',
  ])
})

test.each([1, 2] as const)(
  'a feed with %i lines is asked for a snapshot of a book, once while a gap is open',
  async (redundancy) => {
    const { platform, file, feed, end } = stage(['BTC/USD'], { feed: { redundancy } })
    await platform.advance(10_000)
    expect(feed.resync('bitfinex', 'tBTCUSD')).toBe(true)
    // With two connections the other one gives the snapshot at once, and the gap is over.
    if (redundancy === 1) expect(feed.resync('bitfinex', 'BTC/USD', 'book')).toBe(true)
    expect(feed.resync('bitfinex', 'ETH/USD')).toBe(false)
    expect(() => feed.resync('bitfinex', 'BTC/USD', 'trade')).toThrow(/carries a book/)
    expect(() => feed.resync('nowhere', 'BTC/USD')).toThrow(/no venue nowhere/)
    await platform.advance(5_000)
    expect(feed.book('bitfinex', 'BTC/USD')?.state).toBe('live')
    const summary = await end()
    expect(feed.resync('bitfinex', 'BTC/USD')).toBe(false)
    expect(summary.gaps).toEqual({ overflow: 1 })
    expect(bookStory(file, 0).map((one) => one.replace(/ \d+$/, ''))).toEqual([
      'book_snapshot',
      'overflow open',
      'overflow closed',
      'book_snapshot',
    ])
  },
)
