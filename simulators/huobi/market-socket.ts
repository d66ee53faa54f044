import * as z from 'zod'
import type { Level, Micros } from '../../schemas/events.js'
import { gzipStored } from '../../src/simulator/stored-compression.js'
import type { SimulatedConnection, SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { FaultDesk, type MessageFault } from './faults.js'
import { PingCheck } from './ping-check.js'
import type { Scene } from './scene.js'
import { type SocketKind, type TopicServer, topicOfRequest } from './topic-server.js'
import { MbpTopic, type ServedTopic, TradesTopic } from './topics.js'

const request = z.looseObject({
  id: z.unknown().optional(),
  ping: z.unknown().optional(),
  pong: z.unknown().optional(),
  sub: z.union([z.string(), z.array(z.string())]).optional(),
  unsub: z.union([z.string(), z.array(z.string())]).optional(),
  req: z.string().optional(),
})

/** One `req` per 100 ms and connection. */
const REQ_PACE_MICROS = 100_000
const LATE_ACK_MICROS = 5_000_000
/** A fault refuses the snapshots of one topic for this long. */
const REFUSED_MICROS = 20_000_000

/** One client on one of the market sockets: `sub`, `id`, `ch`. */
export class MarketSocket implements SimulatedConnection {
  readonly faults: FaultDesk
  readonly #peer: SimulatedPeer
  readonly #kind: SocketKind
  readonly #scene: Scene
  readonly #server: TopicServer
  readonly #topics = new Map<string, ServedTopic | null>()
  readonly #pings: PingCheck
  readonly #late: { readonly due: Micros; readonly text: string }[] = []
  #lastRequest: Micros | null = null
  readonly #refusedUntil = new Map<string, Micros>()
  /** Messages that wait to change places with the next of their topic. */
  readonly #held = new Map<string, string>()

  constructor(peer: SimulatedPeer, kind: SocketKind, scene: Scene, server: TopicServer, at: Micros) {
    this.#peer = peer
    this.#kind = kind
    this.#scene = scene
    this.#server = server
    this.faults = new FaultDesk(scene.faults)
    const spot = kind === 'spot' || kind === 'feed'
    this.#pings = new PingCheck(spot ? 'spot' : 'derivatives', scene, at)
  }

  received(data: string | Uint8Array, at: Micros): void {
    const text = typeof data === 'string' ? data : new TextDecoder().decode(data)
    const message = parse(text)
    if (message === null) {
      this.#refuse('', 'not json, is not json string', at)
      return
    }
    const { id, ping, pong, sub, unsub, req } = message
    if (pong !== undefined) this.#pings.answered(pong)
    else if (ping !== undefined) this.#clientPing(ping)
    else if (sub !== undefined) for (const topic of [sub].flat()) this.#subscribe(topic, id, at)
    else if (unsub !== undefined) for (const topic of [unsub].flat()) this.#unsubscribe(topic, id, at)
    else if (req !== undefined) this.#request(req, id, at)
    else this.#refuse(id, 'invalid command', at)
  }

  advance(at: Micros): void {
    while (this.#late[0] !== undefined && this.#late[0].due <= at) this.send(this.#late.shift()?.text ?? '')
    if (at < this.#scene.noHeartbeatUntil) this.#pings.paused(at)
    const due = this.#pings.due(at)
    if (due === 'expired') this.#peer.close(1003, `ping check expired, session: ${this.#scene.uuid()}`)
    else if (due !== null) this.send(`{"ping":${due}}`)
  }

  closed(): void {
    for (const [text, topic] of this.#topics) this.#leave(text, topic)
    this.#topics.clear()
  }

  fault(name: string, at: Micros): boolean {
    if (name === 'message-unknown') {
      this.send(`{"ch":"market.btcusdt.unheard","ts":${this.#scene.ms(at)},"tick":{"of":1}}`)
      return true
    }
    if (name === 'heartbeat-missing') {
      this.#pings.paused(at + 60_000_000)
      return true
    }
    return this.faults.arm(name)
  }

  /** Every frame is one gzip member. */
  send(text: string): void {
    this.#peer.send(gzipStored(text))
  }

  /** A delta of a numbered book, with what faults make of it. */
  sendDelta(
    { topic, instrument }: ServedTopic,
    bids: Level[],
    asks: Level[],
    text: (bids: Level[], asks: Level[]) => string,
  ): void {
    const { book } = instrument.market
    const [bid, ask] = [book.worst('bids'), book.worst('asks')]
    let told = bids
    if (bid !== null && this.faults.take('level-unknown'))
      told = [...bids, [`${bid[0].replace('.', '')}7`, '0']]
    if (ask !== null && this.faults.take('book-crossed')) told = [[ask[0], '1'], ...told]
    const message = text(told, asks)
    if (this.faults.take('sequence-skipped')) return
    this.#sendInTurn(topic.text, message, 'sequence-backwards', 'sequence-repeated')
  }

  /** A push of trades, with what faults make of it. */
  sendTrade({ topic }: ServedTopic, text: string): void {
    this.#sendInTurn(topic.text, text, 'trade-order', 'trade-duplicate')
  }

  #sendInTurn(topic: string, text: string, swap: MessageFault, repeat: MessageFault): void {
    const held = this.#held.get(topic)
    if (held === undefined && this.faults.take(swap)) {
      this.#held.set(topic, text)
      return
    }
    this.send(text)
    if (this.faults.take(repeat)) this.send(text)
    if (held === undefined) return
    this.#held.delete(topic)
    this.send(held)
  }

  #subscribe(text: string, id: unknown, at: Micros): void {
    if (this.faults.take('ack-missing')) return
    if (this.faults.take('ack-error')) return this.#refuse(id, `invalid topic ${text}`, at)
    if (this.faults.take('limit-error')) return this.#refuse(id, `429 too many request topic is ${text}`, at)
    const found = topicOfRequest(this.#scene, this.#kind, text)
    if ('refused' in found) return this.#refuse(id, found.refused, at)
    const { topic, instrument } = found
    const silent = this.faults.take('ack-then-silence') || instrument.status !== 'open'
    const served = silent ? null : this.#server.serve(topic, instrument)
    this.#topics.set(topic.text, served)
    // The derivatives' last trade was seen on either side of the ack.
    const before =
      served instanceof TradesTopic && instrument.facts.family !== 'spot' && this.#scene.random.chance(0.7)
    if (before) served.first(this)
    const ack = this.#answer(id, `"status":"ok","subbed":${JSON.stringify(text)}`, at)
    if (this.faults.take('ack-late')) this.#late.push({ due: at + LATE_ACK_MICROS, text: ack })
    else this.send(ack)
    if (!before) served?.first(this, at)
    served?.subscribers.add(this)
  }

  #unsubscribe(text: string, id: unknown, at: Micros): void {
    const found = topicOfRequest(this.#scene, this.#kind, text)
    const key = 'refused' in found ? text : found.topic.text
    const topic = this.#topics.get(key)
    if (topic === undefined) {
      this.#refuse(id, 'unsub with not subbed topic', at)
      return
    }
    this.#topics.delete(key)
    this.#leave(key, topic)
    this.send(this.#answer(id, `"status":"ok","unsubbed":${JSON.stringify(text)}`, at))
  }

  #request(text: string, id: unknown, at: Micros): void {
    const tooSoon = this.#lastRequest !== null && at - this.#lastRequest < REQ_PACE_MICROS
    if (tooSoon) return this.#refuse(id, `429 too many request topic is ${text}`, at)
    this.#lastRequest = at
    if (this.faults.take('snapshot-refused')) this.#refusedUntil.set(text, at + REFUSED_MICROS)
    if (at < (this.#refusedUntil.get(text) ?? 0)) return this.#refuse(id, `invalid topic ${text}`, at)
    const found = topicOfRequest(this.#scene, this.#kind, text)
    if ('refused' in found) return this.#refuse(id, found.refused, at)
    const topic = this.#server.serve(found.topic, found.instrument)
    const data = dataOf(topic, this)
    if (data === undefined) return this.#refuse(id, `invalid topic ${text}`, at)
    if (data === null || found.instrument.status !== 'open') return
    const reply = this.#answer(id, `"status":"ok","rep":${JSON.stringify(text)},"data":${data}`, at)
    this.send(reply)
    if (this.faults.take('snapshot-twice')) this.send(reply)
  }

  #leave(text: string, topic: ServedTopic | null): void {
    topic?.subscribers.delete(this)
    topic?.left(this)
    if (topic?.subscribers.size === 0) this.#server.drop(text)
  }

  /** Spot answers the ping of a client; the derivatives never did. */
  #clientPing(ping: unknown): void {
    if (this.#kind === 'spot' || this.#kind === 'feed') this.send(JSON.stringify({ pong: ping }))
  }

  #answer(id: unknown, said: string, at: Micros): string {
    const echoed = id === undefined ? '' : `"id":${JSON.stringify(id)},`
    return `{${echoed}${said},"ts":${this.#scene.ms(at)}}`
  }

  #refuse(id: unknown, message: string, at: Micros): void {
    const error = `"err-code":"bad-request","err-msg":${JSON.stringify(message)}`
    this.send(this.#answer(id ?? '', `"status":"error",${error}`, at))
  }
}

/** The data of an answer; null where the venue stays silent, undefined where the topic has none. */
function dataOf(topic: ServedTopic, socket: MarketSocket): string | null | undefined {
  if (topic instanceof MbpTopic) return topic.snapshot(socket)
  return topic instanceof TradesTopic ? topic.recent() : undefined
}

function parse(text: string): z.output<typeof request> | null {
  try {
    const read = request.safeParse(JSON.parse(text))
    return read.success ? read.data : null
  } catch {
    return null
  }
}
