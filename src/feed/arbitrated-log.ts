import type { Micros, StreamEvent } from '../../schemas/events.js'
import { RecentIds, type StreamRecord } from '../session/memory.js'
import { ArbitratedStream, isHistory, isLate, type LegView, type Loss } from './arbitrated-stream.js'
import type { Leg } from './leg.js'

interface LogView extends LegView {
  /**
   * Whether everything before the leg's next event has been passed on. Its news then comes first or second, and either way in
   * order. A leg that is not joined may be ahead of what the others still owe, so its news waits.
   */
  joined: boolean
  /** Since when it is joined and may still bring what came before something that was passed on. Null: it does not. */
  lateSince: Micros | null
  /** Its history reached back to what was passed on before. */
  overlapped: boolean
  /** History that nobody has passed on, in the order of the wire. */
  readonly history: Map<string, StreamEvent>
  /** News that nobody has passed on, in the venue's order. */
  readonly news: Map<string, StreamEvent>
  /** What it brought and nobody passed on before it was lost: the leg itself holds it to be told. */
  readonly untold: Set<string>
  /** How often the leg has told what has no id of its own. */
  readonly times: Map<string, number>
}

/** Ids remembered of what was passed on: a line that was away asks the venue for all that it missed, told or not. */
const IDS_KEPT = 20_000
/** News of a leg that is not joined: with more, it is taken as joined. */
const NEWS_KEPT = 10_000
/** What a line still held when it was joined has come after this. A venue's clock may be set back. */
const LATE_MICROS: Micros = 30_000_000
/** Events without an id that a leg's are counted of. */
const COUNTED = 1_000

/** Trades, liquidations, transactions, blocks: each passed on once, by id, whichever leg brings it first. */
export class ArbitratedLog extends ArbitratedStream<LogView> {
  protected readonly healing = false
  readonly #ids = new RecentIds(IDS_KEPT)
  /** Exchange time of the last news that was passed on. */
  #toldAt: Micros | null = null

  override adopt(leg: Leg): void {
    super.adopt(leg)
    const { instrument, channel } = this.subscription
    const record = leg.memory.peek(instrument.instrument, channel)
    for (const id of record?.tradeIds ?? []) this.#ids.add(id)
    this.#toldAt = record?.lastTrade?.exchangeTime ?? null
    const view = this.views.get(leg)
    if (view !== undefined) view.joined = true
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
      lateSince: null,
      overlapped: false,
      history: new Map(),
      news: new Map(),
      untold: new Set(),
      times: new Map(),
    }
  }

  protected datum(view: LogView, event: StreamEvent): void {
    const key = idOf(event) ?? this.#nth(view, event)
    const historical = isHistory(event)
    if (this.#ids.has(key)) {
      if (historical) view.overlapped = true
      else if (!view.joined) this.#join(view)
    } else if (historical) {
      if (this.other(view) === null) this.#tell(key, event)
      else view.history.set(key, event)
    } else if (view.joined || this.other(view) === null) {
      this.#join(view)
      this.#tell(key, this.#asItIs(view, event))
    } else this.#keep(view, key, event)
    this.reconsider()
  }

  protected becameWhole(view: LogView, first: boolean): void {
    if (first) for (const other of this.views.values()) other.joined = false
    if (view.joined || !(first || (view.overlapped && view.history.size === 0))) return
    view.joined = true
    view.lateSince = view.wholeSince
    // Of one that another was waited for, until that was doubted.
    this.#release(view)
  }

  protected forget(view: LogView): void {
    view.joined = false
    view.overlapped = false
    for (const key of [...view.history.keys(), ...view.news.keys()]) view.untold.add(key)
    view.history.clear()
    view.news.clear()
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
    const covered =
      other.joined || other.overlapped || (other.wholeSince !== null && isLate(other.wholeSince, toldUntil))
    if (this.active === view) this.active = other
    if (other.joined) return
    if (!covered || this.#contradicts(other))
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
    const said = JSON.stringify({ ...event, receiveTime: null })
    const nth = (view.times.get(said) ?? 0) + 1
    view.times.delete(said)
    view.times.set(said, nth)
    const [oldest] = view.times.keys()
    if (view.times.size > COUNTED && oldest !== undefined) view.times.delete(oldest)
    return `${said} ${nth}`
  }

  #keep(view: LogView, key: string, event: StreamEvent): void {
    view.news.set(key, event)
    const oldest = view.news.values().next().value?.receiveTime ?? null
    if (!isLate(oldest, event.receiveTime) && view.news.size < NEWS_KEPT) return
    const told = this.#toldAt
    const { exchangeTime } = event
    if (told !== null && exchangeTime !== null && exchangeTime < told && this.#goesOn(view)) {
      this.#release(view)
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
    if (this.#contradicts(view) || (!view.overlapped && !isLate(view.wholeSince, until))) {
      const detail = `${view.leg.name} cannot tell what the other, which is silent, saw last`
      this.openGap('stale', detail, event.receiveTime)
    }
    this.#join(view)
  }

  /**
   * Whether the leg's history shows that the others did not tell everything, however much they were heard of: it holds what is
   * newer than the last that was told, and does not reach back to that.
   */
  #contradicts(view: LogView): boolean {
    const told = this.#toldAt
    if (view.overlapped || told === null) return false
    for (const [key, { exchangeTime }] of view.history) {
      if (exchangeTime !== null && exchangeTime > told && !this.#ids.has(key)) return true
    }
    return false
  }

  /** Whether the stream has another leg to go on with. */
  #goesOn(view: LogView): boolean {
    for (const other of this.views.values()) {
      if (other !== view && other.joined && other.state === 'whole') return true
    }
    return false
  }

  /** From here on the leg's news is passed on as it comes; first what it had to keep. */
  #join(view: LogView): void {
    if (!view.joined) view.lateSince = view.lastAt
    view.joined = true
    this.#release(view)
  }

  /** Tells what a leg had to keep. */
  #release(view: LogView): void {
    if (view.history.size === 0 && view.news.size === 0) return
    const kept = [...view.history, ...view.news]
    view.history.clear()
    view.news.clear()
    for (const [key, event] of kept) {
      if (!this.#ids.has(key)) this.#tell(key, this.#asItIs(view, event))
    }
  }

  /** A line that was held up may bring what the stream has gone on without: that is told as the past that it is. */
  #asItIs(view: LogView, event: StreamEvent): StreamEvent {
    if (isHistory(event) || (view.joined && view.lateSince === null)) return event
    const { exchangeTime, receiveTime } = event
    const told = this.#toldAt
    const past = told !== null && exchangeTime !== null && exchangeTime < told
    const since = view.lateSince
    if (past && (since === null || receiveTime === null || receiveTime - since < LATE_MICROS)) {
      return event.type === 'trade' ? { ...event, historical: true } : event
    }
    view.lateSince = null
    return event
  }

  #tell(key: string, event: StreamEvent): void {
    this.#ids.add(key)
    if (!isHistory(event)) this.#toldAt = event.exchangeTime
    this.pass(event, !isHistory(event))
    for (const view of this.views.values()) if (!view.joined) this.#told(view, key)
  }

  /** Something that a leg keeps was passed on: where that is news, everything before it was too. */
  #told(view: LogView, key: string): void {
    if (view.news.has(key)) {
      view.history.clear()
      for (const earlier of view.news.keys()) {
        view.news.delete(earlier)
        if (earlier === key) break
      }
    } else if (!view.history.delete(key) || view.history.size > 0) return
    if (view.state === 'whole') this.#join(view)
  }
}

/** What makes an event of the stream the same on every connection; null where the venue gives it no name. */
function idOf(event: StreamEvent): string | null {
  switch (event.type) {
    case 'trade':
      return event.id
    case 'block':
      return event.hash
    case 'transaction':
      return `${event.hash} ${event.height}`
    case 'liquidation':
      return event.id
    default:
      return null
  }
}
