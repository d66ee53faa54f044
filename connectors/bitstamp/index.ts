import type { Venue } from '../../src/connector.js'
import { bitstamp } from './connector.js'

export { type BitstampOptions, bitstamp } from './connector.js'

/** Bitstamp in the registry. */
export const bitstampVenue: Venue = {
  id: 'bitstamp',
  aliases: ['bitstamp.net', 'bitstampnet'],
  connector: bitstamp,
}
