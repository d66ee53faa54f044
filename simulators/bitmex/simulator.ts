import { TABLE_NAMES } from '../../connectors/bitmex/topics.js'
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
import type { WireRow } from '../kit/exact-json.js'
import { BIN_SIZES } from './bins.js'
import { BitmexClient, type TableSource } from './connection.js'
import { DIALECTS, type Dialect, type DialectName } from './dialect.js'
import { CONNECTION_FAULTS } from './frame-faults.js'
import { SimulatedInstrument } from './instrument.js'
import { LISTINGS } from './listing.js'
import type { Publication } from './publication.js'
import { answerRest, tooManyCalls } from './rest.js'
import { VenueClock } from './venue-clock.js'

/** Options of `BitmexSimulator`. */
export interface BitmexSimulatorOptions extends SimulatorOptions {
  /**
   * How frames are written: as recorded in 2021, or as they were when the venue closed. A client may choose for itself with
   * the query parameter `dialect`. @default '2026'
   */
  readonly dialect?: DialectName
}

/** Faults of the venue as a whole; the rest is committed by a connection. */
const HOST_FAULTS = ['maintenance', 'instrument-delisted', 'silent-but-one', 'clock-off'] as const

const SECOND = 1_000_000

/** Public tables that have nothing to tell here beside those that the connector reads. */
const TABLES: ReadonlySet<string> = new Set([
  ...TABLE_NAMES,
  ...BIN_SIZES.map((size) => `quoteBin${size}`),
  'settlement',
  'insurance',
  'announcement',
  'chat',
  'connected',
  'publicNotifications',
])

/** The venue stays away for as long after announcing maintenance. */
const MAINTENANCE_MICROS = 10 * SECOND

/** Of a client without a key. */
const CALLS_A_MINUTE = 30

/** Connections that it takes in a burst, and how fast they come back. */
const CONNECTS = 40

/** Steps made up for a simulator that was not called for a while, in seconds. */
const CATCH_UP_SECONDS = 2

/**
 * BitMEX as it was: greeting, acks, partials, tables and errors of the realtime API v1 on any path, and the public REST
 * calls beneath `/api/v1`. Markets: XBTUSD, XBTH27, ETHUSD, XBTUSDT, XBT_USDT; the index `.BXBT`.
 *
 * Query parameters of the socket's URL: `subscribe` (the venue's own), `dialect`.
 */
export class BitmexSimulator implements VenueSimulator {
  readonly venue = 'bitmex'
  readonly faults: readonly string[] = [...CONNECTION_FAULTS, ...HOST_FAULTS]
  readonly markets = new Map<string, SimulatedMarket>()
  readonly #dialect: Dialect
  readonly #random: SeededRandom
  readonly #stepsPerSecond: number
  readonly #clients = new Set<BitmexClient>()
  readonly #instruments = new Map<string, SimulatedInstrument>()
  /** Faults that wait for a client. */
  readonly #waiting: string[] = []
  readonly #source: TableSource
  /** Steps of the markets that are due, with a fraction. */
  #due = 0
  #now: Micros | null = null
  #downUntil = Number.NEGATIVE_INFINITY
  #aloneUntil = Number.NEGATIVE_INFINITY
  readonly #clock = new VenueClock()
  /** REST calls of the last minute. */
  #calls: Micros[] = []
  #connects = CONNECTS
  #connectsAt: Micros | null = null

  constructor(options: BitmexSimulatorOptions = {}) {
    const { extremeAmounts = false } = options
    this.#dialect = DIALECTS[options.dialect ?? '2026']
    this.#random = new SeededRandom(options.seed ?? 1)
    this.#stepsPerSecond = options.stepsPerSecond ?? 20
    const bitcoin = () => this.#instruments.get('XBTUSD')?.lastPrice ?? '34000'
    for (const listing of LISTINGS) {
      const wanted = (table: string) => {
        for (const client of this.#clients) if (client.follows(table, listing.symbol)) return true
        return false
      }
      const instrument = new SimulatedInstrument(
        { ...listing, shape: listing.shape && { ...listing.shape, extremeAmounts } },
        this.#random.fork(),
        bitcoin,
        wanted,
      )
      this.#instruments.set(listing.symbol, instrument)
      if (instrument.market !== null) this.markets.set(listing.symbol, instrument.market)
    }
    this.#source = {
      has: (table, symbol) => TABLES.has(table) && (symbol === null || this.#instruments.has(symbol)),
      image: (table, symbol, dialect, at) => this.#image(table, symbol, dialect, at),
      remaining: (at) => Math.floor(this.#allowance(at)),
    }
  }

  admit(_request: SimulatedRequest, at: Micros): SimulatedAnswer | null {
    this.#begin(at)
    if (at < this.#downUntil) {
      const seconds = Math.ceil((this.#downUntil - at) / SECOND)
      return {
        status: 503,
        headers: { 'retry-after': String(seconds) },
        body: 'The system is down for maintenance.',
      }
    }
    if (this.#allowance(at) >= 1) return null
    return { status: 429, headers: { 'retry-after': '1' }, body: 'Rate limit exceeded, retry in 1 seconds.' }
  }

  connect(peer: SimulatedPeer, at: Micros): SimulatedConnection {
    this.#begin(at)
    this.#connects = Math.max(0, this.#allowance(at) - 1)
    const asked = new URL(peer.request.path, 'ws://bitmex').searchParams.get('dialect')
    const dialect = asked === '2021' || asked === '2026' ? DIALECTS[asked] : this.#dialect
    const random = this.#random.fork()
    const client = new BitmexClient(peer, dialect, this.#source, random, at, this.#clock, () =>
      this.#clients.delete(client),
    )
    this.#clients.add(client)
    for (const name of this.#waiting.splice(0)) client.fault(name, at)
    return client
  }

  http(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    this.#begin(at)
    this.#calls = this.#calls.filter((call) => call > at - 60 * SECOND)
    const [first] = this.#calls
    if (first !== undefined && this.#calls.length >= CALLS_A_MINUTE) {
      return tooManyCalls(CALLS_A_MINUTE, Math.ceil((first + 60 * SECOND - at) / SECOND))
    }
    this.#calls.push(at)
    const limit = { limit: CALLS_A_MINUTE, remaining: CALLS_A_MINUTE - this.#calls.length }
    return answerRest(request, this.#instruments, this.#dialect, limit, this.#clock, at)
  }

  advance(at: Micros): void {
    const passed = at - this.#begin(at)
    this.#now = at
    this.#due += Math.min(passed / SECOND, CATCH_UP_SECONDS) * this.#stepsPerSecond
    const moving = [...this.#instruments.values()].slice(0, at < this.#aloneUntil ? 1 : undefined)
    for (; this.#due >= 1; this.#due--) {
      for (const instrument of moving) this.#publish(instrument, instrument.step(at))
    }
    for (const instrument of moving) this.#publish(instrument, instrument.pass(at))
    for (const client of this.#clients) client.advance(at)
  }

  fault(name: string, at: Micros): boolean {
    this.#begin(at)
    switch (name) {
      case 'maintenance':
        this.#downUntil = at + MAINTENANCE_MICROS
        for (const client of [...this.#clients]) client.close(1012, 'Service restart')
        return true
      case 'instrument-delisted': {
        const instrument = this.#instruments.get('XBTH27')
        if (instrument === undefined || instrument.settled) return false
        this.#publish(instrument, instrument.settle(at))
        return true
      }
      case 'silent-but-one':
        this.#aloneUntil = at + 30 * SECOND
        return true
      case 'clock-off':
        this.#clock.goWrong(at, 60 * SECOND)
        return true
      default:
        if (!this.faults.includes(name)) return false
        if (this.#clients.size === 0) this.#waiting.push(name)
        else return [...this.#clients].map((client) => client.fault(name, at)).includes(true)
        return true
    }
  }

  /** The first call tells the time at which the markets begin. @returns the time of the last step */
  #begin(at: Micros): Micros {
    if (this.#now === null) {
      this.#now = at
      for (const instrument of this.#instruments.values()) instrument.begin(at)
    }
    return this.#now
  }

  #publish(instrument: SimulatedInstrument, publications: readonly Publication[]): void {
    for (const publication of publications) {
      for (const client of this.#clients) client.publish(instrument.symbol, publication)
    }
  }

  #image(table: string, symbol: string | null, dialect: Dialect, at: Micros): readonly WireRow[] {
    const chosen = symbol === null ? [...this.#instruments.keys()] : [symbol]
    return chosen.flatMap((each) => this.#instruments.get(each)?.image(table, dialect, at) ?? [])
  }

  /** Connections that may still be made: all of a burst, then one a second. */
  #allowance(at: Micros): number {
    const passed = this.#connectsAt === null ? 0 : (at - this.#connectsAt) / SECOND
    this.#connectsAt = at
    this.#connects = Math.min(CONNECTS, this.#connects + passed)
    return this.#connects
  }
}
