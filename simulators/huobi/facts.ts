import type { Family } from '../../connectors/huobi/symbols.js'
import type { Side } from '../../schemas/events.js'
import type { MarketShape } from '../../src/simulator/market.js'

/** What a simulated instrument is. */
export interface InstrumentFacts {
  readonly id: string
  readonly family: Family
  readonly base: string
  readonly quote: string
  readonly shape: MarketShape
  /** Coins a contract (linear) or money a contract (inverse); null on spot. */
  readonly contractSize: string | null
  /** Milliseconds; null where nothing is delivered. */
  readonly delivery: number | null
  /** What the id is also called: `BTC_CQ`. */
  readonly alias: string | null
  /** Acked (or refused, on spot) and silent. */
  readonly suspended: boolean
}

/** One trade as the venue counts it: coins on spot, contracts of both sides elsewhere. */
export interface PushedTrade {
  readonly id: string
  /** Spot only. */
  readonly tradeId: string | null
  readonly price: string
  readonly amount: string
  /** Coins and money that changed hands, both sides; null on spot. */
  readonly quantity: string | null
  readonly turnover: string | null
  readonly side: Side
}
