import { lstatSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, parse } from 'node:path'
import { TapeError } from '../src/errors.js'

/** The file that stands under a name, whatever other names it has; null where there is none. */
export interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
  /** The names (hard links) that the file has. */
  readonly names: number
}

/** @throws {TapeError} `tape_unwritable` where the system does not say. */
export function fileAt(path: string): FileIdentity | null {
  try {
    // Windows numbers files beyond what a JavaScript number holds exactly.
    const found = statSync(path, { throwIfNoEntry: false, bigint: true })
    return found === undefined ? null : { device: found.dev, inode: found.ino, names: Number(found.nlink) }
  } catch (cause) {
    throw new TapeError('tape_unwritable', `cannot look at ${path}: ${messageOf(cause)}`, {
      cause,
      context: { path },
    })
  }
}

export function sameFile(a: FileIdentity | null, b: FileIdentity | null): boolean {
  return a !== null && b !== null && a.device === b.device && a.inode === b.inode
}

/**
 * The one path of a file that may be reached by several: links of the file and of its directories are followed.
 * @throws {TapeError} `tape_unwritable` where there is no such directory, or a link leads nowhere.
 */
export function realPath(path: string): string {
  const directory = dirname(path)
  try {
    if (fileAt(path) !== null) return realpathSync.native(path)
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
      throw new TapeError(
        'tape_unwritable',
        `cannot record to ${path}: it is a link to a file that does not exist; name that file instead`,
        { context: { path } },
      )
    }
    return join(realpathSync.native(directory), basename(path))
  } catch (cause) {
    if (cause instanceof TapeError) throw cause
    const reason =
      fileAt(directory) === null ? `there is no directory ${directory}; make it first` : messageOf(cause)
    throw new TapeError('tape_unwritable', `cannot record to ${path}: ${reason}`, {
      cause,
      context: { path },
    })
  }
}

/** Names beside a tape for a file that takes over from it: `tape-2.db`, `tape-3.db`. */
export function* namesBeside(path: string): Generator<string> {
  const { dir, name, ext } = parse(path)
  for (let part = 2; ; part++) yield join(dir, `${name}-${part}${ext}`)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
