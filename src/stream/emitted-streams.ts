import type { MarketEvent, StreamEvent } from '../../schemas/events.js'
import { channelSpec } from '../channel-spec.js'
import type { Channel, ChannelSpec, InstrumentTable } from '../connector.js'
import { splitChannel } from '../session/stream.js'
import { numberedAlike } from '../venue/integrity.js'
import { EmittedStream } from './emitted-stream.js'

/** The variant of a channel that is one subscription to all markets: its events bear each market's name, and are one stream. */
const ALL_MARKETS = 'all'

interface EmittedChannel {
  readonly allMarkets: boolean
  readonly streams: Map<string, EmittedStream>
}

/** What a feed, or the reading of a frame log, has emitted of one venue. Bounded by the streams that were ever asked for. */
export class EmittedStreams {
  readonly #specs: readonly ChannelSpec[]
  readonly #instruments: InstrumentTable
  readonly #channels = new Map<string, EmittedChannel>()

  constructor(specs: readonly ChannelSpec[], instruments: InstrumentTable) {
    this.#specs = specs
    this.#instruments = instruments
  }

  /** Numbers an event that is emitted now. @returns its stream; null for events of connections, which belong to none */
  emit(event: MarketEvent): EmittedStream | null {
    if (!('channel' in event)) return null
    const stream = this.#of(event)
    stream.emit(event)
    return stream
  }

  /** Every stream of which something was emitted, by channel and the venue's own id. */
  *entries(): Generator<{ channel: string; instrument: string; stream: EmittedStream }> {
    for (const [channel, { streams }] of this.#channels) {
      for (const [instrument, stream] of streams) yield { channel, instrument, stream }
    }
  }

  /** A stream was given up: only its number is kept. */
  forget(instrument: string, channel: string): void {
    const held = this.#channels.get(channel)
    held?.streams.get(held.allMarkets ? '*' : instrument)?.forget()
  }

  /** By two names and not by one joined of both: this is asked with every event. */
  #of({ channel, instrument }: StreamEvent): EmittedStream {
    let held = this.#channels.get(channel)
    if (held === undefined) {
      held = { allMarkets: splitChannel(channel as Channel).variant === ALL_MARKETS, streams: new Map() }
      this.#channels.set(channel, held)
    }
    const name = held.allMarkets ? '*' : instrument
    let stream = held.streams.get(name)
    if (stream === undefined) {
      stream = new EmittedStream(this.#isNumbered(channel, instrument))
      held.streams.set(name, stream)
    }
    return stream
  }

  #isNumbered(channel: string, instrument: string): boolean {
    const { kind } = splitChannel(channel as Channel)
    const market = this.#instruments.get(instrument)?.market
    const spec =
      market === undefined
        ? this.#specs.find((candidate) => candidate.kind === kind)
        : channelSpec(this.#specs, channel as Channel, market)
    return spec !== undefined && numberedAlike(spec)
  }
}
