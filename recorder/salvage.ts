import {
  closeSync,
  constants,
  copyFileSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrations, versionAfter } from './migrations.js'
import { numberEvents } from './number-events.js'
import { type Cell, openSqlite, type SqliteDatabase, sqliteCode } from './sqlite.js'
import { Tape } from './tape.js'
import { applicationId, createTables } from './tape-schema.js'

/** What could be read of a damaged tape, as a sound one. */
export interface Salvaged {
  readonly tape: Tape
  /** Closes the tape and removes it. */
  discard(): void
}

interface Table {
  readonly name: string
  /** Counts its rows. */
  readonly key: string
  readonly columns: readonly string[]
}

/** What is copied row by row; types of events and segments are laid out again. */
const tables: readonly Table[] = [
  { name: 'runs', key: 'id', columns: ['id', 'first_event', 'opened', 'closed', 'writer', 'epoch'] },
  {
    name: 'run_streams',
    key: 'rowid',
    columns: [
      'run',
      'venue',
      'symbol',
      'channel',
      'instrument',
      'asked_at',
      'confirmed_at',
      'refused',
      'ended_at',
    ],
  },
  {
    name: 'sources',
    key: 'id',
    columns: ['id', 'run', 'name', 'lines', 'digest', 'marks', 'complete'],
  },
  { name: 'streams', key: 'id', columns: ['id', 'venue', 'symbol', 'instrument', 'channel', 'key'] },
  {
    name: 'events',
    key: 'id',
    columns: ['id', 'stream', 'type', 'exchange_time', 'receive_time', 'body', 'n', 'offset', 'emitted'],
  },
]

/** A tape has SQLite's usual size of a page, and its header is the beginning of the first. */
const PAGE_BYTES = 4096
const HEADER_BYTES = 100
/** Where the header says how many pages the file has. */
const PAGES_AT = 28

/**
 * Copies what can be read of a damaged tape to a sound one in the directory for temporary files. The damaged file is not
 * touched.
 *
 * @returns null where nothing can be read
 * @throws what SQLite and the file system throw where the copy cannot be made.
 */
export function salvageTape(path: string): Salvaged | null {
  const directory = mkdtempSync(join(tmpdir(), 'tapewire-verify-'))
  const target = openSqlite(join(directory, 'salvaged.db'), false, 0)
  const discard = () => {
    target.close()
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    target.pragma('journal_mode = OFF')
    target.pragma('foreign_keys = OFF')
    target.pragma(`application_id = ${applicationId}`)
    target.pragma(`user_version = ${versionAfter(migrations)}`)
    createTables(target)
    if (!copyAll(path, directory, target)) {
      discard()
      return null
    }
    return { tape: new Tape(path, target), discard }
  } catch (error) {
    discard()
    throw error
  }
}

/** @returns whether anything could be read. */
function copyAll(path: string, directory: string, target: SqliteDatabase): boolean {
  for (const open of [openAsItIs, withNewHeader, withNewSchema]) {
    const source = open(path, directory, target)
    if (source === null) continue
    try {
      target.exec('BEGIN')
      const rows = tables.reduce((sum, table) => sum + new TableCopy(source, target, table).run(), 0)
      if (isOlder(target)) numberEvents(target)
      layOutSegments(target, lastEvent(source))
      target.exec('COMMIT')
      if (rows > 0) return true
    } finally {
      source.close()
    }
  }
  return false
}

function openAsItIs(path: string): SqliteDatabase | null {
  let db: SqliteDatabase | null = null
  try {
    db = openSqlite(path, true, 0)
    db.unsafeMode(true)
    // So SQLite reads a file that is shorter than its header says, and passes over what it cannot understand of the schema.
    db.pragma('writable_schema = ON')
    db.pragma('query_only = ON')
    const names = db.prepare<string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()
    if (names.includes('events')) return db
  } catch (error) {
    if (sqliteCode(error) === null) throw error
  }
  db?.close()
  return null
}

/** The header is the same on every tape, but for the number of pages. */
function withNewHeader(path: string, directory: string, sound: SqliteDatabase): SqliteDatabase | null {
  const header = Buffer.from(sound.serialize()).subarray(0, HEADER_BYTES)
  return openPatched(path, join(directory, 'header.db'), [{ at: 0, bytes: header }])
}

/** Where the tables begin is the same on every tape that was laid out by this version. */
function withNewSchema(path: string, directory: string, sound: SqliteDatabase): SqliteDatabase | null {
  const file = Buffer.from(sound.serialize())
  const pages = sound.prepare<number>("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'").pluck().all()
  const patches = pages.map((page) => {
    const at = (page - 1) * PAGE_BYTES
    return { at, bytes: file.subarray(at, at + PAGE_BYTES) }
  })
  return openPatched(path, join(directory, 'schema.db'), patches)
}

/** Opens a copy of the file in which some bytes are those of a sound tape. */
function openPatched(
  path: string,
  copy: string,
  patches: readonly { readonly at: number; readonly bytes: Buffer }[],
): SqliteDatabase | null {
  const { size } = statSync(path)
  if (size < PAGE_BYTES) return null
  copyFileSync(path, copy, constants.COPYFILE_FICLONE)
  const handle = openSync(copy, 'r+')
  try {
    for (const { at, bytes } of patches) writeSync(handle, bytes, 0, bytes.length, at)
    const pages = Buffer.alloc(4)
    pages.writeUInt32BE(Math.floor(size / PAGE_BYTES))
    writeSync(handle, pages, 0, pages.length, PAGES_AT)
  } finally {
    closeSync(handle)
  }
  return openAsItIs(copy)
}

/** Probes go on in steps of this many rows while no readable row is found … */
const STEP = 16
/** … and in steps that double beyond so many. */
const STEADY = 1 << 16

/** Copies the rows of one table, past those that cannot be read. */
class TableCopy {
  readonly #source: SqliteDatabase
  readonly #target: SqliteDatabase
  readonly #table: Table
  #copied = 0
  /** The last row that was read. */
  #last = 0

  constructor(source: SqliteDatabase, target: SqliteDatabase, table: Table) {
    this.#source = source
    this.#target = target
    this.#table = table
  }

  /** @returns how many rows were copied. */
  run(): number {
    const highest = this.#highest()
    if (highest === null) return 0
    let from: number | null = 1
    while (from !== null && from <= highest) {
      if (this.#copyFrom(from)) break
      from = this.#nextReadable(Math.max(this.#last, from), highest)
    }
    return this.#copied
  }

  /** @returns whether the end of the table was reached. */
  #copyFrom(from: number): boolean {
    const { name, key } = this.#table
    const columns = this.#columns()
    const insert = this.#target.prepare(
      `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    )
    return this.#readable(() => {
      const rows = this.#source
        .prepare<Cell[]>(
          `SELECT ${key}, ${columns.join(', ')} FROM ${name} NOT INDEXED WHERE ${key} >= ? ORDER BY ${key}`,
        )
        .raw()
        .iterate(from)
      for (const [at, ...cells] of rows) {
        this.#last = Number(at)
        if (inserted(insert, cells)) this.#copied++
      }
    })
  }

  /** An older tape has fewer. */
  #columns(): readonly string[] {
    const { name, columns } = this.#table
    let there: readonly string[] = []
    const known = this.#readable(() => {
      there = this.#source.prepare<string>('SELECT name FROM pragma_table_info(?)').pluck().all(name)
    })
    return known ? columns.filter((column) => there.includes(column)) : columns
  }

  /** Where the rows that cannot be read end; null where nothing can be read any more. */
  #nextReadable(after: number, highest: number): number | null {
    let step = STEP
    let unreadable = after
    for (let probe = after + 1; ; probe += step) {
      const at = Math.min(probe, highest)
      if (this.#isReadable(at)) {
        let readable = at
        while (readable - unreadable > 1) {
          const middle = Math.floor((readable + unreadable) / 2)
          if (this.#isReadable(middle)) readable = middle
          else unreadable = middle
        }
        return readable
      }
      if (at === highest) return null
      unreadable = at
      if (at - after > STEADY) step *= 2
    }
  }

  #isReadable(at: number): boolean {
    const { name, key } = this.#table
    return this.#readable(() =>
      this.#source
        .prepare(
          `SELECT ${this.#columns().join(', ')} FROM ${name} NOT INDEXED WHERE ${key} >= ? ORDER BY ${key} LIMIT 1`,
        )
        .all(at),
    )
  }

  /** The highest number that a row may have; null where there is no such table. */
  #highest(): number | null {
    const { name, key } = this.#table
    let highest: number | null = null
    const sound = this.#readable(() => {
      highest = this.#source.prepare<number | null>(`SELECT max(${key}) FROM ${name}`).pluck().get() ?? null
    })
    if (sound) return highest
    const known = this.#readable(() => this.#source.prepare(`SELECT 1 FROM ${name} LIMIT 0`).all())
    return known ? Number(this.#source.pragma('page_count', { simple: true })) * PAGE_BYTES : null
  }

  #readable(read: () => unknown): boolean {
    try {
      read()
      return true
    } catch (error) {
      if (sqliteCode(error) === null) throw error
      return false
    }
  }
}

/** A row may have been damaged so that it is no row of a tape. */
function inserted(insert: ReturnType<SqliteDatabase['prepare']>, cells: readonly Cell[]): boolean {
  try {
    insert.run(cells)
    return true
  } catch (error) {
    const code = sqliteCode(error)
    if (code === null || !/^SQLITE_(?:CONSTRAINT|MISMATCH)/.test(code)) throw error
    return false
  }
}

/** Whether what was copied knows no positions. */
function isOlder(target: SqliteDatabase): boolean {
  return target.prepare('SELECT 1 FROM events WHERE n IS NOT NULL LIMIT 1').all().length === 0
}

/** The last event that the damaged tape says that it has. */
function lastEvent(source: SqliteDatabase): number {
  try {
    return source.prepare<number | null>('SELECT max(last_event) FROM segments').pluck().get() ?? 0
  } catch (error) {
    if (sqliteCode(error) === null) throw error
    return 0
  }
}

/** @param last the last event that there should be */
function layOutSegments(target: SqliteDatabase, last: number): void {
  target.exec(`
    INSERT INTO segments
      SELECT min(id), max(id), min(receive_time), max(coalesce(emitted, receive_time)), min(exchange_time), max(exchange_time),
        json_group_array(DISTINCT stream)
      FROM events GROUP BY id / ${PAGE_BYTES}`)
  target
    .prepare(
      `UPDATE segments SET last_event = ? WHERE last_event < ? AND first_event = (SELECT max(first_event) FROM segments)`,
    )
    .run(last, last)
}
