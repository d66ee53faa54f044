import { statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import * as z from 'zod'
import type { Micros } from '../schemas/events.js'
import { TapeError, UsageError } from '../src/errors.js'
import { parseOptions } from '../src/options.js'
import { shownValue } from '../src/shown-value.js'
import { systemClock } from '../src/socket/clock.js'
import { migrations, versionAfter } from './migrations.js'
import { Recorder } from './recorder.js'
import { type RecorderOptions, recorderOptions } from './recorder-options.js'
import { openSqlite, tapeError } from './sqlite.js'
import { Tape } from './tape.js'
import { checkTape, READ_TIMEOUT_MS, withDatabase } from './tape-check.js'
import { bringUpToDate, openWritable } from './writable-tape.js'

const writeOptions = recorderOptions.extend({ mode: z.literal('write') })
const modeOptions = z.object({ mode: z.enum(['read', 'write']).optional() })
const readOptions = z.strictObject({ mode: z.literal('read').default('read') })

/**
 * Opens a tape to be read: replayed, asked for books, inspected, verified. A tape may be read while it is recorded to.
 * A tape of an older version is brought up to date first.
 *
 * @throws {UsageError} `bad_option`.
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
  assertPath(path)
  assertMode(options)
  const file = resolve(path)
  if (options.mode === 'write') return openToWrite(file, options)
  parseOptions('openTape', readOptions, options)
  return openToRead(file)
}

/** For callers whose compiler does not hold them to the types. */
function assertPath(path: unknown): void {
  if (typeof path === 'string' && path !== '' && path.trim() === path) return
  throw new UsageError(
    'bad_option',
    "openTape needs the path of a file: write openTape('market.db') to read, openTape('market.db', { mode: 'write' }) to record " +
      `(got ${shownValue(path)})`,
    { context: { field: 'path' } },
  )
}

function assertMode(options: unknown): void {
  if (typeof options === 'string') {
    throw new UsageError(
      'bad_option',
      `openTape takes the mode as an option: write openTape('market.db', { mode: 'write' }) (got ${shownValue(options)})`,
      { context: { field: 'mode' } },
    )
  }
  const { mode } = parseOptions('openTape', modeOptions, options)
  const [stray] = Object.keys(options ?? {}).filter((name) => name in recorderOptions.shape)
  if (mode === 'write' || stray === undefined) return
  throw new UsageError('bad_option', `openTape: option ${stray} is for recording: add mode: 'write'`, {
    context: { field: stray },
  })
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
  const version = checkToRead(path)
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

/** @returns the tape's version. */
function checkToRead(path: string): number {
  try {
    return withDatabase(path, (db) => checkTape(db, path))
  } catch (error) {
    if (!(error instanceof TapeError) || error.context['sqlite'] !== 'SQLITE_CANTOPEN') throw error
    throw new TapeError(
      'tape_unwritable',
      `cannot open ${path}: its recorder did not close it, and to read it then SQLite must make files beside it, where it may ` +
        `not: copy the tape, with ${basename(path)}-wal if there is one, to a directory that can be written`,
      { cause: error, context: error.context },
    )
  }
}

function openToWrite(path: string, given: { readonly mode: 'write' } & RecorderOptions): Recorder {
  const { mode: _mode, ...options } = parseOptions('recorder', writeOptions, given)
  const clock = options.clock ?? systemClock()
  const open = (name: string, opened: Micros, continues: string | null) =>
    openWritable(name, { maxBytes: options.maxBytes, opened, now: clock.now(), continues })
  return new Recorder(open, open(path, clock.now(), null), clock, options)
}
