import { toBase64 } from '../../src/signalr/index.js'
import { units } from '../../src/simulator/market.js'
import { deflateRawStored } from '../../src/simulator/stored-compression.js'
import { type Body, type Push, WIRE_DECIMALS } from './wire.js'

/** Packs a body as the hub does. Stored, not squeezed: every inflater reads that, and it needs no help of the platform. */
export function packBody(text: string): string {
  return toBase64(deflateRawStored(text))
}

/** A message as it goes out. */
export interface PackedPush {
  readonly method: string
  readonly packed: string
}

export function packed({ method, body }: Push): PackedPush {
  return { method, packed: packBody(JSON.stringify(body)) }
}

/** What faults of pushed messages can be committed. @see VENUE_FAULTS for what each means. */
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
  // The venue's own: a body that is no base64, one whose deflate ends early, a candle of another stream (issue 259).
  'base64-broken',
  'deflate-truncated',
  'candle-foreign',
] as const

export type PushFault = (typeof PUSH_FAULTS)[number]

export function isPushFault(name: string): name is PushFault {
  return PUSH_FAULTS.some((fault) => fault === name)
}

/** Where a fault needs the truth. */
export interface Truth {
  /** A price well inside the asks of the message's market, as on the wire; null where there is none. */
  readonly insideAsks: string | null
}

/**
 * What goes out in place of a message under a fault; null where the fault does not fit it. `later` goes out after the next
 * message of the same topic.
 */
export interface Faulted {
  readonly now: readonly PackedPush[]
  readonly later?: PackedPush
}

export function faulted(fault: PushFault, push: Push, truth: Truth): Faulted | null {
  const { body } = push
  const numbered = body.sequence !== undefined
  const edited = (fields: Record<string, unknown>) => ({
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
      if (push.method !== 'orderBook' || truth.insideAsks === null) return null
      return edited({
        bidDeltas: [{ quantity: '1.00000000', rate: truth.insideAsks }, ...rows(body, 'bidDeltas')],
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
      return priced(push, (rate) => `${units(rate, WIRE_DECIMALS)}E-${WIRE_DECIMALS}`)
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
      const whole = deflateRawStored(JSON.stringify(body))
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

/** Twenty-one digits, and others for each trade. */
function longId(id: string): string {
  return `9${id.replace(/\D/g, '').slice(-20).padStart(20, '0')}`
}

function firstRow(
  body: Body,
  key: string,
  change: (value: string) => string | null,
  list = 'deltas',
): Record<string, unknown> {
  const [first, ...rest] = rows(body, list)
  return { [list]: [{ ...first, [key]: change(String(first?.[key])) }, ...rest] }
}

function rows(body: Body, list: string): Record<string, unknown>[] {
  const value = body[list]
  return Array.isArray(value) ? value : []
}
