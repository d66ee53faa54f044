import type { Micros } from '../../schemas/events.js'
import type {
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedPeer,
  SimulatedRequest,
  VenueSimulator,
} from '../../src/simulator/venue-simulator.js'

/** One client of a protocol's test server. */
export interface ProtocolClient extends SimulatedConnection {
  advance(at: Micros): void
}

const SECOND: Micros = 1_000_000
const LATE = 5 * SECOND
const MUTE = 60 * SECOND

/**
 * The base of the test servers: a pure state machine like a venue's simulator, so that `serveSimulator` serves it on a real socket,
 * `virtualPlatform` in memory, and `withFaults` puts any fault plan before it.
 */
export abstract class ProtocolServer<Client extends ProtocolClient> implements VenueSimulator {
  abstract readonly venue: string
  readonly markets: VenueSimulator['markets'] = new Map()
  readonly faults: readonly string[]
  readonly #clients = new Set<Client>()
  /** Faults that wait for the message that they fit, each with its count. */
  readonly #armed = new Map<string, number>()
  /** What is done late, oldest first, each with the client that it is for. */
  #late: { readonly due: Micros; readonly client: object; readonly run: () => void }[] = []
  #mutedUntil: Micros = 0
  #now: Micros = 0

  /** @param faults the names that `fault` takes. */
  constructor(faults: readonly string[]) {
    this.faults = faults
  }

  /** The clients that are connected, in the order in which they came. */
  get clients(): readonly Client[] {
    return [...this.#clients]
  }

  /** The moment of the last thing that happened. */
  get now(): Micros {
    return this.#now
  }

  /** Whether the server sends its heartbeats and answers those of its clients. */
  get beats(): boolean {
    return this.#now >= this.#mutedUntil
  }

  /** Does something for a client five seconds later, unless the client is gone by then. */
  later(client: object, run: () => void): void {
    this.#late.push({ due: this.#now + LATE, client, run })
  }

  /** Begins one client. */
  protected abstract accept(peer: SimulatedPeer, at: Micros): Client

  connect(peer: SimulatedPeer, at: Micros): SimulatedConnection {
    this.#now = at
    const client = this.accept(peer, at)
    this.#clients.add(client)
    return {
      received: (data, now) => {
        this.#now = now
        client.received(data, now)
      },
      closed: (now) => {
        this.#now = now
        this.#clients.delete(client)
        this.#late = this.#late.filter((late) => late.client !== client)
        client.closed(now)
      },
    }
  }

  http(_request: SimulatedRequest, at: Micros): SimulatedAnswer {
    this.#now = at
    return { status: 404, body: 'not found' }
  }

  advance(at: Micros): void {
    this.#now = at
    const due = this.#late.filter((late) => late.due <= at)
    this.#late = this.#late.filter((late) => late.due > at)
    for (const { run } of due) run()
    for (const client of this.#clients) client.advance(at)
  }

  /** The fault `heartbeat-missing` holds for sixty seconds. */
  fault(name: string, at: Micros): boolean {
    if (!this.faults.includes(name)) return false
    if (name === 'heartbeat-missing') this.#mutedUntil = at + MUTE
    else this.#armed.set(name, (this.#armed.get(name) ?? 0) + 1)
    return true
  }

  /** Whether a fault waits to be committed; once for each time that it was asked for. */
  takeFault(name: string): boolean {
    const count = this.#armed.get(name) ?? 0
    if (count === 0) return false
    this.#armed.set(name, count - 1)
    return true
  }
}
