import type * as z from 'zod'
import {
  type exchangeHead,
  pricesFrame,
  symbolsSnapshot,
  symbolsUpdate,
  tickerFrame,
  tradeFrame,
} from '../../schemas/blockchain.js'
import type { Micros } from '../../schemas/events.js'
import { canonicalDecimal, positiveDecimal, unsignedDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import { identifier } from '../../src/decode/identifier.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import { isoMicros } from '../../src/decode/time.js'
import { DecodeError } from '../../src/errors.js'
import type { SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { readLevels, readOrders } from './exchange-books.js'
import { type ExchangeTopics, instrumentOf, topicsNamed } from './exchange-topics.js'
import { exchangeInstrument, statusOf } from './symbols.js'

const checkTrade = checker(tradeFrame)
const checkTicker = checker(tickerFrame)
const checkPrices = checker(pricesFrame)
const checkSymbols = checker(symbolsSnapshot)
const checkSymbolsUpdate = checker(symbolsUpdate)

export type Head = z.output<typeof exchangeHead>

/** A ticker as its updates have left it. */
interface Ticker {
  readonly price24h: string | null
  readonly volume: string | null
  readonly last: string | null
  readonly mark: string | null
}

const NO_TICKER: Ticker = { price24h: null, volume: null, last: null, mark: null }

const NOBODY: ReadonlySet<Stream> = new Set()

/** What the data frames of the Exchange mean: snapshots and updates, by channel. */
export class ExchangeData {
  readonly #kit: SessionKit
  readonly #topics: ExchangeTopics
  /** An update holds only what changed: the whole is kept here, a few decimals a symbol. */
  readonly #tickers = new Map<string, Ticker>()

  constructor(kit: SessionKit, topics: ExchangeTopics) {
    this.#kit = kit
    this.#topics = topics
  }

  /** @throws {DecodeError} after the streams that may have lost something were marked. */
  read(head: Head, value: LosslessValue, frame: string, at: Micros | null): void {
    try {
      this.#read(head, value, frame, at)
    } catch (error) {
      if (error instanceof DecodeError) this.#lost(head, at)
      throw error
    }
  }

  #read(head: Head, value: LosslessValue, frame: string, at: Micros | null): void {
    const snapshot = head.event === 'snapshot'
    const sequence = head.seqnum === undefined ? null : String(head.seqnum)
    switch (head.channel) {
      case 'l2':
        this.#levels(snapshot, value, frame, sequence, at)
        break
      case 'l3':
        this.#orders(snapshot, value, frame, sequence, at)
        break
      case 'trades':
        this.#trade(value, frame, sequence, at)
        break
      case 'ticker':
        this.#ticker(snapshot, value, frame, at)
        break
      case 'prices':
        this.#candle(value, frame, at)
        break
      case 'symbols':
        this.#symbols(snapshot, value, frame, at)
        break
      default:
        throw new DecodeError('unknown_message', `unknown channel ${head.channel ?? ''}`, {
          path: ['channel'],
          head: frame,
        })
    }
  }

  /** A frame that came and could not be read was counted, so its number leaves no hole: what it told is missing all the same. */
  #lost({ channel = '', symbol, seqnum }: Head, at: Micros | null): void {
    const detail = `frame ${seqnum ?? 'without a number'} could not be read`
    for (const stream of topicsNamed(this.#topics, channel, symbol).flatMap(({ streams }) => [...streams])) {
      if (stream.state === 'requested' && !stream.record.seen) continue
      if (stream.spec.snapshot) this.#kit.streams.resync(stream, 'sequence', detail, at)
      else this.#kit.streams.gap(stream, 'sequence', detail, at)
    }
  }

  #of(channel: string, symbol: string, at: Micros | null): ReadonlySet<Stream> {
    return this.#topics.find(`${channel} ${symbol}`, at)?.streams ?? NOBODY
  }

  #levels(
    snapshot: boolean,
    value: LosslessValue,
    frame: string,
    sequence: string | null,
    at: Micros | null,
  ): void {
    const { streams } = this.#kit
    const { symbol, ...book } = readLevels(value, frame, snapshot)
    for (const stream of this.#of('l2', symbol, at)) {
      if (snapshot) streams.snapshot(stream, { ...book, sequence, depth: null }, at)
      else streams.update(stream, { ...book, sequence }, at)
    }
  }

  #orders(
    snapshot: boolean,
    value: LosslessValue,
    frame: string,
    sequence: string | null,
    at: Micros | null,
  ): void {
    const { streams } = this.#kit
    const { symbol, ...book } = readOrders(value, frame, snapshot)
    for (const stream of this.#of('l3', symbol, at)) {
      if (snapshot) streams.orderSnapshot(stream, { ...book, sequence, depth: null }, at)
      else streams.orderUpdate(stream, { ...book, sequence }, at)
    }
  }

  #trade(value: LosslessValue, frame: string, sequence: string | null, at: Micros | null): void {
    const row = checkTrade(value, frame)
    const fields = {
      id: identifier(row.trade_id, ['trade_id']),
      price: positiveDecimal(row.price),
      amount: unsignedDecimal(row.qty),
      side: row.side,
      exchangeTime: isoMicros(row.timestamp),
      sequence,
    }
    for (const stream of this.#of('trades', row.symbol, at)) {
      this.#kit.streams.trade(stream, fields, at)
    }
  }

  #ticker(snapshot: boolean, value: LosslessValue, frame: string, at: Micros | null): void {
    const { streams } = this.#kit
    const row = checkTicker(value, frame)
    const held = (snapshot ? undefined : this.#tickers.get(row.symbol)) ?? NO_TICKER
    const { price24h, volume, last, mark } = {
      price24h: decimalOr(row.price_24h, held.price24h),
      volume: decimalOr(row.volume_24h, held.volume),
      last: decimalOr(row.last_trade_price, held.last),
      mark: decimalOr(row.mark_price, held.mark),
    }
    const of = this.#of('ticker', row.symbol, at)
    if (of.size > 0) this.#tickers.set(row.symbol, { price24h, volume, last, mark })
    for (const stream of of) {
      // A price of zero 24 hours ago is the venue's way to say that there was none.
      const open = price24h === '0' ? null : price24h
      if (stream.kind === 'ticker') streams.ticker(stream, { last, open, volume }, at)
      else if (row.mark_price !== undefined) streams.derivative(stream, { markPrice: mark }, at)
    }
  }

  #candle(value: LosslessValue, frame: string, at: Micros | null): void {
    const { symbol, price } = checkPrices(value, frame)
    const [time, open, high, low, close, volume] = price
    // The length is not told: the venue takes one a symbol and connection.
    const [stream] = topicsNamed(this.#topics, 'prices', symbol).flatMap(({ streams }) => [...streams])
    if (stream === undefined) return
    const candle = {
      interval: stream.variant === '' ? '1m' : stream.variant,
      // The documentation shows seconds, the wire has milliseconds.
      openTime: time < 9e9 ? time * 1_000_000 : time * 1000,
      open: canonicalDecimal(open),
      high: canonicalDecimal(high),
      low: canonicalDecimal(low),
      close: canonicalDecimal(close),
      volume: unsignedDecimal(volume),
    }
    this.#kit.streams.rollingCandle(stream, candle, at)
  }

  #symbols(snapshot: boolean, value: LosslessValue, frame: string, at: Micros | null): void {
    const { init, streams } = this.#kit
    const times = { exchangeTime: null, receiveTime: at }
    if (snapshot) {
      for (const [id, row] of Object.entries(checkSymbols(value, frame).symbols)) {
        const instrument = exchangeInstrument(id, row)
        init.instruments.add(instrument)
        for (const stream of this.#topics.streamsOf('symbols', id, at))
          streams.instrument(stream, instrument, times)
      }
      return
    }
    const { symbol, status } = checkSymbolsUpdate(value, frame)
    const known = instrumentOf(init, symbol)
    const instrument = status === undefined ? known : { ...known, status: statusOf(status) }
    for (const stream of this.#topics.streamsOf('symbols', symbol, at))
      streams.instrument(stream, instrument, times)
  }
}

function decimalOr(wire: string | undefined, held: string | null): string | null {
  return wire === undefined ? held : canonicalDecimal(wire)
}
