import type { Micros, StreamEvent } from '../../schemas/events.js'
import { logEventId } from '../session/log-event-id.js'
import { RecentIds, type StreamRecord } from '../session/memory.js'
import {
  isHistory,
  type MergeConnection,
  MergedStream,
  newTrack,
  type Track,
  type TrackLoss,
} from './merged-stream.js'

interface LogTrack extends Track {
  /**
   * Everything before its next event was emitted: its news comes in order, whichever track has it first. The news of a track that is not
   * joined waits, for it may be ahead of what the others have not delivered yet.
   */
  joined: boolean
  /** It has delivered what was emitted last. What one that lags delivers first may be of the past. */
  level: boolean
  /** Its history reached back to what was emitted before. */
  overlapped: boolean
  /** What nobody has emitted, history and news, in the order of the wire; also from before a gap, for it is not delivered again. */
  readonly kept: Map<string, StreamEvent>
  /** How often it has delivered what has no id of its own. */
  readonly times: Map<string, number>
}

/** Ids remembered of what was emitted: a connection that was away asks the venue for all that it missed, emitted or not. */
const IDS_KEPT = 20_000
/** Events of a track that is not joined: with more, it is taken as joined. */
const EVENTS_KEPT = 10_000
/** After this, what a connection that was held up delivers comes no more. */
const LATE_MICROS: Micros = 30_000_000
/** Events without an id that are counted of a track. */
const COUNTED = 1_000

/**
 * Trades, liquidations, transactions, blocks: each emitted once, by id, from whichever track has it first.
 *
 * | track | becomes joined when |
 * | --- | --- |
 * | waits with its news | it delivers what was emitted; another emits what it keeps; its history is known entirely; its gap ends the stream's |
 * | waits for two seconds, or is the last one | at once, after a gap where the others may have had what it lacks |
 * | joined | stays so until it has a gap, or until others went on without it |
 */
export class MergedLog extends MergedStream<LogTrack> {
  protected readonly healing = false
  readonly #ids = new RecentIds(IDS_KEPT)
  /** The last news that was emitted: its key, the venue's time, and when it came. */
  #last: { readonly key: string; readonly time: Micros | null; readonly at: Micros | null } | null = null

  override adopt(connection: MergeConnection): void {
    super.adopt(connection)
    const track = this.tracks.get(connection)
    if (track === undefined) return
    const record = this.recordOf(track)
    for (const id of record?.tradeIds ?? []) this.#ids.add(id)
    const last = record?.lastTrade ?? null
    if (last !== null) this.#last = { key: '', time: last.exchangeTime, at: null }
    track.joined = true
    track.level = true
  }

  override release(at: Micros): StreamRecord {
    return this.#withIds(super.release(at))
  }

  override inherit(record: StreamRecord): void {
    super.inherit(record)
    for (const id of record.tradeIds) this.#ids.add(id)
  }

  override dissolve(connection: MergeConnection, at: Micros | null): StreamRecord {
    return this.#withIds(super.dissolve(connection, at))
  }

  force(connection: MergeConnection): void {
    const track = this.tracks.get(connection)
    if (!track?.whole) return
    this.#join(track)
    this.active = track
  }

  protected newTrack(connection: MergeConnection): LogTrack {
    const flags = { joined: false, level: false, overlapped: false }
    return { ...newTrack(connection), ...flags, kept: new Map(), times: new Map() }
  }

  protected datum(track: LogTrack, event: StreamEvent): void {
    const key = logEventId(event) ?? nthOf(track.times, event)
    const historical = isHistory(event)
    if (this.#ids.has(key)) {
      const last = key === this.#last?.key
      if (historical) track.overlapped = true
      else if (!track.joined) this.#join(track, true)
      track.level ||= last
    } else if (historical) {
      if (this.other(track) === null) {
        this.#emitKept(track, true)
        this.#emitOnce(track, key, event, false)
      } else {
        if (track.kept.size >= EVENTS_KEPT) this.#emitKept(track, true)
        track.kept.set(key, event)
      }
    } else if (track.joined || this.other(track) === null) {
      this.#join(track)
      this.#emitOnce(track, key, event, this.#isPast(track, event))
    } else this.#keep(track, key, event)
    this.reconsider()
  }

  protected override becameWhole(track: LogTrack, first: boolean): void {
    if (first) for (const other of this.tracks.values()) other.joined = false
    // What it delivered while another was waited for, until that was doubted, comes before the end of the gap.
    if (first || (track.overlapped && track.kept.size === 0)) this.#join(track)
  }

  protected override forget(track: LogTrack): void {
    track.joined = false
    track.overlapped = false
    track.level = false
    if (track.kept.size >= EVENTS_KEPT) this.#emitKept(track, true)
  }

  /**
   * A connection that knew the stream fills its own gap, from where it ended itself and not where the emitted stream ends; only it can tell
   * whether it filled all of it. Of one that begins, its history tells, where that reaches back.
   */
  protected override heals(track: LogTrack, healed: boolean, from: Micros | null): boolean {
    return from === null ? track.overlapped : healed
  }

  protected lost(track: LogTrack, other: LogTrack, { reason, at, wholeUntil }: TrackLoss): void {
    if (this.active === track) this.active = other
    if (other.joined) return
    if (!this.#knows(other, wholeUntil))
      this.openGap(reason, `${other.connection.name} takes over and cannot tell what came before`, at)
    this.#join(other)
    this.closeGap(false, at)
  }

  protected settled(preferred: LogTrack, at: Micros): void {
    if (this.#contradicts(preferred))
      this.openGap('stale', `${preferred.connection.name} shows what was not emitted`, at)
    this.#join(preferred)
    this.active = preferred
  }

  protected reconsider(): void {
    const { preferred } = this
    if (preferred?.whole && preferred.joined) this.active = preferred
  }

  #withIds(record: StreamRecord): StreamRecord {
    for (const id of this.#ids) record.tradeIds.add(id)
    return record
  }

  #keep(track: LogTrack, key: string, event: StreamEvent): void {
    track.kept.set(key, event)
    const { exchangeTime, receiveTime: at } = event
    const oldest = oldestNews(track.kept)
    if (!this.isLate(oldest, at) && track.kept.size < EVENTS_KEPT) return
    const last = this.#last?.time ?? null
    if (last !== null && exchangeTime !== null && exchangeTime < last && this.#goesOn(track, oldest)) {
      this.#emitKept(track, true)
      return
    }
    // The others are silent: what they deliver later has to join anew.
    let until: Micros | null = null
    for (const other of this.tracks.values()) {
      if (other === track) continue
      other.joined = false
      const heard = other.whole ? this.outlet.heardUntil(other.connection) : null
      if (heard !== null) until = Math.max(until ?? heard, heard)
    }
    if (!this.#knows(track, until)) {
      const { name } = track.connection
      this.openGap('stale', `${name} cannot tell what the other, which is silent, delivered last`, at)
    }
    this.#join(track)
    this.closeGap(false, at)
  }

  /**
   * Whether a track that is not joined cannot lack what another has not delivered yet: by its history, or because the others delivered
   * everything until two seconds after it was whole. One that went on without what this one keeps is held up: until when it is whole is
   * not known.
   *
   * @param until when another delivered something last
   */
  #knows(track: LogTrack, until: Micros | null): boolean {
    if (this.#contradicts(track)) return false
    if (track.overlapped) return true
    const oldest = oldestNews(track.kept)
    const heldUp = until !== null && oldest !== null && until > oldest
    return !heldUp && this.isLate(track.wholeSince, until)
  }

  /** Whether the track's history holds what is newer than the last that was emitted, and does not reach back to that. */
  #contradicts(track: LogTrack): boolean {
    const last = this.#last?.time ?? null
    if (track.overlapped || last === null) return false
    for (const [key, event] of track.kept) {
      const later = event.exchangeTime !== null && event.exchangeTime > last
      if (isHistory(event) && later && !this.#ids.has(key)) return true
    }
    return false
  }

  /** Whether another track has gone on with the stream since. */
  #goesOn(track: LogTrack, since: Micros | null): boolean {
    for (const other of this.tracks.values()) {
      if (other === track || !other.joined || !other.whole) continue
      const heard = this.outlet.heardUntil(other.connection)
      if (since !== null && heard !== null && heard >= since) return true
    }
    return false
  }

  /** From here on the track's news is emitted as it comes; first what waits. @param past as for `#emitKept` */
  #join(track: LogTrack, past = false): void {
    track.joined = true
    this.#emitKept(track, past)
  }

  /** Emits what a track had to keep. @param past it came before something that was emitted */
  #emitKept(track: LogTrack, past: boolean): void {
    if (track.kept.size === 0) return
    const kept = [...track.kept]
    track.kept.clear()
    for (const [key, event] of kept) this.#emitOnce(track, key, event, past || this.#isPast(track, event))
  }

  /** What waited on another track may have been emitted meanwhile. */
  #emitOnce(track: LogTrack, key: string, event: StreamEvent, past: boolean): void {
    if (!this.#ids.add(key)) return
    const emitted = past && event.type === 'trade' ? { ...event, historical: true } : event
    const news = !isHistory(emitted)
    if (news) {
      this.#last = { key, time: event.exchangeTime, at: event.receiveTime }
      for (const each of this.tracks.values()) each.level = each === track
    }
    this.emit(emitted, news)
    for (const each of this.tracks.values()) {
      if (!each.joined) this.#wasEmitted(each, key)
    }
  }

  /** A connection that was held up may deliver what the stream has gone on without: that is emitted as the past that it is. */
  #isPast(track: LogTrack, { exchangeTime, receiveTime }: StreamEvent): boolean {
    const last = this.#last
    // The clock of the venue may be set back: what comes next of a track that is level, or long after the last news, is news.
    if (track.level || last === null || this.isLate(last.at, receiveTime, LATE_MICROS)) return false
    return last.time !== null && exchangeTime !== null && exchangeTime < last.time
  }

  /** Something that a track keeps was emitted: where that is news, everything before it was too. */
  #wasEmitted(track: LogTrack, key: string): void {
    const event = track.kept.get(key)
    if (event === undefined) return
    if (isHistory(event)) {
      track.kept.delete(key)
      for (const each of track.kept.values()) if (isHistory(each)) return
    } else {
      for (const before of track.kept.keys()) {
        track.kept.delete(before)
        if (before === key) break
      }
    }
    if (track.whole) this.#join(track)
  }
}

/** Two liquidations that are alike in everything are two: each track delivers the first, and then the second. */
function nthOf(times: Map<string, number>, event: StreamEvent): string {
  const said = JSON.stringify({ ...event, n: 0, receiveTime: null })
  const nth = (times.get(said) ?? 0) + 1
  times.delete(said)
  times.set(said, nth)
  const [oldest] = times.keys()
  if (times.size > COUNTED && oldest !== undefined) times.delete(oldest)
  return `${said} ${nth}`
}

/** Receive time of the first news among what is kept. */
function oldestNews(kept: ReadonlyMap<string, StreamEvent>): Micros | null {
  for (const event of kept.values()) if (!isHistory(event)) return event.receiveTime
  return null
}
