import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parseProxy, proxyFromEnvironment } from '../../../src/socket/proxy.js'

describe('a proxy URL', () => {
  it.each([
    ['http://127.0.0.1:3128', { kind: 'connect', secure: false, host: '127.0.0.1', port: 3128 }],
    ['https://proxy.test', { kind: 'connect', secure: true, host: 'proxy.test', port: 443 }],
    ['proxy.test:8080', { kind: 'connect', secure: false, host: 'proxy.test', port: 8080 }],
    ['socks5h://[::1]', { kind: 'socks5h', host: '::1', port: 1080 }],
    ['socks://proxy.test:9050', { kind: 'socks5h', host: 'proxy.test', port: 9050 }],
    ['socks5://proxy.test', { kind: 'socks5', port: 1080 }],
    ['socks4a://proxy.test', { kind: 'socks4a', port: 1080 }],
  ])('%s is understood', (text, expected) => {
    expect(parseProxy(text, 'proxy')).toMatchObject(expected)
  })

  it('keeps its secrets apart, percent-decoded, and shows none', () => {
    const proxy = parseProxy('socks5h://ann%40x:p%3Aw%2Fd@proxy.test:1', 'proxy')
    expect(proxy).toMatchObject({ user: 'ann@x', password: 'p:w/d', shown: 'socks5h://proxy.test:1' })
  })

  it.each([
    'ftp://ann:hunter2@proxy.test',
    'http://ann:hunter2@',
    'http://ann:%hunter2@proxy.test',
    'http://',
  ])('refuses %s without showing the password', (text) => {
    const error = thrown(() => parseProxy(text, 'HTTPS_PROXY'))
    expect(error).toMatchObject({ code: 'bad_option', message: expect.stringContaining('HTTPS_PROXY') })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hunter2')
  })
})

describe('the environment', () => {
  const venue = new URL('wss://api.venue.test/ws')

  it.each([
    ['wss://api.venue.test/', { HTTPS_PROXY: 'http://a:1' }, 'http://a:1'],
    ['https://api.venue.test/', { HTTPS_PROXY: 'http://a:1', ALL_PROXY: 'http://b:2' }, 'http://a:1'],
    ['ws://api.venue.test/', { HTTPS_PROXY: 'http://a:1' }, undefined],
    ['ws://api.venue.test/', { HTTP_PROXY: 'http://c:3' }, 'http://c:3'],
    ['http://api.venue.test/', { ALL_PROXY: 'socks5h://b:2' }, 'socks5h://b:2'],
    ['wss://api.venue.test/', { HTTPS_PROXY: 'http://a:1', https_proxy: 'http://d:4' }, 'http://d:4'],
    ['wss://api.venue.test/', { HTTPS_PROXY: '' }, undefined],
    ['wss://api.venue.test/', {}, undefined],
  ])('for %s with %j names %s', (url, environment, expected) => {
    expect(proxyFromEnvironment(new URL(url), environment)?.shown).toBe(expected)
  })

  it.each([
    'ws://127.0.0.1:9001/',
    'ws://127.9.9.9/',
    'ws://[::1]:9001/',
    'wss://localhost/',
    'ws://sim.localhost:1/',
  ])('never proxies loopback: %s', (url) => {
    expect(proxyFromEnvironment(new URL(url), { ALL_PROXY: 'http://a:1' })).toBe(null)
  })

  it.each([
    '*',
    'venue.test',
    '.venue.test',
    '*.venue.test',
    'api.venue.test:443',
    'x.test, API.Venue.Test',
    'x.test venue.test',
  ])('spares what NO_PROXY says: %s', (list) => {
    expect(proxyFromEnvironment(venue, { ALL_PROXY: 'http://a:1', NO_PROXY: list })).toBe(null)
  })

  it.each(['', 'enue.test', 'venue.test:8443', 'api.venue.tes', '.'])(
    'does not spare by NO_PROXY %j',
    (list) => {
      expect(proxyFromEnvironment(venue, { ALL_PROXY: 'http://a:1', no_proxy: list })).not.toBe(null)
    },
  )

  it('spares an IPv6 address, bare or in brackets', () => {
    const url = new URL('ws://[2001:db8::1]/')
    for (const list of ['2001:db8::1', '[2001:db8::1]', '[2001:db8::1]:80']) {
      expect(proxyFromEnvironment(url, { ALL_PROXY: 'http://a:1', NO_PROXY: list })).toBe(null)
    }
  })

  it('refuses a variable that is no proxy, by its name', () => {
    expect(() => proxyFromEnvironment(venue, { HTTPS_PROXY: 'gopher://x' })).toThrow(
      /HTTPS_PROXY has the unknown scheme/,
    )
  })
})

function thrown(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
