import { Decimal } from 'decimal.js'
import type { Credentials } from '../../connectors/cex/credentials.js'
import type { Level, Micros } from '../../schemas/events.js'
import type { LevelMove } from '../../src/simulator/market.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { type Candle, Candles } from '../kit/candles.js'
import { periods } from '../kit/periods.js'
import { readObject } from '../kit/requests.js'
import type { SimulatedExchange } from '../kit/simulated-exchange.js'
import { CexClient } from './cex-client.js'
import type { PairMarket, PublishedTrade } from './markets.js'
import { hmacSha256 } from './signature.js'

const SECOND = 1_000_000
const PING_AFTER = 15 * SECOND
const PONG_WITHIN = 15 * SECOND
const LOGIN_SECONDS = 20
const ROOM_LEVELS = 50
const HISTORY_TRADES = 200
const CANDLES_KEPT = 120
const WHOLE_BOOK = 100_000

/** What the classic exchange keeps of a pair. */
interface ClassicPair {
  /** Of the last change of its book. */
  id: number
  readonly candles: Candles
  /** Trades that its room has not been sent yet. */
  unsent: PublishedTrade[]
}

/** The simulated classic exchange: whole books numbered per pair for those who log in, rooms for everybody. */
export class SimulatedClassic {
  readonly exchange: SimulatedExchange<PairMarket>
  readonly credentials: Credentials
  readonly clients = new Set<ClassicClient>()
  readonly #pairs = new Map<PairMarket, ClassicPair>()

  constructor(exchange: SimulatedExchange<PairMarket>, credentials: Credentials) {
    this.exchange = exchange
    this.credentials = credentials
  }

  begin(): void {
    const { timers, instruments } = this.exchange
    for (const [number, pair] of [...instruments.values()].entries()) {
      const candles = new Candles(periods('1m'), CANDLES_KEPT)
      this.#pairs.set(pair, { id: 346_224_380 + 1000 * number, candles, unsent: [] })
    }
    timers.every(SECOND, () => {
      for (const [pair, kept] of this.#pairs) this.#publishRoom(pair, kept)
    })
  }

  /** The pair of a name with a colon. */
  pair(name: string): PairMarket | undefined {
    return name.includes('-') ? undefined : this.exchange.find(name.replace(':', '-'))
  }

  of(pair: PairMarket): ClassicPair {
    const kept = this.#pairs.get(pair)
    if (kept === undefined) throw new RangeError(`no pair ${pair.classic}`)
    return kept
  }

  moved(pair: PairMarket, moves: readonly LevelMove[]): void {
    if (moves.length === 0) return
    const { faults, clock } = this.exchange
    const kept = this.of(pair)
    const readers = [...this.clients].filter(({ books }) => books.has(pair.classic))
    if (readers.length > 0 && faults.take('update-lost')) return
    kept.id = readers.length > 0 && faults.take('sequence-reset') ? 1 : kept.id + 1
    const last = new Map(moves.map((move) => [`${move.side} ${move.price}`, move]))
    const side = (wanted: LevelMove['side']) =>
      [...last.values()]
        .filter((move) => move.side === wanted)
        .map(({ price, amount }) => `[${price},${pair.padded(amount ?? '0')}]`)
        .join()
    const sides = `"bids":[${side('bids')}],"asks":[${side('asks')}]`
    const data = `{"id":${kept.id},"pair":"${pair.classic}","time":${clock.ms()},${sides}}`
    for (const client of readers) client.say('update', `{"e":"md_update","data":${data}}`)
  }

  traded(pair: PairMarket, trade: PublishedTrade): void {
    const kept = this.of(pair)
    kept.unsent.push(trade)
    kept.candles.add(this.exchange.now, trade.price, [BigInt(pair.minor(trade.amount))])
    const { open, volume } = pair.market.day
    const data = `{"symbol1":"${pair.base}","symbol2":"${pair.quote}","price":"${trade.price}","open24":"${open}","volume":"${pair.padded(volume)}"}`
    for (const client of this.clients) {
      if (client.rooms.has('tickers')) client.send(`{"e":"tick","data":${data}}`)
    }
  }

  /** Once a second a room gets its book, the trades since, and candles. */
  #publishRoom(pair: PairMarket, kept: ClassicPair): void {
    const trades = kept.unsent
    kept.unsent = []
    const readers = [...this.clients].filter(({ rooms }) => rooms.has(roomOf(pair)))
    if (readers.length === 0) return
    const rows = trades.map(
      ({ side, stamp, amount, price, classicId }) =>
        `["${side}","${Math.floor(stamp / 1000)}","${pair.minor(amount)}","${price}","${classicId}"]`,
    )
    const { last } = kept.candles
    for (const client of readers) {
      client.send(roomBook(pair, kept.id))
      client.send(groupedBook(pair, kept.id))
      client.say(rows.length === 0 ? 'other' : 'trade', `{"e":"history-update","data":[${rows.join()}]}`)
      if (last === undefined) continue
      client.send(dayCandle(pair))
      if (!client.candles.has(pair.classic)) continue
      client.send(`{"e":"ohlcv","data":[${candleRow(last, false)}],"pair":"${pair.classic}"}`)
      const { start, open, high, low, close, sums } = last
      const volume = sums[0] ?? 0n
      const data = `{"pair":"${pair.classic}","time":"${start / SECOND}","o":"${open}","h":"${high}","l":"${low}","c":"${close}","v":${volume},"d":${volume}}`
      client.send(`{"e":"ohlcv1m","data":${data}}`)
    }
  }
}

/** One client of the classic exchange. */
export class ClassicClient extends CexClient {
  readonly books = new Set<string>()
  readonly rooms = new Set<string>()
  /** Pairs whose candles were asked for. */
  readonly candles = new Set<string>()
  readonly #classic: SimulatedClassic
  #loggedIn = false
  #receivedAt: Micros
  #pinged = false

  constructor(classic: SimulatedClassic, peer: SimulatedPeer) {
    super(classic.exchange, peer)
    this.#classic = classic
    this.#receivedAt = this.exchange.now
    classic.clients.add(this)
    // A page of another site gets an error, and may stay.
    if (peer.request.headers['origin'] === undefined) this.send('{"e":"connected"}')
    else this.send('{"ok":"error","data":{"error":"Incorrect origin in request header."}}')
  }

  override end(reason: string | null): void {
    const why = JSON.stringify(reason ?? 'restart')
    this.send(`{"e":"disconnecting","reason":${why},"time":${Math.floor(this.exchange.now / 1000)}}`)
    this.close(1000, '')
  }

  protected override ended(): void {
    this.#classic.clients.delete(this)
    this.books.clear()
    this.rooms.clear()
  }

  protected override request(text: string): void {
    this.#receivedAt = this.exchange.now
    this.#pinged = false
    const request = readObject(text) ?? {}
    const { e, oid } = request
    switch (e) {
      case 'auth':
        return this.#login(record(request['auth']), oid)
      case 'subscribe':
        return this.#join(request['rooms'])
      case 'init-ohlcv':
      case 'init-ohlcv-new':
        this.#join(request['rooms'])
        return this.#initCandles(request['rooms'])
      case 'order-book-subscribe':
      case 'order-book-unsubscribe':
      case 'ticker':
        return this.#private(e, oid, request['data'])
    }
  }

  #login({ key, signature, timestamp }: Readonly<Record<string, unknown>>, oid: unknown): void {
    const { credentials } = this.#classic
    const now = this.exchange.clock.seconds()
    if (key !== credentials.key) return this.#error('auth', oid, 'Invalid API key')
    const expected = hmacSha256(credentials.secret, `${String(timestamp)}${credentials.key}`)
    if (String(signature).toLowerCase() !== expected) return this.#error('auth', oid, 'Invalid signature')
    if (Math.abs(Number(timestamp) - now) > LOGIN_SECONDS) {
      return this.#error('auth', oid, 'Timestamp is not in 20sec range')
    }
    if (!this.#loggedIn) this.after(PING_AFTER, () => this.#check())
    this.#loggedIn = true
    this.send(`{"e":"auth","data":{"ok":"ok"}${echo(oid)},"ok":"ok","timestamp":${now}}`)
  }

  /** Who is logged in is pinged when silent, and let go when the ping is not answered. */
  #check(): void {
    const { now } = this.exchange
    const missing = this.faults.until('heartbeat-missing') - now
    const silent = now - this.#receivedAt
    if (missing > 0) return this.after(missing, () => this.#check())
    if (silent < PING_AFTER) return this.after(PING_AFTER - silent, () => this.#check())
    if (this.#pinged) return this.end('ping timeout')
    this.#pinged = true
    this.send(`{"e":"ping","time":${Math.floor(now / 1000)}}`)
    this.after(PONG_WITHIN, () => this.#check())
  }

  /** A room that does not exist is met with silence, as is one that does: only data tells. */
  #join(rooms: unknown): void {
    if (!Array.isArray(rooms)) return
    for (const room of rooms) {
      if (room === 'tickers') this.rooms.add(room)
      const pair = this.#ofRoom(room)
      if (pair === undefined) continue
      this.rooms.add(roomOf(pair))
      const rows = pair.trades
        .slice(-HISTORY_TRADES)
        .reverse()
        .map(
          ({ side, stamp, amount, price, classicId }) =>
            `"${side}:${Math.floor(stamp / 1000)}:${pair.minor(amount)}:${price}:${classicId}"`,
        )
      this.send(`{"e":"history","data":[${rows.join()}]}`)
    }
  }

  #initCandles(rooms: unknown): void {
    if (!Array.isArray(rooms)) return
    for (const room of rooms) {
      const pair = this.#ofRoom(room)
      if (pair === undefined) continue
      this.candles.add(pair.classic)
      const rows = this.#classic.of(pair).candles.bars.map((candle) => candleRow(candle, true))
      this.send(`{"e":"init-ohlcv-data","data":[${rows.join()}],"pair":"${pair.classic}"}`)
    }
  }

  #ofRoom(room: unknown): PairMarket | undefined {
    return this.#classic.pair(
      String(room)
        .replace(/^pair-/, '')
        .replace('-', ':'),
    )
  }

  #private(e: string, oid: unknown, data: unknown): void {
    if (!this.#loggedIn) return this.#error(e, oid, 'Please Login')
    const asked = record(data)
    const names = e === 'ticker' ? data : asked['pair']
    const name = Array.isArray(names) ? names.join(':') : ''
    const pair = this.#classic.pair(name)
    if (pair === undefined) return this.#error(e, oid, `Invalid pair:${name}.`)
    const { now } = this.exchange
    if (e === 'ticker') return this.#reply(e, oid, ticker(pair, now), 'other')
    if (e === 'order-book-subscribe') return this.#subscribe(pair, oid, asked)
    this.books.delete(name)
    const { base, quote } = pair
    this.#reply(e, oid, `{"pair":["${base}","${quote}"],"time":${Math.floor(now / 1000)}}`, 'other')
  }

  #subscribe(pair: PairMarket, oid: unknown, asked: Readonly<Record<string, unknown>>): void {
    const e = 'order-book-subscribe'
    const { faults, exchange } = this
    if (faults.take('ack-missing')) return
    if (faults.take('ack-error')) return this.#error(e, oid, `Invalid pair:${pair.classic}.`)
    if (faults.take('limit-error')) return this.#error(e, oid, 'Rate limit exceeded')
    const silent = faults.take('ack-then-silence')
    if (asked['subscribe'] === true && !silent) this.books.add(pair.classic)
    const { id } = this.#classic.of(pair)
    if (faults.take('update-before-snapshot')) {
      const time = Math.floor(exchange.now / 1000)
      this.send(
        `{"e":"md_update","data":{"id":${id},"pair":"${pair.classic}","time":${time},"bids":[],"asks":[]}}`,
      )
    }
    const depth = Number(asked['depth'] ?? 0)
    const { bids, asks } = pair.market.book.top(depth === 0 ? WHOLE_BOOK : Math.max(0, depth))
    const whole = pair.market.book.top(WHOLE_BOOK)
    const side = (levels: readonly Level[]) =>
      levels.map(([price, amount]) => `[${price},${pair.padded(amount)}]`).join()
    const sells = pair.totals(whole.asks).coins.toFixed()
    const buys = pair.totals(whole.bids).money.toFixed(2)
    const ms = exchange.clock.ms()
    this.#reply(
      e,
      oid,
      `{"timestamp":${Math.floor(ms / 1000)},"timestamp_ms":${ms},"bids":[${side(bids)}],"asks":[${side(asks)}],"pair":"${pair.classic}","id":${id},"sell_total":"${sells}","buy_total":"${buys}"}`,
      'snapshot',
    )
  }

  #reply(e: string, oid: unknown, data: string, kind: 'snapshot' | 'other'): void {
    this.say(kind, `{"e":"${e}","data":${data}${echo(oid)},"ok":"ok"}`)
  }

  #error(e: string, oid: unknown, error: string): void {
    this.send(`{"e":"${e}","data":{"error":${JSON.stringify(error)}}${echo(oid)},"ok":"error"}`)
  }
}

function roomOf({ base, quote }: PairMarket): string {
  return `pair-${base}-${quote}`
}

function roomBook(pair: PairMarket, id: number): string {
  const { bids, asks } = pair.market.book.top(ROOM_LEVELS)
  const side = (levels: readonly Level[]) =>
    levels.map(([price, amount]) => `[${price},${pair.minor(amount)}]`).join(',')
  const cents = pair.totals(bids).money.times(100).toFixed(0)
  const sells = pair.minor(pair.totals(asks).coins.toFixed())
  return `{"e":"md","data":{"pair":"${pair.classic}","id":${id},"buy":[${side(bids)}],"sell":[${side(asks)}],"buy_total":${cents},"sell_total":${sells}}}`
}

function groupedBook(pair: PairMarket, id: number): string {
  const { bids, asks } = pair.market.book.top(ROOM_LEVELS)
  const side = (levels: readonly Level[]) => {
    const sums = new Map<string, bigint>()
    for (const [price, amount] of levels) {
      const bucket = price.split('.')[0] ?? price
      sums.set(bucket, (sums.get(bucket) ?? 0n) + BigInt(pair.minor(amount)))
    }
    return [...sums].map(([bucket, sum]) => `"${bucket}":${sum}`).join(',')
  }
  return `{"e":"md_groupped","data":{"buy":{${side(bids)}},"sell":{${side(asks)}},"pair":"${pair.classic}","id":${id}}}`
}

function candleRow({ start, open, high, low, close, sums }: Candle, quoted: boolean): string {
  const volume = sums[0] ?? 0n
  const amount = quoted ? `"${volume}"` : String(volume)
  return `[${start / SECOND},"${open}","${high}","${low}","${close}",${amount}]`
}

function dayCandle(pair: PairMarket): string {
  const { open, high, low, last, volume } = pair.market.day
  const row = `["${open}","${high}","${low}","${last}","${pair.minor(volume)}"]`
  return `{"e":"ohlcv24","data":${row},"pair":"${pair.classic}"}`
}

function ticker(pair: PairMarket, at: Micros): string {
  const { bid, ask } = pair.market.book.best()
  const { open, high, low, last, volume } = pair.market.day
  const month = new Decimal(volume).times(30).toFixed()
  const change = new Decimal(last).minus(open)
  const percent = change.div(open).times(100).toFixed(2)
  return `{"timestamp":"${Math.floor(at / SECOND)}","low":"${low}","high":"${high}","last":"${last}","volume":"${volume}","volume30d":"${month}","bid":${bid?.[0] ?? 0},"ask":${ask?.[0] ?? 0},"priceChange":"${change.toFixed()}","priceChangePercentage":"${percent}","pair":["${pair.base}","${pair.quote}"]}`
}

/** The client's own id, a number as a number. */
function echo(oid: unknown): string {
  return typeof oid === 'string' || typeof oid === 'number' ? `,"oid":${JSON.stringify(oid)}` : ''
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
