import { numberEvents } from './number-events.js'
import { runStreamsTable } from './run-streams.js'
import type { SqliteDatabase } from './sqlite.js'
import { sourcesTable } from './tape-sources.js'
import { viewsSql } from './views.js'

/** Brings the tables of a tape from one version to the next. Views need no step: they are laid out anew. */
export type Migration = (db: SqliteDatabase) => void

/**
 * The steps, oldest first: the step at index 0 leads from version 1 to version 2. A change of the tables, or of the fields
 * of an event, adds a step here; `createTables` always lays out the newest version.
 */
export const migrations: readonly Migration[] = [
  // Version 2: what a run asked for is on the tape.
  (db) => void db.exec(runStreamsTable),
  // Version 3: the frame logs that the tape was made from are known again.
  (db) => void db.exec(sourcesTable),
  // Version 4: positions. Each event has its number, its place in all that the feed emitted, and the moment at which it did.
  (db) => {
    db.exec(`
      ALTER TABLE runs ADD COLUMN epoch TEXT;
      ALTER TABLE events ADD COLUMN n INTEGER;
      ALTER TABLE events ADD COLUMN offset INTEGER;
      ALTER TABLE events ADD COLUMN emitted INTEGER;
    `)
    db.exec("UPDATE runs SET epoch = 'run-' || opened")
    numberEvents(db)
  },
]

/** The version that a list of steps leads to (`PRAGMA user_version`). */
export function versionAfter(steps: readonly Migration[]): number {
  return 1 + steps.length
}

/** Runs the steps that a tape still needs, all or none. */
export function migrate(db: SqliteDatabase, version: number, steps: readonly Migration[]): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    for (const step of steps.slice(version - 1)) step(db)
    const views = db.prepare<string>("SELECT name FROM sqlite_schema WHERE type = 'view'").pluck().all()
    for (const view of views) db.exec(`DROP VIEW "${view}"`)
    db.exec(viewsSql())
    db.pragma(`user_version = ${versionAfter(steps)}`)
    db.exec('COMMIT')
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}
