import type { Level, Micros } from '../../schemas/events.js'
import type { MayHaveWaited, SessionKit, Stream } from '../../src/session/index.js'
import { Audits } from '../../src/venue/audits.js'
import { levelRows } from '../../src/venue/book-rows.js'
import type { ImageRequests } from '../../src/venue/image-requests.js'
import { bookHolding, type Numbered, SnapshotJoin } from '../../src/venue/snapshot-join.js'
import { numbered } from './channels.js'
import { AUDIT_TIMES, CACHED_FOR_MS } from './snapshots.js'

/** Levels as they now stand; amount `"0"` removes. */
export interface BookDelta {
  readonly bids: Level[]
  readonly asks: Level[]
}

interface Change extends BookDelta, Numbered, MayHaveWaited {}

/** Books of numbered changes, whose snapshot comes by another way: REST for hub `c3`, a query for hub `c2`. */
export class Books {
  readonly #kit: SessionKit
  readonly #snapshots: ImageRequests
  readonly #audits: Audits
  readonly #joins = new WeakMap<Stream, SnapshotJoin<Change>>()
  /** When a log showed that a book was granted. */
  readonly #grants = new WeakMap<Stream, Micros | null>()
  /** Snapshots of a log that no message has met yet. */
  readonly #unproved = new WeakMap<Stream, Change>()

  /** Streams of a log that held a message for a snapshot at some time. */
  readonly #waiting = new Set<Stream>()
  /** Streams whose subscription has died at the hub: to be subscribed again, not only joined. */
  readonly #dead = new WeakSet<Stream>()

  constructor(kit: SessionKit, snapshots: ImageRequests) {
    this.#kit = kit
    this.#snapshots = snapshots
    this.#audits = new Audits(kit, snapshots, AUDIT_TIMES, ({ record }) => record.book.state === 'live')
  }

  /** The stream is being asked for: whatever was known of its numbers is void. */
  begin(stream: Stream): void {
    this.#joins.set(stream, new SnapshotJoin<Change>(numbered, bookHolding))
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
    for (const stream of this.#waiting) this.#kit.streams.reportUnplaced(stream, this.#join(stream).waited)
  }

  /** Joins anew, on the same subscription. */
  rejoin(stream: Stream, at: Micros | null): void {
    this.#join(stream).restart()
    this.#snapshots.ask(stream, 0, at)
  }

  update(stream: Stream, sequence: number, delta: BookDelta, at: Micros | null): void {
    const join = this.#join(stream)
    const change = { ...delta, sequence: BigInt(sequence), receivedAt: at }
    const verdict = join.offer(change)
    const unproved = verdict === 'held' ? this.#unproved.get(stream) : undefined
    if (unproved !== undefined) {
      this.#unproved.delete(stream)
      this.#place(stream, unproved, at)
    }
    if (join.waiting && this.#kit.init.adopt) {
      this.#waiting.add(stream)
      this.#kit.streams.awaitsSnapshot(stream, at)
    }
    if (verdict === 'apply') this.#apply(stream, join, change, at)
    else if ((verdict === 'break' || verdict === 'back') && stream.record.book.state === 'live') {
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
    this.#unproved.set(stream, { ...book, sequence: BigInt(sequence), receivedAt: at })
    return true
  }

  /** @returns false where the snapshot is too old to join, so that a newer one is needed. */
  snapshot(stream: Stream, sequence: number, book: BookDelta, at: Micros | null): boolean {
    return this.#place(stream, { ...book, sequence: BigInt(sequence), receivedAt: at }, at)
  }

  #place(stream: Stream, { bids, asks, sequence, receivedAt = null }: Change, at: Micros | null): boolean {
    const join = this.#join(stream)
    if (!join.waiting) return true
    const outcome = join.join(sequence)
    if (outcome.kind !== 'joined') return false
    const depth = Number(stream.variant || '500')
    const fields = { depth, exchangeTime: null, sequence: String(sequence), receivedAt }
    this.#kit.streams.snapshot(stream, { bids, asks, ...fields }, at)
    for (const change of outcome.following) if (!this.#apply(stream, join, change, at)) break
    this.#audits.begin(stream, at)
    return true
  }

  /** A snapshot of a book that is joined: at the same number it must be the same book, at a higher one messages are missing. */
  #audit(
    stream: Stream,
    join: SnapshotJoin<Change>,
    sequence: number,
    book: BookDelta,
    at: Micros | null,
  ): void {
    const { position } = join
    if (position === null || BigInt(sequence) < position || stream.record.book.state !== 'live') return
    if (BigInt(sequence) === position) {
      if (levelRows.isSame(stream, book)) {
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
    join: SnapshotJoin<Change>,
    { bids, asks, sequence, receivedAt = null }: Change,
    at: Micros | null,
  ): boolean {
    const update = { bids, asks, exchangeTime: null, sequence: String(sequence), receivedAt }
    const taken = this.#kit.streams.update(stream, update, at)
    if (!taken) join.restart()
    return taken
  }

  #join(stream: Stream): SnapshotJoin<Change> {
    let join = this.#joins.get(stream)
    if (join === undefined) {
      join = new SnapshotJoin<Change>(numbered, bookHolding)
      this.#joins.set(stream, join)
    }
    return join
  }
}
