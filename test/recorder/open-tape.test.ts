import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openTape } from '../../recorder/index.js'
import { TapeError } from '../../src/errors.js'
import { START, trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

function failure(run: () => unknown): TapeError {
  try {
    run()
  } catch (error) {
    if (error instanceof TapeError) return error
    throw error
  }
  throw new Error('expected a TapeError')
}

async function newTape(): Promise<string> {
  const file = path()
  await using recorder = openTape(file, { mode: 'write' })
  recorder.record(trade())
  await recorder.close()
  return file
}

describe('a new tape', () => {
  it('says what it is to any program that looks at it', async () => {
    const db = new Database(await newTape(), { readonly: true })
    expect(Buffer.from(db.serialize().subarray(68, 72)).toString('latin1')).toBe('tape')
    expect(db.pragma('user_version', { simple: true })).toBe(4)
    expect(db.pragma('journal_mode', { simple: true })).toBe('delete')
    const meta = Object.fromEntries(
      db.prepare('SELECT key, value FROM meta').raw().all() as [string, string][],
    )
    expect(meta['created']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(meta['created_by']).toMatch(/^tapewire \d/)
    db.close()
  })

  it('is made in an empty file too', async () => {
    const file = path()
    writeFileSync(file, '')
    await openTape(file, { mode: 'write' }).close()
    using tape = openTape(file)
    expect([...tape.replay()]).toEqual([])
  })

  it('tells of the fields of each type of event; a change here needs a step in recorder/migrations.ts', async () => {
    using tape = openTape(await newTape())
    const types = tape.query('SELECT type, fields FROM event_types ORDER BY id')
    const lines = types.map(({ type, fields }) => `${type} ${JSON.parse(String(fields)).join(' ')}`)
    expect(lines).toEqual([
      'trade sequence id price amount amountUnit side liquidation historical',
      'book_snapshot sequence bids asks amountUnit depth',
      'book_update sequence bids asks',
      'order_snapshot sequence bids asks amountUnit depth',
      'order_update sequence bids asks',
      'quote sequence bidPrice bidAmount askPrice askAmount amountUnit',
      'ticker last open high low volume volumeUnit quoteVolume vwap change bidPrice askPrice',
      'candle interval openTime open high low close volume volumeUnit trades closed historical',
      'derivative markPrice indexPrice openInterest openInterestUnit fundingRate nextFundingTime predictedFundingRate',
      'liquidation id price amount amountUnit side',
      'instrument market status base quote settle tickSize lotSize amountUnit contractSize contractUnit sidesCounted expiry',
      'transaction hash inputs outputs fee size height',
      'block hash height size transactions value',
      'gap reason state from to healed after before detail',
      'checksum sequence ok expected actual',
      'connection connection state attempt endpoint reason',
      'malformed connection reason path head',
    ])
  })
})

describe('a path that is no tape', () => {
  it('that does not exist cannot be read, and is not made', () => {
    const file = path()
    const error = failure(() => openTape(file))
    expect(error.code).toBe('tape_missing')
    expect(error.message).toContain('tapewire record')
    expect(existsSync(file)).toBe(false)
  })

  it.each([
    ['text', 'venue,price\nbitfinex,1\n'],
    ['a few bytes', 'x'],
    ['a broken header', `SQLite format 3\0${'\xff'.repeat(2000)}`],
  ])('%s is refused for reading and for writing, and left as it was', (_, content) => {
    const file = path('data.csv')
    writeFileSync(file, content, 'latin1')
    for (const open of [() => openTape(file), () => openTape(file, { mode: 'write' })]) {
      const error = failure(open)
      expect(error.code).toBe('not_a_tape')
      expect(error.message).toContain(file)
    }
    expect(readFileSync(file, 'latin1')).toBe(content)
    expect(existsSync(`${file}-lock`)).toBe(false)
  })

  it('an SQLite file of another program is refused and left as it was', () => {
    const file = path()
    const db = new Database(file)
    db.exec('CREATE TABLE customers (name TEXT)')
    db.close()
    const before = readFileSync(file)
    for (const open of [() => openTape(file), () => openTape(file, { mode: 'write' })]) {
      const error = failure(open)
      expect(error.code).toBe('not_a_tape')
      expect(error.message).toContain('another program')
    }
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('an empty file is no tape to read', () => {
    const file = path()
    writeFileSync(file, '')
    expect(failure(() => openTape(file))).toMatchObject({ code: 'not_a_tape' })
  })

  it('a directory is refused', () => {
    const directory = path('directory')
    mkdirSync(directory)
    expect(failure(() => openTape(directory)).code).toBe('not_a_tape')
    const error = failure(() => openTape(directory, { mode: 'write' }))
    expect(error.code).toBe('tape_unwritable')
    expect(error.message).toContain('name a file in it')
  })

  it('a directory that does not exist is named', () => {
    const error = failure(() => openTape(join(path('nowhere'), 'tape.db'), { mode: 'write' }))
    expect(error.code).toBe('tape_unwritable')
    expect(error.message).toMatch(/there is no directory .*nowhere; make it first/)
  })

  it('a place where no file can be made is refused', () => {
    const file = path()
    mkdirSync(`${file}-lock`)
    const error = failure(() => openTape(file, { mode: 'write' }))
    expect(error.code).toBe('tape_unwritable')
    expect(error.message).toContain('may be read and written')
  })

  it.each(['', ' tape.db'])('the path %j is refused', (name) => {
    expect(() => openTape(name)).toThrow(/needs the path of a file/)
  })
})

describe('one recorder at a time', () => {
  it('a second one is refused until the first is closed', async () => {
    const file = path()
    const first = openTape(file, { mode: 'write' })
    const error = failure(() => openTape(file, { mode: 'write' }))
    expect(error.code).toBe('tape_locked')
    expect(error.message).toContain('close that one first')
    first.record(trade())
    await first.close()
    const second = openTape(file, { mode: 'write' })
    expect(second.written).toBe(1)
    await second.close()
  })

  it('a lock file that a crash left behind is no obstacle', async () => {
    const file = path()
    writeFileSync(`${file}-lock`, '')
    await openTape(file, { mode: 'write' }).close()
    expect(existsSync(`${file}-lock`)).toBe(false)
  })

  it('an opening that fails gives the tape free again', async () => {
    const file = await newTape()
    const db = new Database(file)
    db.exec('DROP TABLE segments')
    db.close()
    expect(() => openTape(file, { mode: 'write' })).toThrow()
    expect(existsSync(`${file}-lock`)).toBe(false)
  })
})

describe('versions', () => {
  afterEach(() => {
    vi.doUnmock('../../recorder/migrations.js')
    vi.resetModules()
  })

  /** The recorder as it will be when the layout has one more version. */
  async function nextVersion(): Promise<typeof import('../../recorder/index.js')> {
    vi.resetModules()
    vi.doMock('../../recorder/migrations.js', async (original) => {
      const actual = await original<typeof import('../../recorder/migrations.js')>()
      const step = (db: Database.Database) => {
        db.exec('ALTER TABLE runs ADD COLUMN host TEXT')
        db.exec("UPDATE runs SET host = 'unknown'")
      }
      return { ...actual, migrations: [...actual.migrations, step] }
    })
    return import('../../recorder/index.js')
  }

  it('a tape of a newer version is refused, for reading and for writing', async () => {
    const file = await newTape()
    const db = new Database(file)
    db.pragma('user_version = 99')
    db.close()
    for (const open of [() => openTape(file), () => openTape(file, { mode: 'write' })]) {
      const error = failure(open)
      expect(error.code).toBe('tape_too_new')
      expect(error.message).toContain('npm install tapewire@latest')
    }
  })

  it('a tape of an older version is brought up to date by a reader, and nothing on it is lost', async () => {
    const file = await newTape()
    const next = await nextVersion()
    using tape = next.openTape(file)
    expect(tape.query('SELECT host FROM runs')).toEqual([{ host: 'unknown' }])
    expect(tape.query('PRAGMA user_version')).toEqual([{ user_version: 5 }])
    expect([...tape.replay()]).toEqual([trade()])
    expect(tape.query('SELECT price FROM trades')).toEqual([{ price: '60000.5' }])
    expect(failure(() => openTape(file)).code).toBe('tape_too_new')
  })

  it('and by a recorder, which then goes on', async () => {
    const file = await newTape()
    const next = await nextVersion()
    await using recorder = next.openTape(file, { mode: 'write' })
    recorder.record(trade({ id: '2' }))
    await recorder.close()
    using tape = next.openTape(file)
    expect(tape.query('PRAGMA user_version')).toEqual([{ user_version: 5 }])
    expect([...tape.replay({ types: ['trade'] })]).toHaveLength(2)
  })

  it('a tape of layout 1 is brought to the layout of today: its runs asked for nothing that is known', async () => {
    const file = path()
    // Recorded by the last tapewire of layout 1.
    writeFileSync(file, gunzipSync(readFileSync('test/fixtures/tapes/version-1.db.gz')))
    const before = new Database(file, { readonly: true })
    expect(before.pragma('user_version', { simple: true })).toBe(1)
    before.close()
    {
      using tape = openTape(file)
      expect(tape.query('PRAGMA user_version')).toEqual([{ user_version: 4 }])
      expect([...tape.replay()].map(({ type }) => type)).toEqual([
        'connection',
        'trade',
        'book_snapshot',
        'trade',
        'trade',
      ])
      expect(tape.runs()).toMatchObject([
        { id: 1, firstEvent: 1, streams: [] },
        { id: 2, firstEvent: 5, streams: [] },
      ])
      expect(tape.query('SELECT * FROM subscriptions')).toEqual([])
      // Each run was a feed: its streams are numbered from 1.
      expect(tape.query('SELECT id, n FROM events ORDER BY id')).toEqual([
        { id: 1, n: null },
        { id: 2, n: 1 },
        { id: 3, n: 1 },
        { id: 4, n: 2 },
        { id: 5, n: 1 },
      ])
      const epochs = tape.query('SELECT epoch FROM runs').map(({ epoch }) => epoch)
      expect(new Set(epochs).size).toBe(2)
      expect(epochs).not.toContain(null)
    }
    await using recorder = openTape(file, { mode: 'write' })
    const asked = { venue: 'testex', symbol: 'BTC/USD', channel: 'trade', instrument: 'tBTCUSD' }
    const stands = { askedAt: START, confirmedAt: START + 1, refused: null, endedAt: null }
    recorder.recordStreams([{ ...asked, ...stands }])
    await recorder.close()
    using tape = openTape(file)
    expect(tape.runs()[2]).toMatchObject({ id: 3, streams: [{ ...asked, ...stands }] })
  })

  it('a step that fails leaves the tape as it was', async () => {
    const file = await newTape()
    vi.resetModules()
    vi.doMock('../../recorder/migrations.js', async (original) => {
      const actual = await original<typeof import('../../recorder/migrations.js')>()
      const step = (db: Database.Database) => {
        db.exec('ALTER TABLE runs ADD COLUMN host TEXT')
        throw new Error('power cut')
      }
      return { ...actual, migrations: [...actual.migrations, step] }
    })
    const next = await import('../../recorder/index.js')
    expect(() => next.openTape(file)).toThrow('power cut')
    vi.doUnmock('../../recorder/migrations.js')
    vi.resetModules()
    using tape = openTape(file)
    expect(tape.query('SELECT * FROM runs')[0]).not.toHaveProperty('host')
    expect([...tape.replay()]).toEqual([trade()])
  })
})
