import {
  type CandleRow,
  candleFrame,
  candlesFrame,
  derivativeFrame,
  fundingTickerFrame,
  liquidationsFrame,
  type TradeRow,
  tickerFrame,
  tradeFrame,
  tradeHistoryFrame,
} from '../../schemas/bitfinex.js'
import type { Instrument } from '../../src/connector.js'
import {
  absoluteDecimal,
  canonicalDecimal,
  checker,
  identifier,
  positiveDecimal,
  unsignedDecimal,
} from '../../src/decode/index.js'
import type { Backfills, CandleFields, Stream, Streams, TradeFields } from '../../src/session/index.js'
import { candleInterval } from './channels.js'
import { difference, predictedRate } from './exact.js'
import { type ChannelReader, type DataFrame, isList, unknownMessage } from './frames.js'

const checkTrade = checker(tradeFrame)
const checkTradeHistory = checker(tradeHistoryFrame)
const checkTicker = checker(tickerFrame)
const checkFundingTicker = checker(fundingTickerFrame)
const checkCandle = checker(candleFrame)
const checkCandles = checker(candlesFrame)
const checkDerivative = checker(derivativeFrame)
const checkLiquidations = checker(liquidationsFrame)

/**
 * Each trade is told as `te` when it happens and as `tu` when it is booked, with the same row. One in five hundred never
 * gets its `tu`, and `tu` come out of order, so the first of the two counts and the other is known by its id.
 */
export function tradeReader(backfills: Backfills, stream: Stream): ChannelReader {
  return {
    rows({ value, text, sequence, at }) {
      const rows = checkTradeHistory(value, text)[1]
      backfills.history(
        stream,
        rows.map((row) => tradeFields(stream, row, sequence)),
        at,
      )
    },
    tagged(tag, { value, text, sequence, at }) {
      if (!/^f?t[eu]$/.test(tag)) unknownMessage(`a trade frame with the tag ${tag}`, text)
      backfills.trade(stream, tradeFields(stream, checkTrade(value, text)[2], sequence), at)
    },
  }
}

export function tradeFields(
  { instrument }: Stream,
  [id, exchangeTime, signed, price]: TradeRow,
  sequence: string | null,
): TradeFields {
  const amount = canonicalDecimal(signed)
  return {
    id: identifier(id),
    // The price of a loan is its rate.
    price: instrument.market === 'funding' ? unsignedDecimal(price) : positiveDecimal(price),
    amount: absoluteDecimal(amount),
    side: amount.startsWith('-') ? 'sell' : 'buy',
    exchangeTime,
    sequence,
  }
}

/** The sizes of the row are sums over 25 levels, no amounts at the touch, and are left out. */
export function tickerReader(streams: Streams, stream: Stream): ChannelReader {
  const funding = stream.instrument.market === 'funding'
  return {
    rows(frame) {
      const { bid, ask, change, last, volume, high, low } = funding ? fundingTicker(frame) : ticker(frame)
      const now = decimalOrNull(last)
      const moved = decimalOrNull(change)
      streams.ticker(
        stream,
        {
          exchangeTime: frame.exchangeTime,
          last: now,
          open: now === null || moved === null ? null : difference(now, moved),
          high: decimalOrNull(high),
          low: decimalOrNull(low),
          volume: decimalOrNull(volume),
          change: moved,
          bidPrice: decimalOrNull(bid),
          askPrice: decimalOrNull(ask),
        },
        frame.at,
      )
    },
    tagged: refuseTag,
  }
}

function ticker({ value, text }: DataFrame) {
  const [bid, , ask, , change, , last, volume, high, low] = checkTicker(value, text)[1]
  return { bid, ask, change, last, volume, high, low }
}

function fundingTicker({ value, text }: DataFrame) {
  const [, bid, , , ask, , , change, , last, volume, high, low] = checkFundingTicker(value, text)[1]
  return { bid, ask, change, last, volume, high, low }
}

/**
 * A bar is final when a later one appears; now and then one late correction follows. Bars without trades do not exist.
 */
export function candleReader(streams: Streams, stream: Stream): ChannelReader {
  const interval = candleInterval(stream.variant)
  return {
    rows(frame) {
      if (!isList(frame.value[1])) {
        streams.rollingCandle(stream, candle(checkCandle(frame.value, frame.text)[1], frame, false), frame.at)
        return
      }
      const rows = checkCandles(frame.value, frame.text)[1].map((row) => candle(row, frame, true))
      // After a reconnect the history repeats what was told before: only what may have changed since is told again, and
      // the bar that was held open is closed by its own row, not by what was last known of it.
      const { record } = stream
      const known = record.candle?.openTime ?? null
      record.candle = null
      for (const row of rows) {
        if (known === null || row.openTime >= known) streams.rollingCandle(stream, row, frame.at)
      }
    },
    tagged: refuseTag,
  }

  function candle(
    [openTime, open, close, high, low, volume]: CandleRow,
    { exchangeTime }: DataFrame,
    historical: boolean,
  ): CandleFields {
    return {
      interval,
      openTime,
      open: decimalOrNull(open),
      high: decimalOrNull(high),
      low: decimalOrNull(low),
      close: decimalOrNull(close),
      volume: decimalOrNull(volume),
      exchangeTime,
      historical,
    }
  }
}

/** A row is made every three seconds and sent about every second: the repeats are only signs of life. */
export function derivativeReader(streams: Streams, stream: Stream): ChannelReader {
  let last: number | null = null
  return {
    rows({ value, text, at }) {
      const row = checkDerivative(value, text)[1]
      const exchangeTime = row[0]
      if (exchangeTime === last) {
        streams.touch(stream, at)
        return
      }
      last = exchangeTime
      const accrued = decimalOrNull(row[8])
      const deadBand = decimalOrNull(row[21])
      streams.derivative(
        stream,
        {
          exchangeTime,
          markPrice: decimalOrNull(row[14]),
          indexPrice: decimalOrNull(row[3]),
          openInterest: decimalOrNull(row[17]),
          fundingRate: decimalOrNull(row[11]),
          nextFundingTime: row[7] ?? null,
          predictedFundingRate:
            accrued === null || deadBand === null
              ? null
              : predictedRate(accrued, deadBand, decimalOrNull(row[22])),
        },
        at,
      )
    },
    tagged: refuseTag,
  }
}

/** Finds the stream of a symbol on the channel of all liquidations; null where nobody asked for it. */
export type LiquidationStreams = (symbol: string, at: DataFrame['at']) => Stream | null

/**
 * A liquidation is told as a trigger, as its matches in the market, or as both: the first word of a position counts.
 */
export function liquidationReader(streams: Streams, streamOf: LiquidationStreams): ChannelReader {
  return {
    rows({ value, text, at }) {
      for (const row of checkLiquidations(value, text)[1]) {
        const [, unchecked, exchangeTime, , symbol, signed] = row
        const id = identifier(unchecked)
        const stream = streamOf(symbol, at)
        if (stream === null || !stream.record.tradeIds.add(id)) continue
        const amount = canonicalDecimal(signed)
        const instrument: Instrument = stream.instrument
        streams.liquidation(
          stream,
          instrument,
          {
            id,
            price: decimalOrNull(row[11]),
            amount: absoluteDecimal(amount),
            side: amount.startsWith('-') ? 'buy' : 'sell',
            exchangeTime,
          },
          at,
        )
      }
    },
    tagged: refuseTag,
  }
}

function refuseTag(tag: string, { text }: DataFrame): never {
  unknownMessage(`a frame with the tag ${tag} on a channel that has none`, text)
}

function decimalOrNull(wire: string | null | undefined): string | null {
  return wire === null || wire === undefined ? null : canonicalDecimal(wire)
}
