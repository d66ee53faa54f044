import type { Level, Micros } from '../../schemas/events.js'
import { javaNumber } from '../../src/simulator/java-number.js'
import { decimal, type LevelMove, type MarketTrade } from '../../src/simulator/market.js'
import type { Candle } from '../kit/candles.js'
import { Delivery } from '../kit/delivery.js'
import type { PendingFaults } from '../kit/pending-faults.js'
import { longId, spoiltPrice } from '../kit/spoilt-values.js'
import type { ExchangeMarket } from './markets.js'

/** A message of the Exchange before it is numbered. */
export interface Message {
  readonly event: string
  readonly channel: string
  /** Its other fields, as JSON without the braces; empty where it has none. */
  readonly rest: string
}

/** The one counter over all that a client is sent, and the faults of messages. */
export class NumberedMessages {
  readonly #faults: PendingFaults
  readonly #put: (frame: string) => void
  readonly #trades: Delivery<Message>
  readonly #frames: Delivery<string>
  #seqnum = 0

  constructor(faults: PendingFaults, put: (frame: string) => void) {
    this.#faults = faults
    this.#put = put
    this.#trades = Delivery.ofTrades(faults)
    this.#frames = Delivery.ofNumbered(faults)
  }

  /** Numbers are given when a frame is sent: what never became one leaves no hole. */
  send(message: Message): void {
    const { event, channel } = message
    if (event === 'updated' && channel === 'trades') {
      for (const trade of this.#trades.pass(channel, spoilt(message, this.#faults))) this.#number(trade)
    } else if (event === 'updated' && (channel === 'l2' || channel === 'l3')) {
      if (!this.#faults.take('update-lost')) this.#number(spoilt(message, this.#faults))
    } else this.#number(message)
  }

  #number({ event, channel, rest }: Message): void {
    if (this.#faults.take('sequence-reset')) this.#seqnum = 0
    const tail = rest === '' ? '' : `,${rest}`
    const frame = `{"seqnum":${this.#seqnum++},"event":"${event}","channel":${JSON.stringify(channel)}${tail}}`
    for (const sent of this.#frames.pass('', frame)) this.#put(sent)
  }
}

const PRICE = /"(px|price)":([^,}]+)/

function spoilt({ rest, ...message }: Message, faults: PendingFaults): Message {
  let sent = rest.replace(PRICE, (_all, name: string, price: string) => {
    return `"${name}":${spoiltPrice(faults, price)}`
  })
  if (message.channel === 'trades' && faults.take('id-long')) {
    sent = sent.replace(/"trade_id":"(\d+)"/, (_all, id: string) => `"trade_id":"${longId(id)}"`)
  }
  if (faults.take('field-missing')) sent = sent.replace(/,"qty":[^,}]+/, '')
  if (faults.take('field-new')) sent = `"novelty":{"nested":[1]},${sent}`
  return { ...message, rest: sent }
}

/** An entry of `l2`, or of `l3`, where one order stands for each level. An amount of null removes it. */
export function entry(channel: 'l2' | 'l3', price: string, amount: string | null): string {
  const head = channel === 'l2' ? `"num":${amount === null ? 0 : 1}` : `"id":"${orderId(price)}"`
  return `{${head},"px":${javaNumber(price)},"qty":${amount === null ? '0.0' : javaNumber(amount)}}`
}

/** Both sides ascend, so the best bid comes last: as on the wire. */
export function bookSides(channel: 'l2' | 'l3', { market }: ExchangeMarket): string {
  const { bids, asks } = market.book.top(100_000)
  const list = (levels: readonly Level[]) =>
    levels.map(([price, amount]) => entry(channel, price, amount)).join()
  return `"bids":[${list(bids.toReversed())}],"asks":[${list(asks)}]`
}

/** The sides of an update that changes one level. */
export function changedSides(channel: 'l2' | 'l3', { side, price, amount }: LevelMove): string {
  const changed = entry(channel, price, amount)
  return side === 'bids' ? `"bids":[${changed}],"asks":[]` : `"bids":[],"asks":[${changed}]`
}

export function tradeFields({ side, price, amount, number }: MarketTrade): string {
  return `"side":"${side}","qty":${javaNumber(amount)},"price":${javaNumber(price)},"trade_id":"${number}"`
}

export function candleRow({ start, open, high, low, close, sums }: Candle, amountDecimals: number): string {
  const volume = decimal(sums[0] ?? 0n, amountDecimals)
  return `[${start / 1000},${[open, high, low, close, volume].map(javaNumber).join()}]`
}

/** The figures of 24 hours. */
export function tickerFields({ market }: ExchangeMarket): string {
  const { open, volume, last } = market.day
  return `"price_24h":${javaNumber(open)},"volume_24h":${javaNumber(volume)},"last_trade_price":${javaNumber(last)}`
}

/** An order's id is fixed by its price, so that L3 sums to L2. */
export function orderId(price: string): string {
  return price.replace('.', '')
}

/** Nine fraction digits, as in 2026; the market's clock has six. */
export function isoTime(at: Micros): string {
  const seconds = Math.floor(at / 1_000_000)
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(at % 1_000_000).padStart(6, '0')}000Z`
}
