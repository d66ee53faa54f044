import { createRequire } from 'node:module'
import { TapeError } from '../src/errors.js'

/** What a cell of the tape can hold. */
export type Cell = string | number | null

/** The part of better-sqlite3 that the tape uses, so that nobody needs its types to use ours. */
export interface SqliteDatabase {
  readonly open: boolean
  readonly inTransaction: boolean
  /** `Row` is what the SQL's columns are; the tape's tables are STRICT, so SQLite itself holds them to it. */
  prepare<Row = unknown>(sql: string): SqliteStatement<Row>
  exec(sql: string): unknown
  pragma(sql: string, options?: { readonly simple?: boolean }): unknown
  /** Whether statements may change what SQLite otherwise keeps from being changed. */
  unsafeMode(on: boolean): unknown
  /** The file's bytes. */
  serialize(): Uint8Array
  close(): unknown
}

export interface SqliteStatement<Row> {
  run(...cells: Cell[]): { readonly changes: number; readonly lastInsertRowid: number | bigint }
  run(cells: readonly Cell[]): { readonly changes: number; readonly lastInsertRowid: number | bigint }
  get(...cells: Cell[]): Row | undefined
  all(...cells: Cell[]): Row[]
  iterate(...cells: Cell[]): IterableIterator<Row>
  /** Rows as arrays instead of objects. */
  raw(): SqliteStatement<Row>
  /** The first column alone. */
  pluck(): SqliteStatement<Row>
}

type DatabaseConstructor = new (
  path: string,
  options: { readonly fileMustExist: boolean; readonly timeout: number },
) => SqliteDatabase

/** better-sqlite3 is optional and native, so it is looked for only when a tape is opened. */
const require = createRequire(import.meta.url)

/**
 * Opens a file, or makes it where it need not exist.
 *
 * @param timeoutMs how long a statement waits for another program's lock
 * @throws {TapeError} `sqlite_missing`; and what SQLite throws.
 */
export function openSqlite(path: string, mustExist: boolean, timeoutMs: number): SqliteDatabase {
  let Database: DatabaseConstructor
  try {
    Database = require('better-sqlite3')
  } catch (cause) {
    throw new TapeError(
      'sqlite_missing',
      'tapes need the optional package better-sqlite3, which is not installed: npm install better-sqlite3',
      { cause },
    )
  }
  try {
    return new Database(path, { fileMustExist: mustExist, timeout: timeoutMs })
  } catch (cause) {
    if (sqliteCode(cause) !== null) throw cause
    throw new TapeError(
      'sqlite_missing',
      `better-sqlite3 is installed, but its native part does not load (${firstLine(cause)}): ` +
        'allow its install script and run npm rebuild better-sqlite3',
      { cause },
    )
  }
}

/** The code of an error of SQLite's own, such as `SQLITE_BUSY`; null where it is none. */
export function sqliteCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null
  return error.code.startsWith('SQLITE_') ? error.code : null
}

/**
 * The tape's own error for what SQLite said while `doing` something.
 *
 * `tape_busy` (another program holds the file; retryable), `tape_full`, `tape_unwritable`, `tape_damaged`, `not_a_tape`. An
 * error that is not SQLite's comes back as it is.
 */
export function tapeError(error: unknown, path: string, doing: string): unknown {
  const code = sqliteCode(error)
  if (code === null) return error
  const context = { path, sqlite: code }
  const options = { cause: error, context }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new TapeError(
      'tape_busy',
      `${doing} ${path}: another program holds a lock on it; end that program's transaction and try again`,
      { ...options, retryable: true },
    )
  }
  if (code.startsWith('SQLITE_FULL')) {
    return new TapeError(
      'tape_full',
      `${doing} ${path}: the disk (or the limit maxBytes) is full; make room and try again`,
      { ...options, retryable: true },
    )
  }
  if (code.startsWith('SQLITE_NOTADB')) {
    return new TapeError('not_a_tape', `${path} is not a tape: it is no SQLite file`, options)
  }
  if (code.startsWith('SQLITE_CORRUPT')) {
    return new TapeError(
      'tape_damaged',
      `${doing} ${path}: the file is damaged (${firstLine(error)}); tapewire verify says what is left of it`,
      options,
    )
  }
  return new TapeError(
    'tape_unwritable',
    `${doing} ${path}: ${firstLine(error)} (${code}); check that the file and its directory may be read and written`,
    options,
  )
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}
