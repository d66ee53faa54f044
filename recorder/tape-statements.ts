import { prepareRunStreams, type RunStreamStatements } from './run-streams.js'
import type { SqliteDatabase, SqliteStatement } from './sqlite.js'

/** Rows of one INSERT: measured, more of them gain nothing and one at a time costs half as much again. */
export const ROWS_A_STATEMENT = 64

/** The statements of a recorder, prepared for one connection to its tape. */
export class TapeStatements {
  readonly insertEvents: SqliteStatement<unknown>
  readonly insertEvent: SqliteStatement<unknown>
  readonly insertStream: SqliteStatement<unknown>
  readonly insertSegment: SqliteStatement<unknown>
  readonly insertRun: SqliteStatement<unknown>
  readonly setEpoch: SqliteStatement<unknown>
  readonly closeRun: SqliteStatement<unknown>
  readonly removeRun: SqliteStatement<unknown>
  readonly runStreams: RunStreamStatements

  constructor(db: SqliteDatabase) {
    const insert =
      'INSERT INTO events (stream, type, exchange_time, receive_time, body, n, offset, emitted) VALUES'
    const row = '(?, ?, ?, ?, ?, ?, ?, ?)'
    this.insertEvent = db.prepare(`${insert} ${row}`)
    this.insertEvents = db.prepare(
      `${insert} ${Array.from({ length: ROWS_A_STATEMENT }, () => row).join(', ')}`,
    )
    this.insertStream = db.prepare(
      'INSERT INTO streams (id, venue, symbol, instrument, channel, key) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.insertSegment = db.prepare('INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.insertRun = db.prepare('INSERT INTO runs (first_event, opened, writer, epoch) VALUES (?, ?, ?, ?)')
    this.setEpoch = db.prepare('UPDATE runs SET epoch = ? WHERE id = ?')
    this.closeRun = db.prepare('UPDATE runs SET closed = ? WHERE id = ?')
    this.removeRun = db.prepare('DELETE FROM runs WHERE id = ?')
    this.runStreams = prepareRunStreams(db)
  }
}
