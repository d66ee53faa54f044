import type { Micros, StreamEvent } from '../../schemas/events.js'
import { logEventId } from '../session/log-event-id.js'
import { RecentIds, type StreamRecord } from '../session/memory.js'
import { ArbitratedStream, isHistory, type LegView, type Loss } from './arbitrated-stream.js'
import type { Leg } from './leg.js'

interface LogView extends LegView {
  /**
   * Whether everything before the leg's next event has been passed on. Its news then comes first or second, and either way in
   * order. A leg that is not joined may be ahead of what the others still owe, so its news waits.
   */
  joined: boolean
  /** Whether it has brought what was passed on last. What one that is behind brings first may be of the past. */
  level: boolean
  /** Its history reached back to what was passed on before. */
  overlapped: boolean
  /** What nobody has passed on, history and news, in the order of the wire. */
  readonly kept: Map<string, StreamEvent>
  /** What it brought and nobody passed on before it was lost: the leg itself holds it to be told. */
  readonly untold: Set<string>
  /** How often the leg has told what has no id of its own. */
  readonly times: Map<string, number>
}

/** Ids remembered of what was passed on: a line that was away asks the venue for all that it missed, told or not. */
const IDS_KEPT = 20_000
/** Events of a leg that is not joined: with more, it is taken as joined. */
const EVENTS_KEPT = 10_000
/** What a line that was held up still brings has come after this. */
const LATE_MICROS: Micros = 30_000_000
/** Events without an id that a leg's are counted of. */
const COUNTED = 1_000

/** Trades, liquidations, transactions, blocks: each passed on once, by id, whichever leg brings it first. */
export class ArbitratedLog extends ArbitratedStream<LogView> {
  protected readonly healing = false
  readonly #ids = new RecentIds(IDS_KEPT)
  /** Exchange time of the last news that was passed on. */
  #toldAt: Micros | null = null
  /** Its key, and when it was passed on. */
  #last: { readonly key: string; readonly at: Micros | null } | null = null

  override adopt(leg: Leg): void {
    super.adopt(leg)
    const { instrument, channel } = this.subscription
    const record = leg.memory.peek(instrument.instrument, channel)
    for (const id of record?.tradeIds ?? []) this.#ids.add(id)
    this.#toldAt = record?.lastTrade?.exchangeTime ?? null
    const view = this.views.get(leg)
    if (view === undefined) return
    view.joined = true
    view.level = true
  }

  override release(at: Micros): StreamRecord {
    const record = super.release(at)
    for (const id of this.#ids) record.tradeIds.add(id)
    return record
  }

  override inherit(record: StreamRecord): void {
    super.inherit(record)
    for (const id of record.tradeIds) this.#ids.add(id)
  }

  override dissolve(leg: Leg, at: Micros | null): void {
    super.dissolve(leg, at)
    const { instrument, channel } = this.subscription
    const { tradeIds } = leg.memory.record(instrument.instrument, channel)
    for (const id of this.#ids) tradeIds.add(id)
  }

  force(leg: Leg): void {
    const view = this.views.get(leg)
    if (view?.state !== 'whole') return
    this.#join(view)
    this.active = view
  }

  protected viewOf(leg: Leg): LogView {
    const base = { leg, state: 'waiting' as const, wholeSince: null, lastAt: null, silentSince: null }
    return {
      ...base,
      last: null,
      joined: false,
      level: false,
      overlapped: false,
      kept: new Map(),
      untold: new Set(),
      times: new Map(),
    }
  }

  protected datum(view: LogView, event: StreamEvent): void {
    const key = logEventId(event) ?? this.#nth(view, event)
    const historical = isHistory(event)
    if (this.#ids.has(key)) {
      const last = key === this.#last?.key
      if (historical) view.overlapped = true
      else if (!view.joined) this.#join(view, true)
      view.level ||= last
    } else if (historical) {
      if (this.other(view) === null) this.#tell(view, key, event, false)
      else view.kept.set(key, event)
    } else if (view.joined || this.other(view) === null) {
      this.#join(view)
      this.#tell(view, key, event, this.#isPast(view, event))
    } else this.#keep(view, key, event)
    this.reconsider()
  }

  protected becameWhole(view: LogView, first: boolean): void {
    if (first) for (const other of this.views.values()) other.joined = false
    // What it brought while another was waited for, until that was doubted, comes before the end of the gap.
    if (first || (view.overlapped && view.kept.size === 0)) this.#join(view)
  }

  protected forget(view: LogView): void {
    view.joined = false
    view.overlapped = false
    view.level = false
    for (const key of view.kept.keys()) view.untold.add(key)
    view.kept.clear()
  }

  /**
   * A leg that knew the stream fills its own hole, from where it ended itself and not where the user's knowledge ends; only it
   * can tell whether it filled all of it. Of one that begins, its history tells, where that reaches back.
   */
  protected heals(view: LogView, healed: boolean, from: Micros | null): boolean {
    const told = [...view.untold].every((key) => this.#ids.has(key))
    view.untold.clear()
    return from === null ? view.overlapped : healed && told
  }

  protected lost(view: LogView, other: LogView, { reason, at, toldUntil }: Loss): void {
    if (this.active === view) this.active = other
    if (other.joined) return
    if (!this.#knows(other, toldUntil))
      this.openGap(reason, `${other.leg.name} takes over and cannot tell what came before`, at)
    this.#join(other)
    this.closeGap(false, at)
  }

  protected settled(wanted: LogView, at: Micros): void {
    if (this.#contradicts(wanted)) this.openGap('stale', `${wanted.leg.name} shows what was not told`, at)
    this.#join(wanted)
    this.active = wanted
  }

  protected reconsider(): void {
    const { wanted } = this
    if (wanted?.state === 'whole' && wanted.joined) this.active = wanted
  }

  /** The dropped ones were passed on: no leg will bring them again. */
  protected restore(): void {}

  /** Two liquidations that are alike in everything are two: each leg tells the first, and then the second. */
  #nth(view: LogView, event: StreamEvent): string {
    const said = JSON.stringify({ ...event, n: 0, receiveTime: null })
    const nth = (view.times.get(said) ?? 0) + 1
    view.times.delete(said)
    view.times.set(said, nth)
    const [oldest] = view.times.keys()
    if (view.times.size > COUNTED && oldest !== undefined) view.times.delete(oldest)
    return `${said} ${nth}`
  }

  #keep(view: LogView, key: string, event: StreamEvent): void {
    view.kept.set(key, event)
    const oldest = oldestNews(view.kept)
    if (!this.isLate(oldest, event.receiveTime) && view.kept.size < EVENTS_KEPT) return
    const told = this.#toldAt
    const { exchangeTime } = event
    if (told !== null && exchangeTime !== null && exchangeTime < told && this.#goesOn(view, oldest)) {
      this.#release(view, true)
      return
    }
    // The others keep silent: what they bring later has to join anew.
    let until: Micros | null = null
    for (const behind of this.views.values()) {
      if (behind === view) continue
      behind.joined = false
      const heard = behind.state === 'whole' ? this.heardUntil(behind) : null
      if (heard !== null) until = Math.max(until ?? heard, heard)
    }
    if (!this.#knows(view, until)) {
      const detail = `${view.leg.name} cannot tell what the other, which is silent, saw last`
      this.openGap('stale', detail, event.receiveTime)
    }
    this.#join(view)
    this.closeGap(false, event.receiveTime)
  }

  /**
   * Whether a leg that is not joined has all that the others may owe: by its history, or because they told everything until two
   * seconds after it was whole. One that went on without what this one kept was held up: what it told last is of no known time.
   *
   * @param until when another was heard last
   */
  #knows(view: LogView, until: Micros | null): boolean {
    if (this.#contradicts(view)) return false
    if (view.overlapped) return true
    const oldest = oldestNews(view.kept)
    const heldUp = until !== null && oldest !== null && until > oldest
    return !heldUp && this.isLate(view.wholeSince, until)
  }

  /**
   * Whether the leg's history shows that the others did not tell everything, however much they were heard of: it holds what is
   * newer than the last that was told, and does not reach back to that.
   */
  #contradicts(view: LogView): boolean {
    const told = this.#toldAt
    if (view.overlapped || told === null) return false
    for (const [key, event] of view.kept) {
      const { exchangeTime } = event
      const later = exchangeTime !== null && exchangeTime > told
      if (isHistory(event) && later && !this.#ids.has(key)) return true
    }
    return false
  }

  /** Whether another leg has gone on with the stream since. */
  #goesOn(view: LogView, since: Micros | null): boolean {
    for (const other of this.views.values()) {
      if (other === view || !other.joined || other.state !== 'whole') continue
      const heard = this.heardUntil(other)
      if (since !== null && heard !== null && heard >= since) return true
    }
    return false
  }

  /** From here on the leg's news is passed on as it comes; first what it had to keep. @param past as for `#release` */
  #join(view: LogView, past = false): void {
    view.joined = true
    this.#release(view, past)
  }

  /** Tells what a leg had to keep. @param past it came before something that was passed on */
  #release(view: LogView, past: boolean): void {
    if (view.kept.size === 0) return
    const kept = [...view.kept]
    view.kept.clear()
    for (const [key, event] of kept) {
      if (!this.#ids.has(key)) this.#tell(view, key, event, past || this.#isPast(view, event))
    }
  }

  #tell(view: LogView, key: string, event: StreamEvent, past: boolean): void {
    const told = past && event.type === 'trade' ? { ...event, historical: true } : event
    this.#ids.add(key)
    if (!isHistory(told)) {
      this.#toldAt = event.exchangeTime
      this.#last = { key, at: event.receiveTime }
      for (const each of this.views.values()) each.level = each === view
    }
    this.pass(told, !isHistory(told))
    for (const each of this.views.values()) if (!each.joined) this.#told(each, key)
  }

  /** A line that was held up may bring what the stream has gone on without: that is told as the past that it is. */
  #isPast(view: LogView, { exchangeTime, receiveTime }: StreamEvent): boolean {
    // The clock of the venue may be set back: what comes next of a leg that is level, or long after the last news, is news.
    if (view.level || this.isLate(this.#last?.at ?? null, receiveTime, LATE_MICROS)) return false
    return this.#toldAt !== null && exchangeTime !== null && exchangeTime < this.#toldAt
  }

  /** Something that a leg keeps was passed on: where that is news, everything before it was too. */
  #told(view: LogView, key: string): void {
    const event = view.kept.get(key)
    if (event === undefined) return
    if (isHistory(event)) {
      view.kept.delete(key)
      for (const each of view.kept.values()) if (isHistory(each)) return
    } else {
      for (const earlier of view.kept.keys()) {
        view.kept.delete(earlier)
        if (earlier === key) break
      }
    }
    if (view.state === 'whole') this.#join(view)
  }
}

/** Receive time of the first news among what is kept. */
function oldestNews(kept: ReadonlyMap<string, StreamEvent>): Micros | null {
  for (const event of kept.values()) if (!isHistory(event)) return event.receiveTime
  return null
}
