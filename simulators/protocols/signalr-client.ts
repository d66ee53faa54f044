import type { Micros } from '../../schemas/events.js'
import { jsonFormat } from '../../src/protocols/signalr/json-format.js'
import { type HubFormat, type HubMessage, isNumbered } from '../../src/protocols/signalr/messages.js'
import { ReplayBuffer } from '../../src/protocols/signalr/replay-buffer.js'

const SECOND: Micros = 1_000_000
/** Items of one stream a second, while it has any. */
const ITEMS_A_SECOND = 100

/** What a method of the test hub fails with. */
export class HubRefusal {
  constructor(readonly message: string) {}
}

/** A method of a hub: its result, or a {@link HubRefusal}. */
export type HubMethod = (args: readonly unknown[], client: SignalRClient) => unknown

/** A streaming method: its items, sent at a pace, or a {@link HubRefusal}. */
export type HubStream = (args: readonly unknown[], client: SignalRClient) => Iterable<unknown> | HubRefusal

/** What a client needs of its socket. */
export interface HubTransport {
  send(frame: string | Uint8Array, at: Micros): void
  close(code: number, reason: string): void
}

/** What a client needs of its hub. */
export interface ClientHub {
  readonly methods: Readonly<Record<string, HubMethod>>
  readonly streams: Readonly<Record<string, HubStream>>
  readonly now: Micros
  takeFault(name: string): boolean
  later(client: object, run: () => void): void
  forget(client: SignalRClient): void
}

interface RunningStream {
  readonly items: Iterator<unknown>
  nextAt: Micros
}

/** One client of the test hub, over all its transports. */
export class SignalRClient {
  /** The connection token. */
  readonly id: string
  readonly isStateful: boolean
  /** What came of streams that the client sends, by their id. */
  readonly uploads = new Map<string, { readonly items: unknown[]; isOver: boolean; error: string | null }>()
  /** When its transport broke; null while it has one. */
  brokeAt: Micros | null = null
  format: HubFormat = jsonFormat(JSON.parse)
  readonly #hub: ClientHub
  readonly #replay: ReplayBuffer | null
  readonly #streams = new Map<string, RunningStream>()
  readonly #asked = new Map<
    string,
    (answer: { readonly result?: unknown; readonly error: string | null }) => void
  >()
  #transport: HubTransport | null = null
  #lastId = 0
  #ackAt: Micros | null = null

  constructor(hub: ClientHub, id: string, isStateful: boolean) {
    this.#hub = hub
    this.id = id
    this.isStateful = isStateful
    this.#replay = isStateful ? new ReplayBuffer(Number.POSITIVE_INFINITY) : null
  }

  /** Calls a method of the client. */
  call(target: string, args: readonly unknown[]): void {
    this.write({ type: 'invocation', id: null, target, args, streamIds: [] })
  }

  /** Calls a method of the client and wants its result. */
  ask(
    target: string,
    args: readonly unknown[],
    answered: (answer: { readonly result?: unknown; readonly error: string | null }) => void,
  ): void {
    const id = `s${++this.#lastId}`
    this.#asked.set(id, answered)
    this.write({ type: 'invocation', id, target, args, streamIds: [] })
  }

  write(message: HubMessage): void {
    const frame = this.format.write(message)
    this.#replay?.sent(message, frame)
    this.#transport?.send(frame, this.#hub.now)
    if (message.type === 'close') this.#end()
  }

  /** @param format of its handshake; left out where it comes back on a new transport. */
  attach(transport: HubTransport, format?: HubFormat): void {
    this.#transport = transport
    this.brokeAt = null
    if (format !== undefined) {
      this.format = format
      return
    }
    if (this.#replay === null) return
    this.#replay.broke()
    const { sequence, frames } = this.#replay.replay()
    transport.send(this.format.write({ type: 'sequence', sequence }), this.#hub.now)
    for (const frame of frames) transport.send(frame, this.#hub.now)
  }

  broke(transport: HubTransport, at: Micros): void {
    if (this.#transport !== transport && this.#transport !== null) return
    this.#transport = null
    this.brokeAt = at
    if (!this.isStateful) this.#hub.forget(this)
  }

  advance(at: Micros): void {
    for (const [id, stream] of this.#streams) {
      if (at < stream.nextAt) continue
      stream.nextAt = at + SECOND / ITEMS_A_SECOND
      const next = stream.items.next()
      if (next.done !== true) this.write({ type: 'item', id, item: next.value })
      else {
        this.#streams.delete(id)
        this.write({ type: 'completion', id, error: null })
      }
    }
    if (this.#ackAt !== null && at >= this.#ackAt && this.#replay !== null && this.#transport !== null) {
      this.#ackAt = null
      this.#transport.send(this.format.write({ type: 'ack', sequence: this.#replay.latestReceived }), at)
    }
  }

  message(message: HubMessage, at: Micros): void {
    if (this.#replay !== null) {
      if (isNumbered(message)) this.#ackAt ??= at + SECOND
      if (!this.#replay.isNew(message)) return
    }
    switch (message.type) {
      case 'invocation':
        this.#invoked(message)
        break
      case 'stream_invocation':
        this.#streamed(message, at)
        break
      case 'cancel':
        if (this.#streams.delete(message.id)) this.write({ type: 'completion', id: message.id, error: null })
        break
      case 'item':
        this.uploads.get(message.id)?.items.push(message.item)
        break
      case 'completion':
        this.#completed(message)
        break
      case 'ack':
        this.#replay?.acknowledged(message.sequence)
        break
      case 'sequence':
        if (this.#replay?.restarted(message.sequence) === false)
          this.#transport?.close(1000, 'sequence beyond what came')
        break
      case 'close':
        this.#end()
        this.#transport?.close(1000, '')
        break
      case 'ping':
        break
    }
  }

  #end(): void {
    this.#hub.forget(this)
    this.#streams.clear()
  }

  #invoked({ id, target, args, streamIds }: Extract<HubMessage, { type: 'invocation' }>): void {
    for (const each of streamIds) this.uploads.set(each, { items: [], isOver: false, error: null })
    const method = lookUp(this.#hub.methods, target)
    const result = method?.(args, this)
    if (id === null || this.#hub.takeFault('ack-missing')) return
    let message: HubMessage
    if (method === undefined) message = { type: 'completion', id, error: `Unknown hub method '${target}'` }
    else if (this.#hub.takeFault('ack-error'))
      message = { type: 'completion', id, error: 'An unexpected error occurred.' }
    else if (result instanceof HubRefusal) message = { type: 'completion', id, error: result.message }
    else if (result === undefined) message = { type: 'completion', id, error: null }
    else message = { type: 'completion', id, error: null, result }
    if (this.#hub.takeFault('ack-late')) this.#hub.later(this, () => this.write(message))
    else this.write(message)
  }

  #streamed({ id, target, args }: Extract<HubMessage, { type: 'stream_invocation' }>, at: Micros): void {
    const items = lookUp(this.#hub.streams, target)?.(args, this)
    if (items === undefined) this.write({ type: 'completion', id, error: `Unknown hub method '${target}'` })
    else if (items instanceof HubRefusal) this.write({ type: 'completion', id, error: items.message })
    else this.#streams.set(id, { items: items[Symbol.iterator](), nextAt: at })
  }

  #completed(message: Extract<HubMessage, { type: 'completion' }>): void {
    const upload = this.uploads.get(message.id)
    if (upload !== undefined) {
      upload.isOver = true
      upload.error = message.error
      return
    }
    this.#asked.get(message.id)?.({ error: message.error, result: message.result })
    this.#asked.delete(message.id)
  }
}

/** Hubs do not care for the case of a name. */
function lookUp<T>(methods: Readonly<Record<string, T>>, target: string): T | undefined {
  return Object.entries(methods).find(([name]) => name.toLowerCase() === target.toLowerCase())?.[1]
}
