import * as z from 'zod'
import type { Level, Micros } from '../../schemas/events.js'
import { gzipStored } from '../../src/simulator/stored-compression.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { Delivery } from '../kit/delivery.js'
import { uuid } from '../kit/ids.js'
import { readObject } from '../kit/requests.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import type { HuobiExchange, HuobiInstrument } from './instruments.js'
import { PingCheck } from './ping-check.js'
import type { ServedTopic, TopicSubscriber } from './served-topic.js'
import { type SocketKind, type TopicServer, topicOfRequest } from './topic-server.js'
import { TradesTopic } from './topics.js'

const seconds = z.number().optional().catch(undefined)
const request = z.looseObject({
  id: z.unknown().optional(),
  ping: z.unknown().optional(),
  pong: z.unknown().optional(),
  sub: z.union([z.string(), z.array(z.string())]).optional(),
  unsub: z.union([z.string(), z.array(z.string())]).optional(),
  req: z.string().optional(),
  from: seconds,
  to: seconds,
})
type MarketRequest = z.output<typeof request>

/** One `req` per 100 ms and connection. */
const REQ_PACE_MICROS = 100_000
const LATE_ACK_MICROS = 5_000_000
/** Faults for which a subscribe is not granted. */
const REFUSALS = ['ack-missing', 'ack-error', 'limit-error'] as const
/** A fault refuses the snapshots of one topic for this long. */
const REFUSED_MICROS = 20_000_000

/** One client on one of the market sockets: `sub`, `id`, `ch`. */
export class MarketSocket extends SimulatedClient<HuobiInstrument> implements TopicSubscriber {
  readonly #kind: SocketKind
  readonly #server: TopicServer
  readonly #topics = new Map<string, ServedTopic | null>()
  readonly #pings: PingCheck
  readonly #deltas: Delivery<string>
  readonly #trades: Delivery<string>
  #lastRequest: Micros | null = null
  readonly #refusedUntil = new Map<string, Micros>()

  constructor(exchange: HuobiExchange, peer: SimulatedPeer, kind: SocketKind, server: TopicServer) {
    super(exchange, peer)
    this.#kind = kind
    this.#server = server
    this.#deltas = Delivery.ofNumbered(this.faults)
    this.#trades = Delivery.ofTrades(this.faults)
    this.#pings = new PingCheck(this.#isSpot ? 'spot' : 'derivatives', {
      ms: () => exchange.clock.ms(),
      after: (micros, run) => this.after(micros, run),
      pausedFor: () => Math.max(0, this.faults.until('heartbeat-missing') - exchange.now),
      ping: (value) => this.send(`{"ping":${value}}`),
      expired: () => this.close(1003, `ping check expired, session: ${uuid(exchange.random)}`),
    })
  }

  override commit(name: string): boolean | null {
    if (name === 'reconnect-notice') return false
    if (name !== 'message-unknown') return null
    this.send(`{"ch":"market.btcusdt.unheard","ts":${this.exchange.clock.ms()},"tick":{"of":1}}`)
    return true
  }

  /** Every frame is one gzip member. */
  override send(text: string): void {
    super.send(gzipStored(text))
  }

  sendDelta(
    { topic, instrument }: ServedTopic,
    bids: Level[],
    asks: Level[],
    text: (bids: Level[], asks: Level[]) => string,
  ): void {
    const { book } = instrument.market
    const [bid, ask] = [book.worst('bids'), book.worst('asks')]
    let sent = bids
    if (bid !== null && this.faults.take('level-unknown')) {
      sent = [...bids, [`${bid[0].replace('.', '')}7`, '0']]
    }
    if (ask !== null && this.faults.take('book-crossed')) sent = [[ask[0], '1'], ...sent]
    for (const delta of this.#deltas.pass(topic.text, text(sent, asks))) this.send(delta)
  }

  sendTrade({ topic }: ServedTopic, text: string): void {
    for (const trade of this.#trades.pass(topic.text, text)) this.send(trade)
  }

  protected override ended(): void {
    for (const [text, topic] of this.#topics) this.#leave(text, topic)
    this.#topics.clear()
  }

  protected override request(text: string): void {
    const read = request.safeParse(readObject(text))
    if (!read.success) return this.#refuse('', 'not json, is not json string')
    const { id, ping, pong, sub, unsub, req } = read.data
    if (pong !== undefined) this.#pings.answered(pong)
    else if (ping !== undefined) {
      // The derivatives never answered the ping of a client.
      if (this.#isSpot) this.send(JSON.stringify({ pong: ping }))
    } else if (sub !== undefined) for (const topic of [sub].flat()) this.#subscribe(topic, id)
    else if (unsub !== undefined) for (const topic of [unsub].flat()) this.#unsubscribe(topic, id)
    else if (req !== undefined) this.#request(req, read.data)
    else this.#refuse(id, 'invalid command')
  }

  get #isSpot(): boolean {
    return this.#kind === 'spot' || this.#kind === 'feed'
  }

  #subscribe(text: string, id: unknown): void {
    const { exchange } = this
    const fault = this.faults.takeFirst(REFUSALS)
    if (fault === 'ack-missing') return
    if (fault === 'ack-error') return this.#refuse(id, `invalid topic ${text}`)
    if (fault === 'limit-error') return this.#refuse(id, `429 too many request topic is ${text}`)
    const found = topicOfRequest(exchange, this.#kind, text)
    if ('refused' in found) return this.#refuse(id, found.refused)
    const { topic, instrument } = found
    const silent = this.faults.take('ack-then-silence') || !instrument.listed
    const served = silent ? null : this.#server.serve(topic, instrument)
    this.#topics.set(topic.text, served)
    // The derivatives' last trade was seen on either side of the ack.
    const before =
      served instanceof TradesTopic && instrument.facts.family !== 'spot' && exchange.random.chance(0.7)
    if (before) served.first(this)
    const ack = this.#answer(id, `"status":"ok","subbed":${JSON.stringify(text)}`)
    if (this.faults.take('ack-late')) this.after(LATE_ACK_MICROS, () => this.send(ack))
    else this.send(ack)
    if (!before) served?.first(this, exchange.now)
    served?.subscribers.add(this)
  }

  #unsubscribe(text: string, id: unknown): void {
    const found = topicOfRequest(this.exchange, this.#kind, text)
    const key = 'refused' in found ? text : found.topic.text
    const topic = this.#topics.get(key)
    if (topic === undefined) return this.#refuse(id, 'unsub with not subbed topic')
    this.#topics.delete(key)
    this.#leave(key, topic)
    this.send(this.#answer(id, `"status":"ok","unsubbed":${JSON.stringify(text)}`))
  }

  #request(text: string, { id, from, to }: MarketRequest): void {
    const { now } = this.exchange
    const tooSoon = this.#lastRequest !== null && now - this.#lastRequest < REQ_PACE_MICROS
    if (tooSoon) return this.#refuse(id, `429 too many request topic is ${text}`)
    this.#lastRequest = now
    if (this.faults.take('snapshot-refused')) this.#refusedUntil.set(text, now + REFUSED_MICROS)
    if (now < (this.#refusedUntil.get(text) ?? 0)) return this.#refuse(id, `invalid topic ${text}`)
    const found = topicOfRequest(this.exchange, this.#kind, text)
    if ('refused' in found) return this.#refuse(id, found.refused)
    const data = this.#server.peek(found.topic, found.instrument).data({ subscriber: this, from, to }, now)
    if (data === undefined) return this.#refuse(id, `invalid topic ${text}`)
    if (data === null || !found.instrument.listed) return
    const reply = this.#answer(id, `"status":"ok","rep":${JSON.stringify(text)},"data":${data}`)
    this.send(reply)
    if (this.faults.take('snapshot-twice')) this.send(reply)
  }

  #leave(text: string, topic: ServedTopic | null): void {
    topic?.subscribers.delete(this)
    topic?.left(this)
    if (topic?.subscribers.size === 0) this.#server.drop(text)
  }

  #answer(id: unknown, said: string): string {
    const echoed = id === undefined ? '' : `"id":${JSON.stringify(id)},`
    return `{${echoed}${said},"ts":${this.exchange.clock.ms()}}`
  }

  #refuse(id: unknown, message: string): void {
    const error = `"err-code":"bad-request","err-msg":${JSON.stringify(message)}`
    this.send(this.#answer(id ?? '', `"status":"error",${error}`))
  }
}
