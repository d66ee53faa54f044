import {
  candle,
  marketSummaries,
  marketSummary,
  orderBook,
  restCandles,
  restError,
  restOrderBook,
  restTrades,
  ticker,
  tickers,
  trades,
} from '../../schemas/bittrex.js'
import type { Micros } from '../../schemas/events.js'
import type { Channel, HttpResponse } from '../../src/connector.js'
import { decoder } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'
import type { SessionKit, Stream } from '../../src/session/index.js'
import { ImageRequests } from '../../src/venue/image-requests.js'
import { AllMarkets } from './all-markets.js'
import { Books } from './books.js'
import { Candles } from './candles.js'
import { bookChannel, INTERVALS, intervalOf, TICKER_CHANNELS, TICKERS_CHANNELS, topicOf } from './channels.js'
import { candleFields, levels, summaryFields, tickerFields, tradeFields } from './rows.js'
import { readAnswerUrl, SNAPSHOTS } from './snapshots.js'
import { instrumentOnWire } from './symbols.js'
import { Tape } from './tape.js'

const decodeOrderBook = decoder(orderBook)
const decodeTrades = decoder(trades)
const decodeTicker = decoder(ticker)
const decodeTickers = decoder(tickers)
const decodeSummary = decoder(marketSummary)
const decodeSummaries = decoder(marketSummaries)
const decodeCandle = decoder(candle)
const decodeRestBook = decoder(restOrderBook)
const decodeRestTrades = decoder(restTrades)
const decodeRestCandles = decoder(restCandles)
const decodeRestError = decoder(restError)

type Row = Parameters<typeof tickerFields>[0]

/** What the messages of hub `c3` and the REST answers beside it mean. */
export class HubC3 {
  readonly #kit: SessionKit
  readonly #snapshots: ImageRequests
  readonly #books: Books
  readonly #tape: Tape
  readonly #candles: Candles
  /** By topic. */
  readonly #allMarkets = new Map<string, AllMarkets>()

  /** @param history whether trades and candles begin with history over REST. */
  constructor(kit: SessionKit, history: boolean) {
    this.#kit = kit
    this.#snapshots = new ImageRequests(kit, SNAPSHOTS)
    this.#books = new Books(kit, this.#snapshots)
    this.#tape = new Tape(kit, this.#snapshots, history)
    this.#candles = new Candles(kit, this.#snapshots, history)
  }

  /** The books, for hub `c2`, whose snapshots come by another way. */
  get books(): Books {
    return this.#books
  }

  // ── Streams ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The stream is being asked for: what was known of its numbers is void. */
  begin(stream: Stream): void {
    if (stream.kind === 'book') this.#books.begin(stream)
    else if (stream.kind === 'trade') this.#tape.begin(stream)
    else if (stream.kind === 'candle') this.#candles.begin(stream)
  }

  /** A topic is being asked for: the same for one that all markets share. */
  asked(topic: string): void {
    this.#allMarkets.delete(topic)
  }

  /** The hub granted the stream's topic. */
  granted(stream: Stream, at: Micros | null): void {
    if (stream.kind === 'book') this.#books.granted(stream, at)
    else if (stream.kind === 'trade') this.#tape.granted(stream, at)
    else if (stream.kind === 'candle') this.#candles.granted(stream, at)
    else this.#kit.streams.ack(stream, at)
  }

  /** A book is joined anew on the subscription that it has. */
  rejoin(stream: Stream, at: Micros | null): void {
    this.#books.rejoin(stream, at)
  }

  /** Whether the hub has stopped sending a book that it granted. */
  dead(stream: Stream): boolean {
    return this.#books.dead(stream)
  }

  /** The stream is being given up. */
  leave(stream: Stream): void {
    if (stream.kind === 'book') this.#books.leave(stream)
    else if (stream.kind === 'trade') this.#tape.leave(stream)
    this.#snapshots.cancel(stream)
  }

  /** A log showed that the stream was granted. */
  shown(market: string, channel: Channel, at: Micros | null): void {
    const stream = this.stream(market, channel, at)
    if (stream?.kind === 'book') this.#books.shown(stream, at)
  }

  /** A stream, which a log may show. Undefined, when live, for what is not (or no longer) subscribed. */
  stream(market: string, channel: Channel, at: Micros | null): Stream | undefined {
    const { streams, init } = this.#kit
    const held = streams.get(market, channel)
    if (held !== undefined || !init.adopt) return held
    const instrument = instrumentOnWire(market, 'v3', init.instruments)
    if (instrument !== null) return streams.adopt(instrument, channel, at)
    throw new DecodeError('schema_mismatch', `${JSON.stringify(market)} is no market of Bittrex`, {
      path: ['marketSymbol'],
      head: market,
    })
  }

  // ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * One message, its body unpacked.
   * @throws {DecodeError}
   */
  message(method: string, body: string, at: Micros | null): void {
    switch (method) {
      case 'orderbook':
        this.#orderBook(body, at)
        break
      case 'trade':
        this.#trade(body, at)
        break
      case 'ticker':
        this.#ticker(decodeTicker(body), TICKER_CHANNELS, at)
        break
      case 'tickers':
        this.#tickers(body, at)
        break
      case 'marketsummary':
        this.#summary(decodeSummary(body), 'ticker:market_summary', at)
        break
      case 'marketsummaries':
        this.#summaries(body, at)
        break
      case 'candle':
        this.#candle(body, at)
        break
      default:
        throw new DecodeError('unknown_message', `hub c3 documents no message ${method}`, {
          path: [],
          head: body,
        })
    }
  }

  #orderBook(body: string, at: Micros | null): void {
    const { marketSymbol, depth, sequence, bidDeltas, askDeltas } = decodeOrderBook(body)
    const stream = this.stream(marketSymbol, bookChannel(depth), at)
    if (stream === undefined) return
    this.#books.update(stream, sequence, { bids: levels(bidDeltas), asks: levels(askDeltas) }, at)
  }

  #trade(body: string, at: Micros | null): void {
    const { marketSymbol, sequence, deltas } = decodeTrades(body)
    const stream = this.stream(marketSymbol, 'trade', at)
    if (stream !== undefined) this.#tape.trades(stream, sequence, deltas.map(tradeFields), at)
  }

  #candle(body: string, at: Micros | null): void {
    const { marketSymbol, interval, sequence, delta } = decodeCandle(body)
    const length = INTERVALS.find(({ wire }) => wire === interval) ?? INTERVALS[0]
    const stream = this.stream(marketSymbol, length.channel, at)
    if (stream !== undefined) this.#candles.candle(stream, sequence, candleFields(delta, length), at)
  }

  /** One topic, two streams: the last price, and the best bid and ask. */
  #ticker(row: Row, channels: typeof TICKER_CHANNELS | typeof TICKERS_CHANNELS, at: Micros | null): void {
    const fields = tickerFields(row)
    const [tickerChannel, quoteChannel] = channels
    const tickerStream = this.stream(row.symbol, tickerChannel, at)
    if (tickerStream !== undefined) this.#kit.streams.ticker(tickerStream, fields, at)
    const quoteStream = this.stream(row.symbol, quoteChannel, at)
    if (quoteStream === undefined) return
    const { bidPrice, askPrice } = fields
    const quote = { bidPrice, bidAmount: null, askPrice, askAmount: null, exchangeTime: null }
    this.#kit.streams.quote(quoteStream, quote, at)
  }

  #tickers(body: string, at: Micros | null): void {
    const { sequence, deltas } = decodeTickers(body)
    if (!this.#inRun('tickers', sequence, at)) return
    for (const row of deltas) this.#ticker(row, TICKERS_CHANNELS, at)
  }

  #summary(row: Parameters<typeof summaryFields>[0], channel: Channel, at: Micros | null): void {
    const stream = this.stream(row.symbol, channel, at)
    if (stream !== undefined) this.#kit.streams.ticker(stream, summaryFields(row), at)
  }

  #summaries(body: string, at: Micros | null): void {
    const { sequence, deltas } = decodeSummaries(body)
    if (!this.#inRun('market_summaries', sequence, at)) return
    for (const row of deltas) this.#summary(row, 'ticker:market_summaries', at)
  }

  #inRun(topic: string, sequence: number, at: Micros | null): boolean {
    let run = this.#allMarkets.get(topic)
    if (run === undefined) {
      run = new AllMarkets(this.#kit, (stream) => topicOf(stream) === topic)
      this.#allMarkets.set(topic, run)
    }
    return run.take(sequence, at)
  }

  // ── REST ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The answer to a snapshot or history, or one that a log holds.
   * @throws {DecodeError} after the next try was arranged.
   */
  response(response: HttpResponse, at: Micros | null): void {
    const stream = this.#kit.init.adopt ? this.#logged(response.url, at) : this.#snapshots.answered(response)
    if (stream === undefined || stream === null || stream.state === 'leaving') return
    if (response.status < 200 || response.status >= 300) {
      this.#failed(stream, response, at)
      return
    }
    this.#snapshots.granted(stream)
    let joined = false
    try {
      joined = this.#take(stream, response, at)
    } finally {
      if (!joined) this.#snapshots.retry(stream, at)
    }
  }

  #take(stream: Stream, response: HttpResponse, at: Micros | null): boolean {
    const sequence = sequenceOf(response)
    if (stream.kind === 'book') {
      const { bid, ask } = decodeRestBook(response.body)
      return this.#books.fetched(stream, sequence, { bids: levels(bid), asks: levels(ask) }, at)
    }
    if (stream.kind === 'trade') {
      return this.#tape.history(stream, sequence, decodeRestTrades(response.body).map(tradeFields), at)
    }
    const length = intervalOf(stream)
    const rows = decodeRestCandles(response.body).map((row) => candleFields(row, length))
    this.#candles.history(stream, sequence, rows, at)
    return true
  }

  /** A market that does not exist is refused for good; all else is tried again. */
  #failed(stream: Stream, response: HttpResponse, at: Micros | null): void {
    if (response.status !== 400 && response.status !== 404) {
      this.#snapshots.failed(stream, response, at)
      return
    }
    if (stream.kind === 'book') {
      this.#kit.streams.refuse(stream, `its snapshot was refused: ${reasonOf(response)}`, at)
    } else if (stream.kind === 'trade') this.#tape.withoutHistory(stream, at)
    else this.#candles.withoutHistory(stream, at)
  }

  #logged(url: string, at: Micros | null): Stream | undefined {
    const answer = readAnswerUrl(url)
    if (answer === null) return undefined
    if (answer.kind === 'trade') return this.stream(answer.market, 'trade', at)
    if (answer.kind === 'book') return this.stream(answer.market, bookChannel(answer.detail), at)
    const length = INTERVALS.find(({ wire }) => wire === answer.detail)
    return length === undefined ? undefined : this.stream(answer.market, length.channel, at)
  }
}

/** The number that an answer stands for is in its headers alone. */
function sequenceOf(response: HttpResponse): number {
  const text = response.headers['sequence'] ?? ''
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new DecodeError('schema_mismatch', 'the answer has no header Sequence, so it cannot be joined', {
    path: ['headers', 'sequence'],
    head: response.body,
  })
}

function reasonOf(response: HttpResponse): string {
  try {
    return decodeRestError(response.body).code
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return `HTTP ${response.status}`
  }
}
