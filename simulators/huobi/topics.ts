import type { Topic } from '../../connectors/huobi/topics.js'
import type { Level, Micros } from '../../schemas/events.js'
import { printed, printedLevels, printedTrade, type TradeQuirks } from './frames.js'
import type { SimulatedInstrument, TradePush } from './instruments.js'
import type { Scene } from './scene.js'
import type { TopicSubscriber } from './topic-subscriber.js'
import { difference, merged, type Window } from './window.js'

/** One topic as the venue serves it to everyone who subscribed. */
export abstract class ServedTopic {
  readonly topic: Topic
  readonly instrument: SimulatedInstrument
  readonly scene: Scene
  readonly subscribers = new Set<TopicSubscriber>()
  #due: Micros | null = null

  constructor(topic: Topic, instrument: SimulatedInstrument, scene: Scene) {
    this.topic = topic
    this.instrument = instrument
    this.scene = scene
  }

  /** The pace of {@link pushed}; null where only steps of the market bring news. */
  abstract readonly everyMs: number | null

  /** What a subscription begins with, right after (on derivatives: around) its ack. */
  first(_socket: TopicSubscriber, _at: Micros): void {}

  /** A client unsubscribed, or is gone. */
  left(_socket: TopicSubscriber): void {}

  /** The market took a step. */
  stepped(_push: TradePush | null, _changed: boolean, _at: Micros): void {}

  /** The moment of a push has come. */
  pushed(_at: Micros): void {}

  advance(at: Micros): void {
    if (this.everyMs === null || at < this.instrument.mutedUntil || this.instrument.status !== 'open') return
    this.#due ??= at + this.everyMs * 1000
    if (at < this.#due) return
    this.#due = at + this.everyMs * 1000
    this.pushed(at)
  }

  /** The book as deep as the venue ever shows it. */
  protected window(levels: number): Window {
    return this.instrument.market.book.top(levels)
  }

  protected frame(at: Micros, tick: string): string {
    return `{"ch":"${this.topic.text}","ts":${this.scene.ms(at)},"tick":{${tick}}}`
  }

  protected sendAll(text: string): void {
    for (const socket of this.subscribers) socket.send(text)
  }
}

/** `trade.detail` */
export class TradesTopic extends ServedTopic {
  readonly everyMs = null

  /** The last trades before the client came. */
  override first(socket: TopicSubscriber): void {
    const { lastPush } = this.instrument
    if (lastPush !== null) socket.send(this.#text(lastPush, {}))
  }

  override stepped(push: TradePush | null): void {
    if (push === null) return
    for (const socket of this.subscribers) {
      if (socket.faults.take('trade-lost')) continue
      socket.sendTrade(this, this.#text(push, this.#quirks(socket, push)))
    }
  }

  /** The answer of a `req`: recent trades, newest first. */
  recent(): string {
    const { facts, pushes } = this.instrument
    const rows = pushes.toReversed().flatMap(({ at, trades }) => {
      const newestFirst = facts.family === 'spot' ? trades : trades.toReversed()
      return newestFirst.map((trade) => printedTrade(facts, trade, this.scene.ms(at)))
    })
    return `[${rows.slice(0, 300).join(',')}]`
  }

  #quirks({ faults }: TopicSubscriber, push: TradePush): TradeQuirks {
    const price = push.trades[0]?.price ?? '1'
    return {
      ...(faults.take('price-null') ? { price: 'null' } : {}),
      ...(faults.take('price-nan') ? { price: 'NaN' } : {}),
      ...(faults.take('price-exponent') ? { price: `${price.replace('.', '')}E-${decimalsOf(price)}` } : {}),
      ...(faults.take('field-missing') ? { price: '' } : {}),
      ...(faults.take('field-new') ? { extra: ',"unheard":{"of":[1,null]}' } : {}),
      ...(faults.take('id-long') ? { id: `9${push.id.padStart(20, '0').slice(-20)}` } : {}),
      ...(faults.take('trade-no-side') ? { direction: '' } : {}),
    }
  }

  #text({ id, at, trades }: TradePush, quirks: TradeQuirks): string {
    const { facts } = this.instrument
    const ms = this.scene.ms(at)
    const rows = trades.map((trade, index) => printedTrade(facts, trade, ms, index === 0 ? quirks : {}))
    return this.frame(at, `"id":${id},"ts":${ms},"data":[${rows.join(',')}]`)
  }
}

function decimalsOf(price: string): number {
  const point = price.indexOf('.')
  return point === -1 ? 0 : price.length - point - 1
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
  readonly everyMs: number
  #sentCounter = 0n
  #sentAt: Micros = 0

  constructor(topic: Topic, instrument: SimulatedInstrument, scene: Scene) {
    super(topic, instrument, scene)
    this.everyMs = instrument.facts.family === 'spot' ? 1_010 : 100
  }

  override first(socket: TopicSubscriber, at: Micros): void {
    socket.send(this.#text(at, socket.faults.take('book-one-sided'), socket.faults.take('book-null-sides')))
  }

  override pushed(at: Micros): void {
    const { counter, facts } = this.instrument
    if (facts.family !== 'spot' && counter === this.#sentCounter && at - this.#sentAt < 1_000_000) return
    this.#sentCounter = counter
    this.#sentAt = at
    for (const socket of this.subscribers) {
      if (socket.faults.take('update-lost')) continue
      socket.send(this.#text(at, socket.faults.take('book-one-sided'), socket.faults.take('book-null-sides')))
    }
  }

  #text(at: Micros, oneSided: boolean, without: boolean): string {
    const { facts, counter } = this.instrument
    const step = Number(/step(\d+)/.exec(this.topic.text)?.[1] ?? '0')
    const multiple = (facts.family === 'spot' ? SPOT_MERGES : CONTRACT_MERGES)[step] ?? 1n
    const depth = this.topic.depth ?? 150
    const book = merged(this.window(150), multiple, facts.shape.priceDecimals, depth)
    const bids = oneSided || without ? '' : `"bids":${printedLevels(facts, book.bids)},`
    const sides = without ? '' : `${bids}"asks":${printedLevels(facts, book.asks)},`
    const ms = this.scene.ms(at)
    if (facts.family === 'spot') return this.frame(at, `${sides}"version":${counter},"ts":${ms - 2}`)
    const seconds = Math.floor(ms / 1000)
    const name = `"version":${seconds},"ch":"${this.topic.text}"`
    return this.frame(at, `"mrid":${counter},"id":${seconds},${sides}"ts":${ms - 1},${name}`)
  }
}

/** `mbp.refresh.N`: the whole top N ten times a second, when it changed. */
export class RefreshTopic extends ServedTopic {
  readonly everyMs = 100
  #sent = ''

  override first(socket: TopicSubscriber, at: Micros): void {
    socket.send(this.frame(at, this.#tick()))
  }

  override pushed(at: Micros): void {
    const { facts } = this.instrument
    const { bids, asks } = this.window(this.topic.depth ?? 5)
    const levels = printedLevels(facts, bids) + printedLevels(facts, asks)
    if (levels === this.#sent) return
    this.#sent = levels
    this.sendAll(this.frame(at, this.#tick()))
  }

  #tick(): string {
    const { facts, counter } = this.instrument
    const { bids, asks } = this.window(this.topic.depth ?? 5)
    return `"seqNum":${counter},"bids":${printedLevels(facts, bids)},"asks":${printedLevels(facts, asks)}`
  }
}

/** Snapshots that are kept for answers: an answer may be that many deltas old. */
const KEPT_SNAPSHOTS = 21

/** `mbp.N`: deltas without a snapshot; the snapshot is the answer of a `req` and older than the stream. */
export class MbpTopic extends ServedTopic {
  readonly everyMs: number | null
  readonly #levels: number
  #last: bigint
  #window: Window
  readonly #snapshots: { readonly counter: bigint; readonly window: Window }[] = []
  /** The number that the next delta follows, where the one before it was lost under right numbers. */
  readonly #follows = new Map<TopicSubscriber, bigint>()

  constructor(topic: Topic, instrument: SimulatedInstrument, scene: Scene) {
    super(topic, instrument, scene)
    this.#levels = topic.depth ?? 150
    this.everyMs = this.#levels >= 150 ? 100 : null
    this.#last = instrument.counter
    this.#window = this.window(this.#levels)
    this.#keep()
  }

  override stepped(_push: TradePush | null, _changed: boolean, at: Micros): void {
    if (this.everyMs === null) this.#delta(this.instrument.counter, at)
  }

  override pushed(at: Micros): void {
    this.#delta(this.instrument.counter, at)
  }

  override left(socket: TopicSubscriber): void {
    this.#follows.delete(socket)
  }

  /** What a `req` is answered with: a snapshot some deltas back, now and then none at all. */
  snapshot(socket: TopicSubscriber): string | null {
    const { faults } = socket
    const { random } = this.scene
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
    const { bids, asks } = difference(this.#window, window)
    if (bids.length + asks.length === 0) return
    for (const socket of this.subscribers) {
      const previous = this.#follows.get(socket) ?? this.#last
      this.#follows.delete(socket)
      if (socket.faults.take('update-lost')) {
        this.#follows.set(socket, previous)
        continue
      }
      const reset = socket.faults.take('sequence-reset')
      const seqNum = reset ? 1n : counter
      socket.sendDelta(this, bids, asks, (b, a) =>
        this.frame(at, `"seqNum":${seqNum},"prevSeqNum":${reset ? 0n : previous}${this.#sides(b, a)}`),
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
    const told = (name: string, side: readonly Level[]) =>
      always || side.length > 0 ? `,"${name}":${printedLevels(facts, side)}` : ''
    return told('bids', bids) + told('asks', asks)
  }
}

/** `bbo` */
export class QuoteTopic extends ServedTopic {
  readonly everyMs = null
  #sent = ''

  override first(socket: TopicSubscriber, at: Micros): void {
    socket.send(this.frame(at, this.#tick(at)))
  }

  override stepped(_push: TradePush | null, _changed: boolean, at: Micros): void {
    const best = JSON.stringify(this.instrument.market.book.best())
    if (best === this.#sent) return
    this.#sent = best
    this.sendAll(this.frame(at, this.#tick(at)))
  }

  #tick(at: Micros): string {
    const { facts, counter, market } = this.instrument
    const { bid, ask } = market.book.best()
    const ms = this.scene.ms(at)
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
