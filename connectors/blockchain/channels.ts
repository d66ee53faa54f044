import type { Channel, ChannelSpec } from '../../src/connector.js'
import type { Integrity, OrderRule } from '../../src/venue/spec.js'

/** Candle lengths in seconds, by the name that the field uses. */
export const granularities: ReadonlyMap<string, number> = new Map([
  ['1m', 60],
  ['5m', 300],
  ['15m', 900],
  ['1h', 3600],
  ['6h', 21_600],
  ['1d', 86_400],
])

/** One number over every frame of a connection, acks and heartbeats included. */
export const order: OrderRule = {
  by: 'seqnum',
  scope: 'connection',
  across: 'own',
  step: 'next',
  everyFrame: true,
}
const integrity: Integrity = { order, mark: { by: 'heartbeat' } }
const levels: Integrity = { ...integrity, image: { how: 'marked' }, rows: { kind: 'levels', absent: 'gap' } }
const orders: Integrity = { ...levels, rows: { kind: 'keyed', absent: 'gap' } }
const height: OrderRule = { by: 'height', scope: 'stream', across: 'own', step: 'next' }

/**
 * Nothing here is stale by silence alone: seqnum and a heartbeat every five seconds prove the connection, and the venue's
 * books stand still for hours. `staleBookMs` is the user's own limit for them.
 */
export function channelSpecs(staleBookMs: number | null): readonly ChannelSpec[] {
  return [
    { kind: 'trade', variants: [], markets: ['spot'], ...integrity, cadenceMs: null, snapshot: false },
    { kind: 'book', variants: [], markets: ['spot'], ...levels, cadenceMs: staleBookMs, snapshot: true },
    { kind: 'order', variants: [], markets: ['spot'], ...orders, cadenceMs: staleBookMs, snapshot: true },
    { kind: 'ticker', variants: [], markets: ['spot'], ...integrity, cadenceMs: null, snapshot: false },
    { kind: 'derivative', variants: [], markets: ['spot'], ...integrity, cadenceMs: null, snapshot: false },
    {
      kind: 'candle',
      variants: [...granularities.keys()],
      markets: ['spot'],
      ...integrity,
      cadenceMs: null,
      snapshot: false,
    },
    { kind: 'instrument', variants: [], markets: ['spot'], ...integrity, cadenceMs: null, snapshot: false },
    { kind: 'transaction', variants: [], markets: ['chain'], cadenceMs: null, snapshot: false },
    { kind: 'block', variants: [], markets: ['chain'], order: height, cadenceMs: null, snapshot: false },
  ]
}

/** The venue's name of a channel of the Exchange. */
export function wireChannel(kind: string): string {
  const names: Readonly<Record<string, string>> = {
    trade: 'trades',
    book: 'l2',
    order: 'l3',
    ticker: 'ticker',
    derivative: 'ticker',
    candle: 'prices',
    instrument: 'symbols',
  }
  return names[kind] ?? kind
}

/** The channel of a candle length in seconds. */
export function candleChannel(seconds: number): Channel {
  for (const [name, length] of granularities) {
    if (length === seconds) return name === '1m' ? 'candle' : `candle:${name}`
  }
  return `candle:${seconds}s`
}
