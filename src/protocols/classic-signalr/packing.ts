import { DecodeError } from '../../errors.js'

/**
 * Bodies that a hub packs into one argument: base64 of raw deflate (no zlib or gzip header) of UTF-8 text. Inflate in the
 * order of arrival, and bounded.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PAD = 61

/** The two characters of each twelve bits: half as many pieces to join as with single ones. */
const PAIRS = Array.from(
  { length: 4096 },
  (_, value) => ALPHABET.charAt(value >> 6) + ALPHABET.charAt(value & 63),
)

/** Six bits by character code; 255 where the character is not in the alphabet. */
const SIXES = new Uint8Array(128).fill(255)
for (let value = 0; value < ALPHABET.length; value++) SIXES[ALPHABET.charCodeAt(value)] = value

/**
 * @param inflateRaw the platform's, which bounds what comes out.
 * @throws {DecodeError} `undecodable` where the text is no base64 or its bytes do not inflate; `oversize` beyond the bound.
 */
export function unpack(packed: string, inflateRaw: (bytes: Uint8Array) => string): string {
  return inflateRaw(fromBase64(packed))
}

/** @throws {DecodeError} `undecodable`. */
export function fromBase64(text: string): Uint8Array {
  const { length } = text
  const pads = text.charCodeAt(length - 1) !== PAD ? 0 : text.charCodeAt(length - 2) !== PAD ? 1 : 2
  if (length % 4 !== 0) notBase64(text)
  const bytes = new Uint8Array((length / 4) * 3 - pads)
  let at = 0
  for (let from = 0; from < length; from += 4) {
    const last = from + 4 === length
    const a = six(text, from)
    const b = six(text, from + 1)
    const c = last && pads === 2 ? 0 : six(text, from + 2)
    const d = last && pads > 0 ? 0 : six(text, from + 3)
    if ((a | b | c | d) > 63) notBase64(text)
    bytes[at++] = (a << 2) | (b >> 4)
    if (at < bytes.length) bytes[at++] = (b << 4) | (c >> 2)
    if (at < bytes.length) bytes[at++] = (c << 6) | d
  }
  return bytes
}

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  const whole = bytes.length - (bytes.length % 3)
  for (let at = 0; at < whole; at += 3) {
    const three = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
    text += (PAIRS[three >> 12] as string) + (PAIRS[three & 4095] as string)
  }
  const left = bytes.length - whole
  if (left === 0) return text
  const three = ((bytes[whole] ?? 0) << 16) | ((bytes[whole + 1] ?? 0) << 8)
  const third = left > 1 ? ALPHABET.charAt((three >> 6) & 63) : '='
  return `${text}${PAIRS[three >> 12]}${third}=`
}

function six(text: string, at: number): number {
  return SIXES[text.charCodeAt(at)] ?? 255
}

function notBase64(text: string): never {
  throw new DecodeError('undecodable', 'the body is not base64', { path: [], head: text })
}
