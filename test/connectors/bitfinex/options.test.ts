import { describe, expect, it } from 'vitest'
import { bitfinex, bitfinexVenue } from '../../../connectors/bitfinex/index.js'
import type { Channel } from '../../../src/connector.js'
import { Talk } from './talk.js'

/** Options as a caller without types may write them. */
function wrong(options: object): () => unknown {
  return () => bitfinexVenue.connector(options)
}

describe('options', () => {
  it('name field and value where they do not fit', () => {
    expect(wrong({ bookLength: 50 })).toThrow(
      'bitfinex: option bookLength must be 1, 25, 100 or 250 (got 50)',
    )
    expect(wrong({ bookFrequency: 'F2' })).toThrow(
      'bitfinex: option bookFrequency must be F0 or F1 (got "F2")',
    )
    expect(wrong({ fundingCandles: '30' })).toThrow('bitfinex: option fundingCandles must be a period')
    expect(wrong({ url: 'https://x' })).toThrow('must be a ws:// or wss:// URL')
    expect(wrong({ depth: 25 })).toThrow('bitfinex: there is no option depth')
  })

  it('name what channels there are', () => {
    expect(() => bitfinex({ channels: ['book:P9'] })).toThrow('bitfinex has no channel book:P9; it has trade')
    expect(() => bitfinex({ channels: ['quote'] })).toThrow('bitfinex has no channel quote')
  })

  it('write the default variant in its short form', () => {
    const channels: Channel[] = ['book:P0', 'book:P3', 'candle:1m', 'candle:1d', 'order']
    expect(bitfinex({ channels }).requested).toEqual(['book', 'book:P3', 'candle', 'candle:1d', 'order'])
    expect(bitfinex().requested).toEqual(['trade', 'book'])
  })

  it('put a gateway in the place of the venue, its REST beside it', () => {
    expect(bitfinex().endpoints).toMatchObject([
      { url: 'wss://api-pub.bitfinex.com/ws/2', rest: 'https://api-pub.bitfinex.com' },
    ])
    expect(bitfinex({ url: 'ws://127.0.0.1:9001' }).endpoints).toMatchObject([
      { url: 'ws://127.0.0.1:9001', rest: 'http://127.0.0.1:9001' },
    ])
    const headers = { 'x-key': '1' }
    expect(bitfinex({ url: 'wss://gate/ws', restUrl: 'https://rest/', headers }).endpoints).toMatchObject([
      { url: 'wss://gate/ws', rest: 'https://rest', headers },
    ])
  })

  it('shape the books that are asked for', () => {
    const talk = new Talk({ bookLength: 25, bookFrequency: 'F1' }).greet().subscribe('tBTCUSD', 'book:P2')
    expect(talk.sent().at(-1)).toMatchObject({ channel: 'book', prec: 'P2', freq: 'F1', len: '25' })
  })

  it('shape the candles of loans', () => {
    const talk = new Talk({ fundingCandles: 'p30' }).greet().subscribe('fUSD', 'candle:1h')
    expect(talk.sent().at(-1)).toMatchObject({ channel: 'candles', key: 'trade:1h:fUSD:p30' })
  })
})

describe('recordings', () => {
  const { recognises } = bitfinex()

  it.each([
    'wss://api-pub.bitfinex.com/ws/2',
    'wss://api.bitfinex.com/ws/2',
    'wss://api.bitfinex.com/ws/2/',
    'wss://api2.bitfinex.com:3000/ws/2',
    'wss://api.staging.bitfinex.com/ws/2?x=1',
  ])('of %s are known by their URL', (url) => {
    expect(url).toMatch(recognises)
  })

  it.each([
    'wss://api.bitfinex.com/ws/1',
    'wss://api.bitfinex.com/ws',
    'wss://bitfinex.com.example/ws/2',
    'wss://ws.bitmex.com/realtime',
  ])('of %s are not taken for this venue', (url) => {
    expect(url).not.toMatch(recognises)
  })
})
