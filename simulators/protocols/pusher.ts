import type { Micros } from '../../schemas/events.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { type ProtocolClient, ProtocolServer } from './protocol-server.js'

/** Options of {@link PusherServer}. */
export interface PusherServerOptions {
  /** The app's key, the end of the path `/app/KEY`. @default 'app-key' */
  readonly key?: string
  /** Seconds of silence after which either side pings. @default 120 */
  readonly activityTimeout?: number
  /**
   * Judges a signature: the text that it signs is `socket_id:channel`, with `:channel_data` for a presence channel.
   * @default any that begins with the key and a colon
   */
  readonly verify?: (auth: string, text: string) => boolean
}

const FAULTS = [
  'ack-missing',
  'ack-late',
  'ack-error',
  'heartbeat-missing',
  'reconnect-notice',
  'over-capacity',
  'message-unknown',
]
const SECOND: Micros = 1_000_000
const PONG_WITHIN: Micros = 30 * SECOND

/**
 * A server of Pusher Channels, protocol 7, for tests: public, private and presence channels, client events, pings both ways, close
 * codes. Its own faults, by name: `ack-missing`, `ack-late` (five seconds), `ack-error` (of the next subscription),
 * `heartbeat-missing` (no pong for sixty seconds), `reconnect-notice` (all are closed with 4200), `over-capacity` (4100),
 * `message-unknown`.
 */
export class PusherServer extends ProtocolServer<PusherClient> {
  readonly venue = 'pusher'
  readonly key: string
  readonly activityTimeout: number
  readonly verify: (auth: string, text: string) => boolean
  #lastSocket = 0

  constructor(options: PusherServerOptions = {}) {
    super(FAULTS)
    const { key = 'app-key', activityTimeout = 120 } = options
    this.key = key
    this.activityTimeout = activityTimeout
    this.verify = options.verify ?? ((auth) => auth.startsWith(`${key}:`))
  }

  /** Sends an event to who has subscribed to the channel. */
  trigger(channel: string, event: string, data: unknown, except?: PusherClient, userId?: string): void {
    for (const client of this.clients) {
      if (client === except || !client.channels.has(channel)) continue
      client.send({
        event,
        channel,
        data: JSON.stringify(data),
        ...(userId === undefined ? {} : { user_id: userId }),
      })
    }
  }

  /** The members of a presence channel: what they said of themselves, by id. */
  members(channel: string): ReadonlyMap<string, unknown> {
    const members = new Map<string, unknown>()
    for (const client of this.clients) {
      const member = client.channels.get(channel)
      if (member != null) members.set(member.id, member.info)
    }
    return members
  }

  override fault(name: string, at: Micros): boolean {
    switch (name) {
      case 'reconnect-notice':
        for (const client of this.clients) client.close(4200, 'Please reconnect immediately')
        return this.clients.length > 0
      case 'over-capacity':
        for (const client of this.clients) client.close(4100, 'Over capacity')
        return this.clients.length > 0
      case 'message-unknown':
        for (const client of this.clients) client.send({ event: 'pusher_internal:unheard_of', data: '{}' })
        return this.clients.length > 0
      default:
        return super.fault(name, at)
    }
  }

  protected accept(peer: SimulatedPeer, at: Micros): PusherClient {
    return new PusherClient(this, peer, `${++this.#lastSocket}.${this.#lastSocket * 7919}`, at)
  }
}

/** Who a client of {@link PusherServer} is on a presence channel. */
export interface PusherMember {
  readonly id: string
  readonly info: unknown
}

/** One client of a {@link PusherServer}. */
export class PusherClient implements ProtocolClient {
  readonly socketId: string
  /** The channels, and who the client is there; null where the channel has no members. */
  readonly channels = new Map<string, PusherMember | null>()
  readonly #server: PusherServer
  readonly #peer: SimulatedPeer
  #heardAt: Micros
  #pingedAt: Micros | null = null
  #open = true

  constructor(server: PusherServer, peer: SimulatedPeer, socketId: string, at: Micros) {
    this.#server = server
    this.#peer = peer
    this.socketId = socketId
    this.#heardAt = at
    const refusal = refusalOf(peer.request.path, server.key)
    if (refusal === null) {
      const data = JSON.stringify({ socket_id: socketId, activity_timeout: server.activityTimeout })
      this.send({ event: 'pusher:connection_established', data })
    } else {
      this.send({ event: 'pusher:error', data: refusal })
      this.close(refusal.code, refusal.message)
    }
  }

  send(message: object): void {
    if (this.#open) this.#peer.send(JSON.stringify(message))
  }

  close(code: number, reason: string): void {
    this.#open = false
    this.#peer.close(code, reason)
  }

  advance(at: Micros): void {
    const silent = at - this.#heardAt
    if (this.#pingedAt === null && silent > this.#server.activityTimeout * SECOND) {
      this.#pingedAt = at
      this.send({ event: 'pusher:ping', data: '{}' })
    } else if (this.#pingedAt !== null && at - this.#pingedAt > PONG_WITHIN && this.#open) {
      this.close(4201, 'Pong reply not received in time')
    }
  }

  closed(): void {
    this.#open = false
    for (const channel of [...this.channels.keys()]) this.#leave(channel)
  }

  received(data: string | Uint8Array, at: Micros): void {
    this.#heardAt = at
    this.#pingedAt = null
    if (!this.#open) return
    const message = readMessage(data)
    if (message === null) {
      this.#error(4301, 'Invalid message')
      return
    }
    const { event, data: body } = message
    if (event === 'pusher:ping') {
      if (this.#server.beats) this.send({ event: 'pusher:pong', data: '{}' })
    } else if (event === 'pusher:subscribe') this.#subscribe(body)
    else if (event === 'pusher:unsubscribe') this.#leave(String(body['channel']))
    else if (event === 'pusher:signin') this.#signIn(body)
    else if (event.startsWith('client-')) this.#clientEvent(event, message.channel, body)
  }

  #subscribe(body: Readonly<Record<string, unknown>>): void {
    const channel = String(body['channel'])
    const server = this.#server
    if (server.takeFault('ack-missing')) return
    const signed = /^(?:private|presence)-/.test(channel)
    const channelData = typeof body['channel_data'] === 'string' ? body['channel_data'] : null
    const text = `${this.socketId}:${channel}${channelData === null ? '' : `:${channelData}`}`
    if (server.takeFault('ack-error') || (signed && !server.verify(String(body['auth'] ?? ''), text))) {
      const data = { type: 'AuthError', error: 'Invalid signature', status: 401 }
      this.send({ event: 'pusher:subscription_error', channel, data })
      return
    }
    const join = () => this.#join(channel, channelData)
    if (server.takeFault('ack-late')) server.later(this, join)
    else join()
  }

  #join(channel: string, channelData: string | null): void {
    const member = channel.startsWith('presence-') ? memberOf(channelData) : null
    const isNew = member !== null && !this.#server.members(channel).has(member.id)
    if (member !== null && isNew) {
      const data = { user_id: member.id, user_info: member.info }
      this.#server.trigger(channel, 'pusher_internal:member_added', data, this)
    }
    this.channels.set(channel, member)
    const members = this.#server.members(channel)
    const presence = { ids: [...members.keys()], hash: Object.fromEntries(members), count: members.size }
    const data = JSON.stringify(member === null ? {} : { presence })
    this.send({ event: 'pusher_internal:subscription_succeeded', channel, data })
  }

  #leave(channel: string): void {
    const member = this.channels.get(channel)
    if (!this.channels.delete(channel) || member == null) return
    if (this.#server.members(channel).has(member.id)) return
    this.#server.trigger(channel, 'pusher_internal:member_removed', { user_id: member.id }, this)
  }

  #signIn(body: Readonly<Record<string, unknown>>): void {
    const userData = String(body['user_data'] ?? '')
    if (this.#server.verify(String(body['auth'] ?? ''), `${this.socketId}::user::${userData}`)) {
      this.send({ event: 'pusher:signin_success', data: JSON.stringify({ user_data: userData }) })
    } else this.#error(4009, 'Connection not authorized')
  }

  #clientEvent(event: string, channel: string | null, data: unknown): void {
    if (channel === null || !this.channels.has(channel) || !/^(?:private|presence)-/.test(channel)) {
      this.#error(4301, 'Client event rejected')
    } else this.#server.trigger(channel, event, data, this, this.channels.get(channel)?.id)
  }

  #error(code: number, message: string): void {
    this.send({ event: 'pusher:error', data: { code, message } })
  }
}

function refusalOf(path: string, key: string): { readonly code: number; readonly message: string } | null {
  const { pathname, searchParams } = new URL(path, 'http://localhost')
  const app = /^\/app\/([^/]*)$/.exec(pathname)
  if (app === null) return { code: 4005, message: 'Path not found' }
  if (app[1] !== key) return { code: 4001, message: 'App key not in this cluster' }
  const version = searchParams.get('protocol')
  if (version === null) return { code: 4008, message: 'No protocol version supplied' }
  if (!/^\d+$/.test(version)) return { code: 4006, message: 'Invalid version string format' }
  return Number(version) < 5 || Number(version) > 7
    ? { code: 4007, message: 'Unsupported protocol version' }
    : null
}

interface Message {
  readonly event: string
  readonly channel: string | null
  readonly data: Readonly<Record<string, unknown>>
}

function readMessage(text: string | Uint8Array): Message | null {
  try {
    const value: unknown = JSON.parse(typeof text === 'string' ? text : '')
    if (typeof value !== 'object' || value === null) return null
    const { event, channel, data } = value as { event?: unknown; channel?: unknown; data?: unknown }
    if (typeof event !== 'string') return null
    return {
      event,
      channel: typeof channel === 'string' ? channel : null,
      data: (data ?? {}) as Message['data'],
    }
  } catch {
    return null
  }
}

/** `{"user_id":"7","user_info":{…}}` */
function memberOf(channelData: string | null): PusherMember {
  const value =
    channelData === null ? {} : (JSON.parse(channelData) as { user_id?: unknown; user_info?: unknown })
  return { id: String(value.user_id ?? ''), info: value.user_info ?? null }
}
