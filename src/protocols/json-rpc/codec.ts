import type { Micros } from '../../../schemas/events.js'
import type { ConnectTarget } from '../../connector.js'
import { DecodeError, NetworkError, ProtocolError, type TapewireError } from '../../errors.js'
import type { Codec, CodecOpening, CodecSink, Outcome, RecordedCommand } from '../codec.js'
import { badCommand, lateAnswer, lostRequest, notReady } from '../command-errors.js'
import { checkCommand } from '../command-fields.js'
import { Deadlines } from '../deadlines.js'
import { isRecord, type JsonReader, textOf, writeJson } from '../json-text.js'
import { Requests } from '../requests.js'
import { Subscriptions } from '../subscriptions.js'
import { type RpcMessage, readMessages } from './messages.js'
import type { JsonRpcCommand, JsonRpcMessage, JsonRpcOptions, RpcCall } from './types.js'

/** The commands. */
const TYPES = {
  call: true,
  notify: true,
  batch: true,
  subscribe: true,
  unsubscribe: true,
  reply: true,
  refuse: true,
} as const
/** What the fields of a command may be. */
const FIELDS = { end: 'record', calls: 'list', timeoutMs: 'positive' } as const

const METHOD_NOT_FOUND = { code: -32601, message: 'Method not found' }
/** Requests of the other side that wait for the user at once. */
const MAX_ASKED = 10_000

type Subscribe = Extract<JsonRpcCommand, { type: 'subscribe' }>

/** What waits for an answer. */
interface Waiting {
  readonly what: string
  readonly withinMs: number
  done(outcome: Outcome<unknown>): void
}

/** The state machine behind `jsonRpc`. */
export class JsonRpcCodec implements Codec<JsonRpcCommand> {
  readonly #options: JsonRpcOptions
  readonly #read: JsonReader
  readonly #timeoutMs: number
  readonly #sink: CodecSink<JsonRpcMessage>
  readonly #deadlines: Deadlines
  readonly #requests: Requests<Waiting>
  readonly #subscriptions: Subscriptions<Subscribe, unknown>
  /** Requests of the other side that wait for the user: their ids as JSON. */
  readonly #asked = new Set<string>()
  #state: 'down' | 'login' | 'ready' = 'down'
  #now: Micros = 0
  #lastId = 0

  constructor(options: JsonRpcOptions, sink: CodecSink<JsonRpcMessage>) {
    this.#options = options
    this.#read = options.read ?? JSON.parse
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#sink = sink
    this.#deadlines = new Deadlines((at) => sink.wake(at))
    this.#requests = new Requests(this.#deadlines, options.maxRequests)
    this.#subscriptions = new Subscriptions(sink, this.#deadlines, Number.POSITIVE_INFINITY, options)
  }

  get kept(): readonly JsonRpcCommand[] {
    return this.#subscriptions.commands
  }

  isKept({ type }: JsonRpcCommand): boolean {
    return type === 'subscribe' || type === 'unsubscribe'
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  connect({ url, headers = {}, protocols = [] }: ConnectTarget): void {
    this.#sink.dial({ transport: 'websocket', url, headers, protocols })
  }

  opened(_opening: CodecOpening, at: Micros): void {
    const { login } = this.#options
    if (login === undefined) this.#begin(at)
    else {
      this.#state = 'login'
      this.#sink.ask({ id: 'login', run: login })
    }
  }

  answered(id: string, outcome: Outcome<unknown>, at: Micros): void {
    if (id !== 'login' || this.#state !== 'login') return
    if (!outcome.ok) this.#refuse(outcome.error, 'backoff')
    else if (!isCall(outcome.value)) {
      this.#refuse(badCommand('json-rpc: login must return { method, params }'), 'never')
    } else {
      this.#call(outcome.value, at, this.#timeoutMs, (answer) => {
        if (answer.ok) this.#begin(this.#now)
        else this.#refuse(answer.error, 'backoff')
      })
    }
  }

  closed(): null {
    this.#state = 'down'
    this.#deadlines.clearAll()
    this.#subscriptions.lost()
    this.#asked.clear()
    for (const waiting of this.#requests.takeAll()) {
      waiting.done({ ok: false, error: lostRequest(waiting.what) })
    }
    return null
  }

  end(): void {
    this.#sink.close({ code: 1000, reason: '', retry: 'never' })
  }

  response(): void {}

  tick(at: Micros): void {
    this.#deadlines.tick(at)
  }

  #begin(at: Micros): void {
    this.#state = 'ready'
    for (const [key, command] of this.#subscriptions.all) this.#subscribe(key, command, at)
    this.#beat(at)
    this.#sink.ready()
  }

  #refuse(error: TapewireError, retry: 'backoff' | 'never'): void {
    this.#sink.close({ code: 1000, reason: 'login failed', retry, error })
  }

  #beat(at: Micros): void {
    const { heartbeat } = this.#options
    if (heartbeat === undefined) return
    const { everyMs, withinMs = 10_000 } = heartbeat
    this.#deadlines.set('heartbeat', at, everyMs, (now) => {
      this.#beat(now)
      this.#call(heartbeat, now, withinMs, (outcome) => {
        // A refusal is a sign of life too.
        if (outcome.ok || outcome.error.code !== 'request_timeout') return
        const reason = `the heartbeat was not answered within ${withinMs} ms`
        const error = new NetworkError('connection_unanswered', reason)
        this.#sink.close({ code: 1001, reason: 'no heartbeat', retry: 'backoff', error })
      })
    })
  }

  // ── What the other side says ────────────────────────────────────────────────────────────────────────────────────

  frame(data: string | Uint8Array, at: Micros): void {
    this.#now = at
    try {
      const text = typeof data === 'string' ? data : new TextDecoder('utf-8', { fatal: true }).decode(data)
      for (const message of readMessages(this.#read, text)) this.#message(message)
    } catch (error) {
      if (error instanceof DecodeError) this.#sink.error(error)
      else if (error instanceof TypeError && typeof data !== 'string') {
        this.#sink.error(new DecodeError('undecodable', 'the message is not UTF-8', { path: [], head: '' }))
      } else throw error
    }
  }

  /** The calls of a recorded client wait for the answers of the recording. */
  sent(text: string, at: Micros): readonly RecordedCommand<JsonRpcCommand>[] {
    const recorded: RecordedCommand<JsonRpcCommand>[] = []
    for (const message of this.#readSent(text)) {
      if (message.kind !== 'request' || this.#requests.full) continue
      const { method, params } = message
      const id = String(message.id)
      const done = (outcome: Outcome<unknown>) => this.#sink.settle(id, outcome)
      this.#wait(id, { what: method, withinMs: Number.POSITIVE_INFINITY, done }, at)
      recorded.push({ id, command: { type: 'call', method, ...(isParams(params) && { params }) } })
    }
    return recorded
  }

  #readSent(text: string): readonly RpcMessage[] {
    try {
      return readMessages(this.#read, text)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#sink.error(error)
      return []
    }
  }

  #message(message: RpcMessage): void {
    switch (message.kind) {
      case 'notification':
        this.#sink.emit({ type: 'notification', method: message.method, params: message.params })
        break
      case 'request':
        this.#request(message)
        break
      case 'result':
        this.#requests.take(message.id)?.done({ ok: true, value: message.result })
        break
      case 'error':
        this.#failed(message)
        break
      case 'misfit':
        this.#sink.error(message.error)
        break
    }
  }

  #request({ id, method, params }: Extract<RpcMessage, { kind: 'request' }>): void {
    if (this.#options.answers === true && this.#asked.size < MAX_ASKED) {
      this.#asked.add(JSON.stringify(id))
      this.#sink.emit({ type: 'request', id, method, params })
    } else this.#sink.send(JSON.stringify({ jsonrpc: '2.0', id, error: METHOD_NOT_FOUND }))
  }

  /** An error without an id answers a request that the other side could not read: which one, nobody can say. */
  #failed({ id, answer }: Extract<RpcMessage, { kind: 'error' }>): void {
    const refused = (what: string) =>
      new ProtocolError('request_refused', `${what} was refused: ${said(answer.code, answer.message)}`, {
        answer,
      })
    if (id !== null) {
      const waiting = this.#requests.take(id)
      waiting?.done({ ok: false, error: refused(waiting.what) })
      return
    }
    this.#sink.error(refused('a request that the other side could not read'))
    for (const waiting of this.#requests.takeAll()) {
      waiting.done({ ok: false, error: refused(waiting.what) })
    }
  }

  // ── What the user asks ──────────────────────────────────────────────────────────────────────────────────────────

  check(command: JsonRpcCommand): void {
    checkCommand('json-rpc', command, TYPES, FIELDS)
    const { type } = command
    if (type === 'call' || type === 'notify') messageText(command, 0)
    else if (type === 'batch') batchTexts(command.calls, 0)
    else if (type === 'reply' || type === 'refuse') this.#asker(command.id)
  }

  command(command: JsonRpcCommand, at: Micros): string | null {
    checkCommand('json-rpc', command, TYPES, FIELDS)
    if (command.type === 'subscribe') return this.#keep(command, at)
    if (command.type === 'unsubscribe') return this.#unsubscribe(command.key, at)
    if (this.#state !== 'ready') throw notReady('json-rpc')
    switch (command.type) {
      case 'call':
        return this.#settled((done) => this.#call(command, at, command.timeoutMs ?? this.#timeoutMs, done))
      case 'notify':
        this.#sink.send(messageText(command, null))
        return null
      case 'batch':
        return this.#batch(command.calls, at, command.timeoutMs ?? this.#timeoutMs)
      case 'reply':
        this.#answer(command.id, { result: command.result ?? null })
        return null
      case 'refuse':
        this.#answer(command.id, { error: command.error })
        return null
    }
  }

  cancel(id: string): void {
    this.#subscriptions.cancel(id)
    this.#requests.take(id)
  }

  /** The id of a call is also the one that its settlement has. */
  #settled(begin: (done: (outcome: Outcome<unknown>) => void) => string): string {
    const id = begin((outcome) => this.#sink.settle(id, outcome))
    return id
  }

  #call(call: RpcCall, at: Micros, withinMs: number, done: Waiting['done']): string {
    this.#requests.checkRoom()
    const id = ++this.#lastId
    const text = messageText(call, id)
    this.#wait(String(id), { what: call.method, withinMs, done }, at)
    this.#sink.send(text)
    return String(id)
  }

  #wait(id: string, waiting: Waiting, at: Micros): void {
    this.#requests.add(id, waiting, at, waiting.withinMs, ({ what, withinMs, done }) => {
      done({ ok: false, error: lateAnswer(what, withinMs) })
    })
  }

  #batch(calls: readonly RpcCall[], at: Micros, withinMs: number): string {
    const first = this.#lastId + 1
    const texts = batchTexts(calls, first)
    this.#requests.checkRoom(calls.length)
    this.#lastId += calls.length
    const id = `batch ${first}`
    const outcomes = new Array<Outcome<unknown>>(calls.length)
    let open = calls.length
    for (const [index, { method }] of calls.entries()) {
      const done = (outcome: Outcome<unknown>) => {
        outcomes[index] = outcome
        if (--open === 0) this.#sink.settle(id, { ok: true, value: outcomes })
      }
      this.#wait(String(first + index), { what: method, withinMs, done }, at)
    }
    this.#sink.send(`[${texts.join()}]`)
    return id
  }

  #answer(id: unknown, answer: object): void {
    const key = this.#asker(id)
    const text = writeJson({ jsonrpc: '2.0', id, ...answer }, 'the answer')
    this.#asked.delete(key)
    this.#sink.send(text)
  }

  /** @throws {UsageError} `bad_command` where no request of the other side has this id. */
  #asker(id: unknown): string {
    const key = JSON.stringify(id)
    if (!this.#asked.has(key)) throw badCommand(`json-rpc: no request of the other side has the id ${key}`)
    return key
  }

  // ── Subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────

  #keep(command: Subscribe, at: Micros): string {
    if (typeof command.key !== 'string') throw badCommand('json-rpc: a subscription needs a key')
    const text = messageText(command, 0) + (command.end === undefined ? '' : messageText(command.end, 0))
    if (this.#state === 'ready') this.#requests.checkRoom()
    const id = this.#subscriptions.keep(command.key, command, text.length)
    if (this.#state === 'ready') this.#subscribe(command.key, command, at)
    return id
  }

  #subscribe(key: string, command: Subscribe, at: Micros): void {
    this.#call(command, at, this.#timeoutMs, (outcome) => {
      if (this.#subscriptions.get(key) !== command) return
      if (outcome.ok) this.#subscriptions.confirmed(key, outcome.value)
      // A connection that ended says nothing about the subscription: the next one asks again.
      else if (this.#state === 'ready') this.#subscriptions.refused(key, outcome.error)
    })
  }

  #unsubscribe(key: string, at: Micros): string | null {
    const end = this.#subscriptions.get(key)?.end
    if (end !== undefined && this.#state === 'ready') this.#requests.checkRoom()
    this.#subscriptions.end(key)
    if (end === undefined || this.#state !== 'ready') return null
    return this.#settled((done) => this.#call(end, at, this.#timeoutMs, done))
  }
}

function isCall(value: unknown): value is RpcCall {
  return isRecord(value) && textOf(value['method']) !== null
}

function isParams(value: unknown): value is NonNullable<RpcCall['params']> {
  return typeof value === 'object' && value !== null
}

/** @throws {UsageError} `bad_command`. */
function batchTexts(calls: readonly RpcCall[], first: number): readonly string[] {
  if (!Array.isArray(calls) || calls.length === 0) {
    throw badCommand('json-rpc: a batch needs calls, a list of at least one')
  }
  return calls.map((call, index) => messageText(call, first + index))
}

/** @throws {UsageError} `bad_command`. */
function messageText(call: RpcCall, id: number | null): string {
  if (!isRecord(call)) throw badCommand('json-rpc: a call is an object with a method')
  const { method, params } = call
  if (typeof method !== 'string' || method === '') throw badCommand('json-rpc: a call needs a method')
  if (params !== undefined && !isParams(params)) {
    throw badCommand(`json-rpc: the params of ${method} must be a list or an object`)
  }
  return writeJson(
    { jsonrpc: '2.0', method, params, ...(id === null ? {} : { id }) },
    `the params of ${method}`,
  )
}

function said(code: number | string | null, message: string): string {
  return code === null ? message : `${message} (${code})`
}
