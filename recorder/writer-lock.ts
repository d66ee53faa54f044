import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TapeError } from '../src/errors.js'
import { LockFile, lockedByAnother } from './lock-file.js'
import { fileAt, realPath } from './tape-place.js'

/**
 * The right to write a tape, held by one recorder at a time.
 *
 * SQLite lets any number of programs write in turn, which would mix two recordings event by event, and programs that reach one
 * file by two names do not even see each other's write-ahead log. So a recorder holds two locks for as long as it lives: one
 * beside the tape, which every program sees that reaches the tape by that name, and one in the system's directory for temporary
 * files that is named for the file itself (its device and inode), which holds by whatever name it is reached: another mount,
 * or a name that it was given meanwhile.
 */
export class WriterLock {
  readonly #tape: string
  readonly #ofName: LockFile
  /** Null while there is no file, and where the directory for temporary files cannot be written. */
  #ofFile: LockFile | null = null

  private constructor(tape: string, ofName: LockFile) {
    this.#tape = tape
    this.#ofName = ofName
  }

  /**
   * @param tape the tape's real path, so that every link to it leads to the same lock
   * @throws {TapeError} `tape_locked` where another recorder has the tape, `tape_unwritable`.
   */
  static take(tape: string): WriterLock {
    const lock = new WriterLock(tape, LockFile.take(lockOfName(tape), tape))
    try {
      lock.takeFile()
      return lock
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** Whether a recorder has the tape at this moment, as far as the system lets one look. */
  static isHeld(tape: string): boolean {
    try {
      const path = realPath(tape)
      const ofFile = lockOfFile(path)
      return LockFile.isHeld(lockOfName(path)) || (ofFile !== null && LockFile.isHeld(ofFile))
    } catch (error) {
      if (error instanceof TapeError && error.code === 'tape_unwritable') return false
      throw error
    }
  }

  /** Locks the file itself, once it is there. @throws {TapeError} `tape_locked` */
  takeFile(): void {
    const path = lockOfFile(this.#tape)
    if (path === null || this.#ofFile !== null) return
    try {
      this.#ofFile = LockFile.take(path, this.#tape)
    } catch (error) {
      if (!(error instanceof TapeError) || error.code !== 'tape_unwritable') throw error
      // Another user's, or a directory that cannot be written.
      if (LockFile.isHeld(path)) throw lockedByAnother(this.#tape, error)
    }
  }

  /** Whether someone took the lock's file away, so that another recorder would not see the lock. */
  get vanished(): boolean {
    return this.#ofName.vanished || this.#ofFile?.vanished === true
  }

  release(): void {
    this.#ofFile?.release()
    this.#ofName.release()
  }
}

function lockOfName(tape: string): string {
  return `${tape}-lock`
}

function lockOfFile(tape: string): string | null {
  const file = fileAt(tape)
  return file === null ? null : join(tmpdir(), `tapewire-${file.device}-${file.inode}.lock`)
}
