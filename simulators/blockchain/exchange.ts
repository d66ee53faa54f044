import { granularities } from '../../connectors/blockchain/channels.js'
import type { Micros } from '../../schemas/events.js'
import { javaNumber } from '../../src/simulator/java-number.js'
import type { LevelMove, MarketTrade } from '../../src/simulator/market.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { protocolFaults, SUBSCRIBE_FAULTS } from '../kit/pending-faults.js'
import { readObject, stringOf } from '../kit/requests.js'
import { SimulatedClient } from '../kit/simulated-client.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { Subscriptions } from '../kit/subscriptions.js'
import {
  bookSides,
  candleRow,
  changedSides,
  isoTime,
  NumberedMessages,
  tickerFields,
  tradeFields,
} from './frames.js'
import { type ExchangeMarket, listing } from './markets.js'

const SECOND = 1_000_000
const PING_MICROS = SECOND
const HEARTBEAT_MICROS = 5_090_000
const TICKER_MICROS = 2 * SECOND
const LATE_ACK_MICROS = 5 * SECOND
const MINUTE_MICROS = 60 * SECOND
const MESSAGES_A_MINUTE = 1200

const OF_NO_SYMBOL = new Set(['heartbeat', 'symbols'])
const OF_A_SYMBOL = new Set(['l2', 'l3', 'prices', 'ticker', 'trades'])
const PRIVATE = new Set(['auth', 'trading', 'balances'])

/** Channels that bring something without a move of the market: of others nobody could tell silence from a quiet market. */
const SPEAKS_FIRST = new Set(['heartbeat', 'symbols', 'l2', 'l3', 'ticker'])

const LENGTHS = new Set(granularities.values())

/** Everything that the two sockets can do wrong. @see VENUE_FAULTS */
export const FAULTS = protocolFaults(['maintenance', 'reconnect-notice', 'checksum-wrong'])
export const IMMEDIATE_FAULTS = ['snapshot-twice', 'level-unknown', 'book-crossed', 'message-unknown']

/** One client of the simulated Exchange. */
export class MercuryClient extends SimulatedClient<ExchangeMarket> {
  /** `l2 BTC-USD`, `heartbeat`. */
  readonly #topics = new Subscriptions()
  readonly #granularity = new Map<string, number>()
  readonly #messages: NumberedMessages
  #minute: Micros
  #received = 0

  constructor(exchange: SimulatedExchange<ExchangeMarket>, peer: SimulatedPeer) {
    super(exchange, peer)
    this.#messages = new NumberedMessages(this.faults, (frame) => this.send(frame))
    this.#minute = exchange.now
    this.every(PING_MICROS, () => peer.ping())
    this.every(HEARTBEAT_MICROS, () => this.#beat())
    this.every(TICKER_MICROS, () => this.#tickers())
  }

  moved({ id }: ExchangeMarket, move: LevelMove): void {
    for (const channel of ['l2', 'l3'] as const) {
      if (!this.#topics.live(`${channel} ${id}`)) continue
      this.#update(channel, id, `${changedSides(channel, move)},"timestamp":"${this.#time()}"`)
    }
  }

  traded(market: ExchangeMarket, trade: MarketTrade): void {
    const { id } = market
    if (this.#topics.live(`trades ${id}`)) {
      this.#update('trades', id, `"timestamp":"${this.#time(trade.time)}",${tradeFields(trade)}`)
    }
    const candle = market.candle(this.#granularity.get(id) ?? 0)
    if (candle === undefined || !this.#topics.live(`prices ${id}`)) return
    this.#update('prices', id, `"price":${candleRow(candle, market.amountDecimals)}`)
  }

  /** A market's status has changed: the names of the update have hyphens where those of the snapshot have underscores. */
  relisted({ id, status }: ExchangeMarket): void {
    if (this.#topics.live('symbols')) this.#update('symbols', id, `"auction-price":0.0,"status":"${status}"`)
  }

  override commit(name: string): boolean | null {
    if (name === 'message-unknown') {
      this.#message('updated', 'weather', '"sky":"clear"')
      return true
    }
    return IMMEDIATE_FAULTS.includes(name) ? this.#spoilBook(name) : null
  }

  // ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

  protected override request(text: string): void {
    if (this.exchange.now - this.#minute >= MINUTE_MICROS) {
      this.#minute = this.exchange.now
      this.#received = 0
    }
    if (++this.#received > MESSAGES_A_MINUTE) {
      if (this.#received === MESSAGES_A_MINUTE + 1) this.#throttle()
      return
    }
    const request = readObject(text)
    if (request === null) return this.#reject('', undefined, 'Invalid json received')
    const channel = stringOf(request['channel']) ?? ''
    const symbol = stringOf(request['symbol'])
    const action = stringOf(request['action'])
    if (action === undefined) return this.#reject(channel, symbol, 'Missing action')
    if (PRIVATE.has(channel)) return this.#reject(channel, symbol, 'Authentication failed')
    if (!OF_NO_SYMBOL.has(channel) && !OF_A_SYMBOL.has(channel)) {
      return this.#reject(channel, symbol, 'Invalid channel')
    }
    const of = OF_NO_SYMBOL.has(channel) ? undefined : symbol
    if (action === 'subscribe') this.#subscribe(channel, of, Number(request['granularity']))
    else if (action === 'unsubscribe') this.#unsubscribe(channel, symbol)
    else this.#reject(channel, symbol, 'Invalid action')
  }

  #subscribe(channel: string, symbol: string | undefined, granularity: number): void {
    const topic = topicOf(channel, symbol)
    const refusal = this.#refusal(channel, symbol, granularity)
    if (refusal !== null) return this.#reject(channel, symbol, refusal)
    const fault = this.faults.takeFirst(
      SUBSCRIBE_FAULTS.filter((name) => name !== 'ack-then-silence' || SPEAKS_FIRST.has(channel)),
    )
    if (fault === 'ack-missing') return
    if (fault === 'ack-error') return this.#reject(channel, symbol, 'Internal error')
    if (fault === 'limit-error') return this.#throttle()
    this.#topics.set(topic, fault === 'ack-then-silence' ? 'mute' : 'live')
    if (channel === 'prices' && symbol !== undefined) this.#granularity.set(symbol, granularity)
    const ack = () => this.#message('subscribed', channel, ackFields(channel, symbol, granularity))
    if (fault !== 'ack-late') ack()
    else {
      this.after(LATE_ACK_MICROS, () => {
        if (this.#topics.has(topic)) ack()
      })
    }
    if (this.#topics.live(topic)) this.#begin(channel, symbol)
  }

  /** What the venue has against a subscribe; null where it grants it. */
  #refusal(channel: string, symbol: string | undefined, granularity: number): string | null {
    if (OF_A_SYMBOL.has(channel)) {
      if (symbol === undefined) return 'missing symbol field'
      if (!this.exchange.instruments.has(symbol)) {
        return channel === 'ticker' ? 'Invalid symbol' : 'invalid symbol identifier'
      }
    }
    if (this.#topics.has(topicOf(channel, symbol))) return 'Already subscribed'
    return channel === 'prices' && !LENGTHS.has(granularity) ? 'No granularity set' : null
  }

  /** What follows the ack at once. */
  #begin(channel: string, symbol: string | undefined): void {
    if (channel === 'heartbeat') this.after(0, () => this.#beat())
    if (channel === 'symbols') {
      const symbols = listing(this.exchange.instruments.values())
      this.#message('snapshot', channel, `"symbols":${JSON.stringify(symbols)}`)
    }
    const market = this.exchange.instruments.get(symbol ?? '')
    if (market === undefined) return
    if (channel === 'ticker') {
      const mark = javaNumber(market.market.day.last)
      this.#snapshot(channel, market, `${tickerFields(market)},"mark_price":${mark}`)
    }
    if (channel !== 'l2' && channel !== 'l3') return
    const [bid] = market.market.book.top(1).bids
    if (channel === 'l2' && bid !== undefined && this.faults.take('update-before-snapshot')) {
      this.moved(market, { side: 'bids', price: bid[0], previous: bid[1], amount: bid[1] })
    }
    this.#book(channel, market)
  }

  #unsubscribe(channel: string, symbol: string | undefined): void {
    if (!this.#topics.delete(topicOf(channel, symbol))) {
      return this.#reject(channel, symbol, 'Not subscribed to channel')
    }
    this.#message('unsubscribed', channel, symbol === undefined ? '' : `"symbol":"${symbol}"`)
  }

  // ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────

  #beat(): void {
    const { faults, exchange } = this
    if (!this.#topics.live('heartbeat') || faults.active('heartbeat-missing', exchange.now)) return
    this.#message('updated', 'heartbeat', `"timestamp":"${this.#time()}"`)
  }

  #tickers(): void {
    for (const [topic, state] of this.#topics) {
      const [channel, id] = topic.split(' ')
      const last = this.exchange.find(id)?.market.trades.at(-1)
      if (channel !== 'ticker' || state !== 'live' || id === undefined || last === undefined) continue
      this.#update('ticker', id, `"last_trade_price":${javaNumber(last.price)}`)
    }
  }

  #book(channel: 'l2' | 'l3', market: ExchangeMarket): void {
    this.#snapshot(channel, market, `${bookSides(channel, market)},"timestamp":"${this.#time()}"`)
  }

  /** Commits a fault on the first book that is subscribed. */
  #spoilBook(name: string): boolean {
    const market = [...this.exchange.instruments.values()].find(({ id }) => this.#topics.live(`l2 ${id}`))
    if (market === undefined) return false
    if (name === 'snapshot-twice') this.#book('l2', market)
    else if (name === 'level-unknown') {
      const move = { side: 'asks', price: '999999999999', previous: null, amount: null } as const
      this.moved(market, move)
    } else {
      const inside = market.market.book.top(20).asks.at(-1)
      if (inside === undefined) return false
      this.moved(market, { side: 'bids', price: inside[0], previous: null, amount: '1' })
    }
    return true
  }

  #reject(channel: string, symbol: string | undefined, reason: string): void {
    const of = symbol === undefined ? '' : `,"symbol":${JSON.stringify(symbol)}`
    this.#message('rejected', channel, `"text":${JSON.stringify(reason)}${of}`)
  }

  /** For a minute this client is ignored. The one message without a number. */
  #throttle(): void {
    this.#minute = this.exchange.now
    this.#received = MESSAGES_A_MINUTE + 1
    this.send('{"event":"rejected","text":"Connection throttling enabled, your messages will be ignored."}')
  }

  #snapshot(channel: string, { id }: ExchangeMarket, fields: string): void {
    this.#message('snapshot', channel, `"symbol":"${id}",${fields}`)
  }

  #update(channel: string, symbol: string, fields: string): void {
    this.#message('updated', channel, `"symbol":"${symbol}",${fields}`)
  }

  #message(event: string, channel: string, rest: string): void {
    this.#messages.send({ event, channel, rest })
  }

  #time(at?: Micros): string {
    return isoTime(this.exchange.clock.read(at))
  }
}

function topicOf(channel: string, symbol: string | undefined): string {
  return symbol === undefined ? channel : `${channel} ${symbol}`
}

function ackFields(channel: string, symbol: string | undefined, granularity: number): string {
  if (symbol === undefined) return ''
  const more =
    channel === 'l2' ? ',"batching":false' : channel === 'prices' ? `,"granularity":${granularity}` : ''
  return `"symbol":"${symbol}"${more}`
}
