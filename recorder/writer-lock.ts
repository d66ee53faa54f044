import { statSync, unlinkSync } from 'node:fs'
import { TapeError } from '../src/errors.js'
import { openSqlite, type SqliteDatabase, sqliteCode, tapeError } from './sqlite.js'

/** How often to try again where the lock file was new, or was taken away between opening and locking it. */
const ATTEMPTS = 10

/**
 * The right to write a tape, held by one recorder at a time.
 *
 * SQLite lets any number of programs write in turn, which would mix two recordings event by event. So a recorder holds an
 * exclusive SQLite lock on an empty file beside the tape for as long as it lives; the operating system drops it when the
 * process ends, however it ends, so there is never a stale lock to clean up.
 */
export class WriterLock {
  readonly #path: string
  readonly #db: SqliteDatabase

  private constructor(path: string, db: SqliteDatabase) {
    this.#path = path
    this.#db = db
  }

  /** @throws {TapeError} `tape_locked` where another recorder has the tape, `tape_unwritable`. */
  static take(tape: string): WriterLock {
    const path = `${tape}-lock`
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // A recorder that ends removes the file, so the lock just taken may be on a file that has no name any more: it counts
      // only where the name stood for the same file before and after. (A file that is open keeps its number to itself.)
      const before = fileNumber(path)
      const db = lockFile(path, tape)
      if (before !== null && fileNumber(path) === before) return new WriterLock(path, db)
      db.close()
    }
    throw new TapeError(
      'tape_locked',
      `${tape}: recorders come and go too fast to take its lock; try again`,
      {
        retryable: true,
        context: { path: tape },
      },
    )
  }

  release(): void {
    // Removed while still held, so that nobody can be holding it; where a system forbids that, an empty file stays behind.
    try {
      unlinkSync(this.#path)
    } catch (error) {
      if (
        !(error instanceof Error && 'code' in error && (error.code === 'EBUSY' || error.code === 'EPERM'))
      ) {
        this.#db.close()
        throw error
      }
    }
    this.#db.close()
  }
}

function lockFile(path: string, tape: string): SqliteDatabase {
  let db: SqliteDatabase | null = null
  try {
    db = openSqlite(path, false, 0)
    db.exec('BEGIN EXCLUSIVE')
    return db
  } catch (error) {
    db?.close()
    if (sqliteCode(error)?.startsWith('SQLITE_BUSY')) {
      throw new TapeError(
        'tape_locked',
        `${tape} is being recorded to by another recorder: close that one first, or record to another file`,
        { cause: error, context: { path: tape } },
      )
    }
    throw tapeError(error, tape, 'cannot write')
  }
}

function fileNumber(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null
}
