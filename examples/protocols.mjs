// @ts-check
/**
 * Every protocol on the resilient client, against its test server, which this program starts itself: a subscription, a message, a connection
 * that is given up, and a message on the next one, for which nobody subscribed again.
 *
 *   node examples/protocols.mjs [pusher ...]
 */
import { classicSignalR } from 'tapewire/protocols/classic-signalr'
import { jsonRpc } from 'tapewire/protocols/json-rpc'
import { mqtt } from 'tapewire/protocols/mqtt'
import { pusher } from 'tapewire/protocols/pusher'
import { signalR } from 'tapewire/protocols/signalr'
import { socketIo } from 'tapewire/protocols/socket-io'
import { sse } from 'tapewire/protocols/sse'
import { wamp } from 'tapewire/protocols/wamp'
import { serveSimulator } from 'tapewire/simulators'
import {
  ClassicSignalRServer,
  JsonRpcServer,
  MqttServer,
  PusherServer,
  SignalRServer,
  SocketIoServer,
  SseServer,
  WampServer,
} from 'tapewire/simulators/protocols'
import { openSocket } from 'tapewire/socket'

/**
 * @typedef {object} Example
 * @property {import('tapewire/simulators').VenueSimulator} server
 * @property {(url: string) => string} url
 * @property {any} protocol
 * @property {any} subscribe the command; null where there is nothing to ask for
 * @property {(number: number) => void} publish
 * @property {(message: any) => unknown} read what was published, undefined for any other message
 */

/** @type {Record<string, () => Example>} */
const examples = {
  'json-rpc': () => {
    const server = new JsonRpcServer({ methods: { subscribe: () => 'ok' } })
    return {
      server,
      url: (url) => url,
      protocol: jsonRpc(),
      subscribe: { type: 'subscribe', key: 'ticker', method: 'subscribe', params: ['ticker'] },
      publish: (number) => server.notify('ticker', { number }),
      read: ({ type, params }) => (type === 'notification' ? params.number : undefined),
    }
  },
  pusher: () => {
    const server = new PusherServer()
    return {
      server,
      url: (url) => `${url}/app/app-key`,
      protocol: pusher({
        authorize: ({ channel, socketId }) => ({ auth: `app-key:signature of ${socketId}:${channel}` }),
      }),
      subscribe: { type: 'subscribe', channel: 'private-orders' },
      publish: (number) => server.trigger('private-orders', 'order', { number }),
      read: ({ type, data }) => (type === 'event' ? data.number : undefined),
    }
  },
  signalr: () => {
    const server = new SignalRServer({ methods: { Join: () => true } })
    return {
      server,
      url: (url) => `${url}/hub`,
      protocol: signalR(),
      subscribe: { type: 'subscribe', key: 'room', target: 'Join', args: ['room'] },
      publish: (number) => server.broadcast('quote', number),
      read: ({ type, args }) => (type === 'invocation' ? args[0] : undefined),
    }
  },
  'socket-io': () => {
    const server = new SocketIoServer({
      events: { 'join-room': ([room], client) => void client.rooms.add(String(room)) },
    })
    return {
      server,
      url: (url) => url,
      protocol: socketIo(),
      subscribe: { type: 'subscribe', key: 'depth', event: 'join-room', args: ['depth'] },
      publish: (number) => server.emit('depth', 'message', [number]),
      read: ({ type, args }) => (type === 'event' ? args[0] : undefined),
    }
  },
  mqtt: () => {
    const server = new MqttServer()
    return {
      server,
      url: (url) => url,
      protocol: mqtt(),
      subscribe: { type: 'subscribe', filter: 'prices/+', qos: 1 },
      publish: (number) => server.publish('prices/btc', String(number), { qos: 1 }),
      read: ({ payload }) => Number(new TextDecoder().decode(payload)),
    }
  },
  wamp: () => {
    const server = new WampServer()
    return {
      server,
      url: (url) => url,
      protocol: wamp({ realm: 'realm1' }),
      subscribe: { type: 'subscribe', topic: 'ticker' },
      publish: (number) => void server.publish('ticker', [number]),
      read: ({ type, args }) => (type === 'event' ? args[0] : undefined),
    }
  },
  sse: () => {
    const server = new SseServer()
    return {
      server,
      url: (url) => url.replace('ws', 'http'),
      protocol: sse(),
      subscribe: null,
      publish: (number) => server.publish(String(number)),
      read: ({ data }) => Number(data),
    }
  },
  'classic-signalr': () => {
    const server = new ClassicSignalRServer({ hubs: { Hub: { Subscribe: () => true } } })
    return {
      server,
      url: (url) => url,
      protocol: classicSignalR({ hubs: ['hub'] }),
      subscribe: { type: 'subscribe', key: 'trades', method: 'Subscribe', args: [['trades']] },
      publish: (number) => server.push('Hub', 'trade', number),
      read: ({ type, args }) => (type === 'push' ? args[0] : undefined),
    }
  },
}

const named = process.argv.slice(2)
for (const [name, make] of Object.entries(examples)) {
  if (named.length > 0 && !named.includes(name)) continue
  const { server, url, protocol, subscribe, publish, read } = make()
  const served = await serveSimulator(server)
  const socket = openSocket(url(served.url), { protocol, reconnect: { baseMs: 20 } })
  // Asked for before there is a connection, and remembered for every one that follows.
  if (subscribe !== null) socket.send(subscribe)
  let number = 1
  const publishing = setInterval(() => publish(number), 50)
  for await (const { data } of socket) {
    if (read(/** @type {any} */ (data)) !== number) continue
    console.log(`${name}: message ${number}`)
    if (number++ === 2) break
    socket.reconnect('to show that the subscription comes back')
  }
  clearInterval(publishing)
  await socket.close()
  await served.close()
}
