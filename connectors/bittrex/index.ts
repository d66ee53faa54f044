import type { Venue } from '../../src/connector.js'
import { bittrex } from './connector.js'

export { type BittrexOptions, bittrex } from './connector.js'

/** Bittrex in the registry. */
export const bittrexVenue: Venue = {
  id: 'bittrex',
  aliases: [],
  connector: bittrex,
}
