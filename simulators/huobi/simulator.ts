import type { Family } from '../../connectors/huobi/symbols.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { protocolFaults } from '../kit/pending-faults.js'
import { pathOf } from '../kit/requests.js'
import { type KitSimulator, SimulatedExchange } from '../kit/simulated-exchange.js'
import { type HuobiInstrument, huobiInstruments } from './instruments.js'
import { liquidate } from './liquidations.js'
import { MarketSocket } from './market-socket.js'
import { NotificationSocket } from './notification-socket.js'
import { restRoutes } from './rest.js'
import { type SocketKind, TopicServer } from './topic-server.js'

const MARKET_PATHS: ReadonlyMap<string, SocketKind> = new Map([
  ['/', 'spot'],
  ['/ws', 'spot'],
  ['/feed', 'feed'],
  ['/swap-ws', 'swap'],
  ['/linear-swap-ws', 'linear'],
  ['/ws_index', 'index'],
])

const NOTIFICATION_PATHS: ReadonlyMap<string, Family | null> = new Map([
  ['/notification', 'futures'],
  ['/swap-notification', 'swap'],
  ['/linear-swap-notification', 'linear'],
  ['/center-notification', null],
])

/** Nothing is signed. The last seven are this venue's own. @see VENUE_FAULTS */
const FAULTS = protocolFaults(
  ['checksum-wrong'],
  [
    'snapshot-null',
    'snapshot-refused',
    'snapshot-never',
    'snapshot-stale',
    'book-one-sided',
    'book-null-sides',
    'trade-no-side',
  ],
)

/**
 * Huobi's sockets and REST answers on one host: the paths of spot and of the derivatives side by side. `/ws`, which both
 * hosts have, serves spot pairs and coin-margined futures, whose ids are never alike. Any other path is refused.
 */
export function huobiSimulator(options: SimulatorOptions = {}): KitSimulator {
  const exchange = new SimulatedExchange<HuobiInstrument, MarketSocket | NotificationSocket>(options, {
    faults: FAULTS,
    immediate: ['message-unknown', 'reconnect-notice'],
    instruments: (random) => huobiInstruments(options, random),
    // What has no date trades for ever.
    delistable: ({ facts }) => facts.delivery !== null,
    delisted() {
      for (const socket of notifications()) socket.relisted()
    },
    begin(at) {
      for (const instrument of exchange.instruments.values()) instrument.begin(at)
      liquidate(exchange, (instrument, row) => {
        for (const socket of notifications()) socket.liquidated(instrument, row)
      })
    },
    step: (instrument, at) => server.stepped(instrument, instrument.step(at), at),
  })
  const server = new TopicServer(exchange)
  const rest = restRoutes(exchange)

  function notifications(): NotificationSocket[] {
    return [...exchange.clients].filter((client) => client instanceof NotificationSocket)
  }

  return exchange.simulator('huobi', {
    admit(request) {
      const path = pathOf(request.path)
      if (MARKET_PATHS.has(path) || NOTIFICATION_PATHS.has(path)) return null
      return { status: 404, body: 'no such path' }
    },
    connect(peer) {
      const path = pathOf(peer.request.path)
      const family = NOTIFICATION_PATHS.get(path)
      if (family !== undefined) return new NotificationSocket(exchange, peer, family)
      return new MarketSocket(exchange, peer, MARKET_PATHS.get(path) ?? 'spot', server)
    },
    http: (request) => rest.answer(request),
    commit(name, at) {
      if (name !== 'maintenance') return null
      for (const socket of notifications()) socket.maintained(exchange.faults.until(name) - at)
      return true
    },
  })
}
