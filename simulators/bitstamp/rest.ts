import { CalendarLimit } from '../kit/limits.js'
import { json, Routes } from '../kit/routes.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { withExponent } from '../kit/spoilt-values.js'
import { times } from './client.js'
import { type BitstampMarket, type Book, padded, type Row } from './market.js'

const SECOND = 1_000_000
const REQUESTS_A_SECOND = 400
const REQUESTS_IN_TEN_MINUTES = 10_000
const SPANS: Readonly<Record<string, number>> = { minute: 60, hour: 3_600, day: 86_400 }
/** So much older than the subscription is the book of `image-stale`. */
const STALE = 30 * SECOND

/** What the venue answers over HTTP. */
export function restRoutes(exchange: SimulatedExchange<BitstampMarket>): Routes {
  const seconds = new CalendarLimit(REQUESTS_A_SECOND, SECOND)
  const tenMinutes = new CalendarLimit(REQUESTS_IN_TEN_MINUTES, 600 * SECOND)
  const error = (status: number, code: string, reason: string) =>
    json(`{"status":"error","reason":"${reason}","code":"${code}"}`, status)

  /** Counts the request. */
  function limited(answer: () => ReturnType<typeof json> | null) {
    const within = [seconds.take(exchange.now), tenMinutes.take(exchange.now)]
    return within.includes(false) ? error(400, '400.002', 'Request rate limit exceeded.') : answer()
  }

  function book(market: BitstampMarket, group: string): string {
    const image = phantom(market.image(exchange.now))
    const at = exchange.faults.take('image-stale') ? image.at - STALE : image.at
    const rows = (side: readonly Row[]) => side.map((row) => rowText(market, row, group === '2')).join()
    return `{${times(exchange.clock.read(at))},"bids":[${rows(image.bids)}],"asks":[${rows(image.asks)}]}`
  }

  /** The two bids that it still shows are above the best ask. */
  function phantom(image: Book): Book {
    if (!exchange.faults.take('image-phantom')) return image
    const gone = image.asks.slice(4, 6).map(([price]): Row => [price, '0.5', '2000000000000000'])
    return { ...image, bids: [...gone.toReversed(), ...image.bids] }
  }

  const markets = () => [...exchange.instruments.values()]
  return new Routes(
    {
      '/api/v2/markets': () => limited(() => json(`[${markets().map(marketRow).join()}]`)),
      '/api/v2/trading-pairs-info': () =>
        limited(() =>
          json(
            `[${markets()
              .filter(({ perpetual }) => !perpetual)
              .map(pairRow)
              .join()}]`,
          ),
        ),
      '/api/v2/order_book/:market': ({ params, query }) =>
        limited(() => {
          const market = exchange.instruments.get(params['market'] ?? '')
          return market === undefined ? null : json(book(market, query.get('group') ?? '1'))
        }),
      '/api/v2/transactions/:market': ({ params, query }) =>
        limited(() => {
          const market = exchange.instruments.get(params['market'] ?? '')
          if (market === undefined) return null
          const since = exchange.now - (SPANS[query.get('time') ?? 'hour'] ?? 3_600) * SECOND
          const rows = market.history(exchange.now).filter(({ time }) => time >= since)
          const text = rows.map(
            ({ id, time, side, price, amount }) =>
              `{"amount":"${amountText(amount)}","date":"${exchange.clock.seconds(time)}","price":"${priceText(market, price)}","tid":"${id}","type":"${side === 'buy' ? 0 : 1}"}`,
          )
          return json(`[${text.join()}]`)
        }),
    },
    error(404, '404.002', 'Currency pair not found.'),
  )
}

export function priceText({ shape }: BitstampMarket, price: string): string {
  return padded(price, shape.priceDecimals)
}

/** Small amounts come with an exponent. */
export function amountText(amount: string): string {
  return /^0\.0{6}/.test(amount) ? withExponent(amount) : padded(amount, 8)
}

export function rowText(market: BitstampMarket, [price, amount, order]: Row, ofOrders: boolean): string {
  const level = `"${priceText(market, price)}","${amount === '0' ? '0.00000000' : amountText(amount)}"`
  return ofOrders ? `[${level},"${order}"]` : `[${level}]`
}

function splitOf({ id }: BitstampMarket): readonly [string, string] {
  const pair = id.replace('-perp', '').toUpperCase()
  return [pair.slice(0, -3), pair.slice(-3)]
}

/** Its decimals of the price are those of orders, which are fewer than its messages have. */
function marketRow(market: BitstampMarket): string {
  const [base, counter] = splitOf(market)
  const { perpetual, shape, listed } = market
  return `{"name":"${base}/${counter}${perpetual ? '-PERP' : ''}","market_symbol":"${market.id}","base_currency":"${base}","base_decimals":8,"counter_currency":"${counter}","counter_decimals":${Math.max(0, shape.priceDecimals - 2)},"minimum_order_value":"10","trading":"${listed ? 'Enabled' : 'Disabled'}","instant_order_counter_decimals":2,"instant_and_market_orders":"Enabled","description":"${base} / ${counter}","market_type":"${perpetual ? 'PERPETUAL' : 'SPOT'}"}`
}

function pairRow(market: BitstampMarket): string {
  const [base, counter] = splitOf(market)
  return `{"trading":"${market.listed ? 'Enabled' : 'Disabled'}","base_decimals":8,"url_symbol":"${market.id}","name":"${base}/${counter}","instant_and_market_orders":"Enabled","minimum_order":"20.0 ${counter}","counter_decimals":${market.shape.priceDecimals},"description":"${base} / ${counter}"}`
}
