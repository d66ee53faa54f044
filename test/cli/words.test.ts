import { describe, expect, test } from 'vitest'
import { parseDuration, parseTime, showDuration } from '../../cli/duration.js'
import { either, meant, suggestion } from '../../cli/naming.js'
import { matcher } from '../../cli/pattern.js'
import { every, pause } from '../../cli/timers.js'
import { causeTexts, Troubles } from '../../cli/troubles.js'
import type { ConnectionEvent } from '../../schemas/events.js'
import { systemClock } from '../../src/socket/clock.js'

const listed = [
  { symbol: 'BTC/USD', instrument: 'tBTCUSD' },
  { symbol: 'BTC/USD:BTC', instrument: 'BTC-USD' },
  { symbol: 'ETH/USDT', instrument: 'ethusdt' },
  { symbol: 'ETH/USDT:USDT', instrument: 'ETH-USDT' },
]

describe('a symbol of the command line', () => {
  test.each([
    ['BTC/USD', ['BTC/USD']],
    ['btc/usd', ['BTC/USD']],
    ['tBTCUSD', ['BTC/USD']],
    ['TBTCUSD', ['BTC/USD']],
    ['BTC-USD', ['BTC/USD:BTC']],
    ['btc-usd', ['BTC/USD', 'BTC/USD:BTC']],
    ['ethusdt', ['ETH/USDT']],
    ['ETH-USDT', ['ETH/USDT:USDT']],
    ['ETHUSDT', ['ETH/USDT', 'ETH/USDT:USDT']],
    ['eth-usdt', ['ETH/USDT', 'ETH/USDT:USDT']],
    ['eth/usdt:usdt', ['ETH/USDT:USDT']],
    ['btcusd', ['BTC/USD', 'BTC/USD:BTC']],
    ['eth_usdt', ['ETH/USDT', 'ETH/USDT:USDT']],
    ['doge', []],
  ])('%s means %j', (text, symbols) => {
    expect(meant(text, listed).map(({ symbol }) => symbol)).toEqual(symbols)
  })

  test('that is unknown brings the nearest names, and none where nothing is near', () => {
    expect(suggestion('BTC/USF', listed)).toMatch(/^; did you mean BTC\/USD/)
    expect(suggestion('ZZZZZZZZ', listed)).toBe('')
    expect(suggestion('NOPE/USD', [{ symbol: 'PEPE/USD', instrument: 'tPEPEUSD' }])).toBe('')
    expect(suggestion('TBC/USD', listed)).toMatch(/^; did you mean BTC\/USD/)
    expect(either(['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'])).toBe('A, B, C, D, E, F or one of 2 more')
  })

  test.each([
    ['*/usd', 'BTC/USD', true],
    ['*/usd', 'BTC/USDT', false],
    ['*', 'BTC/USD:BTC', true],
    ['B?C/USD', 'BTC/USD', true],
    ['BTC.USD', 'BTC/USD', false],
    ['[a-z]*', 'BTC/USD', false],
  ])('the pattern %s fits %s: %s', (pattern, name, fits) => {
    expect(matcher(pattern)(name)).toBe(fits)
  })
})

describe('time', () => {
  test.each([
    ['1714564800000000', 1714564800000000],
    ['2024-05-01', 1714521600000000],
    ['2024-05-01T12:00:00.5+02:00', 1714557600500000],
  ])('%s is understood', (text, micros) => {
    expect(parseTime(text)).toBe(micros)
  })

  test.each([
    ['1714564800', /seconds: write 1714564800000000/],
    ['1714564800123', /milliseconds: write 1714564800123000/],
    ['1714564800123456789', /nanoseconds: write 1714564800123456,/],
    ['5', /is no number of microseconds/],
    ['-1', /is no time/],
    ['yesterday', /is no time/],
  ])('%s is refused, with what it may have meant', (text, sentence) => {
    expect(() => parseTime(text)).toThrow(sentence)
  })

  test('may last for months', () => {
    expect(parseDuration('400d')).toBe(400 * 86_400_000)
    expect(showDuration(parseDuration('30d2h'))).toBe('30 d 2 h')
  })

  test('of more than a timer of Node can bear is waited for, until a signal', async () => {
    const clock = systemClock()
    const ending = new AbortController()
    let called = 0
    const repeated = every(clock, parseDuration('30d'), () => called++)
    const waited = pause(clock, parseDuration('30d'), ending.signal).then(() => 'over')
    const first = await Promise.race([
      waited,
      pause(clock, 50, new AbortController().signal).then(() => 'waiting'),
    ])
    repeated.cancel()
    ending.abort()
    expect({ first, last: await waited, called }).toEqual({ first: 'waiting', last: 'over', called: 0 })
  })
})

describe('what is wrong with a venue', () => {
  const event = (state: ConnectionEvent['state'], reason: string | null = null, connection = 'public#0') =>
    ({
      type: 'connection',
      venue: 'bitfinex',
      receiveTime: 7,
      connection,
      state,
      attempt: 1,
      endpoint: 'ws://x/',
      reason,
    }) satisfies ConnectionEvent

  test('is said once for each reason, in words, and is over when the connection is ready', () => {
    const troubles = new Troubles()
    expect(troubles.take(event('reconnecting', 'connect ECONNREFUSED; next try in 900 ms'))).toEqual({
      connection: 'public#0',
      since: 7,
      reason: 'the connection is refused, nothing listens there: connect ECONNREFUSED',
    })
    expect(troubles.take(event('reconnecting', 'connect ECONNREFUSED; next try in 2100 ms'))).toBeNull()
    expect(troubles.take(event('reconnecting', 'HTTP 404'))).toMatchObject({ reason: 'HTTP 404' })
    expect(troubles.take(event('refused', 'no such pair'))).toMatchObject({ reason: 'no such pair' })
    expect(troubles.values()).toHaveLength(2)
    troubles.take(event('ready'))
    expect(troubles.values()).toEqual([])
  })

  test('is said once where the list of instruments and sockets fail for one cause, without the queries of URLs', () => {
    const troubles = new Troubles()
    const said = () => causeTexts(troubles.values())
    const list = (why: string) => `the list of instruments has not come (${why}); it is asked for again`
    const refused = 'connect ECONNREFUSED 127.0.0.1:9'
    troubles.take(
      event('refused', list(`cannot connect to http://127.0.0.1:9/list?count=500: ${refused}`), 'catalogue'),
    )
    for (let socket = 0; socket < 5; socket++) {
      const reason = `cannot connect to ws://127.0.0.1:9/ws?token=7: ${refused}; next try in 900 ms`
      troubles.take(event('reconnecting', reason, `public#${socket}`))
    }
    expect(said()).toEqual([
      'list of instruments, public#0, public#1, 3 more: the connection is refused, nothing listens there (ECONNREFUSED 127.0.0.1:9)',
    ])
    expect(troubles.values().filter(({ reason }) => /[?]/.test(reason))).toEqual([])
    const held = '127.0.0.1:9 is dialled no more than 20 times a minute; next try in 9000 ms'
    expect(troubles.take(event('reconnecting', held))).toBeNull()
    expect(said()).toHaveLength(1)
    for (let socket = 1; socket < 5; socket++) troubles.take(event('ready', null, `public#${socket}`))
    troubles.take(event('reconnecting', 'ws://x/ refused the handshake: 503 Service Unavailable'))
    troubles.take(event('refused', list('HTTP 503'), 'catalogue'))
    expect(said().filter((text) => text.endsWith('HTTP 503'))).toEqual([
      'public#0, list of instruments: HTTP 503',
    ])
  })

  test('names where a redirected handshake points to, without the query', () => {
    const troubles = new Troubles()
    const points = 'which points to wss://new.example/ws'
    troubles.take(
      event(
        'reconnecting',
        `ws://x/ refused the handshake: 302 Found, ${points}?key=sekret; next try in 90 ms`,
      ),
    )
    troubles.take(event('refused', `ws://x/ refused the handshake: 301, ${points}?n=2`, 'public#1'))
    expect(causeTexts(troubles.values())).toEqual([
      `public#0: HTTP 302, ${points}`,
      `public#1: HTTP 301, ${points}`,
    ])
  })

  test('is kept of a hundred things at most', () => {
    const troubles = new Troubles()
    for (let stream = 0; stream < 1_000; stream++) troubles.take(event('refused', `no stream ${stream}`))
    expect(troubles.values()).toHaveLength(100)
  })
})
