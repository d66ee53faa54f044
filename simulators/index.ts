import { findVenue, venues } from '../connectors/index.js'
import { UsageError } from '../src/errors.js'
import type { SimulatorOptions, VenueSimulator } from '../src/simulator/index.js'
import { bitfinexSimulator } from './bitfinex/simulator.js'
import { simulateBitflyer } from './bitflyer/simulator.js'
import { bitmexSimulator } from './bitmex/simulator.js'
import { bitstampSimulator } from './bitstamp/simulator.js'
import { bittrexSimulator } from './bittrex/simulator.js'
import { simulateBlockchain } from './blockchain/simulator.js'
import { simulateCex } from './cex/simulator.js'
import { huobiSimulator } from './huobi/simulator.js'

/**
 * Simulated venues: real servers on loopback, or a whole network in memory under a virtual clock, both with faults on
 * demand. The library loads none of this: it is for tests, demonstrations and users' own tests.
 */
export * from '../src/simulator/index.js'
export { bitfinexSimulator } from './bitfinex/simulator.js'
export { simulateBitflyer } from './bitflyer/simulator.js'
export type { DialectName } from './bitmex/dialect.js'
export { type BitmexSimulatorOptions, bitmexSimulator } from './bitmex/simulator.js'
export { type BitstampSimulatorOptions, bitstampSimulator } from './bitstamp/simulator.js'
export { type BittrexSimulatorOptions, bittrexSimulator } from './bittrex/simulator.js'
export { simulateBlockchain } from './blockchain/simulator.js'
export { type CexSimulatorOptions, simulateCex } from './cex/simulator.js'
export type { SpotTrades } from './cex/spot.js'
export { huobiSimulator } from './huobi/simulator.js'
export type { KitSimulator } from './kit/simulated-exchange.js'

const simulators: Readonly<Record<string, (options: SimulatorOptions) => VenueSimulator>> = {
  bitfinex: bitfinexSimulator,
  bitmex: bitmexSimulator,
  huobi: huobiSimulator,
  cex: simulateCex,
  bittrex: bittrexSimulator,
  blockchain: simulateBlockchain,
  bitflyer: simulateBitflyer,
  bitstamp: bitstampSimulator,
}

/** Each has a market of its own in memory. */
const MOST_INSTRUMENTS = 5_000

/**
 * A venue's simulator: its protocol, a seeded market, a true book. Serve it with `serveSimulator`, or on a `virtualPlatform`.
 *
 * @param venue the venue's name or alias: `bitfinex`
 * @throws {UsageError} `unknown_venue`; `bad_option` where an option does not fit.
 */
export function simulate(venue: string, options: SimulatorOptions = {}): VenueSimulator {
  const { instruments } = options
  if (
    instruments !== undefined &&
    !(Number.isInteger(instruments) && instruments >= 1 && instruments <= MOST_INSTRUMENTS)
  ) {
    throw new UsageError(
      'bad_option',
      `simulator: option instruments must be a whole number from 1 to ${MOST_INSTRUMENTS} (got ${instruments})`,
      { context: { venue, field: 'instruments' } },
    )
  }
  const simulator = simulators[findVenue(venue)?.id ?? '']
  if (simulator !== undefined) return simulator(options)
  throw new UsageError(
    'unknown_venue',
    `there is no simulator of ${venue}; there is one of ${venues.map(({ id }) => id).join(', ')}`,
    { context: { venue } },
  )
}
