import type { Micros } from '../../schemas/events.js'
import { DecodeError } from '../../src/errors.js'
import type { HubFormat } from '../../src/protocols/signalr/messages.js'
import { Records } from '../../src/protocols/signalr/records.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import type { ProtocolClient } from './protocol-server.js'
import type { SignalRClient } from './signalr-client.js'

/** What a transport needs of its hub. */
export interface TransportHub {
  readonly options: { readonly keepAliveMs?: number; readonly clientTimeoutMs?: number }
  readonly beats: boolean
  format(name: unknown): HubFormat | null
  takeFault(name: string): boolean
  forget(client: SignalRClient): void
}

/** One socket of a client of the test hub; with stateful reconnect a client has several, one after another. */
export class SignalRTransport implements ProtocolClient {
  readonly client: SignalRClient
  readonly #hub: TransportHub
  readonly #peer: SimulatedPeer
  readonly #records = new Records()
  #format: HubFormat | null = null
  #heardAt: Micros
  #sentAt: Micros
  #held: (string | Uint8Array)[] = []

  constructor(hub: TransportHub, client: SignalRClient, peer: SimulatedPeer, at: Micros, resumes: boolean) {
    this.#hub = hub
    this.client = client
    this.#peer = peer
    this.#heardAt = at
    this.#sentAt = at
    if (!resumes) return
    this.#format = client.format
    client.attach(this)
  }

  send(frame: string | Uint8Array, at: Micros): void {
    this.#sentAt = at
    if (this.#held.length === 0 && this.#hub.takeFault('records-together')) {
      this.#held.push(frame)
      return
    }
    const frames = [...this.#held, frame]
    this.#held = []
    if (frames.every((each) => typeof each === 'string')) this.#peer.send(frames.join(''))
    else for (const each of frames) this.#peer.send(each)
  }

  sendRaw(frame: string): void {
    this.#peer.send(frame)
  }

  close(code: number, reason: string): void {
    this.#peer.close(code, reason)
  }

  advance(at: Micros): void {
    const { keepAliveMs = 15_000, clientTimeoutMs = 30_000 } = this.#hub.options
    if (this.#format === null) return
    if (at - this.#sentAt >= keepAliveMs * 1000 && this.#hub.beats)
      this.send(this.#format.write({ type: 'ping' }), at)
    if (at - this.#heardAt <= clientTimeoutMs * 1000) return
    this.#heardAt = at
    const error = `Client hasn't sent a message/ping within the configured ClientTimeoutInterval.`
    this.send(this.#format.write({ type: 'close', error, allowReconnect: false }), at)
    this.close(1000, '')
  }

  received(data: string | Uint8Array, at: Micros): void {
    this.#heardAt = at
    if (typeof data === 'string') this.#records.addText(data)
    else this.#records.addBytes(data)
    try {
      if (this.#format === null) {
        const record = typeof data === 'string' ? this.#records.takeText() : this.#records.takeTextOfBytes()
        if (record === null) return
        this.#greet(record)
      }
      this.#read(at)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.close(1000, 'unreadable message')
    }
  }

  closed(at: Micros): void {
    this.client.broke(this, at)
  }

  #greet(record: string): void {
    const { protocol } = JSON.parse(record) as { protocol?: unknown }
    const format = this.#hub.format(protocol)
    const answer = format === null ? { error: `The protocol '${String(protocol)}' is not supported.` } : {}
    const text = `${JSON.stringify(answer)}\x1e`
    this.#peer.send(format?.transferFormat === 'Binary' ? new TextEncoder().encode(text) : text)
    this.#format = format
    if (format === null) {
      this.#hub.forget(this.client)
      this.close(1000, '')
    } else this.client.attach(this, format)
  }

  #read(at: Micros): void {
    const format = this.#format
    if (format === null) return
    while (true) {
      const record = format.transferFormat === 'Text' ? this.#records.takeText() : this.#records.takeBytes()
      if (record === null) return
      const message = format.read(record)
      if (message !== null) this.client.message(message, at)
    }
  }
}
