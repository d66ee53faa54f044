import type { Micros } from '../../schemas/events.js'
import type { HttpRequest, HttpResponse } from '../connector.js'
import { UsageError } from '../errors.js'
import type { DialEvents, DialedSocket, DialTarget, Http } from '../platform.js'
import type { Appointment } from './agenda.js'
import type { SeededRandom } from './random.js'
import type { SimulatedAnswer, SimulatedRequest, VenueSimulator } from './venue-simulator.js'
import { VirtualConnection } from './virtual-connection.js'
import type { VirtualTime } from './virtual-time.js'
import { systemError, type VirtualWire } from './virtual-wire.js'

/** Options of a host of the virtual network. */
export interface VirtualHostOptions {
  /** Host names, with the port where a URL has one: `api.example.com`, `127.0.0.1:9001`. */
  readonly hosts: readonly string[]
  /** One-way latency, drawn for each packet from this range. Milliseconds. @default [2, 20] */
  readonly latencyMs?: readonly [number, number]
  /** How often the simulator moves on. @default 10 */
  readonly stepMs?: number
  /** A client with more than this unread is closed with 1013 and cut. @default 8 MiB */
  readonly maxBufferedBytes?: number
}

/** The client's side of the machine, as a host needs it. */
export interface VirtualClient {
  now(): Micros
  stepClock(ms: number): void
  removed(): void
}

/** A host in the virtual network, with a simulator behind it. */
export class VirtualHost implements VirtualWire {
  readonly time: VirtualTime
  readonly simulator: VenueSimulator
  readonly maxBufferedBytes: number
  readonly #random: SeededRandom
  readonly #client: VirtualClient
  readonly #latencyMs: readonly [number, number]
  readonly #connections = new Set<VirtualConnection>()
  #parted = false
  /** Requests that wait for the network to heal. */
  #stranded: (() => void)[] = []
  #step: Appointment

  constructor(
    time: VirtualTime,
    random: SeededRandom,
    simulator: VenueSimulator,
    options: VirtualHostOptions,
    client: VirtualClient,
  ) {
    const { latencyMs = [2, 20], stepMs = 10, maxBufferedBytes = 8 * 1024 * 1024 } = options
    if (!(stepMs > 0) || !(latencyMs[0] >= 0) || !(latencyMs[1] >= latencyMs[0])) {
      throw new UsageError(
        'bad_option',
        `virtual network: stepMs must be positive and latencyMs a range from low to high (got ${JSON.stringify({ stepMs, latencyMs })})`,
        { context: { field: 'latencyMs' } },
      )
    }
    this.time = time
    this.simulator = simulator
    this.maxBufferedBytes = maxBufferedBytes
    this.#random = random
    this.#client = client
    this.#latencyMs = latencyMs
    const step = () => {
      this.#step = time.plan(stepMs * 1000, step)
      simulator.advance(time.now)
    }
    this.#step = time.plan(0, step)
  }

  /** Connections of which the host's end is open: also those that the client gave up and the host has not missed yet. */
  get connections(): number {
    return this.#connections.size
  }

  latency(): number {
    const [low, high] = this.#latencyMs
    return (low + this.#random.next() * (high - low)) * 1000
  }

  clientNow(): Micros {
    return this.#client.now()
  }

  stepClock(ms: number): void {
    this.#client.stepClock(ms)
  }

  /** The network between client and host is parted: nothing passes, nothing is lost, nobody is told. */
  part(): void {
    this.#parted = true
    for (const connection of this.#connections) connection.part()
  }

  heal(): void {
    this.#parted = false
    for (const connection of this.#connections) connection.heal()
    const stranded = this.#stranded
    this.#stranded = []
    for (const run of stranded) run()
  }

  /** The host's process dies and is there again at once: every connection is reset. */
  crash(): void {
    for (const connection of [...this.#connections]) connection.crash()
  }

  /** Takes the host off the network: its connections are reset, its names are free. */
  remove(): void {
    this.heal()
    this.crash()
    this.#step.cancel()
    this.#client.removed()
  }

  /** Opens a connection. @param over told when the client's end is closed */
  connect(target: DialTarget, events: DialEvents, over: () => void): DialedSocket {
    const connection = new VirtualConnection(this, target, events, {
      client: over,
      host: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    if (this.#parted) connection.part()
    return connection
  }

  /** One HTTP exchange; never rejects. */
  fetch(request: HttpRequest, limits: Parameters<Http>[1]): Promise<HttpResponse> {
    return new Promise((resolve) => {
      let over = false
      const finish = (status: number, headers: Readonly<Record<string, string>>, body: string) => {
        if (over) return
        over = true
        deadline.cancel()
        limits.signal?.removeEventListener('abort', aborted)
        this.time.enterClient()
        resolve({ id: request.id, url: request.url, status, headers, body })
      }
      const fail = (why: string) => finish(0, {}, why)
      const aborted = () => fail('the request was cancelled')
      const deadline = this.time.plan(limits.timeoutMs * 1000, () =>
        fail(`no answer within ${limits.timeoutMs} ms`),
      )
      limits.signal?.addEventListener('abort', aborted, { once: true })
      if (limits.signal?.aborted === true) aborted()

      const answer = ({ status, headers = {}, body, delivery = {} }: SimulatedAnswer) => {
        if (delivery.outcome === 'reset') fail(systemError('ECONNRESET', 'read').message)
        else if (delivery.outcome === 'half') fail('the answer was cut off')
        else if (Buffer.byteLength(body) > limits.maxBytes) {
          fail(`the answer is larger than ${limits.maxBytes} bytes`)
        } else finish(status, { 'content-type': 'application/json', ...lowerCased(headers) }, body)
      }
      const arrive = () => {
        if (over) return
        const { now } = this.time
        if (!(this.simulator.reachable?.(now) ?? true)) {
          this.#hop(() => fail(systemError('ECONNREFUSED', 'connect').message))
          return
        }
        const given = this.simulator.http(simulated(request), now)
        const { delayMs = 0, outcome } = given.delivery ?? {}
        if (outcome === 'never') return
        this.time.plan(delayMs * 1000, () => this.#hop(() => answer(given)))
      }
      // The handshake of TCP and the request itself.
      this.#hop(() => this.#hop(() => this.#hop(arrive)))
    })
  }

  /** One way through the network. */
  #hop(run: () => void): void {
    const arrive = () => {
      if (this.#parted) this.#stranded.push(arrive)
      else run()
    }
    this.time.plan(this.latency(), arrive)
  }
}

function simulated(request: HttpRequest): SimulatedRequest {
  const { host, pathname, search } = new URL(request.url)
  return {
    method: request.method,
    path: `${pathname}${search}`,
    headers: { host, ...lowerCased(request.headers ?? {}) },
    body: request.body ?? '',
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
