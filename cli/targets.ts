import { closest } from 'fastest-levenshtein'
import { findVenue, venues } from '../connectors/index.js'
import type { Channel, Connector, ConnectorOptions, Venue } from '../src/connector.js'
import { UsageError } from '../src/errors.js'
import { shownUrl } from '../src/shown.js'

/** @throws {UsageError} `unknown_venue`, with the nearest name. */
export function venueNamed(name: string): Venue {
  const venue = findVenue(name)
  if (venue !== undefined) return venue
  const near = closest(
    name.toLowerCase(),
    venues.flatMap(({ id, aliases }) => [id, ...aliases]),
  )
  throw new UsageError(
    'unknown_venue',
    `there is no venue ${name}; did you mean ${near}? tapewire venues lists them all`,
    {
      context: { venue: name },
    },
  )
}

export interface TargetOptions {
  readonly channels?: readonly Channel[]
  /** `VENUE=URL`, or a bare URL where there is one venue. */
  readonly urls?: readonly string[]
}

/**
 * The connectors that a list of `VENUE:SYMBOL` means; a symbol may itself hold colons (`bitmex:BTC/USD:BTC`).
 *
 * @throws {UsageError} `bad_target`, `unknown_venue`, and whatever the connectors refuse.
 */
export function connectorsFor(targets: readonly string[], options: TargetOptions): Connector[] {
  const symbols = new Map<Venue, string[]>()
  for (const target of targets) {
    const colon = target.indexOf(':')
    if (colon < 1 || colon === target.length - 1) {
      throw new UsageError(
        'bad_target',
        `${target} names no market: write VENUE:SYMBOL, such as bitfinex:BTC/USD`,
      )
    }
    const venue = venueNamed(target.slice(0, colon))
    symbols.set(venue, [...(symbols.get(venue) ?? []), target.slice(colon + 1)])
  }
  const urls = urlsByVenue(options.urls ?? [], [...symbols.keys()])
  return [...symbols].map(([venue, names]) => {
    const url = urls.get(venue)
    const base: ConnectorOptions = { symbols: names }
    return venue.connector({
      ...base,
      ...(options.channels === undefined ? {} : { channels: options.channels }),
      ...(url === undefined ? {} : { url }),
    })
  })
}

function urlsByVenue(urls: readonly string[], asked: readonly Venue[]): Map<Venue, string> {
  const byVenue = new Map<Venue, string>()
  for (const text of urls) {
    const match = /^([a-z.]+)=(.+)$/.exec(text)
    const [only] = asked
    if (match !== null) byVenue.set(venueNamed(match[1] ?? ''), match[2] ?? '')
    else if (asked.length === 1 && only !== undefined) byVenue.set(only, text)
    else
      throw new UsageError('bad_option', `--url ${shownUrl(text)}: with several venues write VENUE=URL`, {
        context: { field: 'url' },
      })
  }
  return byVenue
}

/** `trade,book:P1` as a list. */
export function channelList(text: string): Channel[] {
  return text
    .split(',')
    .map((channel) => channel.trim())
    .filter((channel): channel is Channel => channel !== '')
}
