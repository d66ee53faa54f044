import type { Micros } from '../../schemas/events.js'
import { huobiAck, huobiRefusal } from '../../schemas/huobi.js'
import type { Catalogue, Channel, ChannelSpec, Session, SessionInit, Sink } from '../../src/connector.js'
import { checker, type LosslessValue, readLossless } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'
import {
  defineSession,
  type Protocol,
  type SessionKit,
  type Stream,
  type StreamPolicy,
} from '../../src/session/index.js'
import { OpenRequests } from '../../src/venue/open-requests.js'
import { PacedRequests } from '../../src/venue/paced-requests.js'
import { Derivatives } from './derivatives.js'
import { MarketData } from './market-data.js'
import { Notifications } from './notifications.js'
import { contractParts, unlistedInstrument } from './symbols.js'
import { type Subscribed, TopicTable } from './topic-table.js'
import { isPublicTopic, planTopics, readTopic, topicFrame } from './topics.js'

const checkAck = checker(huobiAck)
const checkRefusal = checker(huobiRefusal)

/**
 * The venue answers one `req` per 100 ms and connection and refuses the rest with 429; a burst of 45 was seen to lose 21,
 * at this pace none. The margin covers what the network does to it.
 */
const PACE_MS = 120

/** Refusals that mean "not now". */
const NOT_NOW = /^429|request timeout/

/** A subscribe that was refused as one too many is sent again after this, and twice as long each time. */
const SUBSCRIBE_AGAIN_MS = 5_000

const POLICY: StreamPolicy = {
  ackTimeoutMs: 15_000,
  firstDatumMs: 10_000,
  // A suspended contract is acked like any other and never sends anything.
  silentGrant: 'say',
}

/** A request that waits for its answer. */
interface Pending {
  readonly action: 'sub' | 'unsub' | 'req'
  readonly topic: string
  /** Those that leave with an unsubscribe. */
  readonly leaving: readonly Stream[]
}

/** Far more than any connection has open. */
const MAX_PENDING = 5_000

type Frame = { readonly [key: string]: LosslessValue }

/** The state machine of one connection, whatever its socket: frames say themselves what they are. */
export function huobiSession(
  init: SessionInit,
  sink: Sink,
  channels: readonly ChannelSpec[],
  catalogue: Catalogue,
): Session {
  return defineSession(
    { venue: 'huobi', channels, policy: POLICY, catalogue, init, sink },
    (kit) => new HuobiProtocol(kit),
  )
}

/** What a topic and its answers are handed on to, and what these may ask for. */
class HuobiProtocol implements Protocol {
  readonly #kit: SessionKit
  readonly #topics = new TopicTable()
  readonly #pending = new OpenRequests<Pending>(MAX_PENDING)
  readonly #data: MarketData
  readonly #derivatives: Derivatives
  readonly #notifications: Notifications

  constructor(kit: SessionKit) {
    this.#kit = kit
    const paced = new PacedRequests(kit.alarms, PACE_MS)
    const asking = {
      ask: (topic: string, at: Micros | null, sent: (at: Micros) => void) => {
        if (kit.init.adopt) return
        paced.add(topic, at, (now) => {
          kit.sink.send(JSON.stringify({ req: topic, id: this.#keep('req', topic) }))
          sent(now)
        })
      },
      drop: (topic: string) => paced.drop(topic),
    }
    const row = (id: string, channel: Channel, at: Micros | null) => this.#row(id, channel, at)
    this.#derivatives = new Derivatives(kit)
    this.#data = new MarketData(kit, this.#derivatives, asking, row)
    this.#notifications = new Notifications(kit, this.#derivatives, {
      granted: (topic, id, at) => this.#granted(topic, id, at),
      ended: (topic, id, at) => this.#ended(topic, id, at),
      refused: (id, topic, reason, at) => this.#refused(id, topic, reason, at),
      row,
    })
  }

  opened(): void {
    this.#kit.sink.ready()
  }

  subscribe(streams: readonly Stream[], at: Micros | null): void {
    for (const stream of streams) {
      const plan = planTopics(stream.instrument.instrument, stream.channel)
      if ('refused' in plan) {
        this.#kit.streams.refuse(stream, plan.refused, at)
        continue
      }
      for (const text of plan.topics) this.#join(text, stream, at)
    }
  }

  unsubscribe(streams: readonly Stream[]): void {
    for (const stream of streams) {
      for (const text of topicsOf(stream)) this.#kit.streams.refusals.forget(text)
      this.#leave(stream)
    }
  }

  /** What was refused stays known, so that it is not said again. */
  resubscribe(stream: Stream, at: Micros | null): void {
    const { streams } = this.#kit
    streams.leave(stream)
    this.#leave(stream)
    this.subscribe([streams.request({ instrument: stream.instrument, channel: stream.channel }, at)], at)
  }

  frame(data: string | Uint8Array, at: Micros | null): void {
    const text = typeof data === 'string' ? data : this.#kit.init.tools.gunzip(data)
    try {
      this.#read(text, at)
    } catch (error) {
      throw error instanceof DecodeError ? error.within(text) : error
    }
  }

  /** The ids of a recorded client's requests, so that the venue's errors can be told apart. */
  sent(frame: string): void {
    const value = readLossless(frame)
    if (!isFrame(value)) return
    for (const action of ['sub', 'unsub', 'req'] as const) {
      const topic = value[action]
      if (typeof topic === 'string' && typeof value['id'] === 'string') {
        this.#pending.keep(value['id'], { action, topic, leaving: [] })
      }
    }
  }

  response(response: Parameters<Derivatives['response']>[0], at: Micros | null): void {
    this.#derivatives.response(response, at)
  }

  finished(): void {
    this.#data.finished()
  }

  // ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #read(text: string, at: Micros | null): void {
    const value = readLossless(text)
    if (!isFrame(value)) throw unknown(text, [])
    const { ch } = value
    if (typeof ch === 'string') this.#push(ch, value, text, at)
    else if ('ping' in value) this.#pong(text)
    else if ('op' in value) this.#notifications.frame(value, text, at)
    else if (typeof value['rep'] === 'string') this.#reply(value['rep'], value, text, at)
    else if (value['status'] === 'error') this.#error(value, text, at)
    else if ('subbed' in value || 'unsubbed' in value) this.#ack(value, text, at)
    else if (!('pong' in value)) throw unknown(text, [])
  }

  /** The value goes back exactly as it stands in the frame: a number as a number, text as text. */
  #pong(text: string): void {
    const raw = /"ping"\s*:\s*("[^"]*"|-?\d+)/.exec(text)?.[1]
    if (raw === undefined) throw unknown(text, ['ping'])
    if (!this.#kit.init.adopt) this.#kit.sink.send(`{"pong":${raw}}`)
  }

  #push(ch: string, value: Frame, text: string, at: Micros | null): void {
    // Tardis writes what it asked for over REST as messages of topics that the venue does not have.
    if (value['generated'] === true && readTopic(ch) === null) {
      this.#kit.sink.unused?.({ cause: 'no_event', frames: 1 })
      return
    }
    const subscribed = this.#topics.get(ch) ?? this.#learn(ch, text, ['ch'], at)
    if (subscribed !== null) this.#data.push(subscribed, value, text, at)
  }

  #reply(rep: string, value: Frame, text: string, at: Micros | null): void {
    this.#pending.take(typeof value['id'] === 'string' ? value['id'] : null)
    const subscribed = this.#topics.get(rep) ?? this.#learn(rep, text, ['rep'], at)
    if (subscribed !== null) this.#data.reply(subscribed, value, text, at)
  }

  #ack(value: Frame, text: string, at: Micros | null): void {
    const { id, subbed, unsubbed } = checkAck(value, text)
    if (subbed !== undefined) {
      if (readTopic(subbed) === null) throw unknown(text, ['subbed'])
      this.#granted(subbed, id ?? null, at)
    } else if (unsubbed !== undefined) this.#ended(unsubbed, id ?? null, at)
  }

  #error(value: Frame, text: string, at: Micros | null): void {
    const { id, ...error } = checkRefusal(value, text)
    this.#refused(id ?? null, null, error['err-msg'] ?? error['err-code'] ?? 'an error without words', at)
  }

  // ── Subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────

  #leave(stream: Stream): void {
    this.#data.forget(stream)
    const left = topicsOf(stream).filter((text) => this.#topics.leave(text, stream))
    for (const text of left) this.#send('unsub', text, [stream])
    if (left.length === 0) this.#kit.streams.remove(stream)
  }

  #join(text: string, stream: Stream, at: Micros | null): void {
    const topic = readTopic(text)
    if (topic === null) {
      this.#kit.streams.refuse(stream, `${text} is no topic of the venue`, at)
      return
    }
    const { subscribed, isNew } = this.#topics.join(topic, stream)
    if (isNew) this.#send('sub', text, [])
    else if (subscribed.granted) this.#kit.streams.ack(stream, at)
    this.#data.asked(topic, stream, at)
  }

  /** The venue granted a topic. In a log this is how a stream becomes known. */
  #granted(text: string, id: string | null, at: Micros | null): void {
    this.#pending.take(id)
    const subscribed = this.#topics.get(text) ?? this.#learn(text, text, [], at)
    if (subscribed === null) return
    subscribed.granted = true
    if (subscribed.topic.form !== 'mbp') this.#kit.streams.refusals.forget(subscribed.topic.text)
    for (const stream of subscribed.streams) {
      this.#kit.streams.ack(stream, at)
      this.#data.granted(subscribed.topic, stream, at)
    }
  }

  /** An unsubscribe was confirmed. In a log this is how a stream ends. */
  #ended(text: string, id: string | null, at: Micros | null): void {
    this.#release(this.#pending.take(id)?.leaving ?? [])
    if (!this.#kit.init.adopt) {
      // It was asked for again meanwhile, and the unsubscribe was carried out after that.
      const { granted = false, streams = [] } = this.#topics.get(text) ?? {}
      const detail = 'the venue ended the subscription'
      if (granted) for (const stream of streams) this.#kit.streams.resync(stream, 'stale', detail, at)
      return
    }
    for (const stream of this.#topics.delete(text)?.streams ?? []) {
      this.#data.forget(stream)
      this.#kit.streams.remove(stream)
    }
  }

  /** A stream that was asked for again since its unsubscribe stays. */
  #release(leaving: readonly Stream[]): void {
    for (const stream of leaving) if (stream.state === 'leaving') this.#kit.streams.remove(stream)
  }

  /** A request was refused. A subscribe is given up for good, unless that may pass; a `req` is made again more and more seldom. */
  #refused(id: string | null, topicText: string | null, reason: string, at: Micros | null): void {
    const { streams } = this.#kit
    const pending = this.#pending.take(id)
    const text = pending?.topic ?? topicText
    if (pending?.action === 'unsub') {
      this.#release(pending.leaving)
      return
    }
    const subscribed = text === null ? undefined : this.#topics.get(text)
    if (text === null || subscribed === undefined) {
      streams.connection('refused', text === null ? reason : `${text}: ${reason}`, at)
      return
    }
    if (pending?.action === 'req') {
      if (NOT_NOW.test(reason)) this.#data.unanswered(subscribed, reason, at)
      else this.#data.withheld(subscribed, streams.refusals.refused(text, reason, at), at)
      return
    }
    this.#topics.delete(text)
    if (NOT_NOW.test(reason)) {
      const waitMs = streams.refusals.refused(text, reason, at, { firstMs: SUBSCRIBE_AGAIN_MS })
      for (const stream of subscribed.streams) streams.postpone(stream, waitMs, at)
      return
    }
    for (const stream of subscribed.streams) {
      if (this.#hasOtherTopic(stream, text)) streams.connection('refused', `${text}: ${reason}`, at)
      else {
        this.#data.forget(stream)
        streams.refuse(stream, reason, at)
      }
    }
  }

  /** A stream of several topics (mark price, index, rate) lives on without one of them. */
  #hasOtherTopic(stream: Stream, refused: string): boolean {
    return topicsOf(stream).some(
      (text) => text !== refused && this.#topics.get(text)?.streams.includes(stream),
    )
  }

  /**
   * A topic that nobody here subscribed. Live it is the tail of one that was given up. In a log it is how the subscription
   * shows.
   */
  #learn(text: string, frame: string, path: readonly string[], at: Micros | null): Subscribed | null {
    const topic = readTopic(text)
    if (topic === null) throw unknown(frame, path)
    if (!this.#kit.init.adopt) return null
    const { instrument, channel } = topic
    // A public topic may name all contracts or a coin: its rows say whom they are about.
    const rows = isPublicTopic(text) && (instrument === null || contractParts(instrument) === null)
    if (instrument === null || channel === null || rows) return this.#topics.learn(topic, [])
    const stream = this.#row(instrument, channel, at)
    return this.#topics.learn(topic, stream === undefined ? [] : [stream])
  }

  /** The stream of one instrument out of a frame that may be about many. */
  #row(id: string, channel: Channel, at: Micros | null): Stream | undefined {
    const { streams, init } = this.#kit
    const held = streams.get(id, channel)
    if (!init.adopt || (held !== undefined && held.state !== 'leaving')) return held
    return streams.adopt(init.instruments.get(id) ?? unlistedInstrument(id), channel, at)
  }

  /** @returns the id to send. */
  #keep(action: Pending['action'], topic: string, leaving: readonly Stream[] = []): string {
    const id = String(this.#pending.next())
    this.#pending.keep(id, { action, topic, leaving })
    return id
  }

  #send(action: 'sub' | 'unsub', text: string, leaving: readonly Stream[]): void {
    this.#kit.sink.send(topicFrame(action, text, this.#keep(action, text, leaving)))
  }
}

function topicsOf({ instrument, channel }: Stream): readonly string[] {
  const plan = planTopics(instrument.instrument, channel)
  return 'topics' in plan ? plan.topics : []
}

function isFrame(value: LosslessValue): value is Frame {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknown(frame: string, path: readonly string[]): DecodeError {
  return new DecodeError('unknown_message', 'no message of the venue is like this', { path, head: frame })
}
