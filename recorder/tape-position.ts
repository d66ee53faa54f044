import * as z from 'zod'
import { position } from '../schemas/event-schemas.js'
import type { Micros, Position, StreamEvent } from '../schemas/events.js'
import { keyOf } from '../src/stream/key.js'
import { decodeRow, type StreamIdentity } from './event-codec.js'
import type { SqliteDatabase } from './sqlite.js'

/** Where an event stands in its stream; null for one without a number. What the venue numbers alike everywhere, a tape does not know. */
export function positionOf(event: StreamEvent, epoch: string | null = null): Position | null {
  const { n, exchangeTime, receiveTime } = event
  return n === null ? null : { epoch, n, key: keyOf(event, false), exchangeTime, receiveTime }
}

/** Where a row stands in its stream; null where it cannot be read, or has no number. */
export function positionAt(
  db: SqliteDatabase,
  { venue, symbol, instrument, channel }: StreamIdentity,
  event: number,
  epoch: string | null,
): Position | null {
  const row = db
    .prepare<
      [type: string, n: number | null, exchangeTime: Micros | null, receiveTime: Micros | null, body: string]
    >(
      `SELECT t.type, e.n, e.exchange_time, e.receive_time, e.body
       FROM events e JOIN event_types t ON t.id = e.type WHERE e.id = ?`,
    )
    .raw()
    .get(event)
  if (row === undefined) return null
  const [type, n, exchangeTime, receiveTime, body] = row
  const head = { type, venue, symbol, instrument, channel, n, exchangeTime, receiveTime }
  const { event: found } = decodeRow(head, body)
  return found !== null && 'channel' in found ? positionOf(found, epoch) : null
}

const openGap = z.tuple(
  [z.string(), z.literal('open'), z.int().nullable(), z.null(), z.boolean(), position.nullable()],
  z.unknown(),
)

/** What the body of a gap says of its beginning; null where the gap is closed. */
export function openSince(
  body: string,
): { readonly from: Micros | null; readonly after: Position | null } | null {
  const read = openGap.safeParse(JSON.parse(body))
  if (!read.success) return null
  const [, , from, , , after] = read.data
  return { from, after }
}
