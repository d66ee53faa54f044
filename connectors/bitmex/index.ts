import type { Venue } from '../../src/connector.js'
import { bitmex } from './connector.js'

export { type BitmexOptions, bitmex } from './connector.js'

/** BitMEX in the registry. */
export const bitmexVenue: Venue = {
  id: 'bitmex',
  aliases: [],
  connector: bitmex,
}
