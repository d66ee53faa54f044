import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import {
  openTape,
  type Recorder,
  type RecorderOptions,
  type RecorderTrouble,
  verifyTape,
} from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { TapeError } from '../../src/errors.js'
import { mayMount, smallDisk } from '../support/small-disk.js'
import { gap, START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const path = temporaryPaths()

function record(file: string, options: RecorderOptions = {}) {
  const clock = new VirtualClock()
  const troubles: RecorderTrouble[] = []
  const onTrouble = (trouble: RecorderTrouble) => void troubles.push(trouble)
  const recorder = openTape(file, { mode: 'write', clock, onTrouble, ...options })
  return { clock, troubles, recorder }
}

/** Another program that holds the tape's write lock until it is let go. */
function foreignTransaction(file: string): { end(): void } {
  const db = new Database(file)
  db.exec('BEGIN IMMEDIATE')
  return {
    end() {
      db.exec('ROLLBACK')
      db.close()
    },
  }
}

/** Fills the buffer of a recorder (`bufferEvents: 3`) with trades of another market, while the tape is locked. */
function fill(recorder: Recorder, at: number): void {
  for (let n = 0; n < 3; n++) {
    recorder.record(trade({ instrument: 'tFILL', symbol: 'FIL/USD', id: `${n}`, receiveTime: at + n }))
  }
}

/** What is on the tape, without the market that filled the buffer. */
function story(file: string): string[] {
  using tape = openTape(file)
  return [...tape.replay()].flatMap((event) =>
    'symbol' in event && event.symbol === 'FIL/USD' ? [] : [tell(event)],
  )
}

function tell(event: MarketEvent): string {
  if (event.type === 'gap') return `${event.channel} ${event.reason} ${event.state}`
  return event.type === 'trade' ? `trade ${event.id}` : event.type
}

async function failure(promise: Promise<unknown>): Promise<TapeError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof TapeError)) throw new Error(`expected a TapeError, got ${String(error)}`)
  return error
}

describe('events that find no room while the tape cannot be written', () => {
  const small = { batchEvents: 1, bufferEvents: 3 }

  it('are counted, and are a gap on the tape that ends with the next event of the stream', async () => {
    const file = path()
    const { recorder, clock } = record(file, small)
    recorder.record(trade({ id: 'good', receiveTime: START + 1 }))
    await recorder.flush()
    const other = foreignTransaction(file)
    fill(recorder, START + 2)
    for (let n = 0; n < 5; n++) recorder.record(trade({ id: `lost ${n}`, receiveTime: START + 10 + n }))
    expect(recorder.stats).toMatchObject({ state: 'losing', waiting: 4, lost: 5, failingSince: START })
    other.end()
    clock.pass(1_000)
    expect(recorder.state).toBe('recording')
    recorder.record(trade({ id: 'again', receiveTime: START + 100 }))
    await recorder.close()
    expect(story(file)).toEqual([
      'trade good',
      'trade not_written open',
      'trade not_written closed',
      'trade again',
    ])
    using tape = openTape(file)
    const [opened, closed] = [...tape.replay({ types: ['gap'] })]
    expect(opened).toMatchObject({ from: START + 1, to: null, receiveTime: START + 10 })
    expect(closed).toMatchObject({ from: START + 1, to: START + 100, healed: false })
    expect(closed?.detail).toMatch(/another program holds a lock .*: 5 events lost, received from .* to /)
    expect(verifyTape(tape).whole).toBe(false)
    expect(tape.runs()[0]?.closed).not.toBeNull()
  })

  it('are in a gap as wide as the times at which they came, where they are not told in that order', async () => {
    const file = path()
    const { recorder, clock } = record(file, small)
    recorder.record(trade({ id: 'good', receiveTime: START + 40 }))
    await recorder.flush()
    const other = foreignTransaction(file)
    fill(recorder, START + 40)
    // The first and the last of them waited for history, which came after them and is emitted before the last.
    for (const [id, at] of [
      ['waited', 30],
      ['history', 60],
      ['waited too', 20],
    ] as const)
      recorder.record(trade({ id, receiveTime: START + at }))
    other.end()
    clock.pass(1_000)
    recorder.record(trade({ id: 'again', receiveTime: START + 50 }))
    await recorder.close()
    using tape = openTape(file)
    const [opened, closed] = [...tape.replay({ types: ['gap'] })]
    expect(opened).toMatchObject({ state: 'open', from: START + 30 })
    expect(closed).toMatchObject({ state: 'closed', from: START + 20, to: START + 60, healed: false })
    expect(verifyTape(tape).findings.map(({ code }) => code)).toEqual(['gap_unhealed'])
  })

  it('are data of streams in every count, whatever else was lost with them', async () => {
    const file = path()
    const { recorder, clock, troubles } = record(file, small)
    recorder.record(snapshot([['1', '1']], [['2', '1']], { receiveTime: START }))
    await recorder.flush()
    const other = foreignTransaction(file)
    fill(recorder, START + 1)
    recorder.record(gap('open', { from: START, receiveTime: START + 10 }))
    recorder.record(update([['1', '7']], [], { receiveTime: START + 11 }))
    recorder.record(gap('closed', { from: START, to: START + 12, receiveTime: START + 12 }))
    recorder.record(snapshot([['1', '7']], [['2', '1']], { receiveTime: START + 12 }))
    expect(recorder.stats).toMatchObject({ state: 'losing', lost: 2 })
    other.end()
    clock.pass(1_000)
    expect(troubles.at(-1)).toMatchObject({ kind: 'recovered', lost: 2 })
    recorder.record(snapshot([['1', '8']], [['2', '1']], { receiveTime: START + 30 }))
    await recorder.close()
    using tape = openTape(file)
    const closed = [...tape.replay({ types: ['gap'] })].find(({ state }) => state === 'closed')
    expect(closed?.detail).toContain(': 2 events lost, received from ')
    expect(verifyTape(tape).events).toBe(5)
  })

  it('of a stream that is silent afterwards are a gap that ends with the recording', async () => {
    const file = path()
    const { recorder, clock } = record(file, small)
    const other = foreignTransaction(file)
    fill(recorder, START)
    recorder.record(trade({ id: 'lost', receiveTime: START + 10 }))
    other.end()
    clock.pass(1_000)
    recorder.record(trade({ symbol: 'FIL/USD', instrument: 'tFILL', receiveTime: START + 50 }))
    await recorder.close()
    expect(story(file)).toEqual(['trade not_written open', 'trade not_written closed'])
    using tape = openTape(file)
    expect([...tape.replay({ types: ['gap'] })].map(({ from, to }) => [from, to])).toContainEqual([
      null,
      START + 50,
    ])
  })

  it('of a book are a gap that ends with the next snapshot, and no sooner', async () => {
    const file = path()
    const { recorder, clock } = record(file, small)
    recorder.record(snapshot([['1', '1']], [['2', '1']], { receiveTime: START }))
    await recorder.flush()
    const other = foreignTransaction(file)
    fill(recorder, START + 1)
    recorder.record(update([['1', '7']], [], { receiveTime: START + 10 }))
    other.end()
    clock.pass(1_000)
    recorder.record(update([['1', '8']], [], { receiveTime: START + 20 }))
    await recorder.flush()
    {
      using tape = openTape(file)
      expect(tape.bookAt({ venue: 'testex', symbol: 'BTC/USD' }, START + 25)?.book.state).toBe('suspect')
    }
    recorder.record(snapshot([['1', '8']], [['2', '1']], { receiveTime: START + 30 }))
    await recorder.close()
    expect(story(file)).toEqual([
      'book_snapshot',
      'book not_written open',
      'book_update',
      'book not_written closed',
      'book_snapshot',
    ])
    using tape = openTape(file)
    expect(tape.bookAt({ venue: 'testex', symbol: 'BTC/USD' }, START + 30)?.book.state).toBe('live')
  })

  it('never leave two gaps open on one stream, whatever gaps the feed itself had', async () => {
    const file = path()
    const { recorder, clock } = record(file, small)
    recorder.record(gap('open', { channel: 'trade', from: START, receiveTime: START + 1 }))
    await recorder.flush()
    const other = foreignTransaction(file)
    fill(recorder, START + 2)
    recorder.record(trade({ id: 'lost', receiveTime: START + 10 }))
    other.end()
    clock.pass(1_000)
    recorder.record(trade({ id: 'filled in', historical: true, receiveTime: START + 20 }))
    recorder.record(gap('closed', { channel: 'trade', from: START, to: START + 20, receiveTime: START + 20 }))
    recorder.record(trade({ id: 'after', receiveTime: START + 30 }))
    await recorder.close()
    expect(story(file)).toEqual([
      'trade disconnected open',
      'trade disconnected closed',
      'trade not_written open',
      'trade filled in',
      'trade not_written closed',
      'trade after',
    ])
    using tape = openTape(file)
    expect(verifyTape(tape).findings.map(({ code }) => code)).not.toContain('gap_unpaired')
  })

  it('that held the beginning of a gap take its end into their own', async () => {
    const file = path()
    const { recorder, clock } = record(file, small)
    recorder.record(snapshot([['1', '1']], [['2', '1']], { receiveTime: START }))
    await recorder.flush()
    const other = foreignTransaction(file)
    fill(recorder, START + 2)
    recorder.record(gap('open', { from: START, receiveTime: START + 10 }))
    other.end()
    clock.pass(1_000)
    recorder.record(gap('closed', { from: START, to: START + 20, receiveTime: START + 20 }))
    recorder.record(snapshot([['1', '1']], [['2', '1']], { receiveTime: START + 20 }))
    await recorder.close()
    expect(story(file)).toEqual([
      'book_snapshot',
      'book not_written open',
      'book not_written closed',
      'book_snapshot',
    ])
  })

  it('are whole frames: none is divided by the end of the loss', async () => {
    const file = path()
    const { recorder, clock } = record(file, small)
    const other = foreignTransaction(file)
    fill(recorder, START)
    recorder.record(trade({ id: 'first of a frame', receiveTime: START + 10 }))
    other.end()
    clock.pass(1_000)
    recorder.record(trade({ id: 'second of it', receiveTime: START + 10 }))
    recorder.record(trade({ id: 'next', receiveTime: START + 11 }))
    expect(recorder.stats.lost).toBe(2)
    await recorder.close()
    expect(story(file)).toEqual(['trade not_written open', 'trade not_written closed', 'trade next'])
  })

  it('are bounded in bytes too, not in characters', async () => {
    const file = path()
    const { recorder } = record(file, { batchEvents: 1, bufferBytes: 2_500 })
    const other = foreignTransaction(file)
    recorder.record(trade({ id: '\u6f22'.repeat(1_000), receiveTime: START }))
    expect(recorder.stats.waitingBytes).toBeGreaterThan(3_000)
    recorder.record(trade({ id: 'y', receiveTime: START + 1 }))
    expect(recorder.stats).toMatchObject({ state: 'losing', lost: 1 })
    other.end()
    await recorder.close()
    expect(story(file)).toEqual([
      `trade ${'\u6f22'.repeat(1_000)}`,
      'trade not_written open',
      'trade not_written closed',
    ])
  })

  it('are counted anew each time, in what is reported of it', async () => {
    const { recorder, clock, troubles } = record(path(), small)
    for (const [round, lost] of [5, 2, 3].entries()) {
      const other = foreignTransaction(recorder.path)
      const at = clock.now() + 1
      fill(recorder, at)
      for (let n = 0; n < lost; n++) recorder.record(trade({ id: `${round}.${n}`, receiveTime: at + 10 + n }))
      other.end()
      clock.pass(2_000)
      expect(troubles.splice(0)).toMatchObject([
        { kind: 'failing', lost: 0 },
        { kind: 'losing', lost: 0 },
        { kind: 'recovered', lost },
      ])
      expect(recorder.stats).toMatchObject({ state: 'recording', waiting: 0, waitingBytes: 0 })
    }
    expect(recorder.stats.lost).toBe(10)
    await recorder.close()
  })

  it('are reported when the loss begins, once a minute while it lasts, and when it is over', async () => {
    const file = path()
    const { recorder, clock, troubles } = record(file, small)
    const other = foreignTransaction(file)
    fill(recorder, START)
    for (let second = 0; second < 150; second++) {
      recorder.record(trade({ id: `${second}`, receiveTime: START + 10 + second }))
      clock.pass(1_000)
    }
    expect(troubles.map(({ kind }) => kind)).toEqual(['failing', 'losing', 'losing', 'losing'])
    expect(troubles.map(({ lost }) => lost)).toEqual([0, 0, 60, 120])
    expect(troubles[2]?.message).toMatch(
      /^cannot write to .*: another program holds a lock on it; .* \(since 2024-05-01T00:00:00\.000Z; 60 events lost so far, 4 waiting\)$/,
    )
    other.end()
    clock.pass(1_000)
    expect(troubles.at(-1)).toMatchObject({ kind: 'recovered', lost: 150, since: START })
    expect(troubles.at(-1)?.message).toMatch(
      /after 1\d\d s; 150 events lost, and the tape has gaps for them$/,
    )
    await recorder.close()
  })
})

describe('a lock that is held longer than close waits', () => {
  it('leaves the recording open on the tape, and close says how much was lost', async () => {
    const file = path()
    const { recorder } = record(file)
    recorder.record(trade({ id: 'written' }))
    await recorder.flush()
    const other = foreignTransaction(file)
    for (let n = 0; n < 800; n++) recorder.record(trade({ id: `${n}`, receiveTime: START + 1 + n }))
    const error = await failure(recorder.close())
    expect(error).toMatchObject({ code: 'tape_busy', context: { lost: 800 } })
    expect(error.message).toContain('800 events were lost')
    expect(recorder.state).toBe('closed')
    other.end()
    expect(story(file)).toEqual(['trade written'])
    using tape = openTape(file)
    expect(tape.runs()).toMatchObject([{ closed: null }])
  })

  it('counts data alone among what waits', async () => {
    const file = path()
    const { recorder } = record(file)
    recorder.record(trade({ id: 'written' }))
    await recorder.flush()
    const other = foreignTransaction(file)
    recorder.record(gap('open', { channel: 'trade', from: START, receiveTime: START + 1 }))
    recorder.record(gap('closed', { channel: 'trade', from: START, to: START + 2, receiveTime: START + 2 }))
    recorder.record(trade({ id: 'lost', receiveTime: START + 3 }))
    expect(recorder.stats).toMatchObject({ waiting: 3, lost: 0 })
    const error = await failure(recorder.close())
    expect(error).toMatchObject({ code: 'tape_busy', context: { lost: 1 } })
    expect(error.message).toContain('(1 event was lost)')
    expect(recorder.stats).toMatchObject({ lost: 1, lostWithoutGap: 1 })
    other.end()
  })
})

describe('a tape that may not grow', () => {
  it('holds what fits, and is not closed', async () => {
    const file = path()
    const { recorder, troubles } = record(file, { batchEvents: 100, bufferEvents: 1_000, maxBytes: 200_000 })
    for (let n = 0; n < 5_000; n++) recorder.record(trade({ id: `${n}`, receiveTime: START + n }))
    expect(troubles.map(({ kind }) => kind)).toEqual(['failing', 'losing'])
    expect(troubles[0]?.error).toMatchObject({ code: 'tape_full', retryable: true })
    const error = await failure(recorder.close())
    expect(error.code).toBe('tape_full')
    using tape = openTape(file)
    const written = [...tape.replay()]
    expect(written.length).toBeGreaterThan(500)
    expect(written.length % 100).toBe(0)
    expect(error.context['lost']).toBe(5_000 - written.length)
    expect(tape.runs()).toMatchObject([{ closed: null }])
    expect(tape.query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  })
})

describe.skipIf(!mayMount)('a disk that is full', () => {
  it('gets the gaps as soon as there is room', async () => {
    const folder = smallDisk(1024)
    const ballast = join(folder, 'ballast')
    writeFileSync(ballast, Buffer.alloc(400 * 1024))
    const file = join(folder, 'tape.db')
    const { recorder, clock, troubles } = record(file, { batchEvents: 100, bufferEvents: 500 })
    let received = START
    for (let n = 0; n < 8_000; n++) recorder.record(trade({ id: `${n}`, receiveTime: ++received }))
    expect(troubles.map(({ kind }) => kind)).toEqual(['failing', 'losing'])
    const { lost } = recorder.stats
    expect(lost).toBeGreaterThan(1_000)
    rmSync(ballast)
    clock.pass(1_000)
    expect(troubles.at(-1)).toMatchObject({ kind: 'recovered', lost })
    recorder.record(trade({ id: 'after', receiveTime: ++received }))
    await recorder.close()
    using tape = openTape(file)
    expect(tape.runs()[0]?.closed).not.toBeNull()
    const events = [...tape.replay()]
    const trades = events.filter(({ type }) => type === 'trade')
    expect(trades).toHaveLength(8_001 - lost)
    expect(events.slice(-3).map(tell)).toEqual([
      'trade not_written open',
      'trade not_written closed',
      'trade after',
    ])
    expect(verifyTape(tape).whole).toBe(false)
  })

  it('that stays full leaves what was written readable, and the recording open', async () => {
    const file = join(smallDisk(300), 'tape.db')
    const { recorder } = record(file, { batchEvents: 100, bufferEvents: 500 })
    for (let n = 0; n < 8_000; n++) recorder.record(trade({ id: `${n}`, receiveTime: START + n }))
    const error = await failure(recorder.close())
    expect(error.context['lost']).toBeGreaterThan(5_000)
    using tape = openTape(file)
    expect([...tape.replay()].length).toBeGreaterThan(0)
    expect(tape.runs()).toMatchObject([{ closed: null }])
  })
})
