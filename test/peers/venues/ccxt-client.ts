import { Agent } from 'node:http'
import { createRequire } from 'node:module'
import { factsKey, type Seen, type SeenLevel, type SeenTrade } from './seen.js'

interface CcxtTrade {
  readonly id?: string
  readonly timestamp: number
  readonly side: string
  readonly price: number
  readonly amount: number
}

export interface CcxtBook {
  readonly bids: readonly SeenLevel[]
  readonly asks: readonly SeenLevel[]
}

/** What the tests use of an exchange of ccxt. */
export interface CcxtExchange {
  readonly has: Readonly<Record<string, unknown>>
  readonly urls: { api: unknown }
  agent: unknown
  loadHttpProxyAgent?(): Promise<unknown>
  loadMarkets(): Promise<Readonly<Record<string, unknown>>>
  watchTrades(symbol: string): Promise<readonly CcxtTrade[]>
  watchOrderBook(symbol: string, limit?: number): Promise<CcxtBook>
  watchTicker(symbol: string): Promise<{ readonly last?: number }>
  fetchTrades(symbol: string): Promise<readonly CcxtTrade[]>
  fetchOrderBook(symbol: string, limit: undefined, options: object): Promise<CcxtBook>
  close(): Promise<void>
}

interface Ccxt {
  readonly [name: string]: unknown
  readonly pro: Readonly<Record<string, unknown>>
}

const load = createRequire(import.meta.url)
/** Without BitMEX and Bittrex, which are closed: an older one still has them. */
const today: Ccxt = load('ccxt')
const of2023: Ccxt = load('ccxt-2023')

/** An exchange of ccxt whose addresses are a simulator's. */
export async function openCcxt(
  name: string,
  { of, url, options }: { of: 'today' | '2023'; url: string; options: object },
): Promise<CcxtExchange> {
  const ccxt = of === 'today' ? today : of2023
  const Exchange = (ccxt.pro[name] ?? ccxt[name]) as new (options: object) => CcxtExchange
  const exchange = new Exchange({ enableRateLimit: false, ...options })
  // Both take an encrypted connection for granted unless they are given an agent of plain ones.
  if (of === '2023') exchange.agent = new Agent()
  await exchange.loadHttpProxyAgent?.()
  exchange.urls.api = pointed(exchange.urls.api, url)
  return exchange
}

/** The addresses with another host and without encryption. */
function pointed(value: unknown, url: string): unknown {
  const host = url.replace('ws://', '')
  if (typeof value === 'string') {
    return value.replace(
      /^(https?|wss?):\/\/[^/]+/,
      (_, scheme: string) => `${scheme.startsWith('ws') ? 'ws' : 'http'}://${host}`,
    )
  }
  if (Array.isArray(value)) return value.map((item) => pointed(item, url))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pointed(item, url)]))
}

/** A trade of ccxt. */
export function ccxtTrade(
  { id, timestamp, side, price, amount }: CcxtTrade,
  keys: 'id' | 'facts',
): SeenTrade {
  const facts = { time: timestamp, side, price, amount }
  return { key: keys === 'id' ? (id ?? '') : factsKey(facts), ...facts }
}

/** Watches until the exchange is closed; what it complains about is an error. */
export function watchCcxt(
  exchange: CcxtExchange,
  symbol: string,
  { seen, keys, unit }: { seen: Seen; keys: 'id' | 'facts'; unit: number },
): { readonly errors: unknown[]; readonly lasts: number[]; close(): Promise<void> } {
  const errors: unknown[] = []
  const lasts: number[] = []
  let closed = false
  const loop = async (turn: () => Promise<void>) => {
    try {
      while (!closed) await turn()
    } catch (error) {
      if (!closed) errors.push(error)
    }
  }
  const loops = [
    loop(async () => {
      for (const trade of await exchange.watchTrades(symbol)) {
        seen.trade(ccxtTrade({ ...trade, amount: trade.amount / unit }, keys))
      }
    }),
    loop(async () => {
      const { bids, asks } = await exchange.watchOrderBook(symbol)
      seen.book(bids, asks)
    }),
  ]
  if (exchange.has['watchTicker'] === true) {
    loops.push(
      loop(async () => {
        const { last } = await exchange.watchTicker(symbol)
        if (last !== undefined) lasts.push(last)
      }),
    )
  }
  return {
    errors,
    lasts,
    async close() {
      closed = true
      await exchange.close()
      await Promise.all(loops)
    },
  }
}
