import type { Micros } from '../../schemas/events.js'
import { DecodeError } from '../../src/errors.js'
import { PacketStream, PacketTooLarge } from '../../src/protocols/mqtt/packet-stream.js'
import {
  type MqttPacket,
  type MqttQos,
  type MqttVersion,
  writePacket,
} from '../../src/protocols/mqtt/packets.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { type BrokerMessage, MqttSession } from './mqtt-session.js'
import { type ProtocolClient, ProtocolServer } from './protocol-server.js'

/** Options of {@link MqttServer}. */
export interface MqttServerOptions {
  /** Judges who connects. @default everyone may */
  readonly authorize?: (username: string | null, password: string | null) => boolean
  /** Which filters may be subscribed. @default all */
  readonly allows?: (filter: string) => boolean
  /** The most that a subscription is granted. @default 2 */
  readonly maximumQos?: MqttQos
}

const FAULTS = [
  'ack-missing',
  'ack-error',
  'heartbeat-missing',
  'reconnect-notice',
  'session-lost',
  'message-unknown',
]
const LARGEST = 16 * 1024 * 1024

/**
 * A broker of MQTT 5 and 3.1.1 over WebSockets for tests: QoS 0 to 2 both ways, retained messages, wills, sessions that outlive
 * connections. Its own faults, by name: `ack-missing` (the next publish of a client is not acknowledged), `ack-error` (the next
 * subscription is refused), `heartbeat-missing` (no answer to pings for sixty seconds), `reconnect-notice` (a DISCONNECT that the
 * server shuts down; with 3.1.1 the connection ends), `session-lost` (every session is forgotten), `message-unknown`.
 */
export class MqttServer extends ProtocolServer<MqttClient> {
  readonly venue = 'mqtt'
  readonly options: MqttServerOptions
  readonly retained = new Map<string, BrokerMessage>()
  readonly #sessions = new Map<string, MqttSession>()
  #lastClient = 0

  constructor(options: MqttServerOptions = {}) {
    super(FAULTS)
    this.options = options
  }

  /** Sends a message to who has subscribed, and keeps it where it is retained. */
  publish(topic: string, payload: string | Uint8Array, how: { qos?: MqttQos; retain?: boolean } = {}): void {
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload
    const { qos = 0, retain = false } = how
    this.route({ topic, payload: bytes, qos, retain, properties: {} }, null)
  }

  /** As {@link publish}, of a session that may not want its own messages. */
  route(message: BrokerMessage, from: MqttSession | null): void {
    if (message.retain && message.payload.length === 0) this.retained.delete(message.topic)
    else if (message.retain) this.retained.set(message.topic, message)
    for (const session of this.#sessions.values()) session.offer(message, from)
  }

  /** The session of a client id, begun anew where it is asked for or there is none. */
  session(clientId: string, clean: boolean): { readonly session: MqttSession; readonly isPresent: boolean } {
    const before = this.#sessions.get(clientId)
    if (before !== undefined && !clean) return { session: before, isPresent: true }
    before?.connection?.takenOver()
    const session = new MqttSession(clientId)
    this.#sessions.set(clientId, session)
    return { session, isPresent: false }
  }

  forget(session: MqttSession): void {
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId)
  }

  override fault(name: string, at: Micros): boolean {
    switch (name) {
      case 'reconnect-notice':
        for (const client of this.clients) client.disconnect(0x8b)
        return this.clients.length > 0
      case 'session-lost':
        this.#sessions.clear()
        for (const client of this.clients) client.disconnect(0x98)
        return true
      case 'message-unknown':
        for (const client of this.clients) client.sendRaw(Uint8Array.of(0x00, 0x00))
        return this.clients.length > 0
      default:
        return super.fault(name, at)
    }
  }

  protected accept(peer: SimulatedPeer, at: Micros): MqttClient {
    return new MqttClient(this, peer, `broker-${++this.#lastClient}`, at)
  }
}

/** One connection to a {@link MqttServer}. */
export class MqttClient implements ProtocolClient {
  readonly #server: MqttServer
  readonly #peer: SimulatedPeer
  readonly #stream = new PacketStream(LARGEST)
  readonly #ownId: string
  #version: MqttVersion = 5
  #session: MqttSession | null = null
  #will: BrokerMessage | null = null
  #keepsSession = false
  #keepAliveMs = 0
  #heardAt: Micros
  #open = true

  constructor(server: MqttServer, peer: SimulatedPeer, ownId: string, at: Micros) {
    this.#server = server
    this.#peer = peer
    this.#ownId = ownId
    this.#heardAt = at
  }

  send(packet: MqttPacket): void {
    if (this.#open) this.#peer.send(writePacket(packet, this.#version))
  }

  sendRaw(bytes: Uint8Array): void {
    this.#peer.send(bytes)
  }

  /** Ends the connection from the server's side. */
  disconnect(code: number): void {
    if (this.#version === 5) this.send({ type: 'disconnect', code, properties: {} })
    this.#close()
  }

  /** Another connection came with the same client id. */
  takenOver(): void {
    this.disconnect(0x8e)
  }

  advance(at: Micros): void {
    if (this.#open && this.#keepAliveMs > 0 && at - this.#heardAt > this.#keepAliveMs * 1500)
      this.disconnect(0x8d)
  }

  closed(): void {
    this.#open = false
    const session = this.#session
    if (session?.connection !== this) return
    session.connection = null
    if (!this.#keepsSession) this.#server.forget(session)
    if (this.#will !== null) this.#server.route(this.#will, null)
  }

  received(data: string | Uint8Array, at: Micros): void {
    this.#heardAt = at
    try {
      if (typeof data === 'string') return this.#close()
      this.#stream.add(data)
      while (this.#open) {
        if (this.#session === null) this.#peek(data)
        const packet = this.#stream.take(this.#version)
        if (packet === null) return
        this.#packet(packet)
      }
    } catch (error) {
      if (error instanceof PacketTooLarge) this.disconnect(0x95)
      else if (error instanceof DecodeError) this.disconnect(0x81)
      else throw error
    }
  }

  /** The version stands behind the name of the protocol in the first packet; it decides how the packet is read. */
  #peek(data: Uint8Array): void {
    const name = [...data].findIndex(
      (byte, at) => byte === 0x4d && data[at + 1] === 0x51 && data[at + 3] === 0x54,
    )
    if (name !== -1 && data[name + 4] === 4) this.#version = 4
  }

  #packet(packet: MqttPacket): void {
    if (packet.type === 'connect') {
      this.#connect(packet)
      return
    }
    const session = this.#session
    if (session === null) {
      this.#close()
      return
    }
    switch (packet.type) {
      case 'publish':
        this.#published(packet, session)
        break
      case 'pubrel':
        session.released(packet.id)
        this.send({ type: 'pubcomp', id: packet.id, code: 0, properties: {} })
        break
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        session.acknowledged(packet.type, packet.id)
        break
      case 'subscribe':
        this.#subscribe(packet, session)
        break
      case 'unsubscribe': {
        const codes = packet.filters.map((filter) => (session.filters.delete(filter) ? 0 : 0x11))
        this.send({ type: 'unsuback', id: packet.id, codes, properties: {} })
        break
      }
      case 'pingreq':
        if (this.#server.beats) this.send({ type: 'pingresp' })
        break
      case 'disconnect':
        if (packet.code !== 4) this.#will = null
        this.#close()
        break
      default:
        this.#close()
    }
  }

  #connect(packet: Extract<MqttPacket, { type: 'connect' }>): void {
    const { version, clean, will, username, password, properties } = packet
    this.#version = version
    const secret = password === null ? null : new TextDecoder().decode(password)
    if (this.#server.options.authorize?.(username, secret) === false) {
      this.send({ type: 'connack', sessionPresent: false, code: version === 5 ? 0x86 : 4, properties: {} })
      this.#close()
      return
    }
    const clientId = packet.clientId === '' ? this.#ownId : packet.clientId
    const { session, isPresent } = this.#server.session(clientId, clean)
    if (session.connection !== null) session.connection.takenOver()
    this.#session = session
    this.#will = will
    this.#keepAliveMs = packet.keepAlive * 1000
    this.#keepsSession = version === 5 ? (properties.sessionExpiryInterval ?? 0) > 0 : !clean
    const assigned = packet.clientId === '' && version === 5 ? { assignedClientIdentifier: clientId } : {}
    session.connection = this
    this.send({ type: 'connack', sessionPresent: isPresent, code: 0, properties: assigned })
    session.resume()
  }

  #published(packet: Extract<MqttPacket, { type: 'publish' }>, session: MqttSession): void {
    const { topic, qos, retain, id, properties } = packet
    if (qos !== 2 || session.isNew(id)) {
      this.#server.route({ topic, payload: new Uint8Array(packet.payload), qos, retain, properties }, session)
    }
    if (qos === 0 || this.#server.takeFault('ack-missing')) return
    this.send({ type: qos === 1 ? 'puback' : 'pubrec', id, code: 0, properties: {} })
  }

  #subscribe(packet: Extract<MqttPacket, { type: 'subscribe' }>, session: MqttSession): void {
    const { maximumQos = 2, allows } = this.#server.options
    const codes = packet.filters.map((each) => {
      if (this.#server.takeFault('ack-error') || allows?.(each.filter) === false)
        return this.#version === 5 ? 0x87 : 0x80
      session.filters.set(each.filter, { ...each, qos: Math.min(each.qos, maximumQos) as MqttQos })
      return Math.min(each.qos, maximumQos)
    })
    this.send({ type: 'suback', id: packet.id, codes, properties: {} })
    for (const [index, { filter, retainHandling }] of packet.filters.entries()) {
      if ((codes[index] ?? 0x80) >= 0x80 || retainHandling === 2) continue
      for (const message of this.#server.retained.values()) session.offerRetained(message, filter)
    }
  }

  #close(): void {
    if (!this.#open) return
    this.#peer.close(1000, '')
    this.#open = false
  }
}
