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
}

export interface SimulatedRequest {
  readonly method: string
  /** Path and query: `/v2/conf/pub:list:pair:exchange?x=1`. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface SimulatedAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** The client as a venue's simulator sees it. */
export interface SimulatedPeer {
  readonly request: SimulatedRequest
  send(data: string | Uint8Array): void
  /** A ping frame of the WebSocket protocol. */
  ping(): void
  close(code: number, reason: string): void
}

/** One connection of a venue's simulator. */
export interface SimulatedConnection {
  received(data: string | Uint8Array, at: Micros): void
  closed(at: Micros): void
}

export interface SimulatorOptions {
  /** @default 1 */
  readonly seed?: number
  /** Market moves a second in each market. @default 20 */
  readonly stepsPerSecond?: number
  /** Where the simulator is reached, for answers that name URLs: `ws://127.0.0.1:9001`. Set by the kernel. */
  readonly url?: string
}
