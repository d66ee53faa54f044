import type { Venue } from '../../src/connector.js'
import { blockchain } from './connector.js'

export { type BlockchainOptions, blockchain } from './connector.js'

export const blockchainVenue: Venue = {
  id: 'blockchain',
  aliases: ['blockchain.com', 'blockchaincom'],
  connector: blockchain,
}
