import type { Venue } from '../../src/connector.js'
import { bittrex } from './connector.js'
import { BittrexSimulator } from './simulator.js'

export { type BittrexOptions, bittrex } from './connector.js'
export { BittrexSimulator, type BittrexSimulatorOptions } from './simulator.js'

/** Bittrex in the registry. */
export const bittrexVenue: Venue = {
  id: 'bittrex',
  aliases: [],
  connector: bittrex,
  simulator: (options) => new BittrexSimulator(options),
}
