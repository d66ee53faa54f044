import type { Micros } from '../../schemas/events.js'
import { compareDecimals } from '../../src/decode/decimal.js'
import { javaNumber } from '../../src/simulator/java-number.js'
import type { LevelMove, MarketTrade } from '../../src/simulator/market.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { granularities } from './channels.js'
import { type ExchangeMarket, listing } from './simulated-markets.js'

interface Candle {
  time: number
  open: string
  high: string
  low: string
  close: string
}

const PING_MICROS = 1_000_000
const HEARTBEAT_MICROS = 5_090_000
const MINUTE_MICROS = 60_000_000
const MESSAGES_A_MINUTE = 1200
const TICKER_MICROS = 2_000_000
const CHANNELS = new Set([
  'heartbeat',
  'l2',
  'l3',
  'prices',
  'symbols',
  'ticker',
  'trades',
  'auth',
  'trading',
  'balances',
])

/** One client of the simulated Exchange: its subscriptions, and the one counter over all it is sent. */
export class ExchangeClient {
  readonly #peer: SimulatedPeer
  readonly #markets: ReadonlyMap<string, ExchangeMarket>
  /** `l2 BTC-USD`, `heartbeat`. */
  readonly #held = new Set<string>()
  readonly #granularity = new Map<string, number>()
  readonly #candles = new Map<string, Candle>()
  #seqnum = 0
  #pinged: Micros
  #beat: Micros = 0
  #tickered: Micros
  #minute: Micros
  #messages = 0

  constructor(peer: SimulatedPeer, markets: ReadonlyMap<string, ExchangeMarket>, at: Micros) {
    this.#peer = peer
    this.#markets = markets
    this.#pinged = at
    this.#tickered = at
    this.#minute = at
  }

  received(data: string | Uint8Array, at: Micros): void {
    if (at - this.#minute >= MINUTE_MICROS) {
      this.#minute = at
      this.#messages = 0
    }
    if (++this.#messages > MESSAGES_A_MINUTE) {
      if (this.#messages === MESSAGES_A_MINUTE + 1) {
        this.#peer.send(
          '{"event":"rejected","text":"Connection throttling enabled, your messages will be ignored."}',
        )
      }
      return
    }
    const request = parse(data)
    if (request === null) return this.#reject('', undefined, 'Invalid json received')
    const channel = text(request['channel']) ?? ''
    const symbol = text(request['symbol'])
    const action = text(request['action'])
    if (action === undefined) return this.#reject(channel, symbol, 'Missing action')
    if (!CHANNELS.has(channel)) return this.#reject(channel, symbol, 'Invalid channel')
    if (channel === 'auth' || channel === 'trading' || channel === 'balances') {
      return this.#reject(channel, symbol, 'Authentication failed')
    }
    if (action === 'subscribe') this.#subscribe(channel, symbol, request['granularity'], at)
    else if (action === 'unsubscribe') this.#unsubscribe(channel, symbol)
    else this.#reject(channel, symbol, 'Invalid action')
  }

  moved(symbol: string, { side, price, amount }: LevelMove, at: Micros): void {
    const qty = amount === null ? '0.0' : javaNumber(amount)
    const tail = `"timestamp":"${isoTime(at)}"`
    const frame = (entry: string) => {
      const [bids, asks] = side === 'bids' ? [entry, ''] : ['', entry]
      return `"symbol":"${symbol}","bids":[${bids}],"asks":[${asks}],${tail}`
    }
    if (this.#held.has(`l2 ${symbol}`)) {
      this.#send(
        'updated',
        'l2',
        frame(`{"num":${amount === null ? 0 : 1},"px":${javaNumber(price)},"qty":${qty}}`),
      )
    }
    if (this.#held.has(`l3 ${symbol}`)) {
      this.#send('updated', 'l3', frame(`{"id":"${orderId(price)}","px":${javaNumber(price)},"qty":${qty}}`))
    }
  }

  traded(symbol: string, trade: MarketTrade, at: Micros): void {
    if (this.#held.has(`trades ${symbol}`)) {
      this.#send(
        'updated',
        'trades',
        `"symbol":"${symbol}","timestamp":"${isoTime(trade.time)}","side":"${trade.side}","qty":${javaNumber(trade.amount)},"price":${javaNumber(trade.price)},"trade_id":"${tradeId(trade)}"`,
      )
    }
    if (this.#held.has(`prices ${symbol}`)) this.#candle(symbol, trade.price, at)
  }

  advance(at: Micros): void {
    if (at - this.#pinged >= PING_MICROS) {
      this.#pinged = at
      this.#peer.ping()
    }
    if (this.#held.has('heartbeat') && at - this.#beat >= HEARTBEAT_MICROS) {
      this.#beat = at
      this.#send('updated', 'heartbeat', `"timestamp":"${isoTime(at)}"`)
    }
    if (at - this.#tickered < TICKER_MICROS) return
    this.#tickered = at
    for (const { symbol, market } of this.#markets.values()) {
      const last = market.trades.at(-1)
      if (last === undefined || !this.#held.has(`ticker ${symbol}`)) continue
      this.#send('updated', 'ticker', `"symbol":"${symbol}","last_trade_price":${javaNumber(last.price)}`)
    }
  }

  #subscribe(channel: string, symbol: string | undefined, granularity: unknown, at: Micros): void {
    if (channel === 'heartbeat' || channel === 'symbols') {
      if (this.#held.has(channel)) return this.#reject(channel, undefined, 'Already subscribed')
      this.#held.add(channel)
      this.#send('subscribed', channel)
      if (channel === 'symbols')
        this.#send('snapshot', channel, `"symbols":${JSON.stringify(listing(this.#markets))}`)
      return
    }
    if (symbol === undefined) return this.#reject(channel, undefined, 'missing symbol field')
    const entry = this.#markets.get(symbol)
    if (entry === undefined) {
      return this.#reject(
        channel,
        symbol,
        channel === 'ticker' ? 'Invalid symbol' : 'invalid symbol identifier',
      )
    }
    const key = `${channel} ${symbol}`
    if (this.#held.has(key)) return this.#reject(channel, symbol, 'Already subscribed')
    if (channel === 'prices') {
      const seconds = Number(granularity)
      if (![...granularities.values()].includes(seconds))
        return this.#reject(channel, symbol, 'No granularity set')
      this.#held.add(key)
      this.#granularity.set(symbol, seconds)
      this.#send('subscribed', channel, `"symbol":"${symbol}","granularity":${seconds}`)
      return
    }
    this.#held.add(key)
    this.#send('subscribed', channel, `"symbol":"${symbol}"${channel === 'l2' ? ',"batching":false' : ''}`)
    if (channel === 'l2' || channel === 'l3') this.#book(channel, entry, at)
    if (channel === 'ticker') this.#ticker(entry)
  }

  #unsubscribe(channel: string, symbol: string | undefined): void {
    const key = symbol === undefined ? channel : `${channel} ${symbol}`
    if (!this.#held.delete(key)) return this.#reject(channel, symbol, 'Not subscribed to channel')
    this.#send('unsubscribed', channel, symbol === undefined ? '' : `"symbol":"${symbol}"`)
  }

  /** Both sides ascend, so the best bid comes last: as on the wire. */
  #book(channel: 'l2' | 'l3', { symbol, market }: ExchangeMarket, at: Micros): void {
    const { bids, asks } = market.book.top(100_000)
    const entry = ([px, qty]: readonly [string, string]) =>
      channel === 'l2'
        ? `{"num":1,"px":${javaNumber(px)},"qty":${javaNumber(qty)}}`
        : `{"id":"${orderId(px)}","px":${javaNumber(px)},"qty":${javaNumber(qty)}}`
    const list = (levels: readonly (readonly [string, string])[]) => levels.map(entry).join(',')
    this.#send(
      'snapshot',
      channel,
      `"symbol":"${symbol}","bids":[${list([...bids].reverse())}],"asks":[${list(asks)}],"timestamp":"${isoTime(at)}"`,
    )
  }

  #ticker({ symbol, market }: ExchangeMarket): void {
    const last = market.trades.at(-1)?.price ?? market.book.best().bid?.[0] ?? '0'
    const price = javaNumber(last)
    this.#send(
      'snapshot',
      'ticker',
      `"symbol":"${symbol}","price_24h":${price},"volume_24h":1234.56789012,"last_trade_price":${price},"mark_price":${price}`,
    )
  }

  #candle(symbol: string, price: string, at: Micros): void {
    const seconds = this.#granularity.get(symbol) ?? 60
    const time = Math.floor(at / 1_000_000 / seconds) * seconds * 1000
    const held = this.#candles.get(symbol)
    const candle = held?.time === time ? held : { time, open: price, high: price, low: price, close: price }
    candle.close = price
    if (compareDecimals(price, candle.high) > 0) candle.high = price
    if (compareDecimals(price, candle.low) < 0) candle.low = price
    this.#candles.set(symbol, candle)
    const row = [candle.open, candle.high, candle.low, candle.close].map(javaNumber).join(',')
    this.#send('updated', 'prices', `"symbol":"${symbol}","price":[${time},${row},0.0]`)
  }

  #reject(channel: string, symbol: string | undefined, reason: string): void {
    const of = symbol === undefined ? '' : `,"symbol":${JSON.stringify(symbol)}`
    this.#send('rejected', channel, `"text":${JSON.stringify(reason)}${of}`)
  }

  #send(event: string, channel: string, rest = ''): void {
    const tail = rest === '' ? '' : `,${rest}`
    this.#peer.send(
      `{"seqnum":${this.#seqnum++},"event":"${event}","channel":${JSON.stringify(channel)}${tail}}`,
    )
  }
}

function parse(data: string | Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data))
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** One order stands for each level, so L3 sums to L2; its id is fixed by its price. */
function orderId(price: string): string {
  return price.replace('.', '')
}

function tradeId({ number }: MarketTrade): string {
  return String(12_884_909_920 + number)
}

/** Nine fraction digits, as in 2026; the market's clock has six. */
function isoTime(at: Micros): string {
  const seconds = Math.floor(at / 1_000_000)
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(at % 1_000_000).padStart(6, '0')}000Z`
}
