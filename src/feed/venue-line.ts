import type { ConnectionState, MarketEvent, Micros } from '../../schemas/events.js'
import type { Connector, Endpoint, HttpRequest, HttpResponse, Instrument } from '../connector.js'
import type { Platform } from '../platform.js'
import { frameWithoutSecrets, isSecretName, REMOVED } from '../secrets.js'
import { Instruments } from '../session/instrument-table.js'
import { StreamMemory } from '../session/memory.js'
import { instrumentEvent } from '../session/stream-events.js'
import { recordedUrl, shown } from '../shown.js'
import type { DialBudget } from '../socket/dial-budget.js'
import { retryAfterMs } from '../socket/retry-after.js'
import type { EmittedStream } from '../stream/emitted-stream.js'
import { EmittedStreams } from '../stream/emitted-streams.js'
import type { FrameTap } from './frame-tap.js'
import { Pacer } from './pacer.js'
import { VenueCounters } from './venue-counters.js'

/** What the connections of one venue share. */
export interface VenueLine {
  readonly connector: Connector
  readonly platform: Platform
  readonly instruments: Instruments
  readonly memory: StreamMemory
  /** What was emitted of the venue's streams, over all connections. */
  readonly emitted: EmittedStreams
  readonly budget: DialBudget
  emit(event: MarketEvent): void
  /** A frame of that moment, or an alarm, is worked on: what is emitted from now on is emitted no sooner. */
  reach(at: Micros): void
  /** A frame is over: what was emitted since the last one came with it. */
  frameRead(bytes: number): void
  /** Contract data that were emitted are not what the venue says: they are emitted again. */
  announce(instrument: Instrument): void
  readonly counters: VenueCounters
  readonly tap: FrameTap | null
  /** REST at the venue's pace. Never rejects: a failure is an answer with status 0. */
  http(request: HttpRequest, answered: (response: HttpResponse) => void, options?: RequestOptions): void
  /** The number of a new connection in the feed, and its name: `public#0`. */
  numberConnection(endpoint: Endpoint): { readonly number: number; readonly name: string }
  connectionEvent(connection: ConnectionNote): void
  close(): void
}

export interface RequestOptions {
  /** @default the feed's own */
  readonly way?: Platform | undefined
  /**
   * Asked when its turn comes: a request of a connection that is gone would be made for nothing, in the place of one that a
   * connection needs to live. @default always
   */
  wanted?(): boolean
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
  /** @param stream null for events of a connection */
  emit(event: MarketEvent, stream: EmittedStream | null): void
  /** A frame is over: what was emitted since the last one came with it. @default nobody weighs events */
  frameRead?(bytes: number): void
  /** @default nobody keeps the moment of emission */
  reach?(at: Micros): void
  /** Counts the connections of the feed from 0. @default always 0 */
  nextConnection?(): number
  readonly tap: FrameTap | null
}

/** The longest wait that an answer over HTTP may ask of all that follow. */
const MAX_HOLD_MS = 600_000

/** A venue's listings, its negotiation and the first snapshots need not wait for each other. */
const REQUESTS_AT_ONCE = 5

export function venueLine(options: VenueLineOptions): VenueLine {
  const { connector, platform, tap } = options
  const requests = new Pacer(platform.clock, connector.limits.requestsPerMinute, REQUESTS_AT_ONCE)
  const aborted = new AbortController()
  const connections = new Map<string, number>()

  const counters = new VenueCounters(platform, connector.venue)

  const instruments = new Instruments()
  const emitted = new EmittedStreams(connector.channels, instruments)

  function emit(event: MarketEvent): void {
    const stream = emitted.emit(event)
    if (event.type === 'gap' || event.type === 'connection' || event.type === 'malformed') counters.saw(event)
    options.emit(event, stream)
  }

  /** What an answer says of the pace: all requests of the venue keep it. */
  function heed({ status, headers }: HttpResponse): void {
    if (status > 0 && status !== 429 && status !== 503) requests.accepted()
    if (status !== 429 && status !== 503) return
    const declared = status === 429 ? (connector.limits.refusedForMs ?? 0) : 0
    const holdMs = retryAfterMs(headers, platform.clock.now()) ?? declared
    if (status === 429) requests.refused()
    if (holdMs > 0) requests.hold(Math.min(holdMs, MAX_HOLD_MS))
  }

  const memory = new StreamMemory()

  return {
    connector,
    platform,
    budget: options.budget,
    emit,
    reach: (at) => options.reach?.(at),
    frameRead: (bytes) => options.frameRead?.(bytes),
    announce(instrument) {
      if (!memory.announced(instrument.instrument)) return
      const times = { exchangeTime: null, receiveTime: platform.clock.now() }
      emit(instrumentEvent(connector.venue, instrument, 'instrument', times))
    },
    counters,
    tap,
    instruments,
    memory,
    emitted,
    numberConnection({ name }) {
      const index = connections.get(name) ?? 0
      connections.set(name, index + 1)
      return { number: options.nextConnection?.() ?? 0, name: `${name}#${index}` }
    },
    http(request, answered, { way = platform, wanted } = {}) {
      const ask = () => {
        void way
          .http(request, {
            timeoutMs: options.requestTimeoutMs,
            maxBytes: connector.limits.maxFrameBytes,
            signal: aborted.signal,
          })
          .then((answer) => {
            if (aborted.signal.aborted) return
            heed(answer)
            const response = { ...answer, body: frameWithoutSecrets(answer.body) }
            if (response.status > 0 && request.confidential !== true)
              tap?.rest(recorded(response), platform.clock.now())
            answered(response)
          })
      }
      requests.add(ask, wanted)
    },
    connectionEvent(note) {
      emit({
        type: 'connection',
        venue: connector.venue,
        receiveTime: note.at,
        connection: note.connection,
        state: note.state,
        attempt: note.attempt,
        endpoint: note.endpoint,
        reason: note.reason === null ? null : shown(note.reason),
      })
    },
    close() {
      requests.clear()
      aborted.abort()
    },
  }
}

/** An answer as it is written down: a cookie or a token of the URL is nobody's market data. */
function recorded({ url, headers, ...response }: HttpResponse): HttpResponse {
  const named = Object.entries(headers).map(
    ([name, value]) => [name, isSecretName(name) ? REMOVED : frameWithoutSecrets(value)] as const,
  )
  return { ...response, url: recordedUrl(url), headers: Object.fromEntries(named) }
}
