import { SPOT_RESOLUTIONS } from '../../connectors/cex/channels.js'
import type { Micros } from '../../schemas/events.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { CandleRun, type PairMarket, type PublishedTrade, PublishedWindow } from './markets.js'
import { bookData, spotAnswer, tradeRow } from './spot-answers.js'
import type { Voice } from './voice.js'

/** How trades come, which at the venue itself differs from day to day. */
export type SpotTrades = 'steady' | 'bursty' | 'absent'

const SECOND = 1_000_000
/** A window is published once so many moves of its market: once a second at the simulator's usual pace. */
const MOVES_A_WINDOW = 20
const IDLE_MICROS = 60_800_000
const POINTS_A_MINUTE = 100
const SNAPSHOT_TRADES = 200
const SNAPSHOT_DELAY = 500_000
const BURST_MICROS = 30 * SECOND
const COSTS: Readonly<Record<string, number>> = { ping: 0, get_processing_info: 10 }

/** The simulated exchange of Spot Trading: windows, trades and candles, told to all its clients alike. */
export class SimulatedSpot {
  readonly #pairs: ReadonlyMap<string, PairMarket>
  readonly #windows = new Map<string, PublishedWindow>()
  readonly #candles = new Map<string, CandleRun>()
  readonly #clients = new Set<SpotClient>()
  readonly #trades: SpotTrades
  readonly #windowMicros: number
  readonly voice: Voice
  /** The allowance is counted by the calendar minute and the address, and here all clients have one address. */
  #minute = 0
  #points = 0
  #held: { readonly pair: PairMarket; readonly trade: PublishedTrade }[] = []
  #burst: Micros | null = null

  /** @param stepMicros between two moves of a market. */
  constructor(pairs: readonly PairMarket[], voice: Voice, trades: SpotTrades, stepMicros: number) {
    this.#windowMicros = MOVES_A_WINDOW * stepMicros
    this.#pairs = new Map(pairs.map((pair) => [pair.spot, pair]))
    this.voice = voice
    this.#trades = trades
    for (const [at, pair] of pairs.entries()) {
      this.#windows.set(pair.spot, new PublishedWindow(pair, 8_676_229 + 1000 * at))
    }
  }

  connect(peer: SimulatedPeer, at: Micros): SpotClient {
    const client = new SpotClient(this, peer, at)
    this.#clients.add(client)
    peer.send('{"e":"connected"}')
    return client
  }

  closed(client: SpotClient): void {
    this.#clients.delete(client)
    this.voice.gone(client.peer)
  }

  pair(name: unknown): PairMarket | undefined {
    const pair = typeof name === 'string' ? this.#pairs.get(name) : undefined
    return pair?.listed === true ? pair : undefined
  }

  get pairs(): readonly PairMarket[] {
    return [...this.#pairs.values()].filter(({ listed }) => listed)
  }

  /** @returns false where the minute's allowance is used up. */
  spend(method: string, at: Micros): boolean {
    const minute = Math.floor(at / 60 / SECOND)
    if (minute !== this.#minute) this.#points = 0
    this.#minute = minute
    this.#points += COSTS[method] ?? 1
    return this.#points <= POINTS_A_MINUTE
  }

  snapshotOf(pair: PairMarket): string {
    const window = this.#windows.get(pair.spot)
    if (window === undefined) throw new RangeError(`no window of ${pair.spot}`)
    return bookData(pair, window.seqId, window.bids, window.asks)
  }

  candlesOf(pair: PairMarket, side: string, resolution: string): CandleRun | undefined {
    return this.#candles.get(`${pair.spot} ${side} ${resolution}`)
  }

  traded(pair: PairMarket, trade: PublishedTrade, at: Micros): void {
    if (this.#trades === 'absent') return
    if (this.#trades === 'bursty') {
      this.#held.push({ pair, trade })
      return
    }
    for (const client of this.#clients) client.traded(pair, trade, at)
  }

  advance(at: Micros): void {
    for (const [name, window] of this.#windows) {
      const pair = this.#pairs.get(name)
      // Each pair has a phase of its own.
      window.due ??= at + ((name.length * 137_000) % this.#windowMicros)
      if (pair === undefined || at < window.due) continue
      window.due = at + this.#windowMicros
      this.#candle(pair, at)
      this.#publish(pair, window, at)
    }
    this.#burst ??= at + BURST_MICROS
    if (at >= this.#burst) {
      this.#burst = at + BURST_MICROS
      const held = this.#held
      this.#held = []
      for (const { pair, trade } of held) for (const client of this.#clients) client.traded(pair, trade, at)
    }
    for (const client of this.#clients) client.advance(at)
  }

  /** Ends every connection with a word. */
  endAll(error: string | null, at: Micros): void {
    for (const client of [...this.#clients]) client.end(error, at)
  }

  #publish(pair: PairMarket, window: PublishedWindow, at: Micros): void {
    const changed = window.publish()
    const readers = [...this.#clients].filter(({ books }) => books.has(pair.spot))
    if (changed === null || readers.length === 0) return
    if (this.voice.take('sequence-reset')) window.seqId = 1
    if (this.voice.take('update-lost')) {
      window.seqId--
      return
    }
    const text = `{"e":"order_book_increment","data":${bookData(pair, window.seqId, changed.bids, changed.asks)},"ok":"ok"}`
    for (const { peer } of readers) this.voice.say(peer, 'update', text, at)
  }

  #candle(pair: PairMarket, at: Micros): void {
    const { bid, ask } = pair.market.book.best()
    for (const [side, best] of [
      ['bestBid', bid],
      ['bestAsk', ask],
    ] as const) {
      if (best === null) continue
      for (const [resolution, seconds] of SPOT_RESOLUTIONS) {
        const key = `${pair.spot} ${side} ${resolution}`
        const run = this.#candles.get(key) ?? new CandleRun(seconds)
        this.#candles.set(key, run)
        run.add(at, best[0], 0n)
      }
    }
  }
}

/** One client of Spot Trading. */
export class SpotClient {
  readonly peer: SimulatedPeer
  readonly books = new Set<string>()
  readonly #trades = new Set<string>()
  /** Histories that are still to be sent, which come some time after the ack. */
  readonly #histories = new Map<string, Micros>()
  readonly #exchange: SimulatedSpot
  #heard: Micros
  #ended = false

  constructor(exchange: SimulatedSpot, peer: SimulatedPeer, at: Micros) {
    this.#exchange = exchange
    this.peer = peer
    this.#heard = at
  }

  received(data: string | Uint8Array, at: Micros): void {
    if (this.#ended) return
    const request = parse(data)
    if (request === null) return this.end(null, at)
    const { e, oid, data: body } = request
    if (e === 'ping') {
      this.#heard = at
      this.#exchange.voice.say(this.peer, 'pong', '{"e":"pong"}', at)
      return
    }
    if (typeof e !== 'string' || typeof oid !== 'string') return this.end(null, at)
    this.#heard = at
    const { voice } = this.#exchange
    const subscribing = e === 'order_book_subscribe' || e === 'trade_subscribe'
    const refused = subscribing && voice.take('limit-error')
    if (refused || !this.#exchange.spend(e, at)) {
      this.#error(e, oid, 'API rate limit reached', at)
      return this.end(null, at)
    }
    if (subscribing && voice.take('ack-missing')) return
    if (subscribing && voice.take('ack-error')) return this.#error(e, oid, 'Internal error', at)
    const pair = typeof body === 'object' && body !== null && 'pair' in body ? body.pair : undefined
    switch (e) {
      case 'order_book_subscribe':
        return this.#subscribeBook(oid, pair, at)
      case 'trade_subscribe':
        return this.#subscribeTrades(oid, pair, at)
      case 'order_book_unsubscribe':
      case 'trade_unsubscribe':
        return this.#unsubscribe(e, oid, pair, at)
      default: {
        const answer = spotAnswer(this.#exchange, e, body, at)
        if (answer === null) {
          this.#error(e, oid, `Unsupported message type ${e}`, at)
          return this.end(null, at)
        }
        if ('error' in answer) return this.#error(e, oid, answer.error, at)
        return this.#reply(e, oid, answer.data, 'other', at)
      }
    }
  }

  traded(pair: PairMarket, trade: PublishedTrade, at: Micros): void {
    if (!this.#trades.has(pair.spot)) return
    const { voice } = this.#exchange
    const row = tradeRow(pair, trade)
    voice.say(this.peer, 'trade', `{"e":"tradeUpdate","data":{"pair":"${pair.spot}",${row}},"ok":"ok"}`, at)
  }

  advance(at: Micros): void {
    for (const [name, due] of this.#histories) {
      const pair = this.#exchange.pair(name)
      if (at < due || pair === undefined) continue
      this.#histories.delete(name)
      const rows = pair.trades.slice(-SNAPSHOT_TRADES).map((trade) => `{${tradeRow(pair, trade)}}`)
      this.peer.send(
        `{"e":"tradeHistorySnapshot","data":{"pair":"${name}","trades":[${rows.join(',')}]},"ok":"ok"}`,
      )
    }
    if (at - this.#heard < IDLE_MICROS || this.#ended) return
    if (this.books.size + this.#trades.size > 0) return this.end(null, at)
    // A client that never asked for anything is cut without a word.
    this.#ended = true
    if (this.peer.link === undefined) this.peer.close(1000, '')
    else this.peer.link.cut('end')
  }

  end(error: string | null, at: Micros): void {
    if (this.#ended) return
    this.#ended = true
    this.books.clear()
    this.#trades.clear()
    this.#histories.clear()
    if (error !== null) this.#error('order_book_subscribe', null, error, at)
    this.peer.send('{"e":"disconnected"}')
    this.peer.close(1000, '')
  }

  #subscribeBook(oid: string, name: unknown, at: Micros): void {
    const pair = this.#exchange.pair(name)
    if (pair === undefined) return this.#unknownPair('order_book_subscribe', oid, name, at)
    const { voice } = this.#exchange
    if (voice.take('update-before-snapshot')) {
      const next = bookData(pair, Number(/"seqId":(\d+)/.exec(this.#exchange.snapshotOf(pair))?.[1]), [], [])
      this.peer.send(`{"e":"order_book_increment","data":${next},"ok":"ok"}`)
    }
    const snapshot = this.#exchange.snapshotOf(pair)
    // A second snapshot of a book is what the first and its increments can be checked by.
    const wrong = this.books.has(pair.spot) && voice.take('checksum-wrong')
    if (!voice.take('ack-then-silence')) this.books.add(pair.spot)
    const told = wrong ? snapshot.replace(/(?<="bids":\[\["[^"]*",")[^"]*/, '0.00000012') : snapshot
    this.#reply('order_book_subscribe', oid, told, 'snapshot', at)
  }

  #subscribeTrades(oid: string, name: unknown, at: Micros): void {
    const pair = this.#exchange.pair(name)
    if (pair === undefined) return this.#unknownPair('trade_subscribe', oid, name, at)
    if (!this.#exchange.voice.take('ack-then-silence')) {
      this.#trades.add(pair.spot)
      this.#histories.set(pair.spot, at + SNAPSHOT_DELAY)
    }
    this.#reply('trade_subscribe', oid, `{"reqId":"public-107_${Math.floor(at / 1000)}_145911"}`, 'reply', at)
  }

  #unsubscribe(
    e: 'order_book_unsubscribe' | 'trade_unsubscribe',
    oid: string,
    name: unknown,
    at: Micros,
  ): void {
    const pair = this.#exchange.pair(name)
    if (pair === undefined) return this.#unknownPair(e, oid, name, at)
    if (e === 'trade_unsubscribe') {
      this.#trades.delete(pair.spot)
      this.#histories.delete(pair.spot)
    } else this.books.delete(pair.spot)
    this.#reply(e, oid, `{"pair":"${pair.spot}"}`, 'other', at)
  }

  #unknownPair(e: string, oid: string, name: unknown, at: Micros): void {
    this.#error(e, oid, `Currency pair ${String(name)} is not supported`, at)
  }

  #reply(e: string, oid: string, data: string, kind: 'snapshot' | 'reply' | 'other', at: Micros): void {
    const text = `{"e":"${e}","oid":${JSON.stringify(oid)},"data":${data},"ok":"ok"}`
    this.#exchange.voice.say(this.peer, kind, text, at)
  }

  #error(e: string, oid: string | null, error: string, at: Micros): void {
    const of = oid === null ? '' : `,"oid":${JSON.stringify(oid)}`
    const text = `{"e":${JSON.stringify(e)}${of},"data":{"error":${JSON.stringify(error)}}}`
    this.#exchange.voice.say(this.peer, 'other', text, at)
  }
}

function parse(data: string | Uint8Array): { e?: unknown; oid?: unknown; data?: unknown } | null {
  try {
    const value: unknown = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data))
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}
