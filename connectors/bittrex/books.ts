import type { Level, Micros } from '../../schemas/events.js'
import { ownLevel } from '../../src/book/order-book.js'
import type { SessionKit, Stream } from '../../src/session/index.js'
import { Audits } from './audits.js'
import { type Holding, Join } from './join.js'
import { CACHED_FOR_MS, type Snapshots } from './snapshots.js'

/** Levels as they now stand; amount `"0"` removes. */
export interface BookDelta {
  readonly bids: Level[]
  readonly asks: Level[]
}

const DELTAS: Holding<BookDelta> = {
  rows: ({ bids, asks }) => bids.length + asks.length,
  own: ({ bids, asks }) => ({ bids: bids.map(ownLevel), asks: asks.map(ownLevel) }),
}

/** Books of numbered changes, whose snapshot comes by another way: REST for hub `c3`, a query for hub `c2`. */
export class Books {
  readonly #kit: SessionKit
  readonly #snapshots: Snapshots
  readonly #audits: Audits
  readonly #joins = new WeakMap<Stream, Join<BookDelta>>()
  /** When a log showed that a book was granted. */
  readonly #grants = new WeakMap<Stream, Micros | null>()
  /** Snapshots of a log that no message has met yet. */
  readonly #unproved = new WeakMap<Stream, BookDelta & { readonly sequence: number }>()

  /** Streams of a log that held a message for a snapshot at some time. */
  readonly #waiting = new Set<Stream>()
  /** Streams whose subscription has died at the hub: to be subscribed again, not only joined. */
  readonly #dead = new WeakSet<Stream>()

  constructor(kit: SessionKit, snapshots: Snapshots) {
    this.#kit = kit
    this.#snapshots = snapshots
    this.#audits = new Audits(kit, snapshots, ({ record }) => record.book.state === 'live')
  }

  /** The stream is being asked for: whatever was known of its numbers is void. */
  begin(stream: Stream): void {
    this.#joins.set(stream, new Join(DELTAS))
    this.#dead.delete(stream)
  }

  granted(stream: Stream, at: Micros | null): void {
    this.#kit.streams.ack(stream, at)
    this.#snapshots.ask(stream, CACHED_FOR_MS, at)
  }

  /** Whether joining anew is not enough. */
  dead(stream: Stream): boolean {
    return this.#dead.has(stream)
  }

  leave(stream: Stream): void {
    this.#audits.leave(stream)
  }

  /** A log showed the grant. */
  shown(stream: Stream, at: Micros | null): void {
    if (!this.#grants.has(stream)) this.#grants.set(stream, at)
  }

  /** A log is over: the messages for which no snapshot came. */
  finished(): void {
    for (const stream of this.#waiting) this.#kit.streams.reportUnplaced(stream, this.#join(stream).held)
  }

  /** Joins anew, on the same subscription. */
  rejoin(stream: Stream, at: Micros | null): void {
    this.#join(stream).restart()
    this.#snapshots.ask(stream, 0, at)
  }

  update(stream: Stream, sequence: number, delta: BookDelta, at: Micros | null): void {
    const join = this.#join(stream)
    const verdict = join.offer(sequence, delta)
    const unproved = verdict === 'held' ? this.#unproved.get(stream) : undefined
    if (unproved !== undefined) {
      this.#unproved.delete(stream)
      this.snapshot(stream, unproved.sequence, unproved, at)
    }
    if (join.waiting && this.#kit.init.adopt) {
      this.#waiting.add(stream)
      this.#kit.streams.awaitsSnapshot(stream, at)
    }
    if (verdict === 'apply') this.#apply(stream, join, sequence, delta, at)
    else if (verdict === 'break' && stream.record.book.state === 'live') {
      this.#kit.streams.resync(stream, 'sequence', join.breach, at)
    }
  }

  /**
   * A snapshot over HTTP. The client of a log fetched when it pleased: where neither a message nor an early enough grant
   * shows that nothing lies between its snapshot and the stream, the snapshot waits for the first message to prove it.
   *
   * @returns false where the snapshot is too old to join, so that a newer one is needed.
   */
  fetched(stream: Stream, sequence: number, book: BookDelta, at: Micros | null): boolean {
    const join = this.#join(stream)
    if (!join.waiting) {
      this.#audit(stream, join, sequence, book, at)
      return true
    }
    if (!this.#kit.init.adopt || join.placed || this.#grantedBefore(stream, at)) {
      return this.snapshot(stream, sequence, book, at)
    }
    this.#unproved.set(stream, { ...book, sequence })
    return true
  }

  /** @returns false where the snapshot is too old to join, so that a newer one is needed. */
  snapshot(stream: Stream, sequence: number, book: BookDelta, at: Micros | null): boolean {
    const join = this.#join(stream)
    if (!join.waiting) return true
    const following = join.join(sequence)
    if (following === null) return false
    const depth = Number(stream.variant || '500')
    this.#kit.streams.snapshot(stream, { ...book, depth, exchangeTime: null, sequence: String(sequence) }, at)
    for (const held of following) {
      if (!this.#apply(stream, join, held.sequence, held.delta, at)) break
    }
    this.#audits.begin(stream, at)
    return true
  }

  /** A snapshot of a book that is joined: at the same number it must be the same book, at a higher one messages are missing. */
  #audit(stream: Stream, join: Join<BookDelta>, sequence: number, book: BookDelta, at: Micros | null): void {
    const { position } = join
    if (position === null || sequence < position || stream.record.book.state !== 'live') return
    if (sequence === position) {
      if (sameBook(stream, book)) {
        stream.record.proved = at
        return
      }
      const detail = `the venue's own book of number ${sequence} is another`
      this.#kit.streams.gap(stream, 'checksum', detail, at, stream.record.proved)
      join.restart()
      this.snapshot(stream, sequence, book, at)
      return
    }
    const here = () => join.position
    this.#audits.behind(stream, at, here, (now) => {
      this.#dead.add(stream)
      const detail = `the venue is at number ${sequence}, the stream stopped at ${position}`
      this.#kit.streams.resync(stream, 'stale', detail, now)
    })
  }

  #grantedBefore(stream: Stream, at: Micros | null): boolean {
    const granted = this.#grants.get(stream)
    if (granted === undefined) return false
    return granted === null || at === null || this.#kit.alarms.elapsedMs(granted, at) >= CACHED_FOR_MS
  }

  #apply(
    stream: Stream,
    join: Join<BookDelta>,
    sequence: number,
    delta: BookDelta,
    at: Micros | null,
  ): boolean {
    const update = { ...delta, exchangeTime: null, sequence: String(sequence) }
    const taken = this.#kit.streams.update(stream, update, at)
    if (!taken) join.restart()
    return taken
  }

  #join(stream: Stream): Join<BookDelta> {
    let join = this.#joins.get(stream)
    if (join === undefined) {
      join = new Join(DELTAS)
      this.#joins.set(stream, join)
    }
    return join
  }
}

function sameBook(stream: Stream, { bids, asks }: BookDelta): boolean {
  const { book } = stream.record
  if (book.count('bids') !== bids.length || book.count('asks') !== asks.length) return false
  return (
    bids.every(([price, amount]) => book.amountAt('bids', price) === amount) &&
    asks.every(([price, amount]) => book.amountAt('asks', price) === amount)
  )
}
