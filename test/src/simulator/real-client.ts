import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'

export type Arrival =
  | { readonly kind: 'text'; readonly data: string }
  | { readonly kind: 'binary'; readonly data: Buffer }
  | { readonly kind: 'ping' | 'pong' }

/** A real WebSocket client on loopback that keeps what arrives and can be waited on. */
export class RealClient {
  readonly socket: WebSocket
  readonly arrivals: Arrival[] = []
  /** How the handshake was answered where it was refused. */
  refused: { status: number; headers: Record<string, unknown>; body: string } | null = null
  error: Error | null = null
  ended: { code: number; reason: string } | null = null

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options })
    this.socket.on('message', (data: Buffer, binary) => {
      this.arrivals.push(binary ? { kind: 'binary', data } : { kind: 'text', data: data.toString('utf8') })
    })
    this.socket.on('ping', () => this.arrivals.push({ kind: 'ping' }))
    this.socket.on('pong', () => this.arrivals.push({ kind: 'pong' }))
    this.socket.on('error', (error) => {
      this.error = error
    })
    this.socket.on('unexpected-response', (_request, response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString('utf8')
      })
      response.on('end', () => {
        this.refused = { status: response.statusCode ?? 0, headers: response.headers, body }
      })
    })
    this.socket.on('close', (code, reason) => {
      this.ended = { code, reason: reason.toString('utf8') }
    })
  }

  get texts(): string[] {
    return this.arrivals.flatMap((arrival) => (arrival.kind === 'text' ? [arrival.data] : []))
  }

  count(kind: Arrival['kind']): number {
    return this.arrivals.filter((arrival) => arrival.kind === kind).length
  }

  send(data: string | Uint8Array): void {
    this.socket.send(data)
  }

  /** Waits until it is so; the time limit of the test is the only one. */
  async until(so: () => boolean): Promise<void> {
    while (!so()) await new Promise((resolve) => setTimeout(resolve, 2))
  }

  opened(): Promise<void> {
    return this.until(() => this.socket.readyState === WebSocket.OPEN)
  }

  async closed(): Promise<{ code: number; reason: string }> {
    await this.until(() => this.ended !== null)
    return this.ended ?? { code: 0, reason: '' }
  }
}

/** A TCP client that has upgraded by hand and sees the very chunks that arrive. */
export async function rawClient(port: number, path = '/'): Promise<{ socket: Socket; chunks: Buffer[] }> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { socket, chunks }
}
