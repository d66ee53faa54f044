import { exchangeHead, pricesAck, rejectedFrame } from '../../schemas/blockchain.js'
import type { Micros } from '../../schemas/events.js'
import { checker } from '../../src/decode/decoder.js'
import { type LosslessValue, readLossless } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import type { Protocol, SessionKit } from '../../src/session/session.js'
import { ConnectionCounter } from '../../src/venue/connection-counter.js'
import { order } from './channels.js'
import { ExchangeData, type Head } from './exchange-data.js'
import { exchangeTopics, topicsNamed } from './exchange-topics.js'

const checkHead = checker(exchangeHead)
const checkPricesAck = checker(pricesAck)
const checkRejected = checker(rejectedFrame)

/** The venue pushes a heartbeat every 5.1 s at most; two are missed before it counts as silent. */
const HEARTBEAT_MS = 10_000

/** The Exchange: one counter over every frame of the connection proves that nothing was lost on it. */
export function exchangeProtocol(kit: SessionKit): Protocol {
  const { init, sink, streams, alarms } = kit
  const topics = exchangeTopics(kit)
  const data = new ExchangeData(kit, topics)
  const counter = new ConnectionCounter(kit, order, 0)

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
      topics.granted(`prices ${symbol} ${checkPricesAck(value, frame).granularity}`, at)
    } else if (channel === 'symbols' || symbol === '') {
      // The ack of `ticker` may leave the symbol out.
      for (const { name } of topicsNamed(topics, channel, symbol)) topics.granted(name, at)
    } else topics.granted(`${channel} ${symbol}`, at)
  }

  function rejected(head: Head, value: LosslessValue, frame: string, at: Micros | null): void {
    const { text } = checkRejected(value, frame)
    const { channel = '', symbol } = head
    // Of an unsubscribe, which a subscribe may follow: that one is answered by itself.
    if (text === 'Not subscribed to channel') {
      released(head, at)
      return
    }
    const meant = topicsNamed(topics, channel, symbol).filter(({ state }) => state === 'asked')
    // Without a symbol the venue does not say which of several it means: then all wait for their own answer.
    if (text === 'Already subscribed') for (const { name } of meant) topics.granted(name, at)
    else if (meant.length > 0 && (symbol !== undefined || meant.length === 1)) {
      for (const { name } of meant) topics.refused(name, text, at)
    } else streams.connection('refused', [channel, symbol, text].filter(Boolean).join(': '), at)
  }

  /** The venue sends a topic no longer. */
  function released({ channel = '', symbol }: Head, at: Micros | null): void {
    for (const { name } of topicsNamed(topics, channel, symbol)) topics.ended(name, at)
  }

  return {
    opened(_info, at) {
      sink.send(JSON.stringify({ action: 'subscribe', channel: 'heartbeat' }))
      watchHeartbeat(at)
      sink.ready()
    },
    subscribe: (requested, at) => topics.subscribe(requested, at),
    unsubscribe: (leaving, at) => topics.unsubscribe(leaving, at),
    resubscribe: (stream, at) => topics.resubscribe(stream, at),
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
