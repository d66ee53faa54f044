import type { Micros } from '../../schemas/events.js'
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
} from '../../src/signalr/index.js'
import type { SeededRandom } from '../../src/simulator/random.js'
import type { SimulatedConnection, SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { faulted, isPushFault, type PackedPush, type PushFault, packed, type Truth } from './faults.js'
import type { Push } from './wire.js'

/** As the venue's servers write it. */
const HUB = 'C3'

const SECOND = 1_000_000
const KEEPALIVE_EVERY = 10 * SECOND
const HEARTBEAT_EVERY = 5 * SECOND
/** Replies take up to this long, each its own time, so that they come in any order, and before or after data. */
const REPLY_WITHIN_MS = 60
/** A strict server closes a connection that was never started: TransportConnectTimeout, and as much again. */
const START_WITHIN = 10 * SECOND
/** Messages in one frame, at most. */
const TOGETHER = 4

/** Faults of the next subscribe. */
const SUBSCRIBE_FAULTS = ['ack-missing', 'ack-late', 'ack-then-silence', 'ack-error', 'limit-error'] as const
type SubscribeFault = (typeof SUBSCRIBE_FAULTS)[number]

/** Everything that one connection can do wrong. */
export const CONNECTION_FAULTS: readonly string[] = [
  ...SUBSCRIBE_FAULTS,
  'reconnect-notice',
  'heartbeat-missing',
  'hub-dead',
]

/** What a connection needs of the venue. */
export interface HubVenue {
  /** Whether the hub has such a topic. */
  has(topic: string): boolean
  truth(push: Push): Truth
  readonly strictStart: boolean
}

interface Reply {
  readonly due: Micros
  readonly frame: string
}

/** One client of the simulated hub: its topics, its replies, and what is on its way to it. */
export class SimulatedHubClient implements SimulatedConnection {
  readonly #venue: HubVenue
  readonly #peer: SimulatedPeer
  readonly #random: SeededRandom
  readonly #topics = new Set<string>()
  /** Those of them that bring nothing. */
  readonly #mute = new Set<string>()
  readonly #connectedAt: Micros
  /** Messages that go out with the next step, so that REST is ahead of the socket by a few. */
  #outbox: Push[] = []
  #replies: Reply[] = []
  readonly #faults = new Set<PushFault | SubscribeFault>()
  /** Messages that a fault holds back, by topic. */
  readonly #later = new Map<string, PackedPush>()
  #started: boolean
  #open = true
  #cursor = 0
  #keepaliveAt: Micros
  #heartbeatAt: Micros
  #silentUntil: Micros = 0
  #deadUntil: Micros = 0

  constructor(venue: HubVenue, peer: SimulatedPeer, random: SeededRandom, at: Micros) {
    this.#venue = venue
    this.#peer = peer
    this.#random = random
    this.#started = !venue.strictStart
    this.#connectedAt = at
    this.#keepaliveAt = at + KEEPALIVE_EVERY
    this.#heartbeatAt = at + HEARTBEAT_EVERY
    peer.send(initFrame(this.#position()))
  }

  /** The connection is gone. */
  get over(): boolean {
    return !this.#open
  }

  /** The client's start request came. */
  start(): void {
    this.#started = true
  }

  follows(topic: string): boolean {
    return this.#topics.has(topic)
  }

  /** A message for whoever has its topic. */
  push(push: Push): void {
    if (this.#started && this.#sends(push.topic)) this.#outbox.push(push)
  }

  advance(at: Micros): void {
    if (!this.#open) return
    if (!this.#started && at - this.#connectedAt > START_WITHIN) {
      this.#open = false
      this.#peer.close(1000, 'never started')
      return
    }
    this.#flush(at)
    const due = this.#replies.filter((reply) => reply.due <= at)
    this.#replies = this.#replies.filter((reply) => reply.due > at)
    while (due.length > 0) {
      const [reply] = due.splice(this.#random.integer(0, due.length - 1), 1)
      if (reply !== undefined) this.#peer.send(reply.frame)
    }
    if (at >= this.#keepaliveAt) {
      this.#keepaliveAt = at + KEEPALIVE_EVERY
      this.#peer.send(KEEPALIVE_FRAME)
    }
    if (at >= this.#heartbeatAt) {
      this.#heartbeatAt = at + HEARTBEAT_EVERY
      const heard = this.#started && this.#sends('heartbeat') && at >= this.#silentUntil
      if (heard && at >= this.#deadUntil) {
        this.#peer.send(pushFrame(this.#position(), [{ hub: HUB, method: 'heartbeat', args: [] }]))
      }
    }
  }

  received(data: string | Uint8Array, at: Micros): void {
    let call: HubCall
    try {
      call = readCall(typeof data === 'string' ? data : '')
    } catch (error) {
      // A server drops what it cannot read.
      if (error instanceof DecodeError) return
      throw error
    }
    const { id, hub, method, args } = call
    const [names] = args
    if (hub !== HUB.toLowerCase()) this.#reply(failureFrame(id, `'${hub}' Hub could not be resolved.`), at)
    else if ((method === 'subscribe' || method === 'unsubscribe') && Array.isArray(names)) {
      this.#subscription(id, method, names.map(String), at)
    } else if (method === 'isauthenticated') this.#reply(resultFrame(id, false), at)
    else if (method === 'authenticate') {
      this.#reply(resultFrame(id, { Success: false, ErrorCode: 'INVALID_APIKEY' }), at)
    } else this.#reply(failureFrame(id, `'${method}' method could not be resolved.`), at)
  }

  closed(): void {
    this.#open = false
  }

  fault(name: string, at: Micros): boolean {
    if (!this.#open) return false
    if (name === 'reconnect-notice') this.#peer.send(reconnectFrame(this.#position()))
    else if (name === 'heartbeat-missing') this.#silentUntil = at + 60 * SECOND
    else if (name === 'hub-dead') this.#deadUntil = at + 60 * SECOND
    else {
      const fault = SUBSCRIBE_FAULTS.find((known) => known === name) ?? (isPushFault(name) ? name : undefined)
      if (fault === undefined) return false
      this.#faults.add(fault)
    }
    return true
  }

  #subscription(id: string, method: 'subscribe' | 'unsubscribe', names: readonly string[], at: Micros): void {
    const fault = method === 'subscribe' ? this.#subscribeFault() : undefined
    if (fault === 'ack-missing') return
    const refusal = fault === 'ack-error' ? 'INTERNAL_ERROR' : fault === 'limit-error' ? 'THROTTLED' : null
    const results = names.map((name) => {
      const errorCode =
        refusal ?? (name === 'heartbeat' || this.#venue.has(name) ? null : 'MARKET_DOES_NOT_EXIST')
      this.#mute.delete(name)
      if (errorCode === null && method === 'subscribe') this.#topics.add(name)
      if (fault === 'ack-then-silence') this.#mute.add(name)
      if (method === 'unsubscribe') this.#topics.delete(name)
      return { Success: errorCode === null, ErrorCode: errorCode }
    })
    this.#peer.send(groupsFrame(this.#position(), this.#token(96)))
    this.#reply(resultFrame(id, results), at, fault === 'ack-late' ? 5_000 : 0)
  }

  #sends(topic: string): boolean {
    return this.#topics.has(topic) && !this.#mute.has(topic)
  }

  #subscribeFault(): SubscribeFault | undefined {
    return SUBSCRIBE_FAULTS.find((fault) => this.#faults.delete(fault))
  }

  #reply(frame: string, at: Micros, lateMs = 0): void {
    this.#replies.push({ due: at + (lateMs + this.#random.integer(0, REPLY_WITHIN_MS)) * 1000, frame })
  }

  /** Everything that waits, mostly a message a frame, now and then up to four. */
  #flush(at: Micros): void {
    const outbox = this.#outbox
    this.#outbox = []
    if (at < this.#deadUntil) return
    const messages = outbox.flatMap((push) => this.#deliver(push))
    while (messages.length > 0) {
      const count = this.#random.chance(0.1) ? this.#random.integer(2, TOGETHER) : 1
      const together = messages.splice(0, count)
      const pushed = together.map(({ method, packed: body }) => ({ hub: HUB, method, args: [body] }))
      this.#peer.send(pushFrame(this.#position(), pushed))
    }
  }

  #deliver(push: Push): PackedPush[] {
    const later = this.#later.get(push.topic)
    if (later !== undefined) {
      this.#later.delete(push.topic)
      return [packed(push), later]
    }
    for (const fault of this.#faults) {
      if (!isPushFault(fault)) continue
      const outcome = faulted(fault, push, this.#venue.truth(push))
      if (outcome === null) continue
      this.#faults.delete(fault)
      if (outcome.later !== undefined) this.#later.set(push.topic, outcome.later)
      return [...outcome.now]
    }
    return [packed(push)]
  }

  /** The cursor: unique for each frame, and of no further meaning here. */
  #position(): string {
    return `d-5AB17EDE-B,0|sim,${(++this.#cursor).toString(16).toUpperCase()}`
  }

  #token(bytes: number): string {
    return toBase64(Uint8Array.from({ length: bytes }, () => this.#random.integer(0, 255)))
  }
}
