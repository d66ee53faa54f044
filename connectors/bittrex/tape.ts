import type { Micros } from '../../schemas/events.js'
import {
  type MayHaveWaited,
  ownTrade,
  type SessionKit,
  type Stream,
  type TradeFields,
} from '../../src/session/index.js'
import { Audits } from '../../src/venue/audits.js'
import type { ImageRequests } from '../../src/venue/image-requests.js'
import { type Holding, type Numbered, SnapshotJoin } from '../../src/venue/snapshot-join.js'
import { numbered } from './channels.js'
import { AUDIT_TIMES, CACHED_FOR_MS, HISTORY_WITHIN_MS, historyAlarm } from './snapshots.js'

interface Trades extends Numbered, MayHaveWaited {
  readonly rows: readonly TradeFields[]
}

const HOLDING: Holding<Trades> = {
  rows: ({ rows }) => rows.length,
  own: ({ sequence, rows, receivedAt = null }) => ({
    sequence,
    rows: rows.map((row) => ownTrade(row, receivedAt)),
    receivedAt,
  }),
}

/**
 * Trades in numbered messages. Where some were missed (a lost connection, a number left out), the last hundred are
 * fetched and emitted before the live ones go on, so that order stands and the gap closes healed.
 */
export class Tape {
  readonly #kit: SessionKit
  readonly #snapshots: ImageRequests
  readonly #always: boolean
  readonly #audits: Audits
  readonly #joins = new WeakMap<Stream, SnapshotJoin<Trades>>()
  /** Where the venue stood when a stream that has had no message was first compared with it. */
  readonly #stood = new WeakMap<Stream, bigint>()

  /** @param always whether history is fetched for every stream that begins, not only where something was missed. */
  constructor(kit: SessionKit, snapshots: ImageRequests, always: boolean) {
    this.#kit = kit
    this.#snapshots = snapshots
    this.#always = always
    this.#audits = new Audits(kit, snapshots, AUDIT_TIMES, (stream) => !this.#join(stream).waiting)
  }

  begin(stream: Stream): void {
    const join = new SnapshotJoin<Trades>(numbered, HOLDING)
    const fetched = !this.#kit.init.adopt && (this.#always || stream.record.gap !== null)
    if (!fetched) join.follow()
    this.#joins.set(stream, join)
    this.#stood.delete(stream)
  }

  leave(stream: Stream): void {
    this.#audits.leave(stream)
  }

  granted(stream: Stream, at: Micros | null): void {
    const { waiting } = this.#join(stream)
    this.#kit.streams.ack(stream, at, waiting)
    if (waiting) this.#fetch(stream, CACHED_FOR_MS, at)
    else this.#audits.begin(stream, at)
  }

  trades(stream: Stream, sequence: number, rows: readonly TradeFields[], at: Micros | null): void {
    const join = this.#join(stream)
    const message = { sequence: BigInt(sequence), rows, receivedAt: at }
    const verdict = join.offer(message, (held) => this.#emit(stream, held, at))
    if (verdict === 'apply') this.#emit(stream, [message], at)
    if (verdict !== 'break' && verdict !== 'back') return
    this.#kit.streams.gap(stream, 'sequence', join.breach, at)
    if (this.#kit.init.adopt) this.#release(stream, at)
    else this.#fetch(stream, 0, at)
  }

  /** @returns false where the history does not reach the trades that are held, so that a newer one is needed. */
  history(stream: Stream, sequence: number, rows: readonly TradeFields[], at: Micros | null): boolean {
    const join = this.#join(stream)
    if (!join.waiting) {
      if (this.#kit.init.adopt) this.#kit.streams.history(stream, rows, at, 'newest')
      else this.#audit(stream, join, sequence, at)
      return true
    }
    const outcome = join.join(BigInt(sequence))
    if (outcome.kind !== 'joined') return false
    this.#kit.alarms.clear(historyAlarm(stream))
    this.#kit.streams.history(stream, rows, at, 'newest')
    this.#emit(stream, outcome.following, at)
    this.#audits.begin(stream, at)
    return true
  }

  /** The number of the venue for a stream that goes on without waiting: a higher one means that messages are missing. */
  #audit(stream: Stream, join: SnapshotJoin<Trades>, sequence: number, at: Micros | null): void {
    const position = join.position ?? this.#stood.get(stream)
    if (position === undefined) this.#stood.set(stream, BigInt(sequence))
    else if (BigInt(sequence) > position) {
      this.#audits.behind(
        stream,
        at,
        () => join.position,
        (now) => {
          const detail = `the venue is at number ${sequence}, the stream stopped at ${position}`
          this.#kit.streams.resync(stream, 'stale', detail, now)
        },
      )
    }
  }

  /** Goes on without history. */
  #release(stream: Stream, at: Micros | null): void {
    this.#snapshots.cancel(stream)
    this.#kit.alarms.clear(historyAlarm(stream))
    this.#emit(stream, this.#join(stream).follow(), at)
    this.#audits.begin(stream, at)
  }

  /** No history is to be had. */
  withoutHistory(stream: Stream, at: Micros | null): void {
    if (this.#join(stream).waiting) this.#release(stream, at)
  }

  #fetch(stream: Stream, afterMs: number, at: Micros | null): void {
    this.#snapshots.ask(stream, afterMs, at)
    const alarm = historyAlarm(stream)
    if (this.#kit.alarms.has(alarm)) return
    this.#kit.alarms.set(alarm, at, HISTORY_WITHIN_MS, (now) => this.#release(stream, now))
  }

  #emit(stream: Stream, messages: readonly Trades[], at: Micros | null): void {
    for (const { sequence, rows, receivedAt } of messages) {
      for (const row of rows) {
        const fields = { ...row, sequence: String(sequence), receivedAt: receivedAt ?? null }
        this.#kit.streams.trade(stream, fields, at)
      }
    }
  }

  #join(stream: Stream): SnapshotJoin<Trades> {
    const join = this.#joins.get(stream)
    if (join !== undefined) return join
    this.begin(stream)
    return this.#join(stream)
  }
}
