import type { Micros } from '../../../schemas/events.js'
import type { ConnectTarget, HttpResponse } from '../../connector.js'
import { DecodeError, NetworkError, ProtocolError, VenueError } from '../../errors.js'
import type { Codec, CodecSink, Outcome, Reconnect } from '../codec.js'
import { badCommand, lateAnswer, lostRequest, notReady } from '../command-errors.js'
import { checkCommand } from '../command-fields.js'
import { Deadlines } from '../deadlines.js'
import { type JsonReader, writeJson } from '../json-text.js'
import { Requests } from '../requests.js'
import { Silence } from '../silence.js'
import { Subscriptions } from '../subscriptions.js'
import {
  abortUrl,
  connectUrl,
  type HubAddress,
  hubAddress,
  negotiateUrl,
  reconnectUrl,
  startUrl,
} from './address.js'
import { type HubFrame, readFrameWith } from './frames.js'
import { cookiesOf, isStarted, type Negotiation, readNegotiation } from './negotiation.js'
import type {
  ClassicCall,
  ClassicSignalRCommand,
  ClassicSignalRMessage,
  ClassicSignalROptions,
} from './types.js'

/** The commands. */
const TYPES = { subscribe: true, unsubscribe: true, call: true } as const
/** What the fields of a command may be. */
const FIELDS = { hub: 'text', args: 'list', end: 'record', timeoutMs: 'positive' } as const

type Subscribe = Extract<ClassicSignalRCommand, { type: 'subscribe' }>

interface Waiting {
  readonly what: string
  readonly withinMs: number
  done(outcome: Outcome<unknown>): void
}

/** What the server granted, for a soft reconnect. */
interface Session {
  readonly granted: Negotiation
  readonly headers: Readonly<Record<string, string>>
  cursor: string | null
  groups: string | null
}

/** The state machine behind `classicSignalR`. */
export class ClassicSignalRCodec implements Codec<ClassicSignalRCommand> {
  readonly #options: ClassicSignalROptions
  readonly #read: JsonReader
  readonly #timeoutMs: number
  readonly #sink: CodecSink<ClassicSignalRMessage>
  readonly #deadlines: Deadlines
  readonly #silence: Silence
  readonly #requests: Requests<Waiting>
  readonly #subscriptions: Subscriptions<Subscribe, unknown>
  #state: 'down' | 'negotiating' | 'connecting' | 'starting' | 'resuming' | 'ready' = 'down'
  #address: HubAddress = { base: '', hubs: [] }
  #headers: Readonly<Record<string, string>> = {}
  #session: Session | null = null
  #farewell: Reconnect | null = null
  #lastId = 0
  #now: Micros = 0

  constructor(options: ClassicSignalROptions, sink: CodecSink<ClassicSignalRMessage>) {
    this.#options = options
    this.#read = options.read ?? JSON.parse
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#sink = sink
    this.#deadlines = new Deadlines((at) => sink.wake(at))
    this.#silence = new Silence(this.#deadlines, 'silence')
    this.#requests = new Requests(this.#deadlines, options.maxRequests)
    this.#subscriptions = new Subscriptions(sink, this.#deadlines, Number.POSITIVE_INFINITY, options)
  }

  get kept(): readonly ClassicSignalRCommand[] {
    return this.#subscriptions.commands
  }

  isKept({ type }: ClassicSignalRCommand): boolean {
    return type !== 'call'
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  connect({ url, headers = {} }: ConnectTarget, at: Micros): void {
    this.#now = at
    this.#farewell = null
    this.#headers = headers
    this.#address = hubAddress(
      url,
      this.#options.hubs.map((hub) => hub.toLowerCase()),
    )
    const session = this.#session
    if (session?.cursor != null) {
      this.#state = 'resuming'
      const { cursor, groups } = session
      const target = reconnectUrl(this.#address, session.granted.connectionToken, { cursor, groups })
      this.#sink.dial({ transport: 'websocket', url: target, headers: session.headers })
      return
    }
    this.#state = 'negotiating'
    this.#sink.request({
      id: 'negotiate',
      method: 'GET',
      url: negotiateUrl(this.#address),
      headers,
      confidential: true,
    })
  }

  response(response: HttpResponse, at: Micros): void {
    this.#now = at
    if (response.id === 'negotiate' && this.#state === 'negotiating') this.#negotiated(response)
    else if (response.id === 'start' && this.#state === 'starting') {
      if (isStarted(response)) {
        this.#state = 'ready'
        for (const [key, command] of this.#subscriptions.all) this.#subscribe(key, command)
        this.#sink.ready()
      } else {
        const answer = response.status === 0 ? response.body : `HTTP ${response.status}`
        const error = new ProtocolError(
          'connection_refused',
          `the start of the connection was refused: ${answer}`,
        )
        this.#leave({ retry: 'backoff', error })
      }
    }
  }

  #negotiated(response: HttpResponse): void {
    try {
      const granted = readNegotiation(response)
      const cookie = cookiesOf(response)
      const headers = cookie === null ? this.#headers : { ...this.#headers, cookie }
      this.#session = { granted, headers, cursor: null, groups: null }
      this.#state = 'connecting'
      const url = connectUrl(this.#address, granted.connectionToken)
      this.#sink.dial({ transport: 'websocket', url, headers })
    } catch (error) {
      if (!(error instanceof VenueError)) throw error
      this.#leave({ retry: 'backoff', error })
    }
  }

  answered(): void {}

  opened(_opening: unknown, at: Micros): void {
    this.#now = at
    const aliveMs = this.#session?.granted.keepAliveTimeoutMs ?? null
    if (aliveMs !== null) {
      this.#silence.start(at, aliveMs, () => {
        const error = new NetworkError('connection_silent', `the server sent nothing for ${aliveMs} ms`)
        this.#leave({ retry: 'backoff', error })
      })
    }
    if (this.#state !== 'resuming') return
    this.#state = 'ready'
    for (const [key, command] of this.#subscriptions.all) {
      if (!this.#subscriptions.isStanding(key)) this.#subscribe(key, command)
    }
    this.#sink.ready()
  }

  tick(at: Micros): void {
    this.#now = at
    this.#deadlines.tick(at)
  }

  closed(_close: unknown, at: Micros): Reconnect | null {
    this.#now = at
    const mayResume =
      this.#options.softReconnect === true && this.#state === 'ready' && this.#farewell === null
    this.#state = 'down'
    this.#silence.stop()
    for (const { what, done } of this.#requests.takeAll()) done({ ok: false, error: lostRequest(what) })
    if (mayResume) return { retry: 'now' }
    this.#session = null
    this.#subscriptions.lost()
    return this.#farewell
  }

  end(): void {
    const { granted, headers } = this.#session ?? {}
    if (granted !== undefined && this.#state !== 'down') {
      const url = abortUrl(this.#address, granted.connectionToken)
      this.#sink.request({
        id: 'abort',
        method: 'POST',
        url,
        headers: headers ?? {},
        body: '',
        confidential: true,
      })
    }
    this.#leave({ retry: 'never' })
  }

  #leave(farewell: Reconnect): void {
    this.#farewell = farewell
    this.#session = null
    this.#sink.close({ code: 1000, reason: '', ...farewell })
  }

  // ── What the server says ────────────────────────────────────────────────────────────────────────────────────────

  frame(data: string | Uint8Array, at: Micros): void {
    this.#now = at
    this.#silence.heard(at)
    try {
      if (typeof data !== 'string') {
        throw new DecodeError('undecodable', 'a binary frame: SignalR sends text', { path: [], head: '' })
      }
      this.#frame(readFrameWith(this.#read, data))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#sink.error(error)
    }
  }

  #frame(frame: HubFrame<unknown>): void {
    switch (frame.kind) {
      case 'push':
        this.#pushed(frame)
        break
      case 'result':
        this.#requests.take(frame.id)?.done({ ok: true, value: frame.value })
        break
      case 'failure': {
        const waiting = this.#requests.take(frame.id)
        if (waiting === undefined) break
        const { error: message, data } = frame
        const error = new ProtocolError('request_refused', `${waiting.what} was refused: ${message}`, {
          answer: { code: null, message, data },
        })
        waiting.done({ ok: false, error })
        break
      }
      case 'progress':
        if (this.#requests.get(frame.id) !== undefined) {
          this.#sink.emit({ type: 'progress', id: frame.id, value: frame.value })
        }
        break
      case 'keepalive':
        break
    }
  }

  #pushed(frame: Extract<HubFrame<unknown>, { kind: 'push' }>): void {
    const session = this.#session
    if (session !== null) {
      session.cursor = frame.cursor ?? session.cursor
      session.groups = frame.groups ?? session.groups
    }
    if (frame.initialised && this.#state === 'connecting' && session !== null) {
      this.#state = 'starting'
      const url = startUrl(this.#address, session.granted.connectionToken)
      this.#sink.request({ id: 'start', method: 'GET', url, headers: session.headers, confidential: true })
    }
    for (const { hub, method, args } of frame.messages) this.#sink.emit({ type: 'push', hub, method, args })
    if (frame.reconnect) this.#leave({ retry: 'backoff', planned: true })
  }

  // ── What the user asks ──────────────────────────────────────────────────────────────────────────────────────────

  check(command: ClassicSignalRCommand): void {
    checkCommand('classic signalr', command, TYPES, FIELDS)
    if (command.type === 'call') this.#text(command, 0)
  }

  command(command: ClassicSignalRCommand, at: Micros): string | null {
    checkCommand('classic signalr', command, TYPES, FIELDS)
    this.#now = at
    switch (command.type) {
      case 'subscribe':
        return this.#keep(command)
      case 'unsubscribe':
        return this.#unsubscribe(command.key)
      case 'call':
        if (this.#state !== 'ready') throw notReady('classic signalr')
        return this.#settled(command, command.timeoutMs ?? this.#timeoutMs)
    }
  }

  cancel(id: string): void {
    this.#subscriptions.cancel(id)
    this.#requests.take(id)
  }

  #settled(call: ClassicCall, withinMs: number): string {
    const id = this.#call(call, withinMs, (outcome) => this.#sink.settle(id, outcome))
    return id
  }

  #call(call: ClassicCall, withinMs: number, done: Waiting['done']): string {
    this.#requests.checkRoom()
    const id = this.#lastId + 1
    const text = this.#text(call, id)
    this.#lastId = id
    this.#requests.add(String(id), { what: call.method, withinMs, done }, this.#now, withinMs, ({ what }) => {
      done({ ok: false, error: lateAnswer(what, withinMs) })
    })
    this.#sink.send(text)
    return String(id)
  }

  #text({ hub = this.#options.hubs[0], method, args = [] }: ClassicCall, id: number): string {
    if (typeof method !== 'string' || method === '')
      throw badCommand('classic signalr: a call needs a method')
    if (!Array.isArray(args)) throw badCommand(`classic signalr: the args of ${method} must be a list`)
    return writeJson({ H: hub, M: method, A: args, I: id }, 'the arguments')
  }

  #keep(command: Subscribe): string {
    if (typeof command.key !== 'string') throw badCommand('classic signalr: a subscription needs a key')
    const text = this.#text(command, 0) + (command.end === undefined ? '' : this.#text(command.end, 0))
    if (this.#state === 'ready') this.#requests.checkRoom()
    const id = this.#subscriptions.keep(command.key, command, text.length)
    if (this.#state === 'ready') this.#subscribe(command.key, command)
    return id
  }

  #subscribe(key: string, command: Subscribe): void {
    this.#call(command, this.#timeoutMs, (outcome) => {
      if (this.#subscriptions.get(key) !== command) return
      if (outcome.ok) this.#subscriptions.confirmed(key, outcome.value)
      else if (this.#state === 'ready') this.#subscriptions.refused(key, outcome.error)
    })
  }

  #unsubscribe(key: string): string | null {
    const end = this.#subscriptions.get(key)?.end
    if (end !== undefined && this.#state === 'ready') this.#requests.checkRoom()
    this.#subscriptions.end(key)
    return end === undefined || this.#state !== 'ready' ? null : this.#settled(end, this.#timeoutMs)
  }
}
