import { badCommand } from '../command-errors.js'
import { ByteReader, ByteWriter, malformed } from './bytes.js'
import { type MqttProperties, readProperties, writeProperties } from './properties.js'

/** The version of the protocol: 4 is MQTT 3.1.1. */
export type MqttVersion = 4 | 5
/** At most once, at least once, exactly once. */
export type MqttQos = 0 | 1 | 2

/** What a server publishes for a client that went away without a word. */
export interface MqttWill {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: MqttQos
  readonly retain: boolean
  readonly properties: MqttProperties
}

/** What is subscribed, and how. */
export interface MqttFilter {
  readonly filter: string
  readonly qos: MqttQos
  /** Only with version 5. */
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** 0: retained messages are sent; 1: only for a new subscription; 2: not at all. */
  readonly retainHandling: number
}

/** One packet of MQTT. */
export type MqttPacket =
  | {
      readonly type: 'connect'
      readonly version: MqttVersion
      readonly clientId: string
      readonly clean: boolean
      readonly keepAlive: number
      readonly will: MqttWill | null
      readonly username: string | null
      readonly password: Uint8Array | null
      readonly properties: MqttProperties
    }
  | {
      readonly type: 'connack'
      readonly sessionPresent: boolean
      readonly code: number
      readonly properties: MqttProperties
    }
  | {
      readonly type: 'publish'
      readonly topic: string
      readonly payload: Uint8Array
      readonly qos: MqttQos
      readonly retain: boolean
      readonly dup: boolean
      /** 0 with QoS 0. */
      readonly id: number
      readonly properties: MqttProperties
    }
  | {
      readonly type: MqttAck
      readonly id: number
      readonly code: number
      readonly properties: MqttProperties
    }
  | {
      readonly type: 'subscribe'
      readonly id: number
      readonly filters: readonly MqttFilter[]
      readonly properties: MqttProperties
    }
  | {
      readonly type: 'unsubscribe'
      readonly id: number
      readonly filters: readonly string[]
      readonly properties: MqttProperties
    }
  | {
      readonly type: 'suback' | 'unsuback'
      readonly id: number
      readonly codes: readonly number[]
      readonly properties: MqttProperties
    }
  | { readonly type: 'pingreq' | 'pingresp' }
  | { readonly type: 'disconnect' | 'auth'; readonly code: number; readonly properties: MqttProperties }

/** The acknowledgements of a publish. */
export type MqttAck = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'

const TYPES: readonly (MqttPacket['type'] | null)[] = [
  null,
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
]
/** A packet holds no more: 28 bits. */
export const LONGEST_PACKET = 268_435_455

// ── Writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws {UsageError} `bad_command` where a field is too long. */
export function writePacket(packet: MqttPacket, version: MqttVersion): Uint8Array {
  const body = new ByteWriter()
  const flags = writeBody(body, packet, version)
  const fields = body.bytes
  const payload = packet.type === 'publish' ? packet.payload : new Uint8Array()
  const length = fields.length + payload.length
  if (length > LONGEST_PACKET) throw badCommand('mqtt: a packet holds no more than 256 MiB')
  const head = new ByteWriter().byte((TYPES.indexOf(packet.type) << 4) | flags).variable(length).bytes
  const whole = new Uint8Array(head.length + length)
  whole.set(head)
  whole.set(fields, head.length)
  whole.set(payload, head.length + fields.length)
  return whole
}

/** @returns the flags of the first byte. */
function writeBody(body: ByteWriter, packet: MqttPacket, version: MqttVersion): number {
  const properties = (given: MqttProperties) => {
    if (version === 5) writeProperties(body, given)
  }
  switch (packet.type) {
    case 'connect':
      writeConnect(body, packet)
      return 0
    case 'connack':
      body.byte(packet.sessionPresent ? 1 : 0).byte(packet.code)
      properties(packet.properties)
      return 0
    case 'publish':
      body.text(packet.topic)
      if (packet.qos > 0) body.short(packet.id)
      properties(packet.properties)
      return (packet.dup ? 8 : 0) | (packet.qos << 1) | (packet.retain ? 1 : 0)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      body.short(packet.id)
      if (version === 5 && (packet.code !== 0 || Object.keys(packet.properties).length > 0)) {
        body.byte(packet.code)
        properties(packet.properties)
      }
      return packet.type === 'pubrel' ? 2 : 0
    case 'subscribe':
      body.short(packet.id)
      properties(packet.properties)
      for (const { filter, qos, noLocal, retainAsPublished, retainHandling } of packet.filters) {
        const more = (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4)
        body.text(filter).byte(version === 5 ? qos | more : qos)
      }
      return 2
    case 'unsubscribe':
      body.short(packet.id)
      properties(packet.properties)
      for (const filter of packet.filters) body.text(filter)
      return 2
    case 'suback':
    case 'unsuback':
      body.short(packet.id)
      properties(packet.properties)
      if (packet.type === 'suback' || version === 5) for (const code of packet.codes) body.byte(code)
      return 0
    case 'disconnect':
    case 'auth':
      if (version === 5 && (packet.code !== 0 || Object.keys(packet.properties).length > 0)) {
        body.byte(packet.code)
        properties(packet.properties)
      }
      return 0
    default:
      return 0
  }
}

function writeConnect(body: ByteWriter, packet: Extract<MqttPacket, { type: 'connect' }>): void {
  const { version, will, username, password } = packet
  const flags =
    (packet.clean ? 2 : 0) |
    (will === null ? 0 : 4 | (will.qos << 3) | (will.retain ? 32 : 0)) |
    (password === null ? 0 : 64) |
    (username === null ? 0 : 128)
  body.text('MQTT').byte(version).byte(flags).short(packet.keepAlive)
  if (version === 5) writeProperties(body, packet.properties)
  body.text(packet.clientId)
  if (will !== null) {
    if (version === 5) writeProperties(body, will.properties)
    body.text(will.topic).binary(will.payload)
  }
  if (username !== null) body.text(username)
  if (password !== null) body.binary(password)
}

// ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Reads the body of a packet. What it returns holds views of the bytes, but for properties.
 *
 * @throws {DecodeError} `schema_mismatch`.
 */
export function readPacket(first: number, body: Uint8Array, version: MqttVersion): MqttPacket {
  const type = TYPES[first >> 4] ?? null
  const flags = first & 0x0f
  const expected = type === 'pubrel' || type === 'subscribe' || type === 'unsubscribe' ? 2 : 0
  if (type === null || (type !== 'publish' && flags !== expected))
    throw malformed('a packet of an unknown type or flags')
  const reader = new ByteReader(body)
  const packet = readBody(type, flags, reader, version)
  if (reader.left > 0) throw malformed(`a ${type} with something behind its end`)
  return packet
}

function readBody(
  type: MqttPacket['type'],
  flags: number,
  reader: ByteReader,
  version: MqttVersion,
): MqttPacket {
  const properties = () => (version === 5 && reader.left > 0 ? readProperties(reader) : {})
  switch (type) {
    case 'connect':
      return readConnect(reader)
    case 'connack': {
      const sessionPresent = (reader.byte() & 1) === 1
      return { type, sessionPresent, code: reader.byte(), properties: properties() }
    }
    case 'publish': {
      const topic = reader.text()
      const level = (flags >> 1) & 3
      if (level > 2) throw malformed('a publish of QoS 3')
      if (/[+#]/.test(topic)) throw malformed('a publish to a topic with wildcards')
      const id = level === 0 ? 0 : packetId(reader)
      const known = version === 5 ? readProperties(reader) : {}
      const payload = reader.take(reader.left)
      const retain = (flags & 1) === 1
      return {
        type,
        topic,
        payload,
        qos: level as MqttQos,
        retain,
        dup: (flags & 8) !== 0,
        id,
        properties: known,
      }
    }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp': {
      const id = packetId(reader)
      return {
        type,
        id,
        code: version === 5 && reader.left > 0 ? reader.byte() : 0,
        properties: properties(),
      }
    }
    case 'subscribe': {
      const id = packetId(reader)
      const known = properties()
      const filters: MqttFilter[] = []
      while (reader.left > 0) filters.push(readFilter(reader))
      return { type, id, filters, properties: known }
    }
    case 'unsubscribe': {
      const id = packetId(reader)
      const known = properties()
      const filters: string[] = []
      while (reader.left > 0) filters.push(reader.text())
      return { type, id, filters, properties: known }
    }
    case 'suback':
    case 'unsuback': {
      const id = packetId(reader)
      const known = properties()
      return { type, id, properties: known, codes: [...reader.take(reader.left)] }
    }
    case 'disconnect':
    case 'auth':
      return { type, code: version === 5 && reader.left > 0 ? reader.byte() : 0, properties: properties() }
    default:
      return { type }
  }
}

function readFilter(reader: ByteReader): MqttFilter {
  const filter = reader.text()
  const options = reader.byte()
  const qos = options & 3
  if (qos > 2) throw malformed('a subscription of QoS 3')
  return {
    filter,
    qos: qos as MqttQos,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: (options >> 4) & 3,
  }
}

function packetId(reader: ByteReader): number {
  const id = reader.short()
  if (id === 0) throw malformed('a packet with the id 0')
  return id
}

function readConnect(reader: ByteReader): MqttPacket {
  if (reader.text() !== 'MQTT') throw malformed('a connect of another protocol')
  const version = reader.byte()
  if (version !== 4 && version !== 5) throw malformed(`a connect of version ${version}`)
  const flags = reader.byte()
  const keepAlive = reader.short()
  const properties = version === 5 ? readProperties(reader) : {}
  const clientId = reader.text()
  let will: MqttWill | null = null
  if ((flags & 4) !== 0) {
    const own = version === 5 ? readProperties(reader) : {}
    const qos = (flags >> 3) & 3
    if (qos > 2) throw malformed('a will of QoS 3')
    const topic = reader.text()
    const payload = new Uint8Array(reader.binary())
    will = { topic, payload, qos: qos as MqttQos, retain: (flags & 32) !== 0, properties: own }
  }
  const username = (flags & 128) === 0 ? null : reader.text()
  const password = (flags & 64) === 0 ? null : new Uint8Array(reader.binary())
  return {
    type: 'connect',
    version,
    clientId,
    clean: (flags & 2) !== 0,
    keepAlive,
    will,
    username,
    password,
    properties,
  }
}
