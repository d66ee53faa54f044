import { setTimeout as sleep } from 'node:timers/promises'
import type { MarketEvent, MarketEventType } from '../../schemas/events.js'
import { simulate } from '../../simulators/index.js'
import type { Channel, ConnectorOptions, Venue } from '../../src/connector.js'
import { type Feed, type FeedOptions, openFeed } from '../../src/feed/feed.js'
import type { Clock } from '../../src/platform.js'
import {
  type SimulatedAnswer,
  type SimulatedConnection,
  type SimulatedPeer,
  type SimulatorServer,
  serveSimulator,
  type VenueSimulator,
} from '../../src/simulator/index.js'
import { systemClock } from '../../src/socket/clock.js'

/** A card may wait this long for what the venue's simulator brings at its own pace. */
const PATIENCE_MS = 90_000

export interface StageOptions {
  readonly symbols: readonly string[]
  readonly channels: readonly Channel[]
  readonly connector?: Partial<ConnectorOptions>
  /** How much faster than the world the simulator's clock runs: heartbeats come sooner. @default 1 */
  readonly haste?: number
  /** Answers a REST request in place of the simulator, unless it says null: a listing that is away. */
  readonly http?: (path: string) => SimulatedAnswer | null
}

/** A venue's simulator behind a real server, a feed on it over real sockets, and a hand on the wire between. */
export class Stage implements AsyncDisposable {
  readonly events: MarketEvent[] = []
  /** Frames that the simulator got from its clients. */
  readonly received: string[] = []
  readonly feed: Feed
  readonly #server: SimulatorServer
  readonly #peers: Set<SimulatedPeer>

  private constructor(server: SimulatorServer, peers: Set<SimulatedPeer>, received: string[], feed: Feed) {
    this.#server = server
    this.#peers = peers
    this.received = received
    this.feed = feed
    feed.on('event', (event) => void this.events.push(event))
  }

  static async open(venue: Venue, options: StageOptions): Promise<Stage> {
    const peers = new Set<SimulatedPeer>()
    const received: string[] = []
    const server = await serveSimulator(
      (url) =>
        tapped(
          simulate(venue.id, { seed: 7, stepsPerSecond: 40, extremeAmounts: true, url }),
          peers,
          received,
          options.http,
        ),
      { clock: hasty(options.haste ?? 1) },
    )
    const feedOptions: FeedOptions = { backoffBaseMs: 20, backoffCapMs: 200 }
    const feed = openFeed(
      [
        venue.connector({
          ...options.connector,
          url: server.url,
          symbols: options.symbols,
          channels: options.channels,
        }),
      ],
      feedOptions,
    )
    return new Stage(server, peers, received, feed)
  }

  get simulator(): VenueSimulator {
    return this.#server.simulator
  }

  /** Events of one type, of one symbol where it is named. */
  of<T extends MarketEventType>(type: T, symbol?: string): Extract<MarketEvent, { type: T }>[] {
    return this.events.filter(
      (event): event is Extract<MarketEvent, { type: T }> =>
        event.type === type && (symbol === undefined || ('symbol' in event && event.symbol === symbol)),
    )
  }

  /** Waits until it is so; fails with `what` where it never is. */
  async until(what: string, so: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (!so()) {
      if (Date.now() > deadline) {
        const tail = this.events.slice(-8).map((event) => JSON.stringify(event).slice(0, 240))
        throw new Error(`never came: ${what}; the last events:\n${tail.join('\n')}`)
      }
      await Promise.race([sleep(10), this.feed.done.then(() => sleep(10))])
    }
  }

  /** Sends a frame to every client, past the simulator. */
  inject(frame: string | Uint8Array): void {
    for (const peer of this.#peers) peer.send(frame)
  }

  /** Ends every connection, as a venue that restarts. */
  disconnect(): void {
    for (const peer of [...this.#peers]) peer.close(1012, 'restarting')
  }

  freeze(): void {
    for (const market of this.simulator.markets.values()) market.frozen = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.feed.close()
    await this.#server.close()
  }
}

function tapped(
  simulator: VenueSimulator,
  peers: Set<SimulatedPeer>,
  received: string[],
  http: StageOptions['http'],
): VenueSimulator {
  return {
    ...bound(simulator),
    http: (request, at) => http?.(request.path) ?? simulator.http(request, at),
    connect(peer, at): SimulatedConnection {
      const connection = simulator.connect(peer, at)
      peers.add(peer)
      return {
        received(data, now) {
          received.push(typeof data === 'string' ? data : new TextDecoder().decode(data))
          connection.received(data, now)
        },
        closed(now) {
          peers.delete(peer)
          connection.closed(now)
        },
      }
    },
  }
}

/** The methods of a simulator that may be a class, bound to it. */
function bound(simulator: VenueSimulator): VenueSimulator {
  return {
    venue: simulator.venue,
    markets: simulator.markets,
    ...(simulator.admit === undefined
      ? {}
      : { admit: (request, at) => simulator.admit?.(request, at) ?? null }),
    connect: (peer, at) => simulator.connect(peer, at),
    http: (request, at) => simulator.http(request, at),
    advance: (at) => simulator.advance(at),
  }
}

function hasty(haste: number): Clock {
  const clock = systemClock()
  const start = clock.now()
  return {
    ...clock,
    now: () => start + Math.round((clock.now() - start) * haste),
    steady: (at) => at,
    after: (ms, run) => clock.after(ms, run),
    random: () => clock.random(),
  }
}
