import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openTape, type RecorderOptions, type RecorderTrouble } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { TapeError } from '../../src/errors.js'
import { START, trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const path = temporaryPaths()

/** One trade a frame, each its own microsecond. */
function frames(count: number, from = 0): MarketEvent[] {
  return Array.from({ length: count }, (_, at) =>
    trade({ id: String(from + at), receiveTime: START + from + at }),
  )
}

function idsOn(file: string): string[] {
  using tape = openTape(file)
  return [...tape.replay()].map((event) => (event.type === 'trade' ? event.id : event.type))
}

function record(options: RecorderOptions = {}) {
  const file = path()
  const clock = new VirtualClock()
  return { file, clock, recorder: openTape(file, { mode: 'write', clock, ...options }) }
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

async function failure(promise: Promise<unknown>): Promise<TapeError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof TapeError)) throw new Error(`expected a TapeError, got ${String(error)}`)
  return error
}

describe('batches', () => {
  it('are written when they are full, and readers see them at once', async () => {
    const { file, recorder } = record({ batchEvents: 10 })
    for (const event of frames(25)) recorder.record(event)
    expect(idsOn(file)).toHaveLength(20)
    expect([recorder.written, recorder.waiting]).toEqual([20, 5])
    await recorder.close()
    expect(idsOn(file)).toHaveLength(25)
  })

  it('are written when their time is over, and no timer stays behind', async () => {
    const { file, recorder, clock } = record({ batchMs: 100 })
    for (const event of frames(3)) recorder.record(event)
    expect(idsOn(file)).toEqual([])
    clock.pass(200)
    expect(idsOn(file)).toEqual(['0', '1', '2'])
    // The look whether the file is still there.
    expect(clock.pending).toBe(1)
    await recorder.close()
    expect(clock.pending).toBe(0)
  })

  it('never divide a frame when they are full', async () => {
    const { file, recorder } = record({ batchEvents: 5 })
    for (let frame = 0; frame < 4; frame++) {
      for (let row = 0; row < 3; row++) {
        recorder.record(trade({ id: `${frame}.${row}`, receiveTime: START + frame }))
      }
    }
    expect(idsOn(file)).toEqual(['0.0', '0.1', '0.2', '1.0', '1.1', '1.2'])
    await recorder.close()
  })

  it('never divide a frame when their time is over while it is still coming', async () => {
    const { file, recorder, clock } = record({ batchMs: 100 })
    recorder.record(trade({ id: 'a', receiveTime: START }))
    recorder.record(trade({ id: 'b1', receiveTime: START + 1 }))
    clock.pass(100)
    expect(idsOn(file)).toEqual(['a'])
    recorder.record(trade({ id: 'b2', receiveTime: START + 1 }))
    clock.pass(100)
    expect(idsOn(file)).toEqual(['a'])
    clock.pass(100)
    expect(idsOn(file)).toEqual(['a', 'b1', 'b2'])
    await recorder.close()
  })

  it('never divide what was given together, though it has no clock', async () => {
    const { file, recorder } = record({ batchEvents: 2 })
    recorder.recordAll(frames(3).map((event) => ({ ...event, receiveTime: null })))
    expect(idsOn(file)).toEqual([])
    recorder.recordAll([trade({ id: 'next', receiveTime: null })])
    expect(idsOn(file)).toEqual(['0', '1', '2'])
    await recorder.close()
    expect(idsOn(file)).toEqual(['0', '1', '2', 'next'])
  })

  it('end a frame that was interrupted by events given together', async () => {
    const { file, recorder } = record({ batchEvents: 1 })
    recorder.record(trade({ id: 'a' }))
    recorder.recordAll([trade({ id: 'b', receiveTime: null })])
    recorder.record(trade({ id: 'c' }))
    expect(idsOn(file)).toEqual(['a', 'b'])
    await recorder.close()
  })

  it('of frames of two venues in the same microsecond are kept apart', async () => {
    const { file, recorder } = record({ batchEvents: 1 })
    recorder.record(trade({ id: 'a', venue: 'one' }))
    recorder.record(trade({ id: 'b', venue: 'two' }))
    expect(idsOn(file)).toEqual(['a'])
    await recorder.close()
  })
})

describe('while another program holds a lock', () => {
  it('events are kept, the failure is reported, and everything is written afterwards', async () => {
    const troubles: RecorderTrouble[] = []
    const { file, recorder, clock } = record({ batchMs: 100, onTrouble: (trouble) => troubles.push(trouble) })
    recorder.record(trade({ id: 'before' }))
    await recorder.flush()
    const other = foreignTransaction(file)
    for (const event of frames(5, 1)) recorder.record(event)
    clock.pass(5_000)
    expect(troubles).toMatchObject([{ kind: 'failing', error: { code: 'tape_busy' }, lost: 0 }])
    expect(recorder.state).toBe('failing')
    expect(recorder.waiting).toBe(5)
    other.end()
    clock.pass(2_000)
    expect(recorder.state).toBe('recording')
    expect(troubles.map(({ kind }) => kind)).toEqual(['failing', 'recovered'])
    expect(troubles[1]?.message).toMatch(/can be written again after \d s; nothing was lost/)
    expect(idsOn(file)).toEqual(['before', '1', '2', '3', '4', '5'])
    await recorder.close()
  })

  it('flush rejects and keeps the events', async () => {
    const { file, recorder } = record()
    recorder.record(trade({ id: 'a' }))
    const other = foreignTransaction(file)
    const error = await failure(recorder.flush())
    expect(error.code).toBe('tape_busy')
    expect(error.retryable).toBe(true)
    expect(error.message).toContain('end that program')
    other.end()
    await recorder.flush()
    expect(idsOn(file)).toEqual(['a'])
    await recorder.close()
  })

  it('close waits for it', async () => {
    const { file, recorder } = record()
    recorder.record(trade({ id: 'a' }))
    const other = foreignTransaction(file)
    const closing = recorder.close()
    other.end()
    await closing
    expect(idsOn(file)).toEqual(['a'])
  })
})

describe('a closed recorder', () => {
  it('takes nothing more and says so', async () => {
    const { recorder, clock } = record()
    recorder.record(trade())
    await recorder.close()
    await recorder.close()
    expect(recorder.state).toBe('closed')
    expect(clock.pending).toBe(0)
    expect(() => recorder.record(trade())).toThrow(/is closed: open the tape again/)
    expect(() => recorder.recordAll([trade()])).toThrow(TapeError)
    expect((await failure(recorder.flush())).code).toBe('tape_closed')
  })

  it('leaves nothing but the tape itself', async () => {
    const { file, recorder } = record()
    recorder.record(trade())
    await recorder.close()
    using tape = openTape(file)
    expect([...tape.replay()]).toHaveLength(1)
    tape.close()
    const { readdirSync } = await import('node:fs')
    const { basename, dirname } = await import('node:path')
    const beside = readdirSync(dirname(file)).filter((name) => name.startsWith(basename(file)))
    expect(beside).toEqual([basename(file)])
  })
})

describe('recording again to the same tape', () => {
  it('goes on after what is there, and the tape knows both recordings', async () => {
    const file = path()
    for (const [from, opened] of [
      [0, START],
      [3, START + 60_000_000],
    ] as const) {
      const clock = new VirtualClock()
      clock.pass((opened - START) / 1000)
      const recorder = openTape(file, { mode: 'write', clock })
      for (const event of frames(3, from)) recorder.record(event)
      clock.pass(1_000)
      await recorder.close()
    }
    expect(idsOn(file)).toEqual(['0', '1', '2', 'gap', 'gap', '3', '4', '5'])
    using tape = openTape(file)
    expect(tape.runs()).toMatchObject([
      { firstEvent: 1, opened: START, closed: START + 1_000_000 },
      { firstEvent: 4, opened: START + 60_000_000, closed: START + 61_000_000 },
    ])
    expect(tape.runs()[0]?.writer).toMatch(/^tapewire \d+\.\d+\.\d+/)
    expect(tape.streams()).toHaveLength(1)
  })

  it('an opening in which nothing was recorded leaves no trace', async () => {
    const { file, recorder } = record()
    await recorder.close()
    using tape = openTape(file)
    expect(tape.runs()).toEqual([])
    expect([...tape.replay()]).toEqual([])
  })

  it('a writer that meddles with the events while they are recorded is noticed', async () => {
    const { file, recorder } = record()
    recorder.record(trade())
    await recorder.flush()
    const db = new Database(file)
    db.exec(
      'INSERT INTO events SELECT 7, stream, type, exchange_time, receive_time, body, n, offset, emitted FROM events',
    )
    db.close()
    recorder.record(trade({ receiveTime: START + 1 }))
    expect((await failure(recorder.flush())).code).toBe('tape_damaged')
    await failure(recorder.close())
  })
})

describe('options', () => {
  it.each([
    [{ batchEvents: 0 }, /batchEvents/],
    [{ batchMs: -1 }, /batchMs/],
    [{ bufferEvents: 1.5 }, /bufferEvents.*1\.5/],
    [{ maxBytes: 10 }, /maxBytes/],
    [{ bufferBytes: 0 }, /bufferBytes/],
    [{ bacthEvents: 5 }, /no option bacthEvents/],
  ])('%j are refused by name', (options, message) => {
    expect(() => openTape(path(), { mode: 'write', ...options })).toThrow(message)
  })
})
