import type { SeededRandom, VenueSimulator } from '../../src/simulator/index.js'

/** Trades over REST, from a moment on and oldest first: Bitfinex, BitMEX. */
const ASKED_SINCE = /\/trades\/[^/]+\/hist\?.*start=|\/v1\/trade\?.*startTime=/

/**
 * Lets the history of trades begin later than it was asked for, now and then: a venue forgets, or its history lags. Nothing in
 * the answer says so.
 *
 * @param chance of each answer.
 */
export function shortenHistory(venue: VenueSimulator, random: SeededRandom, chance: number): void {
  const http = venue.http.bind(venue)
  venue.http = (request, at) => {
    const answer = http(request, at)
    if (answer.status !== 200 || !ASKED_SINCE.test(request.path) || !random.chance(chance)) return answer
    const rows = rowsOf(answer.body)
    if (rows.length < 2) return answer
    return { ...answer, body: `[${rows.slice(random.integer(1, rows.length - 1)).join(',')}]` }
  }
}

/** The elements of a JSON array as they are written: the numbers in them are longer than a float holds. */
function rowsOf(body: string): string[] {
  const rows: string[] = []
  let depth = 0
  let from = 1
  let quoted = false
  for (let at = 0; at < body.length; at++) {
    const character = body[at]
    if (character === '"' && body[at - 1] !== '\\') quoted = !quoted
    if (quoted) continue
    if (character === '[' || character === '{') depth++
    else if (character === ']' || character === '}') depth--
    if (depth === 0 || (depth === 1 && character === ',')) {
      const row = body.slice(from, at).trim()
      if (row !== '') rows.push(row)
      from = at + 1
    }
  }
  return rows
}
