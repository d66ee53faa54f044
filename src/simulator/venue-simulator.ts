import type { Micros } from '../../schemas/events.js'
import type { SimulatedMarket } from './market.js'

/**
 * The contract between the simulator's kernel and a venue's simulator. Like a connector, a venue's simulator is a pure
 * state machine: it opens no socket, reads no clock, sets no timer. The kernel runs it behind a real WebSocket and HTTP
 * server, or behind a virtual network.
 */
export interface VenueSimulator {
  readonly venue: string
  /** The true markets, by the venue's own instrument id: what an oracle compares with. */
  readonly markets: ReadonlyMap<string, SimulatedMarket>
  /**
   * A client wants to connect. An answer other than null refuses the handshake.
   */
  admit?(request: SimulatedRequest, at: Micros): SimulatedAnswer | null
  /** A client is connected. */
  connect(peer: SimulatedPeer, at: Micros): SimulatedConnection
  /** A plain HTTP request: instrument lists, snapshots, negotiation. */
  http(request: SimulatedRequest, at: Micros): SimulatedAnswer
  /** Lets time pass: the kernel calls this every few milliseconds; markets move, heartbeats and pushes are sent. */
  advance(at: Micros): void
  /** The faults that the protocol itself can commit, by name: see `VENUE_FAULTS` for the common vocabulary. */
  readonly faults?: readonly string[]
  /**
   * Commits a fault of the venue's own protocol, now or with the next message that it fits: a wrong checksum, a skipped
   * sequence number, an ack that never comes. The true market stays true; only what is told of it is wrong.
   *
   * @returns whether the simulator knows the fault and could commit it.
   */
  fault?(name: string, at: Micros): boolean
  /**
   * Whether the host takes connections at all, asked with every step. A venue's own simulator leaves this out; it is how
   * a fault plan takes a whole host down.
   */
  reachable?(at: Micros): boolean
}

/** A request that reaches a simulated venue. */
export interface SimulatedRequest {
  readonly method: string
  /** Path and query: `/v2/conf/pub:list:pair:exchange?x=1`. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What a simulated venue answers to a request. */
export interface SimulatedAnswer {
  /** From `admit`, 101 accepts all the same (for the sake of `delivery`). */
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  /** How the network carries the answer. @default at once and whole */
  readonly delivery?: Delivery
}

/** What becomes of an answer on its way. */
export interface Delivery {
  /** @default 0 */
  readonly delayMs?: number
  /**
   * `half`: half of the body, then the connection is cut. `never`: nothing, and the connection stays open. `reset`: the
   * connection is cut in place of an answer. @default 'whole'
   */
  readonly outcome?: 'whole' | 'half' | 'never' | 'reset'
}

/** The client as a venue's simulator sees it. */
export interface SimulatedPeer {
  readonly request: SimulatedRequest
  send(data: string | Uint8Array): void
  /** A ping frame of the WebSocket protocol. */
  ping(): void
  close(code: number, reason: string): void
  /** Bytes that were sent and that the client has not taken yet, where the network can tell. */
  readonly bufferedBytes?: number
  /** The line beneath the frames. Offered by the kernel's networks; only faults have a use for it. */
  readonly link?: SimulatedLink
}

/** What can be done to one connection beneath its frames: on a real socket to its bytes, in memory to what stands for them. */
export interface SimulatedLink {
  /** Puts frames on the line as they are, right or wrong. */
  raw(frames: readonly RawFrame[]): void
  /** Closes with any code (also those that the protocol forbids on the wire); null for a close frame without a code. */
  close(code: number | null, reason: string): void
  /** Ends the connection without a close frame: `reset` as a crash does, `end` as a process that exits. */
  cut(how: 'reset' | 'end'): void
  /**
   * `flow`: everything passes. `held`: the line keeps everything, both ways, until it flows again. `lost`: the other side
   * is gone without a word (half-open): what is sent vanishes, what comes in is never seen. There is no way back from
   * `lost` but `cut`.
   */
  hold(mode: 'flow' | 'held' | 'lost'): void
  /** Bandwidth towards the client; null for no limit. */
  limit(bytesPerSecond: number | null): void
  /** Whether pings of the client are answered with pongs. On at first. */
  answerPings(on: boolean): void
  /** Sets the clock of the client's machine ahead, or back. Only where that machine is simulated, too. */
  stepClock?(ms: number): void
}

/** One WebSocket frame, field by field, so that any of them can be wrong. */
export interface RawFrame {
  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong; the rest is reserved. */
  readonly opcode: number
  /** The last fragment of its message. @default true */
  readonly final?: boolean
  /** The bit of permessage-deflate. @default false */
  readonly compressed?: boolean
  readonly payload: Uint8Array
  /** The length that the header claims. What is missing is never sent, and nothing is sent after it. @default the payload's */
  readonly announcedBytes?: number
  /** Written in pieces of so many bytes, each in a segment of its own. @default in one piece */
  readonly sliceBytes?: number
  /** The connection is reset after so many bytes of the frame, header included. @default never */
  readonly cutAfterBytes?: number
}

/** One connection of a venue's simulator. */
export interface SimulatedConnection {
  received(data: string | Uint8Array, at: Micros): void
  closed(at: Micros): void
  /** As {@link VenueSimulator.fault}, on this connection alone. Asked before the simulator as a whole. */
  fault?(name: string, at: Micros): boolean
}

/** Options of every venue's simulator. */
export interface SimulatorOptions {
  /** @default 1 */
  readonly seed?: number
  /** Market moves a second in each market. @default 20 */
  readonly stepsPerSecond?: number
  /** Amounts of twenty digits and of a single unit occur, which no market has: for tests of exactness. @default false */
  readonly extremeAmounts?: boolean
  /**
   * How many instruments the venue lists: beyond its own it has as many more as are asked for, whose markets move once for
   * twenty moves of the others. @default its own, 4 to 12
   */
  readonly instruments?: number
  /** Where the simulator is reached, for answers that name URLs: `ws://127.0.0.1:9001`. Set by the kernel. */
  readonly url?: string
}
