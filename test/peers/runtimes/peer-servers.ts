import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import mqttClient from 'mqtt'
import { Server as RpcServer } from 'rpc-websockets'
import { Server as IoServer } from 'socket.io'
import { PusherServer, SignalRServer, WampServer } from '../../../simulators/protocols/index.js'
import { serveSimulator } from '../../../src/simulator/index.js'
import { listen } from '../../src/socket/servers.js'
import { mosquitto } from '../brokers.js'
import { type Relay, relay } from './server.js'

/** Servers of the protocols, each behind a relay, that say something new to whoever has subscribed, again and again. */
export interface PeerServers {
  readonly relays: ReadonlyMap<string, Relay>
  readonly urls: Readonly<Record<string, string>>
  /** The broker over TCP, behind the relay of MQTT's. */
  readonly tcp: string
  close(): Promise<void>
}

const EVERY_MS = 25

export async function peerServers(): Promise<PeerServers> {
  const closing: (() => unknown)[] = []
  const relays = new Map<string, Relay>()
  const behind = async (name: string, port: number) => {
    const way = await relay(port)
    relays.set(name, way)
    return `127.0.0.1:${way.port}`
  }
  const news: (() => void)[] = []

  const rpc = new RpcServer({ port: 0, host: '127.0.0.1' })
  await once(rpc as never, 'listening')
  rpc.event('news')
  news.push(() => rpc.emit('news', 1))
  closing.push(() => rpc.close())

  const ioHttp = createServer()
  const io = new IoServer(ioHttp)
  io.on('connection', (socket) => void socket.on('join', (room: string) => socket.join(room)))
  news.push(() => void io.to('room').emit('news', 1))
  const ioPort = await listen(ioHttp)
  closing.push(() => io.close())

  const app = new PusherServer()
  const pusher = await serveSimulator(app)
  news.push(() => app.trigger('private-room', 'news', { n: 1 }))
  closing.push(() => pusher.close())

  const hub = new SignalRServer({ methods: { Join: () => true } })
  const signalR = await serveSimulator(hub, { cors: true })
  news.push(() => hub.broadcast('news', 1))
  closing.push(() => signalR.close())

  // Not fox-wamp: it throws where nobody can catch it when a connection is reset while it writes.
  const router = new WampServer()
  const wamp = await serveSimulator(router)
  news.push(() => router.publish('news', [1]))
  closing.push(() => wamp.close())

  const streams = createServer((request, response) => {
    // For a page of another origin.
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-headers', 'last-event-id')
    if (request.method === 'OPTIONS') {
      response.end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('retry: 10\n\n')
    let id = Number(request.headers['last-event-id'] ?? 0)
    const talk = setInterval(() => response.write(`id: ${++id}\ndata: ${id}\n\n`), EVERY_MS)
    response.on('close', () => clearInterval(talk))
  })

  const broker = await mosquitto()
  closing.push(() => broker[Symbol.asyncDispose]())
  const publisher = await mqttClient.connectAsync(`mqtt://127.0.0.1:${broker.tcp}`)
  news.push(() => void publisher.publish('news/all', '1'))
  closing.unshift(() => publisher.endAsync(true))

  const urls = {
    'json-rpc': `ws://${await behind('json-rpc', (rpc.wss.address() as AddressInfo).port)}`,
    'socket-io': `ws://${await behind('socket-io', ioPort)}`,
    pusher: `ws://${await behind('pusher', pusher.port)}/app/app-key`,
    signalr: `http://${await behind('signalr', signalR.port)}/hub`,
    wamp: `ws://${await behind('wamp', wamp.port)}`,
    sse: `http://${await behind('sse', await listen(streams))}/`,
    mqtt: `ws://${await behind('mqtt', broker.ws)}`,
  }
  const tcpRelay = await relay(broker.tcp)
  const wsRelay = relays.get('mqtt')
  relays.set('mqtt', {
    port: wsRelay?.port ?? 0,
    cut: () => {
      wsRelay?.cut()
      tcpRelay.cut()
    },
  })
  const talk = setInterval(() => {
    for (const publish of news) publish()
  }, EVERY_MS)
  closing.unshift(() => clearInterval(talk))
  return {
    relays,
    urls,
    tcp: `mqtt://127.0.0.1:${tcpRelay.port}`,
    close: async () => {
      for (const each of closing) await each()
    },
  }
}
