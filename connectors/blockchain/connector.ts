import * as z from 'zod'
import type { Connector, ConnectorOptions, Endpoint, Subscription } from '../../src/connector.js'
import { connectorOptions, parseOptions, resolveChannels, restBeside } from '../../src/options.js'
import { defineSession } from '../../src/session/session.js'
import { chainProtocol } from './chain-session.js'
import { channelSpecs, granularities } from './channels.js'
import { exchangeProtocol } from './exchange-session.js'
import { guessInstrument, readListing } from './symbols.js'

/** Options of {@link blockchain}. */
export interface BlockchainOptions extends ConnectorOptions {
  /**
   * A book that has not changed for this long is a `stale` gap and is asked for again; the connection is kept. The venue's
   * books have stood still since trading was suspended, so by default silence is not held against them. Milliseconds.
   * @default null
   */
  readonly staleBookMs?: number | null
}

const optionsSchema = connectorOptions.extend({
  staleBookMs: z.number().positive().nullable().default(null),
})

/** The gateway refuses an upgrade without exactly this. */
const ORIGIN = 'https://exchange.blockchain.com'

const EXCHANGE_PATH = '/mercury-gateway/v1/ws'
const CHAIN_PATH = '/inv'

/** Candles of a second length need a connection of their own: the venue takes one granularity a symbol and connection. */
const exchangeNames = ['exchange', ...[...granularities.keys()].slice(1).map((name) => `exchange-${name}`)]

function endpointsOf(options: z.output<typeof optionsSchema>): Endpoint[] {
  const { url, restUrl, headers } = options
  const exchange = {
    url: 'wss://ws.blockchain.info/mercury-gateway/v1/ws',
    headers: { origin: ORIGIN, ...headers },
    rest: restUrl ?? 'https://api.blockchain.com/v3/exchange',
  }
  const chain = { url: 'wss://ws.blockchain.info/inv', headers, rest: restUrl ?? 'https://blockchain.info' }
  if (url !== undefined) {
    const { pathname } = new URL(url)
    const base = url.replace(/^(wss?:\/\/[^/]+).*$/, '$1')
    exchange.url = pathname === '/' || pathname === CHAIN_PATH ? `${base}${EXCHANGE_PATH}` : url
    chain.url = `${base}${CHAIN_PATH}`
    exchange.rest = restUrl ?? `${restBeside(url)}/v3/exchange`
    chain.rest = restUrl ?? restBeside(url)
  }
  return [...exchangeNames.map((name) => ({ name, ...exchange })), { name: 'chain', ...chain }]
}

/**
 * Blockchain.com: its Exchange (market `spot`) and the Bitcoin chain feed of blockchain.info (market `chain`, symbol `BTC`,
 * or `BTC@ADDRESS` for one address).
 *
 * @throws {UsageError} `bad_option`, `unknown_channel`.
 */
export function blockchain(options: BlockchainOptions = {}): Connector {
  const parsed = parseOptions('blockchain', optionsSchema, options)
  const channels = channelSpecs(parsed.staleBookMs)
  const endpoints = endpointsOf(parsed)
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]))

  function route({ instrument, channel }: Subscription): Endpoint {
    const length = channel.startsWith('candle:') ? channel.slice('candle:'.length) : ''
    const name = instrument.market === 'chain' ? 'chain' : length === '' ? 'exchange' : `exchange-${length}`
    const endpoint = byName.get(name)
    if (endpoint === undefined) throw new RangeError(`no endpoint ${name}`)
    return endpoint
  }

  const catalogue: Connector['catalogue'] = {
    requests: () => [{ id: 'symbols', method: 'GET', url: `${byName.get('exchange')?.rest}/symbols` }],
    read: readListing,
  }

  return {
    venue: 'blockchain',
    aliases: ['blockchain.com', 'blockchaincom'],
    title: 'Blockchain.com',
    status: { state: 'open', note: 'exchange frozen: trading suspended since 2025-10-19' },
    markets: ['spot', 'chain'],
    channels,
    limits: {
      subscriptionsPerConnection: 200,
      subscribeBatch: 10,
      // 1,200 messages a minute, at most ten a call: a sixth of it stays for heartbeats and unsubscribes.
      subscribesPerMinute: 100,
      connectsPerMinute: 20,
      requestsPerMinute: 30,
      maxFrameBytes: 16 * 1024 * 1024,
      maxConnectionAgeMs: null,
    },
    // The Exchange's heartbeat is watched by its session; the chain answers a ping.
    liveness: { silentAfterMs: 90_000, ping: { everyMs: 30_000, always: false, frame: '{"op":"ping"}' } },
    endpoints,
    recognises: /^wss?:\/\/ws\.(?:prod\.|staging\.)?blockchain\.(?:info|com)\//,
    catalogue,
    symbols: parsed.symbols,
    requested: resolveChannels('blockchain', channels, parsed.channels),
    guess: guessInstrument,
    route,
    session(init, sink) {
      const protocol =
        /\/inv\/?$/.test(init.endpoint.url) || init.endpoint.name === 'chain'
          ? chainProtocol
          : exchangeProtocol
      return defineSession({ venue: 'blockchain', channels, policy: {}, catalogue, init, sink }, protocol)
    },
  }
}
