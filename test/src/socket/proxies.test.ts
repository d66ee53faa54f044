import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { HttpResponse } from '../../../src/connector.js'
import { UsageError } from '../../../src/errors.js'
import { nodeDial } from '../../../src/socket/dial.js'
import { nodeHttp } from '../../../src/socket/http.js'
import type { EgressOptions } from '../../../src/socket/network-options.js'
import { certificateFor } from './certificate.js'
import {
  answering,
  closedPort,
  closeServers,
  connectProxy,
  countingClock,
  Dialled,
  eventually,
  holdingNoMore,
  type LocalProxy,
  type ProxyOptions,
  socksProxy,
  venue,
} from './servers.js'

const clock = countingClock()
const certificate = certificateFor(['venue.test'], ['127.0.0.1'])
const names = { 'venue.test': '127.0.0.1' }
let nothingLeft: () => Promise<void>

beforeEach(() => {
  nothingLeft = holdingNoMore()
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await closeServers()
  await nothingLeft()
  expect(clock.pending).toBe(0)
})

function dial(url: string, options: EgressOptions, timeoutMs = 5_000): Dialled {
  return new Dialled(nodeDial({ clock, ...options }), { url, timeoutMs })
}

function get(url: string, options: EgressOptions, timeoutMs = 5_000): Promise<HttpResponse> {
  return nodeHttp({ clock, ...options })({ id: '1', method: 'GET', url }, { timeoutMs, maxBytes: 10_000 })
}

async function hello(url: string, options: EgressOptions): Promise<void> {
  const dialled = dial(url, options)
  await eventually(() => expect(dialled.frames).toEqual(['hello']))
  dialled.socket.close()
  expect(await dialled.closed).toMatchObject({ code: 1000, error: null })
}

const kinds: readonly (readonly [string, (options?: ProxyOptions) => Promise<LocalProxy>])[] = [
  ['http', connectProxy],
  ['socks5h', socksProxy],
]

describe.each(kinds)('a proxy of kind %s', (scheme, start) => {
  it('carries plain and encrypted sockets, by name', async () => {
    const proxy = await start({ names })
    const plain = await venue((socket) => socket.send('hello'))
    const encrypted = await venue((socket) => socket.send('hello'), { tls: certificate })
    const options = { proxy: `${scheme}://127.0.0.1:${proxy.port}`, tls: { ca: certificate.cert } }
    await hello(`ws://venue.test:${plain}/`, options)
    await hello(`wss://venue.test:${encrypted}/`, options)
    expect(proxy.asked).toEqual([`venue.test:${plain}`, `venue.test:${encrypted}`])
    await eventually(() => expect(proxy.open()).toBe(0))
  })

  it('carries REST the same way, plain and encrypted', async () => {
    const proxy = await start({ names })
    const port = await answering(200, {}, 'a list')
    const answer = await get(`http://venue.test:${port}/x`, { proxy: `${scheme}://127.0.0.1:${proxy.port}` })
    expect(answer).toMatchObject({ id: '1', status: 200, body: 'a list' })
    const encrypted = await venue(() => {}, { tls: certificate })
    const refused = await get(`https://venue.test:${encrypted}/x`, {
      proxy: `${scheme}://127.0.0.1:${proxy.port}`,
      tls: { ca: certificate.cert },
    })
    expect(refused.status).toBe(426)
    expect(proxy.asked).toEqual([`venue.test:${port}`, `venue.test:${encrypted}`])
  })

  it('checks the identity of the venue through the tunnel', async () => {
    const proxy = await start({ names })
    const port = await venue(() => {}, { tls: certificate })
    const close = await dial(`wss://venue.test:${port}/`, { proxy: `${scheme}://127.0.0.1:${proxy.port}` })
      .closed
    expect(close.error).toMatchObject({ code: 'tls_failed' })
  })

  it('is given user and password, percent-decoded', async () => {
    const proxy = await start({ user: 'ann', password: 'p:w/d@ü' })
    const port = await venue((socket) => socket.send('hello'))
    const credentials = `ann:${encodeURIComponent('p:w/d@ü')}`
    await hello(`ws://127.0.0.1:${port}/`, { proxy: `${scheme}://${credentials}@127.0.0.1:${proxy.port}` })
  })

  it('that refuses the password says so, and the password is shown nowhere', async () => {
    const proxy = await start({ user: 'ann', password: 'right' })
    const options = { proxy: `${scheme}://ann:hunter2@127.0.0.1:${proxy.port}` }
    const close = await dial('ws://127.0.0.1:1/', options).closed
    expect(close.error).toMatchObject({ code: scheme === 'http' ? 'proxy_refused' : 'proxy_failed' })
    expect(close.refused?.status).toBe(scheme === 'http' ? 407 : undefined)
    expect(inspect(close, { depth: 9, showHidden: true })).not.toMatch(/hunter2|aHVudGVyMg|YW5uOmh1bnRlcjI/)
    const answer = await get('http://127.0.0.1:1/', options)
    expect(answer.status).toBe(0)
    expect(answer.body).toMatch(scheme === 'http' ? /407/ : /Authentication/)
    expect(answer.body).not.toContain('hunter2')
    await eventually(() => expect(proxy.open()).toBe(0))
  })

  it('that accepts and never answers is given up within the deadline, and holds nothing', async () => {
    const proxy = await start({ instead: 'silence' })
    const options = { proxy: `${scheme}://ann:hunter2@127.0.0.1:${proxy.port}` }
    for (const url of ['ws://venue.test:1/', 'wss://venue.test:1/']) {
      const from = performance.now()
      const close = await dial(url, options, 150).closed
      expect(close.error).toMatchObject({ code: 'connect_timeout' })
      expect(performance.now() - from).toBeLessThan(10_000)
      await eventually(() => expect(proxy.open()).toBe(0))
    }
    const answer = await get('http://venue.test:1/', options, 150)
    expect(answer).toMatchObject({ status: 0, body: expect.stringContaining('within 150 ms') })
    await eventually(() => expect(proxy.open()).toBe(0))
  })

  it('that accepts and never answers is let go at once when the attempt is cut, long before the deadline', async () => {
    const proxy = await start({ instead: 'silence' })
    for (const url of ['ws://venue.test:1/', 'wss://venue.test:1/']) {
      const dialled = dial(url, { proxy: `${scheme}://127.0.0.1:${proxy.port}` }, 3_600_000)
      await eventually(() => expect(proxy.open()).toBe(1))
      dialled.socket.terminate()
      await dialled.closed
      await eventually(() => expect(proxy.open()).toBe(0))
    }
  })

  it('that cannot reach the venue says so', async () => {
    const proxy = await start()
    const close = await dial(`ws://127.0.0.1:${await closedPort()}/`, {
      proxy: `${scheme}://127.0.0.1:${proxy.port}`,
    }).closed
    if (scheme === 'http') {
      expect(close).toMatchObject({ refused: { status: 502 }, error: { code: 'proxy_refused' } })
    } else {
      expect(close).toMatchObject({ refused: null, error: { code: 'proxy_failed' } })
      expect(close.error?.message).toContain('ConnectionRefused')
    }
  })

  it('that hangs up, or is not there, is told as a failed proxy', async () => {
    const proxy = await start({ instead: 'hang up' })
    for (const port of [proxy.port, await closedPort()]) {
      for (const url of ['ws://venue.test:1/', 'wss://venue.test:1/']) {
        const close = await dial(url, { proxy: `${scheme}://127.0.0.1:${port}` }).closed
        expect(close).toMatchObject({ code: null, refused: null, error: { code: 'proxy_failed' } })
        expect(close.error?.message).toContain(`${scheme}://127.0.0.1:${port}`)
      }
    }
  })

  it('is reached from the local address that was asked for', async () => {
    const proxy = await start()
    const port = await venue((socket) => socket.send('hello'))
    await hello(`ws://127.0.0.1:${port}/`, {
      proxy: `${scheme}://127.0.0.1:${proxy.port}`,
      localAddress: '127.0.0.3',
    })
    expect(proxy.clients).toEqual(['127.0.0.3'])
  })

  it('may cut or reset an open tunnel at any time', async () => {
    const proxy = await start({ names })
    const plain = await venue(() => {})
    const encrypted = await venue(() => {}, { tls: certificate })
    const options = { proxy: `${scheme}://127.0.0.1:${proxy.port}`, tls: { ca: certificate.cert } }
    for (const url of [`ws://venue.test:${plain}/`, `wss://venue.test:${encrypted}/`]) {
      const dialled = dial(url, options)
      await dialled.opened
      proxy.reset()
      expect(await dialled.closed).toMatchObject({ code: null, refused: null })
    }
  })

  it('does not cut a quiet tunnel after the time that a connect may take', async () => {
    const proxy = await start({ names })
    const port = await venue((socket) => setTimeout(() => socket.send('hello'), 600), { tls: certificate })
    const dialled = dial(
      `wss://venue.test:${port}/`,
      { proxy: `${scheme}://127.0.0.1:${proxy.port}`, tls: { ca: certificate.cert } },
      300,
    )
    await eventually(() => expect(dialled.frames).toEqual(['hello']))
    dialled.socket.terminate()
    await dialled.closed
  })
})

describe('an HTTP proxy', () => {
  it('may itself be reached over TLS, proved by the authority that was given', async () => {
    const proxy = await connectProxy({ tls: certificate, names })
    const port = await venue((socket) => socket.send('hello'), { tls: certificate })
    const options = { proxy: `https://127.0.0.1:${proxy.port}`, tls: { ca: certificate.cert } }
    await hello(`wss://venue.test:${port}/`, options)
    const dialled = dial(`wss://venue.test:${port}/`, options)
    await dialled.opened
    proxy.reset()
    expect(await dialled.closed).toMatchObject({ code: null, refused: null })
    const close = await dial(`wss://venue.test:${port}/`, { ...options, tls: {} }).closed
    expect(close.error).toMatchObject({ code: 'tls_failed' })
    await eventually(() => expect(proxy.open()).toBe(0))
  })

  it('over TLS that never answers holds nothing either', async () => {
    const proxy = await connectProxy({ tls: certificate, instead: 'silence' })
    const options = { proxy: `https://127.0.0.1:${proxy.port}`, tls: { ca: certificate.cert } }
    expect((await dial('wss://venue.test:1/', options, 200).closed).error).toMatchObject({
      code: 'connect_timeout',
    })
    await eventually(() => expect(proxy.open()).toBe(0))
  })

  it('that asks to come back later is obeyed', async () => {
    const proxy = await connectProxy({ instead: { status: 503, headers: 'Retry-After: 9\r\n' } })
    const close = await dial('wss://venue.test:1/', { proxy: `http://127.0.0.1:${proxy.port}` }).closed
    expect(close.refused).toEqual({ status: 503, retryAfterMs: 9_000 })
    expect(close.error).toMatchObject({
      code: 'proxy_refused',
      message: expect.stringContaining(`the proxy http://127.0.0.1:${proxy.port} refused the way`),
    })
  })
})

describe('a SOCKS proxy', () => {
  it('is given an address where the names are to be resolved here', async () => {
    const proxy = await socksProxy()
    const port = await venue((socket) => socket.send('hello'))
    await hello(`ws://localhost:${port}/`, { proxy: `socks5://127.0.0.1:${proxy.port}` })
    expect(proxy.asked[0]).toMatch(/^(127\.0\.0\.1|0\.0\.0\.0|::1):/)
  })

  it('that wants a password where there is none is told as such', async () => {
    const proxy = await socksProxy({ user: 'ann', password: 'right' })
    const close = await dial('ws://venue.test:1/', { proxy: `socks5h://127.0.0.1:${proxy.port}` }).closed
    expect(close.error).toMatchObject({ code: 'proxy_failed' })
  })
})

describe('the environment', () => {
  it('names the proxy by default, and loopback goes past it', async () => {
    const proxy = await connectProxy({ names })
    for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY'])
      vi.stubEnv(name, '')
    vi.stubEnv('http_proxy', `http://127.0.0.1:${proxy.port}`)
    const port = await venue((socket) => socket.send('hello'))
    await hello(`ws://127.0.0.1:${port}/`, {})
    expect(proxy.asked).toEqual([])
    await hello(`ws://venue.test:${port}/`, {})
    expect(proxy.asked).toEqual([`venue.test:${port}`])
    expect((await get(`http://venue.test:${port}/`, {})).status).toBe(426)
    expect(proxy.asked).toHaveLength(2)
  })

  it('is not asked where the user wants no proxy', async () => {
    vi.stubEnv('ALL_PROXY', `http://127.0.0.1:${await closedPort()}`)
    const close = await dial('ws://venue.invalid/', { proxy: null }, 3_000).closed
    expect(close.error).not.toMatchObject({ code: 'proxy_failed' })
  })

  it('that names no proxy but nonsense is told, not thrown, and without the password', async () => {
    vi.stubEnv('http_proxy', 'gopher://ann:hunter2@proxy.test')
    const close = await dial('ws://venue.test/', {}).closed
    expect(close.error).toBeInstanceOf(UsageError)
    expect(close.error?.message).toContain('HTTP_PROXY')
    expect(inspect(close, { depth: 9, showHidden: true })).not.toContain('hunter2')
    expect((await get('http://venue.test/', {})).body).toContain('HTTP_PROXY')
  })
})
