import { SPOT_RESOLUTIONS } from '../../connectors/cex/channels.js'
import type { Micros } from '../../schemas/events.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { Candles } from '../kit/candles.js'
import { CalendarLimit } from '../kit/limits.js'
import { periods } from '../kit/periods.js'
import { readObject } from '../kit/requests.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { CexClient } from './cex-client.js'
import { type PairMarket, type PublishedTrade, SpotWindow } from './markets.js'
import { bookData, spotAnswer, tradeRow } from './spot-answers.js'

/** How trades come, which at the venue itself differs from day to day. */
export type SpotTrades = 'steady' | 'bursty' | 'absent'

const SECOND = 1_000_000
/** A window is published once so many moves of its market: once a second at the simulator's usual pace. */
const MOVES_A_WINDOW = 20
const IDLE_MICROS = 60_800_000
const POINTS_A_MINUTE = 100
const SNAPSHOT_TRADES = 200
const SNAPSHOT_MICROS = SECOND / 2
const BURST_MICROS = 30 * SECOND
const CANDLES_KEPT = 120
const COSTS: Readonly<Record<string, number>> = { ping: 0, get_processing_info: 10 }

/** The simulated exchange of Spot Trading: windows, trades and candles, the same for all its clients. */
export class SimulatedSpot {
  readonly exchange: SimulatedExchange<PairMarket>
  readonly clients = new Set<SpotClient>()
  readonly #windows = new Map<PairMarket, SpotWindow>()
  readonly #candles = new Map<string, Candles>()
  readonly #trades: SpotTrades
  readonly #windowMicros: Micros
  /** The allowance is counted by the calendar minute and the address, and here all clients have one address. */
  readonly #points = new CalendarLimit(POINTS_A_MINUTE, 60 * SECOND)
  #held: { readonly pair: PairMarket; readonly trade: PublishedTrade }[] = []

  /** @param stepMicros between two moves of a market. */
  constructor(exchange: SimulatedExchange<PairMarket>, trades: SpotTrades, stepMicros: Micros) {
    this.exchange = exchange
    this.#windowMicros = MOVES_A_WINDOW * stepMicros
    this.#trades = trades
  }

  begin(): void {
    const { timers, instruments } = this.exchange
    for (const [number, pair] of [...instruments.values()].entries()) {
      const window = new SpotWindow(pair, 8_676_229 + 1000 * number)
      this.#windows.set(pair, window)
      // Each pair has a phase of its own.
      timers.after(((number * 137_000) % this.#windowMicros) + 1, () => {
        this.#published(pair, window)
        timers.every(this.#windowMicros, () => this.#published(pair, window))
      })
    }
    timers.every(BURST_MICROS, () => {
      const held = this.#held
      this.#held = []
      for (const { pair, trade } of held) for (const client of this.clients) client.traded(pair, trade)
    })
  }

  get pairs(): readonly PairMarket[] {
    return this.exchange.listed
  }

  pair(name: unknown): PairMarket | undefined {
    return typeof name === 'string' ? this.exchange.find(name) : undefined
  }

  /** @returns false where the minute's allowance is used up. */
  spend(method: string): boolean {
    return this.#points.take(this.exchange.now, COSTS[method] ?? 1)
  }

  snapshotOf(pair: PairMarket): string {
    const { seqId, shown } = this.#window(pair)
    return bookData(pair, seqId, shown.bids, shown.asks)
  }

  /** The number of the window as it was last published. */
  seqIdOf(pair: PairMarket): number {
    return this.#window(pair).seqId
  }

  candlesOf(pair: PairMarket, side: string, resolution: string): Candles | undefined {
    return this.#candles.get(`${pair.id} ${side} ${resolution}`)
  }

  traded(pair: PairMarket, trade: PublishedTrade): void {
    if (this.#trades === 'absent') return
    if (this.#trades === 'bursty') this.#held.push({ pair, trade })
    else for (const client of this.clients) client.traded(pair, trade)
  }

  #window(pair: PairMarket): SpotWindow {
    const window = this.#windows.get(pair)
    if (window === undefined) throw new RangeError(`no window of ${pair.id}`)
    return window
  }

  #published(pair: PairMarket, window: SpotWindow): void {
    this.#candle(pair)
    const changed = window.publish()
    const readers = [...this.clients].filter(({ books }) => books.has(pair.id))
    if (changed === null || readers.length === 0) return
    const { faults } = this.exchange
    if (faults.take('sequence-reset')) window.seqId = 1
    if (faults.take('update-lost')) {
      window.seqId--
      return
    }
    const data = bookData(pair, window.seqId, changed.bids, changed.asks)
    const text = `{"e":"order_book_increment","data":${data},"ok":"ok"}`
    for (const client of readers) client.say('update', text)
  }

  /** Candles follow the best prices. */
  #candle(pair: PairMarket): void {
    const { bid, ask } = pair.market.book.best()
    for (const [side, best] of [
      ['bestBid', bid],
      ['bestAsk', ask],
    ] as const) {
      if (best === null) continue
      for (const [resolution] of SPOT_RESOLUTIONS) {
        const key = `${pair.id} ${side} ${resolution}`
        const candles = this.#candles.get(key) ?? new Candles(periods(resolution), CANDLES_KEPT)
        this.#candles.set(key, candles)
        candles.add(this.exchange.now, best[0])
      }
    }
  }
}

/** One client of Spot Trading. */
export class SpotClient extends CexClient {
  readonly books = new Set<string>()
  #lies = 0
  readonly #trades = new Set<string>()
  readonly #spot: SimulatedSpot
  #receivedAt: Micros

  constructor(spot: SimulatedSpot, peer: SimulatedPeer) {
    super(spot.exchange, peer)
    this.#spot = spot
    this.#receivedAt = this.exchange.now
    spot.clients.add(this)
    this.send('{"e":"connected"}')
    this.after(IDLE_MICROS, () => this.#idle())
  }

  override end(error: string | null): void {
    if (error !== null) this.#error('order_book_subscribe', null, error)
    this.send('{"e":"disconnected"}')
    this.close(1000, '')
  }

  traded(pair: PairMarket, trade: PublishedTrade): void {
    if (!this.#trades.has(pair.id)) return
    const row = tradeRow(pair, trade)
    this.say('trade', `{"e":"tradeUpdate","data":{"pair":"${pair.id}",${row}},"ok":"ok"}`)
  }

  protected override ended(): void {
    this.#spot.clients.delete(this)
    this.books.clear()
    this.#trades.clear()
  }

  protected override request(text: string): void {
    const { faults, exchange } = this
    const { e, oid, data } = readObject(text) ?? {}
    this.#receivedAt = exchange.now
    if (e === 'ping') {
      if (!faults.active('heartbeat-missing', exchange.now)) this.send('{"e":"pong"}')
      return
    }
    if (typeof e !== 'string' || typeof oid !== 'string') return this.end(null)
    const subscribing = e === 'order_book_subscribe' || e === 'trade_subscribe'
    const refused = subscribing && faults.take('limit-error')
    if (refused || !this.#spot.spend(e)) {
      this.#error(e, oid, 'API rate limit reached')
      return this.end(null)
    }
    if (subscribing && faults.take('ack-missing')) return
    if (subscribing && faults.take('ack-error')) return this.#error(e, oid, 'Internal error')
    const name = typeof data === 'object' && data !== null && 'pair' in data ? data.pair : undefined
    switch (e) {
      case 'order_book_subscribe':
      case 'trade_subscribe':
      case 'order_book_unsubscribe':
      case 'trade_unsubscribe': {
        const pair = this.#spot.pair(name)
        if (pair === undefined) return this.#error(e, oid, `Currency pair ${String(name)} is not supported`)
        if (e === 'order_book_subscribe') return this.#subscribeBook(oid, pair)
        if (e === 'trade_subscribe') return this.#subscribeTrades(oid, pair)
        return this.#unsubscribe(e, oid, pair)
      }
      default:
        return this.#answer(e, oid, data)
    }
  }

  #answer(e: string, oid: string, data: unknown): void {
    const answer = spotAnswer(this.#spot, e, data, this.exchange.now)
    if (answer === null) {
      this.#error(e, oid, `Unsupported message type ${e}`)
      return this.end(null)
    }
    if ('error' in answer) this.#error(e, oid, answer.error)
    else this.#reply(e, oid, answer.data, 'other')
  }

  #subscribeBook(oid: string, pair: PairMarket): void {
    const { faults } = this
    if (faults.take('update-before-snapshot')) {
      const next = bookData(pair, this.#spot.seqIdOf(pair), [], [])
      this.send(`{"e":"order_book_increment","data":${next},"ok":"ok"}`)
    }
    const snapshot = this.#spot.snapshotOf(pair)
    // A second snapshot of a book is what the first and its increments can be checked by.
    const wrong = this.books.has(pair.id) && faults.take('checksum-wrong')
    if (!faults.take('ack-then-silence')) this.books.add(pair.id)
    // Never the same lie twice: the second would bear out the first.
    if (wrong) this.#lies++
    const lie = `0.${String(this.#lies).padStart(8, '0')}`
    const sent = wrong ? snapshot.replace(/(?<="bids":\[\["[^"]*",")[^"]*/, lie) : snapshot
    this.#reply('order_book_subscribe', oid, sent, 'snapshot')
  }

  /** The history comes some time after the ack. */
  #subscribeTrades(oid: string, pair: PairMarket): void {
    if (!this.faults.take('ack-then-silence')) {
      this.#trades.add(pair.id)
      this.after(SNAPSHOT_MICROS, () => this.#history(pair))
    }
    const ms = Math.floor(this.exchange.now / 1000)
    this.#reply('trade_subscribe', oid, `{"reqId":"public-107_${ms}_145911"}`, 'reply')
  }

  #history(pair: PairMarket): void {
    if (!this.#trades.has(pair.id)) return
    const rows = pair.trades.slice(-SNAPSHOT_TRADES).map((trade) => `{${tradeRow(pair, trade)}}`)
    const data = `{"pair":"${pair.id}","trades":[${rows.join()}]}`
    this.send(`{"e":"tradeHistorySnapshot","data":${data},"ok":"ok"}`)
  }

  #unsubscribe(e: 'order_book_unsubscribe' | 'trade_unsubscribe', oid: string, pair: PairMarket): void {
    if (e === 'trade_unsubscribe') this.#trades.delete(pair.id)
    else this.books.delete(pair.id)
    this.#reply(e, oid, `{"pair":"${pair.id}"}`, 'other')
  }

  /** A client that never asked for anything is cut without a word. */
  #idle(): void {
    const left = this.#receivedAt + IDLE_MICROS - this.exchange.now
    if (left > 0) this.after(left, () => this.#idle())
    else if (this.books.size + this.#trades.size > 0) this.end(null)
    else this.cut()
  }

  #reply(e: string, oid: string, data: string, kind: 'snapshot' | 'reply' | 'other'): void {
    this.say(kind, `{"e":"${e}","oid":${JSON.stringify(oid)},"data":${data},"ok":"ok"}`)
  }

  #error(e: string, oid: string | null, error: string): void {
    const of = oid === null ? '' : `,"oid":${JSON.stringify(oid)}`
    this.send(`{"e":${JSON.stringify(e)}${of},"data":{"error":${JSON.stringify(error)}}}`)
  }
}
