import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqttClient from 'mqtt'
import { Server as RpcServer } from 'rpc-websockets'
import { Server as IoServer } from 'socket.io'
import { PusherServer, SignalRServer } from '../../../simulators/protocols/index.js'
import { serveSimulator } from '../../../src/simulator/index.js'
import { listen } from '../../src/socket/servers.js'
import { type Relay, relay } from './server.js'

const require = createRequire(import.meta.url)
/** Neither has declarations that fit. */
const FoxRouter = require('fox-wamp') as new () => { listenWAMP(options: object): void }
const autobahn = require('autobahn') as {
  Connection: new (
    options: object,
  ) => {
    onopen: (session: { publish(topic: string, args: unknown[]): void }) => void
    open(): void
    close(): void
  }
}

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
  const signalR = await serveSimulator(hub)
  news.push(() => hub.broadcast('news', 1))
  closing.push(() => signalR.close())

  const wampHttp = createServer()
  new FoxRouter().listenWAMP({ server: wampHttp, path: '/wamp' })
  const wampPort = await listen(wampHttp)
  const bahn = new autobahn.Connection({ url: `ws://127.0.0.1:${wampPort}/wamp`, realm: 'realm1' })
  bahn.onopen = (session) => void news.push(() => session.publish('news', [1]))
  bahn.open()
  closing.push(() => bahn.close())

  const streams = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'access-control-allow-origin': '*' })
    response.write('retry: 10\n\n')
    let id = Number(request.headers['last-event-id'] ?? 0)
    const talk = setInterval(() => response.write(`id: ${++id}\ndata: ${id}\n\n`), EVERY_MS)
    response.on('close', () => clearInterval(talk))
  })

  const broker = await mosquitto()
  closing.push(() => broker.close())
  const publisher = await mqttClient.connectAsync(`mqtt://127.0.0.1:${broker.tcp}`)
  news.push(() => void publisher.publish('news/all', '1'))
  closing.unshift(() => publisher.endAsync(true))

  const urls = {
    'json-rpc': `ws://${await behind('json-rpc', (rpc.wss.address() as AddressInfo).port)}`,
    'socket-io': `ws://${await behind('socket-io', ioPort)}`,
    pusher: `ws://${await behind('pusher', pusher.port)}/app/app-key`,
    signalr: `http://${await behind('signalr', signalR.port)}/hub`,
    wamp: `ws://${await behind('wamp', wampPort)}/wamp`,
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

/** A port on which nothing listens now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves once something listens on a port. */
export async function listens(port: number): Promise<void> {
  for (let open = false; !open; ) {
    const probe = connect(port, '127.0.0.1')
    open = await once(probe, 'connect').then(
      () => true,
      () => false,
    )
    probe.destroy()
    if (!open) await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A mosquitto of our own, on a port for TCP and one for WebSockets. */
export async function mosquitto(): Promise<{
  readonly tcp: number
  readonly ws: number
  close(): Promise<void>
}> {
  const folder = mkdtempSync(join(tmpdir(), 'tapewire-mosquitto-'))
  const tcp = await freePort()
  const ws = await freePort()
  const config = join(folder, 'mosquitto.conf')
  const listeners = `listener ${tcp} 127.0.0.1\nlistener ${ws} 127.0.0.1\nprotocol websockets\n`
  writeFileSync(config, `${listeners}allow_anonymous true\npersistence false\nretain_available true\n`)
  const broker: ChildProcess = spawn('/usr/sbin/mosquitto', ['-c', config], { stdio: 'ignore' })
  for (const port of [tcp, ws]) await listens(port)
  return {
    tcp,
    ws,
    close: async () => {
      broker.kill()
      await once(broker, 'exit')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
