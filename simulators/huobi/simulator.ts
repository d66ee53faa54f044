import type { Family } from '../../connectors/huobi/symbols.js'
import type { Micros } from '../../schemas/events.js'
import type { SimulatedMarket } from '../../src/simulator/market.js'
import type {
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedPeer,
  SimulatedRequest,
  SimulatorOptions,
  VenueSimulator,
} from '../../src/simulator/venue-simulator.js'
import { FAULTS } from './faults.js'
import { Liquidations } from './liquidations.js'
import { MarketSocket } from './market-socket.js'
import { NotificationSocket } from './notification-socket.js'
import { RestApi } from './rest.js'
import { Scene } from './scene.js'
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

/**
 * Huobi's sockets and REST answers on one host: the paths of spot and of the derivatives side by side. `/ws`, which both
 * hosts have, serves spot pairs and coin-margined futures, whose ids are never alike. Any other path is refused.
 */
export class HuobiSimulator implements VenueSimulator {
  readonly venue = 'huobi'
  readonly faults = FAULTS
  readonly markets: ReadonlyMap<string, SimulatedMarket>
  readonly #scene: Scene
  readonly #server: TopicServer
  readonly #rest: RestApi
  readonly #liquidations: Liquidations
  readonly #sockets = new Set<MarketSocket>()
  readonly #notifications = new Set<NotificationSocket>()

  constructor(options: SimulatorOptions = {}) {
    this.#scene = new Scene(options)
    this.#server = new TopicServer(this.#scene)
    this.#rest = new RestApi(this.#scene)
    this.#liquidations = new Liquidations(this.#scene)
    const open = this.#scene.instruments.filter(({ facts }) => !facts.suspended)
    this.markets = new Map(open.map(({ facts, market }) => [facts.id, market]))
  }

  admit(request: SimulatedRequest): SimulatedAnswer | null {
    const path = pathOf(request)
    if (MARKET_PATHS.has(path) || NOTIFICATION_PATHS.has(path)) return null
    return { status: 404, body: 'no such path' }
  }

  connect(peer: SimulatedPeer, at: Micros): SimulatedConnection {
    this.#scene.begin(at)
    const path = pathOf(peer.request)
    const family = NOTIFICATION_PATHS.get(path)
    if (family !== undefined) {
      return this.#keep(this.#notifications, new NotificationSocket(peer, family, this.#scene, at))
    }
    const kind = MARKET_PATHS.get(path) ?? 'spot'
    return this.#keep(this.#sockets, new MarketSocket(peer, kind, this.#scene, this.#server, at))
  }

  http(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    return this.#rest.answer(request, at)
  }

  advance(at: Micros): void {
    this.#scene.advance(at, (instrument, now) => {
      const { push, changed } = instrument.step(now)
      this.#server.stepped(instrument, push, changed, now)
    })
    this.#server.advance(at)
    for (const socket of this.#sockets) socket.advance(at)
    for (const socket of this.#notifications) socket.advance(at)
    this.#liquidations.advance(at, (instrument, row) => {
      for (const socket of this.#notifications) socket.liquidated(instrument, row, at)
    })
  }

  fault(name: string, at: Micros): boolean {
    const scene = this.#scene
    switch (name) {
      case 'message-unknown':
      case 'reconnect-notice':
        return this.#anySocket(name, at)
      case 'heartbeat-missing':
        scene.noHeartbeatUntil = at + 60_000_000
        return true
      case 'clock-off':
        scene.putClockOff(at, 60_000_000)
        return true
      case 'maintenance':
        scene.maintenanceUntil = at + 10_000_000
        for (const socket of [...this.#notifications]) socket.maintained(at)
        return true
      case 'silent-but-one':
        for (const instrument of scene.instruments.slice(1)) instrument.mutedUntil = at + 30_000_000
        return true
      case 'instrument-delisted':
        return this.#delist(at)
      default:
        return scene.faults.arm(name)
    }
  }

  #anySocket(name: string, at: Micros): boolean {
    for (const socket of [...this.#sockets, ...this.#notifications]) if (socket.fault(name, at)) return true
    return false
  }

  /** The last contract with a date goes; what has none trades for ever. */
  #delist(at: Micros): boolean {
    const instrument = this.#scene.instruments.findLast(
      ({ facts, status }) => facts.delivery !== null && status === 'open',
    )
    if (instrument === undefined) return false
    instrument.status = 'delisted'
    for (const socket of this.#notifications) socket.changed(at)
    return true
  }

  #keep<S extends MarketSocket | NotificationSocket>(sockets: Set<S>, socket: S): SimulatedConnection {
    sockets.add(socket)
    return {
      received: (data, at) => socket.received(data, at),
      closed: () => {
        sockets.delete(socket)
        socket.closed()
      },
      fault: (name, at) => socket.fault(name, at),
    }
  }
}

/** Huobi's simulator: its protocol, seeded markets, true books. */
export function huobiSimulator(options: SimulatorOptions = {}): HuobiSimulator {
  return new HuobiSimulator(options)
}

function pathOf({ path }: SimulatedRequest): string {
  return path.replace(/[?#].*$/, '').replace(/(.)\/+$/, '$1')
}
