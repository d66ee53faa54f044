import type { Venue } from '../../src/connector.js'
import { bitfinex } from './connector.js'

export { bitfinex } from './connector.js'
export type { BitfinexOptions } from './options.js'

/** Bitfinex, before there are options. */
export const bitfinexVenue: Venue = {
  id: 'bitfinex',
  aliases: ['bfx'],
  connector: (options) => bitfinex(options),
}
