import { DecodeError } from '../../src/errors.js'
import {
  failureFrame,
  groupsFrame,
  type HubCall,
  initFrame,
  KEEPALIVE_FRAME,
  pushFrame,
  readCall,
  reconnectFrame,
  resultFrame,
  toBase64,
} from '../../src/protocols/classic-signalr/grammar.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { readObject } from '../kit/requests.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import type { BittrexMarket } from './market.js'
import { faulted, PUSH_FAULTS } from './push-faults.js'
import { type PackedPush, type Push, packed, wire } from './wire.js'

const SECOND = 1_000_000
const KEEPALIVE_MICROS = 10 * SECOND
const HEARTBEAT_MICROS = 5 * SECOND
/** Messages go out a moment after the market has moved, so that REST is ahead of the socket by a few. */
const OUTBOX_MICROS = SECOND / 100
/** Replies take up to this long, each its own time, so that they come in any order, and before or after data. */
const REPLY_WITHIN_MS = 60
/** A strict server closes a connection that was never started: TransportConnectTimeout, and as much again. */
const START_MICROS = 10 * SECOND
/** Messages in one frame, at most. */
const TOGETHER = 4

/** The methods of one hub. */
export interface Hub {
  /** As the venue's servers write it. */
  readonly name: string
  /** Takes a call. @returns false where there is no such method */
  call(client: HubClient, call: HubCall): boolean
}

/** What one connection token stands for, as long as it is good: a client that reconnects goes on with it. */
export interface HubSession {
  readonly topics: Set<string>
  started: boolean
}

/** One client of a simulated hub: its topics, its replies, and what is on its way to it. */
export class HubClient extends SimulatedClient<BittrexMarket> {
  readonly session: HubSession
  readonly #hub: Hub
  readonly #strictStart: boolean
  readonly #ended: () => void
  readonly #random: SeededRandom
  /** Topics that by a fault bring nothing. */
  readonly #mute = new Set<string>()
  /** Messages that a fault holds back, by topic. */
  readonly #held = new Map<string, PackedPush>()
  #outbox: Push[] = []
  #cursor = 0

  constructor(
    exchange: SimulatedExchange<BittrexMarket>,
    peer: SimulatedPeer,
    hub: Hub,
    session: HubSession,
    options: { readonly strictStart: boolean; readonly reconnects: boolean; ended(): void },
  ) {
    super(exchange, peer)
    this.session = session
    this.#hub = hub
    this.#strictStart = options.strictStart
    this.#ended = () => options.ended()
    this.#random = exchange.random.fork()
    if (!options.reconnects) this.send(initFrame(this.#position()))
    this.every(KEEPALIVE_MICROS, () => this.send(KEEPALIVE_FRAME))
    this.every(HEARTBEAT_MICROS, () => this.#beat())
    if (options.strictStart) {
      this.after(START_MICROS, () => {
        if (!session.started) this.close(1000, 'never started')
      })
    }
  }

  follows(topic: string): boolean {
    return this.session.topics.has(topic)
  }

  /** A message for whoever has its topic. */
  push(push: Push): void {
    if (!this.#sends(push.topic)) return
    if (this.#outbox.length === 0) this.after(OUTBOX_MICROS, () => this.#flush())
    this.#outbox.push(push)
  }

  override commit(name: string): boolean | null {
    if (name !== 'reconnect-notice') return null
    this.send(reconnectFrame(this.#position()))
    return true
  }

  /** Adds or takes away topics; the groups of the client change with them. */
  subscribe(topics: readonly string[], how: 'add' | 'remove' | 'mute'): void {
    for (const topic of topics) {
      this.#mute.delete(topic)
      if (how === 'remove') this.session.topics.delete(topic)
      else this.session.topics.add(topic)
      if (how === 'mute') this.#mute.add(topic)
    }
  }

  /** New groups. */
  regroup(): void {
    const bytes = Uint8Array.from({ length: 96 }, () => this.#random.integer(0, 255))
    this.send(groupsFrame(this.#position(), toBase64(bytes)))
  }

  reply(id: string, value: unknown, lateMs = 0): void {
    this.#replyWith(resultFrame(id, value), lateMs)
  }

  fail(id: string, error: string): void {
    this.#replyWith(failureFrame(id, error), 0)
  }

  protected override ended(): void {
    this.#ended()
  }

  protected override request(text: string): void {
    let call: HubCall
    try {
      call = readCall(text)
    } catch (error) {
      // A server drops what it cannot read.
      if (error instanceof DecodeError) return
      throw error
    }
    const { id, hub } = call
    if (hub !== this.#hub.name.toLowerCase()) return this.fail(id, `'${hub}' Hub could not be resolved.`)
    if (this.#hub.call(this, call)) return
    // The server names the method as it was sent.
    this.fail(id, `'${String(readObject(text)?.['M'])}' method could not be resolved.`)
  }

  #replyWith(frame: string, lateMs: number): void {
    this.after((lateMs + this.#random.integer(0, REPLY_WITHIN_MS)) * 1000, () => this.send(frame))
  }

  #sends(topic: string): boolean {
    if (this.#strictStart && !this.session.started) return false
    return this.session.topics.has(topic) && !this.#mute.has(topic)
  }

  #beat(): void {
    const { now } = this.exchange
    const silent = this.faults.active('heartbeat-missing', now) || this.faults.active('hub-dead', now)
    if (silent || !this.#sends('heartbeat')) return
    this.send(pushFrame(this.#position(), [{ hub: this.#hub.name, method: 'heartbeat', args: [] }]))
  }

  /** Everything that waits, mostly a message a frame, now and then up to four. */
  #flush(): void {
    const outbox = this.#outbox
    this.#outbox = []
    if (this.faults.active('hub-dead', this.exchange.now)) return
    const messages = outbox.flatMap((push) => this.#deliver(push))
    while (messages.length > 0) {
      const count = this.#random.chance(0.1) ? this.#random.integer(2, TOGETHER) : 1
      const together = messages.splice(0, count)
      const pushed = together.map(({ method, packed: body }) => ({
        hub: this.#hub.name,
        method,
        args: [body],
      }))
      this.send(pushFrame(this.#position(), pushed))
    }
  }

  #deliver(push: Push): PackedPush[] {
    const held = this.#held.get(push.topic)
    if (held !== undefined) {
      this.#held.delete(push.topic)
      return [packed(push), held]
    }
    for (const fault of PUSH_FAULTS) {
      if (!this.faults.has(fault)) continue
      const outcome = faulted(fault, push, this.#insideAsks(push))
      if (outcome === null || !this.faults.take(fault)) continue
      if (outcome.later !== undefined) this.#held.set(push.topic, outcome.later)
      return [...outcome.now]
    }
    return [packed(push)]
  }

  /** A price well inside the asks of the message's market, as on the wire; null where there is none. */
  #insideAsks({ body }: Push): string | null {
    const market = this.exchange.instruments.get(String(body['marketSymbol'] ?? body['symbol']))
    const ask = market?.market.book.top(20).asks.at(-1)
    return ask === undefined ? null : wire(ask[0])
  }

  /** The cursor: unique for each frame, and of no further meaning here. */
  #position(): string {
    return `d-5AB17EDE-B,0|sim,${(++this.#cursor).toString(16).toUpperCase()}`
  }
}
