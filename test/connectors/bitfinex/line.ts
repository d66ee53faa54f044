import { type BitfinexOptions, bitfinex } from '../../../connectors/bitfinex/index.js'
import type { MarketEvent } from '../../../schemas/events.js'
import { bitfinexSimulator } from '../../../simulators/index.js'
import type { Channel, Connector, Session, Subscription } from '../../../src/connector.js'
import { Instruments, StreamMemory } from '../../../src/session/index.js'
import type { SimulatedConnection, VenueSimulator } from '../../../src/simulator/venue-simulator.js'
import { nodeTools } from '../../../src/socket/tools.js'

/** 2026-01-01, microseconds. */
export const NEW_YEAR = Date.UTC(2026, 0, 1) * 1000

const STEP_MS = 5

/**
 * A session wired to the simulator without a network, on a clock moved by hand. Reconnects and resubscribes as the engine
 * would, at once.
 */
export class Line {
  readonly simulator: VenueSimulator
  readonly connector: Connector
  readonly events: MarketEvent[] = []
  readonly frames: string[] = []
  readonly sent: string[] = []
  readonly reconnects: string[] = []
  readonly memory = new StreamMemory()
  readonly instruments = new Instruments()
  now = NEW_YEAR
  readonly #wanted: Subscription[] = []
  #session: Session | null = null
  #client: SimulatedConnection | null = null
  #wake: number | null = null
  #due: (() => void)[] = []
  #attempt = 0

  constructor(options: { seed?: number; stepsPerSecond?: number; connector?: BitfinexOptions } = {}) {
    const { seed = 7, stepsPerSecond = 20 } = options
    this.simulator = bitfinexSimulator({ seed, stepsPerSecond })
    this.connector = bitfinex({ url: 'ws://127.0.0.1:1', ...options.connector })
    for (const { id, method, url } of this.connector.catalogue.requests(this.connector.endpoints)) {
      const path = new URL(url).pathname
      const answer = this.simulator.http({ method, path, headers: {}, body: '' }, this.now)
      const response = { id, url, status: answer.status, headers: {}, body: answer.body }
      for (const instrument of this.connector.catalogue.read(response) ?? []) this.instruments.add(instrument)
    }
  }

  subscription(symbol: string, channel: Channel): Subscription {
    const instrument = this.instruments.find(symbol)
    if (instrument === undefined) throw new Error(`the simulator does not list ${symbol}`)
    return { instrument, channel }
  }

  connect(...wanted: [symbol: string, ...channels: Channel[]][]): this {
    for (const [symbol, ...channels] of wanted) {
      this.#wanted.push(...channels.map((channel) => this.subscription(symbol, channel)))
    }
    this.#open()
    return this
  }

  subscribe(symbol: string, channel: Channel): void {
    const subscription = this.subscription(symbol, channel)
    this.#wanted.push(subscription)
    this.#session?.subscribe([subscription], this.now)
  }

  unsubscribe(symbol: string, channel: Channel): void {
    const subscription = this.subscription(symbol, channel)
    const at = this.#wanted.findIndex(
      (held) => held.channel === channel && held.instrument.symbol === subscription.instrument.symbol,
    )
    this.#wanted.splice(at, 1)
    this.#session?.unsubscribe([subscription], this.now)
  }

  /** The reader lost events of a stream, which is asked for again. */
  lost(symbol: string, channel: Channel): void {
    const { instrument } = this.subscription(symbol, channel)
    this.#session?.overflowed({ instrument: instrument.instrument, channel }, null, this.now, 'unread')
  }

  /** Lets time pass. */
  run(ms: number): this {
    for (const end = this.now + ms * 1000; this.now < end; ) {
      this.now += STEP_MS * 1000
      this.simulator.advance(this.now)
      const due = this.#due
      this.#due = []
      for (const run of due) run()
      if (this.#wake !== null && this.#wake <= this.now) {
        this.#wake = null
        this.#session?.tick(this.now)
      }
    }
    return this
  }

  /** The connection ends without a word. */
  cut(): void {
    this.#client?.closed(this.now)
    this.#session?.closed({ code: 1006, reason: '' }, this.now)
    this.#open()
  }

  of<T extends MarketEvent['type']>(type: T): Extract<MarketEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<MarketEvent, { type: T }> => event.type === type)
  }

  book(symbol: string, channel: Channel = 'book') {
    return this.memory.record(this.subscription(symbol, channel).instrument.instrument, channel).book
  }

  market(instrument: string) {
    const market = this.simulator.markets.get(instrument)
    if (market === undefined) throw new Error(`no market ${instrument}`)
    return market
  }

  #open(): void {
    const [endpoint] = this.connector.endpoints
    if (endpoint === undefined) throw new Error('no endpoint')
    const current = () => this.#session === session
    const session: Session = this.connector.session(
      {
        endpoint,
        connection: 'public#0',
        adopt: false,
        instruments: this.instruments,
        memory: this.memory,
        tools: nodeTools(this.connector.limits.maxFrameBytes),
        random: () => 0.5,
      },
      {
        emit: (event) => void this.events.push(event),
        send: (frame) => {
          this.sent.push(frame)
          this.#client?.received(frame, this.now)
        },
        request: () => {},
        wake: (at) => {
          if (current()) this.#wake = at
        },
        ready: () => this.#due.push(() => current() && session.subscribe(this.#wanted, this.now)),
        reconnect: (reason) => {
          this.reconnects.push(reason)
          this.#due.push(() => current() && this.cut())
        },
        resubscribe: (subscription) =>
          this.#due.push(() => current() && session.resubscribe(subscription, this.now)),
      },
    )
    this.#session = session
    this.#wake = null
    session.opened({ url: endpoint.url, negotiated: null, attempt: ++this.#attempt }, this.now)
    this.#client = this.simulator.connect(
      {
        request: { method: 'GET', path: '/', headers: {}, body: '' },
        send: (data) => {
          this.frames.push(String(data))
          session.frame(data, this.now)
        },
        ping: () => {},
        close: (code, reason) => {
          this.#due.push(() => {
            if (!current()) return
            session.closed({ code, reason }, this.now)
            this.#open()
          })
        },
      },
      this.now,
    )
  }
}
