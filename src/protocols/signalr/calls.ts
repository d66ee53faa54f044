import type { Micros } from '../../../schemas/events.js'
import { ProtocolError } from '../../errors.js'
import type { CodecSink, Outcome } from '../codec.js'
import { badCommand, lateAnswer, lostRequest } from '../command-errors.js'
import type { Deadlines } from '../deadlines.js'
import { writeJson } from '../json-text.js'
import { Requests } from '../requests.js'
import { Subscriptions } from '../subscriptions.js'
import type { HubMessage } from './messages.js'
import type { HubCall, SignalRCommand, SignalRMessage, SignalROptions } from './types.js'

/** Invocations of the server that wait for the user at once. */
const MAX_ASKED = 10_000
/** Streams that the user sends at once. */
const MAX_UPLOADS = 1_000

type Subscribe = Extract<SignalRCommand, { type: 'subscribe' }>

interface Waiting {
  readonly what: string
  readonly withinMs: number
  /** Of the subscription whose stream it is. */
  readonly key: string | null
  readonly isStream: boolean
  done(outcome: Outcome<unknown>): void
}

interface Wire {
  write(message: HubMessage): string | Uint8Array
  send(message: HubMessage, frame: string | Uint8Array): void
}

/** The invocations and streams of a hub, both ways, over its connections. */
export class HubCalls {
  readonly #options: SignalROptions
  readonly #timeoutMs: number
  readonly #sink: CodecSink<SignalRMessage>
  readonly #wire: Wire
  readonly #requests: Requests<Waiting>
  readonly #subscriptions: Subscriptions<Subscribe, unknown>
  /** The invocation that a subscription's stream has now. */
  readonly #streams = new Map<string, string>()
  readonly #asked = new Set<string>()
  readonly #uploads = new Set<string>()
  #lastId = 0
  /** The connection is being given up: what fails meanwhile says nothing about subscriptions. */
  #losing = false

  constructor(options: SignalROptions, sink: CodecSink<SignalRMessage>, deadlines: Deadlines, wire: Wire) {
    this.#options = options
    this.#timeoutMs = options.timeoutMs ?? 30_000
    this.#sink = sink
    this.#wire = wire
    this.#requests = new Requests(deadlines, options.maxRequests)
    this.#subscriptions = new Subscriptions(sink, deadlines, Number.POSITIVE_INFINITY, options)
  }

  get kept(): readonly SignalRCommand[] {
    return this.#subscriptions.commands
  }

  restore(at: Micros): void {
    for (const [key, command] of this.#subscriptions.all) this.#subscribe(key, command, at)
  }

  /** The server kept everything; only what was subscribed meanwhile is not there yet. */
  resumed(at: Micros): void {
    for (const [key, command] of this.#subscriptions.all) {
      if (!this.#subscriptions.isStanding(key) && !this.#streams.has(key)) this.#subscribe(key, command, at)
    }
  }

  lost(): void {
    this.#losing = true
    this.#subscriptions.lost()
    this.#streams.clear()
    this.#asked.clear()
    this.#uploads.clear()
    for (const waiting of this.#requests.takeAll())
      waiting.done({ ok: false, error: lostRequest(waiting.what) })
    this.#losing = false
  }

  // ── What the server says ────────────────────────────────────────────────────────────────────────────────────────

  message(message: HubMessage): void {
    switch (message.type) {
      case 'invocation':
        this.#invoked(message)
        break
      case 'item': {
        const waiting = this.#requests.get(message.id)
        // What comes after a cancellation is nobody's.
        if (waiting?.isStream === true) {
          this.#sink.emit({ type: 'item', id: message.id, key: waiting.key, item: message.item })
        }
        break
      }
      case 'completion': {
        const waiting = this.#requests.take(message.id)
        const { error } = message
        if (waiting === undefined) break
        if (error === null) waiting.done({ ok: true, value: message.result ?? null })
        else waiting.done({ ok: false, error: refused(waiting.what, error) })
        break
      }
      case 'cancel':
        if (this.#uploads.delete(message.id)) break
        this.#asked.delete(message.id)
        break
      default:
        // A client is asked for no streams.
        break
    }
  }

  #invoked({ id, target, args }: Extract<HubMessage, { type: 'invocation' }>): void {
    const answers = this.#options.answers === true && this.#asked.size < MAX_ASKED
    if (id !== null && answers) this.#asked.add(id)
    else if (id !== null) this.#write({ type: 'completion', id, error: 'the client returns no results' })
    this.#sink.emit({ type: 'invocation', target, args, id: answers ? id : null })
  }

  // ── What the user asks ──────────────────────────────────────────────────────────────────────────────────────────

  /** @throws {UsageError} `bad_command` of a command that no connection could carry out. */
  check(command: SignalRCommand): void {
    const { type } = command
    if (type === 'invoke' || type === 'stream' || type === 'send') {
      writeJson(checked(command).args, 'the arguments')
    } else if (type === 'reply' || type === 'refuse') this.#checkAsked(command.id)
  }

  command(
    command: Exclude<SignalRCommand, { type: 'subscribe' | 'unsubscribe' }>,
    at: Micros,
  ): string | null {
    switch (command.type) {
      case 'invoke':
        return this.#settled((done) => {
          const withinMs = command.timeoutMs ?? this.#timeoutMs
          return this.#call('invocation', command, at, { withinMs, key: null, isStream: false, done })
        })
      case 'stream':
        return this.#settled((done) => {
          const withinMs = Number.POSITIVE_INFINITY
          return this.#call('stream_invocation', command, at, { withinMs, key: null, isStream: true, done })
        })
      case 'send': {
        const call = checked(command)
        this.#write({ type: 'invocation', id: null, ...call, streamIds: this.#upload(command.streamIds) })
        return null
      }
      case 'item':
        this.#checkUpload(command.streamId)
        this.#write({ type: 'item', id: command.streamId, item: command.item })
        return null
      case 'complete': {
        const { streamId: id, error = null } = command
        this.#checkUpload(id)
        this.#write({ type: 'completion', id, error })
        this.#uploads.delete(id)
        return null
      }
      case 'reply':
        this.#answer(command.id, { type: 'completion', id: command.id, error: null, result: command.result })
        return null
      case 'refuse':
        this.#answer(command.id, { type: 'completion', id: command.id, error: String(command.error) })
        return null
    }
  }

  cancel(id: string, ready: boolean): void {
    this.#subscriptions.cancel(id)
    const waiting = this.#requests.take(id)
    if (waiting?.isStream === true && ready) this.#write({ type: 'cancel', id })
  }

  keep(
    command: Extract<SignalRCommand, { type: 'subscribe' | 'unsubscribe' }>,
    at: Micros,
    ready: boolean,
  ): string | null {
    if (command.type === 'unsubscribe') return this.#unsubscribe(command.key, at, ready)
    if (typeof command.key !== 'string') throw badCommand('signalr: a subscription needs a key')
    checked(command)
    if (command.end !== undefined) checked(command.end)
    const text = writeJson([command.target, command.args, command.end], 'the arguments')
    if (ready) this.#requests.checkRoom()
    const id = this.#subscriptions.keep(command.key, command, text.length)
    if (ready) this.#subscribe(command.key, command, at)
    return id
  }

  #subscribe(key: string, command: Subscribe, at: Micros): void {
    const isStream = command.stream === true
    const type = isStream ? 'stream_invocation' : 'invocation'
    const withinMs = isStream ? Number.POSITIVE_INFINITY : this.#timeoutMs
    const id = this.#call(type, command, at, {
      withinMs,
      key: isStream ? key : null,
      isStream,
      done: (outcome) => {
        if (this.#losing || this.#subscriptions.get(key) !== command) return
        if (isStream) {
          this.#streams.delete(key)
          this.#sink.emit({ type: 'stream_end', key, error: outcome.ok ? null : outcome.error.message })
        } else if (outcome.ok) this.#subscriptions.confirmed(key, outcome.value)
        else this.#subscriptions.refused(key, outcome.error)
      },
    })
    if (!isStream) return
    this.#streams.set(key, id)
    this.#subscriptions.confirmed(key, null)
  }

  #unsubscribe(key: string, at: Micros, ready: boolean): string | null {
    const end = this.#subscriptions.get(key)?.end
    if (end !== undefined && ready) this.#requests.checkRoom()
    this.#subscriptions.end(key)
    const stream = this.#streams.get(key)
    this.#streams.delete(key)
    if (stream !== undefined) this.cancel(stream, ready)
    if (end === undefined || !ready) return null
    return this.#settled((done) =>
      this.#call('invocation', end, at, { withinMs: this.#timeoutMs, key: null, isStream: false, done }),
    )
  }

  #settled(begin: (done: (outcome: Outcome<unknown>) => void) => string): string {
    const id = begin((outcome) => this.#sink.settle(id, outcome))
    return id
  }

  #call(
    type: 'invocation' | 'stream_invocation',
    call: HubCall & { readonly streamIds?: readonly string[] },
    at: Micros,
    how: Omit<Waiting, 'what'>,
  ): string {
    this.#requests.checkRoom()
    const id = String(this.#lastId + 1)
    const message = { type, id, ...checked(call), streamIds: this.#upload(call.streamIds) }
    const frame = this.#wire.write(message)
    this.#lastId++
    const what = call.target
    this.#requests.add(id, { what, ...how }, at, how.withinMs, ({ withinMs, done }) => {
      done({ ok: false, error: lateAnswer(what, withinMs) })
    })
    this.#wire.send(message, frame)
    return id
  }

  #upload(streamIds: readonly string[] = []): readonly string[] {
    const taken = streamIds.find((id) => this.#uploads.has(id))
    if (taken !== undefined) throw badCommand(`signalr: the stream ${taken} is open already`)
    if (this.#uploads.size + streamIds.length > MAX_UPLOADS) {
      throw badCommand(`signalr: more than ${MAX_UPLOADS} streams are sent at once; complete some of them`)
    }
    for (const id of streamIds) this.#uploads.add(id)
    return streamIds
  }

  #checkUpload(id: string): void {
    if (!this.#uploads.has(id)) {
      throw badCommand(
        `signalr: no open stream is called ${id}; name it in streamIds of an invocation, or the server ended it`,
      )
    }
  }

  /** @throws {UsageError} `bad_command` where no invocation of the server has this id. */
  #checkAsked(id: string): void {
    if (!this.#asked.has(id)) throw badCommand(`signalr: no invocation of the server has the id ${id}`)
  }

  #answer(id: string, message: HubMessage): void {
    this.#checkAsked(id)
    this.#write(message)
    this.#asked.delete(id)
  }

  #write(message: HubMessage): void {
    this.#wire.send(message, this.#wire.write(message))
  }
}

/** @throws {UsageError} `bad_command`. */
function checked({ target, args = [] }: HubCall): {
  readonly target: string
  readonly args: readonly unknown[]
} {
  if (typeof target !== 'string' || target === '') throw badCommand('signalr: a call needs a target')
  if (!Array.isArray(args)) throw badCommand(`signalr: the args of ${target} must be a list`)
  return { target, args }
}

function refused(what: string, error: string): ProtocolError {
  return new ProtocolError('request_refused', `${what} was refused: ${error}`, {
    answer: { code: null, message: error, data: null },
  })
}
