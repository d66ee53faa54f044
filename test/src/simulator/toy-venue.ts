import type { Micros } from '../../../schemas/events.js'
import { SimulatedMarket } from '../../../src/simulator/market.js'
import { SeededRandom } from '../../../src/simulator/random.js'
import type {
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedPeer,
  SimulatedRequest,
  SimulatorOptions,
  VenueSimulator,
} from '../../../src/simulator/venue-simulator.js'

const TICK_MICROS = 50_000

/**
 * A venue for tests. It greets with `hello`; `sub` is answered with `ack` and then with `tick N` every 50 ms, counted on
 * each connection; `echo X` and `binary X` come back; `close CODE` closes; `flood N` sends N kilobytes; `fail` throws.
 * Over HTTP: `/ticks` says how often the market moved, `/echo` gives back what came.
 */
export class ToyVenue implements VenueSimulator {
  readonly venue = 'toy'
  readonly markets: ReadonlyMap<string, SimulatedMarket>
  readonly faults = ['sequence-skipped']
  readonly connections = new Set<ToyConnection>()
  readonly log: string[] = []
  /** A request with this path is refused with 403. */
  forbidden = '/forbidden'
  ticks = 0
  #next: Micros | null = null

  constructor(options: SimulatorOptions = {}) {
    const random = new SeededRandom(options.seed ?? 1)
    const market = new SimulatedMarket({ priceDecimals: 2, amountDecimals: 8, price: '100' }, random)
    this.markets = new Map([['TOY', market]])
  }

  admit(request: SimulatedRequest): SimulatedAnswer | null {
    this.log.push(`admit ${request.path}`)
    if (request.path !== this.forbidden) return null
    return { status: 403, headers: { 'x-why': 'toy' }, body: 'no entry' }
  }

  connect(peer: SimulatedPeer, at: Micros): SimulatedConnection {
    const connection = new ToyConnection(this, peer)
    this.connections.add(connection)
    this.log.push(`connect ${at}`)
    peer.send('hello')
    return connection
  }

  http(request: SimulatedRequest): SimulatedAnswer {
    if (request.path === '/ticks') return { status: 200, body: JSON.stringify({ ticks: this.ticks }) }
    if (request.path.startsWith('/echo')) return { status: 200, body: JSON.stringify(request) }
    if (request.path === '/throw') throw new Error('toy failure over http')
    return { status: 404, headers: { 'x-why': 'toy' }, body: '{}' }
  }

  advance(at: Micros): void {
    this.#next ??= at + TICK_MICROS
    while (at >= this.#next) {
      this.#next += TICK_MICROS
      this.ticks++
      this.markets.get('TOY')?.step(at)
      for (const connection of this.connections) connection.tick()
    }
  }

  fault(name: string): boolean {
    this.log.push(`fault ${name}`)
    return name === 'book-crossed'
  }
}

export class ToyConnection implements SimulatedConnection {
  readonly peer: SimulatedPeer
  readonly #venue: ToyVenue
  #sequence: number | null = null

  constructor(venue: ToyVenue, peer: SimulatedPeer) {
    this.#venue = venue
    this.peer = peer
  }

  tick(): void {
    if (this.#sequence !== null) this.peer.send(`tick ${++this.#sequence}`)
  }

  received(data: string | Uint8Array, at: Micros): void {
    const text = typeof data === 'string' ? data : `bytes ${Buffer.from(data).toString('hex')}`
    this.#venue.log.push(`received ${text} ${at}`)
    const [word = '', ...rest] = text.split(' ')
    const argument = rest.join(' ')
    if (word === 'sub') {
      this.#sequence = 0
      this.peer.send('ack')
    } else if (word === 'echo') this.peer.send(argument)
    else if (word === 'binary') this.peer.send(Buffer.from(argument))
    else if (word === 'bytes') this.peer.send(`got ${argument}`)
    else if (word === 'close') this.peer.close(Number(argument), 'as you wish')
    else if (word === 'ping') this.peer.ping()
    else if (word === 'flood')
      for (let sent = 0; sent < Number(argument); sent++) this.peer.send('x'.repeat(1024))
    else if (word === 'fail') throw new Error('toy failure')
  }

  closed(at: Micros): void {
    this.#venue.log.push(`closed ${at}`)
    this.#venue.connections.delete(this)
  }

  fault(name: string): boolean {
    if (name !== 'sequence-skipped' || this.#sequence === null) return false
    this.#sequence++
    return true
  }
}
