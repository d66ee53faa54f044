import type { CandleEvent, Micros, Side } from '../../schemas/events.js'

/** What may have waited between its frame and its telling: a change for its snapshot, a trade for what was missed before it. */
export interface MayHaveWaited {
  /** When its frame came from the socket. @default the moment at which it is handed on */
  readonly receivedAt?: Micros | null
}

/** What a venue says of a trade. */
export interface TradeFields extends MayHaveWaited {
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
  Partial<Pick<CandleEvent, 'exchangeTime' | 'volume' | 'volumeUnit' | 'trades' | 'historical'>> &
  MayHaveWaited
