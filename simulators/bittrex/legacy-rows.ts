import type { Level, Micros } from '../../schemas/events.js'
import type { LevelMove, MarketTrade, SimulatedMarket } from '../../src/simulator/market.js'
import { Digits, type WireRow } from '../kit/exact-json.js'

/** The venue's clock, as it showed a moment. @default now */
export type Clock = (at?: Micros) => Micros

/** What the rows of a market are made of. */
export interface LegacyMarket {
  readonly id: string
  readonly market: SimulatedMarket
  readonly nonce: number
}

/** The old names have the quote first: `USD-BTC`. */
export function legacyName({ id }: Pick<LegacyMarket, 'id'>): string {
  return id.split('-').reverse().join('-')
}

/** `uE`: levels that were added (0), removed (1) or changed (2), and fills, under keys of one letter. */
export function legacyDelta(
  market: LegacyMarket,
  moves: readonly LevelMove[],
  trades: readonly MarketTrade[],
  clock: Clock,
): WireRow {
  const side = (wanted: LevelMove['side']) =>
    moves
      .filter((move) => move.side === wanted)
      .map(({ price, previous, amount }) => ({
        TY: previous === null ? 0 : amount === null ? 1 : 2,
        R: new Digits(price),
        Q: new Digits(amount ?? '0'),
      }))
  const fills = trades.map(({ number, side: taker, price, amount, time }) => ({
    FI: number,
    OT: taker.toUpperCase(),
    R: new Digits(price),
    Q: new Digits(amount),
    T: ms(clock(time)),
  }))
  return { M: legacyName(market), N: market.nonce, Z: side('bids'), S: side('asks'), f: fills }
}

/** The answer of `QueryExchangeState`: the book and the last fills. */
export function legacyState(market: LegacyMarket, clock: Clock): WireRow {
  const { bids, asks } = market.market.book.top(500)
  const side = (levels: readonly Level[]) =>
    levels.map(([price, amount]) => ({ Q: new Digits(amount), R: new Digits(price) }))
  const fills = market.market.trades
    .slice(-100)
    .toReversed()
    .map(({ number, side: taker, price, amount, time }) => ({
      I: number,
      T: ms(clock(time)),
      Q: new Digits(amount),
      P: new Digits(price),
      F: 'FILL',
      OT: taker.toUpperCase(),
    }))
  return { M: legacyName(market), N: market.nonce, Z: side(bids), S: side(asks), f: fills }
}

/** A row of `uS` and of `QuerySummaryState`; of `uL` the first three columns. */
export function legacySummary(market: LegacyMarket, clock: Clock): WireRow {
  const { high, low, last, open, volume, turnover } = market.market.day
  const { bid, ask } = market.market.book.best()
  return {
    M: legacyName(market),
    l: new Digits(last),
    m: new Digits(turnover),
    H: new Digits(high),
    L: new Digits(low),
    V: new Digits(volume),
    T: ms(clock()),
    B: new Digits(bid?.[0] ?? '0'),
    A: new Digits(ask?.[0] ?? '0'),
    PD: new Digits(open),
  }
}

function ms(at: Micros): number {
  return Math.floor(at / 1000)
}
