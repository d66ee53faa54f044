import type { Micros } from '../../../schemas/events.js'
import type { ConnectTarget } from '../../connector.js'
import { DecodeError, ProtocolError } from '../../errors.js'
import type { Codec, CodecOpening, CodecSink, Outcome, Reconnect } from '../codec.js'
import { badCommand, lateAnswer, lostRequest, notReady } from '../command-errors.js'
import { checkCommand } from '../command-fields.js'
import { Deadlines } from '../deadlines.js'
import { writeJson } from '../json-text.js'
import { Requests } from '../requests.js'
import { Subscriptions } from '../subscriptions.js'
import { CODES, jsonWamp, messagePackWamp, payloadOf, type WampFields, type WampFormat } from './messages.js'
import { reconnectOf } from './reasons.js'
import type { WampChallenge, WampCommand, WampMessage, WampOptions, WampProtocolOptions } from './types.js'

/** The commands. */
const TYPES = {
  publish: true,
  call: true,
  subscribe: true,
  unsubscribe: true,
  register: true,
  unregister: true,
  yield: true,
  fail: true,
} as const
/** What the fields of a command may be. */
const FIELDS = {
  options: 'record',
  args: 'list',
  kwargs: 'record',
  match: 'text',
  progress: 'boolean',
  timeoutMs: 'positive',
} as const

const GOODBYE_AND_OUT = 'wamp.close.goodbye_and_out'
const CLOSE_REALM = 'wamp.close.close_realm'
/** Invocations that wait for the user at once. */
const MAX_INVOKED = 10_000
const ROLES = {
  publisher: { features: {} },
  subscriber: { features: { pattern_based_subscription: true } },
  caller: { features: { progressive_call_results: true, call_canceling: true } },
  callee: { features: { progressive_call_results: true, call_canceling: true } },
}

type Kept = Extract<WampCommand, { type: 'subscribe' | 'register' }>

interface Waiting {
  readonly what: string
  readonly withinMs: number
  /** The name under which progress of it is told; null for what has none. */
  readonly settleId: string | null
  done(outcome: Outcome<unknown>): void
}

/** The state machine behind `wamp`. */
export class WampCodec implements Codec<WampCommand> {
  readonly #options: WampProtocolOptions
  readonly #format: WampFormat
  readonly #timeoutMs: number
  readonly #sink: CodecSink<WampMessage>
  readonly #deadlines: Deadlines
  readonly #requests: Requests<Waiting>
  readonly #kept: Subscriptions<Kept, unknown>
  /** Keys of what is kept, by the id that the router gave it on this connection. */
  readonly #subscribed = new Map<string, string>()
  readonly #registered = new Map<string, string>()
  readonly #invoked = new Set<string>()
  /** Requests whose settlement has another name than their id, which begins anew with each session. */
  readonly #calls = new Map<string, string>()
  #state: 'down' | 'joining' | 'ready' | 'leaving' = 'down'
  #farewell: Reconnect | null = null
  #lastId = 0
  #lastSettle = 0
  #now: Micros = 0

  constructor(options: WampProtocolOptions, sink: CodecSink<WampMessage>) {
    this.#options = options
    this.#format = options.messagePack
      ? messagePackWamp(options.messagePack)
      : jsonWamp(options.read ?? JSON.parse)
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#sink = sink
    this.#deadlines = new Deadlines((at) => sink.wake(at))
    this.#requests = new Requests(this.#deadlines, options.maxRequests)
    this.#kept = new Subscriptions(sink, this.#deadlines, Number.POSITIVE_INFINITY, options)
  }

  get kept(): readonly WampCommand[] {
    return this.#kept.commands
  }

  isKept({ type }: WampCommand): boolean {
    return ['subscribe', 'unsubscribe', 'register', 'unregister'].includes(type)
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  connect({ url, headers = {} }: ConnectTarget): void {
    this.#farewell = null
    this.#sink.dial({ transport: 'websocket', url, headers, protocols: [this.#format.subprotocol] })
  }

  opened({ protocol }: CodecOpening, at: Micros): void {
    this.#now = at
    if (protocol !== this.#format.subprotocol) {
      const error = new ProtocolError(
        'connection_refused',
        `WAMP: the server does not speak ${this.#format.subprotocol}`,
      )
      this.#leave({ retry: 'never', error })
      return
    }
    this.#state = 'joining'
    this.#lastId = 0
    const { realm, login } = this.#options
    const who = login === undefined ? {} : { authid: login.authid, authmethods: login.methods }
    this.#write([CODES.hello, realm, { roles: ROLES, ...who }])
  }

  answered(id: string, outcome: Outcome<unknown>): void {
    if (id !== 'challenge' || this.#state !== 'joining') return
    if (outcome.ok && typeof outcome.value === 'string') {
      this.#write([CODES.authenticate, outcome.value, {}])
      return
    }
    const error = outcome.ok ? badCommand('wamp: login.answer must return text') : outcome.error
    this.#write([CODES.abort, {}, 'wamp.error.cannot_authenticate'])
    this.#leave({ retry: 'backoff', error })
  }

  response(): void {}

  tick(at: Micros): void {
    this.#now = at
    this.#deadlines.tick(at)
  }

  closed(): Reconnect | null {
    this.#state = 'down'
    this.#kept.lost()
    this.#subscribed.clear()
    this.#registered.clear()
    this.#invoked.clear()
    for (const { what, done } of this.#requests.takeAll()) done({ ok: false, error: lostRequest(what) })
    this.#calls.clear()
    return this.#farewell
  }

  end(): void {
    if (this.#state !== 'ready') this.#sink.close({ code: 1000, reason: '', retry: 'never' })
    else {
      this.#state = 'leaving'
      this.#write([CODES.goodbye, {}, CLOSE_REALM])
    }
  }

  #leave(farewell: Reconnect): void {
    this.#farewell = farewell
    this.#state = 'down'
    this.#sink.close({ code: 1000, reason: '', ...farewell })
  }

  #welcomed(): void {
    this.#state = 'ready'
    for (const [key, command] of this.#kept.all) this.#ask(key, command)
    this.#sink.ready()
  }

  // ── What the router says ────────────────────────────────────────────────────────────────────────────────────────

  frame(data: string | Uint8Array, at: Micros): void {
    this.#now = at
    try {
      this.#message(this.#format.read(data))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#sink.error(error)
    }
  }

  #message(fields: WampFields): void {
    switch (fields.code) {
      case CODES.welcome:
        if (this.#state === 'joining') this.#welcomed()
        break
      case CODES.challenge:
        this.#challenged({ method: fields.text(1), extra: fields.record(2) })
        break
      case CODES.abort:
        this.#leave(reconnectOf(fields.text(2), fields.record(1)))
        break
      case CODES.goodbye:
        this.#goodbye(fields)
        break
      case CODES.error:
        this.#failed(fields)
        break
      case CODES.subscribed:
      case CODES.registered:
      case CODES.published:
        this.#done(fields.id(1), fields.id(2))
        break
      case CODES.unsubscribed:
      case CODES.unregistered:
        this.#done(fields.id(1), null)
        break
      case CODES.event:
        this.#event(fields)
        break
      case CODES.result:
        this.#result(fields)
        break
      case CODES.invocation:
        this.#invocation(fields)
        break
      case CODES.interrupt:
        if (this.#invoked.delete(fields.id(1))) this.#sink.emit({ type: 'interrupt', id: fields.id(1) })
        break
      default:
        throw new DecodeError('unknown_message', `a message of the code ${fields.code}`, {
          path: [0],
          head: '',
        })
    }
  }

  #challenged(challenge: WampChallenge): void {
    const { login } = this.#options
    if (this.#state !== 'joining') return
    if (login !== undefined) {
      this.#sink.ask({ id: 'challenge', run: (signal) => login.answer(challenge, signal) })
      return
    }
    this.#write([CODES.abort, {}, 'wamp.error.cannot_authenticate'])
    const error = badCommand(`wamp: the router wants a proof (${challenge.method}); give the option login`)
    this.#leave({ retry: 'never', error })
  }

  #goodbye(fields: WampFields): void {
    if (this.#state === 'leaving') {
      this.#sink.close({ code: 1000, reason: '', retry: 'never' })
      return
    }
    const farewell = reconnectOf(fields.text(2), fields.record(1))
    this.#write([CODES.goodbye, {}, GOODBYE_AND_OUT])
    this.#leave(farewell)
  }

  #done(id: string, value: string | null): void {
    this.#requests.take(id)?.done({ ok: true, value })
  }

  #failed(fields: WampFields): void {
    const reason = fields.text(4)
    const { args, kwargs } = fields.payload(5)
    const waiting = this.#requests.take(fields.id(2))
    if (waiting === undefined) return
    const [said] = args
    const words = typeof said === 'string' ? `: ${said}` : ''
    const error = new ProtocolError('request_refused', `${waiting.what} was refused with ${reason}${words}`, {
      answer: { code: reason, message: typeof said === 'string' ? said : '', data: { args, kwargs } },
    })
    waiting.done({ ok: false, error })
  }

  #event(fields: WampFields): void {
    const key = this.#subscribed.get(fields.id(1))
    const command = key === undefined ? undefined : this.#kept.get(key)
    // What comes after the end of a subscription is nobody's.
    if (command?.type !== 'subscribe') return
    const details = fields.record(3)
    const topic = typeof details['topic'] === 'string' ? details['topic'] : command.topic
    this.#sink.emit({ type: 'event', topic, publication: fields.id(2), details, ...fields.payload(4) })
  }

  #result(fields: WampFields): void {
    const details = fields.record(2)
    const id = fields.id(1)
    const result = { details, ...fields.payload(3) }
    if (details['progress'] !== true) {
      this.#requests.take(id)?.done({ ok: true, value: result })
      return
    }
    const settleId = this.#requests.get(id)?.settleId
    if (settleId != null) this.#sink.emit({ type: 'progress', id: settleId, ...result })
  }

  #invocation(fields: WampFields): void {
    const id = fields.id(1)
    const key = this.#registered.get(fields.id(2))
    const command = key === undefined ? undefined : this.#kept.get(key)
    if (command?.type !== 'register' || this.#invoked.size >= MAX_INVOKED) {
      this.#write([CODES.error, CODES.invocation, Number(id), {}, 'wamp.error.unavailable'])
      return
    }
    const details = fields.record(3)
    const named = details['procedure']
    const procedure = typeof named === 'string' ? named : command.procedure
    this.#invoked.add(id)
    this.#sink.emit({ type: 'invocation', id, procedure, details, ...fields.payload(4) })
  }

  // ── What the user asks ──────────────────────────────────────────────────────────────────────────────────────────

  check(command: WampCommand): void {
    checkCommand('wamp', command, TYPES, FIELDS)
    const { type } = command
    if (type === 'publish' || type === 'call') {
      this.#format.write([
        named(type === 'publish' ? command.topic : command.procedure),
        ...payloadOf(command),
      ])
    } else if (type === 'yield' || type === 'fail') this.#checkInvoked(command.id)
  }

  command(command: WampCommand, at: Micros): string | null {
    checkCommand('wamp', command, TYPES, FIELDS)
    this.#now = at
    switch (command.type) {
      case 'subscribe':
        return this.#keep(subscriptionKey(command.topic, command.options), command)
      case 'register':
        return this.#keep(`register ${named(command.procedure)}`, command)
      case 'unsubscribe':
        return this.#release(subscriptionKey(command.topic, { match: command.match }))
      case 'unregister':
        return this.#release(`register ${command.procedure}`)
      default:
    }
    if (this.#state !== 'ready') throw notReady('wamp')
    switch (command.type) {
      case 'publish':
        return this.#publish(command)
      case 'call':
        return this.#call(command)
      case 'yield': {
        const options = command.progress === true ? { progress: true } : {}
        this.#answer(
          command.id,
          [CODES.yield, Number(command.id), options, ...payloadOf(command)],
          command.progress,
        )
        return null
      }
      case 'fail':
        this.#answer(command.id, [
          CODES.error,
          CODES.invocation,
          Number(command.id),
          {},
          named(command.error),
          ...payloadOf(command),
        ])
        return null
    }
  }

  cancel(settleId: string): void {
    this.#kept.cancel(settleId)
    const id = this.#calls.get(settleId)
    if (id === undefined) return
    this.#calls.delete(settleId)
    if (this.#requests.take(id) !== undefined && this.#state === 'ready') {
      this.#write([CODES.cancel, Number(id), { mode: 'killnowait' }])
    }
  }

  #publish(command: Extract<WampCommand, { type: 'publish' }>): string | null {
    const { topic, options = {} } = command
    const rest = [options, named(topic), ...payloadOf(command)]
    if (options['acknowledge'] === true)
      return this.#settled(CODES.publish, rest, `the publish to ${topic}`, this.#timeoutMs)
    this.#write([CODES.publish, this.#lastId + 1, ...rest])
    this.#lastId++
    return null
  }

  #call(command: Extract<WampCommand, { type: 'call' }>): string {
    const { procedure, options = {}, timeoutMs = this.#timeoutMs } = command
    return this.#settled(CODES.call, [options, named(procedure), ...payloadOf(command)], procedure, timeoutMs)
  }

  #settled(code: number, rest: readonly unknown[], what: string, withinMs: number): string {
    const settleId = `${code === CODES.call ? 'call' : 'request'} ${this.#lastSettle + 1}`
    const id = this.#request(code, rest, {
      what,
      withinMs,
      settleId,
      done: (outcome) => {
        this.#calls.delete(settleId)
        this.#sink.settle(settleId, outcome)
      },
    })
    this.#lastSettle++
    if (code === CODES.call) this.#calls.set(settleId, id)
    return settleId
  }

  #request(code: number, rest: readonly unknown[], waiting: Waiting): string {
    this.#requests.checkRoom()
    const id = this.#lastId + 1
    const frame = this.#format.write([code, id, ...rest])
    this.#lastId = id
    this.#requests.add(String(id), waiting, this.#now, waiting.withinMs, ({ what, withinMs, done }) => {
      done({ ok: false, error: lateAnswer(what, withinMs) })
    })
    this.#sink.send(frame)
    return String(id)
  }

  #answer(id: string, message: readonly unknown[], more = false): void {
    this.#checkInvoked(id)
    this.#write(message)
    if (!more) this.#invoked.delete(id)
  }

  /** @throws {UsageError} `bad_command` where no invocation waits under this id. */
  #checkInvoked(id: string): void {
    if (!this.#invoked.has(id)) throw badCommand(`wamp: no invocation waits under ${id}`)
  }

  #keep(key: string, command: Kept): string {
    const text = writeJson(command, 'the options')
    if (this.#state === 'ready') this.#requests.checkRoom()
    const id = this.#kept.keep(key, command, text.length)
    if (this.#state === 'ready') this.#ask(key, command)
    return id
  }

  #ask(key: string, command: Kept): void {
    const isTopic = command.type === 'subscribe'
    const what = isTopic ? `the subscription to ${command.topic}` : `the registration of ${command.procedure}`
    const name = isTopic ? command.topic : command.procedure
    this.#request(isTopic ? CODES.subscribe : CODES.register, [command.options ?? {}, name], {
      what,
      withinMs: this.#timeoutMs,
      settleId: null,
      done: (outcome) => {
        if (this.#kept.get(key) !== command) {
          // It was ended before it stood.
          if (outcome.ok) this.#undo(isTopic, String(outcome.value))
        } else if (outcome.ok) {
          ;(isTopic ? this.#subscribed : this.#registered).set(String(outcome.value), key)
          this.#kept.confirmed(key, outcome.value)
        } else if (this.#state === 'ready') this.#kept.refused(key, outcome.error)
      },
    })
  }

  #release(key: string): string | null {
    const isTopic = key.startsWith('subscribe ')
    const ids = isTopic ? this.#subscribed : this.#registered
    const [id] = [...ids].find(([, each]) => each === key) ?? [null]
    if (id !== null && this.#state === 'ready') this.#requests.checkRoom()
    this.#kept.end(key)
    if (id === null || this.#state !== 'ready') return null
    ids.delete(id)
    const code = isTopic ? CODES.unsubscribe : CODES.unregister
    return this.#settled(code, [Number(id)], `the end of ${key}`, this.#timeoutMs)
  }

  #undo(isTopic: boolean, id: string): void {
    if (this.#state !== 'ready') return
    this.#write([isTopic ? CODES.unsubscribe : CODES.unregister, ++this.#lastId, Number(id)])
  }

  #write(message: readonly unknown[]): void {
    this.#sink.send(this.#format.write(message))
  }
}

/** @throws {UsageError} `bad_command`. */
function named(uri: string): string {
  if (typeof uri === 'string' && uri !== '') return uri
  throw badCommand('wamp: a topic, procedure or error is named by text')
}

function subscriptionKey(topic: string, options: WampOptions = {}): string {
  return `subscribe ${String(options['match'] ?? 'exact')} ${named(topic)}`
}
