import * as schema from '../../schemas/bitmex.js'
import type {
  Catalogue,
  Connector,
  ConnectorOptions,
  Endpoint,
  Limits,
  Liveness,
  VenueStatus,
} from '../../src/connector.js'
import { decoder } from '../../src/decode/decoder.js'
import { connectorOptions, parseOptions, resolveChannels, restBeside } from '../../src/options.js'
import { venueClosed } from '../../src/venue-closed.js'
import { guess } from './guess.js'
import { bitmexSession, RESTARTS, TOPICS_A_REQUEST } from './session.js'
import { instrumentOf, isPrediction } from './symbols.js'
import { channels, MARKETS } from './topics.js'

/**
 * Options of {@link bitmex}. The venue is closed, so a live feed needs `url`: a gateway or simulator that speaks its
 * protocol. `restUrl` is an origin (`http://127.0.0.1:9001`); the paths beneath it are the venue's, `/api/v1/...`.
 */
export type BitmexOptions = ConnectorOptions

const STATUS: VenueStatus = {
  state: 'closed',
  since: '2026-09-23',
  note: 'recordings, the simulator and any URL that the user gives still work',
}

const LIMITS: Limits = {
  // One socket carried every symbol; a request takes 20 topics.
  subscriptionsPerConnection: 600,
  subscribeBatch: TOPICS_A_REQUEST,
  subscribesPerMinute: 60,
  // Documented in turn as 20 an hour after a burst of 20 (2017), 40 (2021) and 300 (2026).
  connectsPerMinute: 10,
  requestsPerMinute: 30,
  // Deployments close with it.
  plannedCodes: [RESTARTS],
  // The full book of XBTUSD was a frame of one megabyte in 2021, the instrument table of all symbols several.
  maxFrameBytes: 32 * 1024 * 1024,
  maxConnectionAgeMs: null,
}

/** After 5 s without a frame the bare text `ping`; without an answer in 5 s more the socket is dead (vendor's page). */
const LIVENESS: Liveness = { silentAfterMs: 10_000, ping: { everyMs: 5_000, always: false, frame: 'ping' } }

/** `www.`, `ws.` and the testnet's hosts; `realtimemd` and `realtimePlatform` beside `realtime`. */
const RECOGNISES = /^wss?:\/\/(?:[a-z0-9-]+\.)*bitmex\.com(?::\d+)?\/realtime/i

const INSTRUMENTS = /\/api\/v1\/instrument(?:\/active|\/indices|\/activeAndIndices)?(?:\?.*)?$/

const decodeInstruments = decoder(schema.instrumentList)

const catalogue: Catalogue = {
  requests: (endpoints) =>
    endpoints.flatMap(({ rest }) =>
      rest === null ? [] : [{ id: 'instruments', method: 'GET', url: `${rest}/api/v1/instrument/active` }],
    ),
  read: ({ url, body }) =>
    INSTRUMENTS.test(url)
      ? decodeInstruments(body)
          .filter((row) => !isPrediction(row))
          .map(instrumentOf)
      : null,
}

/**
 * The connector of BitMEX, realtime API v1.
 *
 * @throws {UsageError} `bad_option`, `unknown_channel`
 */
export function bitmex(options: BitmexOptions = {}): Connector {
  const {
    symbols,
    channels: asked,
    url,
    restUrl,
    headers,
  } = parseOptions('bitmex', connectorOptions, options)
  const endpoints: readonly Endpoint[] =
    url === undefined ? [] : [{ name: 'public', url, headers, rest: restUrl ?? restBeside(url) }]
  return {
    venue: 'bitmex',
    aliases: [],
    title: 'BitMEX',
    status: STATUS,
    markets: MARKETS,
    channels,
    limits: LIMITS,
    liveness: LIVENESS,
    endpoints,
    recognises: RECOGNISES,
    catalogue,
    symbols,
    requested: resolveChannels('bitmex', channels, asked),
    guess,
    route() {
      const [endpoint] = endpoints
      if (endpoint !== undefined) return endpoint
      throw venueClosed('bitmex', STATUS)
    },
    session: (init, sink) => bitmexSession(catalogue, init, sink),
  }
}
