import type { Venue } from '../../src/connector.js'
import { blockchain } from './connector.js'
import { simulateBlockchain } from './simulator.js'

export { type BlockchainOptions, blockchain } from './connector.js'
export { simulateBlockchain } from './simulator.js'

export const blockchainVenue: Venue = {
  id: 'blockchain',
  aliases: ['blockchain.com', 'blockchaincom'],
  connector: blockchain,
  simulator: simulateBlockchain,
}
