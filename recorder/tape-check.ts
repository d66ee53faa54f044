import { TapeError } from '../src/errors.js'
import { migrations, versionAfter } from './migrations.js'
import { openSqlite, type SqliteDatabase, tapeError } from './sqlite.js'
import { applicationId } from './tape-schema.js'

/** How long a reader waits while a recorder tidies up its write-ahead log. */
export const READ_TIMEOUT_MS = 5_000

/** @returns the tape's version. @throws {TapeError} `not_a_tape`, `tape_too_new`. */
export function checkTape(db: SqliteDatabase, path: string): number {
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

/** Opens the file of a tape for as long as `run` takes. */
export function withDatabase<T>(path: string, run: (db: SqliteDatabase) => T): T {
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

export function pragmaNumber(db: SqliteDatabase, name: string): number {
  return Number(db.pragma(name, { simple: true }))
}
