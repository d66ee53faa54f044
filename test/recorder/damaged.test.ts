import { readFileSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTape, type Verification, verifyFile } from '../../recorder/index.js'
import { Desk } from '../cli/command.js'
import { START, snapshot, trade, update } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const path = temporaryPaths()
const PAGE = 4096
const EVENTS = 9_000

let sound: Buffer

beforeAll(async () => {
  const file = path()
  const clock = new VirtualClock()
  await using recorder = openTape(file, { mode: 'write', clock })
  for (let n = 0; n < EVENTS; n++) {
    const receiveTime = START + n * 1_000
    if (n % 100 === 0) recorder.record(snapshot([['10', '1']], [['11', '1']], { receiveTime }))
    else if (n % 2 === 0) recorder.record(trade({ id: String(n), receiveTime }))
    else recorder.record(update([['10', String(n)]], [], { receiveTime }))
  }
  await recorder.flush()
  clock.pass(EVENTS)
  await recorder.close()
  expect(verifyFile(file)).toMatchObject({ verdict: 'whole', events: EVENTS })
  sound = readFileSync(file)
})

/** The verification of a file that was damaged. */
function damaged(damage: (bytes: Buffer) => Buffer | undefined): Verification {
  const file = path()
  const bytes = Buffer.from(sound)
  const left = damage(bytes) ?? bytes
  writeFileSync(file, left)
  const verification = verifyFile(file)
  // What is judged is a copy: the file itself stays as it was found.
  expect(readFileSync(file).equals(left)).toBe(true)
  expect(verification).toMatchObject({ verdict: 'not whole', whole: false })
  expect(verification.findings[0]).toMatchObject({ severity: 'error', code: 'storage' })
  expect(JSON.stringify(verification)).not.toContain('tapewire verify')
  return verification
}

/** Flips bits of a page, from its beginning on. */
function flip(bytes: Buffer, page: number, count = 40, from = page === 0 ? 100 : 0): undefined {
  for (let at = 0; at < count; at++) {
    const place = page * PAGE + from + at * 7
    bytes[place] = (bytes[place] ?? 0) ^ 0xff
  }
}

describe('a tape that was cut short', () => {
  it.each([0.25, 0.5, 0.9])('at %f of its length is judged up to there', (share) => {
    const { events, runs, findings } = damaged((bytes) => bytes.subarray(0, Math.floor(bytes.length * share)))
    expect(events).toBeGreaterThan(EVENTS * (share - 0.2))
    expect(events).toBeLessThan(EVENTS * share)
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: 'missing_events',
        what: expect.stringMatching(new RegExp(`to ${EVENTS} are missing$`)),
      }),
    )
    for (const stream of runs[0]?.streams ?? []) {
      expect(Math.abs((stream.share ?? 0) - events / EVENTS)).toBeLessThan(0.02)
      expect(stream.missing).toBeGreaterThan(0)
    }
    expect(runs[0]?.streams).toHaveLength(2)
  })

  it('within its last page is found, though SQLite reads it', () => {
    const { findings } = damaged((bytes) => bytes.subarray(0, -10))
    expect(findings[0]?.what).toBe('the file was cut short: its last page has 4086 bytes instead of 4096')
  })

  it.each([0, 50, 100, 512, PAGE, 5_000])('to %d bytes has nothing left', (size) => {
    expect(damaged((bytes) => bytes.subarray(0, size))).toMatchObject({ events: 0, runs: [], streams: [] })
  })
})

describe('a tape whose header is gone', () => {
  it.each([16, 100, PAGE])('for %d bytes is read with that of a new one', (size) => {
    const { events, streams } = damaged((bytes) => bytes.fill(0, 0, size))
    expect([events, streams.map(({ share }) => share)]).toEqual([EVENTS, [1, 1]])
  })

  it.each([
    ['size of a page', 16],
    ['name of the program', 68],
    ['layout', 60],
  ])('or says another %s is read too', (_, place) => {
    const { events } = damaged((bytes) => {
      bytes[place] = 0x7f
      return bytes
    })
    expect(events).toBe(EVENTS)
  })
})

describe('a tape with flipped bytes', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 40])('in page %d is not whole', (page) => {
    const { events } = damaged((bytes) => flip(bytes, page))
    // Without the page at which all events begin none can be found.
    expect(events > EVENTS - 200 || events === 0).toBe(true)
  })

  it('in many pages gives what lies between them, and the time of the rest is missing', () => {
    const { events, streams } = damaged((bytes) => {
      for (let page = 20; page < bytes.length / PAGE; page += 12) flip(bytes, page)
      return bytes
    })
    expect(events).toBeGreaterThan(EVENTS * 0.8)
    expect(events).toBeLessThan(EVENTS)
    for (const { share } of streams) {
      expect(share).toBeGreaterThan(0.8)
      expect(share).toBeLessThan(1)
    }
  })
})

describe('the command on a damaged tape', () => {
  const desk = new Desk()
  afterAll(() => desk.clear())

  it.each(['--json', null])('exits with 1 and prints what could be judged (%s)', async (option) => {
    writeFileSync(`${desk.folder}/cut.db`, sound.subarray(0, Math.floor(sound.length / 2)))
    const { code, stdout, stderr } = await desk.run('verify', 'cut.db', ...(option === null ? [] : [option]))
    expect([code, stderr]).toEqual([1, ''])
    expect(stdout).not.toContain('tapewire verify')
    if (option === null) expect(stdout).toMatch(/^not whole: cut\.db, /m)
    else expect(JSON.parse(stdout)).toMatchObject({ verdict: 'not whole', streams: [{}, {}] })
  })

  it.each([1, 10, 16, 100])('judges the first %d bytes of one', async (bytes) => {
    writeFileSync(`${desk.folder}/remains.db`, sound.subarray(0, bytes))
    const { code, stdout, stderr } = await desk.run('verify', 'remains.db', '--json')
    expect([code, stderr]).toEqual([1, ''])
    const { whole, findings } = JSON.parse(stdout)
    expect([whole, findings[0].code]).toEqual([false, 'storage'])
  })

  it('does not take the beginning of another file for one', async () => {
    writeFileSync(`${desk.folder}/other.db`, 'SQL notes')
    expect(await desk.run('verify', 'other.db', '--json')).toMatchObject({ code: 2, stdout: '' })
  })

  it('exits with 1 where inspect meets an event that cannot be read', async () => {
    writeFileSync(`${desk.folder}/row.db`, sound)
    const db = new Database(`${desk.folder}/row.db`)
    db.exec(
      "UPDATE events SET body = '[1' WHERE id = (SELECT max(id) FROM events WHERE type = (SELECT id FROM event_types WHERE type = 'trade'))",
    )
    db.close()
    const { code, stderr } = await desk.run('inspect', 'row.db', '--json')
    expect([code, stderr.includes('tapewire verify')]).toEqual([1, true])
  })
})
