import type { Venue } from '../../src/venue/index.js'
import { bitflyer } from './connector.js'

export { bitflyer } from './connector.js'

/** bitFlyer Lightning in the registry. */
export const bitflyerVenue: Venue = { id: 'bitflyer', aliases: ['lightning'], connector: bitflyer }
