import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { openTape, verifyTape } from '../../recorder/index.js'
import { mayMount, smallDisk } from '../support/small-disk.js'
import { Desk } from './command.js'

const desk = new Desk()
afterAll(() => desk.clear())

function filesOf(name: string): string[] {
  return readdirSync(desk.folder).filter((file) => file.startsWith(name))
}

describe('a start that fails leaves no file', () => {
  test.each([
    ['symbol', ['bitfinex:NOSUCH/COIN', '--raw']],
    ['channel', ['bitfinex:BTC/USD', '--channels', 'nonsense', '--raw']],
    ['url', ['bitfinex:BTC/USD', '--url', 'http://127.0.0.1:1', '--raw']],
  ])(
    'a %s that cannot be',
    async (name, args) => {
      const url = await desk.simulate('bitfinex')
      const more = args.includes('--url') ? [] : ['--url', url]
      const { code, stderr } = await desk.run(
        'record',
        ...args,
        ...more,
        '--db',
        `${name}.db`,
        '--duration',
        '5s',
      )
      expect([code, stderr]).toEqual([2, expect.stringMatching(/^tapewire: /m)])
      expect(filesOf(name)).toEqual([])
    },
    60_000,
  )

  test.each([
    ['a device', '/dev/full'],
    ['a directory', '.'],
  ])(
    '--raw that is %s',
    async (what, raw) => {
      const { code, stderr } = await desk.run(
        ...['record', 'bitfinex:BTC/USD', '--url', await desk.simulate('bitfinex')],
        ...['--db', 'raw-refused.db', '--raw', raw, '--duration', '5s'],
      )
      expect([code, stderr]).toEqual([2, expect.stringContaining(`it is ${what}; name a file`)])
      expect(stderr.trimEnd().split('\n')).toHaveLength(1)
      expect(filesOf('raw-refused')).toEqual([])
      expect(existsSync('/dev/full.2')).toBe(false)
    },
    60_000,
  )

  test('a log that cannot be read', async () => {
    writeFileSync(join(desk.folder, 'nonsense.jsonl'), 'nonsense\n')
    const { code } = await desk.run('ingest', 'nonsense.jsonl', '--db', 'ingested.db')
    expect(code).toBe(2)
    expect(filesOf('ingested')).toEqual([])
  })
})

test('a tape that is renamed while it is recorded to is noticed within about a second, and nothing is lost', async () => {
  const url = await desk.simulate('bitfinex')
  const command = desk.start(
    'record',
    'bitfinex:BTC/USD',
    '--url',
    url,
    '--db',
    'moving.db',
    '--duration',
    '1h',
  )
  const file = join(desk.folder, 'moving.db')
  await desk.until(file, () => existsSync(`${file}-wal`) && eventsOn(file) > 0)
  renameSync(file, join(desk.folder, 'moving-kept.db'))
  await command.prints(/moving\.db was deleted, renamed or replaced .* goes on in .*moving-2\.db/, 'stderr')
  const next = join(desk.folder, 'moving-2.db')
  await desk.until(next, () => eventsOn(next) > 10)
  command.signal('SIGTERM')
  const { code, stderr } = await command.outcome()
  expect(code, stderr).toBe(143)
  expect(filesOf('moving').sort()).toEqual(['moving-2.db', 'moving-kept.db'])
  const [first, second] = ['moving-kept.db', 'moving-2.db'].map((name) => {
    using tape = openTape(join(desk.folder, name))
    return { ids: tradeIds(tape.replay({ types: ['trade'] })), run: tape.runs()[0] }
  })
  expect(first?.run?.closed).toBe(second?.run?.opened)
  const ids = [...(first?.ids ?? []), ...(second?.ids ?? [])]
  expect(new Set(ids).size).toBe(ids.length)
})

test('a tape that is deleted while it is recorded to: what was on it is counted as lost, and the exit code is 1', async () => {
  const url = await desk.simulate('bitfinex')
  const command = desk.start(
    ...['record', 'bitfinex:BTC/USD', '--url', url, '--db', 'deleted.db', '--duration', '1h', '--json'],
  )
  const file = join(desk.folder, 'deleted.db')
  await desk.until(file, () => existsSync(`${file}-wal`) && dataOn(file) > 0)
  for (const name of filesOf('deleted.db')) rmSync(join(desk.folder, name))
  await command.prints(/deleted\.db was deleted or replaced .* is gone: [\d,]+ events? lost/, 'stderr')
  const next = join(desk.folder, 'deleted-2.db')
  await desk.until(next, () => dataOn(next) > 10)
  command.signal('SIGTERM')
  const { code, stderr } = await command.outcome()
  expect(code).toBe(1)
  const { events, tape } = summaryOf(stderr)
  expect(tape).toMatchObject({ lost: tape.deleted, lostWithoutGap: 0 })
  expect(tape.deleted).toBeGreaterThan(0)
  expect(dataOn(next)).toBe(events - tape.deleted)
})

test('a folder that is renamed under its tape: the summary says that the loss is not on the tape', async () => {
  const url = await desk.simulate('bitfinex')
  const folder = join(desk.folder, 'before')
  mkdirSync(folder)
  const file = join(folder, 'tape.db')
  const command = desk.start('record', 'bitfinex:BTC/USD', '--url', url, '--db', file, '--duration', '1h')
  await desk.until(file, () => existsSync(`${file}-wal`) && eventsOn(file) > 0)
  renameSync(folder, join(desk.folder, 'after'))
  await command.prints(/there is no directory/, 'stderr')
  command.signal('SIGTERM')
  const { code, stderr } = await command.outcome()
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /[\d,]+ events? lost, and the loss could not be noted on the tape: verify calls it not whole/,
  )
  expect(stderr).not.toMatch(/has gaps|no gaps/)
  expect(stderr).toMatch(/tape .*tape\.db, which is not there/)
  using tape = openTape(join(desk.folder, 'after', 'tape.db'))
  expect(tape.runs()[0]?.closed).toBeNull()
})

function tradeIds(events: Iterable<{ readonly id: string }>): string[] {
  return [...events].map(({ id }) => id)
}

/** Data of streams, as `verify` counts them. */
function dataOn(file: string): number {
  using tape = openTape(file)
  return verifyTape(tape).events
}

const summarySchema = z.object({
  type: z.literal('summary'),
  elapsedMs: z.int(),
  events: z.int(),
  tape: z.object({ lost: z.int(), lostWithoutGap: z.int(), deleted: z.int() }),
})

function summaryOf(stderr: string): z.output<typeof summarySchema> {
  return summarySchema.parse(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? ''))
}

function eventsOn(file: string): number {
  using tape = openTape(file)
  return Number(tape.query('SELECT count(*) AS events FROM events')[0]?.['events'])
}

test('the time for which close waits for a lock is not part of what was recorded', async () => {
  const url = await desk.simulate('bitfinex')
  const began = performance.now()
  const command = desk.start(
    ...['record', 'bitfinex:BTC/USD', '--url', url, '--db', 'locked.db', '--duration', '1h', '--json'],
  )
  const file = join(desk.folder, 'locked.db')
  await desk.until(file, () => existsSync(`${file}-wal`) && eventsOn(file) > 0)
  const other = new Database(file)
  other.exec('BEGIN IMMEDIATE')
  const asked = performance.now()
  command.signal('SIGTERM')
  const { code, stderr } = await command.outcome()
  const left = performance.now()
  other.close()
  expect(code).toBe(1)
  // Close alone waits five seconds.
  expect(left - asked).toBeGreaterThan(4_500)
  expect(summaryOf(stderr).elapsedMs).toBeLessThan(asked - began + 1_000)
})

describe.skipIf(!mayMount)('a full disk', () => {
  test('is said when it happens; with room again the tape holds the gaps, and the raw log has its own end', async () => {
    const disk = smallDisk(1024)
    const ballast = join(disk, 'ballast')
    const file = join(disk, 'tape.db')
    const url = await desk.simulate('bitfinex')
    const command = desk.start(
      ...['record', 'bitfinex:BTC/USD', '--url', url, '--db', file, '--raw', '--duration', '1h'],
      ...['--status-every', '300ms'],
    )
    await desk.until(file, () => existsSync(`${file}-wal`) && eventsOn(file) > 0)
    fillUp(ballast)
    await command.prints(
      /the disk .* is full; make room and try again \(since .* waiting, none lost\)/,
      'stderr',
    )
    await command.prints(/cannot write .*tape\.frames\.jsonl\.gz: ENOSPC/, 'stderr')
    // A status names the cause and the figures of now, not those of the first failure.
    await command.prints(
      /events waiting: cannot write [^(]* \(or the limit maxBytes\)[^(]* \(since [^;)]*\)/,
      'stderr',
    )
    rmSync(ballast)
    await command.prints(/can be written again after \d+ s; nothing was lost/, 'stderr')
    // The raw log does not come back, and each status says so.
    await command.prints(/tape [\d.]+ MiB, raw frames are no longer kept: cannot write .*ENOSPC/, 'stderr')
    command.signal('SIGTERM')
    const { code } = await command.outcome()
    expect(code).not.toBe(0)
    using tape = openTape(file)
    expect(tape.runs()[0]?.closed).not.toBeNull()
    expect(existsSync(`${file}-wal`)).toBe(false)
  })

  test('until the end: exit code 1, the number lost is said, and the recording is open on the tape', async () => {
    const disk = smallDisk(512)
    const file = join(disk, 'tape.db')
    const url = await desk.simulate('bitfinex')
    const command = desk.start(
      ...['record', 'bitfinex:BTC/USD', '--url', url, '--db', file, '--duration', '1h'],
    )
    await desk.until(file, () => existsSync(`${file}-wal`) && eventsOn(file) > 0)
    fillUp(join(disk, 'ballast'))
    await command.prints(/is full; make room/, 'stderr')
    command.signal('SIGTERM')
    const { code, stderr } = await command.outcome()
    expect(code).toBe(1)
    expect(stderr).toMatch(/\(\d+ events? w(as|ere) lost\)/)
    expect(stderr).not.toContain('has gaps')
    using tape = openTape(file)
    expect(tape.runs()[0]?.closed).toBeNull()
  })
})

test.skipIf(!mayMount)(
  'what is lost on a full disk and what is on the tape are together the events that came',
  async () => {
    const file = join(smallDisk(400), 'tape.db')
    const url = await desk.simulate('bitfinex')
    const command = desk.start(
      ...['record', 'bitfinex:BTC/USD,ETH/USD', '--url', url, '--db', file, '--duration', '1h', '--json'],
      ...['--channels', 'trade,book,ticker', '--status-every', '200ms'],
    )
    const full = await command.prints(/is full; make room/, 'stderr')
    await command.prints(new RegExp(`(?<=[\\s\\S]{${full.index}})"waiting":[1-9]\\d{2,},`), 'stderr')
    command.signal('SIGTERM')
    const { code, stderr } = await command.outcome()
    expect(code).toBe(1)
    const { events, tape } = summaryOf(stderr)
    expect(tape.lost).toBeGreaterThan(0)
    expect(dataOn(file)).toBe(events - tape.lost)
  },
  120_000,
)

/** Takes all the room that is left. */
function fillUp(file: string): void {
  for (let size = 64; size >= 1; size /= 2) {
    for (;;) {
      try {
        writeFileSync(file, Buffer.alloc(size * 1024), { flag: 'a' })
      } catch {
        break
      }
    }
  }
}
