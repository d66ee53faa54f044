import type { Topic } from '../../connectors/huobi/topics.js'
import type { Level, Micros } from '../../schemas/events.js'
import { changedLevels, type Window } from '../kit/book-window.js'
import { longId, withExponent } from '../kit/spoilt-values.js'
import { printed, printedLevels, printedTrade, type TradeQuirks } from './frames.js'
import type { HuobiExchange, HuobiInstrument, TradePush } from './instruments.js'
import { merged } from './merged-levels.js'
import { ServedTopic, type TopicRequest, type TopicSubscriber } from './served-topic.js'

/** `trade.detail` */
export class TradesTopic extends ServedTopic {
  /** The last trades before the client came. */
  override first(subscriber: TopicSubscriber): void {
    const { lastPush } = this.instrument
    if (lastPush !== null) subscriber.send(this.#text(lastPush, {}))
  }

  override stepped(push: TradePush | null): void {
    if (push === null) return
    for (const subscriber of this.subscribers) {
      if (subscriber.faults.take('trade-lost')) continue
      subscriber.sendTrade(this, this.#text(push, this.#quirks(subscriber, push)))
    }
  }

  /** Recent trades, newest first. */
  override data(): string {
    const { facts, pushes } = this.instrument
    const rows = pushes.toReversed().flatMap(({ at, trades }) => {
      const newestFirst = facts.family === 'spot' ? trades : trades.toReversed()
      return newestFirst.map((trade) => printedTrade(facts, trade, this.ms(at)))
    })
    return `[${rows.slice(0, 300).join(',')}]`
  }

  #quirks({ faults }: TopicSubscriber, push: TradePush): TradeQuirks {
    const price = push.trades[0]?.price ?? '1'
    return {
      ...(faults.take('price-null') ? { price: 'null' } : {}),
      ...(faults.take('price-nan') ? { price: 'NaN' } : {}),
      ...(faults.take('price-exponent') ? { price: withExponent(price) } : {}),
      ...(faults.take('field-missing') ? { price: '' } : {}),
      ...(faults.take('field-new') ? { extra: ',"unheard":{"of":[1,null]}' } : {}),
      ...(faults.take('id-long') ? { id: longId(push.id) } : {}),
      ...(faults.take('trade-no-side') ? { direction: '' } : {}),
    }
  }

  #text({ id, at, trades }: TradePush, quirks: TradeQuirks): string {
    const { facts } = this.instrument
    const ms = this.ms(at)
    const rows = trades.map((trade, index) => printedTrade(facts, trade, ms, index === 0 ? quirks : {}))
    return this.frameOf(at, `"id":${id},"ts":${ms},"data":[${rows.join(',')}]`)
  }
}

/** What each step merges, in units of the last decimal of the price. */
const SPOT_MERGES = [1n, 10n, 100n, 1000n, 5000n, 100_000n]
const CONTRACT_MERGES = [
  ...[1n, 10n, 100n, 1000n, 10_000n, 100_000n],
  ...[1n, 10n, 100n, 1000n, 10_000n, 100_000n],
  ...[2n, 5n, 2n, 5n, 20n, 50n, 20n, 50n],
]

/** `depth.stepN`: about once a second on spot; ten times on derivatives, when it changed and at least once a second. */
export class DepthTopic extends ServedTopic {
  override readonly everyMs: number
  #sentCounter = 0n
  #sentAt: Micros = 0

  constructor(topic: Topic, instrument: HuobiInstrument, exchange: HuobiExchange) {
    super(topic, instrument, exchange)
    this.everyMs = instrument.facts.family === 'spot' ? 1_010 : 100
  }

  override first(subscriber: TopicSubscriber, at: Micros): void {
    const { faults } = subscriber
    const tick = this.#tick(at, faults.take('book-one-sided'), faults.take('book-null-sides'))
    subscriber.send(this.frameOf(at, tick))
  }

  override pushed(at: Micros): void {
    const { counter, facts } = this.instrument
    if (facts.family !== 'spot' && counter === this.#sentCounter && at - this.#sentAt < 1_000_000) return
    this.#sentCounter = counter
    this.#sentAt = at
    for (const subscriber of this.subscribers) {
      if (!subscriber.faults.take('update-lost')) this.first(subscriber, at)
    }
  }

  override data(_request: TopicRequest, at: Micros): string {
    return `{${this.#tick(at, false, false)}}`
  }

  #tick(at: Micros, oneSided: boolean, without: boolean): string {
    const { facts, counter } = this.instrument
    const step = Number(/step(\d+)/.exec(this.topic.text)?.[1] ?? '0')
    const multiple = (facts.family === 'spot' ? SPOT_MERGES : CONTRACT_MERGES)[step] ?? 1n
    const depth = this.topic.depth ?? 150
    const book = merged(this.window(150), multiple, facts.shape.priceDecimals, depth)
    const bids = oneSided || without ? '' : `"bids":${printedLevels(facts, book.bids)},`
    const sides = without ? '' : `${bids}"asks":${printedLevels(facts, book.asks)},`
    const ms = this.ms(at)
    if (facts.family === 'spot') return `${sides}"version":${counter},"ts":${ms - 2}`
    const seconds = Math.floor(ms / 1000)
    const name = `"version":${seconds},"ch":"${this.topic.text}"`
    return `"mrid":${counter},"id":${seconds},${sides}"ts":${ms - 1},${name}`
  }
}

/** `mbp.refresh.N`: the whole top N ten times a second, when it changed. */
export class RefreshTopic extends ServedTopic {
  override readonly everyMs = 100

  override frame(at: Micros): string {
    return this.frameOf(at, `"seqNum":${this.instrument.counter},${this.#sides()}`)
  }

  override changes(): string {
    return this.#sides()
  }

  #sides(): string {
    const { facts } = this.instrument
    const { bids, asks } = this.window(this.topic.depth ?? 5)
    return `"bids":${printedLevels(facts, bids)},"asks":${printedLevels(facts, asks)}`
  }
}

/** Snapshots that are kept for answers: an answer may be that many deltas old. */
const KEPT_SNAPSHOTS = 21

/** `mbp.N`: deltas without a snapshot; the snapshot is the answer of a `req` and older than the stream. */
export class MbpTopic extends ServedTopic {
  override readonly everyMs: number | null
  readonly #levels: number
  #last: bigint
  #window: Window
  readonly #snapshots: { readonly counter: bigint; readonly window: Window }[] = []
  /** The number that the next delta follows, where the one before it was lost under right numbers. */
  readonly #follows = new Map<TopicSubscriber, bigint>()

  constructor(topic: Topic, instrument: HuobiInstrument, exchange: HuobiExchange) {
    super(topic, instrument, exchange)
    this.#levels = topic.depth ?? 150
    this.everyMs = this.#levels >= 150 ? 100 : null
    this.#last = instrument.counter
    this.#window = this.window(this.#levels)
    this.#keep()
  }

  override stepped(_push: TradePush | null, at: Micros): void {
    if (this.everyMs === null) this.#delta(this.instrument.counter, at)
  }

  override pushed(at: Micros): void {
    this.#delta(this.instrument.counter, at)
  }

  override left(subscriber: TopicSubscriber): void {
    this.#follows.delete(subscriber)
  }

  /** A snapshot some deltas back, now and then none at all. */
  override data({ subscriber: { faults } }: TopicRequest): string | null {
    const { random } = this.exchange
    if (faults.take('snapshot-never') || random.chance(0.005)) return null
    if (faults.take('snapshot-null') || random.chance(0.03)) return 'null'
    const usual = random.chance(0.75) ? random.integer(1, 4) : random.integer(5, 20)
    const lag = faults.take('snapshot-stale') ? KEPT_SNAPSHOTS : usual
    const kept = this.#snapshots[Math.max(0, this.#snapshots.length - 1 - lag)]
    if (kept === undefined) return 'null'
    const { facts } = this.instrument
    const { bids, asks } = kept.window
    const levels = `"bids":${printedLevels(facts, bids)},"asks":${printedLevels(facts, asks)}`
    return `{"seqNum":${kept.counter},${levels}}`
  }

  #delta(counter: bigint, at: Micros): void {
    const window = this.window(this.#levels)
    const { bids, asks } = changedLevels(this.#window, window)
    if (bids.length + asks.length === 0) return
    for (const subscriber of this.subscribers) {
      const previous = this.#follows.get(subscriber) ?? this.#last
      this.#follows.delete(subscriber)
      if (subscriber.faults.take('update-lost')) {
        this.#follows.set(subscriber, previous)
        continue
      }
      const reset = subscriber.faults.take('sequence-reset')
      const seqNum = reset ? 1n : counter
      subscriber.sendDelta(this, bids, asks, (b, a) =>
        this.frameOf(at, `"seqNum":${seqNum},"prevSeqNum":${reset ? 0n : previous}${this.#sides(b, a)}`),
      )
    }
    this.#last = counter
    this.#window = window
    this.#keep()
  }

  #keep(): void {
    this.#snapshots.push({ counter: this.#last, window: this.#window })
    if (this.#snapshots.length > KEPT_SNAPSHOTS) this.#snapshots.shift()
  }

  /** An untouched side is left out at 5 and 20 levels, and empty at 150 and 400. */
  #sides(bids: readonly Level[], asks: readonly Level[]): string {
    const { facts } = this.instrument
    const always = this.#levels >= 150
    const shown = (name: string, side: readonly Level[]) =>
      always || side.length > 0 ? `,"${name}":${printedLevels(facts, side)}` : ''
    return shown('bids', bids) + shown('asks', asks)
  }
}

/** `bbo` */
export class QuoteTopic extends ServedTopic {
  override frame(at: Micros): string {
    return this.frameOf(at, this.#tick(at))
  }

  override stepped(_push: TradePush | null, at: Micros): void {
    this.pushOnce(JSON.stringify(this.instrument.market.book.best()), this.frame(at))
  }

  #tick(at: Micros): string {
    const { facts, counter, market } = this.instrument
    const { bid, ask } = market.book.best()
    const ms = this.ms(at)
    if (facts.family === 'spot') {
      const side = (name: string, level: Level | null) =>
        `"${name}":${printed(facts, level?.[0] ?? '0')},"${name}Size":${printed(facts, level?.[1] ?? '0')}`
      const sides = `${side('ask', ask)},${side('bid', bid)}`
      return `"seqId":${counter},${sides},"quoteTime":${ms},"symbol":"${facts.id}"`
    }
    const side = (name: string, level: Level | null) =>
      level === null ? '' : `"${name}":[${level[0]},${level[1]}],`
    const ids = `"mrid":${counter},"id":${Math.floor(ms / 1000)}`
    return `${ids},${side('bid', bid)}${side('ask', ask)}"ts":${ms},"version":${counter},"ch":"${this.topic.text}"`
  }
}
