import type { GapReason, Micros, StreamEvent } from '../../schemas/events.js'
import { ArbitratedStream, isHistory, type LegView } from './arbitrated-stream.js'
import type { Leg } from './leg.js'

interface StateView extends LegView {
  last: StreamEvent | null
  /** The leg is behind what was passed on: what it repeats is dropped until it is level. */
  behind: boolean
  /** What the leg has told and nobody has passed on, by content: what the followed leg still owes. */
  readonly news: Map<string, StreamEvent>
}

/** States remembered, to tell a leg that is behind from one that has news. */
const STATES_KEPT = 64
/** News remembered of a leg that is not followed. */
const NEWS_KEPT = 256

/**
 * Quotes, tickers, candles, derivatives, instruments: each event is the whole truth, so one leg is followed at a time. A leg
 * that takes over may be a few events behind: it is followed once it has repeated the last one that was passed on. Or it may
 * be ahead: what it has told meanwhile comes first, for a candle that closed is not told again.
 */
export class ArbitratedState extends ArbitratedStream<StateView> {
  protected readonly healing = true
  #recent: string[] = []

  override ledBy(leg: Leg): boolean {
    return super.ledBy(leg) && this.active?.behind === false
  }

  force(leg: Leg): void {
    const view = this.views.get(leg)
    if (view?.state === 'whole' && this.active !== view) this.#follow(view)
  }

  protected viewOf(leg: Leg): StateView {
    const base = { leg, state: 'waiting' as const, wholeSince: null, lastAt: null, silentSince: null }
    return { ...base, last: null, behind: false, news: new Map() }
  }

  protected datum(view: StateView, event: StreamEvent): void {
    view.last = event
    const { active } = this
    if (active !== null && active !== view && active.state === 'whole') {
      const news = content(event)
      if (!isHistory(event) && !this.#recent.includes(news)) {
        this.#keep(view, news, event)
        if (this.outpaces(view, event.receiveTime)) this.#follow(view)
      }
      this.reconsider()
      return
    }
    if (active !== view) {
      this.active = view
      view.behind = active !== null
    }
    this.#tell(view, event)
    this.reconsider()
  }

  protected becameWhole(): void {}

  protected heals(_view: StateView, healed: boolean): boolean {
    return healed
  }

  protected lost(view: StateView, other: StateView, _reason: GapReason): void {
    view.news.clear()
    if (this.active === view) this.#follow(other)
  }

  /** The followed leg and the wanted one have said the same last: nothing is between them. */
  protected reconsider(): void {
    const { active, wanted } = this
    if (wanted === null || wanted === active || wanted.state !== 'whole' || wanted.last === null) return
    if (active === null || content(wanted.last) === this.#recent.at(-1)) {
      this.active = wanted
      wanted.behind = false
      wanted.news.clear()
    }
  }

  /** The next event is the whole truth again. */
  protected restore(_at: Micros): void {}

  #follow(view: StateView): void {
    this.active = view
    const owed = [...view.news.values()]
    view.news.clear()
    view.behind = owed.length === 0
    for (const event of owed) this.#tell(view, event)
  }

  #keep(view: StateView, news: string, event: StreamEvent): void {
    view.news.set(news, event)
    const [oldest] = view.news.keys()
    if (view.news.size > NEWS_KEPT && oldest !== undefined) view.news.delete(oldest)
  }

  #tell(view: StateView, event: StreamEvent): void {
    const news = content(event)
    if (view.behind) {
      const known = this.#recent.lastIndexOf(news)
      if (known === this.#recent.length - 1 || known === -1) view.behind = false
      if (known !== -1) return
    }
    this.#recent.push(news)
    if (this.#recent.length > STATES_KEPT) this.#recent.shift()
    this.pass(event, true)
    for (const other of this.views.values()) if (other !== view) settle(other.news, news, event)
  }
}

/** Something was passed on: what a leg has told before that is owed no more. */
function settle(owed: Map<string, StreamEvent>, news: string, told: StreamEvent): void {
  const same = owed.has(news)
  for (const [key, event] of owed) {
    if (!same && isAhead(event, told)) return
    owed.delete(key)
    if (key === news) return
  }
}

/** Whether an event certainly comes after another one of its stream. */
function isAhead(event: StreamEvent, of: StreamEvent): boolean {
  if (event.type === 'candle' && of.type === 'candle' && event.openTime !== of.openTime) {
    return event.openTime > of.openTime
  }
  if (event.type === 'candle' && of.type === 'candle' && event.closed !== of.closed) return event.closed
  return event.exchangeTime !== null && of.exchangeTime !== null && event.exchangeTime > of.exchangeTime
}

/** What an event says, whenever and on whichever connection it was said. */
function content(event: StreamEvent): string {
  const said = 'sequence' in event ? { ...event, sequence: null } : event
  return JSON.stringify({ ...said, receiveTime: null })
}
