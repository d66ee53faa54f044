import { describe, expect, test } from 'vitest'
import { bittrex } from '../../../connectors/bittrex/index.js'
import { blockchain } from '../../../connectors/blockchain/index.js'
import type { Connector } from '../../../src/connector.js'
import { type FeedOptions, openFeed } from '../../../src/feed/feed.js'

describe('lines that cannot be are refused at the door', () => {
  const cases: readonly (readonly [string, () => Connector, FeedOptions, RegExp])[] = [
    [
      'an address that is none',
      () => blockchain(),
      { lines: [{}, { localAddress: 'here' }] },
      /localAddress.*IP address/,
    ],
    [
      'a URL of no socket',
      () => blockchain(),
      { lines: [{ urls: { blockchain: 'http://x' } }] },
      /lines\.0\.urls\.blockchain.*ws:\/\//,
    ],
    [
      'a URL where the venue itself names it',
      () => bittrex({ url: `ws://127.0.0.1:9000`, symbols: ['BTC/USD'] }),
      { lines: [{ urls: { bittrex: 'wss://x' } }] },
      /lines\.urls\.bittrex.*venue itself/,
    ],
    ['three of them', () => blockchain(), { lines: [{}, {}, {}] }, /lines/],
  ]
  test.each(cases)('%s', (_what, connector, options, message) => {
    const refused = expect.objectContaining({ code: 'bad_option', message: expect.stringMatching(message) })
    expect(() => openFeed([connector()], options)).toThrow(refused)
  })
})
