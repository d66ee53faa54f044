import { granularities } from '../../connectors/blockchain/channels.js'
import type { Micros } from '../../schemas/events.js'
import { compareDecimals } from '../../src/decode/decimal.js'
import { javaNumber } from '../../src/simulator/java-number.js'
import type { LevelMove, MarketTrade } from '../../src/simulator/market.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { MESSAGE_FAULTS, NumberedLine } from './faults.js'
import { type ExchangeMarket, listing } from './markets.js'

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
const LATE_ACK_MICROS = 5_000_000
const LASTING_FAULT_MICROS = 60_000_000
const HOUR_MICROS = 3_600_000_000
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

/** Channels that bring something without a move of the market: a snapshot, a beat. */
const SPEAKS_FIRST = new Set(['heartbeat', 'symbols', 'l2', 'l3', 'ticker'])

/** Faults of the next subscribe. */
const SUBSCRIBE_FAULTS = [
  'ack-missing',
  'ack-late',
  'ack-then-silence',
  'ack-error',
  'limit-error',
  'update-before-snapshot',
] as const
type SubscribeFault = (typeof SUBSCRIBE_FAULTS)[number]

/** Everything that one connection to the Exchange can do wrong. @see VENUE_FAULTS for what each means. */
export const EXCHANGE_FAULTS: readonly string[] = [
  ...MESSAGE_FAULTS,
  ...SUBSCRIBE_FAULTS,
  'snapshot-twice',
  'level-unknown',
  'book-crossed',
  'message-unknown',
  'heartbeat-missing',
  'clock-off',
]

/** One client of the simulated Exchange: its subscriptions, and the one counter over all it is sent. */
export class ExchangeClient {
  readonly #peer: SimulatedPeer
  readonly #markets: ReadonlyMap<string, ExchangeMarket>
  /** `l2 BTC-USD`, `heartbeat`. */
  readonly #held = new Set<string>()
  /** Those of them that bring nothing. */
  readonly #mute = new Set<string>()
  readonly #granularity = new Map<string, number>()
  readonly #candles = new Map<string, Candle>()
  readonly #line: NumberedLine
  readonly #faults = new Set<SubscribeFault>()
  #lateAcks: { readonly due: Micros; readonly say: () => void }[] = []
  #silentUntil: Micros = 0
  #clockOffUntil: Micros = 0
  #pinged: Micros
  #beat: Micros = 0
  #tickered: Micros
  #minute: Micros
  #messages = 0

  constructor(peer: SimulatedPeer, markets: ReadonlyMap<string, ExchangeMarket>, at: Micros) {
    this.#peer = peer
    this.#line = new NumberedLine((frame) => peer.send(frame))
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
      if (this.#messages === MESSAGES_A_MINUTE + 1) this.#throttle(at)
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
    const tail = `"timestamp":"${this.#time(at)}"`
    const frame = (entry: string) => {
      const [bids, asks] = side === 'bids' ? [entry, ''] : ['', entry]
      return `"symbol":"${symbol}","bids":[${bids}],"asks":[${asks}],${tail}`
    }
    if (this.#sends(`l2 ${symbol}`)) {
      this.#send(
        'updated',
        'l2',
        frame(`{"num":${amount === null ? 0 : 1},"px":${javaNumber(price)},"qty":${qty}}`),
      )
    }
    if (this.#sends(`l3 ${symbol}`)) {
      this.#send('updated', 'l3', frame(`{"id":"${orderId(price)}","px":${javaNumber(price)},"qty":${qty}}`))
    }
  }

  traded(symbol: string, trade: MarketTrade, at: Micros): void {
    if (this.#sends(`trades ${symbol}`)) {
      this.#send(
        'updated',
        'trades',
        `"symbol":"${symbol}","timestamp":"${this.#time(trade.time)}","side":"${trade.side}","qty":${javaNumber(trade.amount)},"price":${javaNumber(trade.price)},"trade_id":"${tradeId(trade)}"`,
      )
    }
    if (this.#sends(`prices ${symbol}`)) this.#candle(symbol, trade.price, at)
  }

  advance(at: Micros): void {
    if (at - this.#pinged >= PING_MICROS) {
      this.#pinged = at
      this.#peer.ping()
    }
    if (this.#sends('heartbeat') && at - this.#beat >= HEARTBEAT_MICROS && at >= this.#silentUntil) {
      this.#beat = at
      this.#send('updated', 'heartbeat', `"timestamp":"${this.#time(at)}"`)
    }
    const due = this.#lateAcks.filter((ack) => ack.due <= at)
    if (due.length > 0) this.#lateAcks = this.#lateAcks.filter((ack) => ack.due > at)
    for (const { say } of due) say()
    if (at - this.#tickered < TICKER_MICROS) return
    this.#tickered = at
    for (const { symbol, market } of this.#markets.values()) {
      const last = market.trades.at(-1)
      if (last === undefined || !this.#sends(`ticker ${symbol}`)) continue
      this.#send('updated', 'ticker', `"symbol":"${symbol}","last_trade_price":${javaNumber(last.price)}`)
    }
  }

  /** Commits a fault of the protocol on this connection. @returns false where it knows none of this name, or cannot now. */
  fault(name: string, at: Micros): boolean {
    const ofSubscribe = SUBSCRIBE_FAULTS.find((each) => each === name)
    if (ofSubscribe !== undefined) {
      this.#faults.add(ofSubscribe)
      return true
    }
    if (this.#line.arm(name)) return true
    switch (name) {
      case 'message-unknown':
        this.#send('updated', 'weather', '"sky":"clear"')
        return true
      case 'heartbeat-missing':
        this.#silentUntil = at + LASTING_FAULT_MICROS
        return true
      case 'clock-off':
        this.#clockOffUntil = at + LASTING_FAULT_MICROS
        return true
      default:
        return this.#bookFault(name, at)
    }
  }

  /** A symbol's status has changed: the names of the update have hyphens where those of the snapshot have underscores. */
  listed({ symbol, status }: ExchangeMarket): void {
    if (!this.#sends('symbols')) return
    this.#send('updated', 'symbols', `"symbol":"${symbol}","auction-price":0.0,"status":"${status}"`)
  }

  /** A fault of the first book that is held. */
  #bookFault(name: string, at: Micros): boolean {
    const entry = [...this.#markets.values()].find(({ symbol }) => this.#sends(`l2 ${symbol}`))
    if (entry === undefined) return false
    const { symbol, market } = entry
    const tell = (bids: string, asks: string) =>
      this.#send(
        'updated',
        'l2',
        `"symbol":"${symbol}","bids":[${bids}],"asks":[${asks}],"timestamp":"${this.#time(at)}"`,
      )
    switch (name) {
      case 'snapshot-twice':
        this.#book('l2', entry, at)
        return true
      case 'level-unknown':
        tell('', '{"num":0,"px":9.99999999999E11,"qty":0.0}')
        return true
      case 'book-crossed': {
        const inside = market.book.top(20).asks.at(-1)
        if (inside === undefined) return false
        tell(`{"num":1,"px":${javaNumber(inside[0])},"qty":1.0}`, '')
        return true
      }
      default:
        return false
    }
  }

  // ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

  #subscribe(channel: string, symbol: string | undefined, granularity: unknown, at: Micros): void {
    const all = channel === 'heartbeat' || channel === 'symbols'
    const key = all ? channel : `${channel} ${symbol}`
    const refusal = this.#refusal(channel, all ? undefined : symbol, key, granularity)
    if (refusal !== null) return this.#reject(channel, all ? undefined : symbol, refusal)
    if (this.#takes('ack-missing')) return
    if (this.#takes('ack-error')) return this.#reject(channel, all ? undefined : symbol, 'Internal error')
    if (this.#takes('limit-error')) return this.#throttle(at)
    this.#held.add(key)
    // Of trades and candles nobody could tell it from a market in which nothing happens.
    if (SPEAKS_FIRST.has(channel) && this.#takes('ack-then-silence')) this.#mute.add(key)
    const ack = () => this.#send('subscribed', channel, ackOf(channel, all ? undefined : symbol, granularity))
    if (this.#takes('ack-late')) {
      const say = () => {
        if (this.#held.has(key)) ack()
      }
      this.#lateAcks.push({ due: at + LATE_ACK_MICROS, say })
    } else ack()
    if (this.#sends(key)) this.#begin(channel, symbol, granularity, at)
  }

  /** What the venue has against a subscribe; null where it grants it. */
  #refusal(channel: string, symbol: string | undefined, key: string, granularity: unknown): string | null {
    if (channel !== 'heartbeat' && channel !== 'symbols') {
      if (symbol === undefined) return 'missing symbol field'
      if (!this.#markets.has(symbol)) {
        return channel === 'ticker' ? 'Invalid symbol' : 'invalid symbol identifier'
      }
    }
    if (this.#held.has(key)) return 'Already subscribed'
    const lengths = [...granularities.values()]
    return channel === 'prices' && !lengths.includes(Number(granularity)) ? 'No granularity set' : null
  }

  /** What follows the ack at once. */
  #begin(channel: string, symbol = '', granularity: unknown, at: Micros): void {
    const entry = this.#markets.get(symbol)
    if (channel === 'symbols') {
      this.#send('snapshot', channel, `"symbols":${JSON.stringify(listing(this.#markets))}`)
    }
    if (entry === undefined) return
    if (channel === 'prices') this.#granularity.set(symbol, Number(granularity))
    if (channel === 'ticker') this.#ticker(entry)
    if (channel !== 'l2' && channel !== 'l3') return
    const [bid] = entry.market.book.top(1).bids
    if (channel === 'l2' && bid !== undefined && this.#takes('update-before-snapshot')) {
      this.moved(symbol, { side: 'bids', price: bid[0], previous: bid[1], amount: bid[1] }, at)
    }
    this.#book(channel, entry, at)
  }

  #unsubscribe(channel: string, symbol: string | undefined): void {
    const key = symbol === undefined ? channel : `${channel} ${symbol}`
    if (!this.#held.delete(key)) return this.#reject(channel, symbol, 'Not subscribed to channel')
    this.#mute.delete(key)
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
      `"symbol":"${symbol}","bids":[${list([...bids].reverse())}],"asks":[${list(asks)}],"timestamp":"${this.#time(at)}"`,
    )
  }

  #ticker({ symbol, market }: ExchangeMarket): void {
    const last = market.trades.at(-1)?.price ?? market.book.best().bid?.[0] ?? '0'
    const price = javaNumber(last)
    this.#send(
      'snapshot',
      'ticker',
      `"symbol":"${symbol}","price_24h":${price},"volume_24h":${javaNumber(market.day.volume)},"last_trade_price":${price},"mark_price":${price}`,
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

  /** For a minute nothing is heard of this client. The one message without a number. */
  #throttle(at: Micros): void {
    this.#minute = at
    this.#messages = MESSAGES_A_MINUTE + 1
    this.#peer.send(
      '{"event":"rejected","text":"Connection throttling enabled, your messages will be ignored."}',
    )
  }

  #sends(key: string): boolean {
    return this.#held.has(key) && !this.#mute.has(key)
  }

  #takes(fault: SubscribeFault): boolean {
    return this.#faults.delete(fault)
  }

  #send(event: string, channel: string, rest = ''): void {
    this.#line.say({ event, channel, rest })
  }

  /** The time that the venue tells. */
  #time(at: Micros): string {
    return isoTime(at < this.#clockOffUntil ? at + HOUR_MICROS : at)
  }
}

function ackOf(channel: string, symbol: string | undefined, granularity: unknown): string {
  if (symbol === undefined) return ''
  const more =
    channel === 'l2' ? ',"batching":false' : channel === 'prices' ? `,"granularity":${granularity}` : ''
  return `"symbol":"${symbol}"${more}`
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
  return String(number)
}

/** Nine fraction digits, as in 2026; the market's clock has six. */
function isoTime(at: Micros): string {
  const seconds = Math.floor(at / 1_000_000)
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(at % 1_000_000).padStart(6, '0')}000Z`
}
