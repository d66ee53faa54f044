import type { MqttProperties } from '../../src/protocols/mqtt/index.js'
import type { MqttFilter, MqttPacket, MqttQos } from '../../src/protocols/mqtt/packets.js'

/** What a session needs of its connection. */
export interface SessionConnection {
  send(packet: MqttPacket): void
  takenOver(): void
}

/** A message as the test broker keeps and sends it. */
export interface BrokerMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: MqttQos
  readonly retain: boolean
  readonly properties: MqttProperties
}

/** Messages that wait for a client that is away; the oldest go. */
const MOST_WAITING = 10_000

/** What the test broker knows of one client id. */
export class MqttSession {
  readonly clientId: string
  readonly filters = new Map<string, MqttFilter>()
  connection: SessionConnection | null = null
  /** Under way to the client, by packet id. */
  readonly #sent = new Map<
    number,
    { readonly packet: Extract<MqttPacket, { type: 'publish' }>; isReceived: boolean }
  >()
  readonly #received = new Set<number>()
  #lastId = 0

  constructor(clientId: string) {
    this.clientId = clientId
  }

  /** Sends a message where a filter fits it; of several that fit, the highest QoS. */
  offer(message: BrokerMessage, from: MqttSession | null): void {
    const fitting = [...this.filters.values()].filter(
      (each) => fits(each.filter, message.topic) && !(each.noLocal && from === this),
    )
    if (fitting.length === 0) return
    const qos = Math.min(message.qos, Math.max(...fitting.map((each) => each.qos))) as MqttQos
    const retain = message.retain && fitting.some((each) => each.retainAsPublished)
    this.#send({ ...message, retain }, qos)
  }

  offerRetained(message: BrokerMessage, filter: string): void {
    const own = this.filters.get(filter)
    if (own !== undefined && fits(filter, message.topic)) {
      this.#send({ ...message, retain: true }, Math.min(message.qos, own.qos) as MqttQos)
    }
  }

  /** The client is back: what it has not acknowledged is sent again. */
  resume(): void {
    for (const [id, { packet, isReceived }] of this.#sent) {
      this.connection?.send(
        isReceived ? { type: 'pubrel', id, code: 0, properties: {} } : { ...packet, dup: true },
      )
    }
  }

  acknowledged(type: 'puback' | 'pubrec' | 'pubcomp', id: number): void {
    const sent = this.#sent.get(id)
    if (type !== 'pubrec') this.#sent.delete(id)
    else {
      if (sent !== undefined) sent.isReceived = true
      this.connection?.send({ type: 'pubrel', id, code: 0, properties: {} })
    }
  }

  /** A message of QoS 2 of the client came. */
  isNew(id: number): boolean {
    if (this.#received.has(id)) return false
    this.#received.add(id)
    return true
  }

  released(id: number): void {
    this.#received.delete(id)
  }

  #send({ topic, payload, retain, properties }: BrokerMessage, qos: MqttQos): void {
    if (qos === 0) {
      this.connection?.send({ type: 'publish', topic, payload, qos, retain, dup: false, id: 0, properties })
      return
    }
    this.#lastId = (this.#lastId % 65_535) + 1
    const packet = {
      type: 'publish',
      topic,
      payload,
      qos,
      retain,
      dup: false,
      id: this.#lastId,
      properties,
    } as const
    this.#sent.set(packet.id, { packet, isReceived: false })
    if (this.#sent.size > MOST_WAITING) {
      const [oldest] = this.#sent.keys()
      this.#sent.delete(oldest ?? 0)
    }
    this.connection?.send(packet)
  }
}

/** Whether a filter with its wildcards fits a topic; one that begins with $ is not met by a wildcard. */
export function fits(filter: string, topic: string): boolean {
  const levels = topic.split('/')
  const wanted = filter.split('/')
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true
    if (level !== '+' && level !== levels[index]) return false
    if (index >= levels.length) return false
  }
  return levels.length === wanted.length
}
