import { Decimal } from 'decimal.js'
import type { Micros } from '../../schemas/events.js'
import type { ReadonlyBook } from '../../src/book/order-book.js'
import type { MarketDay } from '../../src/simulator/market.js'
import { Digits, type WireRow } from '../kit/exact-json.js'
import { iso } from './dialect.js'
import type { BitmexListing } from './listing.js'
import type { Notional } from './notional.js'

const Float = Decimal.clone({ precision: 17 })

/** What changes of an instrument while the simulator runs. */
export interface Running {
  lastPrice: string
  tickDirection: string
  openInterest: string
  mark: string
  index: string
  fundingRate: string
  indicativeFundingRate: string
  fundingTimestamp: Micros
}

/** What the last 24 hours brought. */
export interface Day extends MarketDay {
  /** The volume in the columns that a trade has. */
  readonly worth: Notional
}

/**
 * The columns of the instrument table; those that the venue has and no reader of market data uses are left out.
 *
 * @param open the open contracts in settlement units
 */
export function instrumentColumns(
  listing: BitmexListing,
  running: Running,
  day: Day | null,
  open: Digits,
  book: ReadonlyBook | null,
  listed: boolean,
  at: Micros,
): WireRow {
  const { bid, ask } = book?.best() ?? { bid: null, ask: null }
  const perpetual = listing.typ === 'FFWCSX'
  const derivative = perpetual || listing.expiry !== null
  const digits = (text: string | null) => (text === null ? null : new Digits(text))
  const opened = day?.open ?? listing.price
  const change = new Float(running.lastPrice).div(opened).minus(1).toDecimalPlaces(4)
  return {
    symbol: listing.symbol,
    rootSymbol: listing.underlying,
    state: listed ? (book === null ? 'Unlisted' : 'Open') : 'Settled',
    typ: listing.typ,
    listing: '2016-05-13T12:00:00.000Z',
    front: listing.expiry,
    expiry: listing.expiry,
    settle: listing.expiry,
    positionCurrency: listing.kind === 'inverse' ? listing.quoteCurrency : '',
    underlying: listing.underlying,
    quoteCurrency: listing.quoteCurrency,
    underlyingSymbol: `${listing.underlying}=`,
    reference: 'BMEX',
    referenceSymbol: '.BXBT',
    maxOrderQty: 10_000_000,
    maxPrice: 1_000_000,
    lotSize: 1,
    tickSize: new Digits(listing.tickSize),
    multiplier: digits(listing.multiplier),
    settlCurrency: listing.settlCurrency,
    underlyingToPositionMultiplier: digits(listing.underlyingToPositionMultiplier),
    underlyingToSettleMultiplier: listing.kind === 'inverse' ? digits(listing.multiplier) : null,
    quoteToSettleMultiplier: digits(listing.quoteToSettleMultiplier),
    isQuanto: listing.kind === 'quanto',
    isInverse: listing.kind === 'inverse',
    initMargin: derivative ? new Digits('0.01') : null,
    maintMargin: derivative ? new Digits('0.005') : null,
    makerFee: new Digits('-0.00025'),
    takerFee: new Digits('0.00075'),
    fundingTimestamp: perpetual ? iso(running.fundingTimestamp) : null,
    fundingInterval: perpetual ? '2000-01-01T08:00:00.000Z' : null,
    fundingRate: perpetual ? new Digits(running.fundingRate) : null,
    indicativeFundingRate: perpetual ? new Digits(running.indicativeFundingRate) : null,
    prevPrice24h: new Digits(opened),
    volume24h: new Digits(day?.volume ?? '0'),
    turnover24h: day?.worth.grossValue ?? null,
    homeNotional24h: day?.worth.homeNotional ?? null,
    foreignNotional24h: day?.worth.foreignNotional ?? null,
    vwap: day === null ? null : new Digits(new Float(day.turnover).div(day.volume).toString()),
    highPrice: digits(day?.high ?? null),
    lowPrice: digits(day?.low ?? null),
    lastPrice: new Digits(book === null ? running.index : running.lastPrice),
    lastTickDirection: running.tickDirection,
    lastChangePcnt: new Digits(change.toFixed()),
    bidPrice: digits(bid?.[0] ?? null),
    midPrice: digits(running.mark),
    askPrice: digits(ask?.[0] ?? null),
    openInterest: derivative ? new Digits(running.openInterest) : null,
    openValue: derivative ? open : null,
    fairMethod: derivative ? 'FundingRate' : null,
    fairPrice: book === null ? null : new Digits(running.mark),
    markMethod: derivative ? 'FairPrice' : 'LastPrice',
    markPrice: new Digits(book === null ? running.index : running.mark),
    indicativeSettlePrice: new Digits(running.index),
    timestamp: iso(at),
  }
}
