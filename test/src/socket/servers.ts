import { createHash } from 'node:crypto'
import * as http from 'node:http'
import * as https from 'node:https'
import * as net from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as tlsServer } from 'node:tls'
import { afterEach, beforeEach, expect } from 'vitest'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { Clock, Dial, DialClose, DialedSocket, DialTarget, Upgrade } from '../../../src/platform.js'
import { systemClock } from '../../../src/socket/clock.js'
import type { Certificate } from './certificate.js'

/** Everything that a test opened, to be closed after it. */
const opened: (() => Promise<void>)[] = []

export async function closeServers(): Promise<void> {
  await Promise.all(opened.splice(0).map((close) => close()))
}

/** Listens on loopback. @returns the port. */
export async function listen(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  opened.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  )
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A WebSocket server. @returns its port. */
export async function venue(
  connected: (socket: WebSocket, request: http.IncomingMessage) => void,
  options: ServerOptions & { readonly tls?: Certificate } = {},
): Promise<number> {
  const { tls, ...rest } = options
  const plain: http.RequestListener = (_request, response) => response.writeHead(426).end()
  const server = tls === undefined ? http.createServer(plain) : https.createServer(tls, plain)
  new WebSocketServer({ ...rest, server }).on('connection', (socket, request) => {
    socket.on('error', () => {})
    connected(socket, request)
  })
  return listen(server)
}

/** A server that upgrades by hand and then writes whatever bytes the test wants. @returns its port. */
export function rawVenue(
  upgraded: (socket: Duplex) => void,
  headers: readonly string[] = [],
): Promise<number> {
  const server = http.createServer()
  server.on('upgrade', (request: http.IncomingMessage, socket: Duplex) => {
    socket.on('error', () => {})
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64')
    socket.write(
      [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${accept}`,
        ...headers,
        '\r\n',
      ].join('\r\n'),
    )
    upgraded(socket)
  })
  return listen(server)
}

/** A server that answers every request, upgrades too, in the same way. @returns its port. */
export function answering(
  status: number,
  headers: http.OutgoingHttpHeaders = {},
  body = '',
): Promise<number> {
  const server = http.createServer((_request, response) => response.writeHead(status, headers).end(body))
  return listen(server)
}

/** A server below HTTP. @returns its port. */
export function tcp(connected: (socket: net.Socket) => void): Promise<number> {
  return listen(net.createServer(connected))
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>((resolve) => void server.close(() => resolve()))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** What one dial told, in order. */
export class Dialled {
  readonly told: string[] = []
  readonly frames: (string | Uint8Array)[] = []
  readonly times: number[] = []
  readonly socket: DialedSocket
  readonly opened: Promise<Upgrade>
  readonly closed: Promise<DialClose>

  constructor(dial: Dial, target: Partial<DialTarget> & { readonly url: string }) {
    let open: (upgrade: Upgrade) => void = () => {}
    let close: (close: DialClose) => void = () => {}
    this.opened = new Promise((resolve) => {
      open = resolve
    })
    this.closed = new Promise((resolve) => {
      close = resolve
    })
    const note = (what: string, at: number) => {
      this.told.push(what)
      this.times.push(at)
    }
    this.socket = dial(
      { timeoutMs: 5_000, maxFrameBytes: 1_000_000, ...target },
      {
        opened: (upgrade, at) => {
          note('opened', at)
          open(upgrade)
        },
        message: (data, at) => {
          note('message', at)
          this.frames.push(data)
        },
        control: (kind, at) => note(kind, at),
        closed: (how, at) => {
          note('closed', at)
          close(how)
        },
      },
    )
    expect(this.told).toEqual([])
  }
}

/** What the process holds open, by kind. */
function handles(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) {
    if (/TCP|TLS|Timeout|Connect|GetAddrInfo|Zlib/.test(name)) counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** After each test of a file its servers are closed, and nothing that it opened is left, nor a timer of its clock. */
export function leavingNothingOpen(clock: { readonly pending: number } = { pending: 0 }): void {
  let nothingLeft: () => Promise<void>
  beforeEach(() => {
    nothingLeft = holdingNoMore()
  })
  afterEach(async () => {
    await closeServers()
    await nothingLeft()
    expect(clock.pending).toBe(0)
  })
}

/** @returns waits until the process holds no more of any kind than it did when this was called. */
export function holdingNoMore(): () => Promise<void> {
  const before = handles()
  return () =>
    eventually(() => {
      const more = Object.entries(handles()).filter(([name, count]) => count > (before[name] ?? 0))
      expect(more).toEqual([])
    })
}

/** The system's clock, with a look at how many of its timers wait. */
export function countingClock(): Clock & { readonly pending: number } {
  const clock = systemClock()
  let pending = 0
  return {
    ...clock,
    get pending() {
      return pending
    },
    after(delayMs, run) {
      let waits = true
      const over = () => {
        if (waits) pending--
        waits = false
      }
      pending++
      const timer = clock.after(delayMs, () => {
        over()
        run()
      })
      return {
        cancel() {
          over()
          timer.cancel()
        },
      }
    },
  }
}

/** Waits until something holds: as long as a machine may take that is busy with other work. */
export async function eventually(holds: () => void, withinMs = 60_000): Promise<void> {
  const until = performance.now() + withinMs
  for (let pauseMs = 5; ; pauseMs = Math.min(50, pauseMs * 1.5)) {
    try {
      return holds()
    } catch (error) {
      if (performance.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
}

export interface ProxyOptions {
  readonly user?: string
  readonly password?: string
  /** What it does in place of its work. */
  readonly instead?: 'silence' | 'hang up' | { readonly status: number; readonly headers?: string }
  /** Where names are found: `venue.test`. Others are reached as they are. */
  readonly names?: Readonly<Record<string, string>>
  readonly tls?: Certificate
}

export interface LocalProxy {
  readonly port: number
  /** What it was asked for: `venue.test:443`. */
  readonly asked: string[]
  /** Where its clients came from. */
  readonly clients: string[]
  /** Connections that it holds now. */
  open(): number
  /** Resets them all. */
  reset(): void
  /** Resets them all, and every one that comes from now on. */
  die(): void
}

/** An HTTP proxy that knows CONNECT and Basic authentication. */
export async function connectProxy(options: ProxyOptions = {}): Promise<LocalProxy> {
  const { instead, names = {}, tls } = options
  const asked: string[] = []
  const clients: string[] = []
  const sockets = new Set<net.Socket>()
  const server = tls === undefined ? http.createServer() : https.createServer(tls)
  let dead = false
  server.on('connection', (socket: net.Socket) => {
    if (dead) return void socket.resetAndDestroy()
    sockets.add(socket)
    clients.push(socket.remoteAddress ?? '')
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('connect', (request: http.IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => {})
    asked.push(request.url ?? '')
    if (instead === 'silence') return void client.resume().on('end', () => client.end())
    if (instead === 'hang up') return void client.destroy()
    if (instead !== undefined) {
      client.end(`HTTP/1.1 ${instead.status} No\r\n${instead.headers ?? ''}Content-Length: 0\r\n\r\n`)
      return
    }
    const expected = `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`
    if (options.user !== undefined && request.headers['proxy-authorization'] !== expected) {
      client.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n',
      )
      return
    }
    const [, host = '', port] = /^(.*):(\d+)$/.exec(request.url ?? '') ?? []
    const upstream = net.connect(Number(port), names[host] ?? host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.write(head)
      couple(client, upstream)
    })
    upstream.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'))
  })
  return {
    port: await listen(server),
    asked,
    clients,
    open: () => sockets.size,
    reset: () => resetAll(sockets),
    die() {
      dead = true
      resetAll(sockets)
    },
  }
}

/** A SOCKS 5 proxy (RFC 1928) that knows user and password (RFC 1929). */
export async function socksProxy(options: ProxyOptions = {}): Promise<LocalProxy> {
  const { instead, names = {} } = options
  const asked: string[] = []
  const clients: string[] = []
  const sockets = new Set<net.Socket>()
  let dead = false
  const port = await tcp((client) => {
    if (dead) return void client.resetAndDestroy()
    sockets.add(client)
    clients.push(client.remoteAddress ?? '')
    client.on('close', () => sockets.delete(client))
    if (instead === 'silence') return void client.resume()
    if (instead === 'hang up') return void client.destroy()
    serveSocks(client, options, (host, to) => {
      asked.push(`${host}:${to}`)
      const reply = (code: number) => client.write(Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]))
      const upstream = net.connect(to, names[host] ?? host, () => {
        reply(0)
        couple(client, upstream)
      })
      upstream.on('error', () => {
        reply(5)
        client.end()
      })
    })
  })
  return {
    port,
    asked,
    clients,
    open: () => sockets.size,
    reset: () => resetAll(sockets),
    die() {
      dead = true
      resetAll(sockets)
    },
  }
}

function serveSocks(
  client: net.Socket,
  { user, password }: ProxyOptions,
  asked: (host: string, port: number) => void,
): void {
  type Step = (bytes: Buffer) => { readonly used: number; readonly next: Step | null } | null
  const request: Step = (bytes) => {
    const kind = bytes[3]
    const length = kind === 3 ? 1 + (bytes[4] ?? 0) : 4
    if (bytes.length < 4 + length + 2) return null
    const address = bytes.subarray(4, 4 + length)
    const host = kind === 3 ? address.subarray(1).toString() : address.join('.')
    const used = 4 + length + 2
    asked(host, bytes.readUInt16BE(used - 2))
    return { used, next: null }
  }
  const credentials: Step = (bytes) => {
    const userEnd = 2 + (bytes[1] ?? 0)
    const end = userEnd + 1 + (bytes[userEnd] ?? 0)
    if (bytes.length < end) return null
    const right =
      bytes.subarray(2, userEnd).toString() === user &&
      bytes.subarray(userEnd + 1, end).toString() === password
    client.write(Buffer.from([1, right ? 0 : 1]))
    if (!right) client.end()
    return { used: end, next: right ? request : null }
  }
  const greeting: Step = (bytes) => {
    const end = 2 + (bytes[1] ?? 0)
    if (bytes.length < end) return null
    const wanted = user === undefined ? 0 : 2
    const offered = bytes.subarray(2, end).includes(wanted)
    client.write(Buffer.from([5, offered ? wanted : 0xff]))
    if (!offered) client.end()
    return { used: end, next: offered ? (user === undefined ? request : credentials) : null }
  }
  let step: Step | null = greeting
  let pending: Buffer = Buffer.alloc(0)
  const read = (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (step !== null) {
      const done = step(pending)
      if (done === null) return
      pending = pending.subarray(done.used)
      step = done.next
      if (step === null) client.off('data', read)
    }
  }
  client.on('data', read)
}

/** A door in front of another port, which notes who comes and what each says first. */
export interface Door {
  readonly port: number
  /** Local addresses of the clients. */
  readonly clients: string[]
  /** Heads of their requests. */
  readonly heads: string[]
}

export async function door(to: number, tls?: Certificate): Promise<Door> {
  const clients: string[] = []
  const heads: string[] = []
  const entered = (client: net.Socket) => {
    client.on('error', () => {})
    clients.push(client.remoteAddress ?? '')
    client.once('data', (head) => {
      heads.push(head.toString())
      const upstream = net.connect(to, '127.0.0.1', () => {
        upstream.write(head)
        couple(client, upstream)
      })
    })
  }
  const server = tls === undefined ? net.createServer(entered) : tlsServer(tls, entered)
  return { port: await listen(server), clients, heads }
}

function resetAll(sockets: ReadonlySet<net.Socket>): void {
  for (const socket of sockets) socket.resetAndDestroy()
}

function couple(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}
