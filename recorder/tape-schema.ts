import { eventShapes } from './event-codec.js'
import { runStreamsTable } from './run-streams.js'
import type { SqliteDatabase } from './sqlite.js'
import { sourcesTable } from './tape-sources.js'
import { viewsSql } from './views.js'

/** Marks an SQLite file as a tape (`PRAGMA application_id`): the letters `tape`. */
export const applicationId = 0x74617065

/** Types of event from which a book can be built without anything that came before. */
export const bookStartTypes = ['book_snapshot', 'order_snapshot'] as const

/** Lays out an empty tape. The tables are described in docs/tape.md. */
export function createTables(db: SqliteDatabase): void {
  db.exec(`
    CREATE TABLE meta (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE runs (
      id INTEGER PRIMARY KEY,
      first_event INTEGER NOT NULL,
      opened INTEGER NOT NULL,
      closed INTEGER,
      writer TEXT NOT NULL,
      epoch TEXT
    ) STRICT;

    CREATE TABLE event_types (
      id INTEGER PRIMARY KEY,
      type TEXT NOT NULL UNIQUE,
      fields TEXT NOT NULL
    ) STRICT;

    CREATE TABLE streams (
      id INTEGER PRIMARY KEY,
      venue TEXT NOT NULL,
      symbol TEXT,
      instrument TEXT,
      channel TEXT,
      key TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE events (
      id INTEGER PRIMARY KEY,
      stream INTEGER NOT NULL REFERENCES streams (id),
      type INTEGER NOT NULL REFERENCES event_types (id),
      exchange_time INTEGER,
      receive_time INTEGER,
      body TEXT NOT NULL,
      n INTEGER,
      offset INTEGER,
      emitted INTEGER
    ) STRICT;

    CREATE TABLE segments (
      first_event INTEGER PRIMARY KEY,
      last_event INTEGER NOT NULL,
      receive_from INTEGER,
      receive_to INTEGER,
      exchange_from INTEGER,
      exchange_to INTEGER,
      streams TEXT NOT NULL
    ) STRICT;
    ${runStreamsTable}
    ${sourcesTable}
  `)
  const addType = db.prepare('INSERT INTO event_types (id, type, fields) VALUES (?, ?, ?)')
  eventShapes.forEach(({ type, body }, index) => {
    addType.run(index + 1, type, JSON.stringify(body.map(({ name }) => name)))
  })
  const starts = eventShapes.flatMap(({ type }, index) => (isBookStart(type) ? [index + 1] : []))
  db.exec(`CREATE INDEX book_starts ON events (stream) WHERE type IN (${starts.join(', ')})`)
  db.exec(viewsSql())
}

function isBookStart(type: string): boolean {
  return bookStartTypes.some((start) => start === type)
}
