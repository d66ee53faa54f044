import { createServer, type IncomingMessage } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { listen, venue } from '../../src/socket/servers.js'
import { FLOOD_BYTES } from './programme.js'

/** A way to a port that can be cut. */
export interface Relay {
  readonly port: number
  cut(): void
}

/** Passes bytes on both ways, until it is cut: what came through is reset at both ends. */
export async function relay(to: number): Promise<Relay> {
  const open = new Set<Socket>()
  const port = await listen(
    createTcpServer((client) => {
      const server = connect(to, '127.0.0.1')
      for (const [from, into] of [
        [client, server],
        [server, client],
      ] as const) {
        open.add(from)
        from.pipe(into)
        from.on('error', () => {})
        from.on('close', () => {
          open.delete(from)
          into.destroy()
        })
      }
    }),
  )
  return {
    port,
    cut: () => {
      for (const socket of open) socket.resetAndDestroy()
    },
  }
}

/** Bytes of `/flood` that the system has taken, of the last who came. */
let flooded = 0

type Path = (socket: WebSocket, url: URL, request: IncomingMessage, connection: number) => void

const CUT_AFTER = 5

/** What the paths of the WebSocket server do with a connection, by name. */
const paths: Record<string, Path> = {
  '/echo': (socket, url) => {
    const hello = url.searchParams.get('hello')
    if (hello !== null) socket.send(hello)
    socket.on('message', (data, binary) => socket.send(data, { binary }))
  },
  '/close': (socket) => socket.close(4001, 'gone'),
  '/large': (socket) => socket.send('x'.repeat(300_000)),
  '/burst': (socket) => {
    for (let n = 0; n < 1_000; n++) socket.send(String(n).padStart(4, '0').padEnd(1_000, '.'))
  },
  '/headers': (socket, _url, request) => socket.send(String(request.headers['x-asked'])),
  '/pings': (socket) => {
    socket.on('pong', (payload) => socket.send(`pong ${payload}`))
    socket.ping('there?')
  },
  '/address': (socket, _url, request) => socket.send(String(request.socket.remoteAddress)),
  // Reserved bits that nobody agreed on (RFC 6455, 5.2).
  '/breach': (_socket, _url, request) => void request.socket.write(new Uint8Array([0xf1, 1, 0x61])),
  '/no-utf-8': (_socket, _url, request) => void request.socket.write(new Uint8Array([0x81, 2, 0xc3, 0x28])),
  '/bomb': (socket) => socket.send(new Uint8Array(50_000_000)),
  '/flood': (socket) => {
    const piece = new Uint8Array(64 * 1024)
    flooded = 0
    const send = () => {
      if (flooded < FLOOD_BYTES)
        socket.send(piece, { compress: false }, () => {
          flooded += piece.length
          send()
        })
    }
    send()
  },
  /** The first connection falls silent, later ones talk. */
  '/silent': (socket, _url, _request, connection) => {
    socket.send('first')
    if (connection === 1) return
    const talk = setInterval(() => socket.send('more'), 20)
    socket.on('close', () => clearInterval(talk))
  },
  /** The first connection answers nothing. */
  '/mute': (socket, _url, _request, connection) => {
    if (connection > 1) socket.on('message', () => socket.send('pong'))
  },
}

/**
 * The WebSocket server of the programme. It remembers how many came to each path: one for each run.
 *
 * @returns its port.
 */
export function scenarioServer(): Promise<number> {
  const connections = new Map<string, number>()
  const pathOf = (request: IncomingMessage) => new URL(request.url ?? '/', 'http://localhost')
  let count = 1
  const counted = (socket: WebSocket) => {
    socket.send(String(count))
    socket.on('message', (data) => {
      if (Number(String(data)) !== count) return
      count++
      if (count % CUT_AFTER === 0) socket.terminate()
      else socket.send(String(count))
    })
  }
  return venue(
    (socket, request) => {
      const url = pathOf(request)
      const path = url.pathname === '/refused-at-first' ? '/echo' : url.pathname
      if (path === '/count') counted(socket)
      else paths[path]?.(socket, url, request, connections.get(url.pathname) ?? 1)
    },
    {
      perMessageDeflate: true,
      handleProtocols: (offered) => (offered.has('b') ? 'b' : false),
      verifyClient: ({ req }, answer) => {
        const { pathname } = pathOf(req)
        const connection = (connections.get(pathname) ?? 0) + 1
        connections.set(pathname, connection)
        if (pathname === '/refused-at-first' && connection < 3) answer(false, 503)
        else answer(true)
      },
    },
  )
}

/**
 * Takes the orders of the programme, `POST /cut/NAME`, and serves a page of a browser what it needs.
 *
 * @returns its port.
 */
export function orderServer(
  relays: ReadonlyMap<string, Relay>,
  files: ReadonlyMap<string, { readonly type: string; readonly body: string }> = new Map(),
): Promise<number> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const [, name = ''] = /^\/cut\/(.+)$/.exec(pathname) ?? []
    const file = files.get(pathname)
    if (pathname === '/flooded') response.end(String(flooded))
    else if (relays.has(name)) {
      relays.get(name)?.cut()
      response.end()
    } else if (file === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': file.type }).end(file.body)
  })
  return listen(server)
}
