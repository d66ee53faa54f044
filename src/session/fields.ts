import type { CandleEvent, Micros, Side } from '../../schemas/events.js'

/** What a venue says of a trade. */
export interface TradeFields {
  readonly id: string
  readonly price: string
  readonly amount: string
  readonly side: Side | null
  readonly exchangeTime: Micros | null
  readonly sequence?: string | null
  readonly liquidation?: boolean
}

/** What a venue says of a candle. */
export type CandleFields = Pick<CandleEvent, 'interval' | 'openTime' | 'open' | 'high' | 'low' | 'close'> &
  Partial<Pick<CandleEvent, 'exchangeTime' | 'volume' | 'volumeUnit' | 'trades' | 'historical'>>
