import type { Micros } from '../../schemas/events.js'
import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { type KitSimulator, SimulatedExchange } from '../kit/simulated-exchange.js'
import { BitstampClient, FAULTS, IMMEDIATE_FAULTS, times } from './client.js'
import {
  type BitstampMarket,
  type Book,
  bitstampMarkets,
  DELISTED,
  type OrderEvent,
  type PublishedTrade,
  type Row,
} from './market.js'
import { amountText, priceText, restRoutes, rowText } from './rest.js'

const SECOND = 1_000_000
const PUBLISH_MICROS = 120_000

/** Options of {@link bitstampSimulator}. */
export interface BitstampSimulatorOptions extends SimulatorOptions {
  /** The age at which a connection is cut. Milliseconds. @default 90 days, as the venue says */
  readonly maxAgeMs?: number
}

/** Bitstamp's WebSocket v2, at any path, and its REST API. */
export function bitstampSimulator(options: BitstampSimulatorOptions = {}): KitSimulator {
  const { maxAgeMs = 90 * 24 * 3_600_000 } = options
  const exchange = new SimulatedExchange<BitstampMarket, BitstampClient>(options, {
    faults: FAULTS,
    immediate: IMMEDIATE_FAULTS,
    ofTheVenue: ['image-phantom', 'image-stale'],
    instruments: (random) => bitstampMarkets(options, random),
    delistable: ({ id }) => id === DELISTED,
    begin(at) {
      nextTrade = BigInt(Math.floor(at / 1000))
      lastOrder = at
      for (const market of exchange.instruments.values()) market.begin(() => String(++lastOrder))
      exchange.timers.every(PUBLISH_MICROS, publish)
      exchange.timers.every(SECOND, fund)
    },
    step(market, at) {
      const { moves, trades } = market.market.step(at)
      for (const move of moves) ordered(market, market.moved(move))
      // Ids rise over all markets, with holes.
      for (const trade of trades) traded(market, market.traded(trade, ++nextTrade))
    },
  })
  const rest = restRoutes(exchange)
  /** Of each market's `live_orders` the id of its last event. */
  const chain = new Map<string, string>()
  let nextTrade = 0n
  let lastOrder = 0
  let events = 0

  function* readers(channel: string): Generator<BitstampClient> {
    for (const client of exchange.clients) if (client.hears(channel)) yield client
  }

  function publish(): void {
    const at = exchange.clock.read()
    for (const market of exchange.listed) {
      const changed = market.publish(exchange.now)
      if (changed === null) continue
      publishBook(market, 'diff_order_book', () => changed, at)
      publishBook(market, 'order_book', () => market.best(exchange.now), at)
      publishBook(market, 'detail_order_book', () => market.best(exchange.now), at)
    }
  }

  function publishBook(market: BitstampMarket, name: string, read: () => Book, at: Micros): void {
    const channel = `${name}_${market.id}`
    let data: string | null = null
    for (const client of readers(channel)) {
      data ??= bookData(market, read(), name === 'detail_order_book', at)
      client.publish('book', channel, 'data', data)
    }
  }

  function ordered(market: BitstampMarket, order: OrderEvent): void {
    const channel = `live_orders_${market.id}`
    const at = exchange.clock.read()
    const id = eventId(at, ++events)
    const links = `,"event_id":"${id}","pre_event_id":"${chain.get(market.id) ?? ''}","order_source":"orderbook"`
    chain.set(market.id, id)
    for (const client of readers(channel))
      client.publish('order', channel, order.event, orderData(market, order, at), links)
  }

  function traded(market: BitstampMarket, trade: PublishedTrade): void {
    const channel = `live_trades_${market.id}`
    const data = tradeData(market, trade, exchange.clock.read(trade.time))
    for (const client of readers(channel)) client.publish('trade', channel, 'trade', data)
  }

  function fund(): void {
    const seconds = exchange.clock.seconds()
    for (const market of exchange.listed.filter(({ perpetual }) => perpetual)) {
      const channel = `funding_rate_${market.id}`
      const { last } = market.market.day
      const data = `{"market":"${market.id}","mark_price":"${last}","index_price":"${last}","funding_rate":"0.00013","timestamp":"${seconds}","next_funding_time":"${(Math.floor(seconds / 3600) + 1) * 3600}"}`
      for (const client of readers(channel)) client.publish('other', channel, 'funding_rate_saved', data)
    }
  }

  return exchange.simulator('bitstamp', {
    connect: (peer) => new BitstampClient(exchange, peer, maxAgeMs * 1000),
    http: (request) => rest.answer(request),
  })
}

function bookData(market: BitstampMarket, { bids, asks }: Book, ofOrders: boolean, at: Micros): string {
  const rows = (side: readonly Row[]) => side.map((row) => rowText(market, row, ofOrders)).join()
  return `{${times(at)},"bids":[${rows(bids)}],"asks":[${rows(asks)}]}`
}

/** `amount` and `price` lose digits, as the venue's do. */
function tradeData(market: BitstampMarket, { id, side, price, amount }: PublishedTrade, at: Micros): string {
  const ms = Math.floor(at / 1000) * 1000
  // On perpetuals the seconds are milliseconds.
  const timestamp = market.perpetual ? ms / 1000 : Math.floor(at / SECOND)
  const ids = market.perpetual ? `"id":${id},"id_str":"${id}"` : `"id":${id}`
  const [buy, sell] = side === 'buy' ? [2, 1] : [1, 2]
  return `{${ids},"timestamp":"${timestamp}","amount":${Number(amount)},"amount_str":"${amountText(amount)}","price":${Number(price)},"price_str":"${priceText(market, price)}","type":${side === 'buy' ? 0 : 1},"microtimestamp":"${ms}","buy_order_id":144387573734604${buy},"sell_order_id":144387573734604${sell}}`
}

/** A deleted order may have another price than it was created with. */
function orderData(
  market: BitstampMarket,
  { event, side, row: [price, amount, id] }: OrderEvent,
  at: Micros,
): string {
  const printed = event === 'order_deleted' && id.endsWith('7') ? '0' : priceText(market, price)
  const left = event === 'order_deleted' ? '0.00000000' : amountText(amount)
  return `{"id":${id},"id_str":"${id}","order_type":${side === 'bids' ? 0 : 1},"order_subtype":0,"datetime":"${Math.floor(at / SECOND)}","microtimestamp":"${at}","amount":${Number(amount)},"amount_str":"${left}","amount_traded":"0","amount_at_create":"${left}","price":${Number(price)},"price_str":"${printed}","is_liquidation":false}`
}

/** `000659d4-cba2-b200-0000-000101000020`: its first half is the time. */
function eventId(at: Micros, nth: number): string {
  const time = BigInt(at).toString(16).padStart(16, '0')
  const number = BigInt(nth).toString(16).padStart(16, '0')
  return [time.slice(0, 8), time.slice(8, 12), time.slice(12), number.slice(0, 4), number.slice(4)].join('-')
}
