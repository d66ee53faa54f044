import type { Micros } from '../../../schemas/events.js'
import type { ConnectTarget } from '../../connector.js'
import { DecodeError, NetworkError, ProtocolError } from '../../errors.js'
import type { Codec, CodecClose, CodecInit, CodecOpening, CodecSink, Outcome, Reconnect } from '../codec.js'
import { badCommand, notReady } from '../command-errors.js'
import { checkCommand } from '../command-fields.js'
import { Deadlines } from '../deadlines.js'
import { isRecord, type JsonReader, wholeNumber, writeJson } from '../json-text.js'
import { Silence } from '../silence.js'
import { Subscriptions } from '../subscriptions.js'
import { reconnectOf } from './close-codes.js'
import { type PusherFrame, readFrame } from './frames.js'
import { namesOf, type PusherNames } from './names.js'
import type { PusherAuthorization, PusherCommand, PusherMessage, PusherOptions } from './types.js'

/** The commands. */
const TYPES = { subscribe: true, unsubscribe: true, send: true } as const
/** What the fields of a command may be. */
const FIELDS = { channel: 'text', event: 'text' } as const

/** The longest names that the service takes. */
const LONGEST_CHANNEL = 200
const CHANNEL = /^[\w\-=@,.;#:/ ]+$/

type ClientEvent = Extract<PusherCommand, { type: 'send' }>
type Subscribe = Extract<PusherCommand, { type: 'subscribe' }>

/** The state machine behind `pusher`. */
export class PusherCodec implements Codec<PusherCommand> {
  readonly #options: PusherOptions
  readonly #names: PusherNames
  readonly #recorded: boolean
  readonly #read: JsonReader
  readonly #sink: CodecSink<PusherMessage>
  readonly #deadlines: Deadlines
  readonly #silence: Silence
  readonly #subscriptions: Subscriptions<Subscribe, unknown>
  /** Of the present connection, once it is established; empty where the server gives none. */
  #socketId: string | null = null
  /** Of a `pusher:error` before that. */
  #refusal: Reconnect | null = null
  #activityMs = 0
  /** A ping waits for its answer, which is whatever comes. */
  #pinged = false

  constructor(options: PusherOptions, { recorded = false }: CodecInit, sink: CodecSink<PusherMessage>) {
    this.#options = options
    this.#names = namesOf(options.dialect)
    this.#recorded = recorded
    this.#read = options.read ?? JSON.parse
    this.#sink = sink
    this.#deadlines = new Deadlines((at) => sink.wake(at))
    this.#silence = new Silence(this.#deadlines, 'activity')
    this.#subscriptions = new Subscriptions(sink, this.#deadlines, options.timeoutMs ?? 30_000, options)
  }

  get kept(): readonly PusherCommand[] {
    return this.#subscriptions.commands
  }

  isKept({ type }: PusherCommand): boolean {
    return type !== 'send'
  }

  get #greets(): boolean {
    return this.#options.dialect?.handshake !== false
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  connect({ url, headers = {}, protocols = [] }: ConnectTarget): void {
    const target = new URL(url)
    const asked = this.#greets ? { protocol: '7', client: 'tapewire', version: '1.0', flash: 'false' } : {}
    for (const [name, value] of Object.entries(asked)) {
      if (!target.searchParams.has(name)) target.searchParams.set(name, value)
    }
    this.#sink.dial({ transport: 'websocket', url: target.href, headers, protocols })
  }

  opened(_opening: CodecOpening, at: Micros): void {
    if (!this.#greets) this.#stand('', 0, at)
  }

  response(): void {}

  tick(at: Micros): void {
    this.#deadlines.tick(at)
  }

  closed({ code, reason }: CodecClose): Reconnect | null {
    const established = this.#socketId !== null
    const refusal = this.#refusal
    this.#socketId = null
    this.#refusal = null
    this.#deadlines.clearAll()
    this.#subscriptions.lost()
    return reconnectOf(code, reason) ?? (established ? null : refusal)
  }

  end(): void {
    this.#sink.close({ code: 1000, reason: '', retry: 'never' })
  }

  #established(data: unknown, at: Micros, text: string): void {
    if (!isRecord(data) || typeof data['socket_id'] !== 'string') {
      throw new DecodeError('schema_mismatch', 'the greeting has no socket_id', {
        path: ['data', 'socket_id'],
        head: text,
      })
    }
    if (this.#socketId !== null) return
    this.#stand(data['socket_id'], (wholeNumber(data['activity_timeout']) ?? 0) * 1000, at)
  }

  /** The connection is established. @param wishMs how long the server wants to be silent at most; 0 where it does not say */
  #stand(socketId: string, wishMs: number, at: Micros): void {
    this.#socketId = socketId
    const ownMs = this.#options.activityTimeoutMs ?? 120_000
    this.#activityMs = wishMs > 0 ? Math.min(wishMs, ownMs) : ownMs
    this.#watch(at)
    for (const [, command] of this.#subscriptions.all) this.#subscribe(command, at)
    if (this.#options.signIn === true) this.#ask('sign-in', null)
    this.#sink.ready()
  }

  /** Any message proves that the server lives. */
  #watch(at: Micros): void {
    const { pongTimeoutMs = 30_000 } = this.#options
    this.#pinged = false
    this.#silence.start(at, this.#activityMs, (silentAt) => {
      this.#pinged = true
      this.#write(this.#names.ping, {})
      this.#silence.start(silentAt, pongTimeoutMs, () => {
        const error = new NetworkError(
          'connection_unanswered',
          `a ping was not answered within ${pongTimeoutMs} ms`,
        )
        this.#sink.close({ code: 4201, reason: 'pong reply not received', retry: 'backoff', error })
      })
    })
  }

  // ── What the server says ────────────────────────────────────────────────────────────────────────────────────────

  frame(data: string | Uint8Array, at: Micros): void {
    if (this.#socketId !== null) this.#heard(at)
    try {
      if (typeof data !== 'string') {
        throw new DecodeError('undecodable', 'Pusher sends text, and this message is binary', {
          path: [],
          head: '',
        })
      }
      this.#event(readFrame(this.#read, data), at, data)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#sink.error(error)
    }
  }

  #heard(at: Micros): void {
    if (this.#pinged) this.#watch(at)
    else this.#silence.heard(at)
  }

  #event(frame: PusherFrame, at: Micros, text: string): void {
    const { event, channel, data } = frame
    const names = this.#names
    if (event === names.established) this.#established(data, at, text)
    else if (event === names.pong || event === names.signedIn) return
    else if (event === names.ping) this.#write(names.pong, {})
    else if (event === names.error) this.#error(data)
    else if (event === names.reconnect)
      this.#sink.close({ code: 1000, reason: '', retry: 'now', planned: true })
    else if (channel === null) this.#sink.emit({ type: 'event', ...frame })
    else if (this.#recorded || this.#subscriptions.has(channel)) this.#channelEvent(channel, frame)
    // What comes after the end of a subscription is nobody's any more.
    else if (this.#options.unasked === true && !Object.values(names).includes(event)) {
      this.#sink.emit({ type: 'event', ...frame })
    }
  }

  #channelEvent(channel: string, frame: PusherFrame): void {
    const { data } = frame
    const names = this.#names
    switch (frame.event) {
      case names.subscribed: {
        const members = isRecord(data) && isRecord(data['presence']) ? data['presence'] : data
        this.#subscriptions.confirmed(channel, members)
        this.#sink.emit({ type: 'subscribed', channel, data: members })
        break
      }
      case names.refused:
        this.#subscriptions.refused(channel, refusal(`the channel ${channel}`, data))
        break
      // Of a subscription that ended before this one began.
      case names.unsubscribed:
        break
      case names.memberAdded:
      case names.memberRemoved: {
        const id = isRecord(data) ? data['user_id'] : null
        if (typeof id !== 'string' || !isRecord(data)) break
        const member = { channel, id }
        if (frame.event === names.memberAdded) {
          this.#sink.emit({ type: 'member_added', ...member, info: data['user_info'] ?? null })
        } else this.#sink.emit({ type: 'member_removed', ...member })
        break
      }
      case names.count: {
        const count = isRecord(data) ? wholeNumber(data['subscription_count']) : null
        if (count !== null) this.#sink.emit({ type: 'count', channel, count })
        break
      }
      default:
        this.#sink.emit({ type: 'event', ...frame })
    }
  }

  #error(data: unknown): void {
    const error = refusal('something', data)
    if (this.#socketId === null && isRecord(data)) {
      this.#refusal = reconnectOf(wholeNumber(data['code']), String(data['message'] ?? ''))
    }
    this.#sink.error(error)
  }

  // ── What the user asks ──────────────────────────────────────────────────────────────────────────────────────────

  check(command: PusherCommand): void {
    checkCommand('pusher', command, TYPES, FIELDS)
    if (command.type === 'send') clientEvent(command)
  }

  command(command: PusherCommand, at: Micros): string | null {
    checkCommand('pusher', command, TYPES, FIELDS)
    switch (command.type) {
      case 'subscribe': {
        this.#check(command.channel)
        const id = this.#subscriptions.keep(command.channel, command, 0)
        if (this.#socketId !== null) this.#subscribe(command, at)
        return id
      }
      case 'unsubscribe': {
        this.#subscriptions.end(command.channel)
        if (this.#socketId !== null) this.#write(this.#names.unsubscribe, { channel: command.channel })
        return null
      }
      case 'send':
        this.#clientEvent(command)
        return null
    }
  }

  cancel(id: string): void {
    this.#subscriptions.cancel(id)
  }

  #check(channel: string): void {
    if (typeof channel !== 'string' || channel.length > LONGEST_CHANNEL || !CHANNEL.test(channel)) {
      throw badCommand(`pusher: a channel is named by up to ${LONGEST_CHANNEL} letters, digits and _-=@,.;#`)
    }
    if (channel.startsWith('private-encrypted-'))
      throw badCommand('pusher: encrypted channels are not supported')
    if (isSigned(channel) && this.#options.authorize === undefined) {
      throw badCommand(`pusher: ${channel} must be signed; give the option authorize`)
    }
  }

  #subscribe({ channel }: Subscribe, at: Micros): void {
    if (isSigned(channel)) {
      this.#subscriptions.asked(channel, at, `authorize for ${channel}`)
      this.#ask(`channel ${channel}`, channel)
    } else this.#requestChannel({ channel }, at)
  }

  #requestChannel(
    request: { readonly channel: string; readonly auth?: string; readonly channel_data?: string | undefined },
    at: Micros,
  ): void {
    this.#subscriptions.asked(request.channel, at)
    this.#write(this.#names.subscribe, request)
  }

  #ask(id: string, channel: string | null): void {
    const { authorize } = this.#options
    const socketId = this.#socketId
    if (authorize === undefined || socketId === null) return
    this.#sink.ask({ id, run: (signal) => authorize({ channel, socketId }, signal) })
  }

  answered(id: string, outcome: Outcome<unknown>, at: Micros): void {
    const channel = id.startsWith('channel ') ? id.slice('channel '.length) : null
    if (channel !== null && !this.#subscriptions.has(channel)) return
    const signed = outcome.ok && isAuthorization(outcome.value) ? outcome.value : null
    if (signed === null) {
      const error = outcome.ok ? badCommand('pusher: authorize must return { auth }') : outcome.error
      if (channel === null) this.#sink.error(error)
      else this.#subscriptions.refused(channel, error)
    } else if (channel === null) {
      this.#write(this.#names.signIn, { auth: signed.auth, user_data: signed.user_data })
    } else {
      const { auth, channel_data } = signed
      this.#requestChannel({ channel, auth, channel_data }, at)
    }
  }

  #clientEvent(command: ClientEvent): void {
    const text = clientEvent(command)
    const { channel } = command
    if (this.#socketId === null) throw notReady('pusher')
    if (!this.#subscriptions.isStanding(channel)) {
      throw badCommand(`pusher: ${channel} is not subscribed; a client event needs its channel`)
    }
    this.#sink.send(text)
  }

  #write(event: string, data: object): void {
    this.#sink.send(JSON.stringify({ event, data }))
  }
}

/** @throws {UsageError} `bad_command`. */
function clientEvent({ channel, event, data }: ClientEvent): string {
  if (typeof event !== 'string' || !event.startsWith('client-')) {
    throw badCommand('pusher: the name of a client event begins with client-')
  }
  if (typeof channel !== 'string' || !isSigned(channel)) {
    throw badCommand('pusher: only private and presence channels take client events')
  }
  return writeJson({ event, channel, data }, 'the data of the event')
}

function isSigned(channel: string): boolean {
  return channel.startsWith('private-') || channel.startsWith('presence-')
}

function isAuthorization(value: unknown): value is PusherAuthorization {
  return isRecord(value) && typeof value['auth'] === 'string'
}

function refusal(what: string, data: unknown): ProtocolError {
  const { code, status, message, error } = isRecord(data) ? data : {}
  const number = wholeNumber(code) ?? wholeNumber(status)
  const words = [message, error].find((each) => typeof each === 'string') ?? ''
  return new ProtocolError(
    'request_refused',
    `Pusher refused ${what}: ${words === '' ? 'no reason given' : words}${number === null ? '' : ` (${number})`}`,
    { answer: { code: number, message: String(words), data } },
  )
}
