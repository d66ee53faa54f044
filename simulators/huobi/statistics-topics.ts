import { Decimal } from 'decimal.js'
import type { Topic } from '../../connectors/huobi/topics.js'
import type { Micros } from '../../schemas/events.js'
import { decimal } from '../../src/simulator/market.js'
import { type Candle, Candles } from '../kit/candles.js'
import { periods } from '../kit/periods.js'
import { bestOf, dayFigures, indexValue, SCALE, tradeSums } from './figures.js'
import { printed } from './frames.js'
import { type HuobiExchange, type HuobiInstrument, ofFamily, type TradePush } from './instruments.js'
import { ServedTopic, type TopicRequest } from './served-topic.js'

/** Days begin at midnight in Singapore. */
const ZONE_MS = 8 * 3_600_000

/** `detail`: the rolling day, when it changed. */
export class DetailTopic extends ServedTopic {
  override readonly everyMs = 500

  override frame(at: Micros): string {
    return this.frameOf(at, this.#tick(at))
  }

  override changes(): unknown {
    return this.instrument.market.trades.at(-1)?.number
  }

  override data(_request: TopicRequest, at: Micros): string {
    return `{${this.#tick(at)}}`
  }

  #tick(at: Micros): string {
    const { facts, counter, market } = this.instrument
    const figures = dayFigures(this.instrument, this.ms(at))
    if (facts.family === 'spot') return `"id":${counter},${figures},"version":${counter}`
    const { bid, ask } = market.book.best()
    return `${figures},"bid":[${bid?.join() ?? '0,0'}],"ask":[${ask?.join() ?? '0,0'}]`
  }
}

/** `ticker` (spot): the rolling day with the best prices, ten times a second. */
export class TickerTopic extends ServedTopic {
  override readonly everyMs = 100

  override frame(at: Micros): string {
    const { facts, lastPush } = this.instrument
    const trade = lastPush?.trades[0]
    const last = `"lastPrice":${printed(facts, trade?.price ?? '0')},"lastSize":${printed(facts, trade?.amount ?? '0')}`
    return this.frameOf(at, `${dayFigures(this.instrument, this.ms(at))},${bestOf(this.instrument)},${last}`)
  }
}

/** `market.tickers`: all pairs in one frame, once a second. The topic hangs on the first pair for its pace. */
export class TickersTopic extends ServedTopic {
  override readonly everyMs = 1_000

  override frame(at: Micros): string {
    const ms = this.ms(at)
    const rows = tickerRows(this.exchange, ms)
    return `{"ch":"market.tickers","status":"ok","ts":${ms},"data":[${rows}]}`
  }
}

/** The rows of all pairs that trade, as `market.tickers` and REST have them. */
export function tickerRows(exchange: HuobiExchange, ms: number): string {
  return ofFamily(exchange, 'spot')
    .filter(({ status }) => status === 'open')
    .map((pair) => `{"symbol":"${pair.facts.id}",${dayFigures(pair, ms)},${bestOf(pair)}}`)
    .join()
}

/** Rows of a `req` at most, on spot and on derivatives; so many candles are kept. */
const MAX_ROWS = { spot: 300, derivatives: 2_000 } as const

/** `kline.$p`: the candle of now, when it changed; a new period begins at the last price. */
export class KlineTopic extends ServedTopic {
  override readonly everyMs = 500
  readonly #candles: Candles

  constructor(topic: Topic, instrument: HuobiInstrument, exchange: HuobiExchange) {
    super(topic, instrument, exchange)
    const rows = instrument.facts.family === 'spot' ? MAX_ROWS.spot : MAX_ROWS.derivatives
    this.#candles = new Candles(klinePeriods(topic.detail), rows)
    for (const push of instrument.pushes) this.#add(push)
  }

  override frame(at: Micros): string {
    this.#roll(at)
    return this.frameOf(at, this.#tick(this.#now))
  }

  override changes(at: Micros): unknown {
    this.#roll(at)
    return this.#tick(this.#now)
  }

  /** The final value of a period is pushed with its end. */
  override stepped(push: TradePush | null, at: Micros): void {
    const { last } = this.#candles
    if (this.#roll(at) && last !== undefined)
      this.pushOnce(this.#tick(last), this.frameOf(at, this.#tick(last)))
    if (push !== null) this.#add(push)
  }

  override data({ from, to }: TopicRequest): string {
    const within = this.#candles.bars.filter(({ start }) => {
      const seconds = start / 1_000_000
      return seconds >= (from ?? 0) && seconds <= (to ?? Number.MAX_SAFE_INTEGER)
    })
    return `[${within.map((bar) => `{${this.#tick(bar)}}`).join()}]`
  }

  get #now(): Candle {
    const { last } = this.#candles
    if (last === undefined) throw new RangeError(`no candle of ${this.topic.text}`)
    return last
  }

  /** @returns whether a period is over. */
  #roll(at: Micros): boolean {
    return this.#candles.roll(at, this.instrument.market.day.last) !== null
  }

  #add(push: TradePush): void {
    // Spot lists the newest first.
    const trades = this.instrument.facts.family === 'spot' ? push.trades.toReversed() : push.trades
    for (const trade of trades) this.#candles.add(push.at, trade.price, tradeSums(trade, this.instrument))
  }

  #tick({ start, open, high, low, close, trades, sums }: Candle): string {
    const { facts, counter } = this.instrument
    const [coins = '0', money = '0', contracts = '0'] = sums.map((sum) => decimal(sum, SCALE))
    const number = (value: string) => printed(facts, value)
    const prices = `"open":${number(open)},"close":${number(close)},"low":${number(low)},"high":${number(high)}`
    const id = `"id":${start / 1_000_000}`
    const volumes = `"amount":${number(coins)},"vol":${number(facts.family === 'spot' ? money : contracts)}`
    if (facts.family === 'spot') return `${id},${prices},${volumes},"count":${trades}`
    const turnover = facts.family === 'linear' ? `,"trade_turnover":${money}` : ''
    return `${id},"mrid":${counter},${prices},${volumes}${turnover},"count":${trades}`
  }
}

/** The venue's periods, by the field's names. */
export function klinePeriods(interval: string): (at: Micros) => Micros {
  return periods(interval, ZONE_MS)
}

/** `/ws_index`: klines whose numbers are strings; `close` is the value now. Once a second. */
export class IndexTopic extends ServedTopic {
  override readonly everyMs = 1_000
  readonly #candles = new Candles(periods('1m'), 2)

  override frame(at: Micros): string {
    const ms = this.ms(at)
    const value = indexValue(this.topic.text, this.instrument, ms)
    const { start, ...bar } = this.#candles.add(at, value)
    const prices = (['open', 'close', 'high', 'low'] as const)
      .map((name) => `"${name}":"${bar[name]}"`)
      .join()
    const zeros = ['amount', 'vol', 'count', 'trade_turnover'].map((name) => `"${name}":"0"`).join()
    return `{"ch":"${this.topic.text}","tick":{"id":${start / 1_000_000},${prices},${zeros}},"ts":${ms}}`
  }
}

/** `basis.$p.$type`: how far the contract is from its index. Once a second. */
export class BasisTopic extends ServedTopic {
  override readonly everyMs = 1_000

  override frame(at: Micros): string {
    const ms = this.ms(at)
    const index = indexValue('.index.', this.instrument, ms)
    const { last: contract } = this.instrument.market.day
    const basis = new Decimal(contract).minus(index)
    const rate = basis.div(index).toFixed(16)
    const tick = `"id":${Math.floor(ms / 60_000) * 60},"contract_price":"${contract}","index_price":"${index}","basis":"${basis.toFixed()}","basis_rate":"${rate}"`
    return this.frameOf(at, tick)
  }
}
