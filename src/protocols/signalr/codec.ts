import type { Micros } from '../../../schemas/events.js'
import type { ConnectTarget, HttpResponse } from '../../connector.js'
import { DecodeError, NetworkError, ProtocolError } from '../../errors.js'
import type { Codec, CodecSink, Outcome, Reconnect } from '../codec.js'
import { notReady } from '../command-errors.js'
import { checkCommand } from '../command-fields.js'
import { Deadlines } from '../deadlines.js'
import { isRecord, type JsonReader, readJson } from '../json-text.js'
import { Silence } from '../silence.js'
import { HubCalls } from './calls.js'
import { type Granted, Handshake } from './handshake.js'
import { jsonFormat } from './json-format.js'
import { messagePackFormat } from './messagepack-format.js'
import { type HubFormat, type HubMessage, isNumbered, SEPARATOR } from './messages.js'
import { Records } from './records.js'
import { ReplayBuffer } from './replay-buffer.js'
import type { SignalRCommand, SignalRMessage, SignalROptions } from './types.js'

/** The commands. */
const TYPES = {
  invoke: true,
  stream: true,
  send: true,
  item: true,
  complete: true,
  reply: true,
  refuse: true,
  subscribe: true,
  unsubscribe: true,
} as const
/** What the fields of a command may be. */
const FIELDS = {
  args: 'list',
  stream: 'boolean',
  streamIds: 'texts',
  end: 'record',
  timeoutMs: 'positive',
} as const

/** Acknowledgements of stateful reconnect are gathered for so long. Milliseconds. */
const ACK_AFTER_MS = 1_000

/** The state machine behind `signalR`. */
export class SignalRCodec implements Codec<SignalRCommand> {
  readonly #options: SignalROptions
  readonly #read: JsonReader
  readonly #format: HubFormat
  readonly #sink: CodecSink<SignalRMessage>
  readonly #deadlines: Deadlines
  readonly #silence: Silence
  readonly #records = new Records()
  readonly #calls: HubCalls
  #state: 'down' | 'handshake' | 'resuming' | 'ready' = 'down'
  #handshake: Handshake | null = null
  /** What the present connection was granted, kept while it may be resumed. */
  #granted: Granted | null = null
  #replay: ReplayBuffer | null = null
  /** The server said that the connection ends, and what follows. */
  #farewell: Reconnect | null = null
  #sentAt: Micros = 0
  #now: Micros = 0

  constructor(options: SignalROptions, sink: CodecSink<SignalRMessage>) {
    this.#options = options
    this.#read = options.read ?? JSON.parse
    this.#format = options.messagePack ? messagePackFormat(options.messagePack) : jsonFormat(this.#read)
    this.#sink = sink
    this.#deadlines = new Deadlines((at) => sink.wake(at))
    this.#silence = new Silence(this.#deadlines, 'silence')
    this.#calls = new HubCalls(options, sink, this.#deadlines, {
      write: (message) => this.#format.write(message),
      send: (message, frame) => this.#send(message, frame),
    })
  }

  get kept(): readonly SignalRCommand[] {
    return this.#calls.kept
  }

  isKept({ type }: SignalRCommand): boolean {
    return type === 'subscribe' || type === 'unsubscribe'
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  connect(target: ConnectTarget, at: Micros): void {
    this.#now = at
    this.#farewell = null
    this.#records.clear()
    if (this.#replay !== null && this.#granted !== null) {
      this.#dial(this.#granted)
      return
    }
    this.#handshake = new Handshake(this.#options, this.#format, this.#sink, target, (granted) => {
      this.#granted = granted
      this.#replay = null
      this.#dial(granted)
    })
    this.#handshake.begin()
  }

  #dial({ url, headers }: Granted): void {
    this.#sink.dial({ transport: 'websocket', url, headers })
  }

  answered(id: string, outcome: Outcome<unknown>): void {
    if (id === 'access token') this.#handshake?.answered(outcome)
  }

  response(response: HttpResponse): void {
    this.#handshake?.response(response)
  }

  opened(_opening: unknown, at: Micros): void {
    this.#now = at
    this.#sentAt = at
    if (this.#replay !== null) {
      this.#state = 'resuming'
      const { sequence, frames } = this.#replay.replay()
      this.#sink.send(this.#format.write({ type: 'sequence', sequence }))
      for (const frame of frames) this.#sink.send(frame)
      return
    }
    this.#state = 'handshake'
    const version = this.#granted?.isStateful === true ? 2 : 1
    this.#sink.send(JSON.stringify({ protocol: this.#format.name, version }) + SEPARATOR)
  }

  tick(at: Micros): void {
    this.#now = at
    this.#deadlines.tick(at)
  }

  closed(_close: unknown, at: Micros): Reconnect | null {
    this.#now = at
    const wasReady = this.#state === 'ready'
    this.#state = 'down'
    this.#handshake = null
    for (const name of ['silence', 'keepalive', 'ack']) this.#deadlines.clear(name)
    const canResume = this.#replay !== null && wasReady && this.#farewell === null
    if (canResume) {
      this.#replay?.broke()
      return { retry: 'now' }
    }
    this.#replay = null
    this.#granted = null
    this.#calls.lost()
    return this.#farewell
  }

  end(): void {
    if (this.#state === 'ready') this.#write({ type: 'close', error: null, allowReconnect: false })
    this.#replay = null
    this.#sink.close({ code: 1000, reason: '', retry: 'never' })
  }

  #ready(): void {
    this.#state = 'ready'
    const { serverTimeoutMs = 30_000 } = this.#options
    this.#silence.start(this.#now, serverTimeoutMs, () => {
      const error = new NetworkError('connection_silent', `the server sent nothing for ${serverTimeoutMs} ms`)
      this.#sink.close({ code: 1000, reason: 'server timeout', retry: 'backoff', error })
    })
    this.#keepAlive(this.#now, this.#options.keepAliveMs ?? 15_000)
  }

  #keepAlive(at: Micros, delayMs: number): void {
    const { keepAliveMs = 15_000 } = this.#options
    this.#deadlines.set('keepalive', at, delayMs, (now) => {
      const leftMs = keepAliveMs - (now - this.#sentAt) / 1000
      if (leftMs <= 0) this.#write({ type: 'ping' })
      this.#keepAlive(now, leftMs <= 0 ? keepAliveMs : leftMs)
    })
  }

  // ── What the server says ────────────────────────────────────────────────────────────────────────────────────────

  frame(data: string | Uint8Array, at: Micros): void {
    this.#now = at
    this.#silence.heard(at)
    if (typeof data === 'string') this.#records.addText(data)
    else this.#records.addBytes(data)
    const isText = typeof data === 'string'
    while (this.#state !== 'down') {
      try {
        if (this.#state === 'handshake') {
          const record = isText ? this.#records.takeText() : this.#records.takeTextOfBytes()
          if (record === null) return
          this.#greeted(record)
        } else {
          const record = isText ? this.#records.takeText() : this.#records.takeBytes()
          if (record === null) return
          const message = this.#format.read(record)
          if (message !== null) this.#message(message)
        }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        this.#sink.error(error)
      }
    }
  }

  #greeted(record: string): void {
    const answer = readJson(this.#read, record)
    if (isRecord(answer) && answer['error'] === undefined) {
      if (this.#granted?.isStateful === true) {
        this.#replay = new ReplayBuffer(this.#options.statefulBufferBytes ?? 100_000)
      }
      this.#ready()
      this.#calls.restore(this.#now)
      this.#sink.ready()
      return
    }
    const reason = isRecord(answer) ? String(answer['error']) : 'the answer is no object'
    const error = new ProtocolError('connection_refused', `the SignalR handshake was refused: ${reason}`)
    this.#state = 'down'
    this.#sink.close({ code: 1000, reason: 'handshake refused', retry: 'never', error })
  }

  #message(message: HubMessage): void {
    if (this.#replay !== null) {
      if (!this.#replay.isNew(message)) {
        if (isNumbered(message)) this.#acknowledge()
        return
      }
      if (isNumbered(message)) this.#acknowledge()
    }
    switch (message.type) {
      case 'close':
        this.#close(message.error, message.allowReconnect)
        break
      case 'ack':
        this.#replay?.acknowledged(message.sequence)
        break
      case 'sequence':
        this.#resumed(message.sequence)
        break
      case 'ping':
        break
      default:
        this.#calls.message(message)
    }
  }

  #close(reason: string | null, allowReconnect: boolean): void {
    const again = allowReconnect || this.#options.alwaysReconnect === true
    const words = `the server closed the connection${reason === null ? '' : `: ${reason}`}`
    const error = reason === null && again ? {} : { error: new ProtocolError('connection_refused', words) }
    this.#farewell = { retry: again ? 'backoff' : 'never', planned: again && reason === null, ...error }
    this.#sink.close({ code: 1000, reason: '', ...this.#farewell })
  }

  /** Acknowledged together: a message for each would double the traffic. */
  #acknowledge(): void {
    if (this.#deadlines.has('ack')) return
    this.#deadlines.set('ack', this.#now, ACK_AFTER_MS, () => {
      if (this.#replay !== null) this.#write({ type: 'ack', sequence: this.#replay.latestReceived })
    })
  }

  #resumed(sequence: number): void {
    if (this.#replay === null) return
    if (!this.#replay.restarted(sequence)) {
      const error = new ProtocolError('connection_refused', 'the server cannot replay what was lost')
      this.#farewell = { retry: 'now', error }
      this.#sink.close({ code: 1000, reason: 'sequence beyond what came', retry: 'now', error })
    } else if (this.#state === 'resuming') {
      this.#ready()
      this.#calls.resumed(this.#now)
      this.#sink.ready()
    }
  }

  // ── What the user asks ──────────────────────────────────────────────────────────────────────────────────────────

  check(command: SignalRCommand): void {
    checkCommand('signalr', command, TYPES, FIELDS)
    this.#calls.check(command)
  }

  command(command: SignalRCommand, at: Micros): string | null {
    checkCommand('signalr', command, TYPES, FIELDS)
    this.#now = at
    const ready = this.#state === 'ready'
    if (command.type === 'subscribe' || command.type === 'unsubscribe') {
      return this.#calls.keep(command, at, ready)
    }
    if (!ready) throw notReady('signalr')
    this.#replay?.checkRoom()
    return this.#calls.command(command, at)
  }

  cancel(id: string): void {
    this.#calls.cancel(id, this.#state === 'ready')
  }

  #write(message: HubMessage): void {
    this.#send(message, this.#format.write(message))
  }

  #send(message: HubMessage, frame: string | Uint8Array): void {
    this.#replay?.sent(message, frame)
    this.#sentAt = this.#now
    this.#sink.send(frame)
  }
}
