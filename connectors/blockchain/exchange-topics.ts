import type { Channel, Instrument, SessionInit } from '../../src/connector.js'
import { DecodeError } from '../../src/errors.js'
import type { SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { type Topic, Topics } from '../../src/venue/topics.js'
import { candleChannel, granularities, wireChannel } from './channels.js'
import { guessInstrument } from './symbols.js'

/** Our channels behind one of the venue's; candles are found by their length. */
const CHANNELS: Readonly<Record<string, readonly Channel[]>> = {
  trades: ['trade'],
  l2: ['book'],
  l3: ['order'],
  ticker: ['ticker', 'derivative'],
  symbols: ['instrument'],
}

/** A subscription at the venue, as its fields name it. `symbols` is of all instruments, and `prices` alone has a length in seconds. */
export interface ExchangeTopic {
  readonly channel: string
  readonly symbol: string
  readonly granularity: number
}

export type ExchangeTopics = Topics<ExchangeTopic>

export function exchangeTopics({ init, sink, ...kit }: SessionKit): ExchangeTopics {
  return new Topics<ExchangeTopic>(
    { init, sink, ...kit },
    {
      of: (stream) => [topicOf(stream)],
      open: (name) => {
        const [channel = '', symbol = '', granularity = ''] = name.split(' ')
        return { channel, symbol, granularity: Number(granularity) }
      },
      shown: ({ data: { channel, symbol, granularity } }, id = symbol) => {
        const channels = channel === 'prices' ? [candleChannel(granularity)] : (CHANNELS[channel] ?? [])
        return id === ''
          ? []
          : channels.map((each) => ({ instrument: instrumentOf(init, id), channel: each }))
      },
      send: (action, [topic]) => {
        const { channel, symbol, granularity } = topic?.data ?? {}
        const of = symbol === '' ? {} : { symbol }
        sink.send(
          JSON.stringify({ action, channel, ...of, ...(channel === 'prices' ? { granularity } : {}) }),
        )
      },
      leavesUnanswered: true,
    },
  )
}

/** The topics of a channel and a symbol; without one, and of `symbols`, those of the whole channel. */
export function topicsNamed(
  topics: ExchangeTopics,
  channel: string,
  symbol: string | undefined,
): Topic<ExchangeTopic>[] {
  const every = symbol === undefined || symbol === '' || channel === 'symbols'
  return [...topics.values()].filter(
    ({ data }) => data.channel === channel && (every || data.symbol === symbol),
  )
}

/** @throws {DecodeError} where the id is no symbol. */
export function instrumentOf({ instruments }: SessionInit, id: string): Instrument {
  const known = instruments.get(id) ?? guessInstrument(id)
  if (known !== null) return known
  throw new DecodeError('schema_mismatch', `symbol: ${JSON.stringify(id)} is no symbol`, {
    path: ['symbol'],
    head: id,
  })
}

/** What is subscribed for a stream: streams with the same topic share one subscription. */
function topicOf({ kind, variant, instrument: { instrument } }: Stream): string {
  const channel = wireChannel(kind)
  if (channel === 'symbols') return channel
  const granularity = granularities.get(variant === '' ? '1m' : variant)
  return channel === 'prices' ? `prices ${instrument} ${granularity}` : `${channel} ${instrument}`
}
