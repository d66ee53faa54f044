import type { ConnectionState, MarketEvent, Micros } from '../../schemas/events.js'
import type { Connector, HttpRequest, HttpResponse } from '../connector.js'
import type { Platform } from '../platform.js'
import { Instruments } from '../session/instrument-table.js'
import { StreamMemory } from '../session/memory.js'
import type { DialBudget } from '../socket/dial-budget.js'
import type { FrameTap } from './frame-tap.js'
import { Pacer } from './pacer.js'

/** What the connections of one venue share. */
export interface VenueLine {
  readonly connector: Connector
  readonly platform: Platform
  readonly instruments: Instruments
  readonly memory: StreamMemory
  readonly budget: DialBudget
  emit(event: MarketEvent): void
  readonly tap: FrameTap | null
  /** REST at the venue's pace. Never rejects: a failure is an answer with status 0. */
  http(request: HttpRequest, answered: (response: HttpResponse) => void): void
  connectionEvent(connection: ConnectionNote): void
  close(): void
}

export interface ConnectionNote {
  readonly connection: string
  readonly state: ConnectionState
  readonly attempt: number
  readonly endpoint: string
  readonly reason: string | null
  readonly at: Micros
}

export interface VenueLineOptions {
  readonly connector: Connector
  readonly platform: Platform
  readonly budget: DialBudget
  readonly requestTimeoutMs: number
  emit(event: MarketEvent): void
  readonly tap: FrameTap | null
}

/** A venue's listings, its negotiation and the first snapshots need not wait for each other. */
const REQUESTS_AT_ONCE = 5

export function venueLine(options: VenueLineOptions): VenueLine {
  const { connector, platform, tap } = options
  const requests = new Pacer(platform.clock, connector.limits.requestsPerMinute, REQUESTS_AT_ONCE)
  const aborted = new AbortController()

  return {
    connector,
    platform,
    budget: options.budget,
    emit: options.emit,
    tap,
    instruments: new Instruments(),
    memory: new StreamMemory(),
    http(request, answered) {
      requests.add(() => {
        void platform
          .http(request, {
            timeoutMs: options.requestTimeoutMs,
            maxBytes: connector.limits.maxFrameBytes,
            signal: aborted.signal,
          })
          .then((response) => {
            if (aborted.signal.aborted) return
            if (response.status > 0) tap?.rest(response, platform.clock.now())
            answered(response)
          })
      })
    },
    connectionEvent(note) {
      options.emit({
        type: 'connection',
        venue: connector.venue,
        receiveTime: note.at,
        connection: note.connection,
        state: note.state,
        attempt: note.attempt,
        endpoint: note.endpoint,
        reason: note.reason,
      })
    },
    close() {
      requests.clear()
      aborted.abort()
    },
  }
}
