import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import jayson from 'jayson'
import { Client, Server } from 'rpc-websockets'
import { expect, test } from 'vitest'
import { JsonRpcServer, RpcRefusal } from '../../simulators/protocols/json-rpc.js'
import { jsonRpc } from '../../src/protocols/json-rpc/index.js'
import { serveSimulator } from '../../src/simulator/index.js'
import { LiveCodec } from '../src/protocols/live-codec.js'

test('rpc-websockets serves our client: calls, errors, login, events that are restored after a cut', async () => {
  const server = new Server({ port: 0, host: '127.0.0.1' })
  await once(server as never, 'listening')
  const { port } = server.wss.address() as AddressInfo
  server.setAuth(async (params) => (params as { user?: string }).user === 'ann')
  server.register('sum', (params) => (params as number[]).reduce((a, b) => a + b, 0)).protected()
  server.register('boom', () => {
    throw server.createError(-32001, 'no', { x: 1 })
  })
  server.event('tick')
  const login = () => ({ method: 'rpc.login', params: { user: 'ann' } })
  await using live = new LiveCodec(jsonRpc({ login }), `ws://127.0.0.1:${port}`)
  await live.whenReady()
  expect(await live.value({ type: 'call', method: 'sum', params: [1, 2, 3] })).toBe(6)
  expect(await live.outcome({ type: 'call', method: 'boom' })).toMatchObject({
    error: { code: 'request_refused' },
  })
  expect(await live.outcome({ type: 'call', method: 'none' })).toMatchObject({
    error: { answer: { code: -32601 } },
  })
  expect(
    await live.value({
      type: 'batch',
      calls: [
        { method: 'sum', params: [4, 5] },
        { method: 'sum', params: [6] },
      ],
    }),
  ).toMatchObject([{ value: 9 }, { value: 6 }])
  await live.value({ type: 'subscribe', key: 'tick', method: 'rpc.on', params: ['tick'] })
  for (let cut = 1; cut <= 5; cut++) {
    live.cut()
    await live.until(() => live.readyTimes === cut + 1)
    // The answer comes after that to the subscription: it stands by then.
    await live.value({ type: 'call', method: 'sum', params: [] })
    const before = live.messages.length
    server.emit('tick', cut)
    await live.until(() => live.messages.length > before)
    expect(live.messages.at(-1)).toMatchObject({ method: 'tick', params: [cut] })
  }
  expect(live.errors).toEqual([])
  await live.close()
  await server.close()
})

test('jayson serves our client', async () => {
  const jsonServer = new jayson.Server({
    add: (args: unknown, done: (error: unknown, result?: unknown) => void) =>
      done(null, (args as number[])[0]),
    boom: (_args: unknown, done: (error: unknown) => void) => done({ code: 501, message: 'no' }),
  })
  const http = createServer()
  const sockets = jsonServer.websocket({ server: http } as never)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  await using live = new LiveCodec(jsonRpc(), `ws://127.0.0.1:${(http.address() as AddressInfo).port}`)
  await live.whenReady()
  expect(await live.value({ type: 'call', method: 'add', params: [7] })).toBe(7)
  expect(await live.outcome({ type: 'call', method: 'boom', params: [] })).toMatchObject({
    error: { answer: { code: 501, message: 'no' } },
  })
  expect(
    await live.value({
      type: 'batch',
      calls: [
        { method: 'add', params: [1] },
        { method: 'none', params: [] },
      ],
    }),
  ).toMatchObject([{ value: 1 }, { ok: false }])
  await live.close()
  ;(sockets as unknown as { close(): void }).close()
  http.close()
})

test('the client of rpc-websockets is served by our test server', async () => {
  const rpc = new JsonRpcServer({
    methods: {
      sum: (params) => (params as number[]).reduce((a, b) => a + b, 0),
      boom: () => new RpcRefusal(7, 'no'),
    },
  })
  await using server = await serveSimulator(rpc)
  const client = new Client(server.url)
  await once(client as never, 'open')
  expect(await client.call('sum', [1, 2])).toBe(3)
  await expect(client.call('boom', [])).rejects.toMatchObject({ code: 7 })
  await expect(client.call('none', [])).rejects.toMatchObject({ code: -32601 })
  client.close()
})
