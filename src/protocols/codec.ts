import type { Micros } from '../../schemas/events.js'
import type { ConnectTarget, HttpRequest, HttpResponse } from '../connector.js'
import type { TapewireError } from '../errors.js'

/**
 * The contract between a socket and a protocol that runs on it.
 *
 * A codec is a pure state machine, as a venue's session is: connections, frames, answers and time go in; frames, messages and
 * requests come out through the sink. It opens no socket, reads no clock, sets no timer, throws no die. Whoever runs it (a live
 * socket, a frame log, a test) owns those, and keeps these rules:
 *
 * - One codec serves one socket for its whole life, over all its connections: what it must restore it remembers itself.
 * - For each connection: `connect`; then `response` and `answered` as asked; after `sink.dial` exactly one `opened` or `closed`;
 *   frames; at last exactly one `closed`. `closed` comes also where an attempt failed before it was dialled.
 * - No method is called from within a call of the sink.
 * - Every `at` is steady time: microseconds that never go back and that no setting of the machine's clock bends.
 * - From `connect` to `sink.ready` no more may pass than the socket allows for a whole connect. The codec sets no deadline of its own
 *   for that.
 * - What is asked during one connection and answered after its `closed` is not delivered.
 */
export interface Codec<Command> {
  /** An attempt begins. The codec asks the sink to dial, at once or after answers over HTTP. */
  connect(target: ConnectTarget, at: Micros): void
  /** The answer to `sink.request`. Status 0: none came. */
  response(response: HttpResponse, at: Micros): void
  /** What `sink.ask` brought. */
  answered(id: string, outcome: Outcome<unknown>, at: Micros): void
  /** The transport is open. The codec begins its handshake and calls `sink.ready` when that is over. */
  opened(opening: CodecOpening, at: Micros): void
  /**
   * A message of a WebSocket, or a chunk of bytes of another transport, cut anywhere. Borrowed: bytes are valid until the call
   * returns. Never throws: what is wrong with it goes to `sink.error` or `sink.close`.
   */
  frame(data: string | Uint8Array, at: Micros): void
  /** The moment that `sink.wake` named has come, and is used up: the codec names the next. An early or needless call does no harm. */
  tick(at: Micros): void
  /**
   * Only of a recording ({@link CodecInit.recorded}): a frame that the recorded client sent. Never throws.
   *
   * @returns the commands that it was, with the ids under which `sink.settle` says what the recording answers; those alone that
   * can be settled.
   */
  sent?(frame: string, at: Micros): readonly RecordedCommand<Command>[]
  /**
   * The connection, or the attempt, is over. Everything that waits for an answer is settled with an error, but for what the
   * codec sends again on the next connection.
   *
   * @returns what the protocol says about reconnecting; null leaves it to the socket. Not heeded after `sink.close`.
   */
  closed(close: CodecClose, at: Micros): Reconnect | null
  /**
   * Does what the user asks.
   *
   * One that the codec keeps ({@link isKept}) may come at any time, also before the first connection; any other only between
   * `sink.ready` and `closed`. The socket sees to that by its policy for what is sent while it is not connected.
   *
   * @returns an id under which `sink.settle` will say what became of it, or null where nobody will.
   * @throws {UsageError} `bad_command` where it cannot be, `not_ready` where it comes too early; the codec is as before.
   */
  command(command: Command, at: Micros): string | null
  /**
   * Refuses a command that no connection could carry out. The socket asks this of one that it may have to hold until there is a
   * connection, so that its user hears of it at once. A codec without it takes what comes.
   *
   * @throws {UsageError} `bad_command`.
   */
  check?(command: Command): void
  /** Whether the codec remembers a command and restores what it did after a reconnect: a subscription and its end. */
  isKept(command: Command): boolean
  /** The commands that the codec repeats on the next connection, in the order in which they were given. */
  readonly kept: readonly Command[]
  /** Nobody waits for this id any more. The codec forgets it, and tells the other side where the protocol can. */
  cancel(id: string, at: Micros): void
  /**
   * The user closes the socket. The codec says goodbye as its protocol wants it, and calls `sink.close`, at once or when the
   * other side has answered; the socket waits for that no longer than it would for a close frame.
   */
  end(at: Micros): void
}

/** What a codec may do. Nothing else. */
export interface CodecSink<Message, Answer = unknown> {
  /** Opens the transport of this attempt. Once an attempt. */
  dial(target: CodecTarget): void
  /**
   * Sends a message of a WebSocket, or bytes on TCP. Bytes are not changed afterwards. Where more waits for the network than the
   * socket allows, it ends the connection; to hold the user back it does not hand commands to the codec meanwhile.
   */
  send(frame: string | Uint8Array): void
  /** A message for the user. It holds nothing borrowed. The socket stamps it with the receive time of the frame that is being read. */
  emit(message: Message): void
  /** What became of a command. Once for each id that `command` returned, and never before it has returned. */
  settle(id: string, outcome: Outcome<Answer>): void
  /** Asks for an HTTP resource, on the same proxy and TLS as the socket, with its cookies. The answer comes to `response`. */
  request(request: HttpRequest): void
  /** Asks for something that only the user's code can give, such as a signature. The result comes to `answered` under the id. */
  ask(question: Question): void
  /** Names the moment at which `tick` is wanted; a later call replaces it; null for none. */
  wake(at: Micros | null): void
  /** The handshake is over: commands may come. What is kept has been sent again already. Once a connection. */
  ready(): void
  /** Something is wrong that does not end the connection: a frame that does not fit, an error that the other side reports. */
  error(error: TapewireError): void
  /** Ends the connection, or the attempt. `closed` follows. */
  close(demand: CloseDemand): void
}

/** How something ended. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: TapewireError }

/** Something that the user's code is asked. */
export interface Question {
  /** Unique among the questions of a connection. */
  readonly id: string
  /** Called once by the socket; the signal aborts when the answer is not wanted any more. A rejection becomes an error outcome. */
  readonly run: (signal: AbortSignal) => unknown
}

/** What is dialled. */
export type CodecTarget =
  | {
      readonly transport: 'websocket'
      /** `ws:` or `wss:`. */
      readonly url: string
      readonly headers?: Readonly<Record<string, string>>
      readonly protocols?: readonly string[]
    }
  | {
      readonly transport: 'tcp'
      readonly host: string
      readonly port: number
      readonly tls: boolean
    }
  | {
      /** A response whose body is read as it comes. */
      readonly transport: 'http'
      readonly method: 'GET' | 'POST'
      /** `http:` or `https:`. */
      readonly url: string
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }

/** What opening a transport brought. */
export interface CodecOpening {
  /** The HTTP status: 101 of a WebSocket, whatever a response has, 0 on TCP. An HTTP stream is `opened` by any status. */
  readonly status: number
  /** Names in lower case. Empty on TCP. */
  readonly headers: Readonly<Record<string, string>>
  /** The subprotocol that the server chose; empty where there is none. */
  readonly protocol: string
}

/** How a connection ended. */
export interface CodecClose {
  /** The close code of the other side; null where there was none, and for transports that have none. */
  readonly code: number | null
  readonly reason: string
  /** The HTTP status where a handshake was answered with something else than 101; else null. */
  readonly status: number | null
}

/** Whether and when to connect again. */
export interface Reconnect {
  /** `backoff`: after the socket's wait. `now`: without a wait, but after the first failure in a row as `backoff`. `never`: not at all. */
  readonly retry: 'backoff' | 'now' | 'never'
  /** The least wait. Milliseconds. @default none */
  readonly afterMs?: number
  /** The other side announced the end: no failure. @default false */
  readonly planned?: boolean
  /** Why, where something went wrong. */
  readonly error?: TapewireError
}

/** How a codec wants its connection to end. */
export interface CloseDemand extends Reconnect {
  /** For the close frame of a WebSocket. */
  readonly code: number
  readonly reason: string
}

/** A command that a recording shows. */
export interface RecordedCommand<Command> {
  readonly id: string
  readonly command: Command
}

/** What a codec is given when it is made. */
export interface CodecInit {
  /**
   * The codec reads a recording of one connection: nothing was asked through it, so that what comes belongs to subscriptions that it
   * does not know, and is emitted all the same. @default false
   */
  readonly recorded?: boolean
  /** A number in [0, 1), for ids that must not collide with those of others. */
  readonly random: () => number
}

/**
 * A protocol as the user gives it to a socket, with its options: `openSocket(url, { protocol: jsonRpc() })`. It holds no state:
 * several sockets may share it.
 */
export interface Protocol<Command, Message, Answer = unknown> {
  /** `json-rpc` */
  readonly name: string
  /** The schemes of the URLs that it takes, without the colon: `wss`. */
  readonly schemes: readonly string[]
  codec(init: CodecInit, sink: CodecSink<Message, Answer>): Codec<Command>
}
