import * as http from 'node:http'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  MqttServer,
  PusherServer,
  SignalRServer,
  SocketIoServer,
  WampServer,
} from '../../../simulators/protocols/index.js'
import { mqtt, pusher, signalR, socketIo, sse, wamp } from '../../../src/protocols/index.js'
import { withFaults } from '../../../src/simulator/faults.js'
import { serveSimulator } from '../../../src/simulator/index.js'
import { SeededRandom } from '../../../src/simulator/random.js'
import { openSocket } from '../../../src/socket/index.js'
import type { Socket } from '../../../src/socket/socket.js'
import { eventually, leavingNothingOpen, listen, tcp } from './servers.js'

leavingNothingOpen()

const options = { reconnect: { baseMs: 20, capMs: 50 }, watchdog: { silentAfterMs: 2_000 } } as const
const faults = { seed: 11, faults: [{ fault: 'reset', everyMs: 300, times: 30 }] as const }

/** Serves through cuts, runs the client, publishes all the while, and sees that every connection delivers. */
async function keepsDelivering<C, M, A>(
  server: Parameters<typeof withFaults>[0],
  open: (url: string) => Socket<C, M, A>,
  publish: () => void,
  isPublished: (message: M) => boolean,
): Promise<void> {
  const plan = { seed: faults.seed, faults: [...faults.faults] }
  const served = await serveSimulator(withFaults(server, plan, new SeededRandom(11)))
  const socket = open(served.url)
  const delivering = new Set<number>()
  socket.on('message', ({ data, connection }) => isPublished(data) && delivering.add(connection))
  const publishing = setInterval(publish, 10)
  const began = performance.now()
  await eventually(() => {
    expect(socket.stats.connects).toBeGreaterThanOrEqual(4)
    expect(delivering.size).toBeGreaterThanOrEqual(4)
  })
  expect(performance.now() - began).toBeGreaterThan(600)
  clearInterval(publishing)
  await socket.close()
  expect(socket.state).toBe('closed')
  await served.close()
}

describe('a protocol under openSocket, cut every 300 ms, delivers on every connection: its subscription is restored', () => {
  it('pusher', async () => {
    const app = new PusherServer()
    await keepsDelivering(
      app,
      (url) => {
        const socket = openSocket(`${url}/app/app-key`, { ...options, protocol: pusher() })
        socket.send({ type: 'subscribe', channel: 'trades' })
        return socket
      },
      () => app.trigger('trades', 'trade', { price: '1' }),
      ({ type }) => type === 'event',
    )
  })

  it('signalr, with negotiation over HTTP', async () => {
    const hub = new SignalRServer({ methods: { Join: () => null } })
    await keepsDelivering(
      hub,
      (url) => {
        const socket = openSocket(`${url}/hub`, { ...options, protocol: signalR() })
        socket.send({ type: 'subscribe', key: 'j', target: 'Join', args: [] })
        return socket
      },
      () => hub.broadcast('Trade', { price: '1' }),
      ({ type }) => type === 'invocation',
    )
  })

  it('socket.io', async () => {
    const io = new SocketIoServer({
      events: { join: (args, client) => void client.rooms.add(String(args[0])) },
    })
    await keepsDelivering(
      io,
      (url) => {
        const socket = openSocket(url, { ...options, protocol: socketIo() })
        socket.send({ type: 'subscribe', key: 'r', event: 'join', args: ['depth'] })
        return socket
      },
      () => io.emit('depth', 'update', [{ price: '1' }]),
      ({ type }) => type === 'event',
    )
  })

  it('wamp', async () => {
    const router = new WampServer()
    await keepsDelivering(
      router,
      (url) => {
        const socket = openSocket(url, { ...options, protocol: wamp({ realm: 'realm1' }) })
        socket.send({ type: 'subscribe', topic: 'ticker' })
        return socket
      },
      () => router.publish('ticker', [1]),
      ({ type }) => type === 'event',
    )
  })

  it('mqtt over TCP, with QoS 1', async () => {
    const broker = new MqttServer()
    const served = await serveSimulator(broker)
    // The simulator speaks WebSocket: what comes over TCP is carried there, and cut now and then.
    const port = await tcp((client) => {
      const upstream = new WebSocket(served.url, 'mqtt')
      const early: Buffer[] = []
      client.on('data', (data) =>
        upstream.readyState === WebSocket.OPEN ? upstream.send(data) : early.push(data),
      )
      upstream.on('open', () => early.splice(0).map((data) => upstream.send(data)))
      upstream.on('message', (data: Buffer) => client.write(data))
      upstream.on('error', () => {}).on('close', () => client.destroy())
      client.on('close', () => upstream.terminate())
      const cut = setTimeout(() => client.resetAndDestroy(), 300)
      client.on('close', () => clearTimeout(cut))
    })
    const delivering = new Set<number>()
    const socket = openSocket(`mqtt://127.0.0.1:${port}`, {
      reconnect: options.reconnect,
      protocol: mqtt(),
      on: { message: ({ data, connection }) => data.topic === 'prices/btc' && delivering.add(connection) },
    })
    socket.send({ type: 'subscribe', filter: 'prices/+', qos: 1 })
    const publishing = setInterval(() => broker.publish('prices/btc', '1', { qos: 1 }), 10)
    await eventually(() => expect(delivering.size).toBeGreaterThanOrEqual(4))
    clearInterval(publishing)
    expect(socket.stats.lost).toMatchObject({ cut: expect.any(Number) })
    await socket.close()
    await served.close()
  })

  it('server-sent events over HTTP, which go on where they were cut', async () => {
    let last = 0
    const open = new Set<http.ServerResponse>()
    const port = await listen(
      http.createServer(({ headers }, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        for (let id = Number(headers['last-event-id'] ?? last) + 1; id <= last; id++)
          response.write(`id: ${id}\ndata: ${id}\n\n`)
        open.add(response)
        const cut = setTimeout(() => response.destroy(), 200)
        response.on('close', () => open.delete(response) && clearTimeout(cut))
      }),
    )
    const publishing = setInterval(() => {
      last++
      for (const response of open) response.write(`id: ${last}\ndata: ${last}\n\n`)
    }, 10)
    const seen: number[] = []
    const socket = openSocket(`http://127.0.0.1:${port}/`, {
      reconnect: options.reconnect,
      protocol: sse({ retryMs: 5 }),
      on: { message: ({ data }) => seen.push(Number(data.data)) },
    })
    await eventually(() => expect(socket.stats.connects).toBeGreaterThanOrEqual(4))
    clearInterval(publishing)
    await socket.close()
    expect(seen).toEqual(seen.map((_, n) => (seen[0] ?? 0) + n))
  })
})
