import type { Micros } from '../../schemas/events.js'
import type { LosslessValue } from '../../src/decode/index.js'
import { LATEST_MS } from '../../src/decode/time.js'
import { DecodeError } from '../../src/errors.js'

/** Flags of `conf`, to be summed. */
export const FLAGS = {
  /** The server's time in ms behind every array frame: book frames have no other. */
  timestamp: 32_768,
  /** A number behind every array frame, one counter a connection, from 1. */
  sequence: 65_536,
  /** `cs` frames on book channels. */
  checksum: 131_072,
  /** Several levels in one update. */
  bulk: 536_870_912,
} as const

/** What this connector asks for: everything that proves or dates, nothing that blurs. */
export const WANTED_FLAGS = FLAGS.timestamp + FLAGS.sequence + FLAGS.checksum

/** An array frame whose tail has been read; its payload is not checked yet. */
export interface DataFrame {
  readonly value: readonly LosslessValue[]
  readonly text: string
  /** Its number on the connection, as on the wire; null where frames are not numbered. */
  readonly sequence: string | null
  /** The server's time; null where frames carry none. */
  readonly exchangeTime: Micros | null
  readonly at: Micros | null
}

/** Makes the events of one channel from its frames. */
export interface ChannelReader {
  /** A frame with its payload in slot 1: a snapshot, or a row. */
  rows(frame: DataFrame): void
  /** A frame with a tag in slot 1 that is no heartbeat: `te`, `tu`, `cs`. */
  tagged(tag: string, frame: DataFrame): void
}

/**
 * Reads the tail of an array frame. It stands behind the payload, so its place is known; with one element alone the flags
 * say which it is, and in a log whose `conf` was not recorded its length does (a time has thirteen digits).
 *
 * @param flags what `conf` was acked with; null where that is not known.
 * @throws {DecodeError} where the tail is not what the flags promise.
 */
export function readFrame(
  value: readonly LosslessValue[],
  text: string,
  flags: number | null,
  at: Micros | null,
): DataFrame {
  const wanted = flags === null ? 0 : flags & (FLAGS.sequence | FLAGS.timestamp)
  const head = value[1]
  const from = typeof head !== 'string' || head === 'hb' ? 2 : tailBehindTag(head, value.length, wanted)
  const first = value[from]
  const second = value[from + 1]
  if (first === undefined) {
    if (wanted === 0) return { value, text, sequence: null, exchangeTime: null, at }
    throw broken(from, 'the number or the time that conf promised is missing', text)
  }
  if (typeof first !== 'string' || naturalNumber(first) === -1) {
    throw broken(from, 'must be a sequence number or a time', text)
  }
  if (second !== undefined) {
    const time = typeof second === 'string' ? naturalNumber(second) : -1
    if (time === -1 || time > LATEST_MS) throw broken(from + 1, 'must be a time', text)
    return { value, text, sequence: first, exchangeTime: time * 1000, at }
  }
  const numbered = wanted === 0 ? first.length < 13 : (wanted & FLAGS.sequence) !== 0
  if (numbered) return { value, text, sequence: first, exchangeTime: null, at }
  const time = naturalNumber(first)
  if (time > LATEST_MS) throw broken(from, 'must be a time before the year 2255', text)
  return { value, text, sequence: null, exchangeTime: time * 1000, at }
}

/**
 * Reads the tail of a frame of an account, `[0, tag, payload, …]`: the number that counts on the connection is the first behind the
 * payload, also where the number that the account's frames have of their own follows (`[0,"ps",[],2,0]`).
 */
export function readAccountFrame(
  value: readonly LosslessValue[],
  text: string,
  flags: number | null,
  at: Micros | null,
): DataFrame {
  const first = value[value[1] === 'hb' ? 2 : 3]
  const number = typeof first === 'string' && naturalNumber(first) !== -1 ? first : null
  const numbered = flags === null ? (number?.length ?? 0) < 13 : (flags & FLAGS.sequence) !== 0
  return { value, text, sequence: numbered ? number : null, exchangeTime: null, at }
}

/** Tags that have their payload in slot 2. */
const TAGS: ReadonlySet<string> = new Set(['te', 'tu', 'fte', 'ftu', 'cs'])

/** A frame of an unknown kind is still one of the count: its tail is looked for from its end. */
function tailBehindTag(tag: string, length: number, wanted: number): number {
  if (TAGS.has(tag) || wanted === 0) return 3
  const expected = wanted === FLAGS.sequence + FLAGS.timestamp ? 2 : 1
  return Math.max(2, length - expected)
}

/**
 * The number that the text of a natural number stands for, -1 where it is none or does not fit 2^53. Channel numbers,
 * sequence and times go through this with every frame: a loop is a third of what `Number` costs on fresh text.
 */
export function naturalNumber(text: string): number {
  const { length } = text
  if (length === 0 || length > 15) return -1
  let number = 0
  for (let at = 0; at < length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (!(digit >= 0 && digit <= 9)) return -1
    number = number * 10 + digit
  }
  return number
}

/** Whether the payload is a list of rows (or an empty one) and no row itself. */
export function isList(payload: LosslessValue | undefined): boolean {
  return Array.isArray(payload) && (payload.length === 0 || Array.isArray(payload[0]))
}

/** @throws {DecodeError} always: a message that the venue's pages do not know. */
export function unknownMessage(what: string, text: string): never {
  throw new DecodeError('unknown_message', what, { path: [], head: text })
}

function broken(at: number, message: string, text: string): DecodeError {
  return new DecodeError('schema_mismatch', `${at}: ${message}`, { path: [at], head: text })
}
