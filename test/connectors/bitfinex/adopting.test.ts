import { describe, expect, it } from 'vitest'
import type { BitfinexOptions } from '../../../connectors/bitfinex/index.js'
import { Talk } from './talk.js'

/** A log that is fed to a session. */
function log(options: BitfinexOptions = {}): Talk {
  return new Talk(options, { adopt: true })
}

const TRADES = '{"event":"subscribed","channel":"trades","chanId":5,"symbol":"tBTCUSD","pair":"BTCUSD"}'
const BOOK =
  '{"event":"subscribed","channel":"book","chanId":6,"symbol":"tBTCUSD","prec":"P0","freq":"F0","len":"25"}'

describe('a log', () => {
  it('shows its subscriptions by their acks, and nothing is ever sent', () => {
    const talk = log()
      .say(TRADES)
      .say(BOOK)
      .say('[5,"te",[1,1767225600000,1,10]]')
      .say('[6,[[10,1,1],[11,1,-1]]]')
    expect(talk.of('trade')).toMatchObject([{ symbol: 'BTC/USD', sequence: null }])
    expect(talk.of('book_snapshot')).toMatchObject([{ depth: 25, exchangeTime: null }])
    talk
      .say('[6,[9,0,1]]')
      .say('{"event":"info","code":20051,"msg":""}')
      .say('{"event":"info","code":20061,"msg":""}')
    expect(talk.of('gap')).toHaveLength(2)
    expect(talk.harness.sent).toEqual([])
    expect(talk.harness.reconnects).toEqual([])
    expect(talk.harness.resubscribes).toEqual([])
    talk.say('[6,[[10,1,1]]]')
    expect(talk.of('gap').at(-1)).toMatchObject({ state: 'closed', healed: true })
  })

  it.each([
    ['{"event":"subscribed","channel":"trades","chanId":5,"pair":"BTCUSD"}', 'trade', 'BTC/USD'],
    [
      '{"event":"subscribed","channel":"ticker","chanId":5,"symbol":"fUSD","currency":"USD"}',
      'ticker',
      'fUSD',
    ],
    ['{"event":"subscribed","channel":"book","chanId":5,"symbol":"tBTCUSD"}', 'book', 'BTC/USD'],
    [
      '{"event":"subscribed","channel":"book","chanId":5,"symbol":"tBTCUSD","prec":"P2","len":25}',
      'book:P2',
      'BTC/USD',
    ],
    [
      '{"event":"subscribed","channel":"book","chanId":5,"symbol":"tBTCUSD","prec":"R0","len":25}',
      'order',
      'BTC/USD',
    ],
    [
      '{"event":"subscribed","channel":"candles","chanId":5,"key":"trade:1m:tAVAX:USD"}',
      'candle',
      'AVAX/USD',
    ],
    [
      '{"event":"subscribed","channel":"candles","chanId":5,"key":"trade:7D:tBTCUSD"}',
      'candle:1w',
      'BTC/USD',
    ],
    [
      '{"event":"subscribed","channel":"candles","chanId":5,"key":"trade:1m:fUSD:a30:p2:p30"}',
      'candle',
      'fUSD',
    ],
    [
      '{"event":"subscribed","channel":"candles","chanId":5,"key":"trade:14D:fUSD:p30"}',
      'candle:2w:p30',
      'fUSD',
    ],
    [
      '{"event":"subscribed","channel":"status","chanId":5,"key":"deriv:tETHF0:BTCF0"}',
      'derivative',
      'ETH/BTC:BTC',
    ],
  ])('%s is the stream %s of %s', (ack, channel, symbol) => {
    const talk = log().say(ack)
    // A gap of the whole connection names every stream.
    talk.say('{"event":"info","code":20060,"msg":""}')
    expect(talk.of('gap')).toMatchObject([{ channel, symbol }])
  })

  it.each([
    ['{"event":"subscribed","channel":"weather","chanId":5}', 'unknown_message'],
    ['{"event":"subscribed","channel":"book","chanId":5,"symbol":"tBTCUSD","prec":"X9"}', 'unknown_message'],
    ['{"event":"subscribed","channel":"candles","chanId":5,"key":"trade:2m:tBTCUSD"}', 'unknown_message'],
    ['{"event":"subscribed","channel":"status","chanId":5,"key":"moon:full"}', 'unknown_message'],
    ['{"event":"subscribed","channel":"trades","chanId":5,"symbol":"btc"}', 'unknown_message'],
  ])('says that %s is none that it knows', (ack, reason) => {
    expect(log().say(ack).of('malformed')).toMatchObject([{ reason }])
  })

  it('with one book at two lengths has two streams, which do not mix', () => {
    const talk = log().say(BOOK).say(BOOK.replace('6,', '7,').replace('"25"', '"100"'))
    talk.say('[6,[[10,1,1]]]').say('[7,[[10,1,1],[9,1,1]]]').say('[7,[9,0,1]]')
    expect(talk.of('book_snapshot').map(({ channel, depth }) => [channel, depth])).toEqual([
      ['book', 25],
      ['book:P0:F0:100', 100],
    ])
    expect(talk.of('gap')).toEqual([])
  })

  it('follows an unsubscribe and a new subscribe', () => {
    const talk = log()
      .say(BOOK)
      .say('[6,[[10,1,1]]]')
      .say('{"event":"unsubscribed","status":"OK","chanId":6}')
    talk.say(BOOK.replace('6,', '9,')).say('[9,[[20,1,1]]]').say('[9,[20,0,1]]')
    expect(talk.of('book_snapshot')).toHaveLength(2)
    expect(talk.of('gap')).toEqual([])
    expect(talk.book('tBTCUSD').count('bids')).toBe(0)
  })

  it('shows every liquidation that it holds, of whatever instrument', () => {
    const talk = log().say('{"event":"subscribed","channel":"status","chanId":5,"key":"liq:global"}')
    talk.say(
      '[5,[["pos",1,1574697680828,null,"tBSVUSD",-2,91,null,1,1,null,112],["pos",2,1,null,"odd",1,1,null,1]]]',
    )
    expect(talk.of('liquidation')).toMatchObject([{ instrument: 'tBSVUSD', channel: 'liquidation' }])
  })

  it('without a clock has events without one', () => {
    const talk = log()
    talk.harness.session.frame(TRADES, null)
    talk.harness.session.frame('[5,"te",[1,1767225600000,1,10]]', null)
    talk.harness.session.frame('[77,[1,2,3]]', null)
    talk.harness.session.closed({ code: null, reason: '' }, null)
    expect(talk.of('trade')).toMatchObject([{ receiveTime: null }])
    expect(talk.of('malformed')).toMatchObject([{ reason: 'unknown_message', receiveTime: null }])
  })

  it('with refusals tells them', () => {
    const talk = log().say('{"event":"error","msg":"Already subscribed","code":10202}')
    expect(talk.of('connection')).toMatchObject([{ state: 'refused', reason: '10202 Already subscribed' }])
  })
})

describe('the flags of a log', () => {
  const conf = (flags: number) => `{"event":"conf","status":"OK","flags":${flags}}`

  it.each([
    ['numbers alone', conf(65_536), '[5,"te",[1,1767225600000,1,10],1]', '1'],
    ['times alone', conf(32_768), '[5,"te",[1,1767225600000,1,10],1767225600123]', null],
    ['both', conf(98_304), '[5,"te",[1,1767225600000,1,10],1,1767225600123]', '1'],
    ['neither', conf(0), '[5,"te",[1,1767225600000,1,10]]', null],
    ['more than conf said', conf(131_072), '[5,"te",[1,1767225600000,1,10],1,1767225600123]', '1'],
    ['no conf, a number', TRADES, '[5,"te",[1,1767225600000,1,10],1]', '1'],
    ['no conf, a time', TRADES, '[5,"te",[1,1767225600000,1,10],1767225600123]', null],
  ])('(%s) tell what stands at the end of a frame', (_, first, frame, sequence) => {
    const talk = log().say(first).say(TRADES).say(frame)
    expect(talk.of('trade')).toMatchObject([{ sequence }])
    expect(talk.of('malformed')).toEqual([])
  })

  it('date books', () => {
    const talk = log().say(conf(32_768)).say(BOOK).say('[6,[[10,1,1]],1767225600123]')
    expect(talk.of('book_snapshot')).toMatchObject([{ exchangeTime: 1_767_225_600_123_000, sequence: null }])
  })

  it('are learned from what the recorder sent where the answer was not written down', () => {
    const talk = log()
    talk.harness.session.sent('{"event":"conf","flags":65536}', talk.now)
    talk.harness.session.sent('{"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}', talk.now)
    talk.say(TRADES).say('[5,"hb"]')
    expect(talk.of('malformed')).toMatchObject([{ reason: 'schema_mismatch', path: '2' }])
  })

  it('may begin anywhere, but a number that is missing later is a gap, and the session only waits', () => {
    const talk = log().say(conf(65_536)).say(BOOK).say('[6,[[10,1,1]],900]').say('[6,[10,1,2],901]')
    expect(talk.of('gap')).toEqual([])
    talk.say('[6,[10,1,3],903]').say('[6,[10,1,4],904]')
    expect(talk.of('gap')).toMatchObject([
      { reason: 'sequence', state: 'open', detail: 'expected sequence 902, got 903' },
    ])
    expect(talk.of('book_update')).toHaveLength(1)
    expect(talk.harness.reconnects).toEqual([])
  })

  it('tell bulk updates from snapshots', () => {
    const talk = log().say(conf(536_870_912)).say(BOOK).say('[6,[[10,1,1],[11,1,-1]]]')
    talk.say('[6,[[10,1,5],[12,1,-2]]]').say('[6,[]]')
    expect(talk.of('book_snapshot')).toHaveLength(1)
    expect(talk.of('book_update')).toMatchObject([{ bids: [['10', '5']], asks: [['12', '2']] }])
  })

  it('that were refused promise nothing', () => {
    const talk = log().say('{"event":"conf","status":"FAILED","flags":65536}').say(TRADES)
    talk.say('[5,"te",[1,1767225600000,1,10]]')
    expect(talk.of('trade')).toHaveLength(1)
  })
})
