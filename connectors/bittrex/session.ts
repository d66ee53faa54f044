import { subscribeResults } from '../../schemas/bittrex.js'
import type { Micros } from '../../schemas/events.js'
import type { Catalogue, HttpResponse, OpenInfo, Session, SessionInit, Sink } from '../../src/connector.js'
import { checker } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'
import {
  cookiesOf,
  type HubFrame,
  type HubMessage,
  hubAddress,
  isStarted,
  type Negotiation,
  OpenCalls,
  readCall,
  readFrame,
  readNegotiation,
  startUrl,
  unpack,
} from '../../src/protocols/classic-signalr/grammar.js'
import { defineSession, type Protocol, type SessionKit, type Stream } from '../../src/session/index.js'
import { CHANNELS, readTopic } from './channels.js'
import { HubC2 } from './hub-c2.js'
import { HubC3 } from './hub-c3.js'
import { Topics } from './topics.js'

/** The hub that is spoken; `c2` and `corehub` are read from recordings. */
export const HUB = 'c3'
const LEGACY_HUBS: readonly string[] = ['c2', 'corehub']

/** Sent every five seconds to who subscribed it: three missed, and the hub no longer pushes to this connection. */
const HEARTBEAT = 'heartbeat'
const HEARTBEAT_SILENT_MS = 15_000
/** A call without a reply for this long was lost. */
const REPLY_WITHIN_MS = 10_000
/** Beside what the server grants for its first frame: the way of the frame itself. */
const GREETING_ALLOWANCE_MS = 5_000
/** What the venue's servers were known to grant, where no negotiation says. */
const DEFAULT_KEEPALIVE_MS = 20_000

/** Pushed to authenticated clients: none of it is market data. */
const PRIVATE_METHODS = new Set([
  'authenticationexpiring',
  'order',
  'balance',
  'execution',
  'deposit',
  'conditionalorder',
  'uo',
  'ub',
])

/** What a call was about, until its reply. */
type Call =
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly topics: readonly string[] }
  | { readonly kind: 'exchange-deltas' | 'exchange-state'; readonly market: string }
  | { readonly kind: 'other' }

/** `greeting`: the first frame is awaited. `starting`: the start request is under way. */
type State = 'greeting' | 'starting' | 'started'

const checkResults = checker(subscribeResults)

/** @param history whether trades and candles begin with history over REST. */
export function bittrexSession(
  catalogue: Catalogue,
  init: SessionInit,
  sink: Sink,
  history: boolean,
): Session {
  return defineSession(
    {
      venue: 'bittrex',
      channels: CHANNELS,
      catalogue,
      policy: {
        ackTimeoutMs: REPLY_WITHIN_MS,
        // The snapshot comes over REST, which is paced: the last of two hundred books waits for more than three minutes.
        firstDatumMs: 300_000,
      },
      init,
      sink,
    },
    (kit) => new BittrexProtocol(kit, history),
  )
}

class BittrexProtocol implements Protocol {
  readonly #kit: SessionKit
  readonly #c3: HubC3
  readonly #c2: HubC2
  readonly #topics = new Topics()
  readonly #calls = new OpenCalls<Call>()
  #state: State = 'greeting'
  #negotiation: Negotiation | null = null
  #cookies: string | null = null
  #lastFrame: Micros | null = null
  #lastHeartbeat: Micros | null = null

  constructor(kit: SessionKit, history: boolean) {
    this.#kit = kit
    this.#c3 = new HubC3(kit, history)
    this.#c2 = new HubC2(kit, this.#c3.books)
  }

  // ── The connection ──────────────────────────────────────────────────────────────────────────────────────────────

  opened(info: OpenInfo, at: Micros | null): void {
    if (this.#kit.init.adopt) return
    if (info.negotiated !== null) {
      this.#negotiation = readNegotiation(info.negotiated)
      this.#cookies = cookiesOf(info.negotiated)
    }
    this.#lastFrame = at
    const grantedMs = this.#negotiation?.transportConnectTimeoutMs ?? 0
    this.#kit.alarms.set('greeting', at, grantedMs + GREETING_ALLOWANCE_MS, () => {
      this.#kit.sink.reconnect('the first frame of SignalR did not come')
    })
    this.#watchKeepalive(at)
  }

  /** The transport is up. Data may come from here on; the hub learns of the client by the start request. */
  #greeted(at: Micros | null): void {
    if (this.#state !== 'greeting' || this.#kit.init.adopt) return
    this.#kit.alarms.clear('greeting')
    if (this.#negotiation === null) {
      this.#started(at)
      return
    }
    this.#state = 'starting'
    const { url, headers } = this.#kit.init.endpoint
    this.#kit.sink.request({
      id: 'start',
      method: 'GET',
      url: startUrl(hubAddress(url, [HUB]), this.#negotiation.connectionToken),
      confidential: true,
      headers: this.#cookies === null ? { ...headers } : { ...headers, cookie: this.#cookies },
    })
  }

  #started(at: Micros | null): void {
    this.#state = 'started'
    this.#call('Subscribe', 'subscribe', [HEARTBEAT])
    this.#kit.alarms.set('heartbeat', at, REPLY_WITHIN_MS, () => {
      this.#kit.sink.reconnect('the subscribe of the heartbeat was not answered')
    })
    this.#kit.sink.ready()
  }

  /** One alarm, moved only when it goes off: frames are many. */
  #watchKeepalive(at: Micros | null): void {
    const timeoutMs = this.#negotiation === null ? DEFAULT_KEEPALIVE_MS : this.#negotiation.keepAliveTimeoutMs
    if (timeoutMs === null) return
    this.#watch('keepalive', timeoutMs, at, () => this.#lastFrame, 'no frame of SignalR')
  }

  #watchHeartbeat(at: Micros | null): void {
    this.#lastHeartbeat = at
    this.#watch('heartbeat', HEARTBEAT_SILENT_MS, at, () => this.#lastHeartbeat, 'no heartbeat of the hub')
  }

  #watch(name: string, limitMs: number, from: Micros | null, last: () => Micros | null, what: string): void {
    this.#kit.alarms.set(name, from, limitMs, (now) => {
      const heard = last() ?? now
      const silentMs = this.#kit.alarms.elapsedMs(heard, now)
      if (silentMs < limitMs) {
        this.#watch(name, limitMs, heard, last, what)
        return
      }
      const reason = `${what} for ${Math.round(silentMs)} ms`
      this.#kit.streams.gapAll('stale', reason, now)
      this.#kit.sink.reconnect(reason)
    })
  }

  // ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

  subscribe(streams: readonly Stream[], at: Micros | null): void {
    for (const stream of streams) this.#c3.begin(stream)
    const asked = streams.filter((stream) => {
      const granted = this.#topics.join(stream)
      if (granted) this.#c3.granted(stream, at)
      return !granted
    })
    this.#ask(this.#topics.toAsk(asked))
  }

  /** A book is joined anew without a word to the hub, which goes on sending it; everything else is subscribed again. */
  resubscribe(stream: Stream, at: Micros | null): void {
    if (stream.kind === 'book' && this.#topics.granted(stream) && !this.#c3.dead(stream)) {
      this.#c3.rejoin(stream, at)
      return
    }
    this.#kit.streams.request(stream, at)
    this.#c3.begin(stream)
    this.#ask(this.#topics.again(stream))
  }

  unsubscribe(streams: readonly Stream[]): void {
    const left: string[] = []
    for (const stream of streams) {
      this.#c3.leave(stream)
      const topic = this.#topics.leave(stream)
      if (topic === null) this.#kit.streams.remove(stream)
      else left.push(topic)
    }
    if (left.length > 0) this.#call('Unsubscribe', 'unsubscribe', left)
  }

  #ask(topics: readonly string[]): void {
    for (const topic of topics) this.#c3.asked(topic)
    if (topics.length > 0) this.#call('Subscribe', 'subscribe', topics)
  }

  /** The one argument is the list of names. */
  #call(method: string, kind: 'subscribe' | 'unsubscribe', topics: readonly string[]): void {
    this.#kit.sink.send(this.#calls.call(HUB, method, [topics], { kind, topics }))
  }

  // ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────

  frame(data: string | Uint8Array, at: Micros | null): void {
    this.#lastFrame = at
    if (typeof data !== 'string') {
      throw new DecodeError('undecodable', 'a binary frame: SignalR sends text', { path: [], head: '' })
    }
    const frame = readFrame(data)
    switch (frame.kind) {
      case 'push':
        this.#pushed(frame, at)
        break
      case 'result':
        this.#replied(frame, data, at)
        break
      case 'failure':
        this.#refused(frame, at)
        break
      case 'keepalive':
      case 'progress':
        break
    }
  }

  #pushed(frame: Extract<HubFrame, { kind: 'push' }>, at: Micros | null): void {
    if (frame.initialised) this.#greeted(at)
    for (const message of frame.messages) this.#message(message, at)
    if (frame.reconnect && !this.#kit.init.adopt) {
      this.#kit.sink.reconnect('the server asked for a new connection', { planned: true })
    }
  }

  #message({ hub, method, args }: HubMessage, at: Micros | null): void {
    if (method === HEARTBEAT) {
      this.#lastHeartbeat = at
      return
    }
    if (PRIVATE_METHODS.has(method)) return
    const [packed] = args
    const head = typeof packed === 'string' ? packed : method
    this.#kit.guard(head, at, () => {
      if (typeof packed !== 'string') {
        throw new DecodeError('schema_mismatch', `a ${method} without a body`, { path: ['A', 0], head })
      }
      const body = unpack(packed, this.#kit.init.tools.inflateRaw)
      this.#kit.guard(body, at, () => this.#hub(hub, head).message(method, body, at))
    })
  }

  #hub(hub: string, head: string): HubC2 | HubC3 {
    if (hub === HUB) return this.#c3
    if (LEGACY_HUBS.includes(hub) && this.#kit.init.adopt) return this.#c2
    throw new DecodeError('unknown_message', `hub ${hub} is not one that is spoken to`, { path: ['H'], head })
  }

  // ── Replies ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #replied({ id, value }: Extract<HubFrame, { kind: 'result' }>, frame: string, at: Micros | null): void {
    if (typeof value === 'string' && this.#kit.init.adopt) {
      const asked = this.#calls.settle(id, ({ kind }) => kind === 'exchange-state')
      const market = asked?.kind === 'exchange-state' ? asked.market : undefined
      const body = unpack(value, this.#kit.init.tools.inflateRaw)
      this.#kit.guard(body, at, () => this.#c2.state(body, market, at))
      return
    }
    const listed = Array.isArray(value)
    const call = this.#calls.settle(
      id,
      ({ kind }) => listed === (kind === 'subscribe' || kind === 'unsubscribe'),
    )
    if (call === undefined) {
      // A log without the client's frames, or one that begins later.
      if (this.#kit.init.adopt) return
      throw new DecodeError('unknown_message', `a reply to no call: ${id}`, { path: ['I'], head: frame })
    }
    if (call.kind === 'exchange-deltas' && value === true) this.#c2.granted(call.market, at)
    if (call.kind !== 'subscribe' && call.kind !== 'unsubscribe') return
    const results = checkResults(value, frame)
    if (results.length !== call.topics.length) {
      throw new DecodeError('schema_mismatch', `${results.length} results for ${call.topics.length} names`, {
        path: ['R'],
        head: frame,
      })
    }
    for (const [index, topic] of call.topics.entries()) {
      const result = results[index]
      const refusal = result?.Success === true ? null : (result?.ErrorCode ?? 'no reason given')
      if (call.kind === 'subscribe') this.#answered(topic, refusal, at)
      else this.#gone(topic)
    }
  }

  /** The call as a whole failed. */
  #refused({ id, error }: Extract<HubFrame, { kind: 'failure' }>, at: Micros | null): void {
    const call = this.#calls.settle(id)
    if (call?.kind === 'subscribe') for (const topic of call.topics) this.#answered(topic, error, at)
    else if (call?.kind === 'unsubscribe') for (const topic of call.topics) this.#gone(topic)
  }

  /** @param refusal null where the topic was granted. */
  #answered(topic: string, refusal: string | null, at: Micros | null): void {
    if (this.#kit.init.adopt) {
      if (refusal === null) this.#adopt(topic, at)
      return
    }
    if (topic === HEARTBEAT) {
      this.#kit.alarms.clear('heartbeat')
      if (refusal === null) this.#watchHeartbeat(at)
      else this.#kit.streams.connection('refused', `heartbeat: ${refusal}`, at)
      return
    }
    const streams = refusal === null ? this.#topics.grant(topic) : this.#topics.refuse(topic)
    for (const stream of streams) {
      if (refusal === null) this.#c3.granted(stream, at)
      else this.#kit.streams.refuse(stream, refusal, at)
    }
  }

  /** A topic was given up. Who came back to it meanwhile has waited for this. */
  #gone(topic: string): void {
    if (this.#kit.init.adopt) {
      this.#abandon(topic)
      return
    }
    const { left, again } = this.#topics.gone(topic)
    for (const stream of left) if (stream.state === 'leaving') this.#kit.streams.remove(stream)
    this.#ask(again)
  }

  finished(): void {
    this.#c3.books.finished()
  }

  // ── Logs ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Acks name no topic: only the recorded client's own frames tell what an id was about. */
  sent(frame: string): void {
    const { id, hub, method, args } = readCall(frame)
    this.#calls.add(id, readRecordedCall(hub, method, args))
  }

  #adopt(topic: string, at: Micros | null): void {
    const read = readTopic(topic)
    if (read === null) return
    for (const channel of read.channels) this.#c3.shown(read.market, channel, at)
  }

  #abandon(topic: string): void {
    const read = readTopic(topic)
    for (const channel of read?.channels ?? []) {
      const stream = this.#kit.streams.get(read?.market ?? '', channel)
      if (stream !== undefined) this.#kit.streams.remove(stream)
    }
  }

  response(response: HttpResponse, at: Micros | null): void {
    if (response.id !== 'start') {
      this.#c3.response(response, at)
      return
    }
    if (this.#state !== 'starting') return
    if (isStarted(response)) this.#started(at)
    else {
      const answer = response.status === 0 ? response.body : `HTTP ${response.status}`
      this.#kit.sink.reconnect(`the start of the connection was refused: ${answer}`)
    }
  }
}

function readRecordedCall(hub: string, method: string, args: readonly unknown[]): Call {
  const [first] = args
  if (hub === HUB && (method === 'subscribe' || method === 'unsubscribe') && Array.isArray(first)) {
    return { kind: method, topics: first.filter((topic) => typeof topic === 'string') }
  }
  if (typeof first === 'string') {
    if (method === 'subscribetoexchangedeltas') return { kind: 'exchange-deltas', market: first }
    if (method === 'queryexchangestate') return { kind: 'exchange-state', market: first }
  }
  return { kind: 'other' }
}
