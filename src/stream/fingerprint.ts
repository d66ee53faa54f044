import type { StreamEvent } from '../../schemas/events.js'

type Row = readonly string[]

/** What says where an event stands and not what it says. Which stream it is of is the same for all that are compared. */
const PLACE = new Set([
  'venue',
  'symbol',
  'instrument',
  'channel',
  'n',
  'sequence',
  'exchangeTime',
  'receiveTime',
])

/** The rows of a change in a number of 53 bits. */
export function fingerprintOfRows(bids: readonly Row[], asks: readonly Row[]): number {
  let [a, b] = [bids.length, asks.length]
  const rows = bids.length + asks.length
  // By index: this is done with every change of every connection.
  for (let at = 0; at < rows; at++) {
    const row = (at < bids.length ? bids[at] : asks[at - bids.length]) ?? []
    for (let column = 0; column < row.length; column++) {
      const cell = row[column] ?? ''
      for (let index = 0; index < cell.length; index++) {
        const code = cell.charCodeAt(index)
        a = Math.imul(a ^ code, 0x01000193)
        b = (Math.imul(b, 31) + code) | 0
      }
      a = Math.imul(a ^ cell.length, 0x01000193)
    }
  }
  return (a >>> 11) * 0x1_0000_0000 + (b >>> 0)
}

/** What an event says, whenever and on whichever connection, in a number of 53 bits: a venue may stamp each frame as it sends it. */
export function fingerprintOf(event: StreamEvent): number {
  let [a, b] = [1, 1]
  for (const [key, value] of Object.entries(event)) {
    if (PLACE.has(key)) continue
    const text =
      typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value)
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      a = Math.imul(a ^ code, 0x01000193)
      b = Math.imul(b ^ code, 0x5bd1e995) ^ (b >>> 15)
    }
    a = Math.imul(a ^ text.length, 0x01000193)
  }
  return (a >>> 11) * 0x1_0000_0000 + (b >>> 0)
}
