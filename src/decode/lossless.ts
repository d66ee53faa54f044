import { DecodeError } from '../errors.js'

/** A JSON value in which every number is its exact text as it stood on the wire. */
export type LosslessValue = string | boolean | null | LosslessValue[] | { [key: string]: LosslessValue }

/** Nesting beyond this is refused: no venue comes near, and a hostile frame must not exhaust the stack. */
const MAX_DEPTH = 128

/**
 * More values in one frame are refused: the largest that any recording holds has 230,000, and one of 8 MB can hold four million, which
 * takes a second to read and far longer to judge.
 */
export const MAX_VALUES = 500_000

const QUOTE = 34
const BACKSLASH = 92

/**
 * The reader is one module-wide cursor over one text: frames are read synchronously and never nested,
 * and an object allocated for each frame was measurably slower than JSON.parse.
 */
let text = ''
let at = 0
let depth = 0
let values = 0

/**
 * Keys repeat in every frame. Remembering the last key seen for a (first letter, length) slot lets the reader
 * compare in place instead of cutting and hashing a new string: a third of the time of a BitMEX frame.
 */
const keyCache: string[] = new Array<string>(128 * 32).fill('')

/**
 * Reads JSON exactly as `JSON.parse` does, except that each number becomes its source text.
 *
 * @throws {DecodeError} code `not_json`, where the text is not one JSON value; `oversize`, where it holds too many.
 */
export function readLossless(source: string): LosslessValue {
  text = source
  at = 0
  depth = 0
  values = 0
  const value = readValue()
  if (at !== text.length && !Number.isNaN(skipSpace())) fail()
  return value
}

function fail(): never {
  const found = at < text.length ? JSON.stringify(text[at]) : 'the end'
  const source = text
  text = ''
  throw new DecodeError('not_json', `not JSON: unexpected ${found} at position ${at}`, {
    path: [],
    head: source,
  })
}

function tooMany(): never {
  const source = text
  text = ''
  throw new DecodeError('oversize', `the frame holds more than ${MAX_VALUES} values`, {
    path: [],
    head: source,
  })
}

/** Moves to the next character that is not white space and returns its code, NaN at the end. */
function skipSpace(): number {
  let code = text.charCodeAt(at)
  while (code === 32 || code === 10 || code === 13 || code === 9) code = text.charCodeAt(++at)
  return code
}

function readValue(): LosslessValue {
  let code = text.charCodeAt(at)
  if (code <= 32) code = skipSpace()
  switch (code) {
    case QUOTE:
      return readString()
    case 91:
      return readArray()
    case 123:
      return readObject()
    case 116:
      return readWord('true', true)
    case 102:
      return readWord('false', false)
    case 110:
      return readWord('null', null)
    default:
      return readNumber(code)
  }
}

function readWord<T>(word: string, value: T): T {
  if (!text.startsWith(word, at)) fail()
  at += word.length
  return value
}

function readNumber(first: number): string {
  const start = at
  let code = first
  if (code === 45) code = text.charCodeAt(++at)
  if (code === 48) code = text.charCodeAt(++at)
  else code = readDigits(code)
  if (code === 46) code = readDigits(text.charCodeAt(++at))
  if (code === 101 || code === 69) {
    code = text.charCodeAt(++at)
    if (code === 43 || code === 45) code = text.charCodeAt(++at)
    readDigits(code)
  }
  return text.slice(start, at)
}

/** Consumes one or more digits and returns the code of what follows. */
function readDigits(first: number): number {
  let code = first
  if (!(code >= 48 && code <= 57)) fail()
  do code = text.charCodeAt(++at)
  while (code >= 48 && code <= 57)
  return code
}

function readString(): string {
  const start = ++at
  let code = text.charCodeAt(at)
  while (code !== QUOTE) {
    if (code === BACKSLASH) return readEscapedString(start - 1)
    if (!(code >= 32)) fail()
    code = text.charCodeAt(++at)
  }
  return text.slice(start, at++)
}

/** Strings with escapes are rare in market data: find the end here and leave the unescaping to JSON.parse. */
function readEscapedString(open: number): string {
  let code = text.charCodeAt(at)
  while (code !== QUOTE) {
    if (!(code >= 32)) fail()
    at += code === BACKSLASH ? 2 : 1
    code = text.charCodeAt(at)
  }
  at++
  try {
    return JSON.parse(text.slice(open, at)) as string
  } catch {
    at = open
    return fail()
  }
}

function readKey(): string {
  const start = at + 1
  const first = text.charCodeAt(start)
  let end = start
  let code = first
  while (code !== QUOTE) {
    if (code === BACKSLASH || !(code >= 32)) return readString()
    code = text.charCodeAt(++end)
  }
  at = end + 1
  const length = end - start
  if (first >= 128 || length >= 32) return text.slice(start, end)
  const slot = first * 32 + length
  const known = keyCache[slot] as string
  if (known.length === length && text.startsWith(known, start)) return known
  const key = text.slice(start, end)
  keyCache[slot] = key
  return key
}

function readArray(): LosslessValue[] {
  if (++depth > MAX_DEPTH) fail()
  at++
  const items: LosslessValue[] = []
  let code = text.charCodeAt(at)
  if (code <= 32) code = skipSpace()
  if (code === 93) {
    at++
    depth--
    return items
  }
  for (;;) {
    if (++values > MAX_VALUES) tooMany()
    items.push(readValue())
    code = text.charCodeAt(at)
    if (code <= 32) code = skipSpace()
    if (code === 44) at++
    else if (code === 93) break
    else fail()
  }
  at++
  depth--
  return items
}

function readObject(): { [key: string]: LosslessValue } {
  if (++depth > MAX_DEPTH) fail()
  at++
  const object: { [key: string]: LosslessValue } = {}
  let code = text.charCodeAt(at)
  if (code <= 32) code = skipSpace()
  if (code === 125) {
    at++
    depth--
    return object
  }
  for (;;) {
    if (code !== QUOTE) fail()
    const key = readKey()
    code = text.charCodeAt(at)
    if (code <= 32) code = skipSpace()
    if (code !== 58) fail()
    at++
    if (++values > MAX_VALUES) tooMany()
    const value = readValue()
    if (key === '__proto__') defineOwn(object, key, value)
    else object[key] = value
    code = text.charCodeAt(at)
    if (code <= 32) code = skipSpace()
    if (code === 125) break
    if (code !== 44) fail()
    at++
    code = text.charCodeAt(at)
    if (code <= 32) code = skipSpace()
  }
  at++
  depth--
  return object
}

/** As JSON.parse does: `__proto__` is an ordinary key, never the prototype. */
function defineOwn(object: object, key: string, value: LosslessValue): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}
