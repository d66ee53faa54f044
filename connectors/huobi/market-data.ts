import type { Micros } from '../../schemas/events.js'
import {
  huobiDepthReply,
  huobiKlineReply,
  huobiMbpReply,
  huobiTickers,
  huobiTradesReply,
  huobiUnused,
} from '../../schemas/huobi.js'
import type { Channel } from '../../src/connector.js'
import { checker } from '../../src/decode/index.js'
import { DecodeError } from '../../src/errors.js'
import type { SessionKit, Stream } from '../../src/session/index.js'
import type { Derivatives } from './derivatives.js'
import { HighFrequencyBooks } from './high-frequency-books.js'
import { type Asking, MbpBooks } from './mbp-books.js'
import { Tickers } from './tickers.js'
import type { Subscribed } from './topic-table.js'
import type { Topic } from './topics.js'
import { Trades } from './trades.js'
import { WholeBooks } from './whole-books.js'

const checkTickers = checker(huobiTickers)
const checkUnused = checker(huobiUnused)
const checkMbpReply = checker(huobiMbpReply)
const checkTradesReply = checker(huobiTradesReply)
const checkKlineReply = checker(huobiKlineReply)
const checkDepthReply = checker(huobiDepthReply)

/** The stream of a row in a frame that may be about many instruments; undefined where nobody wants it. */
export type RowStream = (id: string, channel: Channel, at: Micros | null) => Stream | undefined

/** What the pushes and answers of the market sockets mean, by the form of their topic. */
export class MarketData {
  readonly #wholeBooks: WholeBooks
  readonly #mbpBooks: MbpBooks
  readonly #highFrequency: HighFrequencyBooks
  readonly #trades: Trades
  readonly #tickers: Tickers
  readonly #derivatives: Derivatives
  readonly #row: RowStream

  constructor({ streams, alarms }: SessionKit, derivatives: Derivatives, asking: Asking, row: RowStream) {
    this.#wholeBooks = new WholeBooks(streams)
    this.#mbpBooks = new MbpBooks(streams, alarms, asking)
    this.#highFrequency = new HighFrequencyBooks(streams)
    this.#trades = new Trades(streams, alarms, asking)
    this.#tickers = new Tickers(streams)
    this.#derivatives = derivatives
    this.#row = row
  }

  /** A subscribe was sent. */
  asked(topic: Topic, stream: Stream, at: Micros | null): void {
    if (topic.form === 'trades') this.#trades.asked(topic.text, stream, at)
    if (topic.form === 'index') this.#derivatives.asked(stream, at)
  }

  granted(topic: Topic, stream: Stream, at: Micros | null): void {
    if (topic.form === 'mbp') this.#mbpBooks.granted(topic, stream, at)
  }

  /** A `req` is refused for good: what comes of another in vain is not worth asking for often. */
  withheld({ topic, streams }: Subscribed, waitMs: number, at: Micros | null): void {
    for (const stream of streams) {
      if (topic.form === 'mbp') this.#mbpBooks.withheld(topic, stream, waitMs, at)
      if (topic.form === 'trades') this.#trades.unanswered(stream, at)
    }
  }

  /** A `req` was not answered now. */
  unanswered({ topic, streams }: Subscribed, reason: string, at: Micros | null): void {
    for (const stream of streams) {
      if (topic.form === 'mbp') this.#mbpBooks.unanswered(topic, stream, reason, at)
      if (topic.form === 'trades') this.#trades.unanswered(stream, at)
    }
  }

  /** The stream is asked for again, or over. */
  forget(stream: Stream): void {
    this.#wholeBooks.forget(stream)
    this.#mbpBooks.forget(stream)
    this.#highFrequency.forget(stream)
    this.#trades.forget(stream)
    this.#tickers.forget(stream)
    this.#derivatives.forget(stream)
  }

  /** A log is over. */
  finished(): void {
    this.#mbpBooks.finished()
  }

  /** @throws {DecodeError} where the frame is not what its topic sends. */
  push({ topic, streams }: Subscribed, value: unknown, text: string, at: Micros | null): void {
    if (topic.form === 'tickers') this.#allTickers(value, text, at)
    else if (topic.form === 'unused') checkUnused(value, text)
    else for (const stream of streams) this.#datum(topic, stream, value, text, at)
  }

  /** @throws {DecodeError} where the answer is not what its topic answers. */
  reply({ topic, streams }: Subscribed, value: unknown, text: string, at: Micros | null): void {
    for (const stream of streams) {
      switch (topic.form) {
        case 'mbp':
          this.#mbpBooks.answer(topic, stream, checkMbpReply(value, text), at)
          break
        case 'trades':
          this.#trades.reply(stream, checkTradesReply(value, text), at)
          break
        case 'kline':
          this.#tickers.klineReply(topic, stream, checkKlineReply(value, text), at)
          break
        case 'depth':
          this.#wholeBooks.depthReply(topic, stream, checkDepthReply(value, text), at)
          break
        default:
          throw unknownTopic(topic, text, 'rep')
      }
    }
  }

  #datum(topic: Topic, stream: Stream, value: unknown, text: string, at: Micros | null): void {
    switch (topic.form) {
      case 'trades':
        this.#trades.push(stream, value, text, at)
        break
      case 'depth':
        this.#wholeBooks.depth(topic, stream, value, text, at)
        break
      case 'refresh':
        this.#wholeBooks.refresh(topic, stream, value, text, at)
        break
      case 'mbp':
        this.#mbpBooks.push(topic, stream, value, text, at)
        break
      case 'high-frequency':
        this.#highFrequency.push(topic, stream, value, text, at)
        break
      case 'quote':
        this.#tickers.quote(stream, value, text, at)
        break
      case 'detail':
        this.#tickers.detail(stream, value, text, at)
        break
      case 'kline':
        this.#tickers.kline(topic, stream, value, text, at)
        break
      case 'index':
        this.#derivatives.index(topic, stream, value, text, at)
        break
      case 'open-interest':
        this.#derivatives.generatedOpenInterest(stream, value, text, at)
        break
      case 'funding-rate':
        this.#derivatives.generatedFundingRate(stream, value, text, at)
        break
      default:
        throw unknownTopic(topic, text, 'ch')
    }
  }

  #allTickers(value: unknown, text: string, at: Micros | null): void {
    const { data, ts } = checkTickers(value, text)
    for (const [index, row] of data.entries()) {
      const stream = this.#row(row.symbol, 'ticker:tickers', at)
      if (stream !== undefined) this.#tickers.tickersRow(stream, row, ts, ['data', index], at)
    }
  }
}

function unknownTopic({ text }: Topic, frame: string, key: string): DecodeError {
  return new DecodeError('unknown_message', `nothing of ${text} comes like this`, {
    path: [key],
    head: frame,
  })
}
