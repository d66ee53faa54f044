const ESCAPES: Readonly<Record<string, number>> = {
  '\\': 92,
  "'": 39,
  '"': 34,
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '0': 0,
}

/**
 * Reads bytes as Python prints them, `b'\x1f\x8b\x08\x00A'`: how cryptofeed writes binary frames. Null where the text is no
 * such literal.
 *
 * @throws {Error} where it is one and is broken.
 */
export function readPythonBytes(text: string): Uint8Array | null {
  const quote = text[1]
  if (text[0] !== 'b' || (quote !== "'" && quote !== '"')) return null
  if (text.length < 3 || !text.endsWith(quote)) throw new Error('the bytes literal has no end')
  const bytes = new Uint8Array(text.length - 3)
  let length = 0
  for (let at = 2; at < text.length - 1; at++) {
    const code = text.charCodeAt(at)
    if (code !== 92) {
      if (code > 126) throw new Error(`the bytes literal holds ${JSON.stringify(text[at])}, which is no byte`)
      bytes[length++] = code
      continue
    }
    const letter = text[++at] ?? ''
    if (letter === 'x') {
      const hex = text.slice(at + 1, at + 3)
      if (!/^[0-9a-fA-F]{2}$/.test(hex))
        throw new Error(`the bytes literal holds \\x${hex}, which is no byte`)
      bytes[length++] = Number.parseInt(hex, 16)
      at += 2
      continue
    }
    const byte = ESCAPES[letter]
    if (byte === undefined) throw new Error(`the bytes literal holds \\${letter}, which is no escape`)
    bytes[length++] = byte
  }
  return bytes.subarray(0, length)
}
