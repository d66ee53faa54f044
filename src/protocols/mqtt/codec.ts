import type { Micros } from '../../../schemas/events.js'
import type { ConnectTarget } from '../../connector.js'
import { DecodeError, NetworkError, ProtocolError, UsageError } from '../../errors.js'
import { copied } from '../bytes.js'
import type { Codec, CodecInit, CodecSink, Outcome, Reconnect } from '../codec.js'
import { badCommand, notReady } from '../command-errors.js'
import { checkCommand } from '../command-fields.js'
import { Deadlines } from '../deadlines.js'
import { isRecord } from '../json-text.js'
import { Silence } from '../silence.js'
import { Subscriptions } from '../subscriptions.js'
import { malformed } from './bytes.js'
import { Deliveries, hex } from './deliveries.js'
import { PacketStream, PacketTooLarge } from './packet-stream.js'
import {
  type MqttFilter,
  type MqttPacket,
  type MqttQos,
  type MqttVersion,
  type MqttWill,
  writePacket,
} from './packets.js'
import { checkProperties } from './properties.js'
import { disconnected, refusedConnect } from './reasons.js'
import { isTopic } from './topics.js'
import type { MqttCommand, MqttLogin, MqttMessage, MqttOptions } from './types.js'

/** The commands. */
const TYPES = { publish: true, subscribe: true, unsubscribe: true } as const
/** What the fields of a command may be. */
const FIELDS = {
  qos: 'upTo2',
  retain: 'boolean',
  properties: 'record',
  noLocal: 'boolean',
  retainAsPublished: 'boolean',
  retainHandling: 'upTo2',
} as const

const PORT = 1883
const TLS_PORT = 8883
/** Bytes. */
const LONGEST_TEXT = 65_535
const MALFORMED = 0x81
const TOO_LARGE = 0x95
/** A session that is kept without a limit. */
const FOR_EVER = 0xffff_ffff

type Subscribe = Extract<MqttCommand, { type: 'subscribe' }>

/** The state machine behind `mqtt`. */
export class MqttCodec implements Codec<MqttCommand> {
  readonly #options: MqttOptions
  readonly #version: MqttVersion
  readonly #sink: CodecSink<MqttMessage>
  readonly #deadlines: Deadlines
  readonly #answer: Silence
  readonly #stream: PacketStream
  readonly #deliveries: Deliveries
  readonly #subscriptions: Subscriptions<Subscribe, unknown>
  /** Subscriptions that the server's session holds. */
  readonly #held = new Set<string>()
  /** Requests that wait: the filter, and for an UNSUBSCRIBE its settlement. */
  readonly #asked = new Map<number, { readonly filter: string; readonly settleId: string | null }>()
  #clientId: string
  #target: ConnectTarget = { url: '' }
  #login: MqttLogin | null = null
  #state: 'down' | 'connecting' | 'ready' = 'down'
  #farewell: Reconnect | null = null
  #keepAliveMs = 0
  #sentAt: Micros = 0
  #now: Micros = 0
  #lastSettle = 0

  constructor(options: MqttOptions, init: CodecInit, sink: CodecSink<MqttMessage>) {
    this.#options = options
    this.#version = options.version ?? 5
    this.#sink = sink
    this.#deadlines = new Deadlines((at) => sink.wake(at))
    this.#answer = new Silence(this.#deadlines, 'ping answer')
    this.#stream = new PacketStream(options.maxPacketBytes ?? 16 * 1024 * 1024)
    this.#deliveries = new Deliveries(sink, options.maxUnackedBytes ?? 8 * 1024 * 1024)
    this.#subscriptions = new Subscriptions(sink, this.#deadlines, options.timeoutMs ?? 30_000, options)
    this.#clientId = options.clientId ?? `tapewire${Math.floor(init.random() * 2 ** 48).toString(36)}`
  }

  get kept(): readonly MqttCommand[] {
    return this.#subscriptions.commands
  }

  isKept({ type }: MqttCommand): boolean {
    return type !== 'publish'
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  connect(target: ConnectTarget): void {
    this.#stream.clear()
    this.#farewell = null
    this.#target = target
    const { login } = this.#options
    if (login === undefined) this.#dial()
    else this.#sink.ask({ id: 'login', run: login })
  }

  answered(id: string, outcome: Outcome<unknown>): void {
    if (id !== 'login') return
    const isLogin = outcome.ok && isRecord(outcome.value) && typeof outcome.value['username'] === 'string'
    if (isLogin) {
      this.#login = outcome.value as unknown as MqttLogin
      this.#dial()
      return
    }
    const error = outcome.ok ? badCommand('mqtt: login must return { username, password? }') : outcome.error
    this.#sink.close({ code: 1000, reason: 'no login', retry: 'backoff', error })
  }

  #dial(): void {
    const { url, headers = {} } = this.#target
    const { protocol, hostname, port } = new URL(url)
    if (/^wss?:$/.test(protocol))
      this.#sink.dial({ transport: 'websocket', url, headers, protocols: ['mqtt'] })
    else {
      const tls = protocol === 'mqtts:' || protocol === 'tls:'
      const host = hostname.replace(/^\[|\]$/g, '')
      this.#sink.dial({
        transport: 'tcp',
        host,
        port: port === '' ? (tls ? TLS_PORT : PORT) : Number(port),
        tls,
      })
    }
  }

  opened(_opening: unknown, at: Micros): void {
    this.#now = at
    this.#state = 'connecting'
    const { clean = true, keepAliveSeconds = 60, sessionExpirySeconds } = this.#options
    const expiry = sessionExpirySeconds ?? (clean ? 0 : FOR_EVER)
    this.#write({
      type: 'connect',
      version: this.#version,
      clientId: this.#clientId,
      clean,
      keepAlive: keepAliveSeconds,
      will: this.#will(),
      username: this.#login?.username ?? null,
      password: this.#login?.password === undefined ? null : bytesOf(this.#login.password),
      properties: expiry === 0 ? {} : { sessionExpiryInterval: expiry },
    })
  }

  #will(): MqttWill | null {
    const { will } = this.#options
    if (will === undefined) return null
    const { topic, payload, qos = 0, retain = false, properties = {} } = will
    return { topic, payload: bytesOf(payload), qos, retain, properties }
  }

  response(): void {}

  tick(at: Micros): void {
    this.#now = at
    this.#deadlines.tick(at)
  }

  closed(): Reconnect | null {
    this.#state = 'down'
    this.#answer.stop()
    this.#deadlines.clear('keepalive')
    this.#subscriptions.lost()
    for (const { filter, settleId } of this.#asked.values()) {
      // The server forgets it with the connection, or the next one begins without it.
      if (settleId !== null) this.#sink.settle(settleId, { ok: true, value: null })
      this.#held.delete(filter)
    }
    this.#asked.clear()
    return this.#farewell
  }

  end(): void {
    if (this.#state === 'ready') this.#write({ type: 'disconnect', code: 0, properties: {} })
    this.#sink.close({ code: 1000, reason: '', retry: 'never' })
  }

  #connected({ code, sessionPresent, properties }: Extract<MqttPacket, { type: 'connack' }>): void {
    if (this.#state !== 'connecting') throw malformed('a second answer to the connect')
    if (code !== 0) {
      this.#leave(refusedConnect(this.#version, code, properties, this.#options.login !== undefined))
      return
    }
    this.#state = 'ready'
    this.#clientId = properties.assignedClientIdentifier ?? this.#clientId
    this.#deliveries.mostAtOnce = properties.receiveMaximum ?? 65_535
    this.#keepAliveMs = (properties.serverKeepAlive ?? this.#options.keepAliveSeconds ?? 60) * 1000
    if (this.#keepAliveMs > 0) this.#keepAlive(this.#now, this.#keepAliveMs * 0.75)
    for (const packet of this.#deliveries.resumed(sessionPresent)) this.#write(packet)
    if (!sessionPresent) this.#held.clear()
    for (const [filter, command] of this.#subscriptions.all) {
      if (this.#held.has(filter)) this.#subscriptions.confirmed(filter, null)
      else this.#subscribe(command)
    }
    this.#sink.ready()
  }

  /** A ping at three quarters of the time, where nothing else was sent. */
  #keepAlive(at: Micros, delayMs: number): void {
    const everyMs = this.#keepAliveMs * 0.75
    this.#deadlines.set('keepalive', at, delayMs, (now) => {
      const leftMs = everyMs - (now - this.#sentAt) / 1000
      if (leftMs <= 0) this.#ping(now)
      this.#keepAlive(now, leftMs <= 0 ? everyMs : leftMs)
    })
  }

  #ping(at: Micros): void {
    this.#write({ type: 'pingreq' })
    const withinMs = this.#options.pingTimeoutMs ?? 15_000
    if (this.#deadlines.has('ping answer')) return
    this.#answer.start(at, withinMs, () => {
      const error = new NetworkError('connection_unanswered', `a ping was not answered within ${withinMs} ms`)
      this.#sink.close({ code: 1000, reason: 'no ping response', retry: 'backoff', error })
    })
  }

  #leave(farewell: Reconnect): void {
    this.#farewell = farewell
    this.#state = 'down'
    this.#sink.close({ code: 1000, reason: '', ...farewell })
  }

  // ── What the server says ────────────────────────────────────────────────────────────────────────────────────────

  frame(data: string | Uint8Array, at: Micros): void {
    this.#now = at
    try {
      if (typeof data === 'string') throw malformed('a message of text; MQTT is binary')
      this.#stream.add(data)
      while (this.#state !== 'down') {
        const packet = this.#stream.take(this.#version)
        if (packet === null) return
        this.#answer.stop()
        this.#packet(packet)
      }
    } catch (error) {
      if (error instanceof PacketTooLarge) {
        this.#broken(
          TOO_LARGE,
          new ProtocolError(
            'connection_refused',
            'MQTT: the server sent a packet larger than maxPacketBytes',
          ),
        )
      } else if (error instanceof DecodeError) this.#broken(MALFORMED, error)
      else throw error
    }
  }

  /** Nothing that follows a malformed packet can be told apart. */
  #broken(code: number, error: DecodeError | ProtocolError): void {
    this.#stream.clear()
    if (this.#state === 'ready' && this.#version === 5)
      this.#write({ type: 'disconnect', code, properties: {} })
    this.#leave({ retry: 'backoff', error })
  }

  #packet(packet: MqttPacket): void {
    if (this.#state === 'connecting' && packet.type !== 'connack')
      throw malformed(`a ${packet.type} before the answer to the connect`)
    switch (packet.type) {
      case 'connack':
        this.#connected(packet)
        break
      case 'publish':
        this.#published(packet)
        break
      case 'puback':
      case 'pubrec':
      case 'pubcomp': {
        const answer = this.#deliveries.acknowledged(packet.type, packet.id, packet.code)
        if (answer !== null) this.#write(answer)
        break
      }
      case 'pubrel':
        this.#deliveries.released(packet.id)
        this.#write({ type: 'pubcomp', id: packet.id, code: 0, properties: {} })
        break
      case 'suback':
        this.#subscribed(packet.id, packet.codes[0] ?? 0x80)
        break
      case 'unsuback': {
        const asked = this.#takeAsked(packet.id)
        if (asked?.settleId != null) this.#sink.settle(asked.settleId, { ok: true, value: null })
        break
      }
      case 'disconnect':
        this.#leave(disconnected(packet.code, packet.properties))
        break
      case 'pingresp':
        break
      default:
        throw malformed(`a ${packet.type}, which a server does not send`)
    }
  }

  #published({
    topic,
    payload,
    qos,
    retain,
    dup,
    id,
    properties,
  }: Extract<MqttPacket, { type: 'publish' }>): void {
    if (topic === '' || properties.topicAlias !== undefined)
      throw malformed('a topic alias, which was not allowed')
    if (qos !== 2 || this.#deliveries.isNew(id)) {
      this.#sink.emit({ type: 'message', topic, payload: copied(payload), qos, retain, dup, properties })
    }
    if (qos > 0) this.#write({ type: qos === 1 ? 'puback' : 'pubrec', id, code: 0, properties: {} })
  }

  #takeAsked(id: number) {
    const asked = this.#asked.get(id)
    this.#asked.delete(id)
    this.#deliveries.freeId(id)
    return asked
  }

  #subscribed(id: number, code: number): void {
    const asked = this.#takeAsked(id)
    if (asked === undefined) return
    if (code < 0x80) {
      this.#held.add(asked.filter)
      this.#subscriptions.confirmed(asked.filter, code)
      return
    }
    const error = new ProtocolError(
      'request_refused',
      `the subscription to ${asked.filter} was refused (${hex(code)})`,
      {
        answer: { code, message: '', data: null },
      },
    )
    this.#subscriptions.refused(asked.filter, error)
  }

  // ── What the user asks ──────────────────────────────────────────────────────────────────────────────────────────

  check(command: MqttCommand): void {
    checkCommand('mqtt', command, TYPES, FIELDS)
    if (command.type === 'publish') checkPublish(command)
  }

  command(command: MqttCommand, at: Micros): string | null {
    checkCommand('mqtt', command, TYPES, FIELDS)
    this.#now = at
    switch (command.type) {
      case 'publish':
        return this.#publish(command)
      case 'subscribe': {
        checkFilter(command.filter)
        const id = this.#subscriptions.keep(command.filter, command, 0)
        if (this.#state === 'ready') this.#subscribe(command)
        return id
      }
      case 'unsubscribe':
        return this.#unsubscribe(command.filter)
    }
  }

  cancel(id: string): void {
    this.#subscriptions.cancel(id)
    this.#deliveries.cancel(id)
  }

  #publish(command: Extract<MqttCommand, { type: 'publish' }>): string | null {
    checkPublish(command)
    if (this.#state !== 'ready') throw notReady('mqtt')
    const { topic, qos = 0, retain = false, properties = {} } = command
    const payload = bytesOf(command.payload)
    const packet = { type: 'publish', topic, payload, qos, retain, dup: false, id: 0, properties } as const
    if (qos === 0) {
      this.#write(packet)
      return null
    }
    this.#deliveries.checkRoom(payload.length + topic.length)
    const id = this.#deliveries.takeId()
    try {
      this.#write({ ...packet, id })
    } catch (error) {
      if (error instanceof UsageError) this.#deliveries.freeId(id)
      throw error
    }
    const settleId = `publish ${++this.#lastSettle}`
    this.#deliveries.add({ ...packet, id }, settleId)
    return settleId
  }

  #subscribe({
    filter,
    qos = 0,
    noLocal = false,
    retainAsPublished = false,
    retainHandling = 0,
  }: Subscribe): void {
    const id = this.#deliveries.takeId()
    this.#asked.set(id, { filter, settleId: null })
    this.#subscriptions.asked(filter, this.#now)
    const one: MqttFilter = { filter, qos: qos as MqttQos, noLocal, retainAsPublished, retainHandling }
    this.#write({ type: 'subscribe', id, filters: [one], properties: {} })
  }

  #unsubscribe(filter: string): string | null {
    const id = this.#state === 'ready' ? this.#deliveries.takeId() : null
    try {
      this.#subscriptions.end(filter)
    } catch (error) {
      if (id !== null) this.#deliveries.freeId(id)
      throw error
    }
    if (id === null) return null
    this.#held.delete(filter)
    const settleId = `unsubscribe ${++this.#lastSettle}`
    this.#asked.set(id, { filter, settleId })
    this.#write({ type: 'unsubscribe', id, filters: [filter], properties: {} })
    return settleId
  }

  #write(packet: MqttPacket): void {
    const bytes = writePacket(packet, this.#version)
    this.#sentAt = this.#now
    this.#sink.send(bytes)
  }
}

function checkFilter(filter: string): void {
  const levels = typeof filter === 'string' ? filter.split('/') : []
  const fits = levels.every(
    (level, index) =>
      level === '+' || (level === '#' && index === levels.length - 1) || !/[+#\0]/.test(level),
  )
  const bytes = new TextEncoder().encode(String(filter)).length
  if (filter === '' || levels.length === 0 || !fits || bytes > LONGEST_TEXT) {
    throw badCommand(
      'mqtt: a filter is text of up to 65,535 bytes, with + for one level and # for all that follow as its last one',
    )
  }
}

/** @throws {UsageError} `bad_command`. */
function checkPublish({ topic, payload, properties = {} }: Extract<MqttCommand, { type: 'publish' }>): void {
  if (!isTopic(topic)) throw badCommand('mqtt: a topic is text without + and #')
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) {
    throw badCommand('mqtt: a payload is text or bytes')
  }
  checkProperties(properties)
}

function bytesOf(payload: string | Uint8Array): Uint8Array {
  if (typeof payload === 'string') return new TextEncoder().encode(payload)
  return copied(payload)
}
