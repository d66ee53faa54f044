import type { Micros } from '../schemas/events.js'
import type { SqliteDatabase, SqliteStatement } from './sqlite.js'

/** A stream that a run asked for, and how it stands. Within a run it is known by venue, symbol and channel. */
export interface RunStream {
  readonly venue: string
  /** The unified symbol; as it was asked for where the venue did not say what it means. */
  readonly symbol: string
  readonly channel: string
  /** The venue's own id; null where it never became known. */
  readonly instrument: string | null
  /** When it was asked for. */
  readonly askedAt: Micros
  /** When the venue first granted it or first sent something of it; null where it never did. */
  readonly confirmedAt: Micros | null
  /** Why the venue does not give it; null where it was not refused. */
  readonly refused: string | null
  /** When it was given up before the run ended; null where it was kept to the end. */
  readonly endedAt: Micros | null
}

/** What a stream is known by within a run. */
export type RunStreamName = Pick<RunStream, 'venue' | 'symbol' | 'channel'>

/** The table in which a run states what it asked for. Part of the layout since version 2. */
export const runStreamsTable = `
  CREATE TABLE run_streams (
    run INTEGER NOT NULL REFERENCES runs (id),
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    channel TEXT NOT NULL,
    instrument TEXT,
    asked_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    refused TEXT,
    ended_at INTEGER,
    UNIQUE (run, venue, symbol, channel)
  ) STRICT;`

/** The streams that runs asked for, by the number of the run, in the order in which they were first stated. */
export function readRunStreams(db: SqliteDatabase): Map<number, RunStream[]> {
  const rows = db
    .prepare<RunStream & { run: number }>(
      `SELECT run, venue, symbol, channel, instrument, asked_at AS askedAt, confirmed_at AS confirmedAt, refused,
         ended_at AS endedAt FROM run_streams ORDER BY rowid`,
    )
    .iterate()
  const streams = new Map<number, RunStream[]>()
  for (const { run, ...stream } of rows) {
    const held = streams.get(run)
    if (held === undefined) streams.set(run, [stream])
    else held.push(stream)
  }
  return streams
}

/** What a recorder states of its run's streams; kept until a transaction has taken it, and for a tape that takes over the run. */
export class RunStreamsWriter {
  /** By venue, symbol and channel: the newest statement is the one that counts. */
  readonly #stated = new Map<string, RunStream>()
  /** What is not on the tape yet; without a statement it is to be taken back. */
  readonly #waiting = new Map<string, RunStreamName>()

  get waiting(): number {
    return this.#waiting.size
  }

  /** Everything that is stated, on the tape or not. */
  get stated(): RunStream[] {
    return [...this.#stated.values()]
  }

  has(name: RunStreamName): boolean {
    return this.#stated.has(keyOf(name))
  }

  state(stream: RunStream): void {
    const key = keyOf(stream)
    this.#stated.set(key, stream)
    this.#waiting.set(key, stream)
  }

  withdraw(name: RunStreamName): void {
    const key = keyOf(name)
    this.#stated.delete(key)
    this.#waiting.set(key, name)
  }

  /** Within a transaction; {@link taken} follows once it is committed. */
  write({ upsertRunStream, removeRunStream }: RunStreamStatements, run: number): void {
    for (const [key, { venue, symbol, channel }] of this.#waiting) {
      const stream = this.#stated.get(key)
      if (stream === undefined) {
        removeRunStream.run(run, venue, symbol, channel)
        continue
      }
      const { instrument, askedAt, confirmedAt, refused, endedAt } = stream
      upsertRunStream.run(run, venue, symbol, channel, instrument, askedAt, confirmedAt, refused, endedAt)
    }
  }

  taken(): void {
    this.#waiting.clear()
  }
}

/** How a statement of a run gets onto the tape. */
export interface RunStreamStatements {
  readonly upsertRunStream: SqliteStatement<unknown>
  readonly removeRunStream: SqliteStatement<unknown>
}

export function prepareRunStreams(db: SqliteDatabase): RunStreamStatements {
  return {
    upsertRunStream: db.prepare(
      `INSERT INTO run_streams
         (run, venue, symbol, channel, instrument, asked_at, confirmed_at, refused, ended_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (run, venue, symbol, channel) DO UPDATE SET
         instrument = excluded.instrument, asked_at = excluded.asked_at, confirmed_at = excluded.confirmed_at,
         refused = excluded.refused, ended_at = excluded.ended_at`,
    ),
    removeRunStream: db.prepare(
      'DELETE FROM run_streams WHERE run = ? AND venue = ? AND symbol = ? AND channel = ?',
    ),
  }
}

function keyOf({ venue, symbol, channel }: RunStreamName): string {
  return JSON.stringify([venue, symbol, channel])
}
