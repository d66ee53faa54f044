import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { TapeError, UsageError } from '../src/errors.js'
import { parseOptions } from '../src/options.js'
import { systemClock } from '../src/socket/clock.js'
import { migrate, migrations, versionAfter } from './migrations.js'
import { Recorder, type RecorderOptions, recorderOptions } from './recorder.js'
import { openSqlite, type SqliteDatabase, tapeError } from './sqlite.js'
import { Tape } from './tape.js'
import { applicationId, createTables } from './tape-schema.js'
import { TapeWriter } from './tape-writer.js'
import { WriterLock } from './writer-lock.js'

/** How long a reader waits while a recorder tidies up its write-ahead log. */
const READ_TIMEOUT_MS = 5_000
/** A recorder hardly waits, for it would hold up the sockets; it keeps the events and tries again. */
const WRITE_TIMEOUT_MS = 50

const writeOptions = recorderOptions.extend({ mode: z.literal('write') })
const readOptions = z.strictObject({ mode: z.literal('read').default('read') })

/**
 * Opens a tape to be read: replayed, asked for books, inspected, verified. A tape may be read while it is recorded to.
 * A tape of an older version is brought up to date first.
 *
 * @throws {TapeError} `tape_missing`, `not_a_tape`, `tape_too_new`, `sqlite_missing`, and for a tape of an older version what
 * opening for writing throws.
 */
export function openTape(path: string, options?: { readonly mode?: 'read' }): Tape
/**
 * Opens a tape to be recorded to; where there is none it is made, else the recording goes on after what is there. One
 * recorder at a time has a tape.
 *
 * @throws {TapeError} `tape_unwritable`, `tape_locked`, `not_a_tape`, `tape_too_new`, `sqlite_missing`.
 * @throws {UsageError} `bad_option`.
 */
export function openTape(path: string, options: { readonly mode: 'write' } & RecorderOptions): Recorder
export function openTape(
  path: string,
  options: { readonly mode?: 'read' } | ({ readonly mode: 'write' } & RecorderOptions) = {},
): Tape | Recorder {
  if (path.trim() !== path || path === '') {
    throw new UsageError('bad_option', `a tape needs the path of a file, got ${JSON.stringify(path)}`)
  }
  const file = resolve(path)
  if (options.mode === 'write') return openToWrite(file, options)
  parseOptions('openTape', readOptions, options)
  return openToRead(file)
}

function openToRead(path: string): Tape {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) {
    throw new TapeError(
      'tape_missing',
      `there is no tape at ${path}; make one with tapewire record or ingest`,
      {
        context: { path },
      },
    )
  }
  if (!found.isFile() || found.size === 0) {
    throw new TapeError(
      'not_a_tape',
      `${path} is not a tape: it is ${found.isFile() ? 'empty' : 'no file'}`,
      {
        context: { path },
      },
    )
  }
  const version = withDatabase(path, (db) => checkTape(db, path))
  if (version < versionAfter(migrations)) bringUpToDate(path)
  const db = openSqlite(path, true, READ_TIMEOUT_MS)
  try {
    // Not opened read-only: such a connection would leave the files of the write-ahead log behind when it closes.
    db.pragma('query_only = ON')
    return new Tape(path, db)
  } catch (error) {
    db.close()
    throw tapeError(error, path, 'cannot open')
  }
}

function openToWrite(path: string, given: { readonly mode: 'write' } & RecorderOptions): Recorder {
  const { mode: _mode, ...options } = parseOptions('recorder', writeOptions, given)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found !== undefined && !found.isFile()) {
    throw new TapeError('tape_unwritable', `cannot record to ${path}: it is a directory; name a file in it`, {
      context: { path },
    })
  }
  if (found === undefined && statSync(dirname(path), { throwIfNoEntry: false }) === undefined) {
    throw new TapeError(
      'tape_unwritable',
      `cannot record to ${path}: there is no directory ${dirname(path)}; make it first`,
      { context: { path } },
    )
  }
  if (found !== undefined && found.size > 0) withDatabase(path, (db) => checkTape(db, path))
  const clock = options.clock ?? systemClock()
  const lock = WriterLock.take(path)
  let db: SqliteDatabase | null = null
  try {
    db = openSqlite(path, false, WRITE_TIMEOUT_MS)
    prepareTape(db, path, clock.now())
    if (options.maxBytes !== undefined) limitSize(db, options.maxBytes)
    return new Recorder(new TapeWriter(path, db, lock, program(), clock.now()), clock, options)
  } catch (error) {
    db?.close()
    lock.release()
    throw tapeError(error, path, 'cannot record to')
  }
}

/** Lays out a new tape or brings an old one up to date; then sets how this connection writes. */
function prepareTape(db: SqliteDatabase, path: string, now: number): void {
  if (isNew(db)) createTape(db, now)
  else {
    const version = checkTape(db, path)
    if (version < versionAfter(migrations)) migrate(db, version, migrations)
  }
  // SQLite opens a file that it may not write without a word: ask now, not at the first batch.
  db.exec('BEGIN IMMEDIATE')
  db.exec('ROLLBACK')
  db.pragma('journal_mode = WAL')
  // A crash of the program loses no committed transaction; a power cut may lose the last ones, never the file.
  db.pragma('synchronous = NORMAL')
  // Measured: a log four times SQLite's default is tidied up a tenth faster.
  db.pragma('wal_autocheckpoint = 4000')
  // Every row's stream and type come from tables that the recorder itself fills; verify checks them afterwards.
  db.pragma('foreign_keys = OFF')
  // A long read by another program lets the log grow; it is cut back when that is over.
  db.pragma(`journal_size_limit = ${64 << 20}`)
}

function isNew(db: SqliteDatabase): boolean {
  const tables = db.prepare<number>('SELECT count(*) FROM sqlite_schema').pluck().get()
  return tables === 0 && pragmaNumber(db, 'application_id') === 0
}

function createTape(db: SqliteDatabase, now: number): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    db.pragma(`application_id = ${applicationId}`)
    db.pragma(`user_version = ${versionAfter(migrations)}`)
    createTables(db)
    const setMeta = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)')
    setMeta.run('created', new Date(Math.floor(now / 1000)).toISOString())
    setMeta.run('created_by', program())
    db.exec('COMMIT')
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK')
    throw error
  }
}

function bringUpToDate(path: string): void {
  const lock = WriterLock.take(path)
  try {
    withDatabase(path, (db) => {
      const version = checkTape(db, path)
      if (version < versionAfter(migrations)) migrate(db, version, migrations)
    })
  } finally {
    lock.release()
  }
}

/** @returns the tape's version. @throws {TapeError} `not_a_tape`, `tape_too_new`. */
function checkTape(db: SqliteDatabase, path: string): number {
  if (pragmaNumber(db, 'application_id') !== applicationId) {
    throw new TapeError(
      'not_a_tape',
      `${path} is not a tape: it is an SQLite file of another program; name a file that tapewire recorded`,
      { context: { path } },
    )
  }
  const version = pragmaNumber(db, 'user_version')
  if (version > versionAfter(migrations)) {
    throw new TapeError(
      'tape_too_new',
      `${path} was recorded by a newer tapewire (layout ${version}; this one knows ${versionAfter(migrations)}): ` +
        'npm install tapewire@latest',
      { context: { path, version } },
    )
  }
  return version
}

function limitSize(db: SqliteDatabase, maxBytes: number): void {
  db.pragma(`max_page_count = ${Math.floor(maxBytes / pragmaNumber(db, 'page_size'))}`)
}

function withDatabase<T>(path: string, run: (db: SqliteDatabase) => T): T {
  let db: SqliteDatabase | null = null
  try {
    db = openSqlite(path, true, READ_TIMEOUT_MS)
    return run(db)
  } catch (error) {
    throw tapeError(error, path, 'cannot open')
  } finally {
    db?.close()
  }
}

function pragmaNumber(db: SqliteDatabase, name: string): number {
  return Number(db.pragma(name, { simple: true }))
}

/** Who writes: `tapewire 1.0.0`. */
function program(): string {
  const own: unknown = createRequire(import.meta.url)('tapewire/package.json')
  const { name, version } = z.object({ name: z.string(), version: z.string() }).parse(own)
  return `${name} ${version}`
}
