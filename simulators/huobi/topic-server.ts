import { type Family, familyOf } from '../../connectors/huobi/symbols.js'
import { isPublicTopic, readTopic, type Topic } from '../../connectors/huobi/topics.js'
import type { Micros } from '../../schemas/events.js'
import { HighFrequencyTopic } from './high-frequency-topic.js'
import { findInstrument, type HuobiExchange, type HuobiInstrument, type TradePush } from './instruments.js'
import type { ServedTopic } from './served-topic.js'
import {
  BasisTopic,
  DetailTopic,
  IndexTopic,
  KlineTopic,
  TickersTopic,
  TickerTopic,
} from './statistics-topics.js'
import { DepthTopic, MbpTopic, QuoteTopic, RefreshTopic, TradesTopic } from './topics.js'

/** The market sockets by what they serve. `spot` also serves coin-margined futures, whose own host has the same path. */
export type SocketKind = 'spot' | 'feed' | 'swap' | 'linear' | 'index'

/** The pairs that have `mbp.20`. */
const TWENTY_LEVELS = new Set(['btcusdt', 'ethusdt'])

export type FoundTopic =
  | { readonly topic: Topic; readonly instrument: HuobiInstrument }
  | { readonly refused: string }

/** The topic that a client means, or the words in which the venue refuses it. */
export function topicOfRequest(exchange: HuobiExchange, kind: SocketKind, text: string): FoundTopic {
  const invalid = { refused: `invalid topic ${text}` }
  const read = isPublicTopic(text) ? null : readTopic(text)
  if (read === null || (read.form === 'unused' && !INDEX_TOPICS.test(text))) return invalid
  if (read.form === 'tickers') {
    const [first] = exchange.instruments.values()
    return kind !== 'spot' || first === undefined ? invalid : { topic: read, instrument: first }
  }
  const id = read.instrument ?? ''
  const instrument = findInstrument(exchange, id)
  if (instrument === undefined) {
    const spot = (kind === 'spot' || kind === 'feed') && familyOf(id) === 'spot'
    return spot && id === id.toLowerCase() ? { refused: `invalid symbol ${id}` } : invalid
  }
  const { facts, status } = instrument
  if (!serves(kind, facts.family, read)) return invalid
  if (facts.family !== 'spot') return { topic: upperCase(read, id), instrument }
  return status === 'open' ? { topic: read, instrument } : { refused: `symbol:${id} trade not open now ` }
}

/** Which topics which socket takes: the rest is refused there. */
function serves(kind: SocketKind, family: Family, { form, text, depth, detail }: Topic): boolean {
  if (form === 'index' || form === 'unused') return kind === 'index' && family !== 'spot'
  if (kind === 'index') return false
  if (kind === 'feed')
    return family === 'spot' && (form === 'refresh' || (form === 'mbp' && hasLevels(text, depth)))
  const served: Family[] = kind === 'spot' ? ['spot', 'futures'] : [kind]
  if (!served.includes(family)) return false
  const spot = family === 'spot'
  if (form === 'mbp') return false
  if (form === 'high-frequency') return !spot && (depth === 20 || depth === 150)
  if (form === 'refresh' || text.endsWith('.ticker')) return spot
  if (form === 'depth') return Number(/step(\d+)/.exec(text)?.[1]) <= (spot ? 5 : 19)
  return form !== 'kline' || spot || detail !== '1y'
}

function hasLevels(text: string, depth: number | null): boolean {
  if (depth === 20) return TWENTY_LEVELS.has(text.split('.')[1] ?? '')
  return depth === 5 || depth === 150 || depth === 400
}

/** Subscribes of the derivatives are taken in any case; pushes are in upper case. */
function upperCase(topic: Topic, id: string): Topic {
  const upper = id.toUpperCase()
  return { ...topic, text: topic.text.replace(`.${id}.`, `.${upper}.`), instrument: upper }
}

/** Topics of the index socket that have no event here. */
const INDEX_TOPICS = /\.(?:premium_index|basis)\./

/** The topics that somebody subscribed, each served once for all. */
export class TopicServer {
  readonly #exchange: HuobiExchange
  readonly #served = new Map<string, ServedTopic>()

  constructor(exchange: HuobiExchange) {
    this.#exchange = exchange
  }

  serve(topic: Topic, instrument: HuobiInstrument): ServedTopic {
    let served = this.#served.get(topic.text)
    if (served === undefined) {
      served = make(topic, instrument, this.#exchange)
      this.#served.set(topic.text, served)
      this.#pace(served)
    }
    return served
  }

  /** A topic that is asked for once and never subscribed. */
  peek(topic: Topic, instrument: HuobiInstrument): ServedTopic {
    return this.#served.get(topic.text) ?? make(topic, instrument, this.#exchange)
  }

  drop(text: string): void {
    this.#served.delete(text)
  }

  stepped(instrument: HuobiInstrument, push: TradePush | null, at: Micros): void {
    for (const topic of this.#served.values()) {
      if (topic.instrument === instrument) topic.stepped(push, at)
    }
  }

  /** Pushes as long as the topic is served, and its market moves. */
  #pace(topic: ServedTopic): void {
    const { everyMs } = topic
    if (everyMs === null) return
    this.#exchange.timers.after(everyMs * 1000, () => {
      if (this.#served.get(topic.topic.text) !== topic) return
      if (this.#exchange.moves(topic.instrument)) topic.pushed(this.#exchange.now)
      this.#pace(topic)
    })
  }
}

function make(topic: Topic, instrument: HuobiInstrument, exchange: HuobiExchange): ServedTopic {
  switch (topic.form) {
    case 'trades':
      return new TradesTopic(topic, instrument, exchange)
    case 'mbp':
      return new MbpTopic(topic, instrument, exchange)
    case 'refresh':
      return new RefreshTopic(topic, instrument, exchange)
    case 'high-frequency':
      return new HighFrequencyTopic(topic, instrument, exchange)
    case 'quote':
      return new QuoteTopic(topic, instrument, exchange)
    case 'detail':
      return topic.text.endsWith('.ticker')
        ? new TickerTopic(topic, instrument, exchange)
        : new DetailTopic(topic, instrument, exchange)
    case 'tickers':
      return new TickersTopic(topic, instrument, exchange)
    case 'kline':
      return new KlineTopic(topic, instrument, exchange)
    case 'index':
      return new IndexTopic(topic, instrument, exchange)
    case 'unused':
      return topic.text.includes('.basis.')
        ? new BasisTopic(topic, instrument, exchange)
        : new IndexTopic(topic, instrument, exchange)
    default:
      return new DepthTopic(topic, instrument, exchange)
  }
}
