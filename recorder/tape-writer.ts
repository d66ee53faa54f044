import { rmSync } from 'node:fs'
import type { GapEvent, MarketEvent, Micros } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import { isDatum } from './datum.js'
import { type EarlierStream, readEarlierRuns } from './earlier-runs.js'
import type { StreamIdentity } from './event-codec.js'
import { type RunStream, type RunStreamName, RunStreamsWriter } from './run-streams.js'
import { SegmentInProgress } from './segment.js'
import { type Cell, type SqliteDatabase, sqliteCode } from './sqlite.js'
import { identityOf, StreamTable, streamKey, type TapeStream } from './stream-table.js'
import { TapeFile } from './tape-file.js'
import { type FileIdentity, fileAt, sameFile } from './tape-place.js'
import { completeSources, writeSources } from './tape-sources.js'
import { ROWS_A_STATEMENT, TapeStatements } from './tape-statements.js'
import { WriterLock } from './writer-lock.js'

const CELLS_A_STATEMENT = ROWS_A_STATEMENT * 8
/** How long the end of a recording waits for readers before it leaves the write-ahead log to them. */
const READERS_TIMEOUT_MS = 250

/** A row of `events` that has no number yet. */
export interface NewRow {
  readonly stream: TapeStream
  readonly type: number
  readonly exchangeTime: Micros | null
  readonly receiveTime: Micros | null
  /** Null of an event that belongs to no stream, and of a gap that the recorder alone has. */
  readonly n: number | null
  /** Null for what the feed did not emit. */
  readonly offset: number | null
  /** Null where that is the receive time. */
  readonly emitted: Micros | null
  readonly body: string
  /** Of the body, as UTF-8. */
  readonly bytes: number
  /** Whether it is data of a stream. */
  readonly datum: boolean
  /** What the row means for the gaps of its stream; null for most. */
  readonly landmark: 'snapshot' | GapEvent | null
}

/** How a tape came to be open for writing. */
export interface TapeOpening {
  /** The tape's real path. */
  readonly path: string
  /** Opens a further connection to the file. */
  readonly connect: () => SqliteDatabase
  readonly lock: WriterLock
  /** What writes, for the table of runs: `tapewire 1.0.0`. */
  readonly program: string
  /** The moment from which the run has everything. */
  readonly opened: Micros
  /** Whether there was no file, or an empty one, before. */
  readonly made: boolean
}

/** What is wrong with the files of a tape that is being written. */
export type TapeFault = 'moved' | 'overwritten' | 'log_removed' | 'lock_removed'

/** The SQL side of a recorder: turns waiting rows into one transaction. */
export class TapeWriter {
  readonly path: string
  readonly made: boolean
  readonly #opening: TapeOpening
  readonly #file: TapeFile
  #db: SqliteDatabase
  #lock: WriterLock
  #statements: TapeStatements
  /** The write-ahead log and its index, once SQLite has made them. */
  #companions: ReadonlyMap<string, FileIdentity> | null
  readonly #streams = new StreamTable()
  readonly #typeIds: ReadonlyMap<string, number>
  /** Streams that have a number and are not on the tape yet. */
  #newStreams: TapeStream[] = []
  readonly #runStreams = new RunStreamsWriter()
  #segment: SegmentInProgress
  /** The feed whose events are recorded; null while that is not known. */
  #epoch: string | null = null
  /** Whether {@link #epoch} is on the tape, or there is none. */
  #epochStated = true
  /** This recording's row in `runs`; null while it could not be written. */
  #run: number | null = null
  /** The last event of the runs before. */
  readonly #before: number
  #hasSources = false
  #data = 0

  constructor(opening: TapeOpening, db: SqliteDatabase) {
    this.path = opening.path
    this.made = opening.made
    this.#opening = opening
    this.#file = new TapeFile(opening.path)
    this.#db = db
    this.#lock = opening.lock
    this.#statements = new TapeStatements(db)
    this.#streams.refresh(db)
    this.#typeIds = new Map(db.prepare<[string, number]>('SELECT type, id FROM event_types').raw().all())
    const last = db.prepare<number | null>('SELECT max(id) FROM events').pluck().get() ?? 0
    this.#before = last
    this.#segment = new SegmentInProgress(last + 1)
    this.#companions = companionsOf(opening.path)
  }

  /** What earlier runs have recorded of each stream. */
  earlierRuns(): EarlierStream[] {
    return readEarlierRuns(this.#db)
  }

  /** The last event that is on the tape; 0 where there is none. */
  get lastEvent(): number {
    return this.#segment.lastEvent
  }

  /** Data of streams that this run has on the tape. */
  get data(): number {
    return this.#data
  }

  /** Whether the file has no name any more: what is on it is gone as soon as it is closed. */
  get deleted(): boolean {
    return this.#file.deleted
  }

  /** Whether the tape says that this recording began. */
  get begun(): boolean {
    return this.#run !== null
  }

  /** Whether the tape holds anything else of this recording: an event, a stream that was asked for, a log. */
  get hasContent(): boolean {
    return this.lastEvent > this.#before || this.#hasSources || this.statedStreams.length > 0
  }

  /** The stream that the event belongs to; a new one gets its number. */
  streamOf(event: MarketEvent): TapeStream {
    return this.#streams.of(event) ?? this.#addStream(identityOf(event))
  }

  /** The stream of another tape, as this one numbers it. */
  streamLike(other: TapeStream): TapeStream {
    const { id: _id, ...identity } = other
    return this.#streams.like(identity) ?? this.#addStream(identity)
  }

  /** States how a stream of this run stands; on the tape with the next transaction. */
  stateStream(stream: RunStream): void {
    this.#runStreams.state(stream)
  }

  /** Whether the event counts as data: what a venue says of an instrument does only where that stream was asked for, as in `verify`. */
  isDatum(event: MarketEvent): boolean {
    return isDatum(event) && (event.type !== 'instrument' || this.#runStreams.has(event))
  }

  /** Names the feed whose events are recorded; on the tape with the next transaction. */
  setEpoch(epoch: string): void {
    this.#epoch = epoch
    this.#epochStated = false
  }

  get epoch(): string | null {
    return this.#epoch
  }

  /** Takes back what was stated of a stream. */
  withdrawStream(name: RunStreamName): void {
    this.#runStreams.withdraw(name)
  }

  /** Streams that were stated and are not on the tape yet. */
  get waitingStreams(): number {
    return this.#runStreams.waiting
  }

  /** Every stream that was stated. */
  get statedStreams(): readonly RunStream[] {
    return this.#runStreams.stated
  }

  typeId(type: MarketEvent['type']): number {
    const id = this.#typeIds.get(type)
    if (id !== undefined) return id
    throw new TapeError('tape_damaged', `${this.path} has no entry for events of type ${type} in event_types`)
  }

  /** How long a transaction waits for another program's lock. */
  waitForLocks(timeoutMs: number): void {
    if (this.#db.open) this.#db.pragma(`busy_timeout = ${timeoutMs}`)
  }

  /**
   * Looks whether the files are still there: SQLite itself would write on into a file that has no name any more.
   * @throws {TapeError} `tape_unwritable` where the system does not say.
   */
  fault(): TapeFault | null {
    const fault = this.#file.fault()
    if (fault !== null) return fault
    for (const [path, file] of this.#companions ?? []) {
      if (!sameFile(fileAt(path), file)) return 'log_removed'
    }
    return this.#lock.vanished ? 'lock_removed' : null
  }

  /**
   * Makes the write-ahead log again where its file was removed. What the old one held is in the tape then.
   * @throws what SQLite throws; `tape_busy` where a reader needs the old one still.
   */
  reconnect(): void {
    if (this.#db.prepare<number>('PRAGMA wal_checkpoint(TRUNCATE)').pluck().get() !== 0) {
      throw new TapeError(
        'tape_busy',
        `${this.path}-wal was removed, and a program that reads the tape keeps it from being made again; end that program`,
        { retryable: true, context: { path: this.path } },
      )
    }
    this.#db.close()
    this.#db = this.#opening.connect()
    this.#statements = new TapeStatements(this.#db)
    this.#companions = companionsOf(this.path)
    this.#file.written()
  }

  /** @throws {TapeError} `tape_locked` where another recorder took the tape meanwhile. */
  lockAgain(): void {
    this.#lock.release()
    this.#lock = WriterLock.take(this.path)
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
        this.#statements.insertStream.run(id, venue, symbol, instrument, channel, streamKey(stream))
      }
      this.#insert(rows, count)
      segment = this.#insertSegments(rows, count)
      this.#runStreams.write(this.#statements.runStreams, run)
      if (!this.#epochStated) this.#statements.setEpoch.run(this.#epoch, run)
      this.#db.exec('COMMIT')
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
    this.#run = run
    this.#newStreams = []
    this.#runStreams.taken()
    this.#epochStated = true
    this.#segment = segment
    for (let at = 0; at < count; at++) if (rows[at]?.datum === true) this.#data++
    this.#companions ??= companionsOf(this.path)
    // A transaction may merge the write-ahead log into the file.
    this.#file.written()
  }

  /** Notes which logs the run is made from, before anything of them is written. @throws what SQLite throws */
  addSources(sources: Parameters<typeof writeSources>[2]): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const run = this.#run ?? this.#beginRun()
      writeSources(this.#db, run, sources)
      this.#db.exec('COMMIT')
      this.#run = run
      this.#hasSources = true
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  /** Notes that all of the run's logs is on the tape, but for those with the digests given. @throws what SQLite throws */
  completeSources(except: readonly string[]): void {
    if (this.#run !== null) completeSources(this.#db, this.#run, except)
  }

  /** Marks the run as closed: everything that it was given is on the tape. One that was given nothing leaves no trace. */
  closeRun(at: Micros): void {
    if (this.#run === null) return
    if (this.hasContent) this.#statements.closeRun.run(at, this.#run)
    else this.#statements.removeRun.run(this.#run)
  }

  /**
   * Closes the file and gives the tape free. The tape leaves the write-ahead log, so that it is one file, which can be read where
   * nothing can be written; where programs read it just now the last of them does that.
   * @throws what SQLite throws.
   */
  close(): void {
    try {
      this.waitForLocks(READERS_TIMEOUT_MS)
      this.#db.pragma('journal_mode = DELETE')
    } catch (error) {
      if (!sqliteCode(error)?.startsWith('SQLITE_BUSY')) throw error
    } finally {
      this.#db.close()
      this.#lock.release()
    }
  }

  /** The moment from which the run has everything. */
  get opened(): Micros {
    return this.#opening.opened
  }

  /** Removes a tape that was made for nothing. */
  remove(): void {
    this.#db.close()
    removeTape(this.path)
    this.#lock.release()
  }

  /** Closes the file as it is, where it cannot be written to its end. @throws what SQLite throws */
  closeUnfinished(): void {
    try {
      // A file that has another name now may be without its log, and SQLite does not merge that by itself.
      if (this.#db.open && fileAt(this.path) === null) this.#db.pragma('wal_checkpoint(TRUNCATE)')
    } finally {
      this.#db.close()
      this.#lock.release()
    }
  }

  /**
   * Ends the run on a tape that has another name now, or none, and leaves all that was committed in that one file.
   * @throws what SQLite throws.
   */
  leave(closed: Micros): void {
    try {
      this.closeRun(closed)
      this.#mergeLog()
      this.#db.close()
      if (fileAt(this.path) === null) this.#removeCompanions()
    } finally {
      this.#db.close()
      this.#lock.release()
    }
  }

  /** SQLite leaves them where the tape has another name now: they belong to nothing any more. */
  #removeCompanions(): void {
    for (const [path, file] of this.#companions ?? []) {
      if (sameFile(fileAt(path), file)) rmSync(path)
    }
  }

  #mergeLog(): void {
    const log = `${this.path}-wal`
    if (sameFile(fileAt(log), this.#companions?.get(log) ?? null)) {
      try {
        this.waitForLocks(READERS_TIMEOUT_MS)
        this.#db.pragma('journal_mode = DELETE')
        return
      } catch (error) {
        // The log is merged and removed; then SQLite refuses to mark a file whose name is gone.
        if (sqliteCode(error) === 'SQLITE_READONLY_DBMOVED') return
        if (!sqliteCode(error)?.startsWith('SQLITE_BUSY')) throw error
      }
    }
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
  }

  #addStream(identity: StreamIdentity): TapeStream {
    const stream = { id: this.#streams.lastId + 1, ...identity }
    this.#streams.add(stream)
    this.#newStreams.push(stream)
    return stream
  }

  /** Where nothing tells which feed is recorded, the run has a name of its own. */
  #beginRun(): number {
    const { opened, program } = this.#opening
    const epoch = this.#epoch ?? `run-${opened}`
    return Number(this.#statements.insertRun.run(this.lastEvent + 1, opened, program, epoch).lastInsertRowid)
  }

  #insert(rows: readonly NewRow[], count: number): void {
    if (count === 0) return
    let last = 0
    let cells: Cell[] = []
    let many = count >= ROWS_A_STATEMENT
    for (let at = 0; at < count; at++) {
      const row = rows[at]
      if (row === undefined) break
      const { stream, type, exchangeTime, receiveTime, body, n, offset, emitted } = row
      cells.push(stream.id, type, exchangeTime, receiveTime, body, n, offset, emitted)
      if (many && cells.length < CELLS_A_STATEMENT) continue
      const statement = many ? this.#statements.insertEvents : this.#statements.insertEvent
      last = Number(statement.run(cells).lastInsertRowid)
      cells = []
      many = count - at - 1 >= ROWS_A_STATEMENT
    }
    if (last !== this.lastEvent + count) {
      throw new TapeError(
        'tape_damaged',
        `another program added or removed events of ${this.path} while it was recorded to; record to a new file`,
        { context: { path: this.path, expected: this.lastEvent + count, actual: last } },
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
        this.#statements.insertSegment.run(segment.cells())
        segment = new SegmentInProgress(segment.lastEvent + 1)
      }
      segment.add(row.stream.id, row.exchangeTime, row.receiveTime, row.emitted, row.bytes)
    }
    this.#statements.insertSegment.run(segment.cells())
    return segment
  }
}

/** The file of a tape, with what SQLite may have left beside it. */
export function removeTape(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true })
}

/** Null until both are there. */
function companionsOf(path: string): ReadonlyMap<string, FileIdentity> | null {
  const found = new Map<string, FileIdentity>()
  for (const companion of [`${path}-wal`, `${path}-shm`]) {
    const file = fileAt(companion)
    if (file === null) return null
    found.set(companion, file)
  }
  return found
}
