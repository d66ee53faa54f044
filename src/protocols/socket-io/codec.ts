import type { Micros } from '../../../schemas/events.js'
import type { ConnectTarget } from '../../connector.js'
import { DecodeError, ProtocolError } from '../../errors.js'
import { copied } from '../bytes.js'
import type { Codec, CodecSink, Outcome, Reconnect } from '../codec.js'
import { badCommand, lateAnswer, lostRequest, notReady } from '../command-errors.js'
import { checkCommand } from '../command-fields.js'
import { Deadlines } from '../deadlines.js'
import { isRecord, type JsonReader, misfit, textOf, writeJson } from '../json-text.js'
import { Requests } from '../requests.js'
import { Subscriptions } from '../subscriptions.js'
import { attached, detached } from './attachments.js'
import { Engine } from './engine.js'
import { readPacket, type SocketIoPacket, writePacket } from './packets.js'
import type { SocketIoCommand, SocketIoEvent, SocketIoMessage, SocketIoOptions } from './types.js'

/** The commands. */
const TYPES = {
  connect: true,
  disconnect: true,
  subscribe: true,
  unsubscribe: true,
  emit: true,
  request: true,
  ack: true,
} as const
/** What the fields of a command may be. */
const FIELDS = { namespace: 'text', args: 'list', end: 'record', timeoutMs: 'positive' } as const

const ROOT = '/'
/** Of one packet, all attachments together. */
const MAX_ATTACHED_BYTES = 64 * 1024 * 1024
/** Events of the server that wait for their acknowledgement. */
const MAX_ASKED = 10_000

type Kept = Extract<SocketIoCommand, { type: 'connect' | 'subscribe' }>

interface Waiting {
  readonly id: string
  readonly what: string
  readonly withinMs: number
}

/** What a server told of a namespace, for it to recover what the connection missed. */
interface Recovery {
  readonly pid: string
  offset: string | null
}

/** The state machine behind `socketIo`. */
export class SocketIoCodec implements Codec<SocketIoCommand> {
  readonly #options: SocketIoOptions
  readonly #version: 3 | 4
  readonly #read: JsonReader
  readonly #timeoutMs: number
  readonly #sink: CodecSink<SocketIoMessage>
  readonly #deadlines: Deadlines
  readonly #engine: Engine
  readonly #requests: Requests<Waiting>
  readonly #kept: Subscriptions<Kept, unknown>
  readonly #connected = new Set<string>()
  /** Subscriptions that the server has been asked for since it knows this client. */
  readonly #joinedBefore = new Set<string>()
  /** Nothing is settled before the command has returned. */
  readonly #confirmLater: string[] = []
  readonly #recoveries = new Map<string, Recovery>()
  readonly #asked = new Map<string, { readonly namespace: string; readonly id: string }>()
  /** A packet whose attachments have not all come. */
  #partial: { readonly packet: SocketIoPacket; readonly attachments: Uint8Array[]; bytes: number } | null =
    null
  #state: 'down' | 'opening' | 'ready' = 'down'
  #farewell: Reconnect | null = null
  #lastId = 0
  #now: Micros = 0

  constructor(options: SocketIoOptions, sink: CodecSink<SocketIoMessage>) {
    this.#options = options
    this.#version = options.engine ?? 4
    this.#read = options.read ?? JSON.parse
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#sink = sink
    this.#deadlines = new Deadlines((at) => sink.wake(at))
    this.#requests = new Requests(this.#deadlines, options.maxRequests)
    this.#kept = new Subscriptions(sink, this.#deadlines, this.#timeoutMs, options)
    this.#engine = new Engine(this.#version, this.#read, sink, this.#deadlines, {
      opened: () => this.#opened(),
      message: (data) => this.#message(data),
    })
  }

  get kept(): readonly SocketIoCommand[] {
    return this.#kept.commands
  }

  isKept({ type }: SocketIoCommand): boolean {
    return ['connect', 'disconnect', 'subscribe', 'unsubscribe'].includes(type)
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  connect({ url, headers = {} }: ConnectTarget): void {
    const target = new URL(url.replace(/^http/i, 'ws'))
    if (target.pathname === '/') target.pathname = '/socket.io/'
    target.searchParams.set('EIO', String(this.#version))
    target.searchParams.set('transport', 'websocket')
    this.#sink.dial({ transport: 'websocket', url: target.href, headers })
  }

  opened(_opening: unknown, at: Micros): void {
    this.#now = at
    this.#state = 'opening'
    this.#farewell = null
  }

  response(): void {}

  tick(at: Micros): void {
    this.#now = at
    this.#deadlines.tick(at)
  }

  closed(): Reconnect | null {
    this.#state = 'down'
    this.#engine.closed()
    this.#kept.lost()
    this.#connected.clear()
    this.#asked.clear()
    this.#partial = null
    for (const { id, what } of this.#requests.takeAll())
      this.#sink.settle(id, { ok: false, error: lostRequest(what) })
    return this.#farewell
  }

  end(): void {
    if (this.#state === 'ready') this.#engine.send(writePacket('disconnect', { namespace: ROOT }))
    this.#sink.close({ code: 1000, reason: '', retry: 'never' })
  }

  #opened(): void {
    if (this.#version === 4) this.#join(ROOT)
    for (const [key, command] of this.#kept.all) {
      if (command.type !== 'connect') continue
      this.#kept.asked(key, this.#now)
      this.#join(command.namespace)
    }
  }

  #join(namespace: string): void {
    const { auth } = this.#options
    if (auth === undefined || this.#version === 3) this.#sendConnect(namespace, {})
    else this.#sink.ask({ id: `auth ${namespace}`, run: (signal) => auth(namespace, signal) })
  }

  answered(id: string, outcome: Outcome<unknown>): void {
    const namespace = id.slice('auth '.length)
    if (outcome.ok && isRecord(outcome.value)) this.#sendConnect(namespace, outcome.value)
    else
      this.#refused(
        namespace,
        outcome.ok ? badCommand('socket.io: auth must return an object') : outcome.error,
      )
  }

  #sendConnect(namespace: string, auth: object): void {
    const recovery = this.#recoveries.get(namespace)
    const all = recovery === undefined ? auth : { ...auth, pid: recovery.pid, offset: recovery.offset }
    const data = Object.keys(all).length === 0 ? {} : { data: writeJson(all, 'the auth') }
    this.#engine.send(writePacket('connect', { namespace, ...data }))
  }

  #refused(namespace: string, error: ProtocolError | Parameters<CodecSink<never>['error']>[0]): void {
    if (namespace !== ROOT) this.#kept.refused(`connect ${namespace}`, error)
    else this.#sink.close({ code: 1000, reason: 'connect refused', retry: 'backoff', error })
  }

  // ── What the server says ────────────────────────────────────────────────────────────────────────────────────────

  frame(data: string | Uint8Array, at: Micros): void {
    this.#now = at
    try {
      this.#engine.frame(data, at)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#partial = null
      this.#sink.error(error)
    }
  }

  #message(data: string | Uint8Array): void {
    if (typeof data !== 'string') {
      this.#attachment(data)
      return
    }
    if (this.#partial !== null) {
      this.#partial = null
      this.#sink.error(misfit('text where an attachment must come', data))
    }
    const packet = readPacket(this.#read, data)
    if (packet.attachments > 0) this.#partial = { packet, attachments: [], bytes: 0 }
    else this.#packet(packet)
  }

  #attachment(bytes: Uint8Array): void {
    const partial = this.#partial
    if (partial === null) throw misfit('bytes that no packet announced', '')
    partial.bytes += bytes.length
    if (partial.bytes > MAX_ATTACHED_BYTES)
      throw misfit(`attachments of more than ${MAX_ATTACHED_BYTES} bytes`, '')
    partial.attachments.push(copied(bytes))
    if (partial.attachments.length < partial.packet.attachments) return
    this.#partial = null
    this.#packet({ ...partial.packet, data: attached(partial.packet.data, partial.attachments) })
  }

  #packet(packet: SocketIoPacket): void {
    const { namespace, id, data } = packet
    // What nobody asked for is nobody's, and would be kept for as long as the server liked.
    if (namespace !== ROOT && !this.#kept.has(`connect ${namespace}`)) return
    switch (packet.type) {
      case 'connect':
        this.#joined(namespace, data)
        break
      case 'disconnect':
        this.#left(namespace)
        break
      case 'connect_error':
        this.#refused(namespace, connectError(namespace, data))
        break
      case 'event':
        this.#event(namespace, id, data as readonly unknown[])
        break
      case 'ack': {
        const key = `${namespace} ${id}`
        if (this.#requests.take(key) !== undefined) this.#sink.settle(key, { ok: true, value: data })
        break
      }
    }
  }

  #joined(namespace: string, data: unknown): void {
    if (this.#connected.has(namespace)) return
    const sid = isRecord(data) ? textOf(data['sid']) : null
    const pid = isRecord(data) ? textOf(data['pid']) : null
    const before = this.#recoveries.get(namespace)
    const recovered = pid !== null && before?.pid === pid
    if (pid === null) this.#recoveries.delete(namespace)
    else if (!recovered) this.#recoveries.set(namespace, { pid, offset: null })
    this.#connected.add(namespace)
    this.#kept.confirmed(`connect ${namespace}`, sid)
    this.#sink.emit({ type: 'connected', namespace, sid, recovered })
    for (const [key, command] of this.#kept.all) {
      if (command.type !== 'subscribe' || (command.namespace ?? ROOT) !== namespace) continue
      // The server kept the rooms: what was joined is joined.
      if (!recovered || !this.#joinedBefore.has(key)) this.#emitEvent(namespace, command)
      this.#joinedBefore.add(key)
      this.#kept.confirmed(key, null)
    }
    if (namespace !== ROOT || this.#state !== 'opening') return
    this.#state = 'ready'
    this.#sink.ready()
  }

  #left(namespace: string): void {
    this.#connected.delete(namespace)
    this.#recoveries.delete(namespace)
    this.#sink.emit({ type: 'disconnected', namespace })
    if (namespace !== ROOT) {
      this.#kept.refused(
        `connect ${namespace}`,
        connectError(namespace, 'the server disconnected the client'),
      )
      return
    }
    const again = this.#options.alwaysReconnect === true
    const error = new ProtocolError('connection_refused', 'the server disconnected the client')
    this.#farewell = { retry: again ? 'backoff' : 'never', error }
    this.#sink.close({ code: 1000, reason: '', ...this.#farewell })
  }

  #event(namespace: string, id: string | null, [name, ...args]: readonly unknown[]): void {
    const recovery = this.#recoveries.get(namespace)
    const last = args.at(-1)
    if (recovery !== undefined && typeof last === 'string') recovery.offset = last
    let ack: string | null = null
    if (id !== null && this.#asked.size < MAX_ASKED) {
      ack = `${namespace} ${id}`
      this.#asked.set(ack, { namespace, id })
    }
    this.#sink.emit({ type: 'event', namespace, event: String(name), args, ack })
  }

  // ── What the user asks ──────────────────────────────────────────────────────────────────────────────────────────

  check(command: SocketIoCommand): void {
    checkCommand('socket.io', command, TYPES, FIELDS)
    if (command.type === 'emit' || command.type === 'request') detached(checked(command))
    else if (command.type === 'ack') this.#asker(command.id)
  }

  command(command: SocketIoCommand, at: Micros): string | null {
    checkCommand('socket.io', command, TYPES, FIELDS)
    this.#now = at
    switch (command.type) {
      case 'connect':
        return this.#connectTo(command)
      case 'disconnect':
        this.#kept.end(`connect ${command.namespace}`)
        this.#recoveries.delete(command.namespace)
        if (this.#connected.delete(command.namespace)) {
          this.#engine.send(writePacket('disconnect', { namespace: command.namespace }))
        }
        return null
      case 'subscribe':
        return this.#subscribe(command)
      case 'unsubscribe':
        return this.#unsubscribe(command.key)
      case 'emit':
        this.#emitEvent(this.#open(command.namespace), command)
        return null
      case 'request':
        return this.#request(command, at)
      case 'ack':
        this.#acknowledge(command.id, command.args)
        return null
    }
  }

  cancel(id: string): void {
    this.#kept.cancel(id)
    this.#requests.take(id)
  }

  /** @throws {UsageError} `not_ready` where the namespace is not connected. */
  #open(namespace = ROOT): string {
    if (this.#state === 'ready' && this.#connected.has(namespace)) return namespace
    throw notReady(namespace === ROOT ? 'socket.io' : `socket.io, namespace ${namespace}`)
  }

  #connectTo(command: Extract<Kept, { type: 'connect' }>): string {
    const { namespace } = command
    if (typeof namespace !== 'string' || !/^\/[^,?]+$/.test(namespace)) {
      throw badCommand(
        'socket.io: a namespace begins with / and is not / alone, which is connected without being asked',
      )
    }
    const key = `connect ${namespace}`
    const id = this.#kept.keep(key, command, 0)
    if (this.#state === 'ready') {
      this.#kept.asked(key, this.#now)
      this.#join(namespace)
    }
    return id
  }

  #subscribe(command: Extract<Kept, { type: 'subscribe' }>): string {
    if (typeof command.key !== 'string') throw badCommand('socket.io: a subscription needs a key')
    const { json, attachments } = detached(checked(command))
    if (command.end !== undefined) detached(checked(command.end))
    const bytes = attachments.reduce((sum, each) => sum + each.length, 0)
    const id = this.#kept.keep(command.key, command, json.length + bytes)
    const namespace = command.namespace ?? ROOT
    if (this.#connected.has(namespace)) {
      this.#emitEvent(namespace, command)
      this.#joinedBefore.add(command.key)
      this.#confirmLater.push(command.key)
      this.#deadlines.set('confirm', this.#now, 0, () => {
        for (const key of this.#confirmLater.splice(0)) this.#kept.confirmed(key, null)
      })
    }
    return id
  }

  #unsubscribe(key: string): null {
    const command = this.#kept.get(key)
    this.#kept.end(key)
    this.#joinedBefore.delete(key)
    if (command?.type !== 'subscribe' || command.end === undefined) return null
    const namespace = command.namespace ?? ROOT
    if (this.#connected.has(namespace)) this.#emitEvent(namespace, command.end)
    return null
  }

  #request(command: Extract<SocketIoCommand, { type: 'request' }>, at: Micros): string {
    const namespace = this.#open(command.namespace)
    this.#requests.checkRoom()
    const withinMs = command.timeoutMs ?? this.#timeoutMs
    const id = String(this.#lastId + 1)
    this.#emitEvent(namespace, command, id)
    this.#lastId++
    const key = `${namespace} ${id}`
    this.#requests.add(key, { id: key, what: command.event, withinMs }, at, withinMs, ({ what }) => {
      this.#sink.settle(key, { ok: false, error: lateAnswer(what, withinMs) })
    })
    return key
  }

  #acknowledge(id: string, args: readonly unknown[]): void {
    const asked = this.#asker(id)
    if (!Array.isArray(args)) throw badCommand('socket.io: the args of an acknowledgement must be a list')
    this.#write('ack', asked.namespace, args, asked.id)
    this.#asked.delete(id)
  }

  /** @throws {UsageError} `bad_command` where no event of the server waits under this id. */
  #asker(id: string): { readonly namespace: string; readonly id: string } {
    const asked = this.#asked.get(id)
    if (asked === undefined) throw badCommand(`socket.io: no event of the server waits under ${id}`)
    return asked
  }

  #emitEvent(namespace: string, event: SocketIoEvent, id: string | null = null): void {
    this.#write('event', namespace, checked(event), id)
  }

  #write(type: 'event' | 'ack', namespace: string, args: readonly unknown[], id: string | null): void {
    const { json, attachments } = detached(args)
    this.#engine.send(writePacket(type, { namespace, id, data: json, attachments: attachments.length }))
    for (const bytes of attachments) this.#engine.sendBytes(bytes)
  }
}

/** @throws {UsageError} `bad_command`. */
function checked({ event, args = [] }: SocketIoEvent): readonly unknown[] {
  if (typeof event !== 'string' || event === '') throw badCommand('socket.io: an event needs a name')
  if (!Array.isArray(args)) throw badCommand(`socket.io: the args of ${event} must be a list`)
  return [event, ...args]
}

/** Engine 3 sends text, 4 an object with a message. */
function connectError(namespace: string, data: unknown): ProtocolError {
  const said = isRecord(data) ? data['message'] : data
  const message = typeof said === 'string' ? said : 'no reason given'
  return new ProtocolError('connection_refused', `the namespace ${namespace} was refused: ${message}`, {
    answer: { code: null, message, data: isRecord(data) ? data['data'] : null },
  })
}
