import type { Micros } from '../../schemas/events.js'
import type { HttpResponse } from '../connector.js'
import { DecodeError, TapewireError, UsageError } from '../errors.js'
import type { Codec, Protocol as CodecProtocol, CodecSink, Outcome, Question } from '../protocols/codec.js'
import { DeferredCalls } from '../protocols/deferred-calls.js'
import type { Protocol, SessionKit } from '../session/session.js'

/**
 * What a venue says of the messages of its codec. A handler may throw a {@link DecodeError}: it becomes a `malformed` event, and the
 * other messages of the frame are still read.
 */
export interface CodecHandlers<Command, Message, Answer = unknown> {
  /** @param frame the text of the frame that brought it; empty where that was binary. */
  message(message: Message, frame: string, at: Micros | null): void
  /**
   * What became of a command: one that was given, or one that a recorded client sent. What the end of the connection leaves
   * unanswered is not reported: the engine asks for the streams again on the next one.
   */
  answered?(command: Command, outcome: Outcome<Answer>, at: Micros | null): void
  /** A frame, or a message of it, does not fit: what it may have told is missing. The `malformed` event follows. */
  misfit?(frame: string, at: Micros | null, error: DecodeError): void
  /** An error that the codec reports and that is no misfit of a frame. @default a `connection` event with state `refused` */
  error?(error: TapewireError, at: Micros | null): void
  /** An answer over HTTP that the codec did not ask for and that is no list of instruments. */
  response?(response: HttpResponse, at: Micros | null): void
}

/** A codec on the connection of a session. */
export interface SessionCodec<Command> {
  /** The part of the session's protocol that the codec speaks; the venue adds `subscribe` and `unsubscribe`. */
  readonly protocol: Pick<Protocol, 'opened' | 'frame' | 'sent' | 'response' | 'closed'>
  /** Does a command. Where the codec cannot, that is its outcome. Nothing is done in a recording. */
  command(command: Command, at: Micros | null): void
}

/**
 * Runs a codec between the connection and the decoding of a session: frames go in; messages, and frames to send, come out; answers are
 * paired with their commands by the codec; its deadlines are the session's. One codec serves one connection, since the
 * engine itself asks for every stream again after a reconnect.
 *
 * In a recording nothing is sent, asked or waited for: messages are read as ever, and the frames of the recorded client say what was
 * asked.
 *
 * The engine dials, by the session's endpoint: a codec that negotiates before it dials cannot run so, and what it adds to the URL
 * or the subprotocols stands in the endpoint.
 *
 * @throws {UsageError} `bad_option` when the connection opens, for such a codec.
 */
export function withCodec<Command, Message, Answer = unknown>(
  { init, sink, streams, alarms, guard }: SessionKit,
  protocol: CodecProtocol<Command, Message, Answer>,
  handlers: CodecHandlers<Command, Message, Answer>,
): SessionCodec<Command> {
  const calls = new DeferredCalls()
  /** Commands that are not settled. */
  const given = new Map<string, Command>()
  /** Ids of requests over HTTP that the codec waits for. */
  const requested = new Set<string>()
  let state: 'new' | 'dialled' | 'open' | 'closed' = 'new'
  /** Of the call that is under way. */
  let now: Micros | null = null
  let steady: Micros = 0
  let frame = ''

  const codec: Codec<Command> = protocol.codec({ random: init.random, recorded: init.adopt }, codecSink())

  /** Calls the codec at a moment; without a clock, time stands still. */
  function call(at: Micros | null, run: (steady: Micros) => void): void {
    now = at
    if (at !== null) steady = init.steady?.(at) ?? at
    calls.run(() => run(steady))
  }

  /** What the codec says to somebody else: a recording has nobody. */
  function outward(act: () => void): void {
    if (!init.adopt) calls.later(() => state !== 'closed' && act())
  }

  function codecSink(): CodecSink<Message, Answer> {
    return {
      dial: () => {
        state = 'dialled'
      },
      send: (text) =>
        outward(() => sink.send(typeof text === 'string' ? text : new TextDecoder().decode(text))),
      emit(message) {
        const at = now
        const text = frame
        calls.later(() => read(text, at, () => handlers.message(message, text, at)))
      },
      settle: (id, outcome) => calls.later(() => settled(id, outcome)),
      request: (request) =>
        outward(() => {
          requested.add(request.id)
          sink.request(request)
        }),
      ask: (question) => outward(() => answer(question)),
      wake: (at) => {
        if (!init.adopt && state !== 'closed') wake(at)
      },
      ready: () => calls.later(() => sink.ready()),
      error: (error) => calls.later(() => report(error)),
      close: ({ reason, error, planned = false, afterMs }) =>
        outward(() => {
          const why = error?.message ?? (reason === '' ? `${protocol.name} ended the connection` : reason)
          sink.reconnect(why, { planned, ...(afterMs !== undefined && { afterMs }) })
        }),
    }
  }

  function wake(at: Micros | null): void {
    if (at === null) alarms.clear('codec')
    else alarms.set('codec', now, (at - steady) / 1000, (due) => call(due, (time) => codec.tick(time)))
  }

  function settled(id: string, outcome: Outcome<Answer>): void {
    const command = given.get(id)
    if (command === undefined) return
    given.delete(id)
    const at = now
    read(frame, at, () => handlers.answered?.(command, outcome, at))
  }

  /** A session is a pure state machine, which waits for no promise. */
  function answer({ id, run }: Question): void {
    let outcome: Outcome<unknown>
    try {
      const value = run(new AbortController().signal)
      if (value instanceof Promise) {
        value.catch(() => {})
        throw new UsageError(
          'bad_option',
          `${protocol.name}: a session cannot wait; answer without a promise`,
        )
      }
      outcome = { ok: true, value }
    } catch (error) {
      if (!(error instanceof TapewireError)) throw error
      outcome = { ok: false, error }
    }
    calls.run(() => codec.answered(id, outcome, steady))
  }

  function read(text: string, at: Micros | null, run: () => void): void {
    guard(text, at, () => {
      try {
        run()
      } catch (error) {
        if (error instanceof DecodeError) handlers.misfit?.(text, at, error)
        throw error
      }
    })
  }

  function report(error: TapewireError): void {
    const at = now
    if (error instanceof DecodeError) {
      read(frame === '' ? error.head : frame, at, () => {
        throw error
      })
    } else if (handlers.error === undefined) streams.connection('refused', error.message, at)
    else handlers.error(error, at)
  }

  function open(): void {
    const { protocols = [] } = init.endpoint
    codec.connect(init.endpoint, steady)
    if (state !== 'dialled' && !init.adopt) {
      throw new UsageError(
        'bad_option',
        `${protocol.name} asks for something before it dials; a venue that speaks it needs a session of its own`,
      )
    }
    state = 'open'
    codec.opened({ status: 101, headers: {}, protocol: protocols[0] ?? '' }, steady)
  }

  return {
    protocol: {
      opened(_info, at) {
        call(at, open)
      },
      frame(data, at) {
        // A recording may begin within a connection.
        if (state === 'new') call(at, open)
        frame = typeof data === 'string' ? data : ''
        call(at, (time) => codec.frame(data, time))
        frame = ''
      },
      sent(text, at) {
        call(at, (time) => {
          for (const { id, command } of codec.sent?.(text, time) ?? []) given.set(id, command)
        })
      },
      response(response, at) {
        if (requested.delete(response.id)) call(at, (time) => codec.response(response, time))
        else handlers.response?.(response, at)
      },
      closed({ code, reason }, at) {
        state = 'closed'
        given.clear()
        requested.clear()
        call(at, (time) => codec.closed({ code, reason, status: null }, time))
      },
    },
    command(command, at) {
      if (init.adopt) return
      call(at, (time) => {
        try {
          const id = codec.command(command, time)
          if (id !== null) given.set(id, command)
        } catch (error) {
          if (!(error instanceof TapewireError)) throw error
          calls.later(() => handlers.answered?.(command, { ok: false, error }, at))
        }
      })
    },
  }
}
