import type { Micros } from '../../schemas/events.js'
import { Digits, type Wire, type WireRow } from '../kit/exact-json.js'

/** The two ends of the venue's history: as recorded in 2021, and as it was when it closed. */
export type DialectName = '2021' | '2026'

export type Action = 'partial' | 'insert' | 'update' | 'delete'

/** What is known of one row of an L2 table. */
export interface LevelFacts {
  readonly symbol: string
  /** Made of the price, as until 2023. */
  readonly codedId: string
  /** Arbitrary, as since 2023. */
  readonly freeId: string
  readonly side: 'Buy' | 'Sell'
  readonly size: string
  readonly price: string
  readonly time: Micros
}

/** How one dialect writes what another writes differently. */
export interface Dialect {
  readonly name: DialectName
  welcome(at: Micros, remaining: number): WireRow
  ack(op: string, topic: string, request: Wire): WireRow
  level(action: Action, facts: LevelFacts): WireRow
  /** A row of any other table: columns that are null are sent, or left out. */
  row(table: string, columns: WireRow): WireRow
  /** What a partial says of its table. */
  meta(table: string): WireRow
  /** How a symbol that there is not is refused. */
  unknownSymbol(symbol: string, advice: string): string
}

/** Rows of one frame have the same time, and mostly the frames of one step. */
let lastMs = Number.NaN
let lastIso = ''

export function iso(at: Micros): string {
  const ms = Math.floor(at / 1000)
  if (ms !== lastMs) {
    lastIso = new Date(ms).toISOString()
    lastMs = ms
  }
  return lastIso
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  orderBookL2: ['symbol', 'id', 'side'],
  orderBookL2_25: ['symbol', 'id', 'side'],
  orderBookL2_100: ['symbol', 'id', 'side'],
  orderBook10: ['symbol'],
  instrument: ['symbol'],
  funding: ['timestamp', 'symbol'],
  liquidation: ['orderID'],
  settlement: ['timestamp', 'symbol'],
}

const GREETING = {
  info: 'Welcome to the BitMEX Realtime API.',
  docs: 'https://www.bitmex.com/app/wsAPI',
}

const dialect2021: Dialect = {
  name: '2021',
  welcome: (at, remaining) => ({
    info: GREETING.info,
    version: '2021-07-14T01:26:29.000Z',
    timestamp: iso(at),
    docs: GREETING.docs,
    limit: { remaining },
  }),
  ack: (op, topic, request) => ({ success: true, [op]: topic, request }),
  level(action, { symbol, codedId, side, size, price }) {
    const key = { symbol, id: new Digits(codedId), side }
    if (action === 'delete') return key
    if (action === 'update') return { ...key, size: new Digits(size) }
    return { ...key, size: new Digits(size), price: new Digits(price) }
  },
  row: (_table, { trdType: _later, ...columns }) => columns,
  meta: (table) => ({
    keys: KEYS[table] ?? [],
    types: { symbol: 'symbol', timestamp: 'timestamp' },
    foreignKeys: { symbol: 'instrument' },
    attributes: { symbol: 'parted' },
  }),
  unknownSymbol: () => 'Unknown or expired symbol.',
}

/** Since 2026 the rows of these tables name a pool. */
const POOLED = /^(?:quote|trade|orderBook10$)/

const dialect2026: Dialect = {
  name: '2026',
  welcome: (at) => ({
    info: GREETING.info,
    version: '2.0.0',
    timestamp: iso(at),
    docs: GREETING.docs,
    heartbeatEnabled: false,
    appName: 'realtime',
    limit: {},
  }),
  ack: (op, topic, request) => ({ success: true, [op]: topic, request, pool: 'Primary' }),
  level(action, { symbol, freeId, side, size, price, time }) {
    const timestamp = iso(time)
    return {
      symbol,
      id: new Digits(freeId),
      side,
      ...(action === 'delete' ? {} : { size: new Digits(size) }),
      price: new Digits(price),
      timestamp,
      transactTime: timestamp,
      pool: 'Primary',
    }
  },
  row(table, columns) {
    const present: Record<string, Wire> = {}
    for (const column in columns) {
      const value = columns[column]
      if (value !== null && value !== undefined) present[column] = value
    }
    if (POOLED.test(table)) present['pool'] = 'Primary'
    return present
  },
  meta: (table) => ({
    keys: KEYS[table] ?? [],
    types: { symbol: 'symbol', timestamp: 'timestamp', ...(POOLED.test(table) ? { pool: 'symbol' } : {}) },
  }),
  // As recorded in October 2024.
  unknownSymbol: (symbol, advice) => `Unknown or expired symbol: ${symbol}. ${advice}`,
}

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = { '2021': dialect2021, '2026': dialect2026 }
