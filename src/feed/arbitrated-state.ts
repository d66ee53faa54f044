import type { GapReason, StreamEvent } from '../../schemas/events.js'
import { ArbitratedStream, type LegView } from './arbitrated-stream.js'
import type { Leg } from './leg.js'

interface StateView extends LegView {
  last: StreamEvent | null
  /** The leg is behind what was passed on: what it repeats is dropped until it is level. */
  behind: boolean
}

/** States remembered, to tell a leg that is behind from one that has news. */
const STATES_KEPT = 64

/**
 * Quotes, tickers, candles, derivatives, instruments: each event is the whole truth, so one leg is followed at a time. A leg
 * that takes over may be a few events behind; it is followed once it has repeated the last one that was passed on.
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
    return { ...base, last: null, behind: false }
  }

  protected datum(view: StateView, event: StreamEvent): void {
    view.last = event
    const { active } = this
    if (active !== null && active !== view && active.state === 'whole') {
      const news = !this.#recent.includes(content(event))
      if (news && this.outpaces(view, event.receiveTime)) this.#follow(view)
      else this.reconsider()
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
    if (this.active === view) this.#follow(other)
  }

  /** The followed leg and the wanted one have said the same last: nothing is between them. */
  protected reconsider(): void {
    const { active, wanted } = this
    if (wanted === null || wanted === active || wanted.state !== 'whole' || wanted.last === null) return
    const news = content(wanted.last)
    if (active === null || news === this.#recent.at(-1)) {
      this.active = wanted
      wanted.behind = false
    }
  }

  /** The next event is the whole truth again. */
  protected restore(): void {}

  #follow(view: StateView): void {
    this.active = view
    view.behind = true
    const { last } = view
    if (last === null) return
    const ahead = (last.receiveTime ?? 0) > (this.emittedAt ?? 0)
    if (ahead || content(last) === this.#recent.at(-1)) this.#tell(view, last)
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
  }
}

/** What an event says, whenever and on whichever connection it was said. */
function content(event: StreamEvent): string {
  const said = 'sequence' in event ? { ...event, sequence: null } : event
  return JSON.stringify({ ...said, receiveTime: null })
}
