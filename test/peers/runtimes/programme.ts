import type * as Protocols from '../../../src/protocols/index.js'
import type { Frame, openSocket, Socket, SocketMessage } from '../../../src/socket/entry.js'

/** What a runtime gives the programme: tapewire as it is imported there, and where the servers are. */
export interface Given {
  readonly openSocket: typeof openSocket
  readonly protocols: typeof Protocols
  /** Of the server of `server.ts`. */
  readonly ws: string
  readonly http: string
  /** Of the servers of the protocols, by name. */
  readonly urls: Readonly<Record<string, string>>
  /** For what browsers decide themselves. */
  readonly wayOut?: {
    /** A name that only the proxies know. */
    readonly venue: string
    readonly wss: string
    /** Answers with 503 and a Retry-After: a host of its own, for it is left alone by all sockets. */
    readonly busy: string
    /** Takes connections and says nothing. */
    readonly deaf: string
    readonly ca: string
    readonly pin: string
    readonly httpProxy: string
    readonly socksProxy: string
    /** A broker of MQTT over TCP. */
    readonly tcp: string
  }
}

type Scenario = (given: Given) => Promise<unknown>
/** What the path `/flood` sends: far more than the buffers of the system take. */
export const FLOOD_BYTES = 64 * 1024 * 1024

/** As plain JSON has it. */
const plain = (data: Frame) => (typeof data === 'string' ? data : [...data])
/** Waits short, so that many cuts fit a test. */
const soon = { baseMs: 5, capMs: 20 }

/** The messages of a loop that is left after so many. */
async function take<Message>(
  socket: Socket<never, Message, unknown> | AsyncIterable<SocketMessage<Message>>,
  count: number,
): Promise<Message[]> {
  const taken: Message[] = []
  for await (const { data } of socket as AsyncIterable<SocketMessage<Message>>) {
    taken.push(data)
    if (taken.length === count) break
  }
  return taken
}

/** What every runtime does alike. */
export const everywhere = {
  'text and bytes go both ways': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/echo`, {
      on: {
        connect: () => {
          socket.send('é😀')
          socket.send(new Uint8Array([0, 255, 128]))
        },
      },
    })
    const came = await take(socket, 2)
    await socket.close()
    return [...came.map(plain), socket.state]
  },

  'a count goes on through cuts': async ({ openSocket, ws }) => {
    const causes: string[] = []
    const socket = openSocket(`${ws}/count`, { reconnect: soon })
    socket.on('disconnect', ({ cause }) => causes.push(cause))
    const numbers: unknown[] = []
    for await (const { data } of socket) {
      numbers.push(Number(data))
      socket.send(data)
      if (numbers.length === 50) break
    }
    await socket.close()
    return { numbers, causes }
  },

  'the watchdog gives up a silent connection': async ({ openSocket, ws }) => {
    const causes: string[] = []
    const socket = openSocket(`${ws}/silent`, {
      heartbeat: null,
      watchdog: { silentAfterMs: 300 },
      reconnect: soon,
      on: { disconnect: ({ cause }) => causes.push(cause) },
    })
    let connection = 1
    for await (const message of socket) {
      connection = message.connection
      if (connection > 1) break
    }
    await socket.close()
    return [causes[0], connection > 1]
  },

  'an unanswered heartbeat gives the connection up': async ({ openSocket, ws }) => {
    const told: string[] = []
    const socket = openSocket(`${ws}/mute`, {
      heartbeat: { send: 'ping', everyMs: 100, answerWithinMs: 300, answer: (data) => data === 'pong' },
      reconnect: soon,
    })
    socket.on('disconnect', ({ cause }) => told.push(cause))
    await new Promise<void>((resolve) => {
      socket.on('heartbeat', ({ kind }) => {
        if (kind === 'answered') resolve()
      })
    })
    await socket.close()
    return told[0]
  },

  'what is sent while disconnected is held, in order': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/refused-at-first`, {
      reconnect: soon,
      whileDisconnected: { hold: true },
    })
    const held = [socket.send('a'), socket.send(new Uint8Array([1])), socket.send('b')]
    const came = await take(socket, 3)
    await socket.close()
    return [...held, ...came.map(plain)]
  },

  'a connection is replaced without a gap': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/echo`)
    await new Promise<void>((resolve) => void socket.on('connect', () => resolve()))
    const replaced = new Promise((resolve) => {
      socket.on('disconnect', ({ connection, replaced: wasReplaced, planned }) =>
        resolve({ connection, replaced: wasReplaced, planned }),
      )
    })
    const next = new Promise((resolve) => {
      socket.on('connect', ({ connection, replaces }) => resolve({ connection, replaces }))
    })
    socket.replace()
    const both = [await next, await replaced]
    await socket.close()
    return both
  },

  'a close of the server says its code and reason': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/close`, { reconnect: false })
    const end = new Promise((resolve) => {
      socket.on('disconnect', ({ cause, code, reason }) => resolve({ cause, code, reason }))
    })
    await socket.closed
    return end
  },

  'a request has its answer': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/echo`)
    await new Promise<void>((resolve) => void socket.on('connect', () => resolve()))
    const answer = await socket.request('7 what', { answer: (each) => String(each).startsWith('7 ') })
    await socket.close()
    return answer
  },

  'a frame beyond maxFrameBytes ends the connection': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/large`, { maxFrameBytes: 100_000, reconnect: false })
    const codes: unknown[] = []
    socket.on('error', (error) => codes.push((error as { code?: string }).code))
    socket.on('disconnect', ({ code }) => codes.push(code))
    await socket.closed.catch(() => {})
    return codes.includes('frame_too_large') && codes.includes(1009)
  },

  'a slow reader loses nothing': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/burst`, { queue: { limit: 10 } })
    let next = 0
    for await (const { data } of socket) {
      if (Number(String(data).slice(0, 4)) !== next) break
      next++
      if (next % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      if (next === 1_000) break
    }
    await socket.close()
    return next
  },

  'a subprotocol is agreed on': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/echo`, { subprotocols: ['a', 'b'] })
    const protocol = await new Promise((resolve) => {
      socket.on('handshake', (handshake) => resolve(handshake.protocol))
    })
    await socket.close()
    return protocol
  },

  'an abort ends it, and its loops': async ({ openSocket, ws }) => {
    const abort = new AbortController()
    const socket = openSocket(`${ws}/echo`, { signal: abort.signal })
    socket.on('connect', () => abort.abort())
    const came = await take(socket, 1)
    await socket.closed
    return [came.length, socket.state]
  },

  'a token goes in the URL of each attempt': async ({ openSocket, ws }) => {
    let attempts = 0
    const socket = openSocket(`${ws}/echo`, {
      prepare: ({ url }) => {
        const target = new URL(url)
        target.searchParams.set('hello', `token ${++attempts}`)
        return { url: target.href }
      },
    })
    const came = await take(socket, 1)
    await socket.close()
    return came
  },
} satisfies Record<string, Scenario>

/** A protocol through cuts: its subscription is given once, and its messages come on each of three connections. */
async function follow<Command, Message, Answer>(
  { openSocket, http, urls }: Given,
  name: string,
  protocol: Protocols.Protocol<Command, Message, Answer>,
  subscription: Command | null,
  isNews: (message: Message) => boolean,
): Promise<unknown> {
  const socket = openSocket(urls[name] ?? '', { protocol, reconnect: soon })
  if (subscription !== null) socket.send(subscription)
  const seen = new Set<number>()
  for await (const { data, connection } of socket) {
    if (!isNews(data) || seen.has(connection)) continue
    seen.add(connection)
    if (seen.size === 3) break
    await fetch(`${http}/cut/${name}`, { method: 'POST' })
  }
  await socket.close()
  return seen.size
}

/** The protocols that run on a WebSocket, each against the server of somebody else where there is one. */
export const protocols = {
  'JSON-RPC': (given) =>
    follow(
      given,
      'json-rpc',
      given.protocols.jsonRpc(),
      { type: 'subscribe', key: 'news', method: 'rpc.on', params: ['news'] },
      (message) => message.type === 'notification' && message.method === 'news',
    ),
  'Socket.IO': (given) =>
    follow(
      given,
      'socket-io',
      given.protocols.socketIo(),
      { type: 'subscribe', key: 'news', event: 'join', args: ['room'] },
      (message) => message.type === 'event' && message.event === 'news',
    ),
  Pusher: (given) =>
    follow(
      given,
      'pusher',
      given.protocols.pusher({ authorize: () => ({ auth: 'app-key:x' }) }),
      { type: 'subscribe', channel: 'private-room' },
      (message) => message.type === 'event' && message.event === 'news',
    ),
  'MQTT over WebSocket': (given) =>
    follow(
      given,
      'mqtt',
      given.protocols.mqtt(),
      { type: 'subscribe', filter: 'news/#', qos: 1 },
      ({ topic }) => topic === 'news/all',
    ),
  'WAMP 2': (given) =>
    follow(
      given,
      'wamp',
      given.protocols.wamp({ realm: 'realm1' }),
      { type: 'subscribe', topic: 'news' },
      ({ type }) => type === 'event',
    ),
  'Server-sent events': (given) =>
    follow(given, 'sse', given.protocols.sse(), null, ({ type }) => type === 'event'),
  'SignalR Core': (given) =>
    follow(
      given,
      'signalr',
      given.protocols.signalR(),
      { type: 'subscribe', key: 'room', target: 'Join', args: ['room'] },
      ({ type }) => type === 'invocation',
    ),
} satisfies Record<string, Scenario>

/** What a runtime with sockets of its own can do besides. */
export const wayOut = {
  'headers go out, and those of the answer are told': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/headers`, { headers: { 'x-asked': 'yes' } })
    const told = await new Promise((resolve) => {
      socket.on('handshake', ({ status, headers }) => resolve([status, headers['upgrade']?.toLowerCase()]))
    })
    const came = await take(socket, 1)
    await socket.close()
    return [told, came]
  },
  'a refused handshake says why, and for how long': async ({ openSocket, wayOut }) => {
    const socket = openSocket(wayOut?.busy ?? '')
    const waited = new Promise<number>((resolve) => {
      socket.on('waiting', ({ delayMs }) => resolve(delayMs))
    })
    const error = await new Promise<{ code?: string; message: string }>((resolve) => {
      socket.on('error', resolve)
    })
    const delayMs = await waited
    await socket.close()
    return [error.code, error.message.includes('503'), delayMs > 1_000_000]
  },
  'a ping frame is a heartbeat': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/echo`, { heartbeat: { everyMs: 50, answer: 'pong' } })
    const kind = await new Promise((resolve) => {
      socket.on('heartbeat', (beat) => {
        if (beat.kind === 'answered') resolve(beat.kind)
      })
    })
    await socket.close()
    return kind
  },
  'a ping of the server is answered': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/pings`)
    const came = await take(socket, 1)
    await socket.close()
    return came
  },
  'an HTTP proxy': async ({ openSocket, wayOut }) => {
    const socket = openSocket(`${wayOut?.venue}/echo?hello=proxied`, { proxy: wayOut?.httpProxy ?? '' })
    const came = await take(socket, 1)
    await socket.close()
    return came
  },
  'a SOCKS 5 proxy': async ({ openSocket, wayOut }) => {
    const socket = openSocket(`${wayOut?.venue}/echo?hello=proxied`, { proxy: wayOut?.socksProxy ?? '' })
    const came = await take(socket, 1)
    await socket.close()
    return came
  },
  'TLS with an authority of its own': async ({ openSocket, wayOut }) => {
    const socket = openSocket(`${wayOut?.wss}/echo?hello=secret`, { tls: { ca: wayOut?.ca ?? '' } })
    const came = await take(socket, 1)
    await socket.close()
    return came
  },
  'TLS without it is refused': async ({ openSocket, wayOut }) => {
    const socket = openSocket(`${wayOut?.wss}/echo?hello=secret`, { reconnect: false })
    const code = await new Promise((resolve) => {
      socket.on('error', (error) => resolve((error as { code?: string }).code))
      socket.on('connect', () => resolve('connected'))
    })
    await socket.close()
    return code
  },
  'a pinned key': async ({ openSocket, wayOut }) => {
    const { wss = '', ca = '', pin = '' } = wayOut ?? {}
    const socket = openSocket(`${wss}/echo?hello=pinned`, { tls: { ca, pins: [pin] } })
    const came = await take(socket, 1)
    await socket.close()
    const other = openSocket(`${wss}/echo`, {
      tls: { ca, pins: [`sha256/${'A'.repeat(43)}=`] },
      reconnect: false,
    })
    const refused = await new Promise((resolve) => {
      other.on('error', (error) => resolve((error as { code?: string }).code))
      other.on('connect', () => resolve('connected'))
    })
    await other.close()
    return [...came, refused]
  },
  'permessage-deflate': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/echo?hello=${'z'.repeat(5_000)}`, { compression: true })
    const extensions = await new Promise<string>((resolve) => {
      socket.on('handshake', (handshake) => resolve(handshake.extensions))
    })
    const came = await take(socket, 1)
    await socket.close()
    return [extensions.includes('permessage-deflate'), String(came[0]).length]
  },
  'a local address': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/address`, { localAddress: '127.0.0.9' })
    const came = await take(socket, 1)
    await socket.close()
    return came
  },
  'a close frame that the protocol does not allow is named': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/breach`, { reconnect: false })
    const end = new Promise((resolve) => {
      socket.on('disconnect', ({ cause, code }) => resolve([cause, code]))
    })
    await socket.closed.catch(() => {})
    return end
  },
  'text that is no UTF-8 ends the connection': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/no-utf-8`, { reconnect: false })
    const end = new Promise((resolve) => {
      socket.on('disconnect', ({ cause, code }) => resolve([cause, code]))
    })
    await socket.closed.catch(() => {})
    return end
  },
  'of a compressed frame no more is unpacked than maxFrameBytes': async ({ openSocket, ws }) => {
    const socket = openSocket(`${ws}/bomb`, { compression: true, maxFrameBytes: 100_000, reconnect: false })
    const codes: unknown[] = []
    socket.on('error', (error) => codes.push((error as { code?: string }).code))
    socket.on('disconnect', ({ code }) => codes.push(code))
    await socket.closed.catch(() => {})
    return codes.includes('frame_too_large') && codes.includes(1009)
  },
  'a handshake that is never answered has an end': async ({ openSocket, wayOut }) => {
    const socket = openSocket(wayOut?.deaf ?? '', { connectTimeoutMs: 300, reconnect: false })
    const code = await new Promise((resolve) => {
      socket.on('error', (error) => resolve((error as { code?: string }).code))
    })
    await socket.close()
    return code
  },
  'a pause holds the sender back': async ({ openSocket, ws, http }) => {
    const socket = openSocket(`${ws}/flood`)
    await new Promise<void>((resolve) => void socket.on('connect', () => resolve()))
    socket.pause()
    const sent = async () => Number(await (await fetch(`${http}/flooded`)).text())
    let before = -1
    for (let now = await sent(); now !== before || now === 0; now = await sent()) {
      before = now
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
    socket.resume()
    let bytes = 0
    for await (const { data } of socket) {
      bytes += data.length
      if (bytes === FLOOD_BYTES) break
    }
    await socket.close()
    return [before < FLOOD_BYTES, bytes]
  },
  'MQTT over TCP': async (given) =>
    follow(
      { ...given, urls: { mqtt: given.wayOut?.tcp ?? '' } },
      'mqtt',
      given.protocols.mqtt(),
      { type: 'subscribe', filter: 'news/#', qos: 1 },
      ({ topic }) => topic === 'news/all',
    ),
} satisfies Record<string, Scenario>

/** Runs scenarios side by side: what each gave, or that it failed. */
export async function play(
  scenarios: Readonly<Record<string, Scenario>>,
  given: Given,
): Promise<Record<string, unknown>> {
  const outcomes = Object.entries(scenarios).map(async ([name, scenario]) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve('did not end'), 75_000)
    })
    const done = scenario(given).catch((error: unknown) => ({ failed: String(error) }))
    const outcome = await Promise.race([done, late])
    clearTimeout(timer)
    return [name, outcome]
  })
  return Object.fromEntries(await Promise.all(outcomes))
}
