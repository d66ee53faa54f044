import type { ChannelSpec, Session, SessionInit, Sink } from '../../../src/connector.js'
import {
  defineSession,
  Instruments,
  type Protocol,
  type SessionKit,
  StreamMemory,
} from '../../../src/session/index.js'
import { nodeTools } from '../../../src/socket/tools.js'

export const T0 = 1_700_000_000_000_000

/** What a toy venue has besides its protocol. */
export interface ToyVenue {
  readonly channels: readonly ChannelSpec[]
  readonly adopt?: boolean
  readonly rest?: string | null
  readonly instruments?: Instruments
  readonly memory?: StreamMemory
  /** What of the sink a test looks at. */
  readonly sink: Partial<Sink> & Pick<Sink, 'emit' | 'wake'>
}

/** A session of a venue that does not exist, as any venue has it, to be driven by hand. */
export function toySession(venue: ToyVenue, protocol: (kit: SessionKit) => Protocol): Session {
  const { channels, adopt = false, rest = null, sink } = venue
  const init: SessionInit = {
    endpoint: { name: 'public', url: 'ws://toy', rest },
    connection: 'public#0',
    adopt,
    instruments: venue.instruments ?? new Instruments(),
    memory: venue.memory ?? new StreamMemory(),
    tools: nodeTools(1_000),
    random: () => 0.5,
  }
  const nothing = () => {}
  return defineSession(
    {
      venue: 'toy',
      channels,
      policy: {},
      catalogue: { requests: () => [], read: () => null },
      init,
      sink: {
        send: nothing,
        request: nothing,
        ready: nothing,
        reconnect: nothing,
        resubscribe: nothing,
        ...sink,
      },
    },
    protocol,
  )
}
