import * as schema from '../../schemas/bitmex.js'
import type { Level, Micros } from '../../schemas/events.js'
import { positiveDecimal, unsignedDecimal } from '../../src/decode/decimal.js'
import { checker } from '../../src/decode/decoder.js'
import type { LosslessValue } from '../../src/decode/lossless.js'
import { isoMicros } from '../../src/decode/time.js'
import { DecodeError } from '../../src/errors.js'
import type { Backfills } from '../../src/session/backfill.js'
import type { SessionKit } from '../../src/session/session.js'
import type { Stream } from '../../src/session/stream.js'
import type { Streams } from '../../src/session/streams.js'
import type { Topics } from '../../src/venue/topics.js'
import { type Column, decimalOf, isMissing, sideOf, timeOf } from './columns.js'
import { emitInstrument } from './instrument-rows.js'
import type { LevelChange } from './level-table.js'
import { grouped, symbolsIn } from './row-symbols.js'
import { type Table, type TableTopic, topicsNamed } from './table-topics.js'
import type { TableName } from './topics.js'
import { tradesOf } from './trade-rows.js'

const checkBookImage = checker(schema.bookImage)
const checkBookUpdate = checker(schema.bookUpdate)
const checkBookDelete = checker(schema.bookDelete)
const checkTopTen = checker(schema.topTenTable)
const checkTrades = checker(schema.tradeTable)
const checkQuotes = checker(schema.quoteTable)
const checkBins = checker(schema.binTable)
const checkFunding = checker(schema.fundingTable)
const checkLiquidationInsert = checker(schema.liquidationInsert)
const checkLiquidationOther = checker(schema.liquidationOther)
const checkInstruments = checker(schema.instrumentTable)

const INTERVALS = {
  tradeBin1m: { name: '1m', micros: 60_000_000 },
  tradeBin5m: { name: '5m', micros: 300_000_000 },
  tradeBin1h: { name: '1h', micros: 3_600_000_000 },
  tradeBin1d: { name: '1d', micros: 86_400_000_000 },
} as const

const DEPTHS = { orderBookL2: null, orderBookL2_25: 25, orderBookL2_100: 100 } as const

type BookTable = keyof typeof DEPTHS
type BinTable = keyof typeof INTERVALS

/** A frame that was read and whose `table` is one of ours. */
export type TableMessage = { readonly [key: string]: LosslessValue }

interface Envelope<Row> {
  readonly action: 'partial' | 'insert' | 'update' | 'delete'
  readonly filter?: { readonly symbol?: string | undefined } | null | undefined
  readonly data: readonly Row[]
}

/** What a frame holds for one topic. */
interface Portion<Row> {
  readonly topic: TableTopic
  readonly rows: readonly Row[]
}

/**
 * What the venue's tables mean: one frame of a table becomes the events of its streams.
 *
 * A table with keys (L2, instrument) is an image and its changes: what comes before the partial is passed over. A table
 * without keys (trades, quotes, bins) only grows, and `orderBook10` is whole in each row: there every row stands by itself.
 */
export class Tables {
  readonly #streams: Streams
  readonly #topics: Topics<Table>
  readonly #backfills: Backfills
  readonly #amid: boolean
  /** Tables whose partial was an image of all symbols: a symbol that it did not name is empty. */
  readonly #whole = new Set<TableName>()

  constructor(kit: SessionKit, topics: Topics<Table>, backfills: Backfills) {
    this.#backfills = backfills
    this.#amid = kit.init.amid ?? false
    this.#streams = kit.streams
    this.#topics = topics
  }

  /** @throws {DecodeError} after the streams that may have lost something were marked. */
  read(table: TableName, message: TableMessage, frame: string, at: Micros | null): void {
    try {
      this.#read(table, message, frame, at)
    } catch (error) {
      if (error instanceof DecodeError) this.broken(table, symbolsIn(message), at)
      throw error
    }
  }

  /**
   * A frame of the table could not be read, so its streams may have a hole. A book and an instrument's merged row are
   * asked for again; elsewhere the next row is whole.
   */
  broken(table: TableName, symbols: readonly string[], at: Micros | null): void {
    const named = symbols.length === 0 ? [null] : symbols
    for (const topic of named.flatMap((symbol) => topicsNamed(this.#topics, table, symbol))) {
      for (const stream of topic.streams) {
        this.#streams.gap(stream, 'sequence', `a frame of ${topic.name} could not be read`, at)
      }
      const [stream] = topic.streams
      if (stream !== undefined && (isBook(table) || table === 'instrument')) {
        topic.data.imaged = false
        this.#streams.resubscribe(stream)
      }
    }
  }

  #read(table: TableName, message: TableMessage, frame: string, at: Micros | null): void {
    switch (table) {
      case 'orderBookL2':
      case 'orderBookL2_25':
      case 'orderBookL2_100':
        return this.#book(table, message, frame, at)
      case 'orderBook10':
        return this.#topTen(checkTopTen(message, frame), at)
      case 'trade':
        return this.#trades(checkTrades(message, frame), at)
      case 'quote':
        return this.#quotes(checkQuotes(message, frame), at)
      case 'tradeBin1m':
      case 'tradeBin5m':
      case 'tradeBin1h':
      case 'tradeBin1d':
        return this.#bins(table, checkBins(message, frame), at)
      case 'funding':
        return this.#funding(checkFunding(message, frame), at)
      case 'liquidation':
        return this.#liquidation(message, frame, at)
      case 'instrument':
        return this.#instrument(checkInstruments(message, frame), at)
    }
  }

  // ── Books ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #book(table: BookTable, message: TableMessage, frame: string, at: Micros | null): void {
    switch (message['action']) {
      case 'update':
        for (const { topic, rows } of this.#portions(table, checkBookUpdate(message, frame), at)) {
          const stream = this.#ready(topic, at)
          if (stream !== null)
            this.#changed(topic, stream, topic.data.levels.update(rows, stream.record.book), rows, at)
        }
        return
      case 'delete':
        for (const { topic, rows } of this.#portions(table, checkBookDelete(message, frame), at)) {
          const stream = this.#ready(topic, at)
          if (stream !== null)
            this.#changed(topic, stream, topic.data.levels.delete(rows, stream.record.book), rows, at)
        }
        return
      case 'insert':
        for (const { topic, rows } of this.#portions(table, checkBookImage(message, frame), at)) {
          const stream = this.#ready(topic, at)
          if (stream !== null)
            this.#changed(topic, stream, topic.data.levels.insert(rows, stream.record.book), rows, at)
        }
        return
      default:
        for (const { topic, rows } of this.#portions(table, checkBookImage(message, frame), at)) {
          this.#image(topic, rows, at)
        }
    }
  }

  #image(topic: TableTopic, rows: readonly schema.BookImageRow[], at: Micros | null): void {
    const [stream] = topic.streams
    if (stream === undefined) return
    const { bids, asks } = topic.data.levels.image(rows)
    topic.data.imaged = true
    topic.data.imagedAt = at
    const depth = isBook(topic.data.table) ? DEPTHS[topic.data.table] : null
    this.#streams.snapshot(stream, { bids, asks, depth, exchangeTime: timeOf(rows.at(-1)?.timestamp) }, at)
  }

  /** The stream, where changes of its book can be applied: the image has come and nothing speaks against it since. */
  #ready(topic: TableTopic, at: Micros | null): Stream | null {
    const [stream] = topic.streams
    if (stream === undefined) return null
    if (!topic.data.imaged && this.#whole.has(topic.data.table)) this.#image(topic, [], at)
    if (topic.data.imaged && stream.record.book.state === 'live') return stream
    this.#unplaced(topic, at)
    return null
  }

  /** Changes before a partial are normal where the subscription is new; elsewhere they are lost. */
  #unplaced({ streams }: TableTopic, at: Micros | null): void {
    const [first, ...others] = streams
    if (first === undefined || (first.record.gap === null && !this.#amid)) return
    this.#streams.unplaced(first, at)
    for (const stream of others) this.#streams.awaitsSnapshot(stream, at)
  }

  #changed(
    topic: TableTopic,
    stream: Stream,
    { bids, asks, contradiction }: LevelChange,
    rows: readonly { readonly timestamp?: Column }[],
    at: Micros | null,
  ): void {
    if (contradiction !== null) {
      topic.data.imaged = false
      // What is missing may have been lost at any time since the image.
      this.#streams.resync(stream, 'sequence', contradiction, at, topic.data.imagedAt)
    } else if (bids.length > 0 || asks.length > 0) {
      this.#streams.update(stream, { bids, asks, exchangeTime: timeOf(rows.at(-1)?.timestamp) }, at)
    }
  }

  /** The last row of a frame wins. A side that an update leaves out is unchanged; elsewhere it is empty. */
  #topTen(message: Envelope<schema.TopTenRow>, at: Micros | null): void {
    if (message.action === 'delete') return
    for (const { topic, rows } of this.#portions('orderBook10', message, at)) {
      const [stream] = topic.streams
      const { bids, asks, timestamp } = rows.at(-1) ?? {}
      if (stream === undefined) continue
      const { book } = stream.record
      const keeps = message.action === 'update' && book.state === 'live'
      if (message.action === 'update' && !keeps && (isMissing(bids) || isMissing(asks))) {
        this.#unplaced(topic, at)
        continue
      }
      const held = keeps ? book.top(10) : { bids: [], asks: [] }
      this.#streams.snapshot(
        stream,
        {
          bids: isMissing(bids) ? held.bids : levelsOf(bids),
          asks: isMissing(asks) ? held.asks : levelsOf(asks),
          depth: 10,
          exchangeTime: timeOf(timestamp),
        },
        at,
      )
    }
  }

  // ── Tables that only grow ───────────────────────────────────────────────────────────────────────────────────────

  #trades(message: Envelope<schema.TradeRow>, at: Micros | null): void {
    for (const { topic, rows } of this.#portions('trade', message, at)) {
      for (const stream of topic.streams) {
        const trades = tradesOf(stream, rows)
        if (message.action === 'partial') this.#backfills.history(stream, trades, at)
        else for (const trade of trades) this.#backfills.trade(stream, trade, at)
      }
    }
  }

  #quotes(message: Envelope<schema.QuoteRow>, at: Micros | null): void {
    for (const { topic, rows } of this.#portions('quote', message, at)) {
      const quotes = rows.map((row) => ({
        bidPrice: decimalOf(row.bidPrice),
        bidAmount: decimalOf(row.bidSize),
        askPrice: decimalOf(row.askPrice),
        askAmount: decimalOf(row.askSize),
        exchangeTime: timeOf(row.timestamp),
      }))
      for (const stream of topic.streams) {
        for (const quote of quotes) this.#streams.quote(stream, quote, at)
      }
    }
  }

  /** `timestamp` is the end of a bin, which comes once, when it is over. */
  #bins(table: BinTable, message: Envelope<schema.BinRow>, at: Micros | null): void {
    const interval = INTERVALS[table]
    for (const { topic, rows } of this.#portions(table, message, at)) {
      const candles = rows.map((row) => {
        const end = isoMicros(row.timestamp)
        return {
          interval: interval.name,
          openTime: end - interval.micros,
          exchangeTime: end,
          open: decimalOf(row.open),
          high: decimalOf(row.high),
          low: decimalOf(row.low),
          close: decimalOf(row.close),
          volume: decimalOf(row.volume),
          volumeUnit: 'contract' as const,
          trades: row.trades ?? null,
          closed: true,
          historical: message.action === 'partial',
        }
      })
      for (const stream of topic.streams) {
        for (const candle of candles) this.#streams.candle(stream, candle, at)
      }
    }
  }

  #funding(message: Envelope<schema.FundingRow>, at: Micros | null): void {
    for (const { topic, rows } of this.#portions('funding', message, at)) {
      const payments = rows.map((row) => ({
        exchangeTime: timeOf(row.timestamp),
        fundingRate: decimalOf(row.fundingRate),
      }))
      for (const stream of topic.streams) {
        for (const payment of payments) this.#streams.derivative(stream, payment, at)
      }
    }
  }

  // ── Tables with keys ────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A liquidation is told when its order is placed, once and with its whole amount. What was placed before the
   * subscription (partial), how it goes on (update) and that it is done (delete) would tell it again.
   */
  #liquidation(message: TableMessage, frame: string, at: Micros | null): void {
    if (message['action'] !== 'insert') {
      checkLiquidationOther(message, frame)
      return
    }
    for (const { topic, rows } of this.#portions('liquidation', checkLiquidationInsert(message, frame), at)) {
      const placed = rows.map((row) => ({
        id: row.orderID,
        price: decimalOf(row.price),
        amount: unsignedDecimal(row.leavesQty),
        side: sideOf(row.side),
        exchangeTime: null,
      }))
      for (const stream of topic.streams) {
        for (const liquidation of placed) {
          if (!stream.record.tradeIds.add(liquidation.id)) continue
          this.#streams.liquidation(stream, stream.instrument, liquidation, at)
        }
      }
    }
  }

  #instrument(message: Envelope<schema.InstrumentRow>, at: Micros | null): void {
    if (message.action === 'delete') return
    for (const { topic, rows } of this.#portions('instrument', message, at)) {
      for (const row of rows) {
        if (message.action !== 'update') {
          topic.data.imaged = true
          topic.data.instrument = row
          emitInstrument(this.#streams, topic.streams, row, null, at)
        } else if (topic.data.instrument !== null && topic.data.imaged) {
          topic.data.instrument = { ...topic.data.instrument, ...row }
          emitInstrument(this.#streams, topic.streams, topic.data.instrument, row, at)
        } else this.#unplaced(topic, at)
      }
    }
  }

  // ── Rows of several symbols ─────────────────────────────────────────────────────────────────────────────────────

  /** Each topic's part of a frame, nearly always the whole of it; a partial without rows still names its symbol. */
  #portions<Row extends { readonly symbol: string }>(
    table: TableName,
    { action, filter, data }: Envelope<Row>,
    at: Micros | null,
  ): Portion<Row>[] {
    if (action === 'partial' && !isMissing(filter) && filter.symbol === undefined) this.#whole.add(table)
    const symbol = data[0]?.symbol ?? filter?.symbol
    if (symbol === undefined) return []
    const portions: Portion<Row>[] = []
    if (data.length <= 1 || data.every((row) => row.symbol === symbol)) {
      this.#add(portions, table, symbol, data, action, at)
    } else {
      for (const [each, rows] of grouped(data)) this.#add(portions, table, each, rows, action, at)
    }
    return portions
  }

  #add<Row>(
    portions: Portion<Row>[],
    table: TableName,
    symbol: string,
    rows: readonly Row[],
    action: Envelope<Row>['action'],
    at: Micros | null,
  ): void {
    const topic = this.#topics.find(`${table}:${symbol}`, at)
    if (topic === undefined || topic.state === 'leaving') return
    // A partial says as much as an ack that got lost.
    if (action === 'partial') this.#topics.granted(topic.name, at)
    portions.push({ topic, rows })
  }
}

function isBook(table: TableName): table is BookTable {
  return table in DEPTHS
}

function levelsOf(rows: readonly (readonly [string, string])[]): Level[] {
  return rows.map(([price, size]) => [positiveDecimal(price), unsignedDecimal(size)])
}
