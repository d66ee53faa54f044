import type * as z from 'zod'
import type { Level, Micros } from '../../schemas/events.js'
import { huobiMbp, type huobiMbpReply } from '../../schemas/huobi.js'
import { checker } from '../../src/decode/index.js'
import type { Alarms, Stream, Streams } from '../../src/session/index.js'
import { bookHolding, type Numbered, SnapshotJoin } from '../../src/venue/snapshot-join.js'
import type { OrderRule } from '../../src/venue/spec.js'
import { levels, wholeBook } from './levels.js'
import type { Topic } from './topics.js'

const check = checker(huobiMbp)

/** A pair that is quiet sends no delta: its snapshot is asked for after this all the same. */
const ASK_AFTER_MS = 1_000
/** One `req` in 45 was never answered. */
const ANSWER_WITHIN_MS = 3_000
/** The wait before the next try, doubled with each. */
const FIRST_RETRY_MS = 150
const LONGEST_RETRY_MS = 5_000
/** Of a book that was asked for so often in vain that its subscription was renewed. */
const LONGEST_RETRY_IN_VAIN_MS = 60_000
/** Answers in vain after which the subscription itself is renewed. */
const TRIES_A_SUBSCRIPTION = 8

/** One delta of `mbp.N`, its numbers canonical. */
interface MbpDelta extends Numbered {
  /** The number of the delta before it: the whole proof. */
  readonly previous: bigint
  readonly bids: Level[]
  readonly asks: Level[]
  readonly exchangeTime: Micros
  /** When its frame came. */
  readonly receivedAt: Micros | null
}

/** Every delta names its predecessor. One counter of the pair numbers them on every connection. */
export const MBP_ORDER: OrderRule = { by: 'prevSeqNum', scope: 'stream', across: 'same', step: 'prev' }

interface Joining {
  readonly topic: string
  readonly stream: Stream
  readonly join: SnapshotJoin<MbpDelta>
  tries: number
  /** The venue refuses to show this book: until when a standing one is not compared with it. */
  refused: { readonly since: Micros; readonly forMs: number } | null
  /** Receive time of the last delta or snapshot. */
  movedAt: Micros | null
}

/**
 * Silence that a standing book is checked after: a topic may be granted and dead while the market moves. The snapshot of a
 * quiet market has the number of the last delta.
 */
const CHECK_AFTER_MS = 15_000
/** Answers were always older than the stream: what an answer holds must have come, or comes within this. */
const CATCH_UP_MS = 1_000
/** An answer lags behind the deltas by less than this: the most that was seen is two seconds. */
const ANSWER_LAGS_MS = 5_000

/** What a book asks its session to do. */
export interface Asking {
  /** Sends a `req` for the topic as soon as the pace allows, and tells when it went. Never where a log is fed. */
  ask(topic: string, at: Micros | null, sent: (at: Micros) => void): void
  drop(topic: string): void
}

/**
 * The incremental books of spot. Deltas come unasked and without a snapshot; the snapshot is asked for on the same socket
 * and joined to them by number. A hole in the chain is healed the same way: no new subscription is needed.
 */
export class MbpBooks {
  readonly #streams: Streams
  readonly #alarms: Alarms
  readonly #asking: Asking
  readonly #joinings = new Map<Stream, Joining>()

  constructor(streams: Streams, alarms: Alarms, asking: Asking) {
    this.#streams = streams
    this.#alarms = alarms
    this.#asking = asking
  }

  granted(topic: Topic, stream: Stream, at: Micros | null): void {
    const joining = this.#joining(topic.text, stream)
    if (this.#pending(joining)) return
    this.#alarms.set(alarm('join', joining), at, ASK_AFTER_MS, (now) => this.#ask(joining, now))
  }

  push(topic: Topic, stream: Stream, value: unknown, text: string, at: Micros | null): void {
    const { tick, ts } = check(value, text)
    const joining = this.#joining(topic.text, stream)
    const { join } = joining
    joining.movedAt = at
    const delta: MbpDelta = {
      sequence: BigInt(tick.seqNum),
      previous: BigInt(tick.prevSeqNum),
      bids: levels(tick.bids, ['tick', 'bids']),
      asks: levels(tick.asks, ['tick', 'asks']),
      exchangeTime: ts * 1000,
      receivedAt: at,
    }
    // A book that was made suspect for another reason (crossed, overflow) needs a snapshot, and deltas to join it to.
    if (!join.waiting && stream.record.book.state !== 'live') join.restart()
    const { waiting } = join
    switch (join.offer(delta)) {
      case 'apply':
        this.#apply(stream, delta, at)
        return
      case 'repeat':
      case 'covered':
        return
      case 'held':
        this.#streams.awaitsSnapshot(stream, at)
        break
      case 'back':
      case 'break':
        if (waiting) this.#streams.awaitsSnapshot(stream, at)
        else this.#streams.gap(stream, 'sequence', join.breach, at)
    }
    if (!this.#pending(joining)) this.#ask(joining, at)
  }

  answer(topic: Topic, stream: Stream, reply: z.output<typeof huobiMbpReply>, at: Micros | null): void {
    const joining = this.#joining(topic.text, stream)
    this.#alarms.clear(alarm('answer', joining))
    this.#streams.refusals.forget(topic.text)
    joining.refused = null
    const { data } = reply
    if (data === null || data === undefined) {
      this.#askAgain(joining, at)
      return
    }
    const book = wholeBook(data, ['data'])
    const sequence = BigInt(data.seqNum)
    if (!joining.join.waiting) {
      this.#checked(joining, sequence, at)
      return
    }
    const outcome = this.#lags(joining, sequence, at) ? null : joining.join.join(sequence)
    if (outcome?.kind !== 'joined') {
      this.#askAgain(joining, at)
      return
    }
    joining.tries = 0
    joining.movedAt = at
    this.#alarms.clear(alarm('join', joining))
    this.#watch(joining, at)
    const fields = { depth: topic.depth, exchangeTime: reply.ts * 1000, sequence: data.seqNum }
    this.#streams.snapshot(stream, { ...book, ...fields }, at)
    for (const delta of outcome.following) this.#apply(stream, delta, at)
  }

  /** The venue would not answer now (429, a timeout of its own). */
  unanswered(topic: Topic, stream: Stream, reason: string, at: Micros | null): void {
    const joining = this.#joining(topic.text, stream)
    this.#alarms.clear(alarm('answer', joining))
    if (joining.tries + 1 >= TRIES_A_SUBSCRIPTION) this.#streams.refusals.refused(topic.text, reason, at)
    this.#askAgain(joining, at)
  }

  /** The venue refuses for good: asked for again after the wait, whatever comes meanwhile. */
  withheld(topic: Topic, stream: Stream, waitMs: number, at: Micros | null): void {
    const joining = this.#joining(topic.text, stream)
    this.#alarms.clear(alarm('answer', joining))
    if (!joining.join.waiting) {
      joining.refused = at === null ? null : { since: at, forMs: waitMs }
      return
    }
    joining.tries++
    this.#streams.excuse(stream)
    this.#alarms.set(alarm('join', joining), at, waitMs, (now) => this.#ask(joining, now))
  }

  /** Asked for (again), or over. */
  forget(stream: Stream): void {
    const joining = this.#joinings.get(stream)
    if (joining === undefined) return
    this.#joinings.delete(stream)
    for (const what of ['join', 'answer', 'check', 'behind'] as const)
      this.#alarms.clear(alarm(what, joining))
    this.#asking.drop(joining.topic)
  }

  /** A log is over: the deltas for which no snapshot came. */
  finished(): void {
    for (const { stream, join } of this.#joinings.values()) this.#streams.reportUnplaced(stream, join.waited)
  }

  #joining(topic: string, stream: Stream): Joining {
    let joining = this.#joinings.get(stream)
    if (joining === undefined) {
      joining = {
        topic,
        stream,
        join: new SnapshotJoin<MbpDelta>(MBP_ORDER, bookHolding),
        tries: 0,
        refused: null,
        movedAt: null,
      }
      this.#joinings.set(stream, joining)
    }
    return joining
  }

  #apply(stream: Stream, delta: MbpDelta, at: Micros | null): void {
    const { bids, asks, exchangeTime, receivedAt, sequence } = delta
    if (bids.length + asks.length === 0) return
    this.#streams.update(stream, { bids, asks, exchangeTime, receivedAt, sequence: String(sequence) }, at)
  }

  /** Whether an answer, or the moment to ask, is being waited for. The wait after the ack ends with the first delta. */
  #pending(joining: Joining): boolean {
    return (
      this.#alarms.has(alarm('answer', joining)) ||
      (joining.tries > 0 && this.#alarms.has(alarm('join', joining)))
    )
  }

  /** One alarm a book, moved only when it goes off. */
  #watch(joining: Joining, at: Micros | null, waitMs = CHECK_AFTER_MS): void {
    this.#alarms.set(alarm('check', joining), at, waitMs, (now) => {
      const idleMs = this.#alarms.elapsedMs(joining.movedAt ?? now, now)
      if (idleMs < CHECK_AFTER_MS) {
        this.#watch(joining, now, CHECK_AFTER_MS - idleMs)
        return
      }
      const { refused } = joining
      const asks = refused === null || this.#alarms.elapsedMs(refused.since, now) >= refused.forMs
      if (asks && !joining.join.waiting) this.#asking.ask(joining.topic, now, () => undefined)
      this.#watch(joining, now)
    })
  }

  /** Whether an answer is from before what the connection before this one brought, where no delta of this one shows it. */
  #lags({ stream, join }: Joining, sequence: bigint, at: Micros | null): boolean {
    const { sequence: emitted, book } = stream.record
    if (join.placed || emitted === null || at === null || sequence >= BigInt(emitted)) return false
    return this.#alarms.elapsedMs(book.lastUpdate ?? at, at) < ANSWER_LAGS_MS
  }

  /** The market as an answer shows it, while the book stands: further on than the deltas say? */
  #checked(joining: Joining, sequence: bigint, at: Micros | null): void {
    const { join, stream } = joining
    const behind = () => !join.waiting && sequence > (join.position ?? sequence)
    if (!behind()) return
    this.#alarms.set(alarm('behind', joining), at, CATCH_UP_MS, (now) => {
      if (!behind()) return
      const detail = `the venue is at ${sequence}, its deltas ended at ${join.position}`
      join.restart()
      this.#streams.resync(stream, 'stale', detail, now)
    })
  }

  #ask(joining: Joining, at: Micros | null): void {
    this.#alarms.clear(alarm('join', joining))
    if (!joining.join.waiting || this.#alarms.has(alarm('answer', joining))) return
    this.#asking.ask(joining.topic, at, (sent) => {
      this.#alarms.set(alarm('answer', joining), sent, ANSWER_WITHIN_MS, (now) =>
        this.#askAgain(joining, now),
      )
    })
  }

  #askAgain(joining: Joining, at: Micros | null): void {
    if (!joining.join.waiting) return
    joining.tries++
    if (joining.tries % TRIES_A_SUBSCRIPTION === 0) this.#streams.resubscribe(joining.stream)
    if (this.#joinings.get(joining.stream) !== joining) return
    const longest = joining.tries > TRIES_A_SUBSCRIPTION ? LONGEST_RETRY_IN_VAIN_MS : LONGEST_RETRY_MS
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(joining.tries - 1, 20), longest)
    this.#alarms.set(alarm('join', joining), at, waitMs, (now) => this.#ask(joining, now))
  }
}

function alarm(what: 'join' | 'answer' | 'check' | 'behind', joining: Joining): string {
  return `${what} ${joining.topic}`
}
