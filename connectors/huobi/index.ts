import type { Venue } from '../../src/connector.js'
import { huobi } from './connector.js'
import { huobiSimulator } from './simulator.js'

export { type HuobiOptions, huobi } from './connector.js'
export { huobiSimulator } from './simulator.js'

/** Huobi, called HTX since September 2023, for the registry of venues. */
export const huobiVenue: Venue = {
  id: 'huobi',
  aliases: ['htx'],
  connector: huobi,
  simulator: huobiSimulator,
}
