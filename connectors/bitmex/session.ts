import * as schema from '../../schemas/bitmex.js'
import type { Micros } from '../../schemas/events.js'
import type { Catalogue, CloseInfo, HttpResponse, Session, SessionInit, Sink } from '../../src/connector.js'
import { checker } from '../../src/decode/decoder.js'
import { type LosslessValue, readLossless } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import { RestBackfills } from '../../src/session/rest-backfill.js'
import { defineSession, type Protocol, type SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import type { Topics } from '../../src/venue/topics.js'
import { asksTooMany, readRequest, retryAfterMs } from './requests.js'
import { type Table, type TableTopic, tableNamed, tableTopics, topicsNamed } from './table-topics.js'
import { type TableMessage, Tables } from './tables.js'
import { channels, IGNORED_TABLES, splitTopic, TABLE_NAMES } from './topics.js'
import { bitmexTradeHistory } from './trade-rows.js'

/** Topics in one request; the venue takes 20. */
export const TOPICS_A_REQUEST = 18

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

export function bitmexSession(catalogue: Catalogue, init: SessionInit, sink: Sink): Session {
  return defineSession(
    { venue: 'bitmex', channels, policy: {}, catalogue, init, sink },
    (kit) => new BitmexProtocol(kit),
  )
}

/** The realtime API v1: topics are asked for, acked one by one, then each brings a partial and its changes. */
class BitmexProtocol implements Protocol {
  readonly #kit: SessionKit
  readonly #topics: Topics<Table>
  readonly #tables: Tables
  readonly #backfills: RestBackfills
  #topicsARequest = TOPICS_A_REQUEST

  constructor(kit: SessionKit) {
    this.#kit = kit
    this.#backfills = new RestBackfills(kit, bitmexTradeHistory(kit.init.endpoint.rest))
    this.#topics = tableTopics(kit, this.#backfills, () => this.#topicsARequest)
    this.#tables = new Tables(kit, this.#topics, this.#backfills)
  }

  /** The venue greets, but takes requests before that, and a gateway may not greet at all. */
  opened(): void {
    this.#kit.sink.ready()
  }

  subscribe(streams: readonly Stream[], at: Micros | null): void {
    this.#topics.subscribe(streams, at)
  }

  unsubscribe(streams: readonly Stream[], at: Micros | null): void {
    this.#topics.unsubscribe(streams, at)
  }

  resubscribe(stream: Stream, at: Micros | null): void {
    this.#topics.resubscribe(stream, at)
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
    const table = tableNamed(name ?? '')
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
    const table = tableNamed(name)
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
      for (const { name } of this.#named(ack.unsubscribe)) this.#topics.ended(name, at)
    } else if (ack.subscribe === undefined) return
    else if (!ack.success) {
      this.#refuse(this.#named(ack.subscribe), `the venue answered no to ${ack.subscribe}`, at)
    } else {
      const { table, symbol } = splitTopic(ack.subscribe)
      if (tableNamed(table) !== undefined && symbol !== null) this.#grant(ack.subscribe, at)
    }
  }

  #grant(name: string, at: Micros | null): void {
    if (this.#topics.granted(name, at) === undefined) return
    for (const what of [name, 'subscribe']) this.#kit.streams.refusals.forget(what)
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
      for (const { name } of topics) this.#topics.ended(name, at)
    } else if (/already subscribed/i.test(failure.error)) {
      for (const { name } of topics) this.#grant(name, at)
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
  #limited(topics: readonly TableTopic[], failure: schema.Failure, at: Micros | null): void {
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
    this.#topics.askLater(waiting, waitMs, at)
  }

  /** The venue takes fewer topics a request than it did. */
  #askLess(topics: readonly TableTopic[], limit: number, reason: string, at: Micros | null): void {
    const waiting = topics.filter(({ state }) => state === 'asked')
    if (waiting.length <= limit) {
      this.#refuse(topics, reason, at)
      return
    }
    this.#topicsARequest = Math.max(1, Math.min(limit, this.#topicsARequest))
    this.#topics.askAgain(
      waiting.map(({ name }) => name),
      at,
    )
  }

  /** Where the venue does not say which of several topics it refuses, those without an ack are asked for again one by one. */
  #refuse(topics: readonly TableTopic[], reason: string, at: Micros | null): void {
    const [topic] = topics
    const alone = topics.length === 1 && topic !== undefined
    if (!alone || !this.#topics.refused(topic.name, reason, at)) {
      this.#kit.streams.connection('refused', reason, at)
    }
  }

  #named(topic: string): TableTopic[] {
    const { table, symbol } = splitTopic(topic)
    return topicsNamed(this.#topics, table, symbol)
  }
}

function unknown(value: LosslessValue, frame: string): never {
  const multiplexed = Array.isArray(value) && ['0', '1', '2'].includes(String(value[0]))
  const what = multiplexed
    ? 'a frame of the multiplexed /realtimemd, which was removed years ago and is not supported'
    : 'a frame that is no table, ack, error or greeting'
  throw new DecodeError('unknown_message', what, { path: [], head: frame })
}
