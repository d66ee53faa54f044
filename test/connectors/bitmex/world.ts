import { bitmex } from '../../../connectors/bitmex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { type BitmexSimulatorOptions, bitmexSimulator, type KitSimulator } from '../../../simulators/index.js'
import type { Channel, Connector, HttpRequest, Subscription } from '../../../src/connector.js'
import { StreamMemory } from '../../../src/session/memory.js'
import type { SimulatedConnection } from '../../../src/simulator/venue-simulator.js'
import { type Harness, harness } from '../../support/harness.js'

/** Noon of 2 March 2026, less ten seconds, in microseconds. */
export const START = Date.UTC(2026, 2, 2, 11, 59, 50) * 1000

/** A session and the simulator in memory, under a clock that the test moves. */
export class World {
  readonly simulator: KitSimulator
  readonly connector: Connector
  readonly memory = new StreamMemory()
  /** Of all connections. */
  readonly events: MarketEvent[] = []
  session: Harness
  at = START
  /** Reasons for which the session asked for another connection. */
  reconnects: string[] = []
  readonly #path: string
  #connection: SimulatedConnection
  #done = { events: 0, sent: 0, resubscribes: 0, requests: 0 }
  #closed: { code: number; reason: string } | null = null

  constructor(options: BitmexSimulatorOptions = {}, path = '/realtime') {
    this.simulator = bitmexSimulator({ seed: 7, ...options })
    this.connector = bitmex({ url: 'ws://127.0.0.1:9001/realtime' })
    this.#path = path
    ;[this.session, this.#connection] = this.#connect()
    this.#settle()
  }

  /** Lists the instruments over REST, then asks for the streams. */
  subscribe(symbols: readonly string[], channels: readonly Channel[]): Subscription[] {
    for (const request of this.connector.catalogue.requests(this.connector.endpoints)) {
      this.#answer(request)
    }
    const subscriptions = symbols.flatMap((symbol) => {
      const instrument = this.session.instruments.find(symbol)
      if (instrument === undefined) throw new Error(`the simulator lists no ${symbol}`)
      return channels.map((channel) => ({ instrument, channel }))
    })
    this.ask(subscriptions)
    return subscriptions
  }

  ask(subscriptions: readonly Subscription[]): void {
    this.session.session.subscribe(subscriptions, this.at)
    this.#settle()
  }

  /** Lets time pass in steps of 50 ms. */
  run(ms: number): void {
    const until = this.at + ms * 1000
    while (this.at < until) {
      this.at += 50_000
      this.simulator.advance(this.at)
      this.session.until(this.at)
      this.#settle()
    }
  }

  /** Stops the markets and lets what was told of them catch up. */
  freeze(): void {
    for (const market of this.simulator.markets.values()) market.frozen = true
    this.run(3000)
  }

  /** A fault on the connection, else of the venue. */
  fault(name: string): boolean {
    const struck = (this.#connection.fault?.(name, this.at) ?? false) || this.simulator.fault(name, this.at)
    this.#settle()
    return struck
  }

  /** The client connects afresh after the connection was lost. */
  reconnect(subscriptions: readonly Subscription[]): void {
    if (this.#closed === null) {
      this.#connection.closed(this.at)
      this.session.session.closed({ code: 1006, reason: '' }, this.at)
      this.#settle()
    }
    const known = this.session.instruments
    this.#closed = null
    this.#done = { events: 0, sent: 0, resubscribes: 0, requests: 0 }
    ;[this.session, this.#connection] = this.#connect()
    for (const instrument of known.values()) this.session.instruments.add(instrument)
    this.ask(subscriptions)
  }

  get closed(): { readonly code: number; readonly reason: string } | null {
    return this.#closed
  }

  of<T extends MarketEvent['type']>(type: T): Extract<MarketEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<MarketEvent, { type: T }> => event.type === type)
  }

  /** Whether our book of a stream is the simulator's. */
  book(symbol: string, channel: Channel = 'book') {
    const ours = this.memory.peek(symbol, channel)?.book
    const truth = this.simulator.markets.get(symbol)?.book
    const depth =
      channel === 'book:10' ? 10 : channel === 'book:L2_25' ? 25 : channel === 'book:L2_100' ? 100 : 1000
    return { state: ours?.state, ours: ours?.top(depth), truth: truth?.top(depth) }
  }

  #answer({ id, url }: HttpRequest): void {
    const { pathname, search } = new URL(url)
    const request = { method: 'GET', path: pathname + search, headers: {}, body: '' }
    this.session.session.response({ id, url, headers: {}, ...this.simulator.http(request, this.at) }, this.at)
  }

  #connect(): [Harness, SimulatedConnection] {
    const client = harness(this.connector, { memory: this.memory })
    const peer = {
      request: { method: 'GET', path: this.#path, headers: {}, body: '' },
      send: (data: string | Uint8Array) => {
        client.session.frame(data, this.at)
      },
      ping: () => {},
      close: (code: number, reason: string) => {
        this.#closed = { code, reason }
        client.session.closed({ code, reason }, this.at)
      },
    }
    client.session.opened({ url: 'ws://127.0.0.1:9001/realtime', negotiated: null, attempt: 1 }, this.at)
    return [client, this.simulator.connect(peer, this.at)]
  }

  /** Carries what the session did to the simulator, until it does nothing more. */
  #settle(): void {
    const { session } = this
    const done = this.#done
    for (;;) {
      this.events.push(...session.events.slice(done.events))
      done.events = session.events.length
      this.reconnects = session.reconnects
      const frame = session.sent[done.sent]
      const resubscribe = session.resubscribes[done.resubscribes]
      const request = session.requests[done.requests]
      if (frame !== undefined) {
        done.sent++
        this.#connection.received(frame, this.at)
      } else if (request !== undefined) {
        done.requests++
        this.#answer(request)
      } else if (resubscribe !== undefined) {
        done.resubscribes++
        session.session.resubscribe(resubscribe, this.at)
      } else return
    }
  }
}
