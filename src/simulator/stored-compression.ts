/**
 * Compressed formats without compression: deflate's stored blocks, which every inflater reads. A venue's simulator is pure
 * and has no zlib, and on loopback nothing is won by squeezing.
 */

const MAX_BLOCK = 0xffff

/** A raw deflate stream (RFC 1951) that holds the text as UTF-8. */
export function deflateRawStored(text: string): Uint8Array<ArrayBuffer> {
  return stored(new TextEncoder().encode(text), 0, 0)
}

/** One gzip member (RFC 1952) that holds the text as UTF-8. */
export function gzipStored(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text)
  const member = stored(bytes, 10, 8)
  member.set([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
  const trailer = new DataView(member.buffer, member.length - 8)
  trailer.setUint32(0, crc32(bytes), true)
  trailer.setUint32(4, bytes.length, true)
  return member
}

function stored(bytes: Uint8Array, before: number, after: number): Uint8Array<ArrayBuffer> {
  const blocks = Math.max(1, Math.ceil(bytes.length / MAX_BLOCK))
  const out = new Uint8Array(before + bytes.length + blocks * 5 + after)
  const header = new DataView(out.buffer)
  let at = before
  for (let block = 0; block < blocks; block++) {
    const part = bytes.subarray(block * MAX_BLOCK, (block + 1) * MAX_BLOCK)
    out[at] = block === blocks - 1 ? 1 : 0
    header.setUint16(at + 1, part.length, true)
    header.setUint16(at + 3, ~part.length & MAX_BLOCK, true)
    out.set(part, at + 5)
    at += 5 + part.length
  }
  return out
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1
  return value
})

/** The checksum of gzip, zip and PNG. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8)
  return (crc ^ 0xffff_ffff) >>> 0
}
