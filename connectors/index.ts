import type { Venue } from '../src/connector.js'
import { bitfinexVenue } from './bitfinex/index.js'
import { bitflyerVenue } from './bitflyer/index.js'
import { bitmexVenue } from './bitmex/index.js'
import { bitstampVenue } from './bitstamp/index.js'
import { bittrexVenue } from './bittrex/index.js'
import { blockchainVenue } from './blockchain/index.js'
import { cexVenue } from './cex/index.js'
import { huobiVenue } from './huobi/index.js'

export { type BitfinexOptions, bitfinex } from './bitfinex/index.js'
export { bitflyer } from './bitflyer/index.js'
export { type BitmexOptions, bitmex } from './bitmex/index.js'
export { type BitstampOptions, bitstamp } from './bitstamp/index.js'
export { type BittrexOptions, bittrex } from './bittrex/index.js'
export { type BlockchainOptions, blockchain } from './blockchain/index.js'
export { type CexOptions, type Credentials, cex, type Generation } from './cex/index.js'
export { type HuobiOptions, huobi } from './huobi/index.js'

/** Every venue that tapewire speaks to. */
export const venues: readonly Venue[] = [
  bitfinexVenue,
  bitmexVenue,
  huobiVenue,
  cexVenue,
  bittrexVenue,
  blockchainVenue,
  bitflyerVenue,
  bitstampVenue,
]

/** The venue of a name or alias, whatever its case. */
export function findVenue(name: string): Venue | undefined {
  const wanted = name.toLowerCase()
  return venues.find(({ id, aliases }) => id === wanted || aliases.includes(wanted))
}
