import type { Connector, Instrument } from '../src/connector.js'
import { UsageError, VenueError } from '../src/errors.js'
import { listInstruments } from '../src/feed/catalogue.js'
import { either, meant, suggestion } from './naming.js'
import { matcher } from './pattern.js'

/**
 * The symbols that a user means at a venue.
 *
 * A name that is exact by the venue's rules stands as it is, without a question to the venue. Anything else is looked up in the
 * venue's list of instruments, once, now: a pattern (`*` and `?`) is every open instrument that it matches; another name is the
 * one instrument that it can mean, see {@link meant}.
 *
 * @param connector made without symbols
 * @param say is called with what a pattern came to
 * @throws {UsageError} `unknown_symbol` where nothing matches, or more than one instrument does.
 * @throws {VenueError} `no_catalogue` where the list is needed and cannot be had; `venue_closed`.
 */
export async function resolveSymbols(
  connector: Connector,
  symbols: readonly string[],
  say: (notice: string) => void,
): Promise<string[]> {
  const found = new Set<string>()
  let listing: Promise<readonly Instrument[]> | null = null
  for (const text of symbols) {
    if (isExact(connector, text)) {
      found.add(text)
      continue
    }
    listing ??= listInstruments(connector)
    if (isPattern(text)) {
      const matching = matched(connector, await listing, text)
      for (const symbol of matching) found.add(symbol)
      say(
        `${connector.venue}:${text} is ${matching.length} ${matching.length === 1 ? 'market' : 'markets'} now; what the venue lists later is not added`,
      )
      continue
    }
    found.add(await named(connector, listing, text))
  }
  return [...found]
}

function isPattern(text: string): boolean {
  return /[*?]/.test(text)
}

/** Whether the venue's rule gives this very name back. */
function isExact(connector: Connector, text: string): boolean {
  if (isPattern(text)) return false
  const ruled = connector.guess(text)
  return (
    ruled !== null &&
    (ruled.instrument === text || ruled.symbol === text) &&
    ruled.symbol === ruled.symbol.toUpperCase()
  )
}

function matched(connector: Connector, listing: readonly Instrument[], pattern: string): string[] {
  const fits = matcher(pattern)
  const matching = listing.filter(
    ({ symbol, instrument, status }) => status !== 'closed' && (fits(symbol) || fits(instrument)),
  )
  if (matching.length > 0) return matching.map((instrument) => nameOf(instrument, listing))
  throw new UsageError(
    'unknown_symbol',
    `no open instrument of ${connector.venue} matches ${pattern}; tapewire instruments ${connector.venue} lists them`,
    { context: { venue: connector.venue, symbol: pattern } },
  )
}

/** The one instrument that a name without pattern means. */
async function named(
  connector: Connector,
  listing: Promise<readonly Instrument[]>,
  text: string,
): Promise<string> {
  let listed: readonly Instrument[]
  try {
    listed = await listing
  } catch (error) {
    const ruled = byRule(connector, text)
    if (!(error instanceof VenueError) || error.code !== 'no_catalogue' || ruled === null) throw error
    return ruled
  }
  const found = new Set(meant(text, listed).map((instrument) => nameOf(instrument, listed)))
  const [only] = found
  if (only !== undefined && found.size === 1) return only
  if (found.size > 1) throw ambiguous(connector, text, [...found])
  const hint = suggestion(text, listed) || `; tapewire instruments ${connector.venue} lists what there is`
  throw unknown(connector, text, `${connector.venue} lists no symbol ${text}${hint}`)
}

/**
 * What the venue's rule makes of a name in any case, for want of its list; null where it makes nothing of it.
 * @throws {UsageError} `unknown_symbol` where the name may be more than one instrument.
 */
function byRule(connector: Connector, text: string): string | null {
  const upper = text.toUpperCase()
  const found = new Map<string, string>()
  for (const name of [upper, upper.replace(/[-_]/, '/')]) {
    const ruled = isExact(connector, name) ? connector.guess(name) : null
    if (ruled !== null && !found.has(ruled.instrument)) found.set(ruled.instrument, name)
  }
  const names = [...found.values()]
  if (names.length > 1) {
    throw ambiguous(
      connector,
      text,
      names.map((name) => connector.guess(name)?.symbol ?? name),
    )
  }
  return names[0] ?? null
}

function ambiguous(connector: Connector, text: string, names: readonly string[]): UsageError {
  const sentence = `${text} may be ${either(names)} at ${connector.venue}: write the one that is meant`
  return unknown(connector, text, sentence)
}

function unknown(connector: Connector, symbol: string, sentence: string): UsageError {
  return new UsageError('unknown_symbol', sentence, {
    context: { venue: connector.venue, symbol, field: 'symbols' },
  })
}

/** The unified symbol; the venue's own id where another instrument has the symbol. */
function nameOf({ symbol, instrument }: Instrument, listing: readonly Instrument[]): string {
  const first = listing.find((other) => other.symbol === symbol)
  return first === undefined || first.instrument === instrument ? symbol : instrument
}
