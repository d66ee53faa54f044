import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import * as msgpack from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import { WampRefusal, WampServer } from '../../simulators/protocols/wamp.js'
import { wamp } from '../../src/protocols/wamp/index.js'
import { serveSimulator } from '../../src/simulator/index.js'
import { LiveCodec } from '../src/protocols/live-codec.js'

const require = createRequire(import.meta.url)
/** Neither has declarations that fit. */
const autobahn = require('autobahn') as {
  Connection: new (options: object) => Connection
}
const FoxRouter = require('fox-wamp') as new () => { listenWAMP(options: object): void }

interface Session {
  subscribe(
    topic: string,
    handler: (args: unknown[], kwargs: object, details: { topic?: string }) => void,
    options?: object,
  ): Promise<unknown>
  register(procedure: string, handler: (args: number[]) => number): Promise<unknown>
  call(procedure: string, args?: unknown[]): Promise<unknown>
  publish(topic: string, args?: unknown[], kwargs?: object, options?: object): Promise<unknown>
}
interface Connection {
  onopen: (session: Session) => void
  open(): void
  close(): void
}

const opened = (connection: Connection) =>
  new Promise<Session>((resolve) => {
    connection.onopen = resolve
    connection.open()
  })

test('fox-wamp serves our client beside one of autobahn, over cuts', async () => {
  const http = createServer().listen(0, '127.0.0.1')
  await once(http, 'listening')
  new FoxRouter().listenWAMP({ server: http, path: '/wamp' })
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/wamp`
  const connection = new autobahn.Connection({ url, realm: 'realm1' })
  const peer = await opened(connection)
  await peer.register('sum', ([a = 0, b = 0]) => a + b)
  const heard: unknown[] = []
  await peer.subscribe('ours', (args) => heard.push(args[0]))
  await using live = new LiveCodec(wamp({ realm: 'realm1' }), url)
  await live.value({ type: 'subscribe', topic: 'theirs' })
  await live.value({ type: 'register', procedure: 'twice' })
  for (let cut = 1; cut <= 4; cut++) {
    await live.until(() => live.readyTimes === cut)
    expect(await live.value({ type: 'call', procedure: 'sum', args: [cut, 1] })).toMatchObject({
      args: [cut + 1],
    })
    expect(await live.outcome({ type: 'call', procedure: 'none' })).toMatchObject({
      error: { code: 'request_refused' },
    })
    await live.value({ type: 'publish', topic: 'ours', args: [cut], options: { acknowledge: true } })
    const events = () => live.messages.filter(({ type }) => type === 'event').length
    await peer.publish('theirs', [cut], { k: cut }, { acknowledge: true })
    await live.until(() => events() === cut)
    const asked = peer.call('twice', [cut])
    await live.until(() => live.messages.filter(({ type }) => type === 'invocation').length === cut)
    const invocation = live.messages.findLast(({ type }) => type === 'invocation')
    if (invocation?.type !== 'invocation') throw new Error('not asked')
    live.do({ type: 'yield', id: invocation.id, args: [cut * 2] })
    expect(await asked).toBe(cut * 2)
    live.cut()
    await live.until(() => !live.ready)
  }
  expect(heard).toEqual([1, 2, 3, 4])
  expect(live.errors).toEqual([])
  await live.close()
  connection.close()
  http.closeAllConnections()
  http.close()
})

test('autobahn is served by our test router', async () => {
  const router = new WampServer({
    procedures: { echo: ([value]) => value, boom: () => new WampRefusal('app.no', ['why']) },
    ticket: 't',
  })
  await using server = await serveSimulator(router)
  const connection = new autobahn.Connection({
    url: server.url,
    realm: 'realm1',
    authid: 'ann',
    authmethods: ['ticket'],
    onchallenge: () => 't',
    initial_retry_delay: 0.02,
  })
  const session = await opened(connection)
  expect(await session.call('echo', [{ a: 1 }])).toEqual({ a: 1 })
  await expect(session.call('boom')).rejects.toMatchObject({ error: 'app.no', args: ['why'] })
  await session.register('sum', ([a = 0, b = 0]) => a + b)
  expect(await session.call('sum', [2, 3])).toBe(5)
  const heard: string[] = []
  await session.subscribe('news.', (args, _kwargs, { topic }) => heard.push(`${topic} ${args[0]}`), {
    match: 'prefix',
  })
  await session.publish('news.a', [1], {}, { acknowledge: true, exclude_me: false })
  router.publish('news.b', [2])
  while (heard.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(heard).toEqual(['news.a 1', 'news.b 2'])
  connection.close()
})

test('our client speaks MessagePack', async () => {
  const library = {
    encode: (value: unknown) => msgpack.encode(value, { useBigInt64: true }),
    decode: (bytes: Uint8Array) => msgpack.decode(bytes, { useBigInt64: true }),
  }
  const router = new WampServer({ procedures: { echo: ([value]) => value }, messagePack: library })
  await using server = await serveSimulator(router)
  await using live = new LiveCodec(wamp({ realm: 'realm1', messagePack: library }), server.url)
  await live.value({ type: 'subscribe', topic: 'news' })
  const value = { big: 9007199254740993n, text: 'é' }
  expect(await live.value({ type: 'call', procedure: 'echo', args: [value] })).toMatchObject({
    args: [value],
  })
  router.publish('news', [1])
  await live.until(() => live.messages.length === 1)
  expect(live.errors).toEqual([])
})
