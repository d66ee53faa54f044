import { createServer, type RequestListener } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { oauth2 } from '../../src/socket/auth-entry.js'
import { openSocket } from '../../src/socket/entry.js'
import { closeServers, listen, venue } from '../src/socket/servers.js'

/** It has no declarations. */
interface Provider {
  callback(): RequestListener
  readonly ClientCredentials: { find(token: string): Promise<{ readonly isExpired: boolean } | undefined> }
}
const library: string = 'oidc-provider'
const { default: ProviderClass } = (await import(library)) as {
  default: new (issuer: string, options: object) => Provider
}

const client = { client_id: 'a bot', client_secret: 'a:secret&of=ours+%' }

afterEach(() => closeServers())

/** A server of oidc-provider that gives tokens of two seconds, and one of WebSockets that asks it about each token. */
async function site(): Promise<{ readonly tokenUrl: string; readonly ws: string }> {
  let listener: RequestListener = () => {}
  const port = await listen(createServer((request, response) => listener(request, response)))
  const provider = new ProviderClass(`http://127.0.0.1:${port}`, {
    clients: [{ ...client, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: ['read'],
    ttl: { ClientCredentials: 2 },
  })
  listener = provider.callback()
  const ws = await venue((socket) => socket.send('welcome'), {
    verifyClient: ({ req }, answer) => {
      const [, token = ''] = /^Bearer (.+)$/.exec(req.headers.authorization ?? '') ?? []
      provider.ClientCredentials.find(token).then(
        (found) => answer(found !== undefined && !found.isExpired, 401),
        () => answer(false, 500),
      )
    },
  })
  return { tokenUrl: `http://127.0.0.1:${port}/token`, ws: `ws://127.0.0.1:${ws}` }
}

test.each(['basic', 'body'] as const)(
  'oidc-provider gives us tokens, the client shown as %s, and each is replaced before its end',
  async (clientAuth) => {
    const { tokenUrl, ws } = await site()
    const prepare = oauth2({
      tokenUrl,
      clientId: client.client_id,
      clientSecret: client.client_secret,
      clientAuth,
      scope: 'read',
    })
    const lost: string[] = []
    const socket = openSocket(ws, {
      prepare,
      rotate: { maxAgeMs: 600_000, overlapMs: 50 },
      on: { disconnect: ({ replaced, reason }) => void (replaced || lost.push(reason)) },
    })
    const connections = new Set<number>()
    for await (const { connection } of socket) if (connections.add(connection).size === 3) break
    await socket.close()
    expect(lost).toEqual([])
  },
)

test('oidc-provider refuses a wrong secret: the socket gives up', async () => {
  const { tokenUrl, ws } = await site()
  const socket = openSocket(ws, {
    prepare: oauth2({ tokenUrl, clientId: client.client_id, clientSecret: 'wrong-secret-of-ours' }),
  })
  await expect(socket.ready()).rejects.toMatchObject({
    code: 'gave_up',
    cause: { code: 'auth_refused', message: expect.stringContaining('invalid_client') },
  })
})
