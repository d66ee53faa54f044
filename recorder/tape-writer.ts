import type { MarketEvent, Micros } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import { type EarlierStream, readEarlierRuns } from './earlier-runs.js'
import type { StreamIdentity } from './event-codec.js'
import { type RunStream, type RunStreamName, RunStreamsWriter } from './run-streams.js'
import { SegmentInProgress } from './segment.js'
import type { Cell, SqliteDatabase, SqliteStatement } from './sqlite.js'
import { StreamTable, streamKey, type TapeStream } from './stream-table.js'
import { completeSources, writeSources } from './tape-sources.js'
import type { WriterLock } from './writer-lock.js'

/** Rows of one INSERT: measured, more of them gain nothing and one at a time costs half as much again. */
const ROWS_A_STATEMENT = 64
const CELLS_A_STATEMENT = ROWS_A_STATEMENT * 5

/** A row of `events` that has no number yet. */
export interface NewRow {
  readonly stream: number
  readonly type: number
  readonly exchangeTime: Micros | null
  readonly receiveTime: Micros | null
  readonly body: string
}

/** The SQL side of a recorder: turns waiting rows into one transaction. */
export class TapeWriter {
  readonly path: string
  readonly #db: SqliteDatabase
  readonly #lock: WriterLock
  readonly #program: string
  readonly #opened: Micros
  readonly #streams = new StreamTable()
  readonly #typeIds: ReadonlyMap<string, number>
  readonly #insertMany: SqliteStatement<unknown>
  readonly #insertOne: SqliteStatement<unknown>
  readonly #insertStream: SqliteStatement<unknown>
  readonly #insertSegment: SqliteStatement<unknown>
  /** Streams that have a number and are not on the tape yet. */
  #newStreams: TapeStream[] = []
  readonly #runStreams: RunStreamsWriter
  #segment: SegmentInProgress
  /** This recording's row in `runs`; null before its first transaction. */
  #run: number | null = null

  /** @param program what writes, for the table of runs: `tapewire 1.0.0`. */
  constructor(path: string, db: SqliteDatabase, lock: WriterLock, program: string, opened: Micros) {
    this.path = path
    this.#db = db
    this.#lock = lock
    this.#program = program
    this.#opened = opened
    this.#streams.refresh(db)
    this.#typeIds = new Map(db.prepare<[string, number]>('SELECT type, id FROM event_types').raw().all())
    const last = db.prepare<number | null>('SELECT max(id) FROM events').pluck().get() ?? 0
    this.#segment = new SegmentInProgress(last + 1)
    this.#runStreams = new RunStreamsWriter(db)
    const insert = 'INSERT INTO events (stream, type, exchange_time, receive_time, body) VALUES'
    const row = '(?, ?, ?, ?, ?)'
    this.#insertOne = db.prepare(`${insert} ${row}`)
    this.#insertMany = db.prepare(
      `${insert} ${Array.from({ length: ROWS_A_STATEMENT }, () => row).join(', ')}`,
    )
    this.#insertStream = db.prepare(
      'INSERT INTO streams (id, venue, symbol, instrument, channel, key) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.#insertSegment = db.prepare('INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)')
  }

  /** What earlier runs have recorded of each stream. */
  earlierRuns(): EarlierStream[] {
    return readEarlierRuns(this.#db)
  }

  /** The last event that is on the tape; 0 where there is none. */
  get lastEvent(): number {
    return this.#segment.lastEvent
  }

  /** The number of the event's stream; undefined where the stream is new. */
  streamId(event: MarketEvent): number | undefined {
    return this.#streams.of(event)?.id
  }

  /** Gives a new stream its number. */
  addStream(identity: StreamIdentity): number {
    const stream = { id: this.#streams.lastId + 1, ...identity }
    this.#streams.add(stream)
    this.#newStreams.push(stream)
    return stream.id
  }

  /** States how a stream of this run stands; on the tape with the next transaction. */
  stateStream(stream: RunStream): void {
    this.#runStreams.state(stream)
  }

  /** Takes back what was stated of a stream. */
  withdrawStream(name: RunStreamName): void {
    this.#runStreams.withdraw(name)
  }

  /** Streams that were stated and are not on the tape yet. */
  get waitingStreams(): number {
    return this.#runStreams.waiting
  }

  typeId(type: MarketEvent['type']): number {
    const id = this.#typeIds.get(type)
    if (id !== undefined) return id
    throw new TapeError('tape_damaged', `${this.path} has no entry for events of type ${type} in event_types`)
  }

  /** How long a transaction waits for another program's lock. */
  waitForLocks(timeoutMs: number): void {
    this.#db.pragma(`busy_timeout = ${timeoutMs}`)
  }

  /**
   * Puts the first `count` rows on the tape, and what was stated of the run's streams: all or none.
   * @throws what SQLite throws; `tape_damaged` (a {@link TapeError}) where another program has written to the tape.
   */
  write(rows: readonly NewRow[], count: number): void {
    this.#db.exec('BEGIN IMMEDIATE')
    let segment: SegmentInProgress
    let run = this.#run
    try {
      run ??= this.#beginRun()
      for (const stream of this.#newStreams) {
        const { id, venue, symbol, instrument, channel } = stream
        this.#insertStream.run(id, venue, symbol, instrument, channel, streamKey(stream))
      }
      this.#insert(rows, count)
      segment = this.#insertSegments(rows, count)
      this.#runStreams.write(run)
      this.#db.exec('COMMIT')
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
    this.#run = run
    this.#newStreams = []
    this.#runStreams.taken()
    this.#segment = segment
  }

  /** Notes which logs the run is made from, before anything of them is written. @throws what SQLite throws */
  addSources(sources: Parameters<typeof writeSources>[2]): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const run = this.#run ?? this.#beginRun()
      writeSources(this.#db, run, sources)
      this.#db.exec('COMMIT')
      this.#run = run
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  /** Notes that all of the run's logs is on the tape. @throws what SQLite throws */
  completeSources(): void {
    if (this.#run !== null) completeSources(this.#db, this.#run)
  }

  /** Notes the end of the recording, closes the file and gives the tape free. */
  close(now: Micros): void {
    try {
      if (this.#run !== null) {
        this.#db.prepare('UPDATE runs SET closed = ? WHERE id = ?').run(now, this.#run)
      }
    } finally {
      this.#db.close()
      this.#lock.release()
    }
  }

  #beginRun(): number {
    const { lastInsertRowid } = this.#db
      .prepare('INSERT INTO runs (first_event, opened, writer) VALUES (?, ?, ?)')
      .run(this.lastEvent + 1, this.#opened, this.#program)
    return Number(lastInsertRowid)
  }

  #insert(rows: readonly NewRow[], count: number): void {
    if (count === 0) return
    let last: number | bigint = 0
    let cells: Cell[] = []
    let many = count >= ROWS_A_STATEMENT
    for (let at = 0; at < count; at++) {
      const row = rows[at]
      if (row === undefined) break
      cells.push(row.stream, row.type, row.exchangeTime, row.receiveTime, row.body)
      if (many && cells.length < CELLS_A_STATEMENT) continue
      last = (many ? this.#insertMany : this.#insertOne).run(cells).lastInsertRowid
      cells = []
      many = count - at - 1 >= ROWS_A_STATEMENT
    }
    if (Number(last) !== this.lastEvent + count) {
      throw new TapeError(
        'tape_damaged',
        `another program added or removed events of ${this.path} while it was recorded to; record to a new file`,
        { context: { path: this.path, expected: this.lastEvent + count, actual: Number(last) } },
      )
    }
  }

  #insertSegments(rows: readonly NewRow[], count: number): SegmentInProgress {
    if (count === 0) return this.#segment
    let segment = this.#segment.copy()
    for (let at = 0; at < count; at++) {
      const row = rows[at]
      if (row === undefined) break
      if (segment.full) {
        this.#insertSegment.run(segment.cells())
        segment = new SegmentInProgress(segment.lastEvent + 1)
      }
      segment.add(row.stream, row.exchangeTime, row.receiveTime, row.body.length)
    }
    this.#insertSegment.run(segment.cells())
    return segment
  }
}
