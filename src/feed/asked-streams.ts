import type { GapReason, Micros } from '../../schemas/events.js'
import { channelSpec } from '../channel-spec.js'
import type { Channel } from '../connector.js'
import type { Lane } from './lane.js'
import type { VenueLine } from './venue-line.js'

/**
 * - `waiting`: the venue has neither granted nor refused it yet.
 * - `live`: granted, and whole at the moment. `interrupted`: granted before, and a gap is open.
 * - `refused`: the venue does not give it, or lists no such symbol.
 * - `ended`: given up by {@link Feed.unsubscribe}, or because no connection to the venue could be kept.
 */
export type FeedStreamState = 'waiting' | 'live' | 'interrupted' | 'refused' | 'ended'

/** A stream that a feed was asked for, and how it stands. */
export interface FeedStream {
  readonly venue: string
  /** The unified symbol; as it was asked for while the venue has not told what it means. */
  readonly symbol: string
  /** The venue's own id; null while it is not known. */
  readonly instrument: string | null
  readonly channel: Channel
  readonly state: FeedStreamState
  /** When it was asked for. */
  readonly askedAt: Micros
  /** When the venue first granted it or sent something of it; null where it did neither. */
  readonly confirmedAt: Micros | null
  /** When it was given up; null while it is wanted. */
  readonly endedAt: Micros | null
  /** Why it is refused, or why it ended; else null. */
  readonly reason: string | null
  /** Why it is interrupted; else null. */
  readonly gap: GapReason | null
}

interface Asked {
  /** As it was asked for. */
  readonly symbol: string
  readonly channel: Channel
  readonly askedAt: Micros
  endedAt: Micros | null
  /** Why the symbol cannot be subscribed. */
  refused: string | null
}

/** Streams that were given up and are still remembered, for each venue. */
const ENDED_KEPT = 10_000

/** What a feed was asked for of one venue, in the words in which it was asked. */
export class AskedStreams {
  readonly #line: VenueLine
  readonly #asked = new Map<string, Asked>()

  constructor(line: VenueLine) {
    this.#line = line
  }

  ask(symbols: readonly string[], channels: readonly Channel[], at: Micros): void {
    for (const symbol of symbols) {
      for (const channel of channels) {
        const key = `${channel} ${symbol}`
        const held = this.#asked.get(key)
        if (held === undefined) {
          this.#asked.set(key, { symbol, channel, askedAt: at, endedAt: null, refused: null })
        } else held.endedAt = null
      }
    }
  }

  end(symbols: readonly string[], channels: readonly Channel[], at: Micros): void {
    const given = new Set(symbols.map((symbol) => this.#id(symbol)))
    for (const asked of this.#asked.values()) {
      if (asked.endedAt !== null || !channels.includes(asked.channel)) continue
      if (given.has(this.#id(asked.symbol))) asked.endedAt = at
    }
    this.#forget()
  }

  /** The symbol means nothing at the venue. */
  refuse(symbol: string, reason: string): void {
    for (const asked of this.#asked.values()) if (asked.symbol === symbol) asked.refused = reason
  }

  /** @param lanes the connections of the venue */
  describe(lanes: readonly Lane[], now: Micros): FeedStream[] {
    const carried = new Map<string, { readonly gap: GapReason | null; readonly lane: Lane }>()
    for (const lane of lanes) {
      for (const { instrument, channel, gap } of lane.describe(now)) {
        carried.set(`${channel} ${instrument}`, { gap, lane })
      }
    }
    const streams = new Map<string, FeedStream>()
    for (const asked of this.#asked.values()) {
      const instrument = this.#line.instruments.find(asked.symbol)
      if (instrument !== undefined && !this.#has(asked.channel, instrument.market)) continue
      const key = `${asked.channel} ${instrument?.instrument ?? asked.symbol}`
      const stream = this.#describe(asked, carried.get(key))
      // The same stream may have been asked for under two names.
      const held = streams.get(key)
      if (held === undefined || held.endedAt !== null) streams.set(key, stream)
    }
    return [...streams.values()]
  }

  #describe(
    { symbol, channel, askedAt, endedAt, refused }: Asked,
    carried: { readonly gap: GapReason | null; readonly lane: Lane } | undefined,
  ): FeedStream {
    const instrument = this.#line.instruments.find(symbol)
    const answer =
      instrument === undefined ? undefined : this.#line.memory.answer(instrument.instrument, channel)
    const confirmedAt = answer?.confirmedAt ?? null
    const gaveUp = carried?.lane.gaveUp ?? null
    const refusal = refused ?? answer?.refused ?? null
    const gap = carried?.gap ?? null
    const stream = {
      venue: this.#line.connector.venue,
      symbol: instrument?.symbol ?? symbol,
      instrument: instrument?.instrument ?? null,
      channel,
      askedAt,
      confirmedAt,
      endedAt: endedAt ?? gaveUp?.at ?? null,
      reason: null,
      gap: null,
    }
    if (endedAt !== null) return { ...stream, state: 'ended' }
    if (refusal !== null) return { ...stream, state: 'refused', reason: refusal }
    if (gaveUp !== null) return { ...stream, state: 'ended', reason: gaveUp.reason }
    if (confirmedAt === null) return { ...stream, state: 'waiting' }
    return gap === null ? { ...stream, state: 'live' } : { ...stream, state: 'interrupted', gap }
  }

  /** A channel that exists for none of an instrument's kind is passed over when its symbol is subscribed. */
  #has(channel: Channel, market: Parameters<typeof channelSpec>[2]): boolean {
    return channelSpec(this.#line.connector.channels, channel, market) !== undefined
  }

  #id(symbol: string): string {
    return this.#line.instruments.find(symbol)?.instrument ?? symbol
  }

  #forget(): void {
    const ended = [...this.#asked].filter(([, { endedAt }]) => endedAt !== null)
    for (const [key] of ended.slice(0, Math.max(0, ended.length - ENDED_KEPT))) this.#asked.delete(key)
  }
}
