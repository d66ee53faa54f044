/// <reference lib="esnext.disposable" preserve="true" />
import type { EventOf, MarketEvent, MarketEventType, Micros } from '../schemas/events.js'
import type { Books } from '../src/book/books.js'
import { TapeError, UsageError } from '../src/errors.js'
import { type BookMoment, type BookRequest, bookAt, booksAtEnd, type TapeBook } from './book-at.js'
import { EventReader, type EventRow } from './event-reader.js'
import { checkMoment } from './moment.js'
import { type RunStream, readRunStreams } from './run-streams.js'
import { type Cell, type SqliteDatabase, sqliteCode, tapeError } from './sqlite.js'
import type { TapeStream } from './stream-table.js'
import { rowFilter, type TapeQuery } from './tape-query.js'
import { readSources, type TapeSource } from './tape-sources.js'

/** An event and its place on the tape. */
export interface TapeEntry {
  /** Counts from 1 in recorded order. */
  readonly id: number
  readonly event: MarketEvent
  /** The number of the event among all that its feed emitted; null where that is not known, and for a gap of the recorder's own. */
  readonly offset: number | null
  /** The moment at which it was emitted, which never goes back within a run. Null where there was no clock. */
  readonly emitted: Micros | null
}

/** One recording on a tape: from a recorder's opening to its close. Between two of them nobody was listening. */
export interface TapeRun {
  /** Counts from 1. */
  readonly id: number
  /** The first event of the run, where it has any; runs without events share it with the run that follows. */
  readonly firstEvent: number
  readonly opened: Micros
  /** Null where the recorder was not closed (it crashed) or is still recording. */
  readonly closed: Micros | null
  /** What wrote it: `tapewire 1.0.0`. */
  readonly writer: string
  /** What was asked for, as far as it was stated; empty on tapes of layout 1. */
  readonly streams: readonly RunStream[]
}

/** A tape that is open for reading. */
export class Tape {
  readonly path: string
  readonly #db: SqliteDatabase
  readonly #reader: EventReader

  /** @internal Use `openTape(path)`. */
  constructor(path: string, db: SqliteDatabase) {
    this.path = path
    this.#db = db
    this.#reader = new EventReader(db)
  }

  /**
   * The very events that were recorded, in recorded order: those that are on the tape at the first step. Reads ahead a few
   * thousand events at most. A query that names `types` gives events of those types: `replay({ types: ['trade'] })` gives trades.
   *
   * @throws {TapeError} `not_on_tape`, `tape_damaged`, `tape_closed`.
   * @throws {UsageError} `bad_option`.
   */
  replay<T extends MarketEventType>(
    query: TapeQuery<T> & { readonly types: readonly T[] },
  ): Generator<EventOf<T>, void, undefined>
  replay(query?: TapeQuery): Generator<MarketEvent, void, undefined>
  *replay(query: TapeQuery = {}): Generator<MarketEvent, void, undefined> {
    for (const row of this.#rows(query)) yield this.#reader.event(row)
  }

  /**
   * As {@link replay}, with each event's number.
   *
   * @param onDamaged called with each row that cannot be read, which is then passed over, where `replay` throws
   */
  *entries(
    query: TapeQuery = {},
    onDamaged?: (id: number, fault: string) => void,
  ): Generator<TapeEntry, void, undefined> {
    for (const row of this.#rows(query)) {
      const [id, , , , , , , offset, emitted] = row
      if (onDamaged === undefined) {
        yield { id, event: this.#reader.event(row), offset, emitted }
        continue
      }
      const { event, fault } = this.#reader.decode(row)
      if (event === null) onDamaged(id, fault)
      else yield { id, event, offset, emitted }
    }
  }

  /**
   * The order book as it stood at a moment: that of the stream's last snapshot with every update up to the moment. Null
   * where the book had not begun. In state `suspect` where the tape says that it had a hole then, or where nobody was
   * recording then.
   *
   * @throws {TapeError} `not_on_tape` where no book of the instrument was recorded; `no_clock` where a receive time is
   * asked for and the tape has none; `tape_damaged`, `tape_closed`.
   * @throws {UsageError} `bad_option` for a request or moment of another form, and for a moment in milliseconds, seconds or
   * nanoseconds.
   */
  bookAt(request: BookRequest, moment: BookMoment): TapeBook | null {
    return this.#guarded(() => bookAt(this.#db, this.#reader, request, moment))
  }

  /**
   * Every book as it stands at the end of the tape.
   * @throws {TapeError} `tape_damaged`, `tape_closed`.
   */
  books(): Books {
    return this.#guarded(() => booksAtEnd(this.#db, this.#reader))
  }

  /** Everything of which something was recorded. Connections and malformed frames have a venue alone. */
  streams(): TapeStream[] {
    return this.#guarded(() => {
      this.#reader.streams.refresh(this.#db)
      return [...this.#reader.streams.values()]
    })
  }

  /** The recordings on the tape, oldest first. */
  runs(): TapeRun[] {
    return this.#guarded(() => {
      const streams = readRunStreams(this.#db)
      return this.#db
        .prepare<Omit<TapeRun, 'streams'>>(
          'SELECT id, first_event AS firstEvent, opened, closed, writer FROM runs ORDER BY id',
        )
        .all()
        .map((run) => ({ ...run, streams: streams.get(run.id) ?? [] }))
    })
  }

  /** The frame logs that were written to the tape, oldest first. */
  sources(): TapeSource[] {
    return this.#guarded(() => readSources(this.#db))
  }

  /**
   * Rows of SQL of your own, over the tables and views of docs/tape.md. It can only read.
   * @throws {UsageError} `bad_sql`.
   */
  query(sql: string, ...cells: Cell[]): Record<string, Cell>[] {
    return this.#guarded(() => {
      try {
        return this.#db.prepare<Record<string, Cell>>(sql).all(...cells)
      } catch (error) {
        if (!isMistaken(error)) throw error
        throw new UsageError('bad_sql', `SQLite does not take the query: ${String(error)}`, { cause: error })
      }
    })
  }

  close(): void {
    if (this.#db.open) closeReader(this.#db)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  *#rows(query: TapeQuery): Generator<EventRow> {
    const rows = this.#guarded(() => {
      checkMoment(this.#db, 'from', query.from)
      checkMoment(this.#db, 'to', query.to)
      return this.#reader.rows(rowFilter(this.#reader, query))
    })
    while (true) {
      const step = this.#guarded(() => rows.next())
      if (step.done === true) return
      yield step.value
    }
  }

  #guarded<T>(run: () => T): T {
    if (!this.#db.open) {
      throw new TapeError('tape_closed', `the tape ${this.path} is closed: open it again to read on`, {
        context: { path: this.path },
      })
    }
    try {
      return run()
    } catch (error) {
      throw tapeError(error, this.path, 'cannot read')
    }
  }
}

/**
 * A tape that its recorder left in the write-ahead log (it crashed, or this reader kept it from leaving) is one file again once
 * the last program has closed it, so that it can be read where nothing can be written.
 */
function closeReader(db: SqliteDatabase): void {
  try {
    if (db.pragma('journal_mode', { simple: true }) !== 'wal') return
    db.pragma('busy_timeout = 0')
    db.pragma('query_only = OFF')
    db.pragma('journal_mode = DELETE')
  } catch (error) {
    // Others use it still, or it may not be written, or it is no sound file: it stays as it is.
    if (sqliteCode(error) === null) throw error
  } finally {
    db.close()
  }
}

/** Wrong SQL, a wrong number of parameters, a statement that is no query, or one that would write. */
function isMistaken(error: unknown): boolean {
  const code = sqliteCode(error)
  if (code === null) return error instanceof RangeError || error instanceof TypeError
  return code === 'SQLITE_ERROR' || code === 'SQLITE_READONLY'
}
