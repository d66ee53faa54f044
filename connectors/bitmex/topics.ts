import type { Channel, ChannelSpec } from '../../src/connector.js'

/** Every market type that one BitMEX socket serves. */
export const MARKETS = ['spot', 'perpetual', 'future', 'option', 'index'] as const

const DERIVATIVES = ['perpetual', 'future', 'option'] as const

/**
 * No channel has a cadence: a quiet contract is silent for minutes in every table, and the bare `ping` proves the socket.
 * A first datum is promised where even an empty partial makes an event or is taken as life (books and trades).
 */
export const channels: readonly ChannelSpec[] = [
  { kind: 'trade', variants: [], markets: MARKETS, cadenceMs: null, snapshot: true },
  {
    kind: 'book',
    variants: ['L2', 'L2_25', 'L2_100'],
    markets: MARKETS,
    image: { how: 'marked' },
    rows: { kind: 'keyed', absent: 'gap' },
    cadenceMs: null,
    snapshot: true,
  },
  {
    kind: 'book',
    variants: ['10'],
    markets: MARKETS,
    image: { how: 'every frame' },
    cadenceMs: null,
    snapshot: true,
  },
  { kind: 'quote', variants: [], markets: MARKETS, cadenceMs: null, snapshot: false },
  { kind: 'ticker', variants: [], markets: MARKETS, cadenceMs: null, snapshot: false },
  {
    kind: 'candle',
    variants: ['1m', '5m', '1h', '1d'],
    markets: MARKETS,

    cadenceMs: null,
    snapshot: false,
  },
  {
    kind: 'derivative',
    variants: ['instrument', 'funding'],
    markets: DERIVATIVES,

    cadenceMs: null,
    snapshot: false,
  },
  {
    kind: 'liquidation',
    variants: [],
    markets: DERIVATIVES,

    cadenceMs: null,
    snapshot: false,
  },
  { kind: 'instrument', variants: [], markets: MARKETS, cadenceMs: null, snapshot: false },
]

/** The venue's tables and the channels that each feeds. `instrument` is asked for once and read three ways. */
const CHANNELS_OF_TABLE = {
  trade: ['trade'],
  orderBookL2: ['book'],
  orderBookL2_25: ['book:L2_25'],
  orderBookL2_100: ['book:L2_100'],
  orderBook10: ['book:10'],
  quote: ['quote'],
  tradeBin1m: ['candle'],
  tradeBin5m: ['candle:5m'],
  tradeBin1h: ['candle:1h'],
  tradeBin1d: ['candle:1d'],
  instrument: ['instrument', 'derivative', 'ticker'],
  funding: ['derivative:funding'],
  liquidation: ['liquidation'],
} as const satisfies Record<string, readonly Channel[]>

export type TableName = keyof typeof CHANNELS_OF_TABLE

export const TABLE_NAMES = Object.keys(CHANNELS_OF_TABLE) as readonly TableName[]

export function channelsOf(table: TableName): readonly Channel[] {
  return CHANNELS_OF_TABLE[table]
}

const TABLE_OF_CHANNEL = new Map<Channel, TableName>(
  TABLE_NAMES.flatMap((table) => channelsOf(table).map((channel): [Channel, TableName] => [channel, table])),
)

/** The table that feeds a channel; undefined where none does. */
export function tableOf(channel: Channel): TableName | undefined {
  return TABLE_OF_CHANNEL.get(channel)
}

/** `table` for all symbols, or `table:SYMBOL`. */
export function splitTopic(topic: string): { readonly table: string; readonly symbol: string | null } {
  const colon = topic.indexOf(':')
  if (colon === -1) return { table: topic, symbol: null }
  return { table: topic.slice(0, colon), symbol: topic.slice(colon + 1) }
}

/**
 * Tables that a recording may hold and that are read and left alone, each for a reason: quote bins say nothing that the
 * quotes do not; settlement and insurance are book-keeping (a settlement also comes as a trade without side); the rest is
 * talk, or belongs to one user's account.
 */
export const IGNORED_TABLES: ReadonlySet<string> = new Set([
  'quoteBin1m',
  'quoteBin5m',
  'quoteBin1h',
  'quoteBin1d',
  'settlement',
  'insurance',
  'announcement',
  'chat',
  'connected',
  'publicNotifications',
  'privateNotifications',
  'affiliate',
  'execution',
  'margin',
  'order',
  'position',
  'transact',
  'wallet',
])
