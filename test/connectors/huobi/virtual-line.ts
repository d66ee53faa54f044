import { huobi } from '../../../connectors/huobi/connector.js'
import type { MarketEvent } from '../../../schemas/events.js'
import type { KitSimulator } from '../../../simulators/index.js'
import type { Channel, Connector, Instrument, Subscription } from '../../../src/connector.js'
import { Instruments } from '../../../src/session/instrument-table.js'
import { StreamMemory } from '../../../src/session/memory.js'
import type { SimulatedConnection } from '../../../src/simulator/venue-simulator.js'
import { type Harness, harness } from '../../support/harness.js'

/** Where every virtual clock begins. Microseconds. */
export const START = 1_790_000_000_000_000
const STEP = 10_000

/** One session on one simulated socket. */
interface Line {
  readonly endpoint: string
  readonly subscriptions: Subscription[]
  run: Harness
  connection: SimulatedConnection
  /** What the venue sent and the session has not seen yet. */
  readonly inbox: (string | Uint8Array)[]
  open: boolean
}

/** The connector against its simulator in memory, with a clock that the test moves. */
export class VirtualLine {
  readonly connector: Connector
  readonly simulator: KitSimulator
  readonly instruments = new Instruments()
  readonly memory = new StreamMemory()
  readonly events: MarketEvent[] = []
  readonly sent: string[] = []
  readonly closes: string[] = []
  now = START
  /** What becomes of the frames of the client on their way; a test may lose them. */
  outgoing: (frame: string) => boolean = () => true
  /** Whether the session is fed: false for a socket that nobody reads. */
  incoming: (frame: string | Uint8Array) => boolean = () => true
  readonly #lines: Line[] = []

  constructor(simulator: KitSimulator, connector = huobi({ url: 'ws://127.0.0.1:9003' })) {
    this.simulator = simulator
    this.connector = connector
    for (const request of connector.catalogue.requests(connector.endpoints)) {
      const answer = simulator.http(
        { method: 'GET', path: path(request.url), headers: {}, body: '' },
        this.now,
      )
      const { id, url } = request
      const read = connector.catalogue.read({ id, url, status: 200, headers: {}, body: answer.body })
      for (const instrument of read ?? []) this.instruments.add(instrument)
    }
  }

  instrument(symbol: string): Instrument {
    const instrument = this.instruments.find(symbol) ?? this.connector.guess(symbol)
    if (instrument === null) throw new Error(`no instrument ${symbol}`)
    return instrument
  }

  subscribe(symbol: string, channel: Channel): Subscription {
    const subscription = { instrument: this.instrument(symbol), channel }
    const line = this.#line(subscription)
    line.subscriptions.push(subscription)
    line.run.session.subscribe([subscription], this.now)
    return subscription
  }

  unsubscribe(subscription: Subscription): void {
    const line = this.#line(subscription)
    line.subscriptions.splice(line.subscriptions.indexOf(subscription), 1)
    line.run.session.unsubscribe([subscription], this.now)
  }

  /** A fault on the first socket of an endpoint. */
  fault(endpoint: string, name: string): boolean {
    const line = this.#lines.find((candidate) => candidate.endpoint === endpoint && candidate.open)
    return line?.connection.fault?.(name, this.now) ?? false
  }

  cut(endpoint: string): void {
    for (const line of this.#lines) if (line.endpoint === endpoint) this.#closed(line, null, 'cut')
  }

  advance(ms: number): void {
    const until = this.now + ms * 1000
    while (this.now < until) {
      this.now += STEP
      this.simulator.advance(this.now)
      for (const line of this.#lines) this.#turn(line)
    }
  }

  of<T extends MarketEvent['type']>(type: T): Extract<MarketEvent, { type: T }>[] {
    return this.events.filter((event): event is never => event.type === type)
  }

  book(id: string, channel: Channel = 'book') {
    return this.memory.record(id, channel).book
  }

  #line(subscription: Subscription): Line {
    const { name } = this.connector.route(subscription)
    const held = this.#lines.find(({ endpoint }) => endpoint === name)
    if (held !== undefined) return held
    const inbox: Line['inbox'] = []
    const line: Line = { endpoint: name, subscriptions: [], inbox, open: true, ...this.#dial(name, inbox) }
    this.#lines.push(line)
    return line
  }

  #dial(name: string, inbox: Line['inbox']): Pick<Line, 'run' | 'connection'> {
    const endpoint = this.connector.endpoints.find((candidate) => candidate.name === name)
    if (endpoint === undefined) throw new Error(`no endpoint ${name}`)
    const { memory, instruments } = this
    const run = harness(this.connector, { endpoint, memory, instruments })
    const request = { method: 'GET', path: path(endpoint.url), headers: {}, body: '' }
    if (this.simulator.admit?.(request, this.now) !== null) throw new Error(`${endpoint.url} is refused`)
    const connection = this.simulator.connect(
      {
        request,
        send: (data) => void inbox.push(data),
        ping: () => undefined,
        close: (code, reason) => {
          const line = this.#lines.find((candidate) => candidate.run === run)
          if (line !== undefined) this.#closed(line, code, reason)
        },
      },
      this.now,
    )
    run.session.opened({ url: endpoint.url, negotiated: null, attempt: 1 }, this.now)
    return { run, connection }
  }

  #turn(line: Line): void {
    const { run } = line
    for (const data of line.inbox.splice(0)) if (this.incoming(data)) run.session.frame(data, this.now)
    run.until(this.now)
    for (const request of run.requests.splice(0)) {
      const answer = this.simulator.http(
        { ...request, path: path(request.url), headers: {}, body: '' },
        this.now,
      )
      const { id, url } = request
      run.session.response({ id, url, status: answer.status, headers: {}, body: answer.body }, this.now)
    }
    for (const subscription of run.resubscribes.splice(0)) run.session.resubscribe(subscription, this.now)
    for (const frame of run.sent.splice(0)) {
      this.sent.push(frame)
      if (line.open && this.outgoing(frame)) line.connection.received(frame, this.now)
    }
    this.events.push(...run.events.splice(0))
    const [reason] = run.reconnects.splice(0)
    if (reason !== undefined && line.open) this.#closed(line, 1000, reason)
    if (!line.open) this.#reopen(line)
  }

  #closed(line: Line, code: number | null, reason: string): void {
    if (!line.open) return
    line.open = false
    this.closes.push(`${code} ${reason}`)
    line.connection.closed(this.now)
    line.run.session.closed({ code, reason }, this.now)
    this.events.push(...line.run.events.splice(0))
  }

  #reopen(line: Line): void {
    line.inbox.length = 0
    Object.assign(line, { open: true, ...this.#dial(line.endpoint, line.inbox) })
    for (const subscription of line.subscriptions) line.run.session.subscribe([subscription], this.now)
  }
}

function path(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}
