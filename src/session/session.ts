import type { Micros } from '../../schemas/events.js'
import type {
  Catalogue,
  ChannelSpec,
  CloseInfo,
  HttpResponse,
  OpenInfo,
  Session,
  SessionInit,
  Sink,
  Subscription,
} from '../connector.js'
import { DecodeError, UsageError } from '../errors.js'
import { Alarms } from './alarms.js'
import { StreamMemory } from './memory.js'
import { natureOf, type Stream, type StreamPolicy } from './stream.js'
import { Streams } from './streams.js'

/** What a venue's protocol works with. */
export interface SessionKit {
  readonly init: SessionInit
  readonly sink: Sink
  readonly streams: Streams
  readonly alarms: Alarms
  /**
   * Runs a part of a frame on its own: what is wrong with it becomes a `malformed` event, and the other parts are still
   * read. For venues that put several messages into one frame; the frame as a whole is guarded anyway.
   */
  guard(head: string, at: Micros | null, run: () => void): void
}

/**
 * What a venue says of its own protocol. The rest of a session (malformed frames, alarms, gaps at the end of a
 * connection, instruments from a log) is the same everywhere and is done by {@link defineSession}.
 *
 * A handler may throw a {@link DecodeError}: it becomes a `malformed` event and the session goes on.
 */
export interface Protocol {
  /** The socket is open. Call `sink.ready()` here, or later where a greeting or login comes first. */
  opened(info: OpenInfo, at: Micros | null): void
  /** Sends the frame(s) that ask for the streams; each has been registered as `requested`. */
  subscribe(streams: readonly Stream[], at: Micros | null): void
  /** Sends the frame(s) that give them up; call `streams.remove` when the venue confirms, or at once where it never does. */
  unsubscribe(streams: readonly Stream[], at: Micros | null): void
  frame(data: string | Uint8Array, at: Micros | null): void
  /** A stream is asked for again. @default `unsubscribe`, then `subscribe` at once */
  resubscribe?(stream: Stream, at: Micros | null): void
  /** A frame that a recorded client sent. */
  sent?(frame: string, at: Micros | null): void
  /** An answer over HTTP that is no list of instruments. */
  response?(response: HttpResponse, at: Micros | null): void
  /** The connection ended; the gaps are emitted after this. */
  closed?(info: CloseInfo, at: Micros | null): void
  /** A log ends with the connection open: what still waits is reported as unused. */
  finished?(at: Micros | null): void
}

/** What a session is made from, beside the venue's protocol. */
export interface SessionDefinition {
  readonly venue: string
  readonly channels: readonly ChannelSpec[]
  readonly policy: StreamPolicy
  readonly catalogue: Catalogue
  readonly init: SessionInit
  readonly sink: Sink
}

/**
 * Makes a session from a venue's protocol.
 *
 * @throws {UsageError} `bad_option` where `init` is not the one that the engine made.
 */
export function defineSession(
  definition: SessionDefinition,
  protocol: (kit: SessionKit) => Protocol,
): Session {
  const { venue, init, sink, catalogue } = definition
  const alarms = new Alarms((at) => sink.wake(at), init.steady ?? asTold)
  const memory = memoryOf(venue, init)
  const streams = new Streams(venue, definition.channels, definition.policy, init, memory, sink, alarms)
  const handlers = protocol({ init, sink, streams, alarms, guard: guarded })

  /** Nothing that the network sends may throw out of a session. */
  function guarded(head: string | Uint8Array, at: Micros | null, run: () => void): void {
    try {
      run()
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      streams.malformed(error, typeof head === 'string' ? head : error.head, at)
      sink.unused?.({ cause: 'malformed', frames: 1 })
    }
  }

  function held(subscription: Subscription): Stream | undefined {
    return streams.get(subscription.instrument.instrument, subscription.channel)
  }

  return {
    opened(info, at) {
      streams.attempt = info.attempt
      handlers.opened(info, at)
    },
    subscribe(subscriptions, at) {
      handlers.subscribe(
        subscriptions.map((subscription) => streams.request(subscription, at)),
        at,
      )
    },
    unsubscribe(subscriptions, at) {
      const leaving = subscriptions.map(held).filter((stream) => stream !== undefined)
      for (const stream of leaving) streams.leave(stream)
      if (leaving.length > 0) handlers.unsubscribe(leaving, at)
    },
    resubscribe(subscription, at) {
      const stream = held(subscription)
      if (stream === undefined) return
      const { audited } = stream
      stream.audited = false
      // Its news came while this waited its turn: to give it up now would tear a hole into it, of which no gap would speak.
      if (!audited && natureOf(stream) !== 'state' && stream.state === 'live' && stream.record.gap === null)
        return
      if (handlers.resubscribe !== undefined) {
        handlers.resubscribe(stream, at)
        return
      }
      streams.leave(stream)
      handlers.unsubscribe([stream], at)
      handlers.subscribe([streams.request(subscription, at)], at)
    },
    frame(data, at) {
      guarded(data, at, () => handlers.frame(data, at))
    },
    sent(frame, at) {
      guarded(frame, at, () => handlers.sent?.(frame, at))
    },
    response(response, at) {
      guarded(response.body, at, () => {
        const listed = response.status >= 200 && response.status < 300 ? catalogue.read(response) : null
        if (listed === null) handlers.response?.(response, at)
        else for (const instrument of listed) init.instruments.add(instrument)
      })
    },
    tick: (at) => alarms.tick(at),
    silent: (detail, at) => streams.gapAll('stale', detail, at),
    finished: (at) => handlers.finished?.(at),
    overflowed(dropped, from, at, detail) {
      const stream = streams.get(dropped.instrument, dropped.channel)
      if (stream !== undefined) streams.overflowed(stream, from, at, detail)
    },
    closed(info, at) {
      handlers.closed?.(info, at)
      streams.closed(info.reason === '' ? `closed with ${info.code ?? 'no code'}` : info.reason, at)
    },
  }
}

function memoryOf(venue: string, { memory }: SessionInit): StreamMemory {
  if (memory instanceof StreamMemory) return memory
  throw new UsageError(
    'bad_option',
    `${venue}: init.memory is not what the feed made; hand on the init that the connector was given, and install one copy of tapewire`,
    { context: { venue, option: 'memory' } },
  )
}

/** A log tells no more of time than its own clock does. */
function asTold(at: Micros): Micros {
  return at
}
