import type { Connector, HttpResponse, Instrument } from '../connector.js'
import { DecodeError, VenueError } from '../errors.js'
import { shownUrl } from '../options.js'
import type { Platform } from '../platform.js'
import { dialBudget } from '../socket/dial-budget.js'
import { nodePlatform } from '../socket/node.js'
import { assertReachable } from './reachable.js'
import { type VenueLine, venueLine } from './venue-line.js'

/** Tries of each listing call before the feed goes on without it. */
const TRIES = 3

/**
 * Fills the line's instruments from the venue's listings. A listing that stays away does not stop the feed while every
 * symbol asked for can be told by rule.
 *
 * @param ways tried in turn: where one does not lead to the venue, another may.
 * @throws {VenueError} `no_catalogue`, where a symbol needs the listing and it cannot be had.
 */
export async function loadCatalogue(line: VenueLine, ways: readonly Platform[]): Promise<void> {
  const { connector, instruments } = line
  const failure = await readListings(line, ways)
  if (failure === null) return
  const lost = connector.symbols.filter(
    (symbol) => instruments.find(symbol) === undefined && connector.guess(symbol) === null,
  )
  if (lost.length === 0) {
    for (const symbol of connector.symbols) {
      const guessed = connector.guess(symbol)
      if (instruments.find(symbol) === undefined && guessed !== null) instruments.add(guessed)
    }
    return
  }
  throw new VenueError(
    'no_catalogue',
    `${connector.venue}: the list of instruments cannot be read (${failure}), and ${lost[0]} cannot be told without it`,
    { retryable: true, context: { venue: connector.venue } },
  )
}

/**
 * Everything that a venue lists, sorted by symbol.
 *
 * @throws {VenueError} `venue_closed`, or `no_catalogue` where the listing cannot be had.
 */
export async function listInstruments(
  connector: Connector,
  options: { readonly platform?: Platform; readonly requestTimeoutMs?: number } = {},
): Promise<Instrument[]> {
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
  const failure = await readListings(line, [platform])
  line.close()
  if (failure !== null) {
    throw new VenueError(
      'no_catalogue',
      `${connector.venue}: the list of instruments cannot be read (${failure})`,
      {
        retryable: true,
        context: { venue: connector.venue },
      },
    )
  }
  return [...line.instruments.values()].sort((a, b) =>
    a.symbol < b.symbol ? -1 : a.symbol > b.symbol ? 1 : 0,
  )
}

/** Reads every listing into the line's instruments. @returns what the first listing that stayed away said. */
async function readListings(line: VenueLine, ways: readonly Platform[]): Promise<string | null> {
  const { catalogue, endpoints } = line.connector
  const failures = await Promise.all(
    catalogue.requests(endpoints).map(async (request) => {
      let failure = ''
      for (let attempt = 1; attempt <= TRIES; attempt++) {
        const way = ways[(attempt - 1) % ways.length]
        const answer = await new Promise<HttpResponse>((resolve) => line.http(request, resolve, { way }))
        if (answer.status >= 200 && answer.status < 300) {
          try {
            for (const instrument of catalogue.read(answer) ?? []) line.instruments.add(instrument)
            return null
          } catch (error) {
            if (!(error instanceof DecodeError)) throw error
            // A page of something in between in place of the list: the next answer may be the venue's own.
            failure = `${shownUrl(request.url)}: ${error.message}`
            continue
          }
        }
        failure = `${shownUrl(request.url)}: ${answer.status === 0 ? answer.body : `HTTP ${answer.status}`}`
        if (!mayPass(answer.status)) break
      }
      return failure
    }),
  )
  return failures.find((failure) => failure !== null) ?? null
}

/** Whether the same request may be answered later: the network failed, the venue is overloaded or down. */
function mayPass(status: number): boolean {
  return status === 0 || status === 429 || status >= 500
}
