import type { Micros } from '../../schemas/events.js'
import type { MessagePackLibrary } from '../../src/protocols/signalr/index.js'
import { jsonFormat } from '../../src/protocols/signalr/json-format.js'
import { messagePackFormat } from '../../src/protocols/signalr/messagepack-format.js'
import type { HubFormat } from '../../src/protocols/signalr/messages.js'
import type { SimulatedAnswer, SimulatedPeer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { ProtocolServer } from './protocol-server.js'
import { type HubMethod, type HubStream, SignalRClient } from './signalr-client.js'
import { SignalRTransport } from './signalr-transport.js'

export { type HubMethod, HubRefusal, type HubStream, SignalRClient } from './signalr-client.js'

/** Options of {@link SignalRServer}. */
export interface SignalRServerOptions {
  readonly methods?: Readonly<Record<string, HubMethod>>
  readonly streams?: Readonly<Record<string, HubStream>>
  /** Speaks MessagePack too. @default JSON alone */
  readonly messagePack?: MessagePackLibrary
  /** Judges the bearer token. @default every token, and none */
  readonly authorize?: (token: string | null) => boolean
  /** Where a negotiation is sent on to, with the token for there. @default nowhere */
  readonly redirect?: { readonly url: string; readonly accessToken?: string }
  /** Milliseconds between the server's pings. @default 15_000 */
  readonly keepAliveMs?: number
  /** A client that is silent for so long is closed. Milliseconds. @default 30_000 */
  readonly clientTimeoutMs?: number
  /** Whether a stateful reconnect is granted where it is asked for. @default true */
  readonly statefulReconnect?: boolean
}

const FAULTS = [
  'ack-missing',
  'ack-late',
  'ack-error',
  'heartbeat-missing',
  'reconnect-notice',
  'close-final',
  'records-together',
  'message-unknown',
]
const SECOND: Micros = 1_000_000
/** How long the server keeps what it knows of a client whose transport broke. */
const KEPT_FOR = 30 * SECOND

/**
 * A hub of ASP.NET Core SignalR for tests: negotiation, JSON and MessagePack, invocations and streams both ways, pings, stateful
 * reconnect. Its own faults, by name: `ack-missing`, `ack-late` (five seconds), `ack-error` (of the next invocation),
 * `heartbeat-missing` (no ping for sixty seconds), `reconnect-notice` (a Close that allows to reconnect), `close-final` (one that does
 * not), `records-together` (the next two records come in one message), `message-unknown`.
 */
export class SignalRServer extends ProtocolServer<SignalRTransport> {
  readonly venue = 'signalr'
  readonly methods: Record<string, HubMethod>
  readonly streams: Record<string, HubStream>
  readonly options: SignalRServerOptions
  /** What a negotiation granted, and has not been used. */
  readonly #tokens = new Map<string, { readonly isStateful: boolean }>()
  readonly #sessions = new Map<string, SignalRClient>()
  #lastToken = 0

  constructor(options: SignalRServerOptions = {}) {
    super(FAULTS)
    this.options = options
    this.methods = { ...options.methods }
    this.streams = { ...options.streams }
  }

  /** The clients of the hub, those included whose transport broke and may come back. */
  get hubClients(): readonly SignalRClient[] {
    return [...this.#sessions.values()]
  }

  /** Calls a method of every client. */
  broadcast(target: string, ...args: readonly unknown[]): void {
    for (const client of this.hubClients) client.call(target, args)
  }

  /** The format of a name; null where it is not spoken. */
  format(name: unknown): HubFormat | null {
    if (name === 'json') return jsonFormat(JSON.parse)
    const { messagePack } = this.options
    return name === 'messagepack' && messagePack !== undefined ? messagePackFormat(messagePack) : null
  }

  override http(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    const { pathname, searchParams } = new URL(request.path, 'http://localhost')
    if (!pathname.endsWith('/negotiate') || request.method !== 'POST') return super.http(request, at)
    const { redirect, messagePack } = this.options
    if (redirect !== undefined) return json({ negotiateVersion: 1, ...redirect })
    if (!this.#isAuthorized(request)) return { status: 401, body: '' }
    const isStateful =
      searchParams.get('useStatefulReconnect') === 'true' && this.options.statefulReconnect !== false
    // As in a URL, for some clients do not encode it.
    const token = `token-_${++this.#lastToken}`
    this.#tokens.set(token, { isStateful })
    const transferFormats = messagePack === undefined ? ['Text'] : ['Text', 'Binary']
    return json({
      negotiateVersion: 1,
      connectionId: `connection-${this.#lastToken}`,
      connectionToken: token,
      availableTransports: [{ transport: 'WebSockets', transferFormats }],
      ...(isStateful ? { useStatefulReconnect: true } : {}),
    })
  }

  admit(request: SimulatedRequest): SimulatedAnswer | null {
    if (!this.#isAuthorized(request)) return { status: 401, body: '' }
    const id = tokenOf(request)
    if (id === null || this.#tokens.has(id)) return null
    const session = this.#sessions.get(id)
    return session?.isStateful === true ? null : { status: 404, body: 'No Connection with that ID' }
  }

  protected accept(peer: SimulatedPeer, at: Micros): SignalRTransport {
    const id = tokenOf(peer.request) ?? `skipped-${++this.#lastToken}`
    const session = this.#sessions.get(id)
    if (session !== undefined) return new SignalRTransport(this, session, peer, at, true)
    const granted = this.#tokens.get(id)
    this.#tokens.delete(id)
    const client = new SignalRClient(this, id, granted?.isStateful ?? false)
    this.#sessions.set(id, client)
    return new SignalRTransport(this, client, peer, at, false)
  }

  /** A client is gone for good. */
  forget(client: SignalRClient): void {
    this.#sessions.delete(client.id)
  }

  override advance(at: Micros): void {
    super.advance(at)
    for (const client of this.hubClients) {
      client.advance(at)
      if (client.brokeAt !== null && at - client.brokeAt > KEPT_FOR) this.forget(client)
    }
  }

  override fault(name: string, at: Micros): boolean {
    switch (name) {
      case 'reconnect-notice':
      case 'close-final': {
        const message = { type: 'close', error: null, allowReconnect: name === 'reconnect-notice' } as const
        for (const { client } of this.clients) client.write(message)
        return this.clients.length > 0
      }
      case 'message-unknown':
        for (const transport of this.clients) transport.sendRaw('{"type":99}\x1e')
        return this.clients.length > 0
      default:
        return super.fault(name, at)
    }
  }

  #isAuthorized({ headers, path }: SimulatedRequest): boolean {
    const inQuery = new URL(path, 'http://localhost').searchParams.get('access_token')
    const inHeader = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1] ?? null
    return this.options.authorize?.(inHeader ?? inQuery) ?? true
  }
}

function tokenOf({ path }: SimulatedRequest): string | null {
  return new URL(path, 'http://localhost').searchParams.get('id')
}

function json(body: object): SimulatedAnswer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
