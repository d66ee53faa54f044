import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as z from 'zod'
import type { Micros } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import { migrate, migrations, versionAfter } from './migrations.js'
import { openSqlite, type SqliteDatabase, sqliteCode, tapeError } from './sqlite.js'
import { checkTape, pragmaNumber, withDatabase } from './tape-check.js'
import { fileAt, realPath } from './tape-place.js'
import { applicationId, createTables } from './tape-schema.js'
import { removeTape, TapeWriter } from './tape-writer.js'
import { WriterLock } from './writer-lock.js'

/** How long a recorder that begins waits for readers of the tape. */
const OPEN_TIMEOUT_MS = 2_000
/** A recorder hardly waits, for it would hold up the sockets; it keeps the events and tries again. */
const WRITE_TIMEOUT_MS = 50

export interface WritableTapeOptions {
  readonly maxBytes: number | undefined
  /** The moment from which the run has everything. */
  readonly opened: Micros
  /** Now. */
  readonly now: Micros
  /** The file that a new tape takes over from; null where it stands alone. */
  readonly continues: string | null
}

/**
 * Opens the tape at a path for a recorder; makes it where there is none. A start that fails leaves no file that was not there.
 *
 * @throws {TapeError} see `openTape`.
 */
export function openWritable(named: string, options: WritableTapeOptions): TapeWriter {
  const path = realPath(named)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found !== undefined && !found.isFile()) {
    const what = found.isDirectory() ? 'a directory; name a file in it' : 'no file'
    throw new TapeError('tape_unwritable', `cannot record to ${path}: it is ${what}`, { context: { path } })
  }
  if (found !== undefined && found.nlink > 1) {
    throw new TapeError(
      'tape_locked',
      `${path} has ${found.nlink} names (hard links): a recorder or a reader of another name would not see what is done under ` +
        'this one; remove the other names, or record to a copy or another file',
      { context: { path, names: found.nlink } },
    )
  }
  const lock = WriterLock.take(path)
  const connect = () => connectTo(path, options.maxBytes)
  // Asked under the lock: another recorder may have made it meanwhile.
  const made = fileAt(path) === null
  let db: SqliteDatabase | null = null
  try {
    if (!made && statSync(path).size > 0) withDatabase(path, (held) => checkTape(held, path))
    db = openSqlite(path, false, OPEN_TIMEOUT_MS)
    lock.takeFile()
    prepareTape(db, path, options)
    setUp(db, options.maxBytes)
    const writer = new TapeWriter(
      { path, connect, lock, program: program(), opened: options.opened, made },
      db,
    )
    beginRun(writer)
    return writer
  } catch (error) {
    db?.close()
    if (made) removeTape(path)
    lock.release()
    throw tapeError(error, path, 'cannot record to')
  }
}

/** @throws {TapeError} as `openWritable`. */
export function bringUpToDate(path: string): void {
  let lock: WriterLock | null = null
  try {
    lock = WriterLock.take(realPath(path))
    withDatabase(path, (db) => {
      const version = checkTape(db, path)
      if (version < versionAfter(migrations)) migrate(db, version, migrations)
    })
  } catch (error) {
    if (!(error instanceof TapeError) || error.code !== 'tape_unwritable') throw error
    throw new TapeError(
      error.code,
      `${path} was recorded by an older tapewire and must be brought up to date before it is read, but it cannot be written: ` +
        'copy it to a directory that can',
      { cause: error, context: error.context },
    )
  } finally {
    lock?.release()
  }
}

function connectTo(path: string, maxBytes: number | undefined): SqliteDatabase {
  const db = openSqlite(path, true, WRITE_TIMEOUT_MS)
  try {
    setUp(db, maxBytes)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Lays out a new tape or brings an old one up to date. */
function prepareTape(db: SqliteDatabase, path: string, { now, continues }: WritableTapeOptions): void {
  if (isNew(db)) createTape(db, now, continues)
  else {
    const version = checkTape(db, path)
    if (version < versionAfter(migrations)) migrate(db, version, migrations)
  }
  // SQLite opens a file that it may not write without a word: ask now, not at the first batch.
  db.exec('BEGIN IMMEDIATE')
  db.exec('ROLLBACK')
}

/** Says on the tape that a recording begins. Where it is full or locked just now, the recorder's first transaction does. */
function beginRun(writer: TapeWriter): void {
  try {
    writer.write([], 0)
  } catch (error) {
    const code = sqliteCode(error) ?? ''
    if (!code.startsWith('SQLITE_FULL') && !code.startsWith('SQLITE_BUSY')) throw error
  }
}

/** How a connection writes. */
function setUp(db: SqliteDatabase, maxBytes: number | undefined): void {
  db.pragma('journal_mode = WAL')
  // A crash of the program loses no committed transaction; a power cut may lose the last ones, never the file.
  db.pragma('synchronous = NORMAL')
  // Measured: a log four times SQLite's default is tidied up a tenth faster.
  db.pragma('wal_autocheckpoint = 4000')
  // Every row's stream and type come from tables that the recorder itself fills; verify checks them afterwards.
  db.pragma('foreign_keys = OFF')
  // A long read by another program lets the log grow; it is cut back when that is over.
  db.pragma(`journal_size_limit = ${64 << 20}`)
  db.pragma(`busy_timeout = ${WRITE_TIMEOUT_MS}`)
  if (maxBytes !== undefined) limitSize(db, maxBytes)
}

function isNew(db: SqliteDatabase): boolean {
  const tables = db.prepare<number>('SELECT count(*) FROM sqlite_schema').pluck().get()
  return tables === 0 && pragmaNumber(db, 'application_id') === 0
}

function createTape(db: SqliteDatabase, now: number, continues: string | null): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    db.pragma(`application_id = ${applicationId}`)
    db.pragma(`user_version = ${versionAfter(migrations)}`)
    createTables(db)
    const setMeta = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)')
    setMeta.run('created', new Date(Math.floor(now / 1000)).toISOString())
    setMeta.run('created_by', program())
    if (continues !== null) setMeta.run('continues', continues)
    db.exec('COMMIT')
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK')
    throw error
  }
}

function limitSize(db: SqliteDatabase, maxBytes: number): void {
  db.pragma(`max_page_count = ${Math.floor(maxBytes / pragmaNumber(db, 'page_size'))}`)
}

/** Who writes: `tapewire 1.0.0`. */
function program(): string {
  const own: unknown = createRequire(import.meta.url)('tapewire/package.json')
  const { name, version } = z.object({ name: z.string(), version: z.string() }).parse(own)
  return `${name} ${version}`
}
