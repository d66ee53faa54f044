import * as z from 'zod'
import type {
  Catalogue,
  Connector,
  ConnectorOptions,
  ConnectTarget,
  Endpoint,
  HttpResponse,
  Limits,
  Liveness,
  VenueStatus,
} from '../../src/connector.js'
import { connectorOptions, parseOptions, resolveChannels, restBeside } from '../../src/options.js'
import {
  connectUrl,
  cookiesOf,
  hubAddress,
  negotiateUrl,
  readNegotiation,
} from '../../src/protocols/classic-signalr/grammar.js'
import { venueClosed } from '../../src/venue-closed.js'
import { CHANNELS } from './channels.js'
import { bittrexSession, HUB } from './session.js'
import { catalogueRequests, guess, readCatalogue } from './symbols.js'

/**
 * Options of {@link bittrex}. The venue is closed, so a live feed needs `url`: the base of a SignalR server that speaks its
 * protocol (`wss://host/signalr`; without a path `/signalr` is meant). `restUrl` is an origin (`http://127.0.0.1:9001`); the
 * paths beneath it are the venue's, `/v3/...`.
 */
export interface BittrexOptions extends ConnectorOptions {
  /**
   * Whether trades and candles begin with what REST knows of the past: the last hundred trades, and a day to a year of
   * candles. Costs a request a stream, of sixty a minute. Trades that a gap cost are fetched either way. @default false
   */
  readonly history?: boolean
}

const optionsSchema = connectorOptions.extend({ history: z.boolean().default(false) })

const STATUS: VenueStatus = {
  state: 'closed',
  since: '2023-12-04',
  note: 'recordings of hubs c3 and c2, the simulator and any URL that the user gives still work',
}

const LIMITS: Limits = {
  // The venue published no limits for its sockets. Sixty names a call were seen to work; a server takes 64 KB a message.
  subscriptionsPerConnection: 200,
  subscribeBatch: 50,
  subscribesPerMinute: 60,
  connectsPerMinute: 20,
  // Safe by the documentation; more depended on use.
  requestsPerMinute: 60,
  // Some hundred kilobytes were the most: a summary of every market, the list of markets.
  maxFrameBytes: 8 * 1024 * 1024,
  maxConnectionAgeMs: null,
}

/** Sessions go by the KeepAliveTimeout that the server grants (20 s at the venue) and by the hub's heartbeat; this is the net. */
const LIVENESS: Liveness = { silentAfterMs: 60_000, ping: null }

/** `socket-v3` had hub `c3`, `socket` and `beta` hub `c2`, `api` the REST answers of both. */
const RECOGNISES = /^(?:wss?|https?):\/\/(?:[a-z0-9-]+\.)*bittrex\.com(?::\d+)?\//i

const catalogue: Catalogue = { requests: catalogueRequests, read: readCatalogue }

/**
 * The connector of Bittrex, v3: classic SignalR, hub `c3`. Recordings of hub `c2` (v1.1) are read too.
 *
 * @throws {UsageError} `bad_option`, `unknown_channel`
 */
export function bittrex(options: BittrexOptions = {}): Connector {
  const parsed = parseOptions('bittrex', optionsSchema, options)
  const { symbols, channels, url, restUrl, headers, history } = parsed
  const endpoints = url === undefined ? [] : [endpointOf(url, restUrl ?? restBeside(url), headers)]
  return {
    venue: 'bittrex',
    aliases: [],
    title: 'Bittrex',
    status: STATUS,
    markets: ['spot'],
    channels: CHANNELS,
    limits: LIMITS,
    liveness: LIVENESS,
    endpoints,
    recognises: RECOGNISES,
    catalogue,
    symbols,
    requested: resolveChannels('bittrex', CHANNELS, channels),
    guess,
    route() {
      const [endpoint] = endpoints
      if (endpoint !== undefined) return endpoint
      throw venueClosed('bittrex', STATUS)
    },
    session: (init, sink) => bittrexSession(catalogue, init, sink, history),
  }
}

function endpointOf(url: string, rest: string, headers: Readonly<Record<string, string>>): Endpoint {
  const address = hubAddress(url, [HUB])
  return {
    name: 'public',
    url,
    headers,
    rest: rest.replace(/\/+$/, ''),
    negotiate: {
      request: { id: 'negotiate', method: 'GET', url: negotiateUrl(address), headers, confidential: true },
      target(answer: HttpResponse): ConnectTarget {
        const { connectionToken } = readNegotiation(answer)
        const cookie = cookiesOf(answer)
        return {
          url: connectUrl(address, connectionToken),
          headers: cookie === null ? headers : { ...headers, cookie },
        }
      },
    },
  }
}
