import { describe, expect, it } from 'vitest'
import { type HuobiOptions, huobi, huobiVenue } from '../../../connectors/huobi/index.js'
import { simulate } from '../../../simulators/index.js'
import type { Channel, Connector } from '../../../src/connector.js'

function urlOf(connector: Connector, symbol: string, channel: Channel): string {
  const instrument = connector.guess(symbol)
  if (instrument === null) throw new Error(symbol)
  return connector.route({ instrument, channel }).url
}

const ROUTES: [string, Channel, string][] = [
  ['BTC/USDT', 'trade', 'wss://api.huobi.pro/ws'],
  ['BTC/USDT', 'book', 'wss://api.huobi.pro/feed'],
  ['BTC/USDT', 'book:5', 'wss://api.huobi.pro/feed'],
  ['BTC/USDT', 'book:refresh5', 'wss://api.huobi.pro/feed'],
  ['BTC/USDT', 'book:step0', 'wss://api.huobi.pro/ws'],
  ['BTC/USDT', 'ticker:tickers', 'wss://api.huobi.pro/ws'],
  ['BTC/USD:BTC-241227', 'book', 'wss://api.hbdm.com/ws'],
  ['BTC/USD:BTC-241227', 'liquidation', 'wss://api.hbdm.com/notification'],
  ['BTC/USD:BTC', 'candle:1h', 'wss://api.hbdm.com/swap-ws'],
  ['BTC/USD:BTC', 'derivative:funding', 'wss://api.hbdm.com/swap-notification'],
  ['BTC/USDT:USDT', 'quote', 'wss://api.hbdm.com/linear-swap-ws'],
  ['BTC/USDT:USDT', 'derivative', 'wss://api.hbdm.com/ws_index'],
  ['BTC/USDT:USDT', 'instrument', 'wss://api.hbdm.com/linear-swap-notification'],
]

describe('the sockets', () => {
  it.each(ROUTES)('%s %s goes to %s', (symbol, channel, url) => {
    expect(urlOf(huobi(), symbol, channel)).toBe(url)
  })

  it('every routed socket is one of the declared ones', () => {
    const connector = huobi()
    for (const [symbol, channel, url] of ROUTES) {
      expect(connector.endpoints.map((endpoint) => endpoint.url)).toContain(url)
      expect(
        connector.endpoints.find((endpoint) => endpoint.url === urlOf(connector, symbol, channel)),
      ).toBeDefined()
    }
  })

  it('have a name each', () => {
    const names = huobi().endpoints.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('older hosts are options', () => {
    const connector = huobi({
      spotHost: 'api-aws.huobi.pro',
      derivativesHost: 'api.hbdm.vn',
      refreshOn: 'ws',
    })
    expect(urlOf(connector, 'BTC/USDT', 'book')).toBe('wss://api-aws.huobi.pro/feed')
    expect(urlOf(connector, 'BTC/USDT', 'book:refresh20')).toBe('wss://api-aws.huobi.pro/ws')
    expect(urlOf(connector, 'BTC/USDT:USDT', 'book')).toBe('wss://api.hbdm.vn/linear-swap-ws')
    expect(connector.catalogue.requests(connector.endpoints).map(({ url }) => new URL(url).host)).toEqual([
      'api-aws.huobi.pro',
      'api.hbdm.vn',
      'api.hbdm.vn',
      'api.hbdm.vn',
    ])
  })

  it.each([
    ['ws://127.0.0.1:9003', 'ws://127.0.0.1:9003/linear-swap-ws', 'http://127.0.0.1:9003'],
    ['ws://127.0.0.1:9003/', 'ws://127.0.0.1:9003/linear-swap-ws', 'http://127.0.0.1:9003'],
    ['wss://api.hbdm.vn/linear-swap-ws', 'wss://api.hbdm.vn/linear-swap-ws', 'https://api.hbdm.vn'],
    [
      'wss://gateway.example/htx?key=1',
      'wss://gateway.example/htx/linear-swap-ws?key=1',
      'https://gateway.example',
    ],
    [
      'wss://me:secret@gateway.example/ws',
      'wss://me:secret@gateway.example/linear-swap-ws',
      'https://gateway.example',
    ],
  ])('the url %s is a base for all paths', (url, socket, rest) => {
    const connector = huobi({ url })
    expect(urlOf(connector, 'BTC/USDT:USDT', 'trade')).toBe(socket)
    expect(connector.endpoints.every((endpoint) => endpoint.rest === rest)).toBe(true)
  })

  it('a REST base and headers may be given apart', () => {
    const options: HuobiOptions = {
      url: 'ws://127.0.0.1:1',
      restUrl: 'http://127.0.0.1:2/api/',
      headers: { 'x-key': '1' },
    }
    const { endpoints } = huobi(options)
    expect(endpoints[0]).toEqual({
      name: 'spot',
      url: 'ws://127.0.0.1:1/ws',
      rest: 'http://127.0.0.1:2/api',
      headers: { 'x-key': '1' },
    })
    expect(huobi().endpoints[0]).toEqual({
      name: 'spot',
      url: 'wss://api.huobi.pro/ws',
      rest: 'https://api.huobi.pro',
    })
  })
})

describe('the options', () => {
  it.each([
    [{ spotHost: 'https://api.huobi.pro' }, /spotHost must be a host name/],
    [{ refreshOn: 'both' }, /refreshOn/],
    [{ hosts: 'x' }, /no option hosts/],
    [{ channels: ['book:P0'] }, /no channel book:P0/],
    [{ channels: ['candle:2m'] }, /no channel candle:2m/],
  ])('%j is refused with a sentence that names it', (options, sentence) => {
    expect(() => huobi(options as HuobiOptions)).toThrow(sentence)
  })

  it('a default variant is the bare channel', () => {
    expect(huobi({ channels: ['book:150', 'candle:1m', 'ticker:detail', 'book:step0'] }).requested).toEqual([
      'book',
      'candle',
      'ticker',
      'book:step0',
    ])
  })
})

describe('recordings of others', () => {
  it.each([
    'wss://api.huobi.pro/ws',
    'wss://api.huobi.pro/feed',
    'wss://api-aws.huobi.pro/ws',
    'wss://api.huobipro.com/ws',
    'wss://www.hbdm.com/ws',
    'wss://api.hbdm.com/swap-ws',
    'wss://api.hbdm.com/linear-swap-notification',
    'wss://api.hbdm.vn/ws_index',
    'wss://api.btcgateway.pro/linear-swap-ws',
    'wss://api-cloud.bittrade.co.jp/ws',
    'wss://api-cloud.huobi.co.kr/ws',
    'wss://api-cloud.huobi.co.jp/ws',
    'wss://api.hbdm.com:443/ws',
  ])('%s is known', (url) => {
    expect(huobi().recognises.test(url)).toBe(true)
  })

  it.each([
    'wss://api.huobi.pro.example.com/ws',
    'wss://nothuobi.pro/ws',
    'wss://ws.bitmex.com/realtime',
    'wss://ws-feed.exchange.coinbase.com',
  ])('%s is not', (url) => {
    expect(huobi().recognises.test(url)).toBe(false)
  })
})

it('the registry finds it as huobi and htx', () => {
  expect([huobiVenue.id, huobiVenue.aliases]).toEqual(['huobi', ['htx']])
  expect(huobiVenue.connector({}).status.state).toBe('open')
  expect(simulate('huobi', { seed: 1 }).venue).toBe('huobi')
})
