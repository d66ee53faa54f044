import type { MarketEvent } from '../../schemas/events.js'
import type {
  Connector,
  DialLimit,
  Endpoint,
  HttpRequest,
  Session,
  Sink,
  Subscription,
} from '../../src/connector.js'
import { Instruments } from '../../src/session/instrument-table.js'
import { StreamMemory } from '../../src/session/memory.js'
import { nodeTools } from '../../src/socket/tools.js'
import { EmittedStreams } from '../../src/stream/emitted-streams.js'

/** A session under test, driven by hand: what it did lies open, and time is whatever the test says. */
export interface Harness {
  readonly session: Session
  readonly events: MarketEvent[]
  readonly sent: string[]
  readonly requests: HttpRequest[]
  readonly resubscribes: Subscription[]
  readonly reconnects: string[]
  /** What the session passed on of the venue's own limits. */
  readonly limits: DialLimit[]
  readonly memory: StreamMemory
  readonly instruments: Instruments
  /** The deadline that the session named last. */
  wake: number | null
  ready: boolean
  /** Events of one type. */
  of<T extends MarketEvent['type']>(type: T): Extract<MarketEvent, { type: T }>[]
  /** Lets time pass up to `at`, waking the session at each deadline that it names. */
  until(at: number): void
}

export interface HarnessOptions {
  readonly adopt?: boolean
  readonly memory?: StreamMemory
  readonly instruments?: Instruments
  readonly endpoint?: Endpoint
  /** Numbers that go on from a former connection's. @default none were given */
  readonly emitted?: EmittedStreams
}

export function harness(connector: Connector, options: HarnessOptions = {}): Harness {
  const events: MarketEvent[] = []
  const sent: string[] = []
  const requests: HttpRequest[] = []
  const resubscribes: Subscription[] = []
  const reconnects: string[] = []
  const limits: DialLimit[] = []
  const memory = options.memory ?? new StreamMemory()
  const instruments = options.instruments ?? new Instruments()
  const emitted = options.emitted ?? new EmittedStreams(connector.channels, instruments)
  const endpoint = options.endpoint ??
    connector.endpoints[0] ?? { name: 'public', url: 'ws://127.0.0.1:1', rest: null }
  const sink: Sink = {
    emit: (event) => {
      emitted.emit(event)
      events.push(event)
    },
    send: (frame) => void sent.push(frame),
    request: (request) => void requests.push(request),
    wake: (at) => {
      state.wake = at
    },
    ready: () => {
      state.ready = true
    },
    reconnect: (reason) => void reconnects.push(reason),
    resubscribe: (subscription) => void resubscribes.push(subscription),
    limited: (limit) => void limits.push(limit),
  }
  const session = connector.session(
    {
      endpoint,
      connection: `${endpoint.name}#0`,
      adopt: options.adopt ?? false,
      instruments,
      memory,
      tools: nodeTools(connector.limits.maxFrameBytes),
      random: () => 0.5,
    },
    sink,
  )
  const state: Harness = {
    session,
    events,
    sent,
    requests,
    resubscribes,
    reconnects,
    limits,
    memory,
    instruments,
    wake: null,
    ready: false,
    of: (type) => events.filter((event): event is never => event.type === type),
    until(at) {
      while (state.wake !== null && state.wake <= at) {
        const due = state.wake
        state.wake = null
        session.tick(due)
      }
    },
  }
  return state
}
