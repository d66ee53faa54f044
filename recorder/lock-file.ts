import { rmSync } from 'node:fs'
import { TapeError } from '../src/errors.js'
import { openSqlite, type SqliteDatabase, sqliteCode, tapeError } from './sqlite.js'
import { type FileIdentity, fileAt, sameFile } from './tape-place.js'

/** How often to try again where the lock file was new, or was taken away between opening and locking it. */
const ATTEMPTS = 10
/** A reader that looks whether the tape is being recorded to is in the way for less than this. */
const LOOK_TIMEOUT_MS = 50

/**
 * An exclusive SQLite lock on an empty file. The operating system drops it when the process ends, however it ends, so there is
 * never a stale lock to clean up.
 */
export class LockFile {
  readonly #path: string
  readonly #file: FileIdentity | null
  readonly #db: SqliteDatabase

  private constructor(path: string, file: FileIdentity | null, db: SqliteDatabase) {
    this.#path = path
    this.#file = file
    this.#db = db
  }

  /**
   * @param tape the tape that is locked by it, for messages
   * @throws {TapeError} `tape_locked` where another recorder has the tape, `tape_unwritable`.
   */
  static take(path: string, tape: string): LockFile {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // A recorder that ends removes the file, so the lock just taken may be on a file that has no name any more: it counts
      // only where the name stood for the same file before and after. (A file that is open keeps its number to itself.)
      const before = fileAt(path)
      const db = openLocked(path, tape)
      if (sameFile(before, fileAt(path))) return new LockFile(path, before, db)
      db.close()
    }
    throw new TapeError(
      'tape_locked',
      `${tape}: recorders come and go too fast to take its lock; try again`,
      { retryable: true, context: { path: tape } },
    )
  }

  /**
   * Whether a recorder holds the lock at this moment. Looks at it through a shared one, which is gone at once; where the system
   * does not let it look, nobody is known to hold it.
   */
  static isHeld(path: string): boolean {
    let db: SqliteDatabase | null = null
    try {
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

  /** Whether someone took the file away, so that another recorder would not see the lock. */
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
}

function isForbidden(code: unknown): boolean {
  return code === 'EBUSY' || code === 'EPERM' || code === 'EACCES' || code === 'EROFS'
}

function openLocked(path: string, tape: string): SqliteDatabase {
  let db: SqliteDatabase | null = null
  try {
    db = openSqlite(path, false, LOOK_TIMEOUT_MS)
    db.exec('BEGIN EXCLUSIVE')
    return db
  } catch (error) {
    db?.close()
    if (sqliteCode(error)?.startsWith('SQLITE_BUSY')) throw lockedByAnother(tape, error)
    throw tapeError(error, tape, 'cannot write')
  }
}

export function lockedByAnother(tape: string, cause?: unknown): TapeError {
  return new TapeError(
    'tape_locked',
    `${tape} is being recorded to by another recorder: close that one first, or record to another file`,
    { cause, context: { path: tape } },
  )
}
