import type { Venue } from '../../src/venue/index.js'
import { bitflyer } from './connector.js'

export { bitflyer } from './connector.js'

export const bitflyerVenue: Venue = { id: 'bitflyer', aliases: ['lightning'], connector: bitflyer }
