/// <reference lib="esnext.disposable" preserve="true" />
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import * as z from 'zod'
import { UsageError } from '../errors.js'
import { parseOptions } from '../options.js'
import type { Clock, Timer } from '../platform.js'
import { systemClock } from '../socket/clock.js'
import { ServerPeer } from './server-peer.js'
import { reset, SocketLine } from './socket-line.js'
import type { SimulatedAnswer, SimulatedRequest, VenueSimulator } from './venue-simulator.js'

/** Options of `serveSimulator`. */
export interface ServeOptions {
  /** @default 0, any free port */
  readonly port?: number
  /** The address to listen on. Anything but loopback opens the simulator to the network. @default '127.0.0.1' */
  readonly host?: string
  /** @default the machine's */
  readonly clock?: Clock
  /** How often the simulator moves on. @default 10 */
  readonly stepMs?: number
  /** One more is answered with 503. @default 10000 */
  readonly maxClients?: number
  /** Offers permessage-deflate. @default false */
  readonly perMessageDeflate?: boolean
  /** Lets pages of any origin read the answers over HTTP: for tests of a client in a browser. @default false */
  readonly cors?: boolean
  /** A client with more than this unread is closed with 1013 and cut. @default 8 MiB */
  readonly maxBufferedBytes?: number
  /** A larger frame from a client closes it with 1009; a larger request body is answered with 413. @default 1 MiB */
  readonly maxReceivedBytes?: number
  /** Told of what the simulator itself throws; the connection at which it threw is closed with 1011. @default throws it */
  readonly onError?: (error: unknown) => void
}

const whole = (from: number, to: number) => {
  const error = `must be a whole number from ${from} to ${to}`
  return z.int({ error }).min(from, { error }).max(to, { error })
}

const serveOptions = z.strictObject({
  port: whole(0, 65_535).default(0),
  host: z.string().min(1, 'must be an address').default('127.0.0.1'),
  clock: z.custom<Clock>().default(systemClock),
  stepMs: whole(1, 60_000).default(10),
  maxClients: whole(1, 1_000_000).default(10_000),
  perMessageDeflate: z.boolean().default(false),
  cors: z.boolean().default(false),
  maxBufferedBytes: whole(1, 2 ** 31).default(8 * 1024 * 1024),
  maxReceivedBytes: whole(1, 2 ** 31).default(1024 * 1024),
  onError: z.custom<(error: unknown) => void>().default(() => (error: unknown) => {
    throw error
  }),
}) satisfies z.ZodType<Required<ServeOptions>>

/** A running simulator. */
export interface SimulatorServer extends AsyncDisposable {
  /** `ws://127.0.0.1:9001`; the same host and port over http answer its REST requests. */
  readonly url: string
  readonly port: number
  readonly simulator: VenueSimulator
  /** Clients connected now. */
  readonly clients: number
  /** Says goodbye to every client (1001), cuts those that stay, frees the port; nothing is left behind. */
  close(): Promise<void>
}

/** Clients may take this long to answer the goodbye. Milliseconds. */
const GOODBYE_MS = 500

/**
 * Runs a venue's simulator behind a real HTTP and WebSocket server. Any path may be upgraded; every other request goes to
 * the simulator's `http`.
 *
 * @param simulator the simulator, or how to make it once its own URL is known.
 * @throws {UsageError} code `bad_option` naming field and value, `port_in_use`, or `cannot_listen` where the address is not
 * to be had.
 */
export async function serveSimulator(
  simulator: VenueSimulator | ((url: string) => VenueSimulator),
  options: ServeOptions = {},
): Promise<SimulatorServer> {
  const server = new Server(simulator, options)
  await server.listen()
  return server
}

class Server implements SimulatorServer {
  readonly #make: (url: string) => VenueSimulator
  readonly #options: Required<ServeOptions>
  readonly #http = createServer({ keepAliveTimeout: 5000 })
  readonly #upgrades: WebSocketServer
  /** Every TCP connection, whatever became of it. */
  readonly #sockets = new Set<Socket>()
  #simulator: VenueSimulator | null = null
  #url = ''
  #port = 0
  #step: Timer | null = null
  #listening: 'up' | 'starting' | 'down' = 'down'
  #closing: Promise<void> | null = null
  readonly #pending = new Set<Timer>()

  constructor(simulator: VenueSimulator | ((url: string) => VenueSimulator), options: ServeOptions) {
    this.#make = typeof simulator === 'function' ? simulator : () => simulator
    this.#options = parseOptions('simulator server', serveOptions, options)
    this.#upgrades = new WebSocketServer({
      noServer: true,
      autoPong: false,
      perMessageDeflate: this.#options.perMessageDeflate,
      maxPayload: this.#options.maxReceivedBytes,
    })
    this.#http.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      // Of a client that went away in the middle of anything there is nothing to say.
      socket.on('error', () => {})
    })
    this.#http.on('request', (request, response) => this.#request(request, response))
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#http.on('clientError', (_error, socket) => socket.destroy())
  }

  get url(): string {
    return this.#url
  }

  get port(): number {
    return this.#port
  }

  get simulator(): VenueSimulator {
    return this.#running
  }

  get clients(): number {
    return this.#upgrades.clients.size
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error) => reject(cannotListen(error, host, port))
      this.#http.once('error', failed)
      this.#http.listen({ host, port }, () => {
        this.#http.off('error', failed)
        resolve()
      })
    })
    this.#listening = 'up'
    const address = this.#http.address()
    if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
    this.#port = address.port
    this.#url = `ws://${host.includes(':') ? `[${host}]` : host}:${this.#port}`
    try {
      this.#simulator = this.#make(this.#url)
    } catch (error) {
      await this.close()
      throw error
    }
    this.#advance()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #running(): VenueSimulator {
    if (this.#simulator === null) throw new Error('the simulator is not listening yet')
    return this.#simulator
  }

  #advance(): void {
    this.#step = this.#options.clock.after(this.#options.stepMs, () => this.#advance())
    this.#guarded(() => {
      const at = this.#options.clock.now()
      const simulator = this.#running
      simulator.advance(at)
      this.#reach(simulator.reachable?.(at) ?? true)
    })
  }

  /** Stops and starts listening; connections that are open stay. */
  #reach(reachable: boolean): void {
    if (!reachable && this.#listening === 'up') {
      this.#listening = 'down'
      this.#http.close()
    } else if (reachable && this.#listening === 'down') {
      this.#listening = 'starting'
      const failed = () => {
        // Somebody took the port meanwhile: the next step tries again.
        this.#listening = 'down'
      }
      this.#http.once('error', failed)
      this.#http.listen({ host: this.#options.host, port: this.#port }, () => {
        this.#http.off('error', failed)
        this.#listening = 'up'
        if (this.#closing !== null) this.#http.close()
      })
    }
  }

  #upgrade(message: IncomingMessage, stream: Duplex, head: Buffer): void {
    if (!(stream instanceof Socket)) {
      stream.destroy()
      return
    }
    const request = simulated(message, '')
    this.#guarded(() => {
      const answer =
        this.clients >= this.#options.maxClients
          ? { status: 503, body: 'too many clients' }
          : (this.#running.admit?.(request, this.#options.clock.now()) ?? null)
      if (answer?.delivery?.outcome === 'never') {
        // Read on, or the client's giving up would go unnoticed.
        stream.on('end', () => stream.destroy()).resume()
      }
      this.#deliver(answer, stream, () => {
        const line = new SocketLine(stream, this.#options.clock)
        if (answer !== null && answer.status !== 101) refuse(line, answer)
        else {
          this.#upgrades.handleUpgrade(message, line, head, (socket) =>
            this.#connected(request, socket, line),
          )
        }
      })
    }, stream)
  }

  #connected(request: SimulatedRequest, socket: WebSocket, line: SocketLine): void {
    const { clock, maxBufferedBytes } = this.#options
    const peer = new ServerPeer(request, socket, line, clock, maxBufferedBytes)
    this.#guarded(() => {
      const connection = this.#running.connect(peer, clock.now())
      socket.on('message', (data, binary) => {
        const bytes = received(data)
        this.#guarded(() => connection.received(binary ? bytes : bytes.toString('utf8'), clock.now()), peer)
      })
      socket.on('close', () => this.#guarded(() => connection.closed(clock.now())))
    }, peer)
  }

  #request(message: IncomingMessage, response: ServerResponse): void {
    const { maxReceivedBytes, clock, cors } = this.#options
    if (cors) {
      response.setHeader('access-control-allow-origin', '*')
      const { 'access-control-request-headers': asked } = message.headers
      if (asked !== undefined) response.setHeader('access-control-allow-headers', asked)
      if (message.method === 'OPTIONS') {
        response.writeHead(204).end()
        return
      }
    }
    const chunks: Buffer[] = []
    let length = 0
    message.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxReceivedBytes) chunks.push(chunk)
    })
    message.on('end', () => {
      if (length > maxReceivedBytes) {
        response.writeHead(413, { connection: 'close' }).end()
        return
      }
      const request = simulated(message, Buffer.concat(chunks).toString('utf8'))
      this.#guarded(() => {
        const answer = this.#running.http(request, clock.now())
        this.#deliver(answer, message.socket, () => answerRequest(response, answer))
      }, message.socket)
    })
  }

  /** Lets an answer go out as its delivery says. */
  #deliver(answer: SimulatedAnswer | null, socket: Socket, send: () => void): void {
    const { delayMs = 0, outcome = 'whole' } = answer?.delivery ?? {}
    if (outcome === 'never') return
    if (outcome === 'reset') reset(socket)
    else if (delayMs === 0) send()
    else {
      const timer = this.#options.clock.after(delayMs, () => {
        this.#pending.delete(timer)
        if (!socket.destroyed) send()
      })
      this.#pending.add(timer)
    }
  }

  /** What a simulator throws is its own defect: the client at hand is cut, and it is told, never swallowed. */
  #guarded(run: () => void, culprit?: ServerPeer | Socket): void {
    try {
      run()
    } catch (error) {
      if (culprit instanceof ServerPeer) culprit.close(1011, 'the simulator failed')
      else culprit?.destroy()
      this.#options.onError(error)
    }
  }

  async #close(): Promise<void> {
    const { clock } = this.#options
    this.#step?.cancel()
    for (const timer of this.#pending) timer.cancel()
    for (const client of this.#upgrades.clients) client.close(1001, 'the simulator closes')
    // Where a fault has it down already there is nothing to stop.
    if (this.#listening === 'up') this.#http.close()
    this.#http.closeIdleConnections()
    await new Promise<void>((resolve) => {
      const cut = clock.after(GOODBYE_MS, () => {
        for (const socket of this.#sockets) socket.destroy()
      })
      const check = () => {
        if (this.#sockets.size > 0) return
        cut.cancel()
        resolve()
      }
      for (const socket of this.#sockets) socket.once('close', check)
      check()
    })
    this.#upgrades.close()
  }
}

function simulated(message: IncomingMessage, body: string): SimulatedRequest {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return { method: message.method ?? 'GET', path: message.url ?? '/', headers, body }
}

function received(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data)
  return Buffer.isBuffer(data) ? data : Buffer.from(data)
}

/** Answers an upgrade with something else than 101. */
function refuse(line: SocketLine, answer: SimulatedAnswer): void {
  const body = Buffer.from(answer.body)
  const headers: Record<string, string | number> = {
    'content-type': 'text/plain',
    ...answer.headers,
    'content-length': body.length,
    connection: 'close',
  }
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  line.end(
    Buffer.concat([
      Buffer.from(
        `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? 'Refused'}\r\n${head.join('')}\r\n`,
      ),
      body,
    ]),
  )
  line.resume()
}

function answerRequest(response: ServerResponse, answer: SimulatedAnswer): void {
  const body = Buffer.from(answer.body)
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    ...answer.headers,
    'content-length': body.length,
  })
  if (answer.delivery?.outcome !== 'half') response.end(body)
  else response.write(body.subarray(0, body.length >> 1), () => response.destroy())
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): UsageError {
  const context = { field: 'port', url: `ws://${host}:${port}` }
  if (error.code === 'EADDRINUSE') {
    return new UsageError(
      'port_in_use',
      `port ${port} on ${host} is in use: choose another, or 0 for any free one`,
      { cause: error, context },
    )
  }
  return new UsageError('cannot_listen', `cannot listen on ${host} port ${port}: ${error.message}`, {
    cause: error,
    context,
  })
}
