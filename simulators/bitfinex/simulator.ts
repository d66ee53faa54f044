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
import { BitfinexConnection, CONNECTION_FAULTS } from './connection.js'
import { SimulatedFloor } from './floor.js'
import { answerRest } from './rest.js'

const MAINTENANCE_MICROS = 10_000_000
const ALONE_MICROS = 30_000_000

/** A venue that speaks the public WebSocket v2 and REST v2 of Bitfinex, on any path, over a seeded market. */
export function bitfinexSimulator(options: SimulatorOptions = {}): VenueSimulator {
  return new BitfinexSimulator(options)
}

class BitfinexSimulator implements VenueSimulator {
  readonly venue = 'bitfinex'
  readonly markets: ReadonlyMap<string, SimulatedMarket>
  readonly faults: readonly string[] = [...CONNECTION_FAULTS, 'silent-but-one', 'instrument-delisted']
  readonly #floor: SimulatedFloor
  readonly #connections = new Set<BitfinexConnection>()
  #maintenanceUntil: Micros = 0

  constructor({ seed = 1, stepsPerSecond = 20, extremeAmounts = false }: SimulatorOptions) {
    this.#floor = new SimulatedFloor(seed, stepsPerSecond, extremeAmounts)
    this.markets = new Map([...this.#floor.instruments].map(([id, { market }]) => [id, market]))
  }

  connect(peer: SimulatedPeer, at: Micros): SimulatedConnection {
    this.#floor.advance(at)
    const connection = new BitfinexConnection(this.#floor, peer, {
      maintenanceUntil: this.#maintenanceUntil,
      gone: (gone) => this.#connections.delete(gone),
    })
    this.#connections.add(connection)
    return connection
  }

  http(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    this.#floor.advance(at)
    return answerRest(this.#floor, request, at < this.#maintenanceUntil ? 0 : 1, at)
  }

  advance(at: Micros): void {
    this.#floor.advance(at)
  }

  fault(name: string, at: Micros): boolean {
    this.#floor.advance(at)
    switch (name) {
      case 'silent-but-one': {
        const [first] = this.#floor.instruments.keys()
        if (first !== undefined) this.#floor.silenceAllBut(first, at + ALONE_MICROS)
        return first !== undefined
      }
      case 'instrument-delisted': {
        const listed = [...this.#floor.instruments.values()].filter(({ delisted }) => !delisted)
        const leaving = listed.at(-1)
        if (leaving !== undefined) leaving.delisted = true
        return leaving !== undefined
      }
      case 'maintenance':
        this.#maintenanceUntil = at + MAINTENANCE_MICROS
        return this.#everywhere(name, at)
      case 'reconnect-notice':
      case 'heartbeat-missing':
      case 'clock-off':
        return this.#everywhere(name, at)
      default: {
        for (const connection of this.#connections) if (connection.fault(name, at)) return true
        return false
      }
    }
  }

  #everywhere(name: string, at: Micros): boolean {
    let committed = false
    for (const connection of this.#connections) committed = connection.fault(name, at) || committed
    return committed
  }
}
