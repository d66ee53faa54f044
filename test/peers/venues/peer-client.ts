import { createRequire } from 'node:module'

/** What the tests use of a client of ccxws. */
export interface CcxwsClient {
  on(event: 'trade', listener: (trade: CcxwsTrade) => void): void
  on(event: 'l2snapshot' | 'l2update', listener: (change: CcxwsBook) => void): void
  on(event: 'error', listener: (error: unknown) => void): void
  subscribeTrades(market: CcxwsMarket): void
  subscribeLevel2Updates(market: CcxwsMarket): void
  subscribeLevel2Snapshots(market: CcxwsMarket): void
  close(): void
}

export interface CcxwsMarket {
  readonly id: string
  readonly base: string
  readonly quote: string
}

export interface CcxwsTrade {
  readonly tradeId: string
  /** Milliseconds. */
  readonly unix: number
  readonly side: string
  readonly price: string
  readonly amount: string
}

export interface CcxwsBook {
  readonly asks: readonly CcxwsLevel[]
  readonly bids: readonly CcxwsLevel[]
}

interface CcxwsLevel {
  readonly price: string
  readonly size: string
}

/** What the tests use of BitMEX's own client. */
export interface RealtimeClient {
  on(event: 'error', listener: (error: unknown) => void): void
  on(event: 'end', listener: () => void): void
  addStream(
    symbol: string,
    table: string,
    listener: (rows: readonly Readonly<Record<string, unknown>>[]) => void,
  ): void
  readonly socket: { readonly instance: { close(code: number): void } }
}

const load = createRequire(import.meta.url)

export const ccxws: Readonly<Record<string, new (options: { readonly wssPath: string }) => CcxwsClient>> =
  load('ccxws')

export const BitmexRealtime: new (options: {
  readonly endpoint: string
  readonly httpEndpoint: string
}) => RealtimeClient = load('bitmex-realtime-api')

/** A book kept from what ccxws emits. */
export class PeerBook {
  readonly #sides = { bids: new Map<number, number>(), asks: new Map<number, number>() }

  replace(book: CcxwsBook): void {
    this.#sides.bids.clear()
    this.#sides.asks.clear()
    this.apply(book)
  }

  apply(book: CcxwsBook): void {
    for (const side of ['bids', 'asks'] as const) {
      for (const { price, size } of book[side]) {
        if (Number(size) === 0) this.#sides[side].delete(Number(price))
        else this.#sides[side].set(Number(price), Number(size))
      }
    }
  }

  top(levels: number): { readonly bids: number[][]; readonly asks: number[][] } {
    const best = (side: 'bids' | 'asks', better: 1 | -1) =>
      [...this.#sides[side]].sort(([a], [b]) => better * (a - b)).slice(0, levels)
    return { bids: best('bids', -1), asks: best('asks', 1) }
  }
}
