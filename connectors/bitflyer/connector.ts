import type { MarketType } from '../../schemas/events.js'
import {
  type ChannelSpec,
  type Connector,
  type ConnectorOptions,
  connectorOptions,
  defineSession,
  type Endpoint,
  type Limits,
  type Liveness,
  parseOptions,
  resolveChannels,
  restBeside,
} from '../../src/venue/index.js'
import { bitflyerProtocol } from './session.js'
import { guess, readListing } from './symbols.js'

const SOCKET = 'wss://ws.lightstream.bitflyer.com/json-rpc'
const REST = 'https://api.bitflyer.com'

const markets: readonly MarketType[] = ['spot', 'perpetual', 'future']

/** Three images of a book: each product sends one every five seconds, whether its market moves or not. */
const IMAGE_LOST_MS = 16_000

const common = { variants: [], markets, cadenceMs: null, snapshot: false } as const
const rising = (by: string) => ({ by, scope: 'stream', across: 'own', step: 'rising' }) as const

const channels: readonly ChannelSpec[] = [
  { kind: 'trade', ...common, order: rising('id') },
  {
    kind: 'book',
    ...common,
    image: { how: 'marked' },
    // An image runs ahead of the changes: it lacks levels that a change behind it still takes away.
    rows: { kind: 'levels', absent: 'ignore' },
    cadenceMs: IMAGE_LOST_MS,
    snapshot: true,
  },
  { kind: 'ticker', ...common, order: rising('tick_id') },
  { kind: 'quote', ...common, order: rising('tick_id') },
  { kind: 'instrument', ...common, order: rising('tick_id') },
]

const limits: Limits = {
  // The venue names none for its socket.
  subscriptionsPerConnection: 100,
  subscribeBatch: 10,
  subscribesPerMinute: 60,
  connectsPerMinute: 20,
  // 500 in five minutes an address (documentation).
  requestsPerMinute: 90,
  // An image of 300 levels a side is 25 KB.
  maxFrameBytes: 4 * 1024 * 1024,
  maxConnectionAgeMs: null,
}

/** The protocol has no heartbeat: a ping frame shows whether a quiet socket lives. */
const liveness: Liveness = {
  silentAfterMs: 900_000,
  ping: { everyMs: 15_000, always: false, frame: null, answerWithinMs: 10_000 },
}

/**
 * bitFlyer Lightning: spot, FX (Crypto CFD) and the futures of its recordings, over JSON-RPC.
 *
 * @throws {UsageError} `bad_option`, `unknown_channel`.
 */
export function bitflyer(options: ConnectorOptions = {}): Connector {
  const parsed = parseOptions('bitflyer', connectorOptions, options)
  const { url, restUrl, headers } = parsed
  const rest = restUrl ?? (url === undefined ? REST : restBeside(url))
  const endpoint: Endpoint = { name: 'public', url: url ?? SOCKET, headers, rest: rest.replace(/\/+$/, '') }
  const catalogue: Connector['catalogue'] = {
    requests: () =>
      ['', '/usa', '/eu'].map((region) => ({
        id: `markets${region}`,
        method: 'GET',
        url: `${endpoint.rest}/v1/getmarkets${region}`,
      })),
    read: readListing,
  }
  return {
    venue: 'bitflyer',
    aliases: ['lightning'],
    title: 'bitFlyer',
    status: { state: 'open' },
    markets,
    channels,
    limits,
    liveness,
    endpoints: [endpoint],
    recognises: /^wss?:\/\/(?:ws\.)?lightstream\.bitflyer\.com(?::\d+)?\/json-rpc/,
    catalogue,
    symbols: parsed.symbols,
    requested: resolveChannels('bitflyer', channels, parsed.channels),
    guess,
    route: () => endpoint,
    session: (init, sink) =>
      defineSession(
        { venue: 'bitflyer', channels, policy: { ackTimeoutMs: 12_000 }, catalogue, init, sink },
        bitflyerProtocol,
      ),
  }
}
