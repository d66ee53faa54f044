import type { ChannelSpec, Connector, ConnectorOptions, Endpoint, HttpRequest } from '../../src/connector.js'
import { connectorOptions, parseOptions, resolveChannels, restBeside } from '../../src/options.js'
import { defineSession } from '../../src/session/session.js'
import type { OrderRule } from '../../src/venue/spec.js'
import { bitstampProtocol, RISING } from './session.js'
import { guessInstrument, readListing } from './symbols.js'

/** Options of {@link bitstamp}. */
export type BitstampOptions = ConnectorOptions

const chained: OrderRule = { by: 'pre_event_id', scope: 'stream', across: 'own', step: 'prev' }

const both = { markets: ['spot', 'perpetual'], cadenceMs: null } as const

const channels: readonly ChannelSpec[] = [
  { kind: 'trade', variants: [], ...both, snapshot: false },
  {
    kind: 'book',
    variants: ['diff'],
    ...both,
    order: RISING,
    image: { how: 'request' },
    rows: { kind: 'levels', absent: 'gap' },
    mark: { by: 'request' },
    snapshot: true,
  },
  { kind: 'book', variants: ['100'], ...both, order: RISING, image: { how: 'every frame' }, snapshot: true },
  {
    kind: 'order',
    variants: ['live'],
    ...both,
    order: chained,
    image: { how: 'request' },
    // The image over REST may lack an order, or have one that is gone.
    rows: { kind: 'keyed', absent: 'ignore' },
    snapshot: true,
  },
  { kind: 'order', variants: ['100'], ...both, order: RISING, image: { how: 'every frame' }, snapshot: true },
  // It was measured to come once a second.
  { kind: 'derivative', variants: [], markets: ['perpetual'], cadenceMs: 15_000, snapshot: true },
]

/**
 * Bitstamp: spot and perpetuals, on its WebSocket v2.
 *
 * @throws {UsageError} `bad_option`, `unknown_channel`.
 */
export function bitstamp(options: BitstampOptions = {}): Connector {
  const parsed = parseOptions('bitstamp', connectorOptions, options)
  const { url, restUrl, headers } = parsed
  const endpoint: Endpoint = {
    name: 'public',
    url: url ?? 'wss://ws.bitstamp.net',
    headers,
    rest: restUrl ?? (url === undefined ? 'https://www.bitstamp.net' : restBeside(url)),
  }
  const catalogue: Connector['catalogue'] = {
    requests: (): HttpRequest[] => [
      { id: 'markets', method: 'GET', url: `${endpoint.rest}/api/v2/markets/` },
    ],
    read: readListing,
  }
  return {
    venue: 'bitstamp',
    aliases: ['bitstamp.net', 'bitstampnet'],
    title: 'Bitstamp',
    status: { state: 'open', note: 'owned by Robinhood since June 2025' },
    markets: ['spot', 'perpetual'],
    channels,
    limits: {
      // The 1,025th closes the connection without a word.
      subscriptionsPerConnection: 1_000,
      subscribeBatch: 20,
      subscribesPerMinute: 120,
      connectsPerMinute: 20,
      // 10,000 in ten minutes.
      requestsPerMinute: 600,
      maxFrameBytes: 16 * 1024 * 1024,
      maxConnectionAgeMs: 90 * 24 * 3_600_000,
    },
    // The session's codec asks a silent connection whether it lives, and gives it up sooner than this.
    liveness: { silentAfterMs: 30_000, ping: null },
    endpoints: [endpoint],
    recognises: /^wss:\/\/ws\.(?:sandbox\.)?bitstamp\.net(?:[/?]|$)/,
    catalogue,
    symbols: parsed.symbols,
    requested: resolveChannels('bitstamp', channels, parsed.channels),
    guess: guessInstrument,
    route: () => endpoint,
    session: (init, sink) =>
      defineSession(
        // A market that does not exist is granted like a good one and stays silent; a quiet one may be so for most of a minute.
        {
          venue: 'bitstamp',
          channels,
          policy: { firstDatumMs: 60_000, silentGrant: 'say' },
          catalogue,
          init,
          sink,
        },
        bitstampProtocol,
      ),
  }
}
