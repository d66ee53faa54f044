import type { Micros } from '../../schemas/events.js'
import { DecodeError } from '../../src/errors.js'
import {
  failureFrame,
  hubsOfUrl,
  initFrame,
  KEEPALIVE_FRAME,
  pushFrame,
  readCall,
  reconnectFrame,
  resultFrame,
  STARTED_BODY,
} from '../../src/protocols/classic-signalr/grammar.js'
import type { SimulatedAnswer, SimulatedPeer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { type ProtocolClient, ProtocolServer } from './protocol-server.js'

/** What a method of the test server fails with. */
export class ClassicRefusal {
  constructor(readonly message: string) {}
}

/** A method of a hub: its result, or a {@link ClassicRefusal}. Numbers in its arguments are their text. */
export type ClassicMethod = (args: readonly unknown[], client: ClassicSignalRClient) => unknown

/** Options of {@link ClassicSignalRServer}. */
export interface ClassicSignalRServerOptions {
  /** Methods of each hub. Names are compared without their case. */
  readonly hubs?: Readonly<Record<string, Readonly<Record<string, ClassicMethod>>>>
  /** Seconds without any frame after which clients give up; twice the pace of keepalives. @default 20 */
  readonly keepAliveTimeout?: number
}

const FAULTS = [
  'ack-missing',
  'ack-late',
  'ack-error',
  'heartbeat-missing',
  'reconnect-notice',
  'message-unknown',
]
const SECOND: Micros = 1_000_000
const MAX_TOKENS = 10_000

/**
 * A server of classic ASP.NET SignalR for tests: negotiate, connect, start, calls and pushes, keepalive, abort, reconnect. A client
 * that comes back is given nothing that it missed. Its own faults, by name: `ack-missing`, `ack-late` (five seconds), `ack-error` (of the
 * next call), `heartbeat-missing` (no keepalive for sixty seconds), `reconnect-notice`, `message-unknown`.
 */
export class ClassicSignalRServer extends ProtocolServer<ClassicSignalRClient> {
  readonly venue = 'classic-signalr'
  readonly keepAliveTimeout: number
  /** What came over HTTP, in order: `negotiate`, `start`, `abort`. */
  readonly steps: string[] = []
  readonly #hubs: ReadonlyMap<string, ReadonlyMap<string, ClassicMethod>>
  readonly #tokens = new Set<string>()
  #lastToken = 0

  constructor({ hubs = {}, keepAliveTimeout = 20 }: ClassicSignalRServerOptions = {}) {
    super(FAULTS)
    this.keepAliveTimeout = keepAliveTimeout
    this.#hubs = new Map(
      Object.entries(hubs).map(([hub, methods]) => [
        hub.toLowerCase(),
        new Map(Object.entries(methods).map(([name, method]) => [name.toLowerCase(), method])),
      ]),
    )
  }

  /** Pushes a message to every client that has started. */
  push(hub: string, method: string, ...args: readonly unknown[]): void {
    for (const client of this.clients) client.push(hub, method, args)
  }

  /** @returns undefined for a hub or a method that there is not. */
  method(hub: string, name: string): ClassicMethod | undefined {
    return this.#hubs.get(hub.toLowerCase())?.get(name.toLowerCase())
  }

  override http(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    const { pathname } = new URL(request.path, 'http://localhost')
    const step = /\/(negotiate|start|abort|ping)$/.exec(pathname)?.[1]
    if (step === undefined) return super.http(request, at)
    this.steps.push(step)
    if (this.steps.length > MAX_TOKENS) this.steps.shift()
    if (step === 'negotiate') return this.#negotiate(request)
    const token = tokenOf(request)
    const client = this.clients.find((each) => each.token === token)
    if (step === 'abort') this.#tokens.delete(token)
    if (step === 'start' && client === undefined)
      return { status: 400, body: 'The connection does not exist.' }
    if (step === 'start') client?.start()
    return json(step === 'ping' ? '{"Response":"pong"}' : step === 'start' ? STARTED_BODY : '')
  }

  #negotiate(request: SimulatedRequest): SimulatedAnswer {
    const unknown = hubsOfUrl(request.path).find((hub) => !this.#hubs.has(hub))
    if (unknown !== undefined) return { status: 500, body: `'${unknown}' Hub could not be resolved.` }
    const token = `t/${++this.#lastToken}+k=`
    this.#tokens.add(token)
    for (const oldest of this.#tokens) {
      if (this.#tokens.size <= MAX_TOKENS) break
      this.#tokens.delete(oldest)
    }
    return json(
      JSON.stringify({
        Url: '/signalr',
        ConnectionToken: token,
        ConnectionId: `id${this.#lastToken}`,
        KeepAliveTimeout: this.keepAliveTimeout,
        DisconnectTimeout: 30,
        ConnectionTimeout: 110,
        TryWebSockets: true,
        ProtocolVersion: '1.5',
        TransportConnectTimeout: 5,
        LongPollDelay: 0,
      }),
    )
  }

  admit(request: SimulatedRequest): SimulatedAnswer | null {
    if (this.#tokens.has(tokenOf(request))) return null
    return { status: 400, body: 'The ConnectionId is in the incorrect format.' }
  }

  protected accept(peer: SimulatedPeer, at: Micros): ClassicSignalRClient {
    return new ClassicSignalRClient(this, peer, tokenOf(peer.request), at)
  }

  override fault(name: string, at: Micros): boolean {
    switch (name) {
      case 'reconnect-notice':
        for (const client of this.clients) client.askToReconnect()
        return this.clients.length > 0
      case 'message-unknown':
        for (const client of this.clients) client.sendRaw('{"Z":1}')
        return this.clients.length > 0
      default:
        return super.fault(name, at)
    }
  }
}

/** One client of a {@link ClassicSignalRServer}. */
export class ClassicSignalRClient implements ProtocolClient {
  readonly token: string
  readonly #server: ClassicSignalRServer
  readonly #peer: SimulatedPeer
  #isStarted: boolean
  #cursor = 0
  #sentAt: Micros

  constructor(server: ClassicSignalRServer, peer: SimulatedPeer, token: string, at: Micros) {
    this.token = token
    this.#server = server
    this.#peer = peer
    this.#sentAt = at
    this.#isStarted = new URL(peer.request.path, 'http://localhost').pathname.endsWith('/reconnect')
    if (!this.#isStarted) this.#send(initFrame(this.#position()))
  }

  start(): void {
    this.#isStarted = true
  }

  push(hub: string, method: string, args: readonly unknown[]): void {
    if (this.#isStarted) this.#send(pushFrame(this.#position(), [{ hub, method, args }]))
  }

  askToReconnect(): void {
    this.#send(reconnectFrame(this.#position()))
  }

  sendRaw(frame: string): void {
    this.#send(frame)
  }

  advance(at: Micros): void {
    if (at - this.#sentAt < (this.#server.keepAliveTimeout / 2) * SECOND || !this.#server.beats) return
    this.#send(KEEPALIVE_FRAME)
  }

  closed(): void {}

  received(data: string | Uint8Array): void {
    try {
      const { id, hub, method, args } = readCall(typeof data === 'string' ? data : '')
      const known = this.#server.method(hub, method)
      const result = known?.(args, this)
      if (this.#server.takeFault('ack-missing')) return
      let frame = resultFrame(id, result)
      if (known === undefined) frame = failureFrame(id, `'${method}' method could not be resolved.`)
      else if (this.#server.takeFault('ack-error'))
        frame = failureFrame(id, 'There was an error invoking Hub method.')
      else if (result instanceof ClassicRefusal) frame = failureFrame(id, result.message)
      if (this.#server.takeFault('ack-late')) this.#server.later(this, () => this.#send(frame))
      else this.#send(frame)
    } catch (error) {
      // A server drops what it cannot read.
      if (!(error instanceof DecodeError)) throw error
    }
  }

  #send(frame: string): void {
    this.#sentAt = this.#server.now
    this.#peer.send(frame)
  }

  #position(): string {
    return `d-${(++this.#cursor).toString(16)}`
  }
}

function tokenOf({ path }: SimulatedRequest): string {
  return new URL(path, 'http://localhost').searchParams.get('connectionToken') ?? ''
}

function json(body: string): SimulatedAnswer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body }
}
