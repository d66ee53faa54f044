import { describe, expect, it } from 'vitest'
import { canonicalDecimal } from '../../../src/decode/index.js'
import { type LoggedMessage, readMessages, recordingsAtHand } from './recordings.js'
import { Talk } from './talk.js'

/** A session that has seen nothing but the acks given. */
function fed(...frames: string[]): Talk {
  const talk = new Talk({}, { adopt: true })
  for (const frame of frames) talk.say(frame)
  return talk
}

function ack(channel: string, chanId: string | number, fields: object = { symbol: 'tBTCUSD' }): string {
  return JSON.stringify({ event: 'subscribed', channel, chanId, ...fields })
}

function chanIdOf({ data }: LoggedMessage): string {
  return /^\s*\[\s*(\d+)/.exec(data)?.[1] ?? ''
}

const load = (name: string) => (recordingsAtHand ? readMessages(name) : [])

describe.skipIf(!recordingsAtHand)('single messages from the tests of other projects', () => {
  describe('barter-rs', () => {
    const messages = load('messages-barter')

    it.each(messages.filter(({ kind }) => kind === 'message'))('$data', (message) => {
      const talk = fed(ack('trades', chanIdOf(message)), message.data)
      expect(talk.of('malformed')).toEqual([])
      const expected = message.expect?.trades ?? []
      if (message.data.includes('"hb"')) expect(talk.of('trade')).toEqual([])
      else if (expected.length === 0) expect(talk.of('trade')).toHaveLength(1)
      else {
        // Its ids are the channel's number.
        expect(talk.of('trade')).toMatchObject(
          expected.map(({ side, price, amount, ts_ms = 0 }) => ({
            id: '1225484398',
            side,
            price,
            amount,
            exchangeTime: ts_ms * 1000,
          })),
        )
      }
    })

    it('events', () => {
      const talk = fed(...messages.filter(({ kind }) => kind === 'event').map(({ data }) => data))
      expect(talk.of('malformed')).toEqual([])
      expect(talk.of('connection').map(({ state, reason }) => [state, reason])).toEqual([
        ['maintenance', 'the platform is in maintenance'],
        ['refused', '10202 Already subscribed'],
      ])
    })
  })

  describe('gocryptotrader', () => {
    const messages = load('messages-gocryptotrader')
    const of = (kind: string) => messages.filter((message) => message.kind === kind)

    it('an ack with an id of the client', () => {
      const [message] = of('TestWSSubscribedResponse')
      const talk = fed(message?.data ?? '', '[224555,[1,1,2,1,0,0,3,4,5,6]]')
      expect(talk.of('ticker')).toMatchObject([{ symbol: 'BTC/USD', last: '3' }])
    })

    it('a book of 200 single orders', () => {
      const [message] = of('TestWSOrderBook')
      const talk = fed(
        ack('book', 23_405, { symbol: 'tBTCUSD', prec: 'R0', len: '100' }),
        message?.data ?? '',
      )
      const [snapshot] = talk.of('order_snapshot')
      expect(snapshot?.bids).toHaveLength(100)
      expect(snapshot?.asks).toHaveLength(100)
      expect(snapshot).toMatchObject({ sequence: '5', depth: 100 })
      expect(snapshot?.bids.at(5)).toEqual(['38334307036', '9342.938663676', '0.8'])
      const { bid, ask } = talk.book('tBTCUSD', 'order').best()
      expect([bid, ask]).toEqual([
        ['9348.8', '6.51979404'],
        ['9350.1', '1.015'],
      ])
    })

    it.each([...of('TestWSOrderBook').slice(1), ...messages.filter(({ kind }) => /TestWSTicker/.test(kind))])(
      '$kind $data',
      (message) => {
        const talk = fed(ack('ticker', chanIdOf(message)), message.data)
        const row = (JSON.parse(message.data) as [number, number[]])[1]
        expect(talk.of('malformed')).toEqual([])
        expect(talk.of('ticker')).toMatchObject([
          {
            bidPrice: String(row[0]),
            askPrice: String(row[2]),
            last: String(row[6]),
            high: String(row[8]),
            low: String(row[9]),
          },
        ])
      },
    )

    it.each(messages.filter(({ kind }) => /TestWSFundingTicker/.test(kind)))('$kind $data', (message) => {
      const talk = fed(ack('ticker', chanIdOf(message), { symbol: 'fUSD' }), message.data)
      expect(talk.of('ticker')).toMatchObject([
        { bidPrice: '2.2', askPrice: '5.5', last: '10.1', high: '12.12', low: '13.13', open: '1.3' },
      ])
    })

    it('candles, a history of one and an older bar', () => {
      const frames = of('TestWSCandleResponse').map(({ data }) => data)
      const talk = fed(ack('candles', 343_351, { key: 'trade:1m:tBTCUSD' }), ...frames)
      expect(talk.of('candle').map(({ openTime, close, closed }) => [openTime, close, closed])).toEqual([
        [1_574_698_260_000_000, '7383.8', false],
        [1_574_698_200_000_000, '7379.7', true],
      ])
    })

    it.each(of('trades'))('trades $data', (message) => {
      const talk = fed(ack('trades', 18_788), message.data)
      expect(talk.of('malformed')).toEqual([])
      expect(talk.of('trade')).toMatchObject(
        (message.expect?.trades ?? []).map(({ id, side, price, amount, time = '' }) => ({
          id,
          side,
          price: canonicalDecimal(price),
          amount: canonicalDecimal(amount),
          exchangeTime: Date.parse(time) * 1000,
        })),
      )
    })
  })

  describe('Bitfinex.Net', () => {
    const messages = load('messages-jkorf')
    const replies = messages.filter(({ kind }) => kind.endsWith(':reply'))

    /** What each pair of reply and data comes to. */
    const EVENTS: Record<string, object> = {
      DerivStatus: {
        type: 'derivative',
        symbol: 'BTC/USDT:USDT',
        markPrice: '0.7664',
        indexPrice: '0.771995',
        openInterest: '246502.09001551',
        fundingRate: '-0.01381344',
        predictedFundingRate: null,
      },
      Klines: { type: 'candle', channel: 'candle:1h', symbol: 'ETH/USDT', close: '7383.8', high: '7388.3' },
      Liquidations: {
        type: 'liquidation',
        instrument: 'tBSVUSD',
        amount: '2.62932',
        side: 'buy',
        price: '112.27',
      },
      OrderBook: { type: 'book_snapshot', channel: 'book:P2', bids: [['7254.7', '3.3']], depth: 25 },
      OrderBookFunding: {
        type: 'book_snapshot',
        instrument: 'fUSD',
        bids: [['0.00023112', '15190.7005375']],
      },
      OrderBookRaw: { type: 'order_snapshot', bids: [['34753002978', '7294.7', '1.54340371']] },
      OrderBookRawFunding: { type: 'order_snapshot', bids: [['658282397', '0.000233', '530']] },
      Ticker: { type: 'ticker', last: '7617.1', open: '8167.9', bidPrice: '7616.5', volume: '8314.71200815' },
      TickerFunding: { type: 'ticker', instrument: 'fUSD', last: '0.00019016', low: '0.00000068' },
      Trades: { type: 'trade', id: '401597393', side: 'buy', price: '7244.9', historical: true },
    }

    it.each(replies)('$kind', ({ kind, data }) => {
      const name = kind.replace(':reply', '')
      const message = messages.find((candidate) => candidate.kind === name)
      expect(fed(data, message?.data ?? '').harness.events).toMatchObject([EVENTS[name]])
    })
  })
})
