import { Decimal } from 'decimal.js'
import type { Level, Micros } from '../../schemas/events.js'
import type { Candles } from '../kit/candles.js'
import type { PairMarket, PublishedTrade } from './markets.js'

/** What the answers are made of. */
export interface SpotSource {
  readonly pairs: readonly PairMarket[]
  pair(name: unknown): PairMarket | undefined
  /** The `data` of a book's snapshot. */
  snapshotOf(pair: PairMarket): string
  candlesOf(pair: PairMarket, side: string, resolution: string): Candles | undefined
}

/** What a one-shot request answers, on the socket and over REST; null for a method that does not exist. */
export function spotAnswer(
  exchange: SpotSource,
  method: string,
  body: unknown,
  at: Micros,
): { readonly data: string } | { readonly error: string } | null {
  const asked: Record<string, unknown> = typeof body === 'object' && body !== null ? { ...body } : {}
  const pair = exchange.pair(asked['pair'])
  const needsPair = method === 'get_order_book' || method === 'get_trade_history'
  if (needsPair && pair === undefined)
    return { error: `Currency pair ${String(asked['pair'])} is not supported` }
  switch (method) {
    case 'get_pairs_info':
      return { data: `[${exchange.pairs.map(pairRow).join(',')}]` }
    case 'get_processing_info':
      return { data: `{${exchange.pairs.map(processingEntry).join(',')}}` }
    case 'get_currencies_info':
      return { data: `[${exchange.pairs.map(currencyRow).join(',')}]` }
    case 'get_server_time':
      return {
        data: JSON.stringify({
          timestamp: Math.floor(at / 1000),
          ISODate: new Date(at / 1000).toISOString(),
        }),
      }
    case 'get_ticker':
      return tickers(exchange, asked['pairs'])
    case 'get_candles':
      return candles(exchange, asked)
    case 'get_order_book':
      if (pair === undefined) return null
      return {
        data: exchange
          .snapshotOf(pair)
          .replace(
            /"seqId":\d+,"pair":"[^"]*"/,
            `"timestamp":${Math.floor(at / 1000)},"currency1":"${pair.base}","currency2":"${pair.quote}"`,
          ),
      }
    case 'get_trade_history': {
      if (pair === undefined) return null
      const from = Date.parse(String(asked['fromDateISO'] ?? '')) || 0
      const pageSize = Math.min(10_000, Number(asked['pageSize'] ?? 1000))
      const first = pair.trades.findIndex(({ stamp }) => stamp / 1000 >= from)
      const rows = first === -1 ? [] : pair.trades.slice(first, first + pageSize)
      const texts = rows.map((trade) => `{${tradeRow(pair, trade)}}`)
      return { data: `{"pageSize":${pageSize},"trades":[${texts.join(',')}]}` }
    }
    default:
      return null
  }
}

const DOLLARS_A_EURO = '1.1'

function tickers(exchange: SpotSource, pairs: unknown): { data: string } | { error: string } {
  if (pairs !== undefined && !(Array.isArray(pairs) && pairs.length > 0)) {
    return { error: 'Parameter pairs should be Array of Strings' }
  }
  const names: unknown[] = pairs ?? exchange.pairs.map(({ id }) => id)
  const rows: Record<string, Record<string, string | null>> = {}
  for (const name of names) {
    const pair = exchange.pair(name)
    if (pair === undefined) return { error: `Currency pair ${String(name)} is not supported` }
    const { bid, ask } = pair.market.book.best()
    const last = pair.trades.at(-1)
    const { volume, turnover } = pair.market.day
    const dollars = new Decimal(turnover).times(pair.quote === 'EUR' ? DOLLARS_A_EURO : 1).toFixed(2)
    rows[pair.id] = {
      bestBid: bid?.[0] ?? null,
      bestAsk: ask?.[0] ?? null,
      volume: pair.padded(volume),
      quoteVolume: new Decimal(turnover).toFixed(8),
      volume30d: pair.padded(new Decimal(volume).times(30).toFixed()),
      volumeUSD: dollars,
      ...(last === undefined
        ? {}
        : {
            last: last.price,
            lastTradePrice: last.price,
            lastTradeVolume: pair.padded(last.amount),
            lastTradeDateISO: new Date(last.stamp / 1000).toISOString(),
          }),
    }
  }
  return { data: JSON.stringify(rows) }
}

function candles(
  exchange: SpotSource,
  asked: Readonly<Record<string, unknown>>,
): { data: string } | { error: string } {
  const { pair: name, pairsList, limit, toISO, fromISO, resolution, dataType } = asked
  if ((toISO === undefined) === (fromISO === undefined) ? limit !== undefined : limit === undefined) {
    return { error: 'Parameter limit is wrong' }
  }
  const rowsOf = (pair: PairMarket): string => {
    const run = exchange.candlesOf(pair, String(dataType), String(resolution))
    const to = toISO === undefined ? Number.POSITIVE_INFINITY : Number(toISO)
    const from = fromISO === undefined ? 0 : Number(fromISO)
    const newest = run?.last
    const within = (run?.bars ?? []).filter(({ start }) => start / 1000 >= from && start / 1000 <= to)
    const rows = toISO === undefined ? within.slice(0, Number(limit)) : within.slice(-Number(limit))
    const texts = rows.map((row) => {
      const closed = row === newest ? '' : ',"isClosed":true'
      const iso = new Date(row.start / 1000).toISOString()
      return `{"timestamp":${row.start / 1000},"open":${row.open},"high":${row.high},"low":${row.low},"close":${row.close},"volume":0,"resolution":"${String(resolution)}"${closed},"timestampISO":"${iso}"}`
    })
    return `[${texts.join(',')}]`
  }
  if (Array.isArray(pairsList)) {
    const entries = pairsList.map((one) => {
      const pair = exchange.pair(one)
      const failure = '{"error":{"code":400,"reason":"Currency pair is not supported"}}'
      return `${JSON.stringify(String(one))}:${pair === undefined ? failure : rowsOf(pair)}`
    })
    return { data: `{${entries.join(',')}}` }
  }
  const pair = exchange.pair(name)
  return pair === undefined
    ? { error: `Currency pair ${String(name)} is not supported` }
    : { data: rowsOf(pair) }
}

/** The `data` of a snapshot or an increment. */
export function bookData(
  pair: PairMarket,
  seqId: number,
  bids: readonly Level[],
  asks: readonly Level[],
): string {
  const side = (levels: readonly Level[]) =>
    `[${levels.map(([price, amount]) => `["${price}","${pair.padded(amount)}"]`).join(',')}]`
  return `{"seqId":${seqId},"pair":"${pair.id}","bids":${side(bids)},"asks":${side(asks)}}`
}

/** The fields of a trade. */
export function tradeRow(pair: PairMarket, trade: PublishedTrade): string {
  const iso = new Date(Math.floor(trade.stamp / 1000)).toISOString()
  return `"side":"${trade.side.toUpperCase()}","dateISO":"${iso}","price":"${trade.price}","amount":"${pair.padded(trade.amount)}","tradeId":"${trade.spotId}"`
}

function pairRow({ base, quote, amountDecimals, priceDecimals }: PairMarket): string {
  return JSON.stringify({
    base,
    quote,
    baseMin: '0.0001',
    baseMax: '1000000',
    baseLotSize: amountDecimals === 0 ? '1' : `0.${'1'.padStart(amountDecimals, '0')}`,
    quoteMin: '1',
    quoteMax: '1000000',
    quoteLotSize: '0.01',
    basePrecision: amountDecimals,
    quotePrecision: 8,
    pricePrecision: priceDecimals,
    minPrice: '0.00000001',
    maxPrice: '1000000',
  })
}

/** How a coin comes in and goes out. */
function processingEntry({ base }: PairMarket): string {
  const chain = {
    type: 'coin',
    deposit: 'enabled',
    minDeposit: '0.0002',
    withdrawal: 'enabled',
    minWithdrawal: '0.002',
    withdrawalFee: '0.001',
    withdrawalFeePercent: '0',
    depositConfirmations: 2,
  }
  return `"${base}":${JSON.stringify({ name: base, blockchains: { [base.toLowerCase()]: chain } })}`
}

function currencyRow({ base, amountDecimals }: PairMarket): string {
  return JSON.stringify({
    currency: base,
    fiat: false,
    precision: amountDecimals,
    walletPrecision: null,
    walletDeposit: true,
    walletWithdrawal: true,
  })
}
