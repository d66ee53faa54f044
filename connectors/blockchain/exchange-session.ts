import { exchangeHead, pricesAck, rejectedFrame } from '../../schemas/blockchain.js'
import type { Micros } from '../../schemas/events.js'
import { checker } from '../../src/decode/decoder.js'
import { type LosslessValue, readLossless } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import type { Protocol, SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { ConnectionCounter } from '../../src/venue/connection-counter.js'
import { granularities, order, wireChannel } from './channels.js'
import { ExchangeData, type Head } from './exchange-data.js'
import { ExchangeStreams, topicOf } from './exchange-streams.js'

const checkHead = checker(exchangeHead)
const checkPricesAck = checker(pricesAck)
const checkRejected = checker(rejectedFrame)

/** The venue pushes a heartbeat every 5.1 s at most; two are missed before it counts as silent. */
const HEARTBEAT_MS = 10_000

/** The Exchange: one counter over every frame of the connection proves that nothing was lost on it. */
export function exchangeProtocol(kit: SessionKit): Protocol {
  const { init, sink, streams, alarms } = kit
  const known = new ExchangeStreams(kit)
  const data = new ExchangeData(kit, known)
  const counter = new ConnectionCounter(kit, order, 0)
  /** `ticker` and `symbols` serve several of our streams with one of the venue's. */
  const asked = new Set<string>()

  function request(action: 'subscribe' | 'unsubscribe', stream: Stream): void {
    const channel = wireChannel(stream.kind)
    const symbol = channel === 'symbols' ? undefined : stream.instrument.instrument
    const granularity = granularities.get(stream.variant === '' ? '1m' : stream.variant)
    sink.send(
      JSON.stringify({
        action,
        channel,
        ...(symbol === undefined ? {} : { symbol }),
        ...(channel === 'prices' ? { granularity } : {}),
      }),
    )
  }

  // ── The heartbeat ───────────────────────────────────────────────────────────────────────────────────────────────

  /** From the moment that it is asked for: where the ack is lost, nothing else would show that the beats are missing. */
  function watchHeartbeat(at: Micros | null): void {
    if (init.adopt) return
    alarms.set('heartbeat', at, HEARTBEAT_MS, (now) => {
      streams.gapAll('stale', `no heartbeat for ${HEARTBEAT_MS} ms`, now)
      sink.reconnect('the venue’s heartbeat stopped')
    })
  }

  // ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

  function granted(head: Head, value: LosslessValue, frame: string, at: Micros | null): void {
    const { channel = '', symbol = '' } = head
    if (channel === 'heartbeat') {
      watchHeartbeat(at)
      return
    }
    if (channel === 'prices') {
      const { granularity } = checkPricesAck(value, frame)
      const stream = known.candles(symbol, granularity, at)
      if (stream !== undefined) streams.ack(stream, at)
      return
    }
    for (const stream of known.named(channel, meantBy(channel, symbol))) streams.ack(stream, at)
    if (init.adopt && symbol !== '') known.of(channel, symbol, at)
  }

  function rejected(head: Head, value: LosslessValue, frame: string, at: Micros | null): void {
    const { text } = checkRejected(value, frame)
    const { channel = '', symbol } = head
    // Of an unsubscribe, which a subscribe may follow: that one is answered by itself.
    if (text === 'Not subscribed to channel') {
      released(head, at)
      return
    }
    const meant = known.named(channel, symbol).filter((stream) => stream.state === 'requested')
    // Without a symbol the venue does not say which of several it means: then all wait for their own answer.
    if (text === 'Already subscribed') for (const stream of meant) streams.ack(stream, at)
    else if (meant.length > 0 && (symbol !== undefined || meant.length === 1)) {
      for (const stream of meant) {
        asked.delete(topicOf(stream))
        streams.refuse(stream, text, at)
      }
    } else streams.connection('refused', [channel, symbol, text].filter(Boolean).join(': '), at)
  }

  /** The venue sends a topic no longer. Who still wants it (two requests overtook each other) asks for it again. */
  function released({ channel = '', symbol = '' }: Head, at: Micros | null): void {
    for (const stream of known.named(channel, meantBy(channel, symbol))) {
      if (stream.state === 'leaving') streams.remove(stream)
      else if (stream.state !== 'requested') {
        streams.resync(stream, 'stale', 'the venue ended the subscription', at)
      }
    }
  }

  return {
    opened(_info, at) {
      sink.send(JSON.stringify({ action: 'subscribe', channel: 'heartbeat' }))
      watchHeartbeat(at)
      sink.ready()
    },
    subscribe(requested, at) {
      for (const stream of requested) {
        if (asked.has(topicOf(stream))) {
          const granted = [...streams.values()].some(
            (other) =>
              topicOf(other) === topicOf(stream) && (other.state === 'acked' || other.state === 'live'),
          )
          if (granted) streams.ack(stream, at)
          continue
        }
        asked.add(topicOf(stream))
        request('subscribe', stream)
      }
    },
    unsubscribe(leaving) {
      for (const stream of leaving) {
        const shared = [...streams.values()].some(
          (other) =>
            other.state !== 'leaving' &&
            topicOf(other) === topicOf(stream) &&
            other.variant === stream.variant,
        )
        if (shared) streams.remove(stream)
        else if (asked.delete(topicOf(stream))) request('unsubscribe', stream)
      }
    },
    resubscribe(stream, at) {
      const again = { instrument: stream.instrument, channel: stream.channel }
      streams.leave(stream)
      request('unsubscribe', stream)
      streams.request(again, at)
      asked.add(topicOf(stream))
      request('subscribe', stream)
    },
    frame(received, at) {
      const frame = typeof received === 'string' ? received : new TextDecoder().decode(received)
      const value = readLossless(frame)
      const head = checkHead(value, frame)
      if (head.seqnum !== undefined) counter.take(head.seqnum, at)
      switch (head.event) {
        case 'snapshot':
        case 'updated':
          if (head.channel === 'heartbeat') watchHeartbeat(at)
          else data.read(head, value, frame, at)
          break
        case 'subscribed':
          granted(head, value, frame, at)
          break
        case 'unsubscribed':
          released(head, at)
          break
        case 'rejected':
          rejected(head, value, frame, at)
          break
        default:
          throw new DecodeError('unknown_message', `unknown event ${head.event}`, {
            path: ['event'],
            head: frame,
          })
      }
    },
  }
}

/** The symbol that an answer is about; undefined where it is about all: the ack of `ticker` may leave the symbol out. */
function meantBy(channel: string, symbol: string): string | undefined {
  return channel === 'symbols' || symbol === '' ? undefined : symbol
}
