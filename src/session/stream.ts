import type { StreamEvent } from '../../schemas/events.js'
import type { Channel, ChannelKind, ChannelSpec, Instrument } from '../connector.js'
import type { StreamRecord } from './memory.js'
import type { StreamState } from './stream-steps.js'

/** What each event of a stream says of the stream. */
export type StreamLabels = Readonly<Pick<StreamEvent, 'venue' | 'symbol' | 'instrument' | 'channel'>>

/** One channel of one instrument on this connection. */
export interface Stream {
  readonly instrument: Instrument
  readonly channel: Channel
  readonly kind: ChannelKind
  /** What follows the colon of the channel; empty for the bare kind. */
  readonly variant: string
  readonly labels: StreamLabels
  readonly spec: ChannelSpec
  readonly record: StreamRecord
  state: StreamState
  /** Tries since the last datum: of the subscribe and of the first datum. */
  tries: number
  /** It is asked for again only to compare what comes with what is held. */
  audited: boolean
  /** Checksums in a row that did not fit. */
  mismatches: number
}

/** How streams behave at a venue, declared as data. */
export interface StreamPolicy {
  /** An unanswered subscribe is sent again after this. @default 30_000 */
  readonly ackTimeoutMs?: number
  /** An acked stream whose snapshot is promised is asked for again after this. @default 15_000 */
  readonly firstDatumMs?: number
  /** How long a book may be crossed before that is a gap; null where the venue allows it. @default 2_000 */
  readonly crossedForMs?: number | null
  /**
   * What follows when a granted stream stays silent through every try: the socket is replaced, or, where a venue grants what
   * does not trade, it is said once as a `refused` connection event and the grant is kept. @default 'reconnect'
   */
  readonly silentGrant?: 'reconnect' | 'say'
}

export const defaultPolicy: Required<StreamPolicy> = {
  ackTimeoutMs: 30_000,
  firstDatumMs: 15_000,
  crossedForMs: 2_000,
  silentGrant: 'reconnect',
}

/** What is waited for; each stream has at most one alarm of a kind. */
export type Watched = 'ack' | 'first' | 'cadence' | 'crossed'

/** The kind and the variant of a channel: `book:P1` is `book` and `P1`. */
export function splitChannel(channel: Channel): { readonly kind: ChannelKind; readonly variant: string } {
  const colon = channel.indexOf(':')
  if (colon === -1) return { kind: channel as ChannelKind, variant: '' }
  return { kind: channel.slice(0, colon) as ChannelKind, variant: channel.slice(colon + 1) }
}

export function labelsOf(venue: string, instrument: Instrument, channel: Channel): StreamLabels {
  return { venue, symbol: instrument.symbol, instrument: instrument.instrument, channel }
}

export function streamKey(instrument: string, channel: Channel): string {
  return `${channel} ${instrument}`
}

export function alarmOf(watched: Watched, stream: Stream): string {
  return `${watched} ${streamKey(stream.instrument.instrument, stream.channel)}`
}

/** The stream as a sentence names it. */
export function streamName(stream: Stream): string {
  return `${stream.channel} of ${stream.instrument.symbol}`
}

/**
 * What the events of a channel say: changes of a book, news of their own (a trade, a block), or the state of now (a ticker, a candle),
 * of which the next event is the whole truth again.
 */
export type StreamNature = 'book' | 'log' | 'state'

export function natureOf({ channel }: { readonly channel: string | null }): StreamNature {
  const kind = channel?.split(':', 1)[0] ?? ''
  if (kind === 'book' || kind === 'order') return 'book'
  return isLog(kind) ? 'log' : 'state'
}

/** Channels in which every message is news of its own: what was missed does not come back with the next one. */
export function isLog(kind: string): boolean {
  return kind === 'trade' || kind === 'liquidation' || kind === 'transaction' || kind === 'block'
}
