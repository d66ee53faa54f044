import type { Level, Micros } from '../../schemas/events.js'
import { printedLevels } from './frames.js'
import type { TopicSubscriber } from './topic-subscriber.js'
import { ServedTopic } from './topics.js'
import { difference, type Window } from './window.js'

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
  readonly everyMs = 30
  readonly #served = new Map<TopicSubscriber, Served>()

  /** A second subscribe begins with a second snapshot; the chain goes on. */
  override first(socket: TopicSubscriber, at: Micros): void {
    const version = this.#served.get(socket)?.version ?? BigInt(this.scene.ms(at)) - 239_550_993n
    this.#served.set(socket, { version, counter: 0n, window: null, from: at + FIRST_AFTER_MS * 1000 })
  }

  override pushed(at: Micros): void {
    for (const [socket, served] of this.#served) {
      if (!this.subscribers.has(socket)) this.#served.delete(socket)
      else if (at >= served.from) this.#serve(socket, served, at)
    }
  }

  #serve(socket: TopicSubscriber, served: Served, at: Micros): void {
    const { faults } = socket
    const quiet = served.window !== null && served.counter === this.instrument.counter
    if (quiet && !this.scene.random.chance(EMPTY_CHANCE)) return
    const window = this.window(this.topic.depth ?? 150)
    if (served.window === null) {
      if (faults.take('update-before-snapshot')) {
        served.version++
        socket.send(this.#text('update', served.version, window.bids.slice(0, 1), [], at))
      }
      served.version++
      this.#snapshot(socket, served, window, at)
      return
    }
    const { bids, asks } = difference(served.window, window)
    served.counter = this.instrument.counter
    served.window = window
    if (faults.take('update-lost')) return
    served.version = faults.take('sequence-reset') ? 1n : served.version + 1n
    const { version } = served
    socket.sendDelta(this, bids, asks, (b, a) => this.#text('update', version, b, a, at))
    if (faults.take('snapshot-twice')) this.#snapshot(socket, served, window, at)
  }

  #snapshot(socket: TopicSubscriber, served: Served, window: Window, at: Micros): void {
    served.window = window
    served.counter = this.instrument.counter
    const without = socket.faults.take('book-null-sides')
    const asks = without || socket.faults.take('book-one-sided') ? null : window.asks
    socket.send(this.#text('snapshot', served.version, without ? null : window.bids, asks, at))
    // What the snapshot left out is told by the next update.
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
    const ids = `"id":${counter},"mrid":${counter},"ts":${this.scene.ms(at) - 2},"version":${version}`
    const name = `"ch":"${this.topic.text}","event":"${event}"`
    return this.frame(at, `"asks":${side(asks)},"bids":${side(bids)},${name},${ids}`)
  }
}
