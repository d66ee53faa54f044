import { findVenue } from '../connectors/index.js'
import type { Tape } from '../recorder/index.js'
import { TapeError, UsageError } from '../src/errors.js'
import { either, meant, suggestion } from './naming.js'
import { splitTarget } from './targets.js'

/** A market of a tape, by the names under which it was recorded. */
export interface TapeMarket {
  readonly venue: string
  readonly symbol: string
  readonly instrument: string
}

/**
 * The market of a tape that `VENUE:SYMBOL` means, in any case.
 *
 * @throws {UsageError} `bad_target`; `unknown_symbol` where more than one may be meant.
 * @throws {TapeError} `not_on_tape`.
 */
export function marketOnTape(tape: Tape, target: string): TapeMarket {
  const [name, symbol] = splitTarget(target)
  const venue = findVenue(name)?.id ?? name.toLowerCase()
  const all = marketsOf(tape)
  const held = all.filter((market) => market.venue === venue)
  if (held.length === 0) {
    const venues = [...new Set(all.map((market) => market.venue))]
    throw notThere(tape, `nothing of ${name} is on the tape, which holds ${venues.join(', ') || 'nothing'}`)
  }
  const [only, ...others] = meant(symbol, held)
  if (only === undefined) {
    const near = suggestion(symbol, held) || `, which holds ${either(held.map((market) => market.symbol))}`
    throw notThere(tape, `nothing of ${venue}:${symbol} is on the tape${near}`)
  }
  if (others.length === 0) return only
  const ids = [only, ...others].map(({ instrument }) => `${venue}:${instrument}`)
  throw new UsageError('unknown_symbol', `${target} may be ${either(ids)}: write the one that is meant`)
}

function marketsOf(tape: Tape): TapeMarket[] {
  const markets = new Map<string, TapeMarket>()
  for (const { venue, symbol, instrument } of tape.streams()) {
    if (symbol === null || instrument === null) continue
    markets.set(`${venue} ${instrument}`, { venue, symbol, instrument })
  }
  return [...markets.values()]
}

function notThere({ path }: Tape, sentence: string): TapeError {
  return new TapeError('not_on_tape', sentence, { context: { path } })
}
