import type { Topic } from '../../connectors/huobi/topics.js'
import type { Level, Micros } from '../../schemas/events.js'
import type { Window } from '../kit/book-window.js'
import type { PendingFaults } from '../kit/pending-faults.js'
import type { HuobiExchange, HuobiInstrument, TradePush } from './instruments.js'

/** A connection as a topic sees it. */
export interface TopicSubscriber {
  readonly faults: PendingFaults
  send(text: string): void
  /** A change of a numbered book, unless a fault spoils it. */
  sendDelta(
    topic: ServedTopic,
    bids: Level[],
    asks: Level[],
    text: (bids: Level[], asks: Level[]) => string,
  ): void
  /** A push of trades, unless a fault spoils it. */
  sendTrade(topic: ServedTopic, text: string): void
}

/** What a `req` asks for beside its topic, in seconds. */
export interface TopicRequest {
  readonly subscriber: TopicSubscriber
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/**
 * One topic as the venue serves it to everyone who subscribed. Where nothing else is said it has one frame, which comes right
 * after the ack and then at a pace, when it changed.
 */
export abstract class ServedTopic {
  /** The pace of pushes; null where only steps of the market bring news. */
  readonly everyMs: number | null = null
  readonly topic: Topic
  readonly instrument: HuobiInstrument
  readonly exchange: HuobiExchange
  readonly subscribers = new Set<TopicSubscriber>()
  /** What the last push stood for. */
  #pushed: unknown

  constructor(topic: Topic, instrument: HuobiInstrument, exchange: HuobiExchange) {
    this.topic = topic
    this.instrument = instrument
    this.exchange = exchange
  }

  /** The frame as it stands; null where the topic has none of its own. */
  frame(_at: Micros): string | null {
    return null
  }

  /** What has to differ from the last push for another one. @default everything does */
  changes(_at: Micros): unknown {
    return Symbol('always')
  }

  /** What a subscription begins with, right after (on derivatives: around) its ack. */
  first(subscriber: TopicSubscriber, at: Micros): void {
    const frame = this.frame(at)
    if (frame !== null) subscriber.send(frame)
  }

  /** A client unsubscribed, or is gone. */
  left(_subscriber: TopicSubscriber): void {}

  /** The market took a step. */
  stepped(_push: TradePush | null, _at: Micros): void {}

  /** The moment of a push has come. */
  pushed(at: Micros): void {
    const changes = this.changes(at)
    const frame = this.frame(at)
    if (frame !== null) this.pushOnce(changes, frame)
  }

  /** The data of the answer to a `req`; null where the venue stays silent, undefined where the topic has none. */
  data(_request: TopicRequest, _at: Micros): string | null | undefined {
    return undefined
  }

  /** Pushes a frame to everybody, unless it stands for the same as the last. */
  protected pushOnce(changes: unknown, frame: string): void {
    if (changes === this.#pushed) return
    this.#pushed = changes
    for (const subscriber of this.subscribers) subscriber.send(frame)
  }

  /** The book as deep as the topic shows it. */
  protected window(levels: number): Window {
    return this.instrument.market.book.top(levels)
  }

  protected frameOf(at: Micros, tick: string): string {
    return `{"ch":"${this.topic.text}","ts":${this.ms(at)},"tick":{${tick}}}`
  }

  protected ms(at: Micros): number {
    return this.exchange.clock.ms(at)
  }
}
