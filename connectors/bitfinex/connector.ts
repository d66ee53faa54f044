import type { Connector, Endpoint, Limits, Liveness } from '../../src/connector.js'
import { parseOptions, resolveChannels, restBeside } from '../../src/options.js'
import { defineSession } from '../../src/session/index.js'
import { bitfinexCatalogue } from './catalogue.js'
import { bitfinexChannels } from './channels.js'
import { type BitfinexOptions, bitfinexOptions } from './options.js'
import { bitfinexProtocol } from './session.js'
import { instrumentByRule } from './symbols.js'

const VENUE = 'bitfinex'
const SOCKET = 'wss://api-pub.bitfinex.com/ws/2'
const REST = 'https://api-pub.bitfinex.com'

const limits: Limits = {
  // The documentation says 25 on one page and 30 on another; 36 were accepted in September 2026, 250 years ago.
  subscriptionsPerConnection: 25,
  subscribeBatch: 1,
  // Not documented. Twenty a second: a burst has been seen to lose acks (bitfinex-api-go #127).
  subscribesPerMinute: 1_200,
  connectsPerMinute: 20,
  // Of the page with the lowest limit that is asked here; older code assumes as little as 10.
  requestsPerMinute: 30,
  // Twenty connects in a minute, then none for another; an address that calls too often is blocked for as long.
  refusedForMs: 60_000,
  maxFrameBytes: 1_048_576,
  maxConnectionAgeMs: null,
}

const liveness: Liveness = {
  // Every channel has a pulse each 15 s: two missed and some margin.
  silentAfterMs: 35_000,
  // A socket without any subscription has no pulse, and is closed after 60 s without a frame from the client.
  ping: { everyMs: 20_000, always: false, frame: '{"event":"ping"}' },
}

/**
 * Bitfinex: spot, perpetuals and funding on one public socket.
 *
 * @throws {UsageError} `bad_option` or `unknown_channel`, naming field and value.
 */
export function bitfinex(options: BitfinexOptions = {}): Connector {
  const resolved = parseOptions(VENUE, bitfinexOptions, options)
  const endpoint: Endpoint = {
    name: 'public',
    url: resolved.url ?? SOCKET,
    headers: resolved.headers,
    rest: (resolved.restUrl ?? (resolved.url === undefined ? REST : restBeside(resolved.url))).replace(
      /\/+$/,
      '',
    ),
  }
  const catalogue = bitfinexCatalogue(resolved.includePaper)
  return {
    venue: VENUE,
    aliases: ['bfx'],
    title: 'Bitfinex',
    status: { state: 'open' },
    markets: ['spot', 'perpetual', 'funding'],
    channels: bitfinexChannels,
    limits,
    liveness,
    endpoints: [endpoint],
    recognises: /^wss?:\/\/(?:[\w-]+\.)*bitfinex\.com(?::\d+)?\/ws\/2\/?(?:[?#].*)?$/,
    catalogue,
    symbols: resolved.symbols,
    requested: resolveChannels(VENUE, bitfinexChannels, resolved.channels),
    guess: instrumentByRule,
    route: () => endpoint,
    session: (init, sink) =>
      defineSession({ venue: VENUE, channels: bitfinexChannels, policy: {}, catalogue, init, sink }, (kit) =>
        bitfinexProtocol(kit, resolved),
      ),
  }
}
