import { createHmac } from 'node:crypto'
import * as http from 'node:http'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { bearer, cookieLogin, hmac, oauth2 } from '../../../src/socket/auth-entry.js'
import { openSocket } from '../../../src/socket/index.js'
import { connectProxy, eventually, leavingNothingOpen, listen } from './servers.js'

leavingNothingOpen()

const quick = { baseMs: 10, capMs: 50 }

interface Site {
  readonly host: string
  readonly ws: string
  readonly http: string
  /** What came over HTTP: `POST /token Basic … body`. */
  readonly asked: string[]
  /** What each handshake showed. */
  readonly shown: string[]
  readonly open: Set<WebSocket>
}

/** A server of HTTP and WebSockets that takes what `admits` admits. */
async function site(
  answer: (
    path: string,
    body: string,
  ) => { status?: number; headers?: http.OutgoingHttpHeaders; body?: unknown },
  admits: (request: http.IncomingMessage) => string | null,
  connected: (socket: WebSocket) => void = () => {},
): Promise<Site> {
  const asked: string[] = []
  const shown: string[] = []
  const open = new Set<WebSocket>()
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (data) => {
      body += data
    })
    request.on('end', () => {
      asked.push([request.method, request.url, request.headers.authorization ?? '-', body].join(' '))
      const { status = 200, headers = {}, body: text = '' } = answer(request.url ?? '', body)
      response.writeHead(status, headers).end(typeof text === 'string' ? text : JSON.stringify(text))
    })
  })
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    const key = admits(request)
    shown.push(key ?? 'refused')
    if (key === null) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (each) => {
      open.add(each)
      each.on('close', () => open.delete(each)).on('error', () => {})
      connected(each)
    })
  })
  const host = `127.0.0.1:${await listen(server)}`
  return { host, ws: `ws://${host}/ws`, http: `http://${host}`, asked, shown, open }
}

const bearerOf = ({ headers }: http.IncomingMessage) =>
  /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1] ?? null

describe('oauth2', () => {
  it('gets a token by client credentials, once for all sockets, and renews it before it ends without a gap', async () => {
    let given = 0
    let n = 0
    const valid = new Map<string, number>()
    const server = await site(
      () => {
        const token = `token-number-${++given}`
        valid.set(token, performance.now() + 1_000)
        return { body: { access_token: token, token_type: 'bearer', expires_in: '1' } }
      },
      (request) => {
        const token = bearerOf(request)
        return token !== null && (valid.get(token) ?? 0) > performance.now() ? token : null
      },
      // Cut when the token ends.
      (socket) => {
        const end = setTimeout(() => socket.close(4401, 'token expired'), 1_000)
        socket.on('close', () => clearTimeout(end))
      },
    )
    const ticking = setInterval(() => {
      n++
      for (const socket of server.open) socket.send(`${n}`)
    }, 5)
    const prepare = oauth2({
      tokenUrl: `${server.http}/token`,
      clientId: 'client id',
      clientSecret: 'a:secret&of=ours',
      scope: 'read',
      parameters: { audience: 'market' },
    })
    const seen = new Set<number>()
    const lost: string[] = []
    const socket = openSocket(server.ws, {
      prepare,
      rotate: { maxAgeMs: 60_000, overlapMs: 30 },
      on: {
        message: ({ data }) => void seen.add(Number(data)),
        disconnect: ({ replaced, reason }) => void (replaced || lost.push(reason)),
      },
    })
    await using other = openSocket(server.ws, { prepare })
    await Promise.all([socket.ready(), other.ready()])
    expect(server.asked).toHaveLength(1)
    const login = Buffer.from('client+id:a%3Asecret%26of%3Dours').toString('base64')
    expect(server.asked[0]).toBe(
      `POST /token Basic ${login} audience=market&scope=read&grant_type=client_credentials`,
    )
    await eventually(() => expect(socket.stats.connects).toBeGreaterThanOrEqual(3))
    clearInterval(ticking)
    await socket.close()
    expect(lost).toEqual([])
    expect(seen.size).toBe(Math.max(...seen) - Math.min(...seen) + 1)
    expect(given).toBeGreaterThanOrEqual(3)
    expect(server.shown).not.toContain('refused')
  })

  it('asks for a new token where the server refuses the old one, and by a refresh token that is replaced each time', async () => {
    let given = 0
    const refreshed: string[] = []
    const server = await site(
      (_path, body) => {
        refreshed.push(new URLSearchParams(body).get('refresh_token') ?? '')
        return {
          body: {
            access_token: `access-${++given}`,
            token_type: 'Bearer',
            refresh_token: `refresh-${given}`,
          },
        }
      },
      (request) => (bearerOf(request) === 'access-1' ? null : bearerOf(request)),
    )
    const kept: string[] = []
    const codes: unknown[] = []
    await using socket = openSocket(server.ws, {
      prepare: oauth2({
        tokenUrl: `${server.http}/token`,
        clientId: 'public',
        refreshToken: 'refresh-0',
        onRefreshToken: (token) => kept.push(token),
      }),
      reconnect: quick,
      on: { error: (error) => codes.push('code' in error ? error.code : error) },
    })
    await socket.ready()
    expect(server.shown).toEqual(['refused', 'access-2'])
    expect(refreshed).toEqual(['refresh-0', 'refresh-1'])
    expect(kept).toEqual(['refresh-1', 'refresh-2'])
    expect(codes).toEqual(['handshake_refused'])
    expect(server.asked[0]).toBe(
      'POST /token - refresh_token=refresh-0&grant_type=refresh_token&client_id=public',
    )
  })

  it('gives up where the client itself is refused, and tries again whatever else goes wrong', async () => {
    const refusing = await site(
      () => ({ status: 401, body: { error: 'invalid_client', error_description: 'no such client' } }),
      () => 'x',
    )
    const options = { clientId: 'x', clientSecret: 'wrong-secret-of-ours', clientAuth: 'body' } as const
    await using refused = openSocket(refusing.ws, {
      prepare: oauth2({ ...options, tokenUrl: `${refusing.http}/t` }),
    })
    await expect(refused.ready()).rejects.toMatchObject({
      code: 'gave_up',
      cause: { code: 'auth_refused', message: expect.stringContaining('401 invalid_client: no such client') },
    })
    expect(refusing.asked[0]).toContain('client_secret=wrong-secret-of-ours')
    const answers = [
      { status: 503 },
      { body: 'no json' },
      { body: { access_token: '' } },
      { status: 429, headers: { 'retry-after': '0' } },
    ]
    const flaky = await site(
      () => answers.shift() ?? { body: { access_token: 'at-last', token_type: 'bearer' } },
      (request) => bearerOf(request),
    )
    const codes: unknown[] = []
    await using _socket = openSocket(flaky.ws, {
      prepare: oauth2({ ...options, tokenUrl: `${flaky.http}/t`, place: { query: 'access' } }),
      reconnect: quick,
      on: { error: (error) => codes.push('code' in error ? error.code : error) },
    })
    await eventually(() => expect(flaky.shown.length).toBeGreaterThan(0))
    expect(codes.slice(0, 4)).toEqual(['auth_failed', 'auth_failed', 'auth_failed', 'auth_failed'])
  })

  it('takes the way of the socket: its proxy', async () => {
    const server = await site(
      () => ({ body: { access_token: 'through-the-proxy', token_type: 'bearer' } }),
      bearerOf,
    )
    const proxy = await connectProxy()
    await using socket = openSocket(server.ws, {
      proxy: `http://127.0.0.1:${proxy.port}`,
      prepare: oauth2({ tokenUrl: `${server.http}/t`, clientId: 'x', clientSecret: 'y' }),
    })
    await socket.ready()
    expect(proxy.asked).toEqual([server.host, server.host])
  })

  it('understands only what a Bearer token is', async () => {
    for (const type of ['mac', 'dpop']) {
      const server = await site(() => ({ body: { access_token: 'x', token_type: type } }), bearerOf)
      await using socket = openSocket(server.ws, {
        prepare: oauth2({ tokenUrl: `${server.http}/t`, clientId: 'x', clientSecret: 'y' }),
      })
      await expect(socket.ready()).rejects.toMatchObject({ code: 'gave_up', cause: { code: 'auth_refused' } })
    }
  })

  it('bounds what a token server sends, and how long it takes, and shows none of it', async () => {
    const silent = await listen(http.createServer(() => {}))
    const endless = await listen(
      http.createServer((_request, response) => {
        response.on('error', () => {})
        const more = () => {
          if (!response.destroyed) response.write('a-secret-token'.repeat(5_000), more)
        }
        more()
      }),
    )
    const odd = await listen(
      http.createServer((_request, response) => {
        response.end('{"access_token":"a-secret-token","token_type":"bearer","expires_in":{}}')
      }),
    )
    const errors: { readonly code?: string; readonly message: string }[] = []
    for (const port of [silent, endless, odd]) {
      const socket = openSocket('ws://127.0.0.1:1/', {
        prepare: oauth2({ tokenUrl: `http://127.0.0.1:${port}/t`, clientId: 'x', clientSecret: 'y' }),
        connectTimeoutMs: port === silent ? 300 : 30_000,
        maxFrameBytes: 100_000,
        reconnect: false,
        on: { error: (error) => errors.push(error) },
      })
      await socket.closed.catch(() => {})
    }
    const firsts = errors.filter(({ code }) => code !== 'gave_up')
    expect(firsts).toMatchObject([
      { message: expect.stringContaining('within 300 ms') },
      { code: 'auth_failed', message: expect.stringContaining('larger than 100000 bytes') },
      { code: 'auth_failed', message: expect.stringContaining('expires_in') },
    ])
    expect(inspect(errors, { depth: 20 })).not.toContain('a-secret-token')
  })

  it('refuses wrong options at the door', () => {
    const oauth = (options: object) => () => oauth2({ tokenUrl: 'https://x/', clientId: 'x', ...options })
    expect(oauth({ clientSecert: 'hunter2' })).toThrow(
      /there is no option clientSecert; did you mean clientSecret\?/,
    )
    expect(oauth({ tokenUrl: 'ftp://ann:hunter2@x' })).toThrow(/tokenUrl must be an http/)
    expect(oauth({ tokenUrl: 'ftp://ann:hunter2@x' })).not.toThrow(/hunter2/)
    expect(() => hmac({ secret: '', payload: String, headers: () => ({}) })).toThrow(
      /secret must not be empty/,
    )
    expect(() => cookieLogin({ url: 'ws://x/' })).toThrow(/url must be an http/)
  })
})

describe('bearer', () => {
  it('shows a fixed token, or one that a function gives, in the header or in the URL', async () => {
    const server = await site(
      () => ({}),
      (request) => bearerOf(request) ?? new URL(request.url ?? '', 'ws://x').searchParams.get('jwt'),
    )
    await using fixed = openSocket(server.ws, { prepare: bearer('a-fixed-token') })
    await fixed.ready()
    let asked = 0
    const prepare = bearer(async () => ({ value: `given-token-${++asked}`, validForMs: 200 }), {
      query: 'jwt',
    })
    const urls: string[] = []
    await using given = openSocket(`${server.ws}?a=1`, {
      prepare,
      on: { handshake: ({ url }) => urls.push(url) },
    })
    await eventually(() => expect(given.stats.connects).toBeGreaterThanOrEqual(3))
    expect(server.shown.slice(0, 3)).toEqual(['a-fixed-token', 'given-token-1', 'given-token-2'])
    expect(urls[0]).toBe(server.ws)
  })
})

describe('hmac', () => {
  it('signs each handshake anew, with the time', async () => {
    const nonces = new Set<string>()
    const server = await site(
      () => ({}),
      ({ url, headers }) => {
        const [time, nonce] = [`${headers['x-time']}`, `${headers['x-nonce']}`]
        const wanted = createHmac('sha384', 'our-secret').update(`${time}${nonce}${url}`).digest('base64')
        const isNow = Math.abs(Number(time) - Date.now()) < 60_000
        if (wanted !== headers['x-sign'] || !isNow || nonces.has(nonce)) return null
        nonces.add(nonce)
        return 'signed'
      },
      (socket) => socket.close(1012),
    )
    await using socket = openSocket(server.ws, {
      reconnect: quick,
      prepare: hmac({
        secret: 'our-secret',
        algorithm: 'sha384',
        encoding: 'base64',
        payload: ({ timeMs, nonce, url }) => `${timeMs}${nonce}${url.pathname}`,
        headers: (sign, { timeMs, nonce }) => ({ 'X-Sign': sign, 'X-Time': `${timeMs}`, 'X-Nonce': nonce }),
      }),
    })
    await eventually(() => expect(server.shown.length).toBeGreaterThanOrEqual(2))
    expect(new Set(server.shown)).toEqual(new Set(['signed']))
    expect(socket.stats.lost).not.toHaveProperty('refused')
  })
})

describe('cookieLogin', () => {
  it('carries the cookies of the login that are of the socket, and logs in anew when they are refused', async () => {
    let logins = 0
    const server = await site(
      (path) => {
        if (path !== '/login') return { status: 404 }
        logins++
        return {
          status: 302,
          headers: {
            'set-cookie': [
              `sid=session-${logins}; Path=/; HttpOnly; Expires=Thu, 01 Jan 2099 00:00:00 GMT`,
              'theme=dark; path=/ws',
              'elsewhere=1; Path=/admin',
              'secure=1; Secure',
              'foreign=1; Domain=example.com',
              'gone=1; Max-Age=0',
            ],
          },
        }
      },
      ({ headers }) => (headers.cookie === 'sid=session-2; theme=dark' ? 'in' : null),
    )
    await using socket = openSocket(server.ws, {
      prepare: cookieLogin({ url: `${server.http}/login`, body: 'user=ann&password=hunter2' }),
      reconnect: quick,
    })
    await socket.ready()
    expect(server.shown).toEqual(['refused', 'in'])
    expect(server.asked).toEqual(Array(2).fill('POST /login - user=ann&password=hunter2'))
  })

  it('fails the attempt where the login does, or sets no cookie for the socket', async () => {
    const answers: Parameters<typeof site>[0] extends (...given: never) => infer R ? R[] : never = [
      { status: 403 },
      {},
      { headers: { 'set-cookie': 'a=1; Path=/other' } },
    ]
    const server = await site(
      () => answers.shift() ?? { headers: { 'set-cookie': 'a=1' } },
      () => 'in',
    )
    const errors: string[] = []
    await using socket = openSocket(server.ws, {
      prepare: cookieLogin({ url: `${server.http}/login`, method: 'GET' }),
      reconnect: quick,
      on: { error: ({ message }) => errors.push(message) },
    })
    await socket.ready()
    expect(errors).toEqual([
      `cannot log in at ${server.http}/login: it answered 403`,
      `the login at ${server.http}/login set no cookie for ${server.ws}`,
      `the login at ${server.http}/login set no cookie for ${server.ws}`,
    ])
  })
})

it('shows no token, cookie, secret or signature, though the server repeats them all', async () => {
  const secrets = ['client-secret-1234', 'access-token-5678', 'session-cookie-9012', 'refresh-token-3456']
  const leaking = `${secrets.join(' ')} Bearer ${secrets[1]}`
  let asked = 0
  const server = await site(
    (path) => {
      asked++
      if (path === '/login') return { headers: { 'set-cookie': `sid=${secrets[2]}` } }
      if (asked % 2 === 0) return { status: 500, body: { error: leaking, error_description: leaking } }
      return {
        body: { access_token: secrets[1], token_type: 'bearer', refresh_token: secrets[3], expires_in: 1 },
      }
    },
    () => 'in',
    (socket) => socket.close(4000, leaking.slice(0, 120)),
  )
  const told: unknown[] = []
  const on = {
    error: (error: Error) => void told.push(error),
    disconnect: (loss: object) => void told.push(loss),
    waiting: (wait: object) => void told.push(wait),
    handshake: (handshake: object) => void told.push(handshake),
  }
  const client = {
    tokenUrl: `${server.http}/t`,
    clientId: 'x',
    clientSecret: secrets[0] ?? '',
    refreshToken: 'refresh-token-0000',
  }
  const sockets = [
    openSocket(server.ws, { prepare: oauth2({ ...client, place: { query: 'jwt' } }), reconnect: quick, on }),
    openSocket(server.ws, { prepare: oauth2(client), reconnect: quick, on }),
    openSocket(server.ws, { prepare: cookieLogin({ url: `${server.http}/login` }), reconnect: quick, on }),
  ]
  // A secret that was not given to us yet is none of ours.
  await eventually(() => expect(sockets.every(({ stats }) => stats.connects > 0)).toBe(true))
  told.length = 0
  await eventually(() => expect(told.length).toBeGreaterThan(60))
  await Promise.all(sockets.map((socket) => socket.close()))
  const all = inspect(told, { depth: 12, showHidden: true })
  for (const secret of secrets) expect(all).not.toContain(secret)
  expect(all).toContain('(removed)')
})
