import { rmSync } from 'node:fs'
import { TapeError } from '../src/errors.js'
import { openSqlite, type SqliteDatabase, sqliteCode, tapeError } from './sqlite.js'
import { type FileIdentity, fileAt, realPath, sameFile } from './tape-place.js'

/** How often to try again where the lock file was new, or was taken away between opening and locking it. */
const ATTEMPTS = 10
/** A reader that looks whether the tape is being recorded to is in the way for less than this. */
const LOOK_TIMEOUT_MS = 50

/**
 * The right to write a tape, held by one recorder at a time.
 *
 * SQLite lets any number of programs write in turn, which would mix two recordings event by event. So a recorder holds an
 * exclusive SQLite lock on an empty file beside the tape for as long as it lives; the operating system drops it when the
 * process ends, however it ends, so there is never a stale lock to clean up.
 */
export class WriterLock {
  readonly #path: string
  readonly #file: FileIdentity | null
  readonly #db: SqliteDatabase

  private constructor(path: string, file: FileIdentity | null, db: SqliteDatabase) {
    this.#path = path
    this.#file = file
    this.#db = db
  }

  /**
   * @param tape the tape's real path, so that every name of it leads to the same lock
   * @throws {TapeError} `tape_locked` where another recorder has the tape, `tape_unwritable`.
   */
  static take(tape: string): WriterLock {
    const path = `${tape}-lock`
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // A recorder that ends removes the file, so the lock just taken may be on a file that has no name any more: it counts
      // only where the name stood for the same file before and after. (A file that is open keeps its number to itself.)
      const before = fileAt(path)
      const db = lockFile(path, tape)
      if (sameFile(before, fileAt(path))) return new WriterLock(path, before, db)
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

  /**
   * Whether a recorder has the tape at this moment. Looks at the lock through a shared one, which is gone at once; where the
   * system does not let it look, nobody is known to have the tape.
   */
  static isHeld(tape: string): boolean {
    let db: SqliteDatabase | null = null
    try {
      const path = `${realPath(tape)}-lock`
      if (fileAt(path) === null) return false
      db = openSqlite(path, true, 0)
      db.prepare('SELECT count(*) FROM sqlite_schema').get()
      return false
    } catch (error) {
      if (error instanceof TapeError && error.code === 'tape_unwritable') return false
      const code = sqliteCode(error)
      if (code === null) throw error
      return code.startsWith('SQLITE_BUSY')
    } finally {
      db?.close()
    }
  }

  /** Whether someone took the lock's file away, so that another recorder would not see the lock. */
  get vanished(): boolean {
    return !sameFile(fileAt(this.#path), this.#file)
  }

  release(): void {
    if (!this.#db.open) return
    try {
      // Removed while still held, so that nobody can be holding it; where a system forbids that, an empty file stays behind.
      if (!this.vanished) rmSync(this.#path, { force: true })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && isForbidden(error.code))) throw error
    } finally {
      this.#db.close()
    }
  }

  /** Gives up the lock where its file is not the one under its name any more. */
  drop(): void {
    this.#db.close()
  }
}

function isForbidden(code: unknown): boolean {
  return code === 'EBUSY' || code === 'EPERM' || code === 'EACCES' || code === 'EROFS'
}

function lockFile(path: string, tape: string): SqliteDatabase {
  let db: SqliteDatabase | null = null
  try {
    db = openSqlite(path, false, LOOK_TIMEOUT_MS)
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
