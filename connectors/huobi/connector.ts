import * as z from 'zod'
import type { MarketType } from '../../schemas/events.js'
import type { ChannelSpec, Connector, ConnectorOptions, Limits, Liveness } from '../../src/connector.js'
import { connectorOptions, parseOptions, resolveChannels } from '../../src/options.js'
import { huobiCatalogue } from './catalogue.js'
import { huobiEndpoints } from './endpoints.js'
import { MBP_ORDER } from './mbp-books.js'
import { huobiSession } from './session.js'
import { type Family, familyOfSymbol, guessInstrument } from './symbols.js'
import {
  HIGH_FREQUENCY_LEVELS,
  INTERVAL_NAMES,
  MBP_LEVELS,
  REFRESH_LEVELS,
  SPOT_STEPS,
  STEPS,
} from './topics.js'

/** Options of Huobi (HTX). */
export interface HuobiOptions extends ConnectorOptions {
  /**
   * Host of the spot sockets and of spot's REST: `api-aws.huobi.pro` is the same on AWS, `api-cloud.bittrade.co.jp` the
   * sister venue BitTrade, which speaks the same protocol. @default 'api.huobi.pro'
   */
  readonly spotHost?: string
  /** Host of all derivatives: `api.hbdm.vn` is the alternative, `api.btcgateway.pro` a fallback. @default 'api.hbdm.com' */
  readonly derivativesHost?: string
  /**
   * The socket of `book:refreshN`: the documentation names `/feed` and adds that `/ws` still serves it; older clients had to
   * use `/ws`. @default 'feed'
   */
  readonly refreshOn?: 'feed' | 'ws'
}

const host = z.string().regex(/^[\w.-]+(?::\d+)?$/, 'must be a host name, such as api.huobi.pro')

const huobiOptions = connectorOptions.extend({
  spotHost: host.default('api.huobi.pro'),
  derivativesHost: host.default('api.hbdm.com'),
  refreshOn: z.enum(['feed', 'ws']).default('feed'),
})

export const MARKETS: readonly MarketType[] = ['spot', 'perpetual', 'future']
const DERIVATIVES: readonly MarketType[] = ['perpetual', 'future']

export const CHANNELS: readonly ChannelSpec[] = [
  { kind: 'trade', variants: [], markets: MARKETS, cadenceMs: null, snapshot: true },
  {
    kind: 'book',
    variants: MBP_LEVELS,
    markets: ['spot'],
    order: MBP_ORDER,
    image: { how: 'request' },
    // A level that came and went within one batch may be removed without ever having been sent; the chain is the proof.
    rows: { kind: 'levels', absent: 'ignore' },
    mark: { by: 'request' },
    cadenceMs: null,
    snapshot: true,
  },
  {
    kind: 'book',
    variants: [
      ...REFRESH_LEVELS.map((levels) => `refresh${levels}`),
      ...SPOT_STEPS.map((step) => `step${step}`),
    ],
    markets: ['spot'],
    // One counter of the pair numbers the increments, the refreshes and the versions of the steps.
    order: { by: 'seqNum, version', scope: 'stream', across: 'same', step: 'rising' },
    image: { how: 'every frame' },
    cadenceMs: null,
    snapshot: true,
  },
  {
    kind: 'book',
    variants: HIGH_FREQUENCY_LEVELS,
    markets: DERIVATIVES,
    // A version belongs to one subscription: on another connection the same number means another book.
    order: { by: 'version', scope: 'stream', across: 'own', step: 'next' },
    image: { how: 'marked' },
    rows: { kind: 'levels', absent: 'ignore' },
    cadenceMs: null,
    snapshot: true,
  },
  {
    kind: 'book',
    variants: STEPS.map((step) => `step${step}`),
    markets: DERIVATIVES,
    order: { by: 'version', scope: 'stream', across: 'own', step: 'rising' },
    image: { how: 'every frame' },
    cadenceMs: null,
    snapshot: true,
  },
  {
    kind: 'quote',
    variants: [],
    markets: MARKETS,
    order: { by: 'seqId, mrid', scope: 'stream', across: 'own', step: 'rising' },
    cadenceMs: null,
    snapshot: false,
  },
  {
    kind: 'ticker',
    variants: ['detail', 'ticker', 'tickers'],
    markets: MARKETS,

    cadenceMs: null,
    snapshot: false,
  },
  {
    kind: 'candle',
    variants: INTERVAL_NAMES,
    markets: MARKETS,

    cadenceMs: null,
    snapshot: false,
  },
  {
    kind: 'derivative',
    variants: ['merged', 'funding'],
    markets: DERIVATIVES,

    cadenceMs: null,
    snapshot: false,
  },
  { kind: 'liquidation', variants: [], markets: DERIVATIVES, cadenceMs: null, snapshot: false },
  { kind: 'instrument', variants: [], markets: DERIVATIVES, cadenceMs: null, snapshot: false },
]

const LIMITS: Limits = {
  // 90 topics on one spot socket and 150 on one of the derivatives were seen to work; a derivative stream takes up to three.
  subscriptionsPerConnection: 50,
  // One topic a frame, and 40 frames a second documented: this keeps to 20 streams a second.
  subscribeBatch: 10,
  subscribesPerMinute: 120,
  connectsPerMinute: 30,
  // Spot takes 10 calls a second, the lists of the derivatives 240 in 3 s.
  requestsPerMinute: 300,
  maxFrameBytes: 8 * 1024 * 1024,
  maxConnectionAgeMs: null,
}

/** The venue pings every five seconds; three missing pings are a dead socket, however quiet the market. */
const LIVENESS: Liveness = { silentAfterMs: 15_000, ping: null }

/**
 * Every URL at which the sockets of Huobi, HTX and the sister venues of the same protocol were ever found: the hosts of
 * today, their forms on AWS and in Vietnam, the old `www.hbdm.com`, the debug host, and Japan's and Korea's.
 */
const RECOGNISES =
  /^wss?:\/\/(?:[\w-]+\.)*(?:huobi(?:pro)?\.(?:pro|com|co\.jp|co\.kr|br\.com)|hbdm\.(?:com|vn)|btcgateway\.pro|bittrade\.co\.jp|htx\.com)(?::\d+)?(?:[/?]|$)/i

const FAMILIES: readonly Family[] = ['spot', 'futures', 'swap', 'linear']

/**
 * The connector of Huobi, called HTX since September 2023: spot, coin-margined swaps, USDT-margined swaps and futures, and
 * coin-margined futures.
 *
 * @throws {UsageError} `bad_option` or `unknown_channel`.
 */
export function huobi(options: HuobiOptions = {}): Connector {
  const parsed = parseOptions('huobi', huobiOptions, options)
  const requested = resolveChannels('huobi', CHANNELS, parsed.channels)
  const endpoints = huobiEndpoints(parsed)
  const wanted = new Set(parsed.symbols.map(familyOfSymbol))
  const families = wanted.size === 0 ? FAMILIES : FAMILIES.filter((family) => wanted.has(family))
  const catalogue = huobiCatalogue(endpoints, families)
  return {
    venue: 'huobi',
    aliases: ['htx'],
    title: 'Huobi (HTX)',
    status: { state: 'open', note: 'HTX since September 2023' },
    markets: MARKETS,
    channels: CHANNELS,
    limits: LIMITS,
    liveness: LIVENESS,
    endpoints: endpoints.all,
    recognises: RECOGNISES,
    catalogue,
    symbols: parsed.symbols,
    requested,
    guess: guessInstrument,
    route: endpoints.route,
    session: (init, sink) => huobiSession(init, sink, CHANNELS, catalogue),
  }
}
