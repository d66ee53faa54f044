import { DecodeError, UsageError } from '../errors.js'

/**
 * Reads JSON. `JSON.parse` is the default of every codec; a venue that must keep each digit gives a reader that returns numbers as
 * their text. The codecs read their own fields from either.
 */
export type JsonReader = (text: string) => unknown

/** A JSON object. */
export type JsonRecord = { readonly [key: string]: unknown }

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A whole number, which an exact reader returns as text; null for anything else. */
export function wholeNumber(value: unknown): number | null {
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null
}

/** The text of a field, null where it is none. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** @throws {DecodeError} `not_json`, or what the reader throws of its own. */
export function readJson(read: JsonReader, text: string): unknown {
  try {
    return read(text)
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError(
      'not_json',
      'the message is not JSON',
      { path: [], head: text },
      { cause: error instanceof Error ? new SyntaxError('not JSON') : undefined },
    )
  }
}

/** The message is JSON, and not what the protocol allows. */
export function misfit(what: string, head: string, path: readonly (string | number)[] = []): DecodeError {
  return new DecodeError('schema_mismatch', what, { path, head })
}

/** @throws {UsageError} `bad_command` where the value has no JSON. */
export function writeJson(value: unknown, what: string): string {
  try {
    const text: unknown = JSON.stringify(value)
    if (typeof text === 'string') return text
  } catch (cause) {
    throw new UsageError('bad_command', `${what} cannot be written as JSON`, { cause })
  }
  throw new UsageError('bad_command', `${what} cannot be written as JSON`)
}
