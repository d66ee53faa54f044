import type { MarketType } from '../../schemas/events.js'
import type { ChannelSpec } from '../../src/connector.js'
import type { OrderRule } from '../../src/venue/spec.js'
import type { Generation } from './endpoints.js'

const markets: readonly MarketType[] = ['spot']

/** Lengths in seconds of the candles of Spot Trading. */
export const SPOT_RESOLUTIONS: ReadonlyMap<string, number> = new Map([
  ['1m', 60],
  ['5m', 300],
  ['15m', 900],
  ['30m', 1800],
  ['1h', 3600],
  ['2h', 7200],
  ['4h', 14_400],
  ['1d', 86_400],
])

/** Candles of Spot Trading follow the best bid or the best ask, not trades; the variant says which. */
const SPOT_CANDLES = ['bid', 'ask'].flatMap((side) =>
  [...SPOT_RESOLUTIONS.keys()].map((resolution) => `${side}-${resolution}`),
)

const CLASSIC_CANDLES = ['1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '12h', '1d', '3d', '1w']

/** Nothing here is stale by silence alone: quiet pairs are common, and the socket has a heartbeat. */
const channel = (
  kind: ChannelSpec['kind'],
  variants: readonly string[],
  rest: Partial<ChannelSpec> = {},
): ChannelSpec => ({ kind, variants, markets, cadenceMs: null, snapshot: false, ...rest })

/** `seqId` and `id` count the changes of a pair's book at the venue, not of a socket: a second one continues the first's. */
const numbered = (by: string): OrderRule => ({ by, scope: 'stream', across: 'same', step: 'next' })

export const SPOT_ORDER = numbered('seqId')
export const CLASSIC_ORDER = numbered('id')

/** Levels a side of a book of Spot Trading: what leaves the window is sent as zero, what enters it whole. */
export const SPOT_WINDOW = 20

const SPECS: Readonly<Record<Generation, readonly ChannelSpec[]>> = {
  spot: [
    channel('trade', []),
    channel('book', [], {
      order: SPOT_ORDER,
      image: { how: 'marked', window: { levels: SPOT_WINDOW, kind: 'exact' } },
      rows: { kind: 'levels', absent: 'gap' },
      checks: [{ kind: 'image' }],
      snapshot: true,
    }),
    channel('quote', []),
    channel('ticker', []),
    channel('candle', SPOT_CANDLES),
  ],
  classic: [
    channel('trade', [], { snapshot: true }),
    channel('book', ['exact'], {
      order: CLASSIC_ORDER,
      image: { how: 'marked' },
      // A snapshot may be cut to a depth, and its updates are not.
      rows: { kind: 'levels', absent: 'ignore' },
      snapshot: true,
      credentials: true,
    }),
    channel('book', ['md'], {
      order: { ...CLASSIC_ORDER, step: 'rising' },
      image: { how: 'every frame' },
      snapshot: true,
    }),
    channel('ticker', ['tick', 'full', 'day']),
    channel('candle', CLASSIC_CANDLES, { snapshot: true }),
  ],
}

export function channelSpecs(generation: Generation): readonly ChannelSpec[] {
  return SPECS[generation]
}

/** Whether a channel of the classic API is served to those alone who log in. */
export function needsLogin(channel: string): boolean {
  return channel === 'book' || channel === 'ticker:full'
}
