import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { expect, test } from 'vitest'
import { SocketIoServer } from '../../simulators/protocols/socket-io.js'
import { socketIo } from '../../src/protocols/socket-io/index.js'
import { serveSimulator } from '../../src/simulator/index.js'
import { LiveCodec } from '../src/protocols/live-codec.js'

const require = createRequire(import.meta.url)
/** Version 2 has the same names, and no declarations. */
const OldServer = require('socket.io-2') as new (http: HttpServer, options?: object) => Server
const oldIo = require('socket.io-client-2') as typeof io

async function listening(http: HttpServer): Promise<string> {
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return `ws://127.0.0.1:${(http.address() as AddressInfo).port}`
}

test.each([
  ['4', 4, (http: HttpServer) => new Server(http, { pingInterval: 200, pingTimeout: 400 })],
  ['2', 3, (http: HttpServer) => new OldServer(http, { pingInterval: 200, pingTimeout: 400 })],
  [
    '4 that allows the old engine',
    3,
    (http: HttpServer) => new Server(http, { allowEIO3: true, pingInterval: 200 }),
  ],
] as const)('the server of socket.io %s serves our client over cuts', async (_name, engine, serve) => {
  const http = createServer()
  const server = serve(http)
  const url = await listening(http)
  server.on('connection', (socket) => {
    socket.on('join', (room: string) => socket.join(room))
    socket.on('echo', (value: unknown, done: (value: unknown) => void) => done(value))
  })
  server.of('/ns').on('connection', (socket) => {
    socket.emit('hello', Buffer.from([1, 2, 3]), { deep: [Buffer.from([4])] })
    socket.on('asked', (done: (value: number) => void) => done(7))
  })
  await using live = new LiveCodec(socketIo({ engine }), url)
  live.do({ type: 'connect', namespace: '/ns' })
  live.do({ type: 'subscribe', key: 'room', event: 'join', args: ['room'] })
  const count = (name: string) =>
    live.messages.filter((each) => each.type === 'event' && each.event === name).length
  for (let cut = 1; cut <= 4; cut++) {
    await live.until(() => live.readyTimes === cut)
    const value = { text: 'é😀', bytes: Buffer.from([9, 8, 7]) }
    const [echoed] = (await live.value({ type: 'request', event: 'echo', args: [value] })) as [typeof value]
    expect(echoed.text).toBe(value.text)
    expect([...echoed.bytes]).toEqual([9, 8, 7])
    await live.until(() => count('hello') === cut)
    expect(await live.value({ type: 'request', namespace: '/ns', event: 'asked' })).toEqual([7])
    server.to('room').emit('news', cut)
    await live.until(() => count('news') === cut)
    live.cut()
    await live.until(() => !live.ready)
  }
  await live.until(() => live.ready)
  const before = live.readyTimes
  // Three times the ping timeout: a side that does not beat would be gone.
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  expect(live.readyTimes).toBe(before)
  const bad = await live.outcome({ type: 'connect', namespace: '/none' })
  expect(bad).toMatchObject({ error: { code: 'connection_refused' } })
  expect(live.errors).toEqual([])
  await live.close()
  await new Promise<void>((resolve) => void server.close(() => resolve()))
})

test('socket.io 4 recovers our connection: what was missed comes, once and in order', async () => {
  const http = createServer()
  const server = new Server(http, { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } })
  const url = await listening(http)
  let joins = 0
  server.on('connection', (socket) => {
    socket.on('join', (room: string) => {
      joins++
      void socket.join(room)
    })
  })
  await using live = new LiveCodec(socketIo(), url)
  await live.whenReady()
  await live.value({ type: 'subscribe', key: 'room', event: 'join', args: ['room'] })
  const numbers = () => live.messages.flatMap((each) => (each.type === 'event' ? [each.args[0]] : []))
  while (joins === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  for (let n = 0; n < 100; n++) {
    server.to('room').emit('news', n)
    if (n % 25 !== 24) continue
    await live.until(() => numbers().length === n + 1)
    live.cut()
    await live.until(() => !live.ready)
  }
  server.to('room').emit('news', 100)
  await live.until(() => numbers().length === 101)
  expect(numbers()).toEqual(Array.from({ length: 101 }, (_, n) => n))
  expect(live.messages.filter((each) => each.type === 'connected' && each.recovered).length).toBe(4)
  expect(joins).toBe(1)
  await live.close()
  await new Promise<void>((resolve) => void server.close(() => resolve()))
})

test.each([
  ['4', io],
  ['2', oldIo],
] as const)('the client of socket.io-client %s is served by our test server', async (_name, connect) => {
  const sockets = new SocketIoServer({
    namespaces: ['/ns'],
    pingIntervalMs: 100,
    pingTimeoutMs: 300,
    events: {
      join: ([room], client) => void client.rooms.add(String(room)),
      echo: (args, _client, ack) => ack?.(...args),
    },
  })
  await using server = await serveSimulator(sockets)
  const client = connect(server.url.replace('ws', 'http'), {
    transports: ['websocket'],
    reconnectionDelay: 10,
  } as never)
  const other = connect(`${server.url.replace('ws', 'http')}/ns`, { transports: ['websocket'] } as never)
  await Promise.all([once(client as never, 'connect'), once(other as never, 'connect')])
  const echoed = await new Promise<unknown[]>((resolve) => {
    client.emit('echo', { a: 1 }, Buffer.from([5]), (...args: unknown[]) => resolve(args))
  })
  expect(echoed[0]).toEqual({ a: 1 })
  expect([...(echoed[1] as Uint8Array)]).toEqual([5])
  client.emit('join', 'room')
  const news = once(client as never, 'news')
  await new Promise<void>((resolve) => client.emit('echo', 1, () => resolve()))
  sockets.emit('room', 'news', [1, Uint8Array.of(2)])
  expect([...((await news) as [number, Uint8Array])[1]]).toEqual([2])
  client.on('ask', (value: number, done: (value: number) => void) => done(value + 1))
  const asked = sockets.clients.find(({ rooms }) => rooms.has('room'))
  expect(await new Promise((resolve) => asked?.ask('ask', [41], resolve))).toEqual([42])
  const again = once(client as never, 'connect')
  sockets.fault('engine-close', 0)
  await again
  client.close()
  other.close()
})
