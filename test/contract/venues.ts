import { bitfinexVenue } from '../../connectors/bitfinex/index.js'
import { bitflyerVenue } from '../../connectors/bitflyer/index.js'
import { bitmexVenue } from '../../connectors/bitmex/index.js'
import { bitstampVenue } from '../../connectors/bitstamp/index.js'
import { bittrexVenue } from '../../connectors/bittrex/index.js'
import { blockchainVenue } from '../../connectors/blockchain/index.js'
import { cexVenue } from '../../connectors/cex/index.js'
import { huobiVenue } from '../../connectors/huobi/index.js'
import type { Channel, ConnectorOptions, Venue } from '../../src/connector.js'

/** A card that a venue does not play, and why. */
export interface Skip {
  readonly skip: string
}

/** What the contract suite must know of a venue to run it. */
export interface VenueProfile {
  readonly venue: Venue
  /** Two markets of its simulator. */
  readonly symbols: readonly [string, string]
  readonly book: Channel
  readonly trade: Channel
  readonly options?: Partial<ConnectorOptions>
  /** The paths of its lists of instruments. */
  readonly listing: RegExp
  /** A symbol that the connector can name by rule and the venue refuses. */
  readonly refused: string | Skip
  /** Whether the client's frames show that a heartbeat was answered; `haste` makes the simulator's come sooner. */
  readonly heartbeat:
    | { readonly haste: number; readonly answered: (frames: readonly string[]) => boolean }
    | Skip
}

export const profiles: readonly VenueProfile[] = [
  {
    venue: bitfinexVenue,
    listing: /conf\//,
    // Only PEPE has amounts of twenty digits: the venue's own numbers are binary floats, which cannot hold them.
    symbols: ['PEPE/USD', 'BTC/USD'],
    book: 'book',
    trade: 'trade',
    refused: 'tNOPUSD',
    heartbeat: { skip: 'the venue beats on its own and expects no answer' },
  },
  {
    venue: bitmexVenue,
    listing: /\/instrument/,
    symbols: ['XBTUSD', 'XBTUSDT'],
    book: 'book',
    trade: 'trade',
    refused: 'NOPUSD',
    heartbeat: { skip: 'the venue asks for no answer; the client pings a silent connection' },
  },
  {
    venue: huobiVenue,
    listing: /symbols|contract_info/,
    symbols: ['BTC/USDT', 'BTC/USDT:USDT'],
    book: 'book',
    trade: 'trade',
    refused: 'nopeusdt',
    heartbeat: { haste: 5, answered: (frames) => frames.some((frame) => /^\{"pong":\d+\}$/.test(frame)) },
  },
  {
    venue: cexVenue,
    listing: /get_pairs_info/,
    symbols: ['BTC/USD', 'ETH/USD'],
    book: 'book',
    trade: 'trade',
    refused: 'NOPE-USD',
    // The venue never asks: it is the client that must speak every ten seconds.
    heartbeat: {
      haste: 1,
      answered: (frames) => frames.filter((frame) => frame === '{"e":"ping"}').length > 1,
    },
  },
  {
    venue: bittrexVenue,
    listing: /\/v3\/markets$/,
    symbols: ['BTC/USD', 'BTC/USDT'],
    book: 'book',
    trade: 'trade',
    refused: 'NOPE-USD',
    heartbeat: { skip: 'the venue beats on its own and expects no answer' },
  },
  {
    venue: blockchainVenue,
    listing: /\/symbols/,
    symbols: ['BTC/USD', 'ETH/USD'],
    book: 'book',
    trade: 'trade',
    refused: 'NOPE-USD',
    heartbeat: {
      skip: 'the venue beats on its own; the ping frames of the protocol are answered by the socket',
    },
  },
  {
    venue: bitflyerVenue,
    listing: /\/getmarkets/,
    symbols: ['BTC/JPY', 'BTC/JPY:JPY'],
    book: 'book',
    trade: 'trade',
    refused: 'NOPE_JPY',
    heartbeat: { skip: 'the protocol has none; the client pings a silent connection' },
  },
  {
    venue: bitstampVenue,
    listing: /\/markets\//,
    symbols: ['BTC/USD', 'BTC/USD:USD'],
    book: 'book',
    trade: 'trade',
    // The venue grants it, and has no book of it.
    refused: 'nopeusd',
    heartbeat: { skip: 'the client asks a silent connection, and its answer is none to answer' },
  },
]
