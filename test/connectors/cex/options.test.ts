import { afterEach, describe, expect, test, vi } from 'vitest'
import { cex } from '../../../connectors/cex/index.js'
import { hmacSha256 } from '../../../simulators/cex/signature.js'
import { nodeTools } from '../../../src/socket/tools.js'
import { harness } from '../../support/harness.js'
import { CLASSIC } from './line.js'

afterEach(() => vi.unstubAllEnvs())

const KEY = '1WZbtMTbMbo2NsW12vOz9IuPM'
const SECRET = '1IuUeW4IEWatK87zBTENHj1T17s'

describe('credentials', () => {
  test('a channel that needs them and has none is refused before anything is dialled', () => {
    vi.stubEnv('CEX_API_KEY', '')
    const missing = expect.objectContaining({ code: 'credentials_missing' })
    expect(() => cex({ api: 'classic' })).toThrow(missing)
    expect(() => cex({ api: 'classic', channels: ['ticker:full'] })).toThrow(missing)
    const rooms = cex({ api: 'classic', channels: ['trade', 'book:md', 'ticker'] })
    const instrument = rooms.guess('BTC/USD')
    if (instrument === null) throw new Error('no instrument')
    expect(() => rooms.route({ instrument, channel: 'book' })).toThrow(missing)
  })

  test('come from the environment where the options have none', () => {
    vi.stubEnv('CEX_API_KEY', KEY)
    vi.stubEnv('CEX_API_SECRET', SECRET)
    expect(cex({ api: 'classic' }).requested).toEqual(['trade', 'book'])
  })

  test('one without the other is refused, and neither value is told', () => {
    expect(() => cex({ key: KEY })).toThrow(expect.objectContaining({ code: 'bad_option' }))
    expect(() => cex({ secret: SECRET })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(SECRET) }),
    )
  })

  test('sign as the venue’s own vectors do, at the second of the greeting', () => {
    const connector = cex(CLASSIC)
    const run = harness(connector)
    const at = 1_448_034_533_700_000
    run.session.opened({ url: 'wss://ws.cex.io/ws', negotiated: null, attempt: 1 }, at)
    run.session.frame('{"e":"connected"}', at)
    const [login = ''] = run.sent
    expect(JSON.parse(login)).toEqual({
      e: 'auth',
      oid: 'auth',
      auth: {
        key: KEY,
        signature: '7d581adb01ad22f1ed38e1159a7f08ac5d83906ae1a42fe17e7d977786fe9694',
        timestamp: 1448034533,
      },
    })
    expect(connector.redact?.(login)).toBe('{"e":"auth","auth":"(redacted)","oid":"auth"}')
    expect(connector.redact?.('{"e":"pong"}')).toBe('{"e":"pong"}')
    expect(JSON.stringify(run.events)).not.toContain(KEY)
  })

  test('the simulator’s own signature is the platform’s', () => {
    for (const secret of ['', 'short', 'x'.repeat(64), 'x'.repeat(200)]) {
      for (const message of ['', 'abc', 'y'.repeat(55), 'y'.repeat(56), 'y'.repeat(64), 'ü'.repeat(300)]) {
        expect(hmacSha256(secret, message)).toBe(nodeTools(1).hmacSha256(secret, message))
      }
    }
  })
})

describe('endpoints', () => {
  test('the current exchange is the default, the classic one an option', () => {
    expect(cex().endpoints.map(({ url }) => url)).toEqual([
      'wss://trade.cex.io/api/spot/ws-public',
      'wss://ws.cex.io/ws',
    ])
    expect(cex(CLASSIC).endpoints[0]).toMatchObject({ url: 'wss://ws.cex.io/ws', rest: 'https://cex.io/api' })
  })

  test('a URL without a path gets the venue’s own, one with a path is taken as it is', () => {
    expect(cex({ url: 'ws://127.0.0.1:9' }).endpoints[0]).toMatchObject({
      url: 'ws://127.0.0.1:9/api/spot/ws-public',
      rest: 'http://127.0.0.1:9/api/spot/rest-public',
    })
    expect(cex({ ...CLASSIC, url: 'wss://gate/x', restUrl: 'https://rest/y' }).endpoints).toMatchObject([
      { url: 'wss://gate/x', rest: 'https://rest/y' },
      { url: 'wss://gate/api/spot/ws-public' },
    ])
  })

  test.each([
    ['wss://ws.cex.io/ws/', '{"e":"tick","data":{"symbol1":"BTC","symbol2":"USD","price":"1"}}'],
    [
      'wss://api.plus.cex.io/ws',
      '{"e":"tradeUpdate","data":{"pair":"BTC-USD","side":"SELL","dateISO":"2023-03-07T01:22:25.734Z","price":"1","amount":"1","tradeId":"1678152145734-0"}}',
    ],
    ['wss://trade.cex.io/api/spot/ws', '{"e":"get_server_time","data":{"timestamp":1}}'],
  ])('%s is recognised and its protocol understood', (url, frame) => {
    expect(cex().recognises.test(url)).toBe(true)
    const run = harness(cex(), { adopt: true, endpoint: { name: 'spot', url, rest: null } })
    run.session.opened({ url, negotiated: null, attempt: 1 }, 1)
    run.session.frame(frame, 2)
    expect(run.of('malformed')).toEqual([])
  })

  test('where a URL does not tell, the endpoint’s name does', () => {
    const run = harness(cex(CLASSIC), {
      adopt: true,
      endpoint: { name: 'classic BTC-USD', url: 'wss://gate/x', rest: null },
    })
    run.session.frame('{"e":"md_groupped","data":{"pair":"BTC:USD"}}', 1)
    expect(run.of('malformed')).toEqual([])
  })

  test('a pair’s room and each length of its candles have sockets of their own', () => {
    const connector = cex(CLASSIC)
    const instrument = connector.guess('BTC:USD')
    if (instrument === null) throw new Error('no instrument')
    const names = (['book', 'ticker', 'trade', 'book:md', 'candle', 'candle:5m'] as const).map(
      (channel) => connector.route({ instrument, channel }).name,
    )
    expect(names).toEqual([
      'classic',
      'classic',
      'classic BTC-USD',
      'classic BTC-USD',
      'classic BTC-USD 1m',
      'classic BTC-USD 5m',
    ])
    expect(connector.guess('btc')).toBeNull()
  })

  test('a channel of the other exchange is named as unknown', () => {
    expect(() => cex({ channels: ['book:md'] })).toThrow(expect.objectContaining({ code: 'unknown_channel' }))
    expect(() => cex({ ...CLASSIC, channels: ['candle:bid-1m'] })).toThrow(/candle:5m/)
  })
})
