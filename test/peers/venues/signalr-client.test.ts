import { createRequire } from 'node:module'
import { inflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { bittrex } from '../../../connectors/index.js'
import { serveSimulator, simulate } from '../../../simulators/index.js'
import { openFeed } from '../../../src/index.js'
import { expectSame, readFeed, Seen, type SeenLevel, until } from './seen.js'

/**
 * The client of classic SignalR that users of Bittrex had, at hub `c3` of v3 and at `c2` before it. Its call of `/start` comes
 * after its first frames, which the venue never minded.
 */
interface SignalrClient {
  readonly serviceHandlers: object
  on(hub: string, method: string, listener: (packed: string) => void): void
  call(
    hub: string,
    method: string,
    ...args: unknown[]
  ): { done(end: (error: unknown, result: unknown) => void): void }
  start(): void
  end(): void
}

const signalr: {
  client: new (
    url: string,
    hubs: readonly string[],
    retryAfterSeconds: number,
    doNotStart: boolean,
  ) => SignalrClient
} = createRequire(import.meta.url)('signalr-client')

/** A client that is connected. */
async function connected(url: string, hub: string, handle: (client: SignalrClient) => void) {
  const client = new signalr.client(`${url.replace('ws:', 'http:')}/signalr`, [hub], 10, true)
  const errors: unknown[] = []
  const failed = (error: unknown) => void errors.push(error)
  let open = false
  Object.assign(client.serviceHandlers, {
    connected: () => {
      open = true
    },
    connectFailed: failed,
    connectionLost: failed,
    bindingError: failed,
    onerror: failed,
  })
  handle(client)
  client.start()
  await until('its connection', () => open || errors.length > 0)
  expect(errors).toEqual([])
  const call = (method: string, ...args: unknown[]) =>
    new Promise((resolve, reject) => {
      client.call(hub, method, ...args).done((error, result) => (error ? reject(error) : resolve(result)))
    })
  return { client, errors, call }
}

const unpacked = (packed: string) => JSON.parse(inflateRawSync(Buffer.from(packed, 'base64')).toString())

/** A book kept by changes that follow an image. */
class Kept {
  readonly #sides = { bids: new Map<number, number>(), asks: new Map<number, number>() }

  change(side: 'bids' | 'asks', price: number, amount: number): void {
    if (amount === 0) this.#sides[side].delete(price)
    else this.#sides[side].set(price, amount)
  }

  show(seen: Seen): void {
    const best = (side: 'bids' | 'asks', better: 1 | -1): SeenLevel[] =>
      [...this.#sides[side]].sort(([a], [b]) => better * (a - b))
    seen.book(best('bids', -1), best('asks', 1))
  }
}

/** Changes in the order of their numbers, each following the one before it, from an image on. */
class Joined<T> {
  readonly #early = new Map<number, T>()
  #last: number | null = null
  readonly #apply: (change: T) => void

  constructor(apply: (change: T) => void) {
    this.#apply = apply
  }

  push(number: number, change: T): void {
    this.#early.set(number, change)
    this.#follow()
  }

  /** @returns whether the changes that follow the image are there, or still to come; else it is too old, and not taken. */
  begin(number: number, take: () => void): boolean {
    const first = Math.min(...this.#early.keys())
    if (number + 1 < first) return false
    take()
    this.#last = number
    this.#follow()
    return true
  }

  #follow(): void {
    for (let next = this.#last; next !== null; ) {
      const change = this.#early.get(++next)
      if (change === undefined) return
      this.#last = next
      this.#apply(change)
    }
  }
}

interface DeltaV3 {
  readonly sequence: number
  readonly bidDeltas: readonly { readonly rate: string; readonly quantity: string }[]
  readonly askDeltas: readonly { readonly rate: string; readonly quantity: string }[]
}

interface TradesV3 {
  readonly deltas: readonly {
    readonly id: string
    readonly executedAt: string
    readonly quantity: string
    readonly rate: string
    readonly takerSide: string
  }[]
}

interface ChangeC2 {
  readonly N: number
  readonly Z: readonly { readonly R: number; readonly Q: number }[]
  readonly S: readonly { readonly R: number; readonly Q: number }[]
  readonly f: readonly {
    readonly OT: string
    readonly R: number
    readonly Q: number
    readonly T: number
  }[]
}

function openOurs(url: string, keys: 'id' | 'facts') {
  const feed = openFeed([bittrex({ url, symbols: ['BTC/USD'], channels: ['trade', 'book'] })])
  const naming = keys === 'id' ? {} : { naming: factsOf }
  return { feed, ours: readFeed(feed, naming) }
}

function factsOf(trade: { exchangeTime: number | null; side: string | null; price: string; amount: string }) {
  const time = Math.floor((trade.exchangeTime ?? 0) / 1000)
  return [time, trade.side, Number(trade.price), Number(trade.amount)].join(' ')
}

describe('signalr-client on Bittrex', () => {
  test('hub c3: the trades and books that tapewire emits', async () => {
    await using server = await serveSimulator((url) => simulate('bittrex', { seed: 4, url }))
    const { feed, ours } = openOurs(server.url, 'id')
    await until('a book of tapewire', () => ours.seen.states.length > 0)
    const theirs = new Seen()
    const book = new Kept()
    const joined = new Joined<DeltaV3>(({ bidDeltas, askDeltas }) => {
      for (const { rate, quantity } of bidDeltas) book.change('bids', Number(rate), Number(quantity))
      for (const { rate, quantity } of askDeltas) book.change('asks', Number(rate), Number(quantity))
      book.show(theirs)
    })
    const { client, errors, call } = await connected(server.url, 'c3', (made) => {
      made.on('c3', 'orderBook', (packed) => {
        const delta: DeltaV3 = unpacked(packed)
        joined.push(delta.sequence, delta)
      })
      made.on('c3', 'trade', (packed) => {
        for (const { id, executedAt, quantity, rate, takerSide } of (unpacked(packed) as TradesV3).deltas) {
          theirs.trade({
            key: id,
            time: Date.parse(executedAt),
            side: takerSide.toLowerCase(),
            price: Number(rate),
            amount: Number(quantity),
          })
        }
      })
    })
    const answer = await call('Subscribe', ['orderbook_BTC-USD_500', 'trade_BTC-USD'])
    expect(answer).toEqual([
      { Success: true, ErrorCode: null },
      { Success: true, ErrorCode: null },
    ])
    const path = `${server.url.replace('ws:', 'http:')}/v3/markets/BTC-USD/orderbook?depth=500`
    for (let fits = false; !fits; ) {
      const image = await fetch(path)
      const { bid, ask } = (await image.json()) as Record<'bid' | 'ask', { rate: string; quantity: string }[]>
      fits = joined.begin(Number(image.headers.get('sequence')), () => {
        for (const { rate, quantity } of bid) book.change('bids', Number(rate), Number(quantity))
        for (const { rate, quantity } of ask) book.change('asks', Number(rate), Number(quantity))
      })
    }
    await expectSame({ server, market: 'BTC-USD', ours: ours.seen, theirs, errors, books: 'each' })
    expect(ours.troubles).toEqual([])
    client.end()
    await feed.close()
    await ours.done
  })

  test('hub c2: the trades and books that tapewire emits of v3', async () => {
    await using server = await serveSimulator((url) => simulate('bittrex', { seed: 4, url }))
    const { feed, ours } = openOurs(server.url, 'facts')
    await until('a book of tapewire', () => ours.seen.states.length > 0)
    const theirs = new Seen()
    const book = new Kept()
    const joined = new Joined<ChangeC2>(({ Z, S }) => {
      for (const { R, Q } of Z) book.change('bids', R, Q)
      for (const { R, Q } of S) book.change('asks', R, Q)
      book.show(theirs)
    })
    const { client, errors, call } = await connected(server.url, 'c2', (made) => {
      made.on('c2', 'uE', (packed) => {
        const change: ChangeC2 = unpacked(packed)
        for (const { OT, R, Q, T } of change.f) {
          const facts = { time: T, side: OT.toLowerCase(), price: R, amount: Q }
          theirs.trade({ key: Object.values(facts).join(' '), ...facts })
        }
        joined.push(change.N, change)
      })
    })
    expect(await call('SubscribeToExchangeDeltas', 'USD-BTC')).toBe(true)
    const image: ChangeC2 = unpacked(String(await call('QueryExchangeState', 'USD-BTC')))
    const fits = joined.begin(image.N, () => {
      for (const { R, Q } of image.Z) book.change('bids', R, Q)
      for (const { R, Q } of image.S) book.change('asks', R, Q)
    })
    expect(fits).toBe(true)
    await expectSame({ server, market: 'BTC-USD', ours: ours.seen, theirs, errors, books: 'each' })
    expect(await call('QuerySummaryState')).toEqual(expect.any(String))
    expect(ours.troubles).toEqual([])
    client.end()
    await feed.close()
    await ours.done
  })
})
