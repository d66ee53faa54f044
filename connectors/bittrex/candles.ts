import type { Micros } from '../../schemas/events.js'
import type { CandleFields, SessionKit, Stream } from '../../src/session/index.js'
import type { ImageRequests } from '../../src/venue/image-requests.js'
import { CandleRun } from './candle-run.js'
import { CACHED_FOR_MS, HISTORY_WITHIN_MS, historyAlarm } from './snapshots.js'

/** Live candles held back for history, at most. */
const HELD = 1_000

interface Held {
  readonly run: CandleRun
  /** Null where nothing is waited for. */
  waiting: { readonly sequence: number; readonly candle: CandleFields; readonly at: Micros | null }[] | null
}

/** Candles in numbered messages, each the whole candle as it stands. */
export class Candles {
  readonly #kit: SessionKit
  readonly #snapshots: ImageRequests
  readonly #history: boolean
  readonly #held = new WeakMap<Stream, Held>()

  /** @param history whether the recent candles are fetched for every stream that begins. */
  constructor(kit: SessionKit, snapshots: ImageRequests, history: boolean) {
    this.#kit = kit
    this.#snapshots = snapshots
    this.#history = history
  }

  begin(stream: Stream): void {
    const waiting = this.#history && !this.#kit.init.adopt ? [] : null
    this.#held.set(stream, { run: new CandleRun(), waiting })
  }

  granted(stream: Stream, at: Micros | null): void {
    this.#kit.streams.ack(stream, at)
    if (this.#of(stream).waiting === null) return
    this.#snapshots.ask(stream, CACHED_FOR_MS, at)
    this.#kit.alarms.set(historyAlarm(stream), at, HISTORY_WITHIN_MS, (now) =>
      this.withoutHistory(stream, now),
    )
  }

  candle(stream: Stream, sequence: number, fields: CandleFields, at: Micros | null): void {
    const held = this.#of(stream)
    const { last } = held.run
    const { candles, broken } = held.run.take(sequence, fields)
    if (broken)
      this.#kit.streams.gap(stream, 'sequence', `expected sequence ${(last ?? 0) + 1}, got ${sequence}`, at)
    if (held.waiting === null) {
      for (const candle of candles) this.#kit.streams.rollingCandle(stream, candle, at)
      return
    }
    for (const candle of candles) held.waiting.push({ sequence, candle, at })
    if (held.waiting.length >= HELD) this.withoutHistory(stream, at)
  }

  /** The recent candles. Those older than what was told on an earlier connection are not told again. */
  history(stream: Stream, sequence: number, rows: readonly CandleFields[], at: Micros | null): void {
    const { streams } = this.#kit
    const { record } = stream
    const held = this.#of(stream)
    const known = record.candle?.openTime ?? Number.NEGATIVE_INFINITY
    const news = rows.filter(({ openTime }) => openTime >= known).sort((a, b) => a.openTime - b.openTime)
    const newest = news.pop()
    if (newest !== undefined) {
      for (const row of news) streams.candle(stream, { ...row, historical: true, closed: true }, at)
      record.candle = null
      streams.rollingCandle(stream, { ...newest, historical: true }, at)
    }
    held.waiting = held.waiting?.filter((waiting) => waiting.sequence > sequence) ?? null
    this.withoutHistory(stream, at)
  }

  /** Goes on: what was held is told. */
  withoutHistory(stream: Stream, at: Micros | null): void {
    const held = this.#of(stream)
    const waiting = held.waiting ?? []
    held.waiting = null
    this.#kit.alarms.clear(historyAlarm(stream))
    this.#snapshots.cancel(stream)
    for (const { candle, at: receivedAt } of waiting) {
      this.#kit.streams.rollingCandle(stream, { ...candle, receivedAt }, at)
    }
  }

  #of(stream: Stream): Held {
    const held = this.#held.get(stream)
    if (held !== undefined) return held
    this.begin(stream)
    return this.#of(stream)
  }
}
