import * as z from 'zod'
import type { MarketEvent } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import type { StreamIdentity } from './event-codec.js'
import type { SqliteDatabase } from './sqlite.js'

/** A stream as the tape numbers it. */
export type TapeStream = StreamIdentity & {
  /** The number in the column `stream` of the tape's events. */
  readonly id: number
}

type Level<T> = Map<string | null, T>

/** The streams of a tape by number and by identity. Bounded by the number of streams ever recorded to it. */
export class StreamTable {
  readonly #byId = new Map<number, TapeStream>()
  #lastId = 0
  /**
   * By venue, channel, instrument and symbol. Nested, because joining four strings into a key for every event costs more
   * than looking up four that are at hand.
   */
  readonly #byIdentity: Level<Level<Level<Level<TapeStream>>>> = new Map()

  add(stream: TapeStream): void {
    this.#byId.set(stream.id, stream)
    this.#lastId = Math.max(this.#lastId, stream.id)
    const channels = child(this.#byIdentity, stream.venue)
    const instruments = child(channels, stream.channel)
    child(instruments, stream.instrument).set(stream.symbol, stream)
  }

  get(id: number): TapeStream | undefined {
    return this.#byId.get(id)
  }

  /** The stream that an event belongs to. */
  of(event: MarketEvent): TapeStream | undefined {
    const channels = this.#byIdentity.get(event.venue)
    if (channels === undefined) return undefined
    if (!('channel' in event)) return channels.get(null)?.get(null)?.get(null)
    return channels.get(event.channel)?.get(event.instrument)?.get(event.symbol)
  }

  /** The stream of that identity. */
  like({ venue, channel, instrument, symbol }: StreamIdentity): TapeStream | undefined {
    return this.#byIdentity.get(venue)?.get(channel)?.get(instrument)?.get(symbol)
  }

  /** The highest number given so far; 0 where there is none. */
  get lastId(): number {
    return this.#lastId
  }

  values(): IterableIterator<TapeStream> {
    return this.#byId.values()
  }

  /**
   * Reads the streams that the tape has got since; streams are only ever added.
   * @throws {TapeError} `tape_damaged`.
   */
  refresh(db: SqliteDatabase): void {
    const rows = db
      .prepare<[id: number, key: string]>('SELECT id, key FROM streams WHERE id > ? ORDER BY id')
      .raw()
      .all(this.#lastId)
    for (const [id, key] of rows) this.add({ id, ...readKey(id, key) })
  }
}

function child<T>(parent: Level<Level<T>>, key: string | null): Level<T> {
  let held = parent.get(key)
  if (held === undefined) {
    held = new Map()
    parent.set(key, held)
  }
  return held
}

/** The identity of an event's stream. */
export function identityOf(event: MarketEvent): StreamIdentity {
  return 'channel' in event
    ? { venue: event.venue, symbol: event.symbol, instrument: event.instrument, channel: event.channel }
    : { venue: event.venue, symbol: null, instrument: null, channel: null }
}

/**
 * The exact text of an identity. The columns beside it are for people; a name with half a surrogate pair, which JSON can
 * carry and SQLite cannot, survives only here.
 */
export function streamKey(identity: StreamIdentity): string {
  return JSON.stringify([identity.venue, identity.symbol, identity.instrument, identity.channel])
}

const keySchema = z.tuple([z.string(), z.string().nullable(), z.string().nullable(), z.string().nullable()])

function readKey(id: number, text: string): StreamIdentity {
  try {
    const [venue, symbol, instrument, channel] = keySchema.parse(JSON.parse(text))
    return { venue, symbol, instrument, channel }
  } catch (cause) {
    throw new TapeError(
      'tape_damaged',
      `stream ${id} of the tape has an unreadable key: ${text.slice(0, 80)}`,
      {
        cause,
        context: { stream: id },
      },
    )
  }
}
