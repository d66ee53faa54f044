import { javascriptNumberText, negateDecimal } from '../../src/decode/index.js'

/** How many of the best levels (or orders) a side the venue signs. */
export const SIGNED_LEVELS = 25

/** One level as it is signed: the price (of a single order: its id) and the amount, canonical decimals. */
export type SignedLevel = readonly [name: string, amount: string]

/**
 * The text that Bitfinex signs: bids and asks in turn, best first, `price:amount` each, amounts of asks negative, every
 * number as JavaScript prints it (`7e-7`, never `0.0000007`).
 *
 * @param bids at most {@link SIGNED_LEVELS}, best first; so `asks`.
 */
export function signedText(bids: readonly SignedLevel[], asks: readonly SignedLevel[]): string {
  const parts: string[] = []
  for (let at = 0; at < Math.max(bids.length, asks.length); at++) {
    const bid = bids[at]
    if (bid !== undefined) parts.push(javascriptNumberText(bid[0]), javascriptNumberText(bid[1]))
    const ask = asks[at]
    if (ask !== undefined)
      parts.push(javascriptNumberText(ask[0]), javascriptNumberText(negateDecimal(ask[1])))
  }
  return parts.join(':')
}

/** The checksum of a book as a `cs` frame carries it: the CRC-32 of {@link signedText} as a signed 32 bit number. */
export function bookChecksum(bids: readonly SignedLevel[], asks: readonly SignedLevel[]): number {
  return signedCrc32(signedText(bids, asks))
}

/** CRC-32 (IEEE 802.3, reflected, that of zlib) of ASCII text, as a signed 32 bit number. */
export function signedCrc32(ascii: string): number {
  let crc = -1
  for (let at = 0; at < ascii.length; at++) {
    crc = (TABLE[(crc ^ ascii.charCodeAt(at)) & 0xff] as number) ^ (crc >>> 8)
  }
  return ~crc
}

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb8_8320
  return crc
})
