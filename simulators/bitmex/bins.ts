import { Decimal } from 'decimal.js'
import type { Micros } from '../../schemas/events.js'
import { compareDecimals } from '../../src/decode/decimal.js'
import { Digits, type WireRow } from '../kit/exact-json.js'
import { iso } from './dialect.js'

const Exact = Decimal.clone({ precision: 1000, toExpNeg: -1000, toExpPos: 1000 })
const Float = Decimal.clone({ precision: 17 })

export const BIN_MICROS = {
  '1m': 60_000_000,
  '5m': 300_000_000,
  '1h': 3_600_000_000,
  '1d': 86_400_000_000,
} as const

export type BinSize = keyof typeof BIN_MICROS

export const BIN_SIZES = ['1m', '5m', '1h', '1d'] as const satisfies readonly BinSize[]

/** Bins kept for REST and partials. */
const KEPT = 500

/** Bins made up for a stretch without a step: a simulator that slept for a day does not send a thousand. */
const CATCH_UP = 3

/** A trade as a bin counts it. */
export interface BinnedTrade {
  readonly price: string
  readonly size: string
  readonly home: string
  readonly foreign: string
  readonly gross: string
}

/** The `tradeBin` rows of one instrument and length. */
export class BinSeries {
  readonly rows: WireRow[] = []
  readonly #symbol: string
  readonly #length: number
  #end: Micros = 0
  /** The close of the bin before, which is this one's open. */
  #close: string
  #trades: BinnedTrade[] = []

  constructor(symbol: string, size: BinSize, price: string) {
    this.#symbol = symbol
    this.#length = BIN_MICROS[size]
    this.#close = price
  }

  /** The first bin is the one that this time lies in. */
  begin(at: Micros): void {
    this.#end = (Math.floor(at / this.#length) + 1) * this.#length
  }

  add(trade: BinnedTrade): void {
    this.#trades.push(trade)
  }

  /** The rows of the bins that are over at this time, oldest first. */
  finish(at: Micros): WireRow[] {
    const finished: WireRow[] = []
    const behind = Math.floor((at - this.#end) / this.#length) - CATCH_UP
    if (behind > 0) this.#end += behind * this.#length
    while (at >= this.#end) {
      finished.push(this.#row())
      this.#close = this.#trades.at(-1)?.price ?? this.#close
      this.#trades = []
      this.#end += this.#length
    }
    this.rows.push(...finished)
    this.rows.splice(0, Math.max(0, this.rows.length - KEPT))
    return finished
  }

  /** `open` is the close of the bin before, even where that lies outside [low, high]. A bin without trades repeats it. */
  #row(): WireRow {
    const trades = this.#trades
    const last = trades.at(-1)
    const prices = trades.map(({ price }) => price).sort(compareDecimals)
    const sum = (column: keyof BinnedTrade) =>
      trades.reduce((total, trade) => total.plus(trade[column]), new Exact(0))
    const volume = sum('size')
    const worth = trades.reduce(
      (total, { price, size }) => total.plus(new Exact(price).times(size)),
      new Exact(0),
    )
    return {
      timestamp: iso(this.#end),
      symbol: this.#symbol,
      open: new Digits(this.#close),
      high: new Digits(prices.at(-1) ?? this.#close),
      low: new Digits(prices[0] ?? this.#close),
      close: new Digits(last?.price ?? this.#close),
      trades: trades.length,
      volume: new Digits(volume.toFixed()),
      vwap: last === undefined ? null : new Digits(new Float(worth).div(volume).toString()),
      lastSize: last === undefined ? null : new Digits(last.size),
      turnover: new Digits(sum('gross').toFixed()),
      homeNotional: new Digits(sum('home').toFixed()),
      foreignNotional: new Digits(sum('foreign').toFixed()),
    }
  }
}
