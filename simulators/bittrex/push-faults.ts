import { toBase64 } from '../../src/protocols/classic-signalr/grammar.js'
import { deflateRawStored } from '../../src/simulator/stored-compression.js'
import { encode, type Wire, type WireRow } from '../kit/exact-json.js'
import { longId, withExponent } from '../kit/spoilt-values.js'
import { type Body, type PackedPush, type Push, packed } from './wire.js'

/** Faults that no other venue has: a body that is no base64, one whose deflate ends early, a candle of another stream. */
export const OWN_FAULTS = ['base64-broken', 'deflate-truncated', 'candle-foreign'] as const

/** The faults of pushed messages, in the order in which they are tried. @see VENUE_FAULTS for what each means. */
export const PUSH_FAULTS = [
  'sequence-skipped',
  'sequence-repeated',
  'sequence-backwards',
  'update-lost',
  'level-unknown',
  'book-crossed',
  'trade-duplicate',
  'trade-order',
  'trade-lost',
  'id-long',
  'price-null',
  'price-nan',
  'price-exponent',
  'message-unknown',
  'field-new',
  'field-missing',
  ...OWN_FAULTS,
] as const

export type PushFault = (typeof PUSH_FAULTS)[number]

/**
 * What goes out in place of a message under a fault; null where the fault does not fit it. `later` goes out after the next
 * message of the same topic.
 */
export interface Faulted {
  readonly now: readonly PackedPush[]
  readonly later?: PackedPush
}

/** @param insideAsks a price well inside the asks of the message's market; null where there is none */
export function faulted(fault: PushFault, push: Push, insideAsks: string | null): Faulted | null {
  const { body } = push
  const numbered = body.sequence !== undefined
  const edited = (fields: WireRow) => ({
    now: [packed({ ...push, body: { ...body, ...fields } })],
  })
  switch (fault) {
    case 'sequence-skipped':
      return numbered ? { now: [] } : null
    case 'sequence-repeated':
      return numbered ? { now: [packed(push), packed(push)] } : null
    case 'sequence-backwards':
      return numbered ? { now: [], later: packed(push) } : null
    case 'update-lost':
      return push.method === 'orderBook' ? edited({ bidDeltas: [], askDeltas: [] }) : null
    case 'level-unknown':
      if (push.method !== 'orderBook') return null
      return edited({ bidDeltas: [...rows(body, 'bidDeltas'), { quantity: '0', rate: '0.00000001' }] })
    case 'book-crossed':
      if (push.method !== 'orderBook' || insideAsks === null) return null
      return edited({
        bidDeltas: [{ quantity: '1.00000000', rate: insideAsks }, ...rows(body, 'bidDeltas')],
      })
    case 'trade-duplicate':
      return push.method === 'trade'
        ? edited({ deltas: [...rows(body, 'deltas'), ...rows(body, 'deltas')] })
        : null
    case 'trade-order':
      return push.method === 'trade' && rows(body, 'deltas').length > 1
        ? edited({ deltas: rows(body, 'deltas').reverse() })
        : null
    case 'trade-lost':
      // The message and its number come: what is missing is the trade alone.
      return push.method === 'trade' ? edited({ deltas: rows(body, 'deltas').slice(1) }) : null
    case 'id-long':
      return push.method === 'trade' ? edited(firstRow(body, 'id', longId)) : null
    case 'price-null':
      return priced(push, () => null)
    case 'price-nan':
      return priced(push, () => 'NaN')
    case 'price-exponent':
      return priced(push, withExponent)
    case 'message-unknown':
      return { now: [packed({ ...push, method: 'orderBookV4' }), packed(push)] }
    case 'field-new':
      return edited({ addedYesterday: { nested: [1] } })
    case 'field-missing': {
      const { marketSymbol: _, symbol: __, ...rest } = body
      return { now: [packed({ ...push, body: rest })] }
    }
    case 'base64-broken':
      return { now: [{ method: push.method, packed: `${packed(push).packed.slice(0, -4)}*===` }] }
    case 'deflate-truncated': {
      const whole = deflateRawStored(encode(body))
      return { now: [{ method: push.method, packed: toBase64(whole.subarray(0, whole.length >> 1)) }] }
    }
    case 'candle-foreign': {
      if (push.method !== 'candle') return null
      const foreign = { ...push, body: { ...body, sequence: (body.sequence ?? 0) + 7_000_000 } }
      return { now: [packed(foreign), packed(push)] }
    }
  }
}

/** The first price of a message made wrong. */
function priced(push: Push, change: (rate: string) => string | null): Faulted | null {
  if (push.method !== 'orderBook' && push.method !== 'trade') return null
  for (const list of ['bidDeltas', 'askDeltas', 'deltas']) {
    if (rows(push.body, list).length === 0) continue
    return {
      now: [packed({ ...push, body: { ...push.body, ...firstRow(push.body, 'rate', change, list) } })],
    }
  }
  return null
}

function firstRow(
  body: Body,
  key: string,
  change: (value: string) => string | null,
  list = 'deltas',
): WireRow {
  const [first, ...rest] = rows(body, list)
  return { [list]: [{ ...first, [key]: change(String(first?.[key])) }, ...rest] }
}

function rows(body: Body, list: string): WireRow[] {
  const value = body[list]
  return isRows(value) ? [...value] : []
}

function isRows(value: Wire | undefined): value is readonly WireRow[] {
  return Array.isArray(value)
}
