import type { Venue } from '../../src/connector.js'
import { huobi } from './connector.js'

export { type HuobiOptions, huobi } from './connector.js'

/** Huobi, called HTX since September 2023, for the registry of venues. */
export const huobiVenue: Venue = {
  id: 'huobi',
  aliases: ['htx'],
  connector: huobi,
}
