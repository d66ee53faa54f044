import { findVenue, venues } from '../connectors/index.js'
import type { Channel, Connector, ConnectorOptions, Venue } from '../src/connector.js'
import { UsageError } from '../src/errors.js'
import { didYouMean } from '../src/nearest.js'
import { shownUrl } from '../src/shown.js'
import { quoted } from './flag.js'
import { say } from './output.js'
import { resolveSymbols } from './symbols.js'

/** @throws {UsageError} `unknown_venue`, with the nearest name. */
export function venueNamed(name: string): Venue {
  const venue = findVenue(name)
  if (venue !== undefined) return venue
  const near = didYouMean(
    name,
    venues.flatMap(({ id, aliases }) => [id, ...aliases]),
  )
  const hint = near || `; there are ${venues.map(({ id }) => id).join(', ')}`
  throw new UsageError('unknown_venue', `there is no venue ${quoted(name)}${hint}`, {
    context: { venue: name },
  })
}

/** How the help describes markets. */
export const MARKETS =
  "markets, such as bitfinex:BTC/USD bitmex:XBTUSD; symbols may be lists and patterns in any case: bitfinex:btc-usd,eth/usd 'bitfinex:*/USD'"

/** `VENUE:SYMBOL` of the command line. */
export interface Target {
  readonly venue: Venue
  /** As it was written. */
  readonly symbol: string
}

/**
 * One market of a command line; a symbol may itself hold colons (`bitmex:BTC/USD:BTC`).
 * @throws {UsageError} `bad_target`, `unknown_venue`.
 */
export function parseTarget(text: string): Target {
  const [name, symbol] = splitTarget(text)
  return { venue: venueNamed(name), symbol }
}

/** A venue and a symbol as they are written. @throws {UsageError} `bad_target`. */
export function splitTarget(text: string): [venue: string, symbol: string] {
  const [, name = '', symbol = ''] = /^([^:]*):?(.*)$/s.exec(text) ?? []
  if (name.trim() !== '' && symbol.trim() !== '') return [name, symbol]
  const venue = findVenue(name)?.id
  const missing =
    venue === undefined
      ? 'names no market: write VENUE:SYMBOL, such as bitfinex:BTC/USD'
      : `names no market of ${venue}: write ${venue}:SYMBOL; tapewire instruments ${venue} lists its symbols`
  throw new UsageError('bad_target', `${quoted(text)} ${missing}`)
}

export interface TargetOptions {
  readonly channels?: readonly Channel[]
  /** `VENUE=URL`, or a bare URL where there is one venue. */
  readonly url?: readonly string[]
}

/**
 * The connectors that a list of `VENUE:SYMBOL` means. A symbol may be a list (`bitfinex:BTC/USD,ETH/USD`), a pattern
 * (`bitfinex:BTC/*`) and in any case; see {@link resolveSymbols}.
 *
 * @param say is called with what a pattern came to
 * @throws {UsageError} `bad_target`, `bad_list`, `unknown_venue`, `unknown_symbol`, `bad_option`, and whatever the connectors
 * refuse.
 */
export async function connectorsFor(
  targets: readonly string[],
  { channels, url = [] }: TargetOptions,
  say: (notice: string) => void = sayOnStderr,
): Promise<Connector[]> {
  const asked = new Map<Venue, string[]>()
  for (const target of targets) {
    const { venue, symbol } = parseTarget(target)
    const symbols = symbol.split(',').map((part) => part.trim())
    if (symbols.includes('')) {
      throw new UsageError('bad_target', `${quoted(target)} has an empty symbol in its list`)
    }
    asked.set(venue, [...(asked.get(venue) ?? []), ...symbols])
  }
  const urls = urlsByVenue(url, [...asked.keys()])
  const make = (venue: Venue, options: ConnectorOptions) => {
    const own = urls.get(venue)
    return venue.connector({
      ...options,
      ...(channels === undefined ? {} : { channels }),
      ...(own === undefined ? {} : { url: own }),
    })
  }
  return Promise.all(
    [...asked].map(async ([venue, symbols]) =>
      make(venue, { symbols: await resolveSymbols(make(venue, {}), symbols, say) }),
    ),
  )
}

function sayOnStderr(notice: string): void {
  say(notice)
}

function urlsByVenue(urls: readonly string[], asked: readonly Venue[]): Map<Venue, string> {
  const refuse = (why: string) => new UsageError('bad_option', `--url ${why}`, { context: { field: 'url' } })
  const names = asked.map(({ id }) => id).join(', ')
  const byVenue = new Map<Venue, string>()
  for (const text of urls) {
    const [, name, named = ''] = /^([\w.-]+)=(.*)$/s.exec(text) ?? []
    const [only] = asked
    const venue = name === undefined ? only : venueNamed(name)
    const url = name === undefined ? text : named
    if (name === undefined && asked.length > 1)
      throw refuse(`${shownUrl(text)}: there are several venues (${names}), so write VENUE=URL`)
    if (venue === undefined || !asked.includes(venue))
      throw refuse(`${name}=…: ${name} is not among the venues asked for (${names})`)
    if (byVenue.has(venue)) throw refuse(`is given twice for ${venue.id}`)
    byVenue.set(venue, url)
  }
  return byVenue
}
