import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { bitfinex } from '../../connectors/bitfinex/index.js'
import { blockchain } from '../../connectors/blockchain/index.js'
import { openFeed } from '../../src/feed/feed.js'
import { parseOptions } from '../../src/options.js'

/** What a caller without types may write. */
const venue = bitfinex as (options: unknown) => unknown
const feed = (options: unknown) => openFeed([blockchain({ symbols: ['BTC/USD'] })], options as never)

describe('an option that does not fit is answered with what it takes and what was given', () => {
  test.each<[unknown, string]>([
    [{ symbols: 'BTC/USD' }, 'option symbols must be a list such as [\'BTC/USD\'] (got "BTC/USD")'],
    [{ symbols: [''] }, 'option symbols.0 must not be empty (got "")'],
    [{ channels: 'book' }, "option channels must be a list such as ['trade', 'book'] (got \"book\")"],
    [{ url: 'localhost:9301' }, 'option url must be a ws:// or wss:// URL (got "localhost:9301")'],
    [{ symbol: ['BTC/USD'] }, 'there is no option symbol; did you mean symbols?'],
    [{ wss: 1 }, 'there is no option wss; there are symbols, channels, url'],
    ['BTC/USD', 'the options must be an object (got "BTC/USD")'],
    [null, 'the options must be an object (got null)'],
  ])('bitfinex(%j)', (options, sentence) => {
    const refusal = expect.objectContaining({
      code: 'bad_option',
      message: expect.stringContaining(`bitfinex: ${sentence}`),
    })
    expect(() => venue(options)).toThrow(refusal)
  })

  test.each<[unknown, string]>([
    [
      { queue: { policy: 'pasue' } },
      "option queue.policy must be 'pause', 'drop-oldest' or 'error'; did you mean 'pause'?",
    ],
    [{ queue: { policy: 'x' } }, "option queue.policy must be 'pause', 'drop-oldest' or 'error' (got"],
    [{ queue: { limits: 5 } }, 'there is no option queue.limits; did you mean limit?'],
    [{ queue: { limit: 1.5 } }, 'option queue.limit must be a whole number (got 1.5)'],
    [{ connectTimeoutMs: 0 }, 'option connectTimeoutMs must be above 0 (got 0)'],
    [{ connectTimeoutMs: Number.NaN }, 'option connectTimeoutMs must be a number (got NaN)'],
    [{ connectTimeoutMs: '5s' }, 'option connectTimeoutMs must be a number (got "5s")'],
    [{ connectTimeoutMs: 5n }, 'option connectTimeoutMs must be a number (got 5)'],
    [{ connectTimeoutMs: () => 5 }, 'option connectTimeoutMs must be a number (got a function)'],
    [{ lines: [{}, {}, {}] }, 'option lines must have at most 2 items'],
    [{ signal: new AbortController() }, 'option signal must be an AbortSignal (got an AbortController)'],
  ])('openFeed(…, %o)', (options, sentence) => {
    expect(() => feed(options)).toThrow(sentence)
  })

  test('where one of several forms is meant', () => {
    const schema = z.strictObject({ at: z.union([z.string(), z.strictObject({ port: z.number() })]) })
    const parse = (at: unknown) => () => parseOptions('x', schema, { at })
    expect(parse(5)).toThrow('x: option at must be a text or an object (got 5)')
    expect(parse({ port: '1' })).toThrow(
      'option at is wrong at port, which must be a number (got {"port":"1"})',
    )
  })

  test('which may refer to itself', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    expect(() => feed({ connectTimeoutMs: circle })).toThrow(
      'option connectTimeoutMs must be a number (got {',
    )
  })
})
