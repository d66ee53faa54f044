import type { Micros } from '../../schemas/events.js'
import type { SimulatedAnswer, SimulatedPeer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { type ProtocolClient, ProtocolServer } from './protocol-server.js'

/** Events that are kept for clients that come back; the oldest go. */
const MOST_KEPT = 10_000

/** Options of {@link SseServer}. */
export interface SseServerOptions {
  /** What the server tells of the wait before the next request. Milliseconds. @default 50 */
  readonly retryMs?: number
}

/**
 * A server of an event stream for tests. Each response holds what the client has not seen by its `Last-Event-ID`, and ends; the client asks
 * again. Its own faults, by name: `gone` (the next answer is 204), `refused` (503), `not-a-stream` (HTML with status 200).
 */
export class SseServer extends ProtocolServer<ProtocolClient> {
  readonly venue = 'sse'
  readonly #retryMs: number
  readonly #events: { readonly id: number; readonly text: string }[] = []
  #lastId = 0
  /** Requests that came. */
  requests = 0

  constructor({ retryMs = 50 }: SseServerOptions = {}) {
    super(['gone', 'refused', 'not-a-stream'])
    this.#retryMs = retryMs
  }

  /** Adds an event to the stream. */
  publish(data: string, event?: string): void {
    const id = ++this.#lastId
    const lines = data.split(/\r\n|[\r\n]/).map((line) => `data: ${line}\n`)
    this.#events.push({
      id,
      text: `id: ${id}\n${event === undefined ? '' : `event: ${event}\n`}${lines.join('')}\n`,
    })
    if (this.#events.length > MOST_KEPT) this.#events.shift()
  }

  override http(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    void super.http(request, at)
    this.requests++
    if (this.takeFault('gone')) return { status: 204, body: '' }
    if (this.takeFault('refused')) return { status: 503, body: 'busy' }
    if (this.takeFault('not-a-stream'))
      return { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }
    const seen = Number(request.headers['last-event-id'] ?? 0)
    const events = this.#events.filter(({ id }) => id > seen)
    const body = `retry: ${this.#retryMs}\n: hello\n\n${events.map(({ text }) => text).join('')}`
    return { status: 200, headers: { 'content-type': 'text/event-stream; charset=utf-8' }, body }
  }

  admit(): SimulatedAnswer {
    return { status: 400, body: 'an event stream is no WebSocket' }
  }

  protected accept(_peer: SimulatedPeer): ProtocolClient {
    return { received() {}, closed() {}, advance() {} }
  }
}
