import type { Micros } from '../../schemas/events.js'
import type { Channel, Instrument } from '../../src/connector.js'
import { DecodeError } from '../../src/errors.js'
import type { SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { candleChannel, wireChannel } from './channels.js'
import { guessInstrument } from './symbols.js'

/** Our channels behind one of the venue's; candles are found by their length. */
const CHANNELS: Readonly<Record<string, readonly Channel[]>> = {
  trades: ['trade'],
  l2: ['book'],
  l3: ['order'],
  ticker: ['ticker', 'derivative'],
  symbols: ['instrument'],
}

/** Which streams the venue's channels and symbols mean. One channel of the venue may serve several of ours. */
export class ExchangeStreams {
  readonly #kit: SessionKit

  constructor(kit: SessionKit) {
    this.#kit = kit
  }

  /** @throws {DecodeError} where the id is no symbol. */
  instrument(id: string): Instrument {
    const known = this.#kit.init.instruments.get(id) ?? guessInstrument(id)
    if (known !== null) return known
    throw new DecodeError('schema_mismatch', `symbol: ${JSON.stringify(id)} is no symbol`, {
      path: ['symbol'],
      head: id,
    })
  }

  /** The streams that a frame belongs to; in a recording its first sight is how they become known. */
  of(channel: string, symbol: string, at: Micros | null): Stream[] {
    const { init, streams } = this.#kit
    const found = this.named(channel, symbol)
    if (found.length > 0 || !init.adopt) return found
    return (CHANNELS[channel] ?? []).map((kind) => streams.adopt(this.instrument(symbol), kind, at))
  }

  /** The candles of one length, in seconds; in a recording their ack is how they become known. */
  candles(symbol: string, seconds: number, at: Micros | null): Stream | undefined {
    const { init, streams } = this.#kit
    const channel = candleChannel(seconds)
    return init.adopt ? streams.adopt(this.instrument(symbol), channel, at) : streams.get(symbol, channel)
  }

  /** The streams that are held under a channel of the venue. Without a symbol, and of `symbols`, those of every symbol. */
  named(channel: string, symbol: string | undefined): Stream[] {
    const every = symbol === undefined
    const found: Stream[] = []
    for (const stream of this.#kit.streams.values()) {
      if (!every && stream.instrument.instrument !== symbol) continue
      if (wireChannel(stream.kind) === channel) found.push(stream)
    }
    return found
  }
}

/** What is subscribed for a stream: streams with the same topic share one subscription. */
export function topicOf(stream: Stream): string {
  const channel = wireChannel(stream.kind)
  return channel === 'symbols' ? channel : `${channel} ${stream.instrument.instrument}`
}
