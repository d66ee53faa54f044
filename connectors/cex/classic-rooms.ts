import type * as z from 'zod'
import {
  candle,
  candleRows,
  dayCandle,
  groupedBook,
  history,
  historyRow,
  historyUpdate,
  pairBook,
  type roomRequest,
} from '../../schemas/cex.js'
import type { Micros } from '../../schemas/events.js'
import type { Channel, HttpResponse, Instrument } from '../../src/connector.js'
import { canonicalDecimal, positiveDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import { identifier } from '../../src/decode/identifier.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import { DecodeError } from '../../src/errors.js'
import type { CandleFields, TradeFields } from '../../src/session/fields.js'
import type { SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import { currenciesOf, pairStreams } from './symbols.js'
import { MinorUnits, wholeCoins } from './units.js'

const checkBook = checker(pairBook)
const checkGrouped = checker(groupedBook)
const checkHistory = checker(history)
const checkUpdate = checker(historyUpdate)
const checkRow = checker(historyRow)
const checkCandles = checker(candleRows)
const checkCandle = checker(candle)
const checkDay = checker(dayCandle)

/** Frames of trades that may wait until their pair is known. */
const MAX_UNPLACED = 100
/** Characters of these frames together. */
const MAX_UNPLACED_CHARACTERS = 8 * 1024 * 1024

const PROFILE_AGAIN_MS = 5_000

/** The rooms of the classic API: books of fifty levels, trades, candles, all in minor units. */
export interface ClassicRooms {
  join(stream: Stream, at: Micros | null): void
  /** A recorded client joined. */
  joined(request: z.output<typeof roomRequest>, at: Micros | null): void
  /** @returns whether the frame is one of a room's. */
  frame(e: string, value: LosslessValue, frame: string, at: Micros | null): boolean
  response(response: HttpResponse, at: Micros | null): void
}

export function classicRooms(kit: SessionKit): ClassicRooms {
  const { init, sink, streams, alarms, guard } = kit
  const find = pairStreams(kit, 'classic')
  const units = new MinorUnits()
  /** The pairs whose rooms were joined. Trades do not name theirs, so with two nothing can be said of any. */
  const pairs = new Set<string>()
  let interval = '1m'
  /** In a log: trades that came before anything told the pair. */
  let unplaced: {
    readonly rows: readonly unknown[]
    readonly past: boolean
    readonly frame: string
    readonly at: Micros | null
  }[] = []
  let said = false
  /** Streams that wait for the profile to tell their currency's unit. */
  const waiting = new Map<string, Stream>()

  function askProfile(): void {
    sink.request({
      id: 'currency_profile',
      method: 'POST',
      url: `${init.endpoint.rest}/currency_profile`,
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
  }

  function decimalsOf({ base }: Instrument, frame: string): number {
    const decimals = units.decimals(base ?? '')
    if (decimals !== null) return decimals
    throw new DecodeError('schema_mismatch', `the minor unit of ${base} is not known`, {
      path: ['data', 'pair'],
      head: frame,
    })
  }

  /** A frame or a request names the pair of the room. */
  function learn(pair: string): void {
    if (!init.adopt || pairs.has(pair)) return
    pairs.add(pair)
    const held = unplaced
    unplaced = []
    for (const trade of held) trades(trade.rows, trade.past, trade.frame, trade.at)
  }

  function trades(rows: readonly unknown[], past: boolean, frame: string, at: Micros | null): void {
    const [pair] = pairs
    if (pairs.size !== 1 || pair === undefined) {
      if (pairs.size === 0) {
        unplaced = [...unplaced, { rows, past, frame, at }].slice(-MAX_UNPLACED)
        while (unplaced.reduce((sum, held) => sum + held.frame.length, 0) > MAX_UNPLACED_CHARACTERS)
          unplaced.shift()
      }
      if (!said) {
        const rooms = pairs.size === 0 ? 'no room yet, so they wait' : `${pairs.size} rooms`
        streams.connection('refused', `trade: they name no pair, and this socket joined ${rooms}`, at)
      }
      said = true
      return
    }
    const stream = find(pair, 'trade', at)
    if (stream === undefined) return
    const decimals = decimalsOf(stream.instrument, frame)
    const read: TradeFields[] = []
    for (const row of rows) guard(frame, at, () => read.push(tradeOf(row, decimals, frame)))
    if (past) {
      streams.history(stream, read, at, 'newest')
      return
    }
    // The order inside an update is not documented; ids rise with time.
    read.sort((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1))
    for (const trade of read) streams.trade(stream, trade, at)
  }

  function book(value: LosslessValue, frame: string, at: Micros | null): void {
    const { pair, id, buy, sell } = checkBook(value, frame).data
    learn(pair)
    const stream = find(pair, 'book:md', at)
    if (stream === undefined) return
    const decimals = decimalsOf(stream.instrument, frame)
    const toLevel = ([price, amount]: readonly [string, string]): [string, string] => [
      positiveDecimal(price),
      wholeCoins(amount, decimals),
    ]
    streams.snapshot(
      stream,
      {
        bids: buy.map(toLevel),
        asks: sell.map(toLevel),
        depth: 50,
        exchangeTime: null,
        sequence: String(id),
      },
      at,
    )
  }

  function candles(value: LosslessValue, frame: string, historical: boolean, at: Micros | null): void {
    const { pair, data } = checkCandles(value, frame)
    learn(pair)
    const stream = find(pair, candleChannel(interval), at)
    if (stream === undefined) return
    const decimals = decimalsOf(stream.instrument, frame)
    const rows = [...data].sort(([a], [b]) => a - b)
    for (const [time, open, high, low, close, volume] of rows) {
      roll(stream, { time, open, high, low, close, volume }, decimals, historical, at)
    }
  }

  function roll(
    stream: Stream,
    row: { time: number; open: string; high: string; low: string; close: string; volume: string },
    decimals: number,
    historical: boolean,
    at: Micros | null,
  ): void {
    const fields: CandleFields = {
      interval: stream.variant === '' ? '1m' : stream.variant,
      openTime: row.time * 1_000_000,
      open: canonicalDecimal(row.open),
      high: canonicalDecimal(row.high),
      low: canonicalDecimal(row.low),
      close: canonicalDecimal(row.close),
      volume: wholeCoins(row.volume, decimals),
      historical,
    }
    const { candle: held } = stream.record
    // What is sent on joining repeats what was seen before a reconnect; two kinds of frame tell of the same candle.
    if (held !== null && (historical ? fields.openTime < held.openTime : same(held, fields))) return
    streams.rollingCandle(stream, fields, at)
  }

  function oneCandle(name: string, value: LosslessValue, frame: string, at: Micros | null): void {
    const { pair, time, o, h, l, c, v } = checkCandle(value, frame).data
    learn(pair)
    const stream = find(pair, candleChannel(name), at)
    if (stream === undefined) return
    const row = { time, open: o, high: h, low: l, close: c, volume: v }
    roll(stream, row, decimalsOf(stream.instrument, frame), false, at)
  }

  function day(value: LosslessValue, frame: string, at: Micros | null): void {
    const { pair, data } = checkDay(value, frame)
    learn(pair)
    const stream = find(pair, 'ticker:day', at)
    if (stream === undefined) return
    const [open, high, low, close, volume] = data
    streams.ticker(
      stream,
      {
        open: canonicalDecimal(open),
        high: canonicalDecimal(high),
        low: canonicalDecimal(low),
        last: canonicalDecimal(close),
        volume: wholeCoins(volume, decimalsOf(stream.instrument, frame)),
      },
      at,
    )
  }

  function ask(stream: Stream, at: Micros | null): void {
    const room = `pair-${currenciesOf(stream.instrument).join('-')}`
    pairs.add(stream.instrument.instrument)
    if (stream.kind === 'candle') {
      interval = stream.variant === '' ? '1m' : stream.variant
      sink.send(JSON.stringify({ e: 'init-ohlcv', i: interval, rooms: [room] }))
    } else {
      sink.send(JSON.stringify({ e: 'subscribe', rooms: [room] }))
    }
    // Rooms answer with data alone; the history that comes on joining makes good what was missed.
    streams.ack(stream, at, true)
  }

  return {
    join(stream, at) {
      if (units.knows(stream.instrument.base ?? '')) {
        ask(stream, at)
        return
      }
      if (waiting.size === 0) askProfile()
      // Nothing is subscribed before that: the wait for it is no silence of the venue's.
      streams.excuse(stream)
      waiting.set(`${stream.channel} ${stream.instrument.instrument}`, stream)
    },
    joined({ i, rooms }) {
      if (i !== undefined) interval = i
      for (const room of rooms) {
        const pair = /^pair-([^-]+)-([^-]+)$/.exec(room)
        if (pair !== null) learn(`${pair[1]}:${pair[2]}`)
      }
    },
    frame(e, value, frame, at) {
      const length = /^ohlcv(\d+[mhdw])$/.exec(e)?.[1]
      if (length !== undefined) oneCandle(length, value, frame, at)
      else if (e === 'history') {
        trades(
          checkHistory(value, frame).data.map((row) => row.split(':')),
          true,
          frame,
          at,
        )
      } else if (e === 'history-update') trades(checkUpdate(value, frame).data, false, frame, at)
      else if (e === 'md') book(value, frame, at)
      // Sums over steps of the price: a chart, never a book.
      else if (e === 'md_groupped') learn(checkGrouped(value, frame).data.pair)
      else if (e === 'ohlcv') candles(value, frame, false, at)
      else if (e === 'init-ohlcv-data') candles(value, frame, true, at)
      else if (e === 'ohlcv24') day(value, frame, at)
      else return false
      return true
    },
    response({ url, status, body }, at) {
      if (!url.endsWith('/currency_profile')) return
      let told = false
      if (status === 200) {
        guard(body, at, () => {
          units.learn(body)
          told = true
        })
      }
      // An answer that failed says nothing of any currency.
      if (!told) {
        if (waiting.size === 0) return
        const reason = status === 0 ? body : status === 200 ? 'not as it should be' : `HTTP ${status}`
        const waitMs = streams.refusals.refused('currency_profile', reason, at, { firstMs: PROFILE_AGAIN_MS })
        alarms.set('profile', at, waitMs, askProfile)
        return
      }
      streams.refusals.forget('currency_profile')
      const held = [...waiting.values()]
      waiting.clear()
      for (const stream of held) {
        if (stream.state === 'leaving') continue
        const { base } = stream.instrument
        if (units.knows(base ?? '')) ask(stream, at)
        else streams.refuse(stream, `the venue does not say in which unit it counts ${base}`, at)
      }
    },
  }
}

function tradeOf(row: unknown, decimals: number, frame: string): TradeFields {
  const [side, time, amount, price, id] = checkRow(row, frame)
  return {
    id: identifier(id),
    price: positiveDecimal(price),
    amount: wholeCoins(amount, decimals),
    side,
    exchangeTime: time * 1000,
  }
}

function same(a: CandleFields, b: CandleFields): boolean {
  return (
    a.openTime === b.openTime &&
    a.open === b.open &&
    a.high === b.high &&
    a.low === b.low &&
    a.close === b.close &&
    a.volume === b.volume
  )
}

function candleChannel(interval: string): Channel {
  return interval === '1m' ? 'candle' : `candle:${interval}`
}
