import * as schema from '../../schemas/bitmex.js'
import type { Micros } from '../../schemas/events.js'
import type {
  Catalogue,
  CloseInfo,
  HttpResponse,
  Instrument,
  Session,
  SessionInit,
  Sink,
} from '../../src/connector.js'
import { checker } from '../../src/decode/decoder.js'
import { type LosslessValue, readLossless } from '../../src/decode/lossless.js'
import { DecodeError, TapewireError } from '../../src/errors.js'
import { RestBackfills } from '../../src/session/rest-backfill.js'
import { defineSession, type Protocol, type SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { guess, undescribed } from './guess.js'
import { emitInstrument } from './instrument-rows.js'
import { asksTooMany, readRequest, retryAfterMs } from './requests.js'
import { type TableMessage, Tables } from './tables.js'
import { type Topic, TopicRegistry } from './topic-registry.js'
import {
  channels,
  channelsOf,
  IGNORED_TABLES,
  splitTopic,
  TABLE_NAMES,
  type TableName,
  tableOf,
} from './topics.js'
import { bitmexTradeHistory } from './trade-rows.js'

/** Topics in one request; the venue takes 20. */
export const TOPICS_A_REQUEST = 18

/** Streams of one topic time out together: what was asked for within this is not asked for again. */
const ASKED_JUST_NOW_MS = 1000

/** The longest wait of the vendor's own advice on reconnecting. */
const EXHAUSTED_MS = 60_000

/** The close code of a deployment. */
export const RESTARTS = 1012

/** The vendor's advice for overload and downtime. */
const AFTER_SERVER_ERROR_MS = 5000

const checkInfo = checker(schema.info)
const checkAck = checker(schema.ack)
const checkFailure = checker(schema.failure)
const checkIgnored = checker(schema.ignoredTable)

/** Nothing, or an object that does not begin as an ack, an error or a greeting does. */
const MAYBE_TABLE = /^$|^\{(?!"(?:success|status|error|info)")/

const TABLES: ReadonlyMap<string, TableName> = new Map(TABLE_NAMES.map((table) => [table, table]))

export function bitmexSession(catalogue: Catalogue, init: SessionInit, sink: Sink): Session {
  return defineSession(
    { venue: 'bitmex', channels, policy: {}, catalogue, init, sink },
    (kit) => new BitmexProtocol(kit),
  )
}

/** The realtime API v1: topics are asked for, acked one by one, then each brings a partial and its changes. */
class BitmexProtocol implements Protocol {
  readonly #kit: SessionKit
  readonly #topics = new TopicRegistry()
  readonly #tables: Tables
  readonly #backfills: RestBackfills
  #topicsARequest = TOPICS_A_REQUEST
  #retries = 0

  constructor(kit: SessionKit) {
    this.#kit = kit
    this.#backfills = new RestBackfills(kit, bitmexTradeHistory(kit.init.endpoint.rest))
    const topicOf = (table: TableName, symbol: string, at: Micros | null) => this.#topicOf(table, symbol, at)
    this.#tables = new Tables(kit, this.#topics, this.#backfills, topicOf)
  }

  /** The venue greets, but takes requests before that, and a gateway may not greet at all. */
  opened(): void {
    this.#kit.sink.ready()
  }

  subscribe(streams: readonly Stream[], at: Micros | null): void {
    const unasked: Topic[] = []
    for (const stream of streams) {
      const topic = this.#topics.open(requiredTable(stream), stream.instrument.instrument)
      if (!topic.streams.includes(stream)) topic.streams = [...topic.streams, stream]
      if (topic.state === 'unasked' || topic.state === 'leaving') unasked.push(topic)
      if (topic.state === 'granted') this.#join(topic, stream, at)
      else topic.state = 'asked'
    }
    this.#ask(unasked, at)
  }

  unsubscribe(streams: readonly Stream[]): void {
    const leaving: Topic[] = []
    for (const stream of streams) {
      this.#backfills.forget(stream)
      this.#kit.streams.remove(stream)
      const topic = this.#topics.find(requiredTable(stream), stream.instrument.instrument)
      if (topic === undefined) continue
      topic.streams = topic.streams.filter((other) => other !== stream)
      if (topic.streams.length > 0) continue
      topic.state = 'leaving'
      leaving.push(topic)
    }
    this.#send('unsubscribe', leaving)
  }

  resubscribe(stream: Stream, at: Micros | null): void {
    const topic = this.#topics.find(requiredTable(stream), stream.instrument.instrument)
    if (topic === undefined) return
    const { state, askedAt } = topic
    const justNow =
      at !== null && askedAt !== null && this.#kit.alarms.elapsedMs(askedAt, at) < ASKED_JUST_NOW_MS
    if (state === 'asked' && justNow) return
    if (state === 'granted') this.#send('unsubscribe', [topic])
    for (const each of topic.streams) this.#request(each, at)
    this.#ask([topic], at)
  }

  frame(data: string | Uint8Array, at: Micros | null): void {
    if (typeof data !== 'string') {
      throw new DecodeError('undecodable', 'BitMEX sends text, this is a binary frame', {
        path: [],
        head: '',
      })
    }
    if (data === 'pong') return
    const value = this.#readJson(data, at)
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return unknown(value, data)
    const { table } = value
    if (typeof table === 'string') this.#table(table, value, data, at)
    else if ('error' in value) this.#failed(checkFailure(value, data), at)
    else if ('success' in value) this.#acked(checkAck(value, data), at)
    else if ('info' in value) this.#greeted(checkInfo(value, data))
    else if (!('request' in value)) unknown(value, data)
  }

  response(response: HttpResponse, at: Micros | null): void {
    this.#backfills.response(response, at)
  }

  closed({ code, reason }: CloseInfo, at: Micros | null): void {
    if (code === RESTARTS) this.#kit.streams.connection('maintenance', reason, at)
  }

  // ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #readJson(data: string, at: Micros | null): LosslessValue {
    try {
      return readLossless(data)
    } catch (error) {
      this.#broken(data, at)
      throw error
    }
  }

  /**
   * An object that breaks off may have been a change of a table. Its head often still names which; where it does not, it
   * may have been any.
   */
  #broken(data: string, at: Micros | null): void {
    const name = /"table"\s*:\s*"(\w+)"/.exec(data)?.[1]
    const symbol = /"symbol"\s*:\s*"([^"]+)"/.exec(data)?.[1]
    const table = TABLES.get(name ?? '')
    if (table !== undefined) this.#tables.broken(table, symbol === undefined ? [] : [symbol], at)
    else if (name === undefined && MAYBE_TABLE.test(data)) {
      for (const each of TABLE_NAMES) this.#tables.broken(each, [], at)
    }
  }

  /**
   * The greeting says how many connections the venue will still take (40 an hour in 2021, 300 in 2026). With none left, another
   * one of this process would only be refused.
   */
  #greeted({ limit }: schema.Info): void {
    const remaining = limit?.remaining ?? null
    if (remaining !== null && remaining <= 0) this.#kit.sink.limited?.({ forMs: EXHAUSTED_MS })
  }

  #table(name: string, message: TableMessage, frame: string, at: Micros | null): void {
    const table = TABLES.get(name)
    if (table !== undefined) this.#tables.read(table, message, frame, at)
    else if (IGNORED_TABLES.has(name)) checkIgnored(message, frame)
    else
      throw new DecodeError('unknown_message', `BitMEX has no table ${name}`, {
        path: ['table'],
        head: frame,
      })
  }

  #acked(ack: schema.Ack, at: Micros | null): void {
    if (ack.unsubscribe !== undefined) {
      for (const topic of this.#named(ack.unsubscribe)) this.#left(topic)
      return
    }
    if (ack.subscribe === undefined) return
    if (!ack.success) {
      this.#refuse(this.#named(ack.subscribe), `the venue answered no to ${ack.subscribe}`, at)
      return
    }
    const { table: name, symbol } = splitTopic(ack.subscribe)
    const table = TABLES.get(name)
    if (table === undefined || symbol === null) return
    const topic = this.#topicOf(table, symbol, at)
    if (topic !== null) this.#grant(topic, at)
  }

  #grant(topic: Topic, at: Micros | null): void {
    if (topic.state === 'asked') topic.state = 'granted'
    for (const what of [topic.name, 'subscribe']) this.#kit.streams.refusals.forget(what)
    for (const stream of topic.streams) this.#kit.streams.ack(stream, at)
  }

  #left(topic: Topic): void {
    if (this.#kit.init.adopt) for (const stream of topic.streams) this.#kit.streams.remove(stream)
    else if (topic.state !== 'leaving') return
    this.#topics.delete(topic)
  }

  // ── Failures ────────────────────────────────────────────────────────────────────────────────────────────────────

  #failed(failure: schema.Failure, at: Micros | null): void {
    const request = readRequest(failure)
    const status = failure.status ?? 400
    const limit = asksTooMany(failure)
    const topics = request.named.flatMap((topic) => this.#named(topic))
    if (this.#kit.init.adopt) {
      this.#kit.streams.connection('refused', `${status}: ${failure.error}`, at)
    } else if (request.op === 'unsubscribe') {
      // What was to go is not there: the same as gone.
      for (const topic of topics) this.#left(topic)
    } else if (/already subscribed/i.test(failure.error)) {
      for (const topic of topics) this.#grant(topic, at)
    } else if (status === 429) {
      this.#limited(topics, failure, at)
    } else if (status >= 500) {
      this.#kit.sink.reconnect(failure.error, { afterMs: AFTER_SERVER_ERROR_MS })
    } else if (limit !== null) {
      this.#askLess(topics, limit, failure.error, at)
    } else {
      this.#refuse(topics, `${status}: ${failure.error}`, at)
    }
  }

  /** Asked for again when the venue says; a limit that names no topics is one of the connection. */
  #limited(topics: readonly Topic[], failure: schema.Failure, at: Micros | null): void {
    const afterMs = retryAfterMs(failure)
    const waiting = topics.filter(({ state }) => state === 'asked')
    if (waiting.length === 0) {
      this.#kit.sink.limited?.({ forMs: afterMs })
      this.#kit.sink.reconnect(failure.error, { afterMs })
      return
    }
    const [first] = waiting
    const what = waiting.length === 1 && first !== undefined ? first.name : 'subscribe'
    const reason = `429: ${failure.error}; asked again in ${afterMs} ms`
    const waitMs = this.#kit.streams.refusals.refused(what, reason, at, { firstMs: afterMs })
    if (at === null) return
    for (const topic of waiting) for (const stream of topic.streams) this.#request(stream, at + waitMs * 1000)
    this.#kit.alarms.set(`retry ${this.#retries++}`, at, waitMs, (now) => {
      this.#ask(
        waiting.filter(({ state }) => state === 'asked'),
        now,
      )
    })
  }

  /** The venue takes fewer topics a request than it did. */
  #askLess(topics: readonly Topic[], limit: number, reason: string, at: Micros | null): void {
    const waiting = topics.filter(({ state }) => state === 'asked')
    if (waiting.length <= limit) {
      this.#refuse(topics, reason, at)
      return
    }
    this.#topicsARequest = Math.max(1, Math.min(limit, this.#topicsARequest))
    this.#ask(waiting, at)
  }

  /** Where the venue does not say which of several topics it refuses, those without an ack are asked for again one by one. */
  #refuse(topics: readonly Topic[], reason: string, at: Micros | null): void {
    const [topic] = topics
    if (topics.length !== 1 || topic === undefined) {
      this.#kit.streams.connection('refused', reason, at)
      return
    }
    for (const stream of topic.streams) this.#kit.streams.refuse(stream, reason, at)
    this.#topics.delete(topic)
  }

  // ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

  #ask(topics: readonly Topic[], at: Micros | null): void {
    for (const topic of topics) {
      topic.state = 'asked'
      topic.askedAt = at
      topic.imaged = false
    }
    this.#send('subscribe', topics)
  }

  #send(op: 'subscribe' | 'unsubscribe', topics: readonly Topic[]): void {
    if (this.#kit.init.adopt) return
    for (let start = 0; start < topics.length; start += this.#topicsARequest) {
      const args = topics.slice(start, start + this.#topicsARequest).map(({ name }) => name)
      this.#kit.sink.send(JSON.stringify({ op, args }))
    }
  }

  #request(stream: Stream, at: Micros | null): void {
    this.#backfills.forget(stream)
    this.#kit.streams.leave(stream)
    this.#kit.streams.request({ instrument: stream.instrument, channel: stream.channel }, at)
  }

  /** A further channel of a topic that is here already (derivative beside ticker) begins with what is held. */
  #join(topic: Topic, stream: Stream, at: Micros | null): void {
    this.#kit.streams.ack(stream, at)
    if (topic.instrument !== null && topic.imaged) {
      emitInstrument(this.#kit.streams, [stream], topic.instrument, null, at)
    }
  }

  // ── Topics ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The topic of a table and symbol. A log makes its topics known by its acks and rows; live, only what was asked for counts. */
  #topicOf(table: TableName, symbol: string, at: Micros | null): Topic | null {
    const held = this.#topics.find(table, symbol)
    if (held !== undefined) return held
    const { init, streams } = this.#kit
    if (!init.adopt) return null
    const instrument = init.instruments.get(symbol) ?? guess(symbol) ?? undescribed(symbol)
    const topic = this.#topics.open(table, symbol)
    topic.state = 'granted'
    topic.streams = channelsOf(table)
      .filter((channel) => serves(channel, instrument))
      .map((channel) => streams.adopt(instrument, channel, at))
    return topic
  }

  /** The topics on this connection that a topic of the wire names: one, or a whole table. */
  #named(topic: string): Topic[] {
    const { table: name, symbol } = splitTopic(topic)
    const table = TABLES.get(name)
    return table === undefined ? [] : this.#topics.of(table, symbol)
  }
}

function requiredTable(stream: Stream): TableName {
  const table = tableOf(stream.channel)
  if (table === undefined) throw new TapewireError('internal', `BitMEX has no table for ${stream.channel}`)
  return table
}

function serves(channel: Stream['channel'], instrument: Instrument): boolean {
  const spec = channels.find(({ kind }) => channel === kind || channel.startsWith(`${kind}:`))
  return spec?.markets.includes(instrument.market) ?? false
}

function unknown(value: LosslessValue, frame: string): never {
  const multiplexed = Array.isArray(value) && ['0', '1', '2'].includes(String(value[0]))
  const what = multiplexed
    ? 'a frame of the multiplexed /realtimemd, which was removed years ago and is not supported'
    : 'a frame that is no table, ack, error or greeting'
  throw new DecodeError('unknown_message', what, { path: [], head: frame })
}
