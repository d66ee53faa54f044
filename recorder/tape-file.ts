import { existsSync, fstatSync, readdirSync, statSync } from 'node:fs'
import { TapeError } from '../src/errors.js'
import { checkTape, withDatabase } from './tape-check.js'
import { type FileIdentity, fileAt, sameFile } from './tape-place.js'

/**
 * The main file of a tape that is being written: SQLite itself notices neither that its name is gone nor that another program
 * wrote over it.
 *
 * The file is never opened here but by SQLite: to close a file drops all locks that the process holds on it.
 */
export class TapeFile {
  readonly #path: string
  readonly #file: FileIdentity | null
  #size = 0
  #changed = 0n
  /** When the tape was made: another tape says otherwise. */
  readonly #created: string | null

  constructor(path: string) {
    this.#path = path
    this.#file = fileAt(path)
    this.#created = createdOf(path)
    this.written()
  }

  /** Notes how the file is after this process wrote to it. */
  written(): void {
    const { size, changed } = lookAt(this.#path)
    this.#size = Math.max(this.#size, size)
    this.#changed = changed
  }

  /** @throws {TapeError} `tape_unwritable` where the system does not say. */
  fault(): 'moved' | 'overwritten' | null {
    if (!sameFile(fileAt(this.#path), this.#file)) return 'moved'
    const { size, changed } = lookAt(this.#path)
    if (size < this.#size) return 'overwritten'
    if (changed === this.#changed) return null
    // Another program wrote to it: SQLite for a reader, perhaps, or `cat other > tape.db`.
    if (!this.#isStillTheTape()) return 'overwritten'
    this.#size = size
    this.#changed = changed
    return null
  }

  /** Whether no name of the file is left. False where the system does not list what a process has open (Windows deletes no open file). */
  get deleted(): boolean {
    if (this.#file === null || !existsSync(OPEN_FILES)) return false
    for (const name of readdirSync(OPEN_FILES)) {
      const open = openFile(Number(name))
      if (sameFile(open, this.#file)) return open?.names === 0
    }
    return false
  }

  #isStillTheTape(): boolean {
    try {
      return createdOf(this.#path) === this.#created
    } catch (error) {
      if (!(error instanceof TapeError)) throw error
      if (error.code === 'not_a_tape' || error.code === 'tape_damaged' || error.code === 'tape_too_new')
        return false
      throw error
    }
  }
}

/** What this process has open, by number: SQLite does not tell which of them it uses. */
const OPEN_FILES = '/dev/fd'

/** Null where nothing is open under the number any more, such as the list of them itself. */
function openFile(descriptor: number): FileIdentity | null {
  try {
    const { dev, ino, nlink } = fstatSync(descriptor, { bigint: true })
    return { device: dev, inode: ino, names: Number(nlink) }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EBADF') return null
    throw error
  }
}

function lookAt(path: string): { readonly size: number; readonly changed: bigint } {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return { size: Number(found?.size ?? 0), changed: found?.mtimeNs ?? 0n }
}

function createdOf(path: string): string | null {
  return withDatabase(path, (db) => {
    checkTape(db, path)
    return db.prepare<string>("SELECT value FROM meta WHERE key = 'created'").pluck().get() ?? null
  })
}
