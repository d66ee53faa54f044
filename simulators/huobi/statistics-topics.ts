import { Decimal } from 'decimal.js'
import type { Topic } from '../../connectors/huobi/topics.js'
import type { Micros } from '../../schemas/events.js'
import { printed } from './frames.js'
import type { SimulatedInstrument, TradePush } from './instruments.js'
import type { Scene } from './scene.js'
import { Tally } from './tally.js'
import type { TopicSubscriber } from './topic-subscriber.js'
import { ServedTopic } from './topics.js'

const DAY_MS = 86_400_000
/** Days begin at midnight in Singapore. */
const ZONE_MS = 8 * 3_600_000

/** The 24-hour figures of an instrument. */
export function dayFigures({ facts, day, market, counter }: SimulatedInstrument, ms: number): string {
  const number = (value: string) => printed(facts, value)
  const prices = `"low":${number(day.low)},"high":${number(day.high)},"open":${number(day.open)},"close":${number(day.close)}`
  const count = `"count":${day.count}`
  const { volume, turnover: money } = market.day
  if (facts.contractSize === null) {
    return `${prices},"vol":${number(money)},"amount":${number(volume)},${count}`
  }
  // Derivatives count both sides.
  const contracts = new Decimal(volume).times(2)
  const size = new Decimal(facts.contractSize)
  const linear = facts.family === 'linear'
  const coins = linear ? contracts.times(size) : contracts.times(size).div(day.close)
  const turnover = linear ? `,"trade_turnover":${size.times(money).times(2).toFixed()}` : ''
  const ids = `"id":${Math.floor(ms / 60_000) * 60},"mrid":${counter}`
  return `${ids},${prices},"amount":${coins.toFixed()},"vol":${contracts.toFixed()}${turnover},${count}`
}

/** `detail`: the rolling day, when it changed. */
export class DetailTopic extends ServedTopic {
  readonly everyMs = 500
  #sent = -1

  override first(socket: TopicSubscriber, at: Micros): void {
    socket.send(this.#text(at))
  }

  override pushed(at: Micros): void {
    if (this.#sent === this.instrument.day.count) return
    this.#sent = this.instrument.day.count
    this.sendAll(this.#text(at))
  }

  #text(at: Micros): string {
    const { facts, counter, market } = this.instrument
    const figures = dayFigures(this.instrument, this.scene.ms(at))
    if (facts.family === 'spot') return this.frame(at, `"id":${counter},${figures},"version":${counter}`)
    const { bid, ask } = market.book.best()
    return this.frame(at, `${figures},"bid":[${bid?.join() ?? '0,0'}],"ask":[${ask?.join() ?? '0,0'}]`)
  }
}

/** `ticker` (spot): the rolling day with the best prices, ten times a second. */
export class TickerTopic extends ServedTopic {
  readonly everyMs = 100

  override first(socket: TopicSubscriber, at: Micros): void {
    socket.send(this.#text(at))
  }

  override pushed(at: Micros): void {
    this.sendAll(this.#text(at))
  }

  #text(at: Micros): string {
    const { facts, lastPush } = this.instrument
    const trade = lastPush?.trades[0]
    const last = `"lastPrice":${printed(facts, trade?.price ?? '0')},"lastSize":${printed(facts, trade?.amount ?? '0')}`
    return this.frame(
      at,
      `${dayFigures(this.instrument, this.scene.ms(at))},${bestOf(this.instrument)},${last}`,
    )
  }
}

/** `"bid":…,"bidSize":…,"ask":…,"askSize":…` */
export function bestOf({ facts, market }: SimulatedInstrument): string {
  const { bid, ask } = market.book.best()
  const sizes = `"bidSize":${printed(facts, bid?.[1] ?? '0')},"askSize":${printed(facts, ask?.[1] ?? '0')}`
  return `"bid":${printed(facts, bid?.[0] ?? '0')},"ask":${printed(facts, ask?.[0] ?? '0')},${sizes}`
}

/** `market.tickers`: all pairs in one frame, once a second. The topic hangs on the first pair for its pace. */
export class TickersTopic extends ServedTopic {
  readonly everyMs = 1_000

  override first(socket: TopicSubscriber, at: Micros): void {
    socket.send(this.#text(at))
  }

  override pushed(at: Micros): void {
    this.sendAll(this.#text(at))
  }

  #text(at: Micros): string {
    const ms = this.scene.ms(at)
    const rows = this.scene.instruments
      .filter(({ facts, status }) => facts.family === 'spot' && status === 'open')
      .map((pair) => `{"symbol":"${pair.facts.id}",${dayFigures(pair, ms)},${bestOf(pair)}}`)
    return `{"ch":"market.tickers","status":"ok","ts":${ms},"data":[${rows.join(',')}]}`
  }
}

/** `kline.$p`: the candle of now, when it changed; a new period begins at the last price. */
export class KlineTopic extends ServedTopic {
  readonly everyMs = 500
  #openMs = 0
  #tally = new Tally()
  #sent = ''

  constructor(topic: Topic, instrument: SimulatedInstrument, scene: Scene) {
    super(topic, instrument, scene)
    for (const push of instrument.pushes) this.#add(push)
  }

  override first(socket: TopicSubscriber, at: Micros): void {
    this.#roll(at)
    socket.send(this.frame(at, this.#tick()))
  }

  /** The final value of a period goes out with its end. */
  override stepped(push: TradePush | null, _changed: boolean, at: Micros): void {
    this.#roll(at)
    if (push !== null) this.#add(push)
  }

  override pushed(at: Micros): void {
    this.#roll(at)
    this.#send(at)
  }

  #send(at: Micros): void {
    const tick = this.#tick()
    if (tick === this.#sent) return
    this.#sent = tick
    this.sendAll(this.frame(at, tick))
  }

  #roll(at: Micros): void {
    const openMs = periodStart(this.topic.detail, at / 1000)
    if (openMs === this.#openMs) return
    if (this.#openMs !== 0) this.#send(at)
    this.#openMs = openMs
    this.#tally = new Tally(this.#tally.close)
  }

  #add(push: TradePush): void {
    this.#roll(push.at)
    for (const trade of push.trades) this.#tally.add(trade, this.instrument.facts)
  }

  #tick(): string {
    const { facts, counter } = this.instrument
    const { open, close, high, low, coins, money, contracts, count } = this.#tally
    const number = (value: string) => printed(facts, value)
    const prices = `"open":${number(open)},"close":${number(close)},"low":${number(low)},"high":${number(high)}`
    const id = `"id":${this.#openMs / 1000}`
    const sums = `"amount":${number(coins)},"vol":${number(facts.family === 'spot' ? money : contracts)}`
    if (facts.family === 'spot') return `${id},${prices},${sums},"count":${count}`
    const turnover = facts.family === 'linear' ? `,"trade_turnover":${money}` : ''
    return `${id},"mrid":${counter},${prices},${sums}${turnover},"count":${count}`
  }
}

const FIXED_MS: Readonly<Record<string, number>> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '30m': 1_800_000,
  '1h': 3_600_000,
  '4h': 14_400_000,
  '1d': DAY_MS,
}

/** When the period of a moment began, in milliseconds. */
export function periodStart(interval: string, ms: number): number {
  const fixed = FIXED_MS[interval]
  const local = ms + ZONE_MS
  if (fixed !== undefined) return Math.floor(local / fixed) * fixed - ZONE_MS
  // 1 January 1970 was a Thursday; weeks begin on Monday.
  if (interval === '1w') return (Math.floor((local / DAY_MS + 3) / 7) * 7 - 3) * DAY_MS - ZONE_MS
  const date = new Date(local)
  const month = interval === '1M' ? date.getUTCMonth() : 0
  return Date.UTC(date.getUTCFullYear(), month, 1) - ZONE_MS
}

/** The last decimal of a rate that wanders around one in ten thousand. */
export function rateAt(instrument: SimulatedInstrument, ms: number): string {
  const wander = Math.floor(ms / 5_000 + Number(instrument.counter % 97n)) % 9_000
  return `0.0000${String(10_000 + wander)}`
}

/** `/ws_index`: klines whose numbers are strings; `close` is the value now. Once a second. */
export class IndexTopic extends ServedTopic {
  readonly everyMs = 1_000

  override first(socket: TopicSubscriber, at: Micros): void {
    socket.send(this.#text(at))
  }

  override pushed(at: Micros): void {
    this.sendAll(this.#text(at))
  }

  #text(at: Micros): string {
    const value = indexValue(this.topic.text, this.instrument, this.scene.ms(at))
    const id = Math.floor(this.scene.ms(at) / 60_000) * 60
    const prices = ['open', 'close', 'high', 'low'].map((name) => `"${name}":"${value}"`).join()
    const zeros = ['amount', 'vol', 'count', 'trade_turnover'].map((name) => `"${name}":"0"`).join()
    return `{"ch":"${this.topic.text}","tick":{"id":${id},${prices},${zeros}},"ts":${this.scene.ms(at)}}`
  }
}

/** Mark and index stand at the best bid and ask, so that a test can tell one from the other; the rest are rates. */
export function indexValue(topic: string, instrument: SimulatedInstrument, ms: number): string {
  const { bid, ask } = instrument.market.book.best()
  if (topic.includes('.mark_price.')) return bid?.[0] ?? '0'
  if (topic.includes('.index.')) return ask?.[0] ?? '0'
  return rateAt(instrument, ms)
}
