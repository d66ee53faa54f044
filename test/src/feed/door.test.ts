import { expect, test } from 'vitest'
import { blockchain } from '../../../connectors/blockchain/index.js'
import { openFeed } from '../../../src/feed/feed.js'
import { virtualPlatform } from '../../../src/simulator/index.js'

/** What a caller without types may write. */
const anyFeed = openFeed as (...given: unknown[]) => ReturnType<typeof openFeed>

function quietFeed() {
  const connector = blockchain({ symbols: ['BTC/USD'], url: 'ws://venue.test' })
  return openFeed([connector], { platform: virtualPlatform() })
}

test('a connector that is given without a list is answered with what to write', () => {
  expect(() => anyFeed(blockchain({ symbols: ['BTC/USD'] }))).toThrow(
    "openFeed takes a list of connectors: write openFeed([bitfinex({ symbols: ['BTC/USD'] })])",
  )
  expect(() => anyFeed([blockchain])).toThrow('item 0 of openFeed')
  expect(() => anyFeed()).toThrow('openFeed takes a list of connectors')
})

test('a listener for an event that does not exist is answered with the nearest name', async () => {
  const feed = quietFeed()
  const on = feed.on.bind(feed) as (type: string, listener: unknown) => unknown
  expect(() => on('trades', () => {})).toThrow(
    "there is no event trades; did you mean trade? 'event' stands for all",
  )
  expect(() => on('trade', undefined)).toThrow("feed.on('trade', …) needs a function")
  await feed.close()
})

test('a closed feed refuses further streams and says what to do', async () => {
  const feed = quietFeed()
  await feed.close()
  const refusal = expect.objectContaining({
    code: 'feed_closed',
    message: expect.stringContaining('openFeed'),
  })
  expect(() => feed.subscribe('blockchain', ['ETH/USD'], ['trade'])).toThrow(refusal)
  expect(() => feed.unsubscribe('blockchain', ['BTC/USD'], ['trade'])).toThrow(refusal)
  expect(() => feed.on('trade', () => {})).toThrow(refusal)
})

test.each<[string, unknown[], string]>([
  ['an object', [{ venue: 'blockchain', symbols: ['ETH/USD'] }], 'venue: got {"venue":"blockchain"'],
  ['a venue alone', ['blockchain'], 'symbols: got undefined'],
  ['a symbol without a list', ['blockchain', 'ETH/USD', ['trade']], 'symbols: got "ETH/USD"'],
  ['a channel without a list', ['blockchain', ['ETH/USD'], 'trade'], 'channels: got "trade"'],
])('subscribe and unsubscribe with %s say what to write', async (_, given, message) => {
  const feed = quietFeed()
  for (const call of ['subscribe', 'unsubscribe'] as const) {
    const refusal = expect.objectContaining({
      code: 'bad_option',
      message: expect.stringContaining(`write feed.${call}('bitfinex', ['BTC/USD'], ['trade']) (${message}`),
    })
    expect(() => (feed[call] as (...given: unknown[]) => void).apply(feed, given)).toThrow(refusal)
  }
  await feed.close()
})
