import type { Micros, StreamEvent } from '../../schemas/events.js'
import { fingerprintOf } from './fingerprint.js'
import {
  isHistory,
  type MergeConnection,
  MergedStream,
  newTrack,
  OVERLAP_MICROS,
  type Track,
  type TrackLoss,
} from './merged-stream.js'

interface ValueTrack extends Track {
  last: StreamEvent | null
  /** Since when it lags behind what was emitted: what it repeats is dropped. Null where it does not. */
  behind: { readonly since: Micros | null } | null
  /** What it delivered and was not emitted: the active track has yet to deliver it. */
  news: StreamEvent[]
}

/** Values remembered, to tell a connection that lags from one that has news. */
const VALUES_KEPT = 64
/** News remembered of a standby. */
const NEWS_KEPT = 256

/**
 * Quotes, tickers, candles, derivatives, instruments: each event is the whole truth, so one track is active at a time. One that becomes
 * active may lag: what it repeats is dropped until it has delivered what was emitted last. Or it is ahead: what it has delivered meanwhile
 * is emitted first, for a candle that closed is not said again.
 */
export class MergedValue extends MergedStream<ValueTrack> {
  protected readonly healing = true
  /** What was emitted of late, as fingerprints. */
  readonly #recent: number[] = []
  #emitted: StreamEvent | null = null

  override ledBy(connection: MergeConnection): boolean {
    return super.ledBy(connection) && this.active?.behind === null
  }

  force(connection: MergeConnection, at: Micros | null): void {
    const track = this.tracks.get(connection)
    if (track?.whole && this.active !== track) this.#activate(track, at)
  }

  /** Many a value comes only when it changes: a connection to which it was granted is whole if it has not changed since. */
  override settle(at: Micros): Micros | null {
    const { active, preferred } = this
    if (preferred !== null && !preferred.whole && active?.whole) {
      const record = this.recordOf(preferred)
      const granted = record?.acked ?? null
      if (record === undefined || granted === null) return at + OVERLAP_MICROS
      const last = Math.max(granted, active.lastAt ?? 0)
      if (!this.isLate(last, at)) return last + OVERLAP_MICROS
      record.gap = null
      preferred.whole = true
      preferred.wholeSince = granted
    }
    return super.settle(at)
  }

  protected newTrack(connection: MergeConnection): ValueTrack {
    return { ...newTrack(connection), last: null, behind: null, news: [] }
  }

  protected datum(track: ValueTrack, event: StreamEvent): void {
    track.last = event
    const { active } = this
    const at = event.receiveTime
    if (active !== null && active !== track && active.whole) {
      if (!isHistory(event) && this.#isNews(event)) {
        track.news.push(event)
        if (track.news.length > NEWS_KEPT) track.news.shift()
        if (this.outpaces(track, at)) this.#activate(track, at)
      }
      this.reconsider(at)
      return
    }
    const ahead = active === track ? this.farAhead(track, event) : null
    if (ahead !== null) {
      this.#activate(ahead, at)
      return
    }
    if (active !== track) {
      this.active = track
      track.behind = active === null ? null : { since: at }
    }
    this.#emitFrom(track, event)
    this.reconsider(at)
  }

  protected override forget(track: ValueTrack): void {
    track.news = []
  }

  protected lost(track: ValueTrack, other: ValueTrack, { at }: TrackLoss): void {
    if (this.active === track) this.#activate(other, at)
  }

  protected settled(preferred: ValueTrack, at: Micros): void {
    // What was emitted before the merge began is not known here, and the track has just repeated it.
    if (this.#emitted === null) preferred.news = []
    this.#activate(preferred, at)
    preferred.behind = null
  }

  /** The preferred track has delivered what was emitted, or is certainly ahead of it: nothing is lost between them. */
  protected reconsider(at: Micros | null): void {
    const { active, preferred } = this
    if (preferred === null || preferred === active || !preferred.whole || preferred.last === null) return
    const emitted = this.#emitted
    const level = active === null || this.#isLevel(preferred.last)
    if (level || (emitted !== null && placeOf(preferred.last, emitted) === 'after'))
      this.#activate(preferred, at)
  }

  #activate(track: ValueTrack, at: Micros | null): void {
    this.active = track
    const { news } = track
    track.news = []
    const level = track.last !== null && this.#isLevel(track.last)
    track.behind = level || news.length > 0 ? null : { since: at }
    for (const event of news) this.#emitFrom(track, event)
  }

  #isNews(event: StreamEvent): boolean {
    const said = fingerprintOf(event)
    if (said === this.#recent.at(-1)) return false
    const place = this.#emitted === null ? 'unknown' : placeOf(event, this.#emitted)
    return place === 'unknown' ? !this.#recent.includes(said) : place === 'after'
  }

  /**
   * Whether an event says what was emitted last. A market often returns to a value: the same of an earlier time is that of a connection
   * that lags.
   */
  #isLevel(event: StreamEvent): boolean {
    if (fingerprintOf(event) !== this.#recent.at(-1)) return false
    return this.#emitted === null || placeOf(event, this.#emitted) !== 'before'
  }

  #emitFrom(track: ValueTrack, event: StreamEvent): void {
    if (track.behind !== null) {
      const level = this.#isLevel(event)
      // A venue's clock that was set back would hold its values back for as long.
      if (!level && !this.#isNews(event) && !this.isLate(track.behind.since, event.receiveTime)) return
      track.behind = null
      if (level) return
    }
    this.#recent.push(fingerprintOf(event))
    if (this.#recent.length > VALUES_KEPT) this.#recent.shift()
    this.#emitted = event
    this.emit(event, true)
    for (const other of this.tracks.values()) if (other !== track) other.news = newsAfter(other.news, event)
  }
}

/** What is still news once an event was emitted. */
function newsAfter(news: StreamEvent[], emitted: StreamEvent): StreamEvent[] {
  if (news.length === 0) return news
  const said = fingerprintOf(emitted)
  const same = news.findIndex((event) => fingerprintOf(event) === said)
  if (same !== -1) return news.slice(same + 1)
  const ahead = news.findIndex((event) => placeOf(event, emitted) === 'after')
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
