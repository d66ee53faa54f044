import type { Micros } from '../../schemas/events.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { type ProtocolClient, ProtocolServer } from './protocol-server.js'

/** What a method of the test server answers with where it refuses. */
export class RpcRefusal {
  constructor(
    readonly code: number,
    readonly message: string,
    readonly data?: unknown,
  ) {}
}

/** A method: its result, or an {@link RpcRefusal}. Undefined is sent as null. */
export type RpcMethod = (params: unknown, client: JsonRpcClient) => unknown

/** Options of {@link JsonRpcServer}. */
export interface JsonRpcServerOptions {
  readonly methods?: Readonly<Record<string, RpcMethod>>
}

const FAULTS = ['ack-missing', 'ack-late', 'ack-error', 'id-text', 'message-unknown', 'answers-swapped']

/**
 * A server of JSON-RPC 2.0 for tests: methods, batches, notifications, and requests to its clients. Its own faults, by name:
 * `ack-missing` (the next request is not answered), `ack-late` (five seconds late), `ack-error` (refused with -32000), `id-text` (the
 * next number comes back as text), `answers-swapped` (the next two answers change places), `message-unknown`.
 */
export class JsonRpcServer extends ProtocolServer<JsonRpcClient> {
  readonly venue = 'json-rpc'
  readonly methods: Record<string, RpcMethod>
  /** The requests and notifications that came, in order; the last ten thousand. */
  readonly received: { readonly method: string; readonly params: unknown }[] = []

  constructor({ methods = {} }: JsonRpcServerOptions = {}) {
    super(FAULTS)
    this.methods = { ...methods }
  }

  /** Sends a notification to every client. */
  notify(method: string, params: unknown): void {
    for (const client of this.clients) client.notify(method, params)
  }

  override fault(name: string, at: Micros): boolean {
    if (name === 'message-unknown') {
      for (const client of this.clients) client.send({ jsonrpc: '2.0', hello: 'world' })
      return this.clients.length > 0
    }
    return super.fault(name, at)
  }

  protected accept(peer: SimulatedPeer): JsonRpcClient {
    return new JsonRpcClient(this, peer)
  }
}

type Answer = { readonly id: unknown; readonly result?: unknown; readonly error?: object }

/** One client of a {@link JsonRpcServer}. */
export class JsonRpcClient implements ProtocolClient {
  readonly #server: JsonRpcServer
  readonly #peer: SimulatedPeer
  readonly #asked = new Map<
    number,
    (answer: { readonly result?: unknown; readonly error?: unknown }) => void
  >()
  #heldAnswer: object | null = null
  #lastId = 0

  constructor(server: JsonRpcServer, peer: SimulatedPeer) {
    this.#server = server
    this.#peer = peer
  }

  notify(method: string, params: unknown): void {
    this.send({ jsonrpc: '2.0', method, params })
  }

  /** Calls a method of the client. */
  request(
    method: string,
    params: unknown,
    answered: (answer: { readonly result?: unknown; readonly error?: unknown }) => void,
  ): void {
    const id = ++this.#lastId
    this.#asked.set(id, answered)
    this.send({ jsonrpc: '2.0', id, method, params })
  }

  send(value: object): void {
    this.#peer.send(JSON.stringify(value))
  }

  close(code: number, reason: string): void {
    this.#peer.close(code, reason)
  }

  received(data: string | Uint8Array): void {
    let value: unknown
    try {
      value = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data))
    } catch {
      this.send({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } })
      return
    }
    if (!Array.isArray(value)) {
      const answer = this.#handle(value)
      if (answer !== null) this.#answer({ jsonrpc: '2.0', ...answer })
      return
    }
    const invalid = { id: null, error: { code: -32600, message: 'Invalid Request' } }
    const answers = value.length === 0 ? [invalid] : value.map((one) => this.#handle(one)).filter(isAnswer)
    if (value.length === 0) this.#answer({ jsonrpc: '2.0', ...invalid })
    else if (answers.length > 0) {
      this.#answer(answers.map((answer) => ({ jsonrpc: '2.0', ...answer })))
    }
  }

  advance(): void {}

  closed(): void {}

  #handle(value: unknown): Answer | null {
    const invalid = { id: null, error: { code: -32600, message: 'Invalid Request' } }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return invalid
    const { method, params, id } = value as { method?: unknown; params?: unknown; id?: unknown }
    if (typeof method !== 'string') {
      if (typeof id !== 'number' || !('result' in value || 'error' in value)) return invalid
      this.#asked.get(id)?.(value)
      this.#asked.delete(id)
      return null
    }
    this.#server.received.push({ method, params })
    if (this.#server.received.length > 10_000) this.#server.received.shift()
    const known = Object.hasOwn(this.#server.methods, method) ? this.#server.methods[method] : undefined
    const result = known?.(params, this)
    if (!('id' in value)) return null
    if (known === undefined) return { id, error: { code: -32601, message: 'Method not found' } }
    if (result instanceof RpcRefusal) return { id, error: { ...result } }
    return { id, result: result ?? null }
  }

  #answer(value: object): void {
    const server = this.#server
    if (server.takeFault('ack-missing')) return
    if (server.takeFault('ack-late')) server.later(this, () => this.send(value))
    else if (server.takeFault('ack-error') && 'id' in value) {
      this.send({ jsonrpc: '2.0', id: value.id, error: { code: -32000, message: 'refused' } })
    } else if (server.takeFault('id-text') && 'id' in value) this.send({ ...value, id: String(value.id) })
    else if (this.#heldAnswer !== null) {
      const held = this.#heldAnswer
      this.#heldAnswer = null
      this.send(value)
      this.send(held)
    } else if (server.takeFault('answers-swapped')) this.#heldAnswer = value
    else this.send(value)
  }
}

function isAnswer(answer: Answer | null): answer is Answer {
  return answer !== null
}
