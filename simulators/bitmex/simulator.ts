import { TABLE_NAMES } from '../../connectors/bitmex/topics.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { BurstLimit } from '../kit/limits.js'
import { protocolFaults } from '../kit/pending-faults.js'
import { queryOf } from '../kit/requests.js'
import { type KitSimulator, SimulatedExchange } from '../kit/simulated-exchange.js'
import { BIN_SIZES } from './bins.js'
import { BitmexClient, IMMEDIATE_FAULTS, type TableSource } from './client.js'
import { DIALECTS, type DialectName } from './dialect.js'
import { BitmexInstrument } from './instrument.js'
import { listings } from './listing.js'
import type { Publication } from './publication.js'
import { restAnswers } from './rest.js'

/** Options of {@link bitmexSimulator}. */
export interface BitmexSimulatorOptions extends SimulatorOptions {
  /**
   * How frames are written: as recorded in 2021, or as they were when the venue closed. A client may choose for itself with
   * the query parameter `dialect`. @default '2026'
   */
  readonly dialect?: DialectName
}

/** Nothing is numbered and nothing is signed. The last two are this venue's own. @see VENUE_FAULTS */
const FAULTS = protocolFaults(
  [
    'sequence-skipped',
    'sequence-repeated',
    'sequence-backwards',
    'sequence-reset',
    'checksum-wrong',
    'reconnect-notice',
  ],
  ['empty-partial', 'update-unknown'],
)

const SECOND = 1_000_000
/** Throttled views, batched quotes, bins and marks are looked at this often. */
const PASS_MICROS = SECOND / 10

/** Public tables that have nothing to publish here beside those that the connector reads. */
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

type BitmexExchange = SimulatedExchange<BitmexInstrument, BitmexClient>

/** Connections that it takes in a burst; one comes back every second. */
const CONNECTS = 40

/** The one with a date, which trades no more one day. */
const DELISTED = 'XBTH27'

/**
 * BitMEX as it was: greeting, acks, partials, tables and errors of the realtime API v1 on any path, and the public REST
 * calls beneath `/api/v1`. Markets: XBTUSD, XBTH27, ETHUSD, XBTUSDT, XBT_USDT; the index `.BXBT`.
 *
 * Query parameters of the socket's URL: `subscribe` (the venue's own), `dialect`.
 */
export function bitmexSimulator(options: BitmexSimulatorOptions = {}): KitSimulator {
  const { extremeAmounts = false, dialect = '2026' } = options
  const exchange: BitmexExchange = new SimulatedExchange(options, {
    faults: FAULTS,
    immediate: IMMEDIATE_FAULTS,
    instruments: (random) =>
      listings(options.instruments ?? 0).map(
        (listing) =>
          new BitmexInstrument(
            { ...listing, shape: listing.shape && { ...listing.shape, extremeAmounts } },
            random.fork(),
            () => exchange.instruments.get('XBTUSD')?.lastPrice ?? '34000',
            (table) => [...exchange.clients].some((client) => client.follows(table, listing.symbol)),
          ),
      ),
    delistable: ({ id }) => id === DELISTED,
    delisted: (instrument) => publish(instrument, instrument.settled(exchange.now)),
    begin(at) {
      for (const instrument of exchange.instruments.values()) instrument.begin(at)
      exchange.timers.every(PASS_MICROS, () => {
        for (const instrument of exchange.listed) {
          if (exchange.moves(instrument)) publish(instrument, instrument.pass(exchange.now))
        }
      })
    },
    step: (instrument, at) => publish(instrument, instrument.step(at)),
  })
  const connects = new BurstLimit(CONNECTS, SECOND)
  const source: TableSource = {
    tables: TABLES,
    image(table, symbol, as) {
      const chosen = symbol === null ? [...exchange.instruments.keys()] : [symbol]
      return chosen.flatMap((id) => exchange.instruments.get(id)?.image(table, as, exchange.now) ?? [])
    },
    remaining: () => connects.remaining(exchange.now),
  }

  function publish(instrument: BitmexInstrument, publications: readonly Publication[]): void {
    for (const publication of publications) {
      for (const client of exchange.clients) client.publish(instrument.symbol, publication)
    }
  }

  return exchange.simulator('bitmex', {
    admit(_request, at) {
      const away = exchange.faults.until('maintenance') - at
      if (away > 0) {
        const headers = { 'retry-after': String(Math.ceil(away / SECOND)) }
        return { status: 503, headers, body: 'The system is down for maintenance.' }
      }
      if (connects.remaining(at) >= 1) return null
      const headers = { 'retry-after': '1' }
      return { status: 429, headers, body: 'Rate limit exceeded, retry in 1 seconds.' }
    },
    connect(peer, at) {
      connects.take(at)
      const asked = queryOf(peer.request.path).get('dialect')
      const chosen = asked === '2021' || asked === '2026' ? asked : dialect
      return new BitmexClient(exchange, peer, DIALECTS[chosen], source)
    },
    http: restAnswers(exchange, DIALECTS[dialect], TABLES),
    commit(name) {
      if (name === 'maintenance') {
        for (const client of [...exchange.clients]) client.close(1012, 'Service restart')
        return true
      }
      // A book that is open is sent again; where there is none, the next partial is sent twice.
      if (name !== 'snapshot-twice') return null
      return (
        [...exchange.clients].some((client) => client.commit(name) === true && exchange.faults.take(name)) ||
        null
      )
    },
  })
}
