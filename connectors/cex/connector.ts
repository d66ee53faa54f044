import * as z from 'zod'
import type {
  Connector,
  ConnectorOptions,
  Endpoint,
  HttpRequest,
  Limits,
  Liveness,
  Subscription,
} from '../../src/connector.js'
import { connectorOptions, parseOptions, resolveChannels } from '../../src/options.js'
import { defineSession } from '../../src/session/session.js'
import { splitChannel } from '../../src/session/stream.js'
import { channelSpecs, needsLogin } from './channels.js'
import { classicProtocol } from './classic-session.js'
import { credentialsMissing, credentialsOf, redactLogin } from './credentials.js'
import { endpointsOf, type Generation, generationAt, RECOGNISED } from './endpoints.js'
import { spotProtocol } from './spot-session.js'
import { guessInstrument, readListing } from './symbols.js'

/** Options of {@link cex}. */
export interface CexOptions extends ConnectorOptions {
  /**
   * Which of the venue's two exchanges: `spot` is today's Spot Trading, `classic` the older API that is closing.
   * @default 'spot'
   */
  readonly api?: Generation
  /** Key of the classic API, for the exact book and the full ticker. @default the environment's CEX_API_KEY */
  readonly key?: string
  /** Its secret, which signs the login and is never sent. @default the environment's CEX_API_SECRET */
  readonly secret?: string
  /** What the venue does not stream (tickers, candles of Spot Trading) is asked for this often, or as the limits allow. Milliseconds. @default 10_000 */
  readonly pollEveryMs?: number
  /** One book of Spot Trading after the other is compared with a second snapshot this often; null for never. Milliseconds. @default 60_000 */
  readonly auditEveryMs?: number | null
}

const optionsSchema = connectorOptions.extend({
  api: z.enum(['spot', 'classic']).default('spot'),
  key: z.string().min(1).optional(),
  secret: z.string().min(1).optional(),
  pollEveryMs: z.number().min(1000).default(10_000),
  auditEveryMs: z.number().min(1000).nullable().default(60_000),
})

const LIMITS: Readonly<Record<Generation, Limits>> = {
  spot: {
    // One socket for all: the allowance is the address's, and only on one connection is its pace kept.
    subscriptionsPerConnection: 4000,
    subscribeBatch: 1,
    // A hundred points a calendar minute, of which polls take fifteen.
    subscribesPerMinute: 80,
    connectsPerMinute: 20,
    requestsPerMinute: 30,
    maxFrameBytes: 16 * 1024 * 1024,
    maxConnectionAgeMs: null,
  },
  classic: {
    subscriptionsPerConnection: 200,
    subscribeBatch: 1,
    // 600 requests in ten minutes an account, of which polls take fifteen a minute.
    subscribesPerMinute: 40,
    connectsPerMinute: 30,
    requestsPerMinute: 30,
    maxFrameBytes: 16 * 1024 * 1024,
    maxConnectionAgeMs: null,
  },
}

const LIVENESS: Readonly<Record<Generation, Liveness>> = {
  // The venue speaks only when asked or when a book moves, and wants a word every ten seconds.
  spot: { silentAfterMs: 15_000, ping: { everyMs: 5_000, always: true, frame: '{"e":"ping"}' } },
  // The server pings those alone who logged in, which the session watches; a quiet room may be silent for long.
  classic: {
    silentAfterMs: 900_000,
    ping: { everyMs: 15_000, always: false, frame: null, answerWithinMs: 10_000 },
  },
}

/**
 * CEX.IO: Spot Trading (default) and the classic API.
 *
 * @throws {UsageError} `bad_option`, `unknown_channel`; `credentials_missing` for a channel that needs a login and has none.
 */
export function cex(options: CexOptions = {}): Connector {
  const parsed = parseOptions('cex', optionsSchema, options)
  const { api, pollEveryMs, auditEveryMs } = parsed
  const credentials = credentialsOf(parsed)
  const channels = channelSpecs(api)
  const requested = resolveChannels('cex', channels, parsed.channels)
  const endpoints = endpointsOf(parsed)
  const clock = { ahead: 0 }
  const [main] = endpoints
  for (const channel of requested) requireLogin(channel)

  function requireLogin(channel: string): void {
    if (api === 'classic' && credentials === null && needsLogin(channel)) credentialsMissing(channel)
  }

  /** A pair's room has a socket of its own, for its trades do not name the pair; so has each length of its candles. */
  function route({ instrument, channel }: Subscription): Endpoint {
    requireLogin(channel)
    const { kind, variant } = splitChannel(channel)
    const mainChannel = channel === 'book' || channel === 'ticker' || channel === 'ticker:full'
    if (api === 'spot' || mainChannel) return main
    const pair = instrument.symbol.replace('/', '-')
    const length = kind === 'candle' ? ` ${variant === '' ? '1m' : variant}` : ''
    return { ...main, name: `classic ${pair}${length}` }
  }

  const catalogue: Connector['catalogue'] = {
    requests: () => [listing(api, main)],
    read: readListing,
  }

  return {
    venue: 'cex',
    aliases: ['cexio', 'cex.io'],
    title: 'CEX.IO',
    status: { state: 'open', note: 'the classic API is closing' },
    markets: ['spot'],
    channels,
    limits: LIMITS[api],
    liveness: LIVENESS[api],
    endpoints,
    recognises: RECOGNISED,
    catalogue,
    symbols: parsed.symbols,
    requested,
    guess: (symbol) => guessInstrument(api, symbol),
    route,
    session(init, sink) {
      const generation = generationAt(init.endpoint.url) ?? named(init.endpoint.name)
      const definition = { venue: 'cex', channels: channelSpecs(generation), catalogue, init, sink }
      if (generation === 'spot') {
        return defineSession({ ...definition, policy: {} }, spotProtocol({ pollEveryMs, auditEveryMs }))
      }
      return defineSession(
        // A room that does not exist answers with silence.
        { ...definition, policy: { silentGrant: 'say' } },
        classicProtocol(credentials, pollEveryMs, clock),
      )
    },
    redact: redactLogin,
  }
}

function named(endpoint: string): Generation {
  return endpoint.startsWith('classic') ? 'classic' : 'spot'
}

function listing(api: Generation, { rest }: Endpoint): HttpRequest {
  return api === 'classic'
    ? { id: 'instruments', method: 'GET', url: `${rest}/currency_limits` }
    : {
        id: 'instruments',
        method: 'POST',
        url: `${rest}/get_pairs_info`,
        headers: { 'content-type': 'application/json' },
        body: '{}',
      }
}
