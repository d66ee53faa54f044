import type { Venue } from '../../src/connector.js'
import { bitmex } from './connector.js'
import { BitmexSimulator } from './simulator.js'

export { type BitmexOptions, bitmex } from './connector.js'
export { BitmexSimulator, type BitmexSimulatorOptions } from './simulator.js'

/** BitMEX in the registry. */
export const bitmexVenue: Venue = {
  id: 'bitmex',
  aliases: [],
  connector: bitmex,
  simulator: (options) => new BitmexSimulator(options),
}
