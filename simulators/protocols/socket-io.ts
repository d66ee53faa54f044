import type { Micros } from '../../schemas/events.js'
import { DecodeError } from '../../src/errors.js'
import { attached, detached } from '../../src/protocols/socket-io/attachments.js'
import { readPacket, type SocketIoPacket, writePacket } from '../../src/protocols/socket-io/packets.js'
import type { SimulatedAnswer, SimulatedPeer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { type ProtocolClient, ProtocolServer } from './protocol-server.js'

/** Handles an event; `ack` is null where the client does not wait for one. */
export type SocketIoHandler = (
  args: readonly unknown[],
  client: SocketIoClient,
  ack: ((...args: readonly unknown[]) => void) | null,
) => void

/** Options of {@link SocketIoServer}. */
export interface SocketIoServerOptions {
  /** What events do. @default nothing */
  readonly events?: Readonly<Record<string, SocketIoHandler>>
  /** Namespaces beside `/`. @default none */
  readonly namespaces?: readonly string[]
  /** Judges the connect to a namespace: why it is refused, or null. @default none is */
  readonly refuse?: (namespace: string, auth: unknown) => string | null
  /** Milliseconds between pings. @default 25_000 */
  readonly pingIntervalMs?: number
  /** @default 20_000 */
  readonly pingTimeoutMs?: number
}

const FAULTS = [
  'ack-missing',
  'ack-late',
  'heartbeat-missing',
  'disconnect',
  'engine-close',
  'message-unknown',
  'text-in-binary',
]
const SECOND: Micros = 1_000_000
/** A client that connects to no namespace is closed. */
const CONNECT_WITHIN = 45 * SECOND
const MESSAGE_BYTE = 4

/**
 * A server of Socket.IO over WebSockets for tests, on Engine.IO 4 or 3 as the client asks: namespaces, acknowledgements, binary, rooms,
 * pings. Its own faults, by name: `ack-missing`, `ack-late` (five seconds), `heartbeat-missing` (no ping or pong for sixty seconds),
 * `disconnect` (all are disconnected from `/`), `engine-close`, `message-unknown`, `text-in-binary` (an event is announced whose attachment
 * never comes). It offers no polling and recovers no connections.
 */
export class SocketIoServer extends ProtocolServer<SocketIoClient> {
  readonly venue = 'socket.io'
  readonly options: SocketIoServerOptions
  readonly events: Record<string, SocketIoHandler>
  #lastSid = 0

  constructor(options: SocketIoServerOptions = {}) {
    super(FAULTS)
    this.options = options
    this.events = { ...options.events }
  }

  /** Sends an event to every client in a room of a namespace; to all of the namespace where the room is null. */
  emit(room: string | null, event: string, args: readonly unknown[], namespace = '/'): void {
    for (const client of this.clients) {
      if (room === null || client.rooms.has(room)) client.emit(event, args, namespace)
    }
  }

  /** An id that no client had. */
  nextSid(): string {
    return `sid${++this.#lastSid}`
  }

  override http(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    const refusal = this.admit(request)
    return refusal ?? super.http(request, at)
  }

  admit({ path }: SimulatedRequest): SimulatedAnswer | null {
    const query = new URL(path, 'http://localhost').searchParams
    if (query.get('transport') !== 'websocket') return refusal(0, 'Transport unknown')
    return ['3', '4'].includes(query.get('EIO') ?? '') ? null : refusal(5, 'Unsupported protocol version')
  }

  protected accept(peer: SimulatedPeer, at: Micros): SocketIoClient {
    return new SocketIoClient(this, peer, at)
  }

  override fault(name: string, at: Micros): boolean {
    const { clients } = this
    switch (name) {
      case 'disconnect':
        for (const client of clients) client.disconnect('/')
        return clients.length > 0
      case 'engine-close':
        for (const client of clients) client.close()
        return clients.length > 0
      case 'message-unknown':
        for (const client of clients) client.sendRaw('49["unheard of"]')
        return clients.length > 0
      case 'text-in-binary':
        for (const client of clients) client.sendRaw('451-["lost",{"_placeholder":true,"num":0}]')
        return clients.length > 0
      default:
        return super.fault(name, at)
    }
  }
}

/** One client of a {@link SocketIoServer}. */
export class SocketIoClient implements ProtocolClient {
  readonly namespaces = new Set<string>()
  readonly rooms = new Set<string>()
  readonly engine: 3 | 4
  /** What the client sent with its connect to each namespace. */
  readonly auth = new Map<string, unknown>()
  readonly #server: SocketIoServer
  readonly #peer: SimulatedPeer
  readonly #intervalMs: number
  readonly #timeoutMs: number
  readonly #since: Micros
  readonly #acks = new Map<string, (args: readonly unknown[]) => void>()
  #partial: { readonly packet: SocketIoPacket; readonly attachments: Uint8Array[] } | null = null
  #pingedAt: Micros
  #heardAt: Micros
  #lastId = 0
  #isClosing = false

  constructor(server: SocketIoServer, peer: SimulatedPeer, at: Micros) {
    this.#server = server
    this.#peer = peer
    this.#since = at
    this.#pingedAt = at
    this.#heardAt = at
    const query = new URL(peer.request.path, 'http://localhost').searchParams
    this.engine = query.get('EIO') === '3' ? 3 : 4
    this.#intervalMs = server.options.pingIntervalMs ?? 25_000
    this.#timeoutMs = server.options.pingTimeoutMs ?? 20_000
    const opening = {
      sid: server.nextSid(),
      upgrades: [],
      pingInterval: this.#intervalMs,
      pingTimeout: this.#timeoutMs,
      maxPayload: 1_000_000,
    }
    peer.send(`0${JSON.stringify(opening)}`)
    if (this.engine === 3) this.#join('/', undefined)
  }

  emit(event: string, args: readonly unknown[], namespace = '/'): void {
    if (this.namespaces.has(namespace)) this.#write('event', namespace, [event, ...args], null)
  }

  /** Sends an event and waits for its acknowledgement. */
  ask(
    event: string,
    args: readonly unknown[],
    answered: (args: readonly unknown[]) => void,
    namespace = '/',
  ): void {
    const id = String(++this.#lastId)
    this.#acks.set(`${namespace} ${id}`, answered)
    this.#write('event', namespace, [event, ...args], id)
  }

  disconnect(namespace: string): void {
    this.#leave(namespace)
    this.#send(writePacket('disconnect', { namespace }))
  }

  sendRaw(text: string): void {
    this.#peer.send(text)
  }

  /** Ends the connection; the engine's own packet says so before. */
  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#peer.send('1')
    this.#peer.close(1000, '')
  }

  advance(at: Micros): void {
    if (this.engine === 4 && at - this.#pingedAt >= this.#intervalMs * 1000) {
      this.#pingedAt = at
      if (this.#server.beats) this.#peer.send('2')
    }
    const silent = at - this.#heardAt > (this.#intervalMs + this.#timeoutMs) * 1000
    const idle = this.namespaces.size === 0 && at - this.#since > CONNECT_WITHIN
    if (silent || idle) this.close()
  }

  closed(): void {
    this.namespaces.clear()
    this.rooms.clear()
  }

  received(data: string | Uint8Array, at: Micros): void {
    this.#heardAt = at
    try {
      if (typeof data !== 'string') this.#attachment(this.engine === 3 ? data.subarray(1) : data)
      else if (data.startsWith('2')) {
        if (this.#server.beats) this.#peer.send(`3${data.slice(1)}`)
      } else if (data.startsWith('4')) this.#packet(readPacket(JSON.parse, data.slice(1)))
      else if (data.startsWith('1')) this.#peer.close(1000, '')
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#peer.close(1000, 'parse error')
    }
  }

  #attachment(bytes: Uint8Array): void {
    if (this.#partial === null) return
    this.#partial.attachments.push(new Uint8Array(bytes))
    const { packet, attachments } = this.#partial
    if (attachments.length < packet.attachments) return
    this.#partial = null
    this.#packet({ ...packet, data: attached(packet.data, attachments), attachments: 0 })
  }

  #packet(packet: SocketIoPacket): void {
    const { type, namespace, id, data } = packet
    if (packet.attachments > 0) {
      this.#partial = { packet, attachments: [] }
      return
    }
    if (type === 'connect') this.#join(namespace, data)
    else if (type === 'disconnect') this.#leave(namespace)
    else if (!this.namespaces.has(namespace)) return
    else if (type === 'ack') {
      this.#acks.get(`${namespace} ${id}`)?.(data as readonly unknown[])
      this.#acks.delete(`${namespace} ${id}`)
    } else if (type === 'event') this.#event(namespace, id, data as readonly unknown[])
  }

  #join(namespace: string, auth: unknown): void {
    const { namespaces = [], refuse } = this.#server.options
    const known = namespace === '/' || namespaces.includes(namespace)
    const reason = known ? (refuse?.(namespace, auth) ?? null) : 'Invalid namespace'
    if (reason !== null) {
      const data = JSON.stringify(this.engine === 4 ? { message: reason } : reason)
      this.#send(writePacket('connect_error', { namespace, data }))
      return
    }
    this.namespaces.add(namespace)
    this.auth.set(namespace, auth)
    const data = this.engine === 4 ? { data: JSON.stringify({ sid: this.#server.nextSid() }) } : {}
    this.#send(writePacket('connect', { namespace, ...data }))
  }

  #leave(namespace: string): void {
    this.namespaces.delete(namespace)
  }

  #event(namespace: string, id: string | null, [name, ...args]: readonly unknown[]): void {
    const answer = (...values: readonly unknown[]) => this.#write('ack', namespace, values, id)
    const server = this.#server
    const ack =
      id === null
        ? null
        : (...values: readonly unknown[]) => {
            if (server.takeFault('ack-missing')) return
            if (!server.takeFault('ack-late')) answer(...values)
            else server.later(this, () => answer(...values))
          }
    const event = String(name)
    if (Object.hasOwn(server.events, event)) server.events[event]?.(args, this, ack)
  }

  #write(type: 'event' | 'ack', namespace: string, args: readonly unknown[], id: string | null): void {
    const { json, attachments } = detached(args)
    this.#send(writePacket(type, { namespace, id, data: json, attachments: attachments.length }))
    for (const bytes of attachments)
      this.#peer.send(this.engine === 4 ? bytes : Uint8Array.of(MESSAGE_BYTE, ...bytes))
  }

  #send(packet: string): void {
    this.#peer.send(`4${packet}`)
  }
}

function refusal(code: number, message: string): SimulatedAnswer {
  return {
    status: 400,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, message }),
  }
}
