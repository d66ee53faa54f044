import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openTape, type RecorderTrouble, verifyTape } from '../../recorder/index.js'
import { gap, START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const paths = temporaryPaths()

/** A tape in a folder of its own, on which one trade is written. */
async function record() {
  const folder = paths('folder')
  mkdirSync(folder)
  const file = join(folder, 'tape.db')
  const clock = new VirtualClock()
  const troubles: RecorderTrouble[] = []
  const recorder = openTape(file, {
    mode: 'write',
    clock,
    batchEvents: 1,
    onTrouble: (trouble) => void troubles.push(trouble),
  })
  recorder.record(trade({ id: 'before', receiveTime: START }))
  await recorder.flush()
  return { folder, file, beside: join(folder, 'tape-2.db'), clock, troubles, recorder }
}

/** The lock that is named for the file itself. */
function lockOfFile(file: string): string {
  const { dev, ino } = statSync(file, { bigint: true })
  return join(tmpdir(), `tapewire-${dev}-${ino}.lock`)
}

function idsOn(file: string): string[] {
  using tape = openTape(file)
  return [...tape.replay({ types: ['trade'] })].map(({ id }) => id)
}

describe('a tape that is taken away while it is recorded to', () => {
  it('renamed: all that was written is under its new name, and the recording goes on beside', async () => {
    const { folder, file, beside, clock, troubles, recorder } = await record()
    clock.pass(500)
    const kept = join(folder, 'kept.db')
    renameSync(file, kept)
    clock.pass(1_000)
    expect(troubles).toMatchObject([{ kind: 'moved', path: beside, error: null }])
    expect(troubles[0]?.message).toMatch(
      /tape\.db was deleted, renamed or replaced .* the recording goes on in .*tape-2\.db/,
    )
    recorder.record(trade({ id: 'after', receiveTime: clock.now() }))
    await recorder.close()
    expect(recorder.stats).toMatchObject({ lost: 0, deleted: 0 })
    expect(readdirSync(folder).sort()).toEqual(['kept.db', 'tape-2.db'])
    expect([idsOn(kept), idsOn(beside)]).toEqual([['before'], ['after']])
    using first = openTape(kept)
    using second = openTape(beside)
    expect(verifyTape(first).findings).toEqual([])
    expect(verifyTape(second).findings).toEqual([])
    expect(first.runs()[0]?.closed).toBe(second.runs()[0]?.opened)
    expect(second.query("SELECT value FROM meta WHERE key = 'continues'")).toEqual([{ value: 'tape.db' }])
  })

  it('deleted: what was on it is counted as lost, and what comes then is in the new file', async () => {
    const { folder, file, beside, clock, troubles, recorder } = await record()
    recorder.record(gap('open', { channel: 'trade', from: START, receiveTime: START }))
    recorder.record(gap('closed', { channel: 'trade', from: START, to: START, receiveTime: START }))
    await recorder.flush()
    recorder.record(trade({ id: 'waiting', receiveTime: START + 1 }))
    rmSync(file)
    rmSync(`${file}-wal`)
    rmSync(`${file}-shm`)
    recorder.record(trade({ id: 'after', receiveTime: START + 2 }))
    expect(troubles).toMatchObject([{ kind: 'moved', lost: 1 }])
    expect(troubles[0]?.message).toMatch(
      /tape\.db was deleted or replaced .* goes on in .*tape-2\.db\. What was recorded before is gone: 1 event lost$/,
    )
    expect(recorder.path).toBe(beside)
    clock.pass(1_000)
    await recorder.close()
    expect(recorder.stats).toMatchObject({ lost: 1, deleted: 1, lostWithoutGap: 0 })
    expect(readdirSync(folder)).toEqual(['tape-2.db'])
    expect(idsOn(beside)).toEqual(['waiting', 'after'])
  })

  it('replaced: neither the other file nor any beside it is written to', async () => {
    const { folder, file, clock, troubles, recorder } = await record()
    const other = join(folder, 'other.db')
    await using writer = openTape(other, { mode: 'write' })
    writer.record(trade({ id: 'of another tape' }))
    await writer.close()
    writeFileSync(join(folder, 'tape-2.db'), 'precious')
    renameSync(other, file)
    clock.pass(1_000)
    expect(troubles).toMatchObject([{ kind: 'moved', path: join(folder, 'tape-3.db') }])
    recorder.record(trade({ id: 'after', receiveTime: clock.now() }))
    await recorder.close()
    expect(recorder.stats).toMatchObject({ lost: 1, deleted: 1 })
    expect(idsOn(file)).toEqual(['of another tape'])
    expect(idsOn(join(folder, 'tape-3.db'))).toEqual(['after'])
    expect(openTape(file).close()).toBeUndefined()
  })

  it.each<[string, (file: string, other: string) => void]>([
    ['emptied', (file) => truncateSync(file)],
    ['cut short', (file) => truncateSync(file, statSync(file).size - 8192)],
    ['overwritten with another tape', (file, other) => writeFileSync(file, readFileSync(other))],
    ['overwritten with other bytes', (file) => writeFileSync(file, Buffer.alloc(1 << 20, 'x'))],
  ])('%s in place: the recording goes on beside', async (_, harm) => {
    const { folder, file, beside, clock, troubles, recorder } = await record()
    const other = join(folder, 'other.db')
    {
      await using writer = openTape(other, { mode: 'write' })
      for (let n = 0; n < 5_000; n++) writer.record(trade({ id: `${n}`, receiveTime: START + n }))
    }
    clock.pass(2_000)
    expect(troubles).toEqual([])
    const { ino } = statSync(file)
    harm(file, other)
    expect(statSync(file).ino).toBe(ino)
    clock.pass(1_000)
    expect(troubles).toMatchObject([{ kind: 'moved', path: beside, error: { code: 'tape_damaged' } }])
    expect(troubles[0]?.message).toMatch(/tape\.db was cut short or written over .* goes on in .*tape-2\.db/)
    recorder.record(trade({ id: 'after', receiveTime: clock.now() }))
    await recorder.close()
    expect(idsOn(beside)).toEqual(['after'])
  })

  it('merged by another program that reads it: it is still the tape', async () => {
    const { file, clock, troubles, recorder } = await record()
    {
      using tape = openTape(file)
      expect([...tape.replay()]).toHaveLength(1)
    }
    const sqlite = new Database(file)
    sqlite.pragma('wal_checkpoint(TRUNCATE)')
    sqlite.close()
    clock.pass(2_000)
    expect(troubles).toEqual([])
    recorder.record(trade({ id: 'after', receiveTime: clock.now() }))
    await recorder.close()
    expect(idsOn(file)).toEqual(['before', 'after'])
  })

  it('taken a second time: the recording goes on in a third file', async () => {
    const { file, beside, folder, clock, recorder } = await record()
    rmSync(file)
    clock.pass(1_000)
    rmSync(beside)
    clock.pass(1_000)
    expect(basename(recorder.path)).toMatch(/^tape-[23]\.db$/)
    recorder.record(trade({ id: 'after', receiveTime: clock.now() }))
    await recorder.close()
    expect(recorder.stats).toMatchObject({ lost: 1, deleted: 1 })
    expect(idsOn(recorder.path)).toEqual(['after'])
    expect(readdirSync(folder)).toHaveLength(1)
  })

  it('after hours in which nothing was recorded: it is noticed within a second all the same', async () => {
    const { file, beside, clock, troubles, recorder } = await record()
    clock.pass(3 * 3_600_000)
    renameSync(file, `${file}.old`)
    clock.pass(1_000)
    expect(troubles.map(({ kind }) => kind)).toEqual(['moved'])
    expect(recorder.path).toBe(beside)
    clock.pass(3_600_000)
    renameSync(beside, `${beside}.old`)
    clock.pass(1_000)
    expect(troubles.map(({ kind }) => kind)).toEqual(['moved', 'moved'])
    await recorder.close()
  })

  it('with its folder: events wait until there is a place, and none is lost', async () => {
    const { folder, clock, troubles, recorder } = await record()
    rmSync(folder, { recursive: true })
    recorder.record(trade({ id: 'waiting', receiveTime: START + 1 }))
    clock.pass(3_000)
    expect(troubles).toMatchObject([{ kind: 'failing', error: { code: 'tape_unwritable' } }])
    expect(troubles[0]?.message).toContain('there is no directory')
    mkdirSync(folder)
    clock.pass(1_000)
    expect(troubles.map(({ kind }) => kind)).toEqual(['failing', 'moved', 'recovered'])
    await recorder.close()
    expect(idsOn(recorder.path)).toEqual(['waiting'])
  })

  it('with its folder, which is renamed: its run is not closed, for nothing took over', async () => {
    const { folder, clock, troubles, recorder } = await record()
    const renamed = `${folder}-renamed`
    renameSync(folder, renamed)
    recorder.record(trade({ id: 'lost', receiveTime: START + 1 }))
    clock.pass(3_000)
    expect(troubles).toMatchObject([{ kind: 'failing', error: { code: 'tape_unwritable' } }])
    await expect(recorder.close()).rejects.toMatchObject({ code: 'tape_unwritable', context: { lost: 1 } })
    expect(idsOn(join(renamed, 'tape.db'))).toEqual(['before'])
    using tape = openTape(join(renamed, 'tape.db'))
    expect(tape.runs()).toMatchObject([{ closed: null }])
    expect(tape.query('SELECT count(*) AS n FROM events')).toEqual([{ n: 1 }])
  })

  it('with its folder, which is renamed and made anew: its run is closed where the next file begins', async () => {
    const { folder, beside, clock, recorder } = await record()
    const renamed = `${folder}-renamed`
    renameSync(folder, renamed)
    recorder.record(trade({ id: 'waiting', receiveTime: START + 1 }))
    clock.pass(2_000)
    mkdirSync(folder)
    clock.pass(1_000)
    await recorder.close()
    expect([idsOn(join(renamed, 'tape.db')), idsOn(beside)]).toEqual([['before'], ['waiting']])
    using first = openTape(join(renamed, 'tape.db'))
    using second = openTape(beside)
    expect(first.runs()[0]?.closed).toBe(second.runs()[0]?.opened)
  })

  it('for good, with its folder: close says what is lost', async () => {
    const { folder, recorder } = await record()
    rmSync(folder, { recursive: true })
    recorder.record(trade({ id: 'lost', receiveTime: START + 1 }))
    await expect(recorder.close()).rejects.toMatchObject({ code: 'tape_unwritable', context: { lost: 2 } })
    expect(recorder.stats).toMatchObject({ lost: 2, deleted: 1, lostWithoutGap: 1 })
    expect(existsSync(folder)).toBe(false)
  })

  it('states on the new tape that a book begins without its snapshot, until one comes', async () => {
    const { file, beside, clock, recorder } = await record()
    recorder.record(snapshot([['1', '1']], [['2', '1']], { receiveTime: START + 1 }))
    recorder.record(gap('open', { channel: 'trade', from: START, receiveTime: START + 2 }))
    await recorder.flush()
    rmSync(file)
    recorder.record(update([['1', '7']], [], { receiveTime: START + 3 }))
    clock.pass(1_000)
    recorder.record(gap('closed', { channel: 'trade', from: START, to: START + 4, receiveTime: START + 4 }))
    recorder.record(snapshot([['1', '7']], [['2', '1']], { receiveTime: START + 5 }))
    await recorder.close()
    using tape = openTape(beside)
    const recorded = [...tape.replay()].map((event) =>
      event.type === 'gap' ? `${event.channel} ${event.reason} ${event.state}` : event.type,
    )
    expect(recorded).toEqual([
      'trade disconnected open',
      'book joined_late open',
      'book_update',
      'trade disconnected closed',
      'book joined_late closed',
      'book_snapshot',
    ])
    const codes = verifyTape(tape).findings.map(({ code }) => code)
    expect(codes).not.toContain('gap_unpaired')
    expect(verifyTape(tape).whole).toBe(false)
  })

  it('states the streams that were asked for on the new tape too', async () => {
    const { file, beside, clock, recorder } = await record()
    const stream = {
      venue: 'testex',
      symbol: 'BTC/USD',
      channel: 'trade',
      instrument: 'tBTCUSD',
      askedAt: START,
      confirmedAt: START,
      refused: null,
      endedAt: null,
    }
    recorder.recordStreams([stream])
    await recorder.flush()
    rmSync(file)
    clock.pass(1_000)
    await recorder.close()
    using tape = openTape(beside)
    expect(tape.runs()).toMatchObject([{ streams: [stream] }])
  })
})

describe('a file beside the tape that is taken away while it is recorded to', () => {
  it.each(['-wal', '-shm'])('%s is made anew, and nothing is lost', async (suffix) => {
    const { file, folder, clock, troubles, recorder } = await record()
    rmSync(file + suffix)
    clock.pass(1_000)
    recorder.record(trade({ id: 'after', receiveTime: START + 1 }))
    await recorder.flush()
    expect(idsOn(file)).toEqual(['before', 'after'])
    await recorder.close()
    expect(troubles).toEqual([])
    expect(readdirSync(folder)).toEqual(['tape.db'])
    expect(idsOn(file)).toEqual(['before', 'after'])
  })

  it('the lock is taken again, so that the tape keeps its one recorder', async () => {
    const { file, folder, clock, troubles, recorder } = await record()
    rmSync(`${file}-lock`)
    clock.pass(1_000)
    expect(() => openTape(file, { mode: 'write' })).toThrow(/being recorded to by another recorder/)
    await recorder.close()
    expect(troubles).toEqual([])
    expect(readdirSync(folder)).toEqual(['tape.db'])
  })

  it('the lock, just before the end, does no harm', async () => {
    const { file, folder, recorder } = await record()
    rmSync(`${file}-lock`)
    await recorder.close()
    expect(readdirSync(folder)).toEqual(['tape.db'])
  })

  it('one of its two locks: no other recorder gets the tape meanwhile', async () => {
    const { file, clock, troubles, recorder } = await record()
    for (const lock of [`${file}-lock`, lockOfFile(file)]) {
      rmSync(lock)
      expect(() => openTape(file, { mode: 'write' })).toThrow(/being recorded to by another recorder/)
      clock.pass(1_000)
      expect(existsSync(lock)).toBe(true)
    }
    await recorder.close()
    expect(troubles).toEqual([])
  })

  it('both locks, and another recorder was faster: the recording goes on in a file of its own', async () => {
    const { file, beside, clock, troubles, recorder } = await record()
    rmSync(`${file}-lock`)
    rmSync(lockOfFile(file))
    await using other = openTape(file, { mode: 'write', clock })
    other.record(trade({ id: 'other', receiveTime: START + 1 }))
    await other.flush()
    clock.pass(1_000)
    recorder.record(trade({ id: 'after', receiveTime: clock.now() }))
    await recorder.close()
    await other.close()
    expect(troubles).toMatchObject([{ kind: 'moved', path: beside }])
    expect(troubles[0]?.message).toContain('was taken by another recorder')
    expect([idsOn(file), idsOn(beside)]).toEqual([['before', 'other'], ['after']])
  })

  it('the lock file is a folder: that is an error with a sentence', () => {
    const file = paths()
    mkdirSync(`${file}-lock`)
    expect(() => openTape(file, { mode: 'write' })).toThrow(/cannot write .*tape\.db/)
    rmdirSync(`${file}-lock`)
    expect(readdirSync(dirname(file))).not.toContain(basename(file))
  })
})
