import { checkedConnector } from '../checked-connector.js'
import type { Connector, HttpRequest, HttpResponse, Instrument } from '../connector.js'
import { VenueError } from '../errors.js'
import type { Platform } from '../platform.js'
import { dialBudget } from '../socket/dial-budget.js'
import { nodePlatform } from '../socket/node.js'
import { readListing, TRIES_AT_ONCE } from './listing.js'
import { assertReachable } from './reachable.js'
import { type VenueLine, venueLine } from './venue-line.js'

/**
 * Everything that a venue lists, sorted by symbol.
 *
 * @throws {UsageError} `bad_option` for a connector whose declaration is wrong.
 * @throws {VenueError} `venue_closed`, `venue_defect` where the venue's own code throws, or `no_catalogue` where the listing cannot be had.
 */
export async function listInstruments(
  given: Connector,
  options: { readonly platform?: Platform; readonly requestTimeoutMs?: number } = {},
): Promise<Instrument[]> {
  const connector = checkedConnector(given)
  assertReachable(connector)
  const platform = options.platform ?? nodePlatform()
  const line = venueLine({
    connector,
    platform,
    budget: dialBudget(platform.clock),
    requestTimeoutMs: options.requestTimeoutMs ?? 15_000,
    emit: () => {},
    tap: null,
  })
  const requests = connector.catalogue.requests(connector.endpoints)
  const failures = await Promise.all(requests.map((request) => readNow(line, request)))
  line.close()
  const failure = failures.find((reason) => reason !== null)
  if (failure !== undefined && failure !== null) throw noCatalogue(connector.venue, failure)
  return [...line.instruments.values()].sort((a, b) =>
    a.symbol < b.symbol ? -1 : a.symbol > b.symbol ? 1 : 0,
  )
}

/** @param consequence what follows, with a leading comma */
export function noCatalogue(venue: string, reason: string, consequence = ''): VenueError {
  return new VenueError(
    'no_catalogue',
    `${venue}: the list of instruments cannot be read (${reason})${consequence}`,
    {
      retryable: true,
      context: { venue },
    },
  )
}

/** @returns why the list stayed away; null where it was read */
async function readNow(line: VenueLine, request: HttpRequest): Promise<string | null> {
  for (let attempt = 1; ; attempt++) {
    const answer = await new Promise<HttpResponse>((resolve) => line.http(request, resolve))
    const failure = readListing(line, request, answer, attempt)
    if (failure === null) return null
    if (!failure.passing || attempt === TRIES_AT_ONCE) return failure.reason
  }
}
