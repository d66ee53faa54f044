import type { Micros } from '../../schemas/events.js'
import type { BackfillReport } from '../connector.js'
import { ownText } from '../decode/own-text.js'
import type { TradeFields } from './fields.js'
import type { TimedTrade } from './memory.js'
import type { SessionKit } from './session.js'
import type { Stream } from './stream.js'
import type { StreamGap } from './stream-gap.js'

/** How a venue's trade history can be asked for, declared as data. */
export interface TradeHistory {
  /** Rows of a full answer: there may be more behind it. Infinity where an answer is all that there is. */
  readonly pageSize: number
  /** Answers asked for in one go at most, those that brought nothing included. */
  readonly requests: number
  /** Trades of the stream wait no longer than this for what was missed before them. Milliseconds. */
  readonly withinMs: number
  /** The wait before the first request, so that a connection that is about to end asks for nothing. @default 0 */
  readonly settleMs?: number
  /** The wait after an answer that does not reach the stream yet, or that failed; twice as long each time. Milliseconds. */
  readonly retryMs: number
  /**
   * Whether answers come on the stream's own connection. One that was asked for after the grant then holds everything up to
   * the grant. Otherwise an answer is as old as it is, and only a trade that the stream brought as well proves how far it
   * reaches.
   */
  readonly onConnection: boolean
  /** Whether what the venue sends on subscribing comes newest first. @default false */
  readonly newestFirst?: boolean
  /** Asks for the trades from one on, that one included, which proves that the answer joins what was known. */
  ask(stream: Stream, since: TimedTrade, at: Micros): void
}

/** A venue's clock so far ahead of ours is wrong, and history that is asked for by such a time may skip anything. */
const CLOCK_AHEAD: Micros = 300_000_000

/** Trades that may wait on one stream. */
const MAX_WAITING = 5_000

/** The missed trades of one stream being fetched. */
interface Run {
  readonly stream: Stream
  readonly gap: StreamGap
  /** It ends a while after this, whatever it has. */
  readonly begun: Micros
  requests: number
  /** Holes of the gap when the last request was made. */
  holes: number
  /** Answers in a row that brought nothing. */
  vain: number
  /** A request is on its way, or its time is set. */
  busy: boolean
}

/**
 * Fetches the trades that a gap has cost, and tells them before the gap ends: oldest first, each once, `historical`.
 *
 * A session hands its trades on to this in place of the streams. Nothing is different while there is no gap. In a gap, what
 * comes waits, and history is asked for from the last trade that is known; each answer moves that trade on, so that a lost
 * connection costs nothing of what was fetched. The gap is healed where every answer joined the one before it and the last
 * reached the trades that wait. When that cannot be had within its bounds, the gap closes unhealed and what waits is told.
 *
 * A recording is read as it is: nothing waits for an answer that may not be there.
 */
export class Backfills {
  readonly #kit: SessionKit
  readonly #history: TradeHistory
  readonly #runs = new Map<Stream, Run>()

  constructor(kit: SessionKit, history: TradeHistory) {
    this.#kit = kit
    this.#history = history
  }

  /** The venue granted the stream: stands for `streams.ack`. */
  granted(stream: Stream, at: Micros | null): void {
    const gap = this.#mendable(stream, at)
    this.#kit.streams.ack(stream, at, gap !== null)
    if (gap !== null && at !== null && this.#history.onConnection) this.#begin(stream, gap, at)
  }

  /** A trade as it happens: stands for `streams.trade`. */
  trade(stream: Stream, fields: TradeFields, at: Micros | null): void {
    const gap = this.#mendable(stream, at)
    if (gap === null || at === null) {
      if (this.#runs.size > 0) this.#abandon(stream, at)
      this.#kit.streams.trade(stream, fields, at)
      return
    }
    const { id } = fields
    if (stream.state === 'leaving' || stream.record.tradeIds.has(id)) return
    if (gap.live.has(id) || gap.history.has(id)) return
    gap.live.set(ownText(id), ownTrade(fields, at))
    this.#kit.streams.backfill(stream, [], at)
    const run = this.#begin(stream, gap, at)
    if (gap.waiting > MAX_WAITING) this.#end(run, false, at)
  }

  /** The trades that the venue sends as history unasked: stands for `streams.history`. */
  history(stream: Stream, rows: readonly TradeFields[], at: Micros | null): void {
    const gap = this.#mendable(stream, at)
    const newestFirst = this.#history.newestFirst === true
    if (gap === null || at === null) {
      if (this.#runs.size > 0) this.#abandon(stream, at)
      this.#kit.streams.history(stream, rows, at, newestFirst ? 'newest' : 'oldest')
      return
    }
    if (stream.state === 'leaving') return
    const { tradeIds } = stream.record
    const ordered = oldestFirst(newestFirst ? rows.toReversed() : rows)
    const run = this.#begin(stream, gap, at)
    if (ordered.some(({ id }) => tradeIds.has(id))) {
      this.#kit.streams.backfill(stream, this.#newer(stream, ordered), at)
      this.#end(run, true, at)
      return
    }
    for (const row of ordered) if (!gap.live.has(row.id)) gap.history.set(ownText(row.id), ownTrade(row, at))
    this.#kit.streams.backfill(stream, [], at)
  }

  /** An answer came. One that nobody waits for any more changes nothing. */
  answered(stream: Stream, rows: readonly TradeFields[], at: Micros | null): void {
    const run = this.#running(stream)
    if (run === null || at === null) return
    run.busy = false
    const { gap } = run
    const { pageSize, onConnection } = this.#history
    const { tradeIds } = stream.record
    const page = oldestFirst(rows)
    // Nothing in a gap is told but by its history, so that whatever is known lies before the hole.
    if (page.length > 0 && !page.some(({ id }) => tradeIds.has(id))) gap.lost = true
    const waits = (id: string) => gap.history.has(id) || gap.live.has(id)
    const first = earliest([...gap.history.values(), ...gap.live.values()])
    const nothingWaits = gap.history.size + gap.live.size === 0
    // Of trades of one moment a venue may list the later ones first.
    const reached = rows.some(({ id }) => waits(id))
    const before = stream.record.lastTrade
    const missed = this.#newer(
      stream,
      page.filter(({ id }) => !waits(id)),
    )
    const [within, beyond] = split(missed, first)
    const told = this.#kit.streams.backfill(stream, within, at)
    const trades = reached ? told + beyond.length : told
    if (trades > 0) this.#report(stream, 'brought', trades)
    const full = rows.length >= pageSize
    const current = onConnection && !full && page.length > 0 && run.holes === gap.holes
    if (reached || (nothingWaits && current)) this.#end(run, true, at, beyond)
    else if (full && stream.record.lastTrade === before) this.#end(run, false, at)
    else if (full) {
      run.vain = 0
      this.#ask(run, at)
    } else if (onConnection || !nothingWaits) this.#again(run, at)
  }

  /**
   * The answer did not come, or made no sense.
   *
   * @param afterMs what the venue asks to wait; null where it says nothing. Infinity where it will never answer.
   */
  failed(stream: Stream, at: Micros | null, afterMs: number | null = null): void {
    const run = this.#running(stream)
    if (run === null || at === null) return
    run.busy = false
    this.#again(run, at, afterMs ?? 0)
  }

  /** The stream is given up or asked for again: what waits lies before a further hole. */
  forget(stream: Stream): void {
    stream.record.gap?.again()
    this.#drop(stream)
  }

  // ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The open gap of a stream, where history could fill it. */
  #mendable(stream: Stream, at: Micros | null): StreamGap | null {
    const { gap, lastTrade } = stream.record
    if (gap === null || gap.reason === 'overflow' || lastTrade === null || at === null) return null
    const { adopt, endpoint } = this.#kit.init
    return adopt || (endpoint.rest === null && !this.#history.onConnection) ? null : gap
  }

  #begin(stream: Stream, gap: StreamGap, at: Micros): Run {
    const { withinMs, settleMs = 0 } = this.#history
    let run = this.#runs.get(stream)
    if (run === undefined) {
      run = { stream, gap, begun: at, requests: 0, holes: 0, vain: 0, busy: false }
      this.#runs.set(stream, run)
      this.#kit.alarms.set(alarm('end', stream), at, withinMs, (now) => {
        const late = this.#running(stream)
        if (late !== null) this.#end(late, false, now)
      })
    }
    if (!run.busy) this.#later(run, at, settleMs)
    return run
  }

  #later(run: Run, at: Micros, afterMs: number): void {
    if (afterMs === 0) {
      this.#ask(run, at)
      return
    }
    run.busy = true
    this.#kit.alarms.set(alarm('ask', run.stream), at, afterMs, (now) => {
      if (this.#running(run.stream) === run) this.#ask(run, now)
    })
  }

  #ask(run: Run, at: Micros): void {
    const { stream, gap } = run
    const { lastTrade } = stream.record
    if (lastTrade === null || run.requests === this.#history.requests) {
      this.#end(run, false, at)
      return
    }
    if (lastTrade.exchangeTime > at + CLOCK_AHEAD) gap.lost = true
    run.busy = true
    run.holes = gap.holes
    if (run.requests++ === 0) this.#report(stream, 'asked')
    this.#history.ask(stream, lastTrade, at)
  }

  #again(run: Run, at: Micros, leastMs = 0): void {
    const afterMs = Math.max(leastMs, this.#history.retryMs * 2 ** run.vain++)
    const leftMs = this.#history.withinMs - this.#kit.alarms.elapsedMs(run.begun, at)
    if (afterMs < leftMs) this.#later(run, at, afterMs)
    else this.#end(run, false, at)
  }

  /**
   * Without what is older than what is known, whose ids may have been forgotten. Times tell it only where no id does: a venue's
   * clock may have been off.
   */
  #newer({ record }: Stream, rows: readonly TradeFields[]): readonly TradeFields[] {
    const known = rows.findIndex(({ id }) => record.tradeIds.has(id))
    if (known !== -1) return rows.slice(known + 1)
    const since = record.lastTrade?.exchangeTime ?? null
    return rows.filter(({ exchangeTime }) => !isLater(since, exchangeTime))
  }

  /**
   * What waits is told: history before the end of the gap, and the rest after it.
   *
   * @param beyond trades that history has and the stream has not brought yet, by their time.
   */
  #end(run: Run, whole: boolean, at: Micros, beyond: readonly TradeFields[] = []): void {
    const { stream, gap } = run
    const { streams } = this.#kit
    this.#drop(stream)
    const healed = whole && !gap.lost
    if (!healed) streams.backfill(stream, oldestFirst([...gap.earlier.values()]), at)
    streams.backfill(stream, [...gap.history.values()], at)
    const [first = null] = gap.live.values()
    const [next = first] = first === null ? [] : split(beyond, first.exchangeTime)[0]
    streams.endGap(stream, healed, at, next)
    let faster = beyond
    for (const fields of gap.live.values()) {
      const [before, after] = split(faster, fields.exchangeTime)
      streams.backfill(stream, before, at)
      streams.trade(stream, fields, at)
      faster = after
    }
    streams.backfill(stream, faster, at)
    if (run.requests > 0) this.#report(stream, healed ? 'healed' : 'unhealed')
  }

  /** The run of a stream that is still asked for here; an answer or an alarm may come after that. */
  #running(stream: Stream): Run | null {
    const run = this.#runs.get(stream)
    if (run === undefined) return null
    const held = this.#kit.streams.get(stream.instrument.instrument, stream.channel)
    if (held === stream && stream.state !== 'leaving' && stream.record.gap === run.gap) return run
    this.#drop(stream)
    return null
  }

  /** The gap was ended by somebody else: what waited for that is told. */
  #abandon(stream: Stream, at: Micros | null): void {
    const run = this.#runs.get(stream)
    if (run === undefined || run.gap === stream.record.gap) return
    this.#drop(stream)
    const { earlier, history, live } = run.gap
    const waiting = [...earlier.values(), ...history.values(), ...live.values()]
    this.#kit.streams.backfill(stream, oldestFirst(waiting), at)
  }

  #drop(stream: Stream): void {
    this.#runs.delete(stream)
    this.#kit.alarms.clear(alarm('end', stream))
    this.#kit.alarms.clear(alarm('ask', stream))
  }

  #report({ instrument, channel }: Stream, state: BackfillReport['state'], trades = 0): void {
    this.#kit.sink.backfill?.({ instrument: instrument.instrument, channel, state, trades })
  }
}

/** A trade that waits longer than its frame, which it must not keep in memory. @param at when the frame came */
export function ownTrade(fields: TradeFields, at: Micros | null): TradeFields {
  const { id, price, amount, receivedAt = at } = fields
  return { ...fields, id: ownText(id), price: ownText(price), amount: ownText(amount), receivedAt }
}

/** By time; what has one time stays as it is. */
function oldestFirst(rows: readonly TradeFields[]): TradeFields[] {
  return rows.toSorted((a, b) => (a.exchangeTime ?? 0) - (b.exchangeTime ?? 0))
}

/** The earliest time; null where none is known. */
function earliest(rows: readonly TradeFields[]): Micros | null {
  let time: Micros | null = null
  for (const { exchangeTime } of rows) {
    if (exchangeTime !== null && (time === null || exchangeTime < time)) time = exchangeTime
  }
  return time
}

function isLater(time: Micros | null, than: Micros | null): boolean {
  return time !== null && than !== null && time > than
}

/** Trades up to a time, and those after it. */
function split(rows: readonly TradeFields[], time: Micros | null): [TradeFields[], TradeFields[]] {
  return [
    rows.filter(({ exchangeTime }) => !isLater(exchangeTime, time)),
    rows.filter(({ exchangeTime }) => isLater(exchangeTime, time)),
  ]
}

function alarm(what: 'ask' | 'end', stream: Stream): string {
  return `backfill ${what} ${stream.channel} ${stream.instrument.instrument}`
}
