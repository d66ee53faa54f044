import type { Connector, Endpoint, HttpResponse, Instrument } from '../connector.js'
import { DecodeError, UsageError } from '../errors.js'
import type { OpenRecord } from './frame-record.js'

/** Which venue the connections and REST answers of a recording belong to. */
export class LogVenues {
  readonly #connectors: readonly Connector[]
  readonly #named: Connector | null
  /** Hosts and sites at which each venue is known or was seen in this recording. */
  readonly #places = new Map<Connector, Set<string>>()
  readonly #seen = new Set<Connector>()

  /**
   * @param named the venue of the whole recording, by name or alias.
   * @throws {UsageError} `unknown_venue`.
   */
  constructor(connectors: readonly Connector[], named: string | undefined) {
    this.#connectors = connectors
    this.#named = named === undefined ? null : this.#byName(named)
    for (const connector of connectors) {
      const { endpoints, catalogue } = connector
      const urls = endpoints.flatMap(({ url, rest }) => (rest === null ? [url] : [url, rest]))
      urls.push(...catalogue.requests(endpoints).map(({ url }) => url))
      this.#places.set(connector, new Set(urls.flatMap(placesOf)))
    }
  }

  /**
   * The venue of an opened socket.
   *
   * @throws {UsageError} `unknown_venue` where no connector knows the URL.
   */
  ofSocket(record: OpenRecord): Connector {
    const connector = this.#named ?? this.#ofOpen(record)
    if (connector === undefined) {
      throw new UsageError(
        'unknown_venue',
        `no venue is known for ${record.url}; name the venue of the recording (--venue), one of ${this.#names()}`,
        { context: { url: record.url, field: 'venue' } },
      )
    }
    this.#seen.add(connector)
    for (const place of placesOf(record.url)) this.#places.get(connector)?.add(place)
    return connector
  }

  /**
   * The venue of a connection whose opening was not recorded: the one that was named, or the only one there is.
   *
   * @throws {UsageError} `unknown_venue` where that leaves a choice.
   */
  ofUnopened(): Connector {
    const known = this.#seen.size > 0 ? [...this.#seen] : this.#connectors
    const connector = this.#named ?? (known.length === 1 ? known[0] : undefined)
    if (connector !== undefined) return connector
    throw new UsageError(
      'unknown_venue',
      `the recording does not say which venue it is of: no opened socket is in it; name the venue (--venue), one of ${this.#names()}`,
      { context: { field: 'venue' } },
    )
  }

  /** The venue of a REST answer, by where it was fetched or by what it lists; undefined where none claims it. */
  ofAnswer(response: HttpResponse): Connector | undefined {
    if (this.#named !== null) return this.#named
    const places = placesOf(response.url)
    return (
      this.#connectors.find((connector) => connector.recognises.test(response.url)) ??
      this.#connectors.find((connector) => places.some((place) => this.#places.get(connector)?.has(place))) ??
      this.#connectors.find((connector) => claims(connector, response))
    )
  }

  #ofOpen({ url, venue }: OpenRecord): Connector | undefined {
    const recorded = this.#connectors.find((connector) => isCalled(connector, venue ?? ''))
    return recorded ?? this.#connectors.find((connector) => connector.recognises.test(url))
  }

  #byName(name: string): Connector {
    const connector = this.#connectors.find((candidate) => isCalled(candidate, name))
    if (connector !== undefined) return connector
    throw new UsageError('unknown_venue', `there is no venue ${name}; there are ${this.#names()}`, {
      context: { venue: name, field: 'venue' },
    })
  }

  #names(): string {
    return this.#connectors.map(({ venue }) => venue).join(', ')
  }
}

/** What a connector makes of an answer: the instruments that it lists, or null where it is no such list. */
export function listed(connector: Connector, response: HttpResponse): readonly Instrument[] | null {
  if (response.status < 200 || response.status >= 300) return null
  return connector.catalogue.read(response)
}

/** The endpoint of the venue that is most like a recorded URL: host and path may both have moved since. */
export function endpointFor(connector: Connector, url: string): Endpoint {
  const [host = '', site = host] = placesOf(url)
  const path = pathOf(url)
  let best: Endpoint | undefined
  let bestScore = -1
  for (const endpoint of connector.endpoints) {
    const [itsHost = '', itsSite = itsHost] = placesOf(endpoint.url)
    const score =
      (pathOf(endpoint.url) === path ? 2 : 0) + (itsHost === host ? 2 : 0) + (itsSite === site ? 1 : 0)
    if (score > bestScore) {
      best = endpoint
      bestScore = score
    }
  }
  return { name: best?.name ?? 'public', url, rest: best?.rest ?? null }
}

/** The host, and the site it belongs to: `api-pub.bitfinex.com` and `bitfinex.com`. */
function placesOf(url: string): string[] {
  if (!URL.canParse(url)) return []
  const { host, hostname } = new URL(url)
  if (/^[\d.]+$|:|^localhost$/.test(hostname)) return [host]
  return [host, hostname.split('.').slice(-2).join('.')]
}

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname.replace(/\/$/, '') : ''
}

function isCalled(connector: Connector, name: string): boolean {
  return connector.venue === name || connector.aliases.includes(name)
}

/** A catalogue that finds fault with an answer has known it for its own. */
function claims(connector: Connector, response: HttpResponse): boolean {
  try {
    return listed(connector, response) !== null
  } catch (error) {
    if (error instanceof DecodeError) return true
    throw error
  }
}
