import type { SimulatorOptions, VenueSimulator } from '../../src/simulator/venue-simulator.js'
import { BitfinexClient } from './client.js'
import { restAnswers } from './rest.js'
import { BitfinexVenue } from './venue.js'

/** A venue that speaks the public WebSocket v2 and REST v2 of Bitfinex, on any path, over a seeded market. */
export function bitfinexSimulator(options: SimulatorOptions = {}): VenueSimulator {
  const venue = new BitfinexVenue(options)
  const { exchange } = venue
  return exchange.simulator('bitfinex', {
    connect: (peer) => new BitfinexClient(venue, peer),
    http: restAnswers(venue),
    commit(name, at) {
      const clients = [...exchange.clients]
      if (name === 'maintenance') {
        const lasts = exchange.faults.until(name) - at
        for (const client of clients) if (client instanceof BitfinexClient) client.maintained(lasts)
        return true
      }
      // Everybody is asked to connect again.
      return name === 'reconnect-notice' ? clients.map((client) => client.commit(name)).includes(true) : null
    },
  })
}
