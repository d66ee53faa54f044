/** The first word of a channel. What follows a colon is a variant: `book:P1`, `candle:1m`. */
export type ChannelKind =
  | 'trade'
  | 'book'
  | 'order'
  | 'quote'
  | 'ticker'
  | 'candle'
  | 'derivative'
  | 'liquidation'
  | 'instrument'
  | 'transaction'
  | 'block'

/** A channel as the user writes it and as every event carries it: `trade`, `book`, `book:P1`, `candle:1m`. */
export type Channel = ChannelKind | `${ChannelKind}:${string}`
