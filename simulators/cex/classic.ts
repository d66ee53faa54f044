import { Decimal } from 'decimal.js'
import type { Credentials } from '../../connectors/cex/credentials.js'
import type { Level, Micros } from '../../schemas/events.js'
import type { LevelMove } from '../../src/simulator/market.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import { CandleRun, coins, type PairMarket, type PublishedTrade, type RunningCandle } from './markets.js'
import { hmacSha256 } from './signature.js'
import type { Voice } from './voice.js'

const SECOND = 1_000_000
const PING_AFTER = 15 * SECOND
const PONG_WITHIN = 15 * SECOND
const LOGIN_SECONDS = 20
const ROOM_LEVELS = 50
const HISTORY_TRADES = 200

/** The simulated classic exchange: whole books numbered per pair for those who log in, rooms for everybody. */
export class SimulatedClassic {
  readonly #pairs: ReadonlyMap<string, PairMarket>
  readonly ids = new Map<string, number>()
  readonly voice: Voice
  readonly credentials: Credentials
  readonly #clients = new Set<ClassicClient>()
  readonly #candles = new Map<string, CandleRun>()
  readonly #unsaid = new Map<string, PublishedTrade[]>()
  #due: Micros | null = null

  constructor(pairs: readonly PairMarket[], voice: Voice, credentials: Credentials) {
    this.#pairs = new Map(pairs.map((pair) => [pair.classic, pair]))
    this.voice = voice
    this.credentials = credentials
    for (const [at, pair] of pairs.entries()) this.ids.set(pair.classic, 346_224_380 + 1000 * at)
  }

  pair(name: string): PairMarket | undefined {
    const pair = this.#pairs.get(name)
    return pair?.listed === true ? pair : undefined
  }

  connect(peer: SimulatedPeer, at: Micros): ClassicClient {
    const client = new ClassicClient(this, peer, at)
    this.#clients.add(client)
    // A page of another site is told off, and may stay.
    if (peer.request.headers['origin'] === undefined) peer.send('{"e":"connected"}')
    else peer.send('{"ok":"error","data":{"error":"Incorrect origin in request header."}}')
    return client
  }

  closed(client: ClassicClient): void {
    this.#clients.delete(client)
    this.voice.gone(client.peer)
  }

  moved(pair: PairMarket, moves: readonly LevelMove[], at: Micros): void {
    if (moves.length === 0) return
    const readers = [...this.#clients].filter(({ books }) => books.has(pair.classic))
    const read = readers.length > 0
    if (read && this.voice.take('update-lost')) return
    let id = (this.ids.get(pair.classic) ?? 0) + 1
    if (read && this.voice.take('sequence-reset')) id = 1
    this.ids.set(pair.classic, id)
    if (!read) return
    const last = new Map(moves.map((move) => [`${move.side} ${move.price}`, move]))
    const side = (wanted: LevelMove['side']) =>
      [...last.values()]
        .filter((move) => move.side === wanted)
        .map(({ price, amount }) => `[${price},${pair.padded(amount ?? '0')}]`)
        .join(',')
    const time = Math.floor(this.voice.clock(at) / 1000)
    const text = `{"e":"md_update","data":{"id":${id},"pair":"${pair.classic}","time":${time},"bids":[${side('bids')}],"asks":[${side('asks')}]}}`
    for (const { peer } of readers) this.voice.say(peer, 'update', text, at)
  }

  traded(pair: PairMarket, trade: PublishedTrade, at: Micros): void {
    const held = this.#unsaid.get(pair.classic) ?? []
    held.push(trade)
    this.#unsaid.set(pair.classic, held)
    this.candles(pair, '1m').add(at, trade.price, BigInt(pair.minor(trade.amount)))
    const readers = [...this.#clients].filter(({ rooms }) => rooms.has('tickers'))
    if (readers.length === 0) return
    const open = pair.day?.open ?? trade.price
    const text = `{"e":"tick","data":{"symbol1":"${pair.base}","symbol2":"${pair.quote}","price":"${trade.price}","open24":"${open}","volume":"${pair.padded(pair.market.day.volume)}"}}`
    for (const { peer } of readers) peer.send(text)
  }

  advance(at: Micros): void {
    this.#due ??= at
    if (at >= this.#due) {
      this.#due = at + SECOND
      for (const pair of this.#pairs.values()) this.#sayRoom(pair, at)
    }
    for (const client of this.#clients) client.advance(at)
  }

  endAll(reason: string, at: Micros): void {
    for (const client of [...this.#clients]) client.end(reason, at)
  }

  candles(pair: PairMarket, interval: string): CandleRun {
    const key = `${pair.classic} ${interval}`
    const run = this.#candles.get(key) ?? new CandleRun(60)
    this.#candles.set(key, run)
    return run
  }

  #sayRoom(pair: PairMarket, at: Micros): void {
    const trades = this.#unsaid.get(pair.classic) ?? []
    this.#unsaid.set(pair.classic, [])
    const room = `pair-${pair.base}-${pair.quote}`
    const candle = this.candles(pair, '1m').candles.at(-1)
    const rows = trades.map(
      ({ side, stamp, amount, price, classicId }) =>
        `["${side}","${Math.floor(stamp / 1000)}","${pair.minor(amount)}","${price}","${classicId}"]`,
    )
    for (const client of this.#clients) {
      if (!client.rooms.has(room)) continue
      client.peer.send(roomBook(pair, this.ids.get(pair.classic) ?? 0))
      client.peer.send(groupedBook(pair, this.ids.get(pair.classic) ?? 0))
      this.voice.say(
        client.peer,
        rows.length === 0 ? 'other' : 'trade',
        `{"e":"history-update","data":[${rows.join(',')}]}`,
        at,
      )
      if (candle === undefined) continue
      client.peer.send(dayCandle(pair))
      if (!client.candles.has(pair.classic)) continue
      client.peer.send(`{"e":"ohlcv","data":[${candleRow(candle, false)}],"pair":"${pair.classic}"}`)
      const { time, open, high, low, close, volume } = candle
      client.peer.send(
        `{"e":"ohlcv1m","data":{"pair":"${pair.classic}","time":"${time}","o":"${open}","h":"${high}","l":"${low}","c":"${close}","v":${volume},"d":${volume}}}`,
      )
    }
  }
}

/** One client of the classic exchange. */
export class ClassicClient {
  readonly peer: SimulatedPeer
  readonly books = new Set<string>()
  readonly rooms = new Set<string>()
  /** Pairs whose candles were asked for. */
  readonly candles = new Set<string>()
  readonly #exchange: SimulatedClassic
  #loggedIn = false
  #heard: Micros
  #pinged: Micros | null = null
  #ended = false

  constructor(exchange: SimulatedClassic, peer: SimulatedPeer, at: Micros) {
    this.#exchange = exchange
    this.peer = peer
    this.#heard = at
  }

  received(data: string | Uint8Array, at: Micros): void {
    const request = parse(data)
    this.#heard = at
    this.#pinged = null
    if (request === null || this.#ended) return
    const { e, oid } = request
    switch (e) {
      case 'auth':
        this.#login(request, oid, at)
        break
      case 'subscribe':
        this.#join(request['rooms'])
        break
      case 'init-ohlcv':
      case 'init-ohlcv-new':
        this.#join(request['rooms'])
        this.#initCandles(request['rooms'])
        break
      case 'order-book-subscribe':
      case 'order-book-unsubscribe':
      case 'ticker':
        this.#private(e, oid, request['data'], at)
    }
  }

  advance(at: Micros): void {
    const { voice } = this.#exchange
    if (!this.#loggedIn || this.#ended || voice.lasts('heartbeat-missing', at)) return
    if (this.#pinged !== null) {
      if (at - this.#pinged >= PONG_WITHIN) this.end('ping timeout', at)
    } else if (at - this.#heard >= PING_AFTER) {
      this.#pinged = at
      this.peer.send(`{"e":"ping","time":${Math.floor(at / 1000)}}`)
    }
  }

  end(reason: string, at: Micros): void {
    this.#ended = true
    this.books.clear()
    this.rooms.clear()
    this.peer.send(`{"e":"disconnecting","reason":${JSON.stringify(reason)},"time":${Math.floor(at / 1000)}}`)
    this.peer.close(1000, '')
  }

  #login(request: Readonly<Record<string, unknown>>, oid: unknown, at: Micros): void {
    const { credentials } = this.#exchange
    const auth = request['auth']
    const given: Record<string, unknown> = typeof auth === 'object' && auth !== null ? { ...auth } : {}
    const { key, signature, timestamp } = given
    const now = Math.floor(this.#exchange.voice.clock(at) / SECOND)
    const refuse = (error: string) => this.#error('auth', oid, error, at)
    if (key !== credentials.key) return refuse('Invalid API key')
    const expected = hmacSha256(credentials.secret, `${String(timestamp)}${credentials.key}`)
    if (String(signature).toLowerCase() !== expected) return refuse('Invalid signature')
    if (Math.abs(Number(timestamp) - now) > LOGIN_SECONDS) return refuse('Timestamp is not in 20sec range')
    this.#loggedIn = true
    this.peer.send(`{"e":"auth","data":{"ok":"ok"}${echo(oid)},"ok":"ok","timestamp":${now}}`)
  }

  /** A room that does not exist is met with silence, as is one that does: only data tells. */
  #join(rooms: unknown): void {
    if (!Array.isArray(rooms)) return
    for (const room of rooms) {
      if (room === 'tickers') this.rooms.add(room)
      const pair = this.#ofRoom(room)
      if (pair === undefined) continue
      this.rooms.add(`pair-${pair.base}-${pair.quote}`)
      const rows = pair.trades
        .slice(-HISTORY_TRADES)
        .reverse()
        .map(
          ({ side, stamp, amount, price, classicId }) =>
            `"${side}:${Math.floor(stamp / 1000)}:${pair.minor(amount)}:${price}:${classicId}"`,
        )
      this.peer.send(`{"e":"history","data":[${rows.join(',')}]}`)
    }
  }

  #initCandles(rooms: unknown): void {
    if (!Array.isArray(rooms)) return
    for (const room of rooms) {
      const pair = this.#ofRoom(room)
      if (pair === undefined) continue
      this.candles.add(pair.classic)
      const rows = this.#exchange.candles(pair, '1m').candles.map((candle) => candleRow(candle, true))
      this.peer.send(`{"e":"init-ohlcv-data","data":[${rows.join(',')}],"pair":"${pair.classic}"}`)
    }
  }

  #ofRoom(room: unknown): PairMarket | undefined {
    return this.#exchange.pair(
      String(room)
        .replace(/^pair-/, '')
        .replace('-', ':'),
    )
  }

  #private(e: string, oid: unknown, data: unknown, at: Micros): void {
    if (!this.#loggedIn) return this.#error(e, oid, 'Please Login', at)
    const asked: Record<string, unknown> = typeof data === 'object' && data !== null ? { ...data } : {}
    const names = e === 'ticker' ? data : asked['pair']
    const name = Array.isArray(names) ? names.join(':') : ''
    const pair = this.#exchange.pair(name)
    if (pair === undefined) return this.#error(e, oid, `Invalid pair:${name}.`, at)
    if (e === 'ticker') {
      this.#reply(e, oid, ticker(pair, at), 'other', at)
      return
    }
    if (e === 'order-book-unsubscribe') {
      this.books.delete(name)
      const { base, quote } = pair
      this.#reply(e, oid, `{"pair":["${base}","${quote}"],"time":${Math.floor(at / 1000)}}`, 'other', at)
      return
    }
    this.#subscribe(pair, oid, asked, at)
  }

  #subscribe(pair: PairMarket, oid: unknown, asked: Readonly<Record<string, unknown>>, at: Micros): void {
    const e = 'order-book-subscribe'
    const { voice, ids } = this.#exchange
    if (voice.take('ack-missing')) return
    if (voice.take('ack-error')) return this.#error(e, oid, `Invalid pair:${pair.classic}.`, at)
    if (voice.take('limit-error')) return this.#error(e, oid, 'Rate limit exceeded', at)
    const silent = voice.take('ack-then-silence')
    if (asked['subscribe'] === true && !silent) this.books.add(pair.classic)
    const id = ids.get(pair.classic) ?? 0
    if (voice.take('update-before-snapshot')) {
      this.peer.send(
        `{"e":"md_update","data":{"id":${id},"pair":"${pair.classic}","time":${Math.floor(at / 1000)},"bids":[],"asks":[]}}`,
      )
    }
    const depth = Number(asked['depth'] ?? 0)
    const { bids, asks } = pair.market.book.top(depth === 0 ? 100_000 : Math.max(0, depth))
    const whole = pair.market.book.top(100_000)
    const side = (levels: readonly Level[]) =>
      levels.map(([price, amount]) => `[${price},${pair.padded(amount)}]`).join(',')
    const sells = whole.asks.reduce((sum, [, amount]) => sum + BigInt(pair.minor(amount)), 0n)
    const ms = Math.floor(voice.clock(at) / 1000)
    this.#reply(
      e,
      oid,
      `{"timestamp":${Math.floor(ms / 1000)},"timestamp_ms":${ms},"bids":[${side(bids)}],"asks":[${side(asks)}],"pair":"${pair.classic}","id":${id},"sell_total":"${coins(sells, pair.amountDecimals)}","buy_total":"1286942.49"}`,
      'snapshot',
      at,
    )
  }

  #reply(e: string, oid: unknown, data: string, kind: 'snapshot' | 'other', at: Micros): void {
    this.#exchange.voice.say(this.peer, kind, `{"e":"${e}","data":${data}${echo(oid)},"ok":"ok"}`, at)
  }

  #error(e: string, oid: unknown, error: string, at: Micros): void {
    const text = `{"e":"${e}","data":{"error":${JSON.stringify(error)}}${echo(oid)},"ok":"error"}`
    this.#exchange.voice.say(this.peer, 'other', text, at)
  }
}

/** The client's own id, a number as a number. */
function echo(oid: unknown): string {
  return typeof oid === 'string' || typeof oid === 'number' ? `,"oid":${JSON.stringify(oid)}` : ''
}

function roomBook(pair: PairMarket, id: number): string {
  const { bids, asks } = pair.market.book.top(ROOM_LEVELS)
  const side = (levels: readonly Level[]) =>
    levels.map(([price, amount]) => `[${price},${pair.minor(amount)}]`).join(',')
  const sells = asks.reduce((sum, [, amount]) => sum + BigInt(pair.minor(amount)), 0n)
  return `{"e":"md","data":{"pair":"${pair.classic}","id":${id},"buy":[${side(bids)}],"sell":[${side(asks)}],"buy_total":757256114,"sell_total":${sells}}}`
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

function candleRow({ time, open, high, low, close, volume }: RunningCandle, quoted: boolean): string {
  const amount = quoted ? `"${volume}"` : String(volume)
  return `[${time},"${open}","${high}","${low}","${close}",${amount}]`
}

function dayCandle(pair: PairMarket): string {
  const { classic, day, market } = pair
  if (day === undefined) return '{"e":"ohlcv24","data":[]}'
  return `{"e":"ohlcv24","data":["${day.open}","${day.high}","${day.low}","${day.close}","${pair.minor(market.day.volume)}"],"pair":"${classic}"}`
}

function ticker(pair: PairMarket, at: Micros): string {
  const { bid, ask } = pair.market.book.best()
  const last = pair.trades.at(-1)?.price ?? bid?.[0] ?? '0'
  const { low = last, high = last, open = last } = pair.day ?? {}
  const { volume } = pair.market.day
  const month = new Decimal(volume).times(30).toFixed()
  const change = new Decimal(last).minus(open)
  const percent = open === '0' ? '0' : change.div(open).times(100).toFixed(2)
  return `{"timestamp":"${Math.floor(at / SECOND)}","low":"${low}","high":"${high}","last":"${last}","volume":"${volume}","volume30d":"${month}","bid":${bid?.[0] ?? 0},"ask":${ask?.[0] ?? 0},"priceChange":"${change.toFixed()}","priceChangePercentage":"${percent}","pair":["${pair.base}","${pair.quote}"]}`
}

function parse(data: string | Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data))
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}
