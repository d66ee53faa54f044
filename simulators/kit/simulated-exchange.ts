import type { Micros } from '../../schemas/events.js'
import type { SimulatedMarket } from '../../src/simulator/market.js'
import { SeededRandom } from '../../src/simulator/random.js'
import type {
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedPeer,
  SimulatedRequest,
  SimulatorOptions,
  VenueSimulator,
} from '../../src/simulator/venue-simulator.js'
import { PendingFaults } from './pending-faults.js'
import { CATCH_UP, Timers } from './timers.js'
import { VenueClock } from './venue-clock.js'

/** What a simulated venue lists. */
export interface Listed {
  /** The venue's own id. */
  readonly id: string
  /** Null for what has a price and no market, as an index. */
  readonly market: SimulatedMarket | null
  /** Whether it trades: its market rests for good where it does not. */
  listed: boolean
  /** One of those that were added on demand: its market moves once for twenty moves of the others. @default false */
  readonly quiet?: boolean
}

/** A client as the exchange sees it. */
export interface ExchangeClient extends SimulatedConnection {
  /** Commits a fault that needs no message to fit; false where it cannot now, null where it is none of that kind. */
  commit(name: string): boolean | null
}

/** What a venue brings. */
export interface ExchangeSetup<I extends Listed> {
  /** Everything that its protocol can do wrong. */
  readonly faults: readonly string[]
  /** Those of them that happen at once, and to a client; the rest wait for a message that they fit. */
  readonly immediate?: readonly string[]
  /** Those of them that strike the venue and not one connection, beside those that do at every venue. */
  readonly ofTheVenue?: readonly string[]
  readonly instruments: (random: SeededRandom) => readonly I[]
  /** Moves the market of an instrument on by a step, and publishes what came of it. */
  readonly step: (instrument: I, at: Micros) => void
  /** The first moment has come: what recurs is planned here. */
  readonly begin?: (at: Micros) => void
  /** The instrument that may stop trading. @default the last that is listed */
  readonly delistable?: (instrument: I) => boolean
  readonly delisted?: (instrument: I) => void
}

/** How a venue answers. */
export interface ExchangeSide<C extends ExchangeClient> {
  readonly admit?: (request: SimulatedRequest, at: Micros) => SimulatedAnswer | null
  readonly connect: (peer: SimulatedPeer, at: Micros) => C
  readonly http: (request: SimulatedRequest, at: Micros) => SimulatedAnswer
  /** What else a fault of the venue as a whole does; false where it cannot be committed, null where nothing is to be done. */
  readonly commit?: (name: string, at: Micros) => boolean | null
}

/** A simulator that the kit made. */
export interface KitSimulator extends VenueSimulator {
  readonly faults: readonly string[]
  fault(name: string, at: Micros): boolean
}

/** Faults that strike the venue and not one connection, at every venue. */
const OF_THE_VENUE: ReadonlySet<string> = new Set([
  'silent-but-one',
  'clock-off',
  'instrument-delisted',
  'maintenance',
])

/** Moves of the other markets for one of a quiet one. */
const QUIET_PACE = 20

const ACTIVE = 'silent-but-one'

/**
 * What every simulated venue has: instruments whose markets move, a clock, timers, clients, and faults. Time begins with the
 * first call, whichever it is.
 */
export class SimulatedExchange<I extends Listed, C extends ExchangeClient = ExchangeClient> {
  readonly random: SeededRandom
  readonly faults: PendingFaults
  readonly instruments: ReadonlyMap<string, I>
  readonly clients = new Set<C>()
  readonly timers = new Timers()
  readonly clock: VenueClock
  readonly #setup: ExchangeSetup<I>
  readonly #all: readonly I[]
  readonly #stepMicros: Micros
  #begun = false
  #steps = 0
  #nextStep: Micros = 0

  constructor({ seed = 1, stepsPerSecond = 20 }: SimulatorOptions, setup: ExchangeSetup<I>) {
    this.random = new SeededRandom(seed)
    this.faults = new PendingFaults(setup.faults)
    this.clock = new VenueClock(this.timers)
    this.#setup = setup
    this.#stepMicros = Math.round(1_000_000 / stepsPerSecond)
    this.#all = setup.instruments(this.random)
    this.instruments = new Map(this.#all.map((instrument) => [instrument.id, instrument]))
  }

  /** The moment that the simulation has reached. */
  get now(): Micros {
    return this.timers.now
  }

  /** The instruments that trade. */
  get listed(): readonly I[] {
    return this.#all.filter(({ listed }) => listed)
  }

  /** The instrument, where it trades. */
  find(id: string | undefined): I | undefined {
    const instrument = id === undefined ? undefined : this.instruments.get(id)
    return instrument?.listed === true ? instrument : undefined
  }

  /** The simulator of a venue that answers so. */
  simulator(venue: string, side: ExchangeSide<C>): KitSimulator {
    const { admit } = side
    const now = (at: Micros) => this.advance(at)
    return {
      venue,
      markets: new Map(
        this.listed.flatMap(({ id, market }) => (market === null ? [] : [[id, market] as const])),
      ),
      faults: this.#setup.faults,
      ...(admit === undefined
        ? {}
        : {
            admit: (request, at) => {
              now(at)
              return admit(request, at)
            },
          }),
      connect: (peer, at) => {
        now(at)
        const client = side.connect(peer, at)
        this.clients.add(client)
        return this.#connection(client)
      },
      http: (request, at) => {
        now(at)
        return side.http(request, at)
      },
      advance: now,
      fault: (name, at) => {
        this.#begin(at)
        return this.#commit(name, at, side)
      },
    }
  }

  /** Lets time pass. At one moment the markets move first. */
  advance(at: Micros): void {
    this.#begin(at)
    while (this.#nextStep <= at) {
      const step = this.#nextStep
      this.timers.runUntil(step - 1)
      this.timers.stand(step)
      this.#nextStep = Math.max(step + this.#stepMicros, at - CATCH_UP)
      this.#step()
    }
    this.timers.runUntil(at)
  }

  /** Whether the market of an instrument moves: it is listed, and no fault makes it rest. */
  moves(instrument: I): boolean {
    return instrument.listed && (!this.faults.active(ACTIVE, this.now) || instrument === this.#firstListed)
  }

  #begin(at: Micros): void {
    if (this.#begun) return
    this.#begun = true
    this.timers.runUntil(at)
    this.#setup.begin?.(at)
    this.#nextStep = at + this.#stepMicros
  }

  #step(): void {
    this.#steps++
    for (const [index, instrument] of this.#all.entries()) {
      if (instrument.quiet === true && (this.#steps + index) % QUIET_PACE !== 0) continue
      if (this.moves(instrument)) this.#setup.step(instrument, this.now)
    }
  }

  get #firstListed(): I | undefined {
    return this.#all.find(({ listed }) => listed)
  }

  #connection(client: C): SimulatedConnection {
    return {
      received: (data, at) => {
        this.advance(at)
        client.received(data, at)
      },
      closed: (at) => {
        this.clients.delete(client)
        client.closed(at)
      },
      fault: (name, at) => !this.#isOfTheVenue(name) && client.fault?.(name, at) === true,
    }
  }

  #isOfTheVenue(name: string): boolean {
    return OF_THE_VENUE.has(name) || this.#setup.ofTheVenue?.includes(name) === true
  }

  #commit(name: string, at: Micros, side: ExchangeSide<C>): boolean {
    if (!this.#setup.faults.includes(name)) return false
    if (name === 'instrument-delisted') return this.#delist()
    if (name === 'clock-off') this.clock.goWrong(at)
    const immediate = this.#setup.immediate?.includes(name) === true
    if (!immediate) this.faults.add(name, at)
    const committed = side.commit?.(name, at) ?? null
    if (!immediate || committed !== null) return committed ?? true
    for (const client of [...this.clients]) if (client.commit(name) === true) return true
    return false
  }

  #delist(): boolean {
    const { delistable = () => true, delisted } = this.#setup
    const leaving = this.listed.findLast((instrument) => instrument.quiet !== true && delistable(instrument))
    if (leaving === undefined) return false
    leaving.listed = false
    delisted?.(leaving)
    return true
  }
}
