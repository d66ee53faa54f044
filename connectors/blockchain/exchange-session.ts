import type * as z from 'zod'
import {
  exchangeHead,
  l2Frame,
  l3Frame,
  pricesAck,
  pricesFrame,
  rejectedFrame,
  symbolsSnapshot,
  symbolsUpdate,
  tickerFrame,
  tradeFrame,
} from '../../schemas/blockchain.js'
import type { Level, Micros, Order } from '../../schemas/events.js'
import type { Channel, Instrument } from '../../src/connector.js'
import { canonicalDecimal, compareDecimals } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import { type LosslessValue, readLossless } from '../../src/decode/lossless.js'
import { isoMicros } from '../../src/decode/time.js'
import { DecodeError } from '../../src/errors.js'
import type { Protocol, SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { candleChannel, granularities, wireChannel } from './channels.js'
import { exchangeInstrument, guessInstrument, statusOf } from './symbols.js'

const checkHead = checker(exchangeHead)
const checkL2 = checker(l2Frame)
const checkL3 = checker(l3Frame)
const checkTrade = checker(tradeFrame)
const checkTicker = checker(tickerFrame)
const checkPrices = checker(pricesFrame)
const checkPricesAck = checker(pricesAck)
const checkRejected = checker(rejectedFrame)
const checkSymbols = checker(symbolsSnapshot)
const checkSymbolsUpdate = checker(symbolsUpdate)

/** The venue pushes a heartbeat every 5.1 s at most; two are missed before it counts as silent. */
const HEARTBEAT_MS = 10_000

type Head = z.output<typeof exchangeHead>

/** The Exchange: one counter over every frame of the connection proves that nothing was lost on it. */
export function exchangeProtocol({ init, sink, streams, alarms }: SessionKit): Protocol {
  let sequence: number | null = null
  /** `ticker` and `symbols` serve several of our streams with one of the venue's. */
  const asked = new Set<string>()

  function instrumentOf(id: string): Instrument {
    const known = init.instruments.get(id) ?? guessInstrument(id)
    if (known !== null) return known
    throw new DecodeError('schema_mismatch', `symbol: ${JSON.stringify(id)} is no symbol`, {
      path: ['symbol'],
      head: id,
    })
  }

  /** The streams that a frame belongs to; in a recording its first sight is how they become known. */
  function streamsOf(channel: string, symbol: string, at: Micros | null): Stream[] {
    const found: Stream[] = []
    for (const stream of streams.values()) {
      if (stream.instrument.instrument === symbol && wireChannel(stream.kind) === channel) found.push(stream)
    }
    if (found.length > 0 || !init.adopt) return found
    const kinds: Readonly<Record<string, readonly Channel[]>> = {
      trades: ['trade'],
      l2: ['book'],
      l3: ['order'],
      ticker: ['ticker', 'derivative'],
      symbols: ['instrument'],
    }
    return (kinds[channel] ?? []).map((kind) => streams.adopt(instrumentOf(symbol), kind, at))
  }

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

  function topic(stream: Stream): string {
    const channel = wireChannel(stream.kind)
    return channel === 'symbols' ? channel : `${channel} ${stream.instrument.instrument}`
  }

  // ── The counter ─────────────────────────────────────────────────────────────────────────────────────────────────

  function count(head: Head, at: Micros | null): void {
    const { seqnum } = head
    if (seqnum === undefined) return
    const expected = sequence === null ? (init.adopt ? seqnum : 0) : sequence + 1
    sequence = seqnum
    if (seqnum === expected) return
    const detail = `expected seqnum ${expected}, got ${seqnum}`
    streams.gapAll('sequence', detail, at)
    sink.reconnect(detail)
  }

  function heard(at: Micros | null): void {
    if (init.adopt) return
    alarms.set('heartbeat', at, HEARTBEAT_MS, (now) => {
      streams.gapAll('stale', `no heartbeat for ${HEARTBEAT_MS} ms`, now)
      sink.reconnect('the venue’s heartbeat stopped')
    })
  }

  // ── What the frames mean ────────────────────────────────────────────────────────────────────────────────────────

  function granted(head: Head, value: LosslessValue, frame: string, at: Micros | null): void {
    const { channel = '', symbol = '' } = head
    if (channel === 'heartbeat') {
      heard(at)
      return
    }
    if (channel === 'prices') {
      const { granularity } = checkPricesAck(value, frame)
      const name = candleChannel(granularity)
      const stream = init.adopt ? streams.adopt(instrumentOf(symbol), name, at) : streams.get(symbol, name)
      if (stream !== undefined) streams.ack(stream, at)
      return
    }
    for (const stream of streams.values()) {
      const same = channel === 'symbols' || symbol === '' || stream.instrument.instrument === symbol
      if (same && wireChannel(stream.kind) === channel) streams.ack(stream, at)
    }
    if (init.adopt && symbol !== '') streamsOf(channel, symbol, at)
  }

  function rejected(head: Head, value: LosslessValue, frame: string, at: Micros | null): void {
    const { text } = checkRejected(value, frame)
    const { channel = '', symbol } = head
    const meant = [...streams.values()].filter(
      (stream) =>
        stream.state === 'requested' &&
        wireChannel(stream.kind) === channel &&
        (symbol === undefined || stream.instrument.instrument === symbol),
    )
    // Without a symbol the venue does not say which of several it means: then all wait for their own answer.
    if (text === 'Already subscribed') for (const stream of meant) streams.ack(stream, at)
    else if (meant.length > 0 && (symbol !== undefined || meant.length === 1)) {
      for (const stream of meant) {
        asked.delete(topic(stream))
        streams.refuse(stream, text, at)
      }
    } else streams.connection('refused', `${channel} ${symbol ?? ''}: ${text}`.trim(), at)
  }

  function released(head: Head): void {
    const { channel = '', symbol = '' } = head
    for (const stream of [...streams.values()]) {
      if (stream.state !== 'leaving' || wireChannel(stream.kind) !== channel) continue
      if (channel === 'symbols' || stream.instrument.instrument === symbol) streams.remove(stream)
    }
  }

  function book(
    snapshot: boolean,
    value: LosslessValue,
    frame: string,
    sequenceText: string | null,
    at: Micros | null,
  ): void {
    const { symbol, bids, asks, timestamp } = checkL2(value, frame)
    const toLevel = ({ px, qty }: { px: string; qty: string }): Level => [
      canonicalDecimal(px),
      canonicalDecimal(qty),
    ]
    const fields = {
      bids: bids.map(toLevel),
      asks: asks.map(toLevel),
      exchangeTime: timestamp === undefined ? null : isoMicros(timestamp),
      sequence: sequenceText,
    }
    for (const stream of streamsOf('l2', symbol, at)) {
      if (snapshot) streams.snapshot(stream, { ...fields, ...bestFirst(fields), depth: null }, at)
      else streams.update(stream, fields, at)
    }
  }

  function orders(
    snapshot: boolean,
    value: LosslessValue,
    frame: string,
    sequenceText: string | null,
    at: Micros | null,
  ): void {
    const { symbol, bids, asks, timestamp } = checkL3(value, frame)
    const toOrder = ({ id, px, qty }: { id: string; px: string; qty: string }): Order => [
      id,
      canonicalDecimal(px),
      canonicalDecimal(qty),
    ]
    const fields = {
      bids: bids.map(toOrder),
      asks: asks.map(toOrder),
      exchangeTime: timestamp === undefined ? null : isoMicros(timestamp),
      sequence: sequenceText,
    }
    for (const stream of streamsOf('l3', symbol, at)) {
      if (!snapshot) {
        streams.orderUpdate(stream, fields, at)
        continue
      }
      fields.bids.sort((a, b) => compareDecimals(b[1], a[1]))
      fields.asks.sort((a, b) => compareDecimals(a[1], b[1]))
      streams.orderSnapshot(stream, { ...fields, depth: null }, at)
    }
  }

  function trade(value: LosslessValue, frame: string, sequenceText: string | null, at: Micros | null): void {
    const row = checkTrade(value, frame)
    const fields = {
      id: row.trade_id,
      price: canonicalDecimal(row.price),
      amount: canonicalDecimal(row.qty),
      side: row.side,
      exchangeTime: isoMicros(row.timestamp),
      sequence: sequenceText,
    }
    for (const stream of streamsOf('trades', row.symbol, at)) streams.trade(stream, fields, at)
  }

  /** An update holds only what changed: the whole is kept here, a few decimals a symbol. */
  const tickers = new Map<
    string,
    { price24h: string | null; volume: string | null; last: string | null; mark: string | null }
  >()

  function ticker(snapshot: boolean, value: LosslessValue, frame: string, at: Micros | null): void {
    const row = checkTicker(value, frame)
    const held = (snapshot ? undefined : tickers.get(row.symbol)) ?? {
      price24h: null,
      volume: null,
      last: null,
      mark: null,
    }
    const merged = {
      price24h: decimalOr(row.price_24h, held.price24h),
      volume: decimalOr(row.volume_24h, held.volume),
      last: decimalOr(row.last_trade_price, held.last),
      mark: decimalOr(row.mark_price, held.mark),
    }
    const of = streamsOf('ticker', row.symbol, at)
    if (of.length > 0) tickers.set(row.symbol, merged)
    for (const stream of of) {
      // A price of zero 24 hours ago is the venue's way to say that there was none.
      const open = merged.price24h === '0' ? null : merged.price24h
      if (stream.kind === 'ticker')
        streams.ticker(stream, { last: merged.last, open, volume: merged.volume }, at)
      else if (row.mark_price !== undefined) streams.derivative(stream, { markPrice: merged.mark }, at)
    }
  }

  function candle(value: LosslessValue, frame: string, at: Micros | null): void {
    const { symbol, price } = checkPrices(value, frame)
    const [time, open, high, low, close, volume] = price
    const stream = [...streams.values()].find(
      ({ kind, instrument }) => kind === 'candle' && instrument.instrument === symbol,
    )
    if (stream === undefined) return
    streams.rollingCandle(
      stream,
      {
        interval: stream.variant === '' ? '1m' : stream.variant,
        // The documentation shows seconds, the wire has milliseconds.
        openTime: time < 1e11 ? time * 1_000_000 : time * 1000,
        open: canonicalDecimal(open),
        high: canonicalDecimal(high),
        low: canonicalDecimal(low),
        close: canonicalDecimal(close),
        volume: canonicalDecimal(volume),
      },
      at,
    )
  }

  function symbols(snapshot: boolean, value: LosslessValue, frame: string, at: Micros | null): void {
    const times = { exchangeTime: null, receiveTime: at }
    if (snapshot) {
      for (const [id, row] of Object.entries(checkSymbols(value, frame).symbols)) {
        const instrument = exchangeInstrument(id, row)
        init.instruments.add(instrument)
        for (const stream of streamsOf('symbols', id, at)) streams.instrument(stream, instrument, times)
      }
      return
    }
    const { symbol, status } = checkSymbolsUpdate(value, frame)
    const known = instrumentOf(symbol)
    const instrument = status === undefined ? known : { ...known, status: statusOf(status) }
    for (const stream of streamsOf('symbols', symbol, at)) streams.instrument(stream, instrument, times)
  }

  function datum(head: Head, value: LosslessValue, frame: string, at: Micros | null): void {
    const snapshot = head.event === 'snapshot'
    const sequenceText = head.seqnum === undefined ? null : String(head.seqnum)
    switch (head.channel) {
      case 'l2':
        book(snapshot, value, frame, sequenceText, at)
        break
      case 'l3':
        orders(snapshot, value, frame, sequenceText, at)
        break
      case 'trades':
        trade(value, frame, sequenceText, at)
        break
      case 'ticker':
        ticker(snapshot, value, frame, at)
        break
      case 'prices':
        candle(value, frame, at)
        break
      case 'symbols':
        symbols(snapshot, value, frame, at)
        break
      case 'heartbeat':
        heard(at)
        break
      default:
        throw new DecodeError('unknown_message', `unknown channel ${head.channel ?? ''}`, {
          path: ['channel'],
          head: frame,
        })
    }
  }

  return {
    opened() {
      sink.send(JSON.stringify({ action: 'subscribe', channel: 'heartbeat' }))
      sink.ready()
    },
    subscribe(requested, at) {
      for (const stream of requested) {
        if (asked.has(topic(stream))) {
          const granted = [...streams.values()].some(
            (other) => topic(other) === topic(stream) && (other.state === 'acked' || other.state === 'live'),
          )
          if (granted) streams.ack(stream, at)
          continue
        }
        asked.add(topic(stream))
        request('subscribe', stream)
      }
    },
    unsubscribe(leaving) {
      for (const stream of leaving) {
        const shared = [...streams.values()].some(
          (other) =>
            other.state !== 'leaving' && topic(other) === topic(stream) && other.variant === stream.variant,
        )
        if (shared) streams.remove(stream)
        else if (asked.delete(topic(stream))) request('unsubscribe', stream)
      }
    },
    resubscribe(stream, at) {
      const again = { instrument: stream.instrument, channel: stream.channel }
      streams.leave(stream)
      request('unsubscribe', stream)
      streams.request(again, at)
      asked.add(topic(stream))
      request('subscribe', stream)
    },
    frame(data, at) {
      const frame = typeof data === 'string' ? data : new TextDecoder().decode(data)
      const value = readLossless(frame)
      const head = checkHead(value, frame)
      count(head, at)
      switch (head.event) {
        case 'snapshot':
        case 'updated':
          datum(head, value, frame, at)
          break
        case 'subscribed':
          granted(head, value, frame, at)
          break
        case 'unsubscribed':
          released(head)
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

/** The venue lists both sides in ascending order of price: the best bid comes last. */
function bestFirst({ bids, asks }: { readonly bids: Level[]; readonly asks: Level[] }): {
  bids: Level[]
  asks: Level[]
} {
  return {
    bids: [...bids].sort((a, b) => compareDecimals(b[0], a[0])),
    asks: [...asks].sort((a, b) => compareDecimals(a[0], b[0])),
  }
}

function decimalOr(wire: string | undefined, held: string | null): string | null {
  return wire === undefined ? held : canonicalDecimal(wire)
}
