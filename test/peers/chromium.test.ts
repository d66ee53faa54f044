import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  JsonRpcServer,
  PusherServer,
  SignalRServer,
  SocketIoServer,
  SseServer,
} from '../../simulators/protocols/index.js'
import { serveSimulator } from '../../src/simulator/index.js'
import { InstalledPackage } from '../package/installed.js'
import { closeServers } from '../src/socket/servers.js'
import { expected } from './runtimes/expected.js'
import { type PeerServers, peerServers } from './runtimes/peer-servers.js'
import type { Given } from './runtimes/programme.js'
import { orderServer, scenarioServer } from './runtimes/server.js'

/** What the page has in its global `tapewire`: the entry for browsers, the protocols and the programme. */
const PAGE_SOURCE = `
  import { openSocket } from 'tapewire/socket'
  import * as protocols from 'tapewire/protocols'
  import * as programme from './programme.mjs'
  globalThis.tapewire = { openSocket, protocols, programme }`

let installed: InstalledPackage
let peers: PeerServers
let browser: Browser
let page: Page
/** What the page threw and nobody caught. */
const uncaught: Error[] = []
let given: Pick<Given, 'ws' | 'http' | 'urls'>

async function bundled(input: string, platform: 'browser' | 'neutral'): Promise<string> {
  const { output } = await (await rolldown({ input, platform })).generate({ format: 'esm' })
  return output[0].code
}

beforeAll(async () => {
  installed = new InstalledPackage()
  const programme = fileURLToPath(new URL('runtimes/programme.ts', import.meta.url))
  installed.write('programme.mjs', await bundled(programme, 'neutral'))
  const script = await bundled(installed.write('page.mjs', PAGE_SOURCE), 'browser')
  peers = await peerServers()
  const port = await orderServer(
    peers.relays,
    new Map([
      ['/', { type: 'text/html', body: '<!doctype html><script type="module" src="/page.js"></script>' }],
      ['/page.js', { type: 'text/javascript', body: script }],
    ]),
  )
  const http = `http://127.0.0.1:${port}`
  given = { ws: `ws://127.0.0.1:${await scenarioServer()}`, http, urls: peers.urls }
  // A sandbox needs a user that is not root.
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  page = await browser.newPage()
  page.on('pageerror', (error) => uncaught.push(error))
  await page.goto(http)
  await page.waitForFunction('globalThis.tapewire !== undefined')
})
afterAll(async () => {
  await browser.close()
  await peers.close()
  await closeServers()
  installed.remove()
})

/** Runs a function body in the page, with `tapewire` and `given`. */
function inPage<Result>(body: string, argument: unknown = given): Promise<Result> {
  return page.evaluate(`(async (given) => { ${body} })(${JSON.stringify(argument)})`) as Promise<Result>
}

describe('tapewire/socket in Chromium', () => {
  let came: Record<string, unknown>
  beforeAll(async () => {
    came = await inPage(`
      const { openSocket, protocols, programme } = tapewire
      return programme.play({ ...programme.everywhere, ...programme.protocols }, { ...given, openSocket, protocols })`)
  })

  test('is the entry for browsers, in Chromium', async () => {
    expect(await page.evaluate('navigator.userAgent')).toMatch(/HeadlessChrome/)
    expect(await page.evaluate('typeof process')).toBe('undefined')
  })

  test.each(Object.entries(expected.everywhere))('%s', (name, value) => {
    expect(came[name]).toEqual(value)
  })

  test.each(Object.entries(expected.protocols))('%s, through cuts', (name, value) => {
    expect(came[name]).toEqual(value)
  })

  test('says in a sentence what a browser cannot do', async () => {
    const told = await inPage<readonly [string, string][]>(`
      const told = []
      const note = ({ code, message }) => { if (code !== 'gave_up') told.push([code, message]) }
      for (const option of ['proxy', 'tls', 'localAddress', 'agent', 'compression']) {
        try { tapewire.openSocket(given.ws, { [option]: 'x' }) } catch (error) { note(error) }
      }
      const attempts = [
        [given.ws, { headers: { 'x-key': 'k' } }],
        ['mqtt://127.0.0.1:1883', { protocol: tapewire.protocols.mqtt() }],
        ['ws://127.0.0.1:1/', {}],
      ]
      for (const [url, options] of attempts) {
        const socket = tapewire.openSocket(url, { ...options, reconnect: false })
        await new Promise((resolve) => socket.on('error', (error) => { note(error); resolve() }))
        await socket.close()
      }
      return told`)
    const refused = ['proxy', 'tls', 'localAddress', 'agent', 'compression'].map((name) => [
      'bad_option',
      expect.stringContaining(`there is no option ${name}`),
    ])
    expect(told).toEqual([
      ...refused,
      ['bad_target', expect.stringContaining('cannot send headers')],
      ['bad_target', expect.stringContaining('reach the server by ws:// or wss://')],
      ['connect_failed', expect.stringContaining('cannot be reached')],
    ])
  })

  test('gives a connection up whose frames come while it is paused, beyond maxFrameBytes', async () => {
    const code = await inPage(`
      const socket = tapewire.openSocket(given.ws + '/burst', { maxFrameBytes: 100000, reconnect: false })
      const lost = new Promise((resolve) => socket.on('error', ({ code }) => resolve(code)))
      socket.on('connect', () => socket.pause())
      const code = await lost
      await socket.close()
      return code`)
    expect(code).toBe('paused_too_long')
  })

  test('throws nothing that nobody catches', () => {
    expect(uncaught).toEqual([])
  })
})

describe("Chromium's own clients, and other people's in it, on our test servers", () => {
  test('EventSource reads the event stream, over the ends of responses', async () => {
    const stream = new SseServer({ retryMs: 10 })
    await using server = await serveSimulator(stream, { cors: true })
    stream.publish('first')
    stream.publish('two\nlines', 'named')
    const url = server.url.replace('ws', 'http')
    const read = inPage(
      `const came = []
      const source = new EventSource(given)
      await new Promise((resolve) => {
        const note = ({ type, data, lastEventId }) => { if (came.push([type, data, lastEventId]) === 3) resolve() }
        source.addEventListener('message', note)
        source.addEventListener('named', note)
      })
      globalThis.source = source
      return came`,
      url,
    )
    while (stream.requests < 3) await new Promise((resolve) => setTimeout(resolve, 20))
    stream.publish('third')
    expect(await read).toEqual([
      ['message', 'first', '1'],
      ['named', 'two\nlines', '2'],
      ['message', 'third', '3'],
    ])
    stream.fault('gone', 0)
    await page.waitForFunction('source.readyState === EventSource.CLOSED')
  })

  test('WebSocket is served JSON-RPC', async () => {
    const rpc = new JsonRpcServer({
      methods: { sum: (params) => (params as number[]).reduce((a, b) => a + b) },
    })
    await using server = await serveSimulator(rpc)
    const answers = await inPage(
      `const socket = new WebSocket(given)
      await new Promise((resolve) => { socket.onopen = resolve })
      const ask = (text) => new Promise((resolve) => {
        socket.onmessage = ({ data }) => resolve(JSON.parse(data))
        socket.send(text)
      })
      const answers = [
        await ask('{"jsonrpc":"2.0","id":1,"method":"sum","params":[1,2]}'),
        await ask('{"jsonrpc":"2.0","id":2,"method":"none"}'),
        await ask('nonsense'),
      ]
      const closed = new Promise((resolve) => { socket.onclose = ({ code, wasClean }) => resolve([code, wasClean]) })
      socket.close(1000)
      return [...answers, await closed]`,
      server.url,
    )
    expect(answers).toMatchObject([
      { result: 3 },
      { error: { code: -32601 } },
      { error: { code: -32700 } },
      [1000, true],
    ])
  })

  /** Loads the build for browsers of a package. */
  const load = (path: string) =>
    page.addScriptTag({ path: fileURLToPath(new URL(`node_modules/${path}`, import.meta.url)) })

  test('pusher-js subscribes, and again after a close of 4200', async () => {
    const app = new PusherServer()
    await using server = await serveSimulator(app)
    await load('pusher-js/dist/web/pusher.js')
    await inPage(
      `globalThis.came = []
      const client = new Pusher('app-key', {
        cluster: 'x', wsHost: '127.0.0.1', wsPort: given, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
        channelAuthorization: { customHandler: (_params, done) => done(null, { auth: 'app-key:x' }) },
      })
      const channel = client.subscribe('private-orders')
      channel.bind('pusher:subscription_succeeded', () => came.push('subscribed'))
      channel.bind('news', ({ n }) => came.push(n))
      globalThis.pusherClient = client`,
      server.port,
    )
    await page.waitForFunction('came.length === 1')
    app.trigger('private-orders', 'news', { n: 1 })
    await page.waitForFunction('came.length === 2')
    app.fault('reconnect-notice', 0)
    await page.waitForFunction('came.length === 3')
    app.trigger('private-orders', 'news', { n: 2 })
    await page.waitForFunction('came.length === 4')
    expect(await page.evaluate('came')).toEqual(['subscribed', 1, 'subscribed', 2])
    await page.evaluate('pusherClient.disconnect()')
  })

  test('socket.io-client emits, is acknowledged, and comes back', async () => {
    const io = new SocketIoServer({ events: { echo: ([value], _client, ack) => ack?.(value) } })
    await using server = await serveSimulator(io)
    await load('socket.io-client/dist/socket.io.js')
    await inPage(
      `globalThis.ioClient = io(given, { transports: ['websocket'], reconnectionDelay: 20 })
      globalThis.connects = 0
      ioClient.on('connect', () => connects++)`,
      server.url,
    )
    for (let connects = 1; connects <= 3; connects++) {
      await page.waitForFunction(`connects === ${connects}`)
      const value = { text: 'é', n: connects }
      expect(await inPage('return ioClient.timeout(60000).emitWithAck("echo", given)', value)).toEqual(value)
      if (connects < 3) io.fault('engine-close', 0)
    }
    await page.evaluate('ioClient.disconnect()')
  })

  test('@microsoft/signalr invokes and is invoked', async () => {
    const hub = new SignalRServer({ methods: { Add: ([a, b]) => (a as number) + (b as number) } })
    await using server = await serveSimulator(hub, { cors: true })
    await load('@microsoft/signalr/dist/browser/signalr.js')
    const sum = await inPage(
      `const connection = new signalR.HubConnectionBuilder()
        .withUrl(given, { withCredentials: false })
        .configureLogging(signalR.LogLevel.None)
        .build()
      globalThis.hubClient = connection
      globalThis.quotes = []
      connection.on('quote', (value) => quotes.push(value))
      await connection.start()
      return connection.invoke('Add', 2, 3)`,
      `${server.url.replace('ws', 'http')}/hub`,
    )
    expect(sum).toBe(5)
    hub.broadcast('quote', 7)
    await page.waitForFunction('quotes.length === 1')
    expect(await page.evaluate('quotes')).toEqual([7])
    await page.evaluate('hubClient.stop()')
  })
})
