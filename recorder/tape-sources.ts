import * as z from 'zod'
import type { SqliteDatabase } from './sqlite.js'

/** A frame log that was written to a tape, as it is known again. */
export interface TapeSource {
  /** The run that it was written in. */
  readonly run: number
  /** The name of the file, without its folder. */
  readonly name: string
  readonly lines: number
  /** SHA-256 of the text, whatever the file was called and however it was packed. */
  readonly digest: string
  /** Hashes of a sample of its lines, by which a part of it is known. */
  readonly marks: readonly string[]
  /** Whether all of it is on the tape. */
  readonly complete: boolean
}

/** The table of the frame logs that a tape was made from. Part of the layout since version 3. */
export const sourcesTable = `
  CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id),
    name TEXT NOT NULL,
    lines INTEGER NOT NULL,
    digest TEXT NOT NULL,
    marks TEXT NOT NULL,
    complete INTEGER NOT NULL
  ) STRICT;`

const marksText = z.array(z.string())

export function readSources(db: SqliteDatabase): TapeSource[] {
  return db
    .prepare<Omit<TapeSource, 'marks' | 'complete'> & { marks: string; complete: number }>(
      'SELECT run, name, lines, digest, marks, complete FROM sources ORDER BY id',
    )
    .all()
    .map(({ marks, complete, ...source }) => ({
      ...source,
      marks: marksText.parse(JSON.parse(marks)),
      complete: complete === 1,
    }))
}

/** Within a transaction. */
export function writeSources(
  db: SqliteDatabase,
  run: number,
  sources: readonly Pick<TapeSource, 'name' | 'lines' | 'digest' | 'marks'>[],
): void {
  const insert = db.prepare(
    'INSERT INTO sources (run, name, lines, digest, marks, complete) VALUES (?, ?, ?, ?, ?, 0)',
  )
  for (const { name, lines, digest, marks } of sources) {
    insert.run(run, name, lines, digest, JSON.stringify(marks))
  }
}

/** Notes that all of a run's sources is on the tape, but for those with the digests given. */
export function completeSources(db: SqliteDatabase, run: number, except: readonly string[]): void {
  const complete = db.prepare('UPDATE sources SET complete = 1 WHERE run = ? AND digest = ?')
  const digests = db.prepare<string>('SELECT DISTINCT digest FROM sources WHERE run = ?').pluck().all(run)
  for (const digest of digests) if (!except.includes(digest)) complete.run(run, digest)
}
