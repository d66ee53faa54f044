import type { Micros, StreamEvent } from '../../schemas/events.js'
import { ArbitratedStream, isHistory, type LegView, type Loss } from './arbitrated-stream.js'
import type { Leg } from './leg.js'

interface StateView extends LegView {
  last: StreamEvent | null
  /** Since when the leg is behind what was passed on: what it repeats is dropped until it is level. Null: it is not. */
  behind: { readonly since: Micros | null } | null
  /** What the leg has told and nobody has passed on: what the followed leg still owes. */
  news: StreamEvent[]
}

/** States remembered, to tell a leg that is behind from one that has news. */
const STATES_KEPT = 64
/** News remembered of a leg that is not followed. */
const NEWS_KEPT = 256

/**
 * Quotes, tickers, candles, derivatives, instruments: each event is the whole truth, so one leg is followed at a time. A leg
 * that takes over may be a few events behind: it is followed once it is level with the last one that was passed on. Or it may
 * be ahead: what it has told meanwhile comes first, for a candle that closed is not told again.
 */
export class ArbitratedState extends ArbitratedStream<StateView> {
  protected readonly healing = true
  #recent: string[] = []
  /** What was passed on last. */
  #told: StreamEvent | null = null

  override ledBy(leg: Leg): boolean {
    return super.ledBy(leg) && this.active?.behind === null
  }

  force(leg: Leg, at: Micros | null): void {
    const view = this.views.get(leg)
    if (view?.state === 'whole' && this.active !== view) this.#follow(view, at)
  }

  protected viewOf(leg: Leg): StateView {
    const base = { leg, state: 'waiting' as const, wholeSince: null, lastAt: null, silentSince: null }
    return { ...base, last: null, behind: null, news: [] }
  }

  protected datum(view: StateView, event: StreamEvent): void {
    view.last = event
    const { active } = this
    if (active !== null && active !== view && active.state === 'whole') {
      if (!isHistory(event) && this.#isNews(event)) {
        this.#keep(view, event)
        if (this.outpaces(view, event.receiveTime)) this.#follow(view, event.receiveTime)
      }
      this.reconsider(event.receiveTime)
      return
    }
    const ahead = active === view ? this.farAhead(view, event) : null
    if (ahead !== null) {
      this.#follow(ahead, event.receiveTime)
      return
    }
    if (active !== view) {
      this.active = view
      view.behind = active === null ? null : { since: event.receiveTime }
    }
    this.#tell(view, event)
    this.reconsider(event.receiveTime)
  }

  protected becameWhole(): void {}

  protected forget(view: StateView): void {
    view.news = []
  }

  protected heals(_view: StateView, healed: boolean): boolean {
    return healed
  }

  protected lost(view: StateView, other: StateView, { at }: Loss): void {
    if (this.active === view) this.#follow(other, at)
  }

  /** Many a state is told only when it changes. A leg that was granted it is whole if it has not changed since. */
  override settle(at: Micros): void {
    const { active, wanted } = this
    if (wanted?.state === 'waiting' && active?.state === 'whole') {
      const record = this.record(wanted)
      const granted = record?.acked ?? null
      if (record === undefined || granted === null) return
      if (!this.isLate(Math.max(granted, active.lastAt ?? 0), at)) return
      record.gap = null
      this.vouch(wanted, granted)
    }
    super.settle(at)
  }

  protected settled(wanted: StateView, at: Micros): void {
    // What was told before there was an arbiter is not known here, and the leg has just repeated it.
    if (this.#told === null) wanted.news = []
    this.#follow(wanted, at)
    wanted.behind = null
  }

  /** The wanted leg is level with what was passed on, or certainly ahead of it: nothing is lost between them. */
  protected reconsider(at: Micros | null): void {
    const { active, wanted } = this
    if (wanted === null || wanted === active || wanted.state !== 'whole' || wanted.last === null) return
    const told = this.#told
    const level = active === null || this.#isLevel(wanted.last)
    if (level || (told !== null && placeOf(wanted.last, told) === 'after')) this.#follow(wanted, at)
  }

  /** The next event is the whole truth again. */
  protected restore(): void {}

  #follow(view: StateView, at: Micros | null): void {
    this.active = view
    const owed = view.news
    view.news = []
    const level = view.last !== null && this.#isLevel(view.last)
    view.behind = level || owed.length > 0 ? null : { since: at }
    for (const event of owed) this.#tell(view, event)
  }

  #isNews(event: StreamEvent): boolean {
    const news = content(event)
    if (news === this.#recent.at(-1)) return false
    const place = this.#told === null ? 'unknown' : placeOf(event, this.#told)
    return place === 'unknown' ? !this.#recent.includes(news) : place === 'after'
  }

  /**
   * Whether an event says what was passed on last. A market often returns to a state: the same words of an earlier time are those
   * of a connection that is behind.
   */
  #isLevel(event: StreamEvent): boolean {
    if (content(event) !== this.#recent.at(-1)) return false
    return this.#told === null || placeOf(event, this.#told) !== 'before'
  }

  #keep(view: StateView, event: StreamEvent): void {
    view.news.push(event)
    if (view.news.length > NEWS_KEPT) view.news.shift()
  }

  #tell(view: StateView, event: StreamEvent): void {
    const news = content(event)
    if (view.behind !== null) {
      const level = this.#isLevel(event)
      // A venue's clock that was set back would hold its states back for as long.
      if (!level && !this.#isNews(event) && !this.isLate(view.behind.since, event.receiveTime)) return
      view.behind = null
      if (level) return
    }
    this.#recent.push(news)
    if (this.#recent.length > STATES_KEPT) this.#recent.shift()
    this.#told = event
    this.pass(event, true)
    for (const other of this.views.values()) if (other !== view) other.news = owedAfter(other.news, event)
  }
}

/** What a leg has told that is still news once an event was passed on. */
function owedAfter(news: StreamEvent[], told: StreamEvent): StreamEvent[] {
  if (news.length === 0) return news
  const said = content(told)
  const same = news.findIndex((event) => content(event) === said)
  if (same !== -1) return news.slice(same + 1)
  const ahead = news.findIndex((event) => placeOf(event, told) === 'after')
  return ahead === -1 ? [] : news.slice(ahead)
}

/** Where an event stands in its stream beside another one, as far as the venue itself says so. */
function placeOf(event: StreamEvent, of: StreamEvent): 'before' | 'after' | 'unknown' {
  if (event.type === 'candle' && of.type === 'candle') {
    if (event.openTime !== of.openTime) return event.openTime > of.openTime ? 'after' : 'before'
    if (event.closed !== of.closed) return event.closed ? 'after' : 'before'
  }
  const { exchangeTime } = event
  if (exchangeTime === null || of.exchangeTime === null || exchangeTime === of.exchangeTime) return 'unknown'
  return exchangeTime > of.exchangeTime ? 'after' : 'before'
}

/** What an event says, whenever, on whichever connection and as whichever event it was said; a venue may stamp each frame as it sends it. */
function content(event: StreamEvent): string {
  const said = 'sequence' in event ? { ...event, sequence: null } : event
  return JSON.stringify({ ...said, n: 0, exchangeTime: null, receiveTime: null })
}
