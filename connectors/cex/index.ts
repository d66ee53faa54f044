import type { Venue } from '../../src/connector.js'
import { cex } from './connector.js'
import { simulateCex } from './simulator.js'

export { type CexOptions, cex } from './connector.js'
export type { Generation } from './endpoints.js'
export { type CexSimulatorOptions, simulateCex } from './simulator.js'

export const cexVenue: Venue = {
  id: 'cex',
  aliases: ['cexio', 'cex.io'],
  connector: cex,
  simulator: simulateCex,
}
