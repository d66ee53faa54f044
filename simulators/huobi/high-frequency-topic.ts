import type { Level, Micros } from '../../schemas/events.js'
import { changedLevels, type Window } from '../kit/book-window.js'
import { printedLevels } from './frames.js'
import { ServedTopic, type TopicSubscriber } from './served-topic.js'

/** The first frame comes this long after the subscribe. */
const FIRST_AFTER_MS = 285

/** Updates that change nothing and only carry the version on. */
const EMPTY_CHANCE = 0.015

interface Served {
  version: bigint
  counter: bigint
  window: Window | null
  readonly from: Micros
}

/** `depth.size_N.high_freq`: one chain of versions for each subscription, looked at every 30 ms. */
export class HighFrequencyTopic extends ServedTopic {
  override readonly everyMs = 30
  readonly #served = new Map<TopicSubscriber, Served>()

  /** A second subscribe begins with a second snapshot; the chain goes on. */
  override first(subscriber: TopicSubscriber, at: Micros): void {
    const version = this.#served.get(subscriber)?.version ?? BigInt(this.ms(at)) - 239_550_993n
    this.#served.set(subscriber, { version, counter: 0n, window: null, from: at + FIRST_AFTER_MS * 1000 })
  }

  override pushed(at: Micros): void {
    for (const [subscriber, served] of this.#served) {
      if (!this.subscribers.has(subscriber)) this.#served.delete(subscriber)
      else if (at >= served.from) this.#serve(subscriber, served, at)
    }
  }

  #serve(subscriber: TopicSubscriber, served: Served, at: Micros): void {
    const { faults } = subscriber
    const quiet = served.window !== null && served.counter === this.instrument.counter
    if (quiet && !this.exchange.random.chance(EMPTY_CHANCE)) return
    const window = this.window(this.topic.depth ?? 150)
    if (served.window === null) {
      if (faults.take('update-before-snapshot')) {
        served.version++
        subscriber.send(this.#text('update', served.version, window.bids.slice(0, 1), [], at))
      }
      served.version++
      this.#snapshot(subscriber, served, window, at)
      return
    }
    const { bids, asks } = changedLevels(served.window, window)
    served.counter = this.instrument.counter
    served.window = window
    if (faults.take('update-lost')) return
    served.version = faults.take('sequence-reset') ? 1n : served.version + 1n
    const { version } = served
    subscriber.sendDelta(this, bids, asks, (b, a) => this.#text('update', version, b, a, at))
    if (faults.take('snapshot-twice')) this.#snapshot(subscriber, served, window, at)
  }

  #snapshot(subscriber: TopicSubscriber, served: Served, window: Window, at: Micros): void {
    served.window = window
    served.counter = this.instrument.counter
    const without = subscriber.faults.take('book-null-sides')
    const asks = without || subscriber.faults.take('book-one-sided') ? null : window.asks
    subscriber.send(this.#text('snapshot', served.version, without ? null : window.bids, asks, at))
    // What the snapshot left out comes with the next update.
    if (asks === null) served.window = { bids: without ? [] : window.bids, asks: [] }
  }

  #text(
    event: 'snapshot' | 'update',
    version: bigint,
    bids: readonly Level[] | null,
    asks: readonly Level[] | null,
    at: Micros,
  ): string {
    const { facts, counter } = this.instrument
    const side = (levels: readonly Level[] | null) =>
      levels === null ? 'null' : printedLevels(facts, levels)
    const ids = `"id":${counter},"mrid":${counter},"ts":${this.ms(at) - 2},"version":${version}`
    const name = `"ch":"${this.topic.text}","event":"${event}"`
    return this.frameOf(at, `"asks":${side(asks)},"bids":${side(bids)},${name},${ids}`)
  }
}
