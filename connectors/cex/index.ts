import type { Venue } from '../../src/connector.js'
import { cex } from './connector.js'

export { type CexOptions, cex } from './connector.js'
export type { Credentials } from './credentials.js'
export type { Generation } from './endpoints.js'

export const cexVenue: Venue = {
  id: 'cex',
  aliases: ['cexio', 'cex.io'],
  connector: cex,
}
