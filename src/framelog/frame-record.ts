import * as z from 'zod'
import type { Micros } from '../../schemas/events.js'

/** What every record of one connection has. */
export interface OfConnection {
  /** When the recorder read (or sent) it, microseconds since the Unix epoch; null where the recording has no clock. */
  readonly t: Micros | null
  /** Counts the connections of the recording from 0. */
  readonly conn: number
}

/** The beginning of a connection in a frame log. */
export interface OpenRecord extends OfConnection {
  readonly dir: 'open'
  readonly url: string
  /** The venue's name, where the recorder knew it: a gateway's or simulator's URL says nothing. */
  readonly venue?: string
  /** The file of which this one is the next part, where the connection was already open at its end. */
  readonly continues?: string
}

/** A frame that was received, in a frame log. */
export interface InRecord extends OfConnection {
  readonly dir: 'in'
  /** The frame, exactly as it came. */
  readonly data: string | Uint8Array
}

/** A frame that was sent, in a frame log. */
export interface OutRecord extends OfConnection {
  readonly dir: 'out'
  readonly data: string
}

/** The end of a connection in a frame log. */
export interface CloseRecord extends OfConnection {
  readonly dir: 'close'
  /** The close code; absent where none came or none was recorded. */
  readonly code?: number
  readonly reason?: string
}

/** An answer over HTTP. It belongs to no connection. */
export interface RestRecord {
  readonly dir: 'rest'
  readonly t: Micros | null
  readonly url: string
  readonly status: number
  readonly body: string
  /** Names in lower case; empty where none were recorded. */
  readonly headers: Readonly<Record<string, string>>
}

/** One record of a frame log. */
export type FrameRecord = OpenRecord | InRecord | OutRecord | CloseRecord | RestRecord

const connection = { t: z.int().nullable(), conn: z.int().nonnegative() }

/**
 * The lines of a log, one schema for each kind, chosen by `dir`: a text frame, nine lines in ten, pays for one check only.
 * Real lines (bitfinex-20210405, huobi-linear-20220217, bittrex-v3-20210614-rest):
 *
 *     {"t":1617643606805714,"dir":"open","conn":0,"url":"wss://api.bitfinex.com/ws/2"}
 *     {"t":1617643607334008,"dir":"out","conn":0,"data":"{\"event\":\"conf\",\"flags\":65536}"}
 *     {"t":1645129636479420,"dir":"in","conn":0,"b64":"H4sIAAAAAAAA/2zNwUoFIRSH8Xf5..."}
 *     {"t":1623635619188958,"dir":"rest","url":"https://api.bittrex.com/v3/markets/BTC-EUR/orderbook?depth=500",
 *      "body":"{\"bid\":[...","headers":"{\"Sequence\": \"3209228\", ...}"}
 */
const lines = {
  in: z.compile(z.object({ dir: z.literal('in'), ...connection, data: z.string() })),
  binary: z.compile(z.object({ dir: z.literal('in'), ...connection, b64: z.base64() })),
  out: z.compile(z.object({ dir: z.literal('out'), ...connection, data: z.string() })),
  open: z.compile(
    z.object({
      dir: z.literal('open'),
      ...connection,
      url: z.string().min(1),
      venue: z.string().exactOptional(),
      continues: z.string().exactOptional(),
    }),
  ),
  close: z.compile(
    z.object({
      dir: z.literal('close'),
      ...connection,
      code: z.int().exactOptional(),
      reason: z.string().exactOptional(),
    }),
  ),
  rest: z.compile(
    z.object({
      dir: z.literal('rest'),
      t: z.int().nullable(),
      url: z.string().min(1),
      status: z.int().default(200),
      body: z.string(),
      headers: z.string().optional(),
    }),
  ),
}

/**
 * Reads one line of a frame log.
 *
 * @throws {Error} a sentence that says what is wrong with the line; the caller knows which line it is.
 */
export function readRecord(line: string): FrameRecord {
  const value: unknown = JSON.parse(line)
  if (typeof value !== 'object' || value === null || !('dir' in value)) {
    throw new Error('there is no "dir", so it is no record of a frame log')
  }
  switch (value.dir) {
    case 'in': {
      if (!('b64' in value)) return checked(lines.in.safeParse(value))
      const { dir, t, conn, b64 } = checked(lines.binary.safeParse(value))
      return { dir, t, conn, data: Buffer.from(b64, 'base64') }
    }
    case 'out':
      return checked(lines.out.safeParse(value))
    case 'open':
      return checked(lines.open.safeParse(value))
    case 'close':
      return checked(lines.close.safeParse(value))
    case 'rest': {
      const { headers, ...record } = checked(lines.rest.safeParse(value))
      return { ...record, headers: readHeaders(headers ?? '') }
    }
    default:
      throw new Error(`dir: ${JSON.stringify(value.dir)} is none of open, in, out, rest, close`)
  }
}

/** Writes one record as a line, line feed included. */
export function writeRecord(record: FrameRecord): string {
  return `${JSON.stringify(written(record))}\n`
}

function written(record: FrameRecord): object {
  if (record.dir === 'in' && typeof record.data !== 'string') {
    const { data, ...rest } = record
    return { ...rest, b64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') }
  }
  if (record.dir === 'rest') {
    const { status, headers, ...rest } = record
    const named = Object.keys(headers).length > 0
    return {
      ...rest,
      ...(status === 200 ? {} : { status }),
      ...(named ? { headers: JSON.stringify(headers) } : {}),
    }
  }
  return record
}

const headerObject = z.record(
  z.string(),
  z.union([z.string(), z.number().transform(String), z.array(z.string()).transform((all) => all.join(', '))]),
)

/**
 * Recorded headers are text: a JSON object, or `Name: value` lines as on the wire.
 *
 * @throws {Error} where the text is neither.
 */
export function readHeaders(text: string): Record<string, string> {
  const trimmed = text.trim()
  if (trimmed === '') return {}
  const pairs = trimmed.startsWith('{')
    ? Object.entries(checked(headerObject.safeParse(JSON.parse(trimmed))))
    : trimmed.split(/\r?\n/).map((line): [string, string] => {
        const colon = line.indexOf(':')
        if (colon < 1) throw new Error(`headers: ${JSON.stringify(line.slice(0, 60))} is no header`)
        return [line.slice(0, colon), line.slice(colon + 1).trim()]
      })
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]))
}

function checked<T>(result: z.ZodSafeParseResult<T>): T {
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Error(`${issue?.path.join('.') || 'the record'}: ${issue?.message ?? 'does not fit'}`)
}
