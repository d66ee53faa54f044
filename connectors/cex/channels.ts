import type { MarketType } from '../../schemas/events.js'
import type { ChannelSpec } from '../../src/connector.js'
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
  proof: string | null,
  rest: Pick<Partial<ChannelSpec>, 'snapshot' | 'credentials' | 'sequenceScope'> = {},
): ChannelSpec => ({ kind, variants, markets, proof, cadenceMs: null, snapshot: false, ...rest })

/** `seqId` and `id` count the changes of a pair's book at the venue, not of a socket: a second one continues the first's. */
const NUMBERED_BOOK = { snapshot: true, sequenceScope: 'stream' } as const

const SPECS: Readonly<Record<Generation, readonly ChannelSpec[]>> = {
  spot: [
    channel('trade', [], null),
    channel('book', [], 'seqId of the pair, audit by a second snapshot', NUMBERED_BOOK),
    channel('quote', [], null),
    channel('ticker', [], null),
    channel('candle', SPOT_CANDLES, null),
  ],
  classic: [
    channel('trade', [], 'ids of the history joined', { snapshot: true }),
    channel('book', ['exact', 'md'], 'id of the pair', { ...NUMBERED_BOOK, credentials: true }),
    channel('ticker', ['tick', 'full', 'day'], null),
    channel('candle', CLASSIC_CANDLES, null, { snapshot: true }),
  ],
}

export function channelSpecs(generation: Generation): readonly ChannelSpec[] {
  return SPECS[generation]
}

/** Whether a channel of the classic API is served to those alone who log in. */
export function needsLogin(channel: string): boolean {
  return channel === 'book' || channel === 'ticker:full'
}
