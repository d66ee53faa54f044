import type { HttpResponse } from '../../../src/connector.js'
import type { DialClose, DialedSocket, Platform, Upgrade } from '../../../src/platform.js'
import type { FaultPlan } from '../../../src/simulator/fault-plan.js'
import { type FaultedSimulator, withFaults } from '../../../src/simulator/faults.js'
import { SeededRandom } from '../../../src/simulator/random.js'
import { serveSimulator } from '../../../src/simulator/server.js'
import { virtualPlatform } from '../../../src/simulator/virtual.js'
import { systemClock } from '../../../src/socket/clock.js'
import { nodeDial } from '../../../src/socket/dial.js'
import { nodeHttp } from '../../../src/socket/http.js'
import { ToyVenue } from './toy-venue.js'

/** A toy venue under a fault plan, and a client's machine that can reach it. */
export interface World {
  readonly platform: Pick<Platform, 'clock' | 'dial' | 'http'>
  readonly venue: ToyVenue
  readonly faulted: FaultedSimulator
  readonly url: string
  /** Time passes only when it is asked to, so that what is due comes exactly then. A busy machine brings it later. */
  readonly exact: boolean
  /** Waits until it is so, in the world's own time. */
  until(so: () => boolean): Promise<void>
  /** Lets so much of the world's time pass. */
  pass(ms: number): Promise<void>
  close(): Promise<void>
}

export type MakeWorld = (faults: FaultPlan['faults']) => Promise<World>

/** Real sockets on loopback, dialed as a live feed dials. */
export const realWorld: MakeWorld = async (faults) => {
  const clock = systemClock()
  const venue = new ToyVenue()
  const faulted = withFaults(venue, { faults }, new SeededRandom(1))
  const server = await serveSimulator(faulted, { clock, stepMs: 5 })
  const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
  return {
    platform: { clock, dial: nodeDial({ clock }), http: nodeHttp({ clock }) },
    venue,
    faulted,
    url: server.url,
    exact: false,
    pass,
    async until(so) {
      while (!so()) await pass(2)
    },
    close: () => server.close(),
  }
}

/** The network in memory. */
export const virtualWorld: MakeWorld = async (faults) => {
  const platform = virtualPlatform({ seed: 1 })
  const venue = new ToyVenue()
  const faulted = withFaults(venue, { faults }, platform.random)
  const host = platform.serve(faulted, { hosts: ['toy.test'], stepMs: 5 })
  return {
    platform,
    venue,
    faulted,
    url: 'ws://toy.test',
    exact: true,
    pass: (ms) => platform.advance(ms),
    async until(so) {
      const limit = platform.now + 60_000_000
      while (!so()) {
        if (platform.now > limit) throw new Error('it was not so within a minute of virtual time')
        await platform.advance(2)
      }
    },
    async close() {
      host.remove()
      await platform.advance(5000)
    },
  }
}

/** A client that keeps what it is told. */
export class Client {
  readonly texts: string[] = []
  readonly bytes: Buffer[] = []
  readonly controls: string[] = []
  /** When each text arrived, milliseconds since the dial. */
  readonly times: number[] = []
  upgrade: Upgrade | null = null
  openedAfterMs: number | null = null
  closed: DialClose | null = null
  closedAfterMs: number | null = null
  readonly socket: DialedSocket
  readonly #world: World

  constructor(world: World, options: { path?: string; timeoutMs?: number; greet?: string[] } = {}) {
    const { path = '/', timeoutMs = 5000, greet = ['sub'] } = options
    this.#world = world
    const began = world.platform.clock.now()
    this.socket = world.platform.dial(
      { url: `${world.url}${path}`, timeoutMs, maxFrameBytes: 1024 * 1024 },
      {
        opened: (upgrade, at) => {
          this.upgrade = upgrade
          this.openedAfterMs = (at - began) / 1000
          for (const frame of greet) this.socket.send(frame)
        },
        message: (data, at) => {
          if (typeof data === 'string') this.texts.push(data)
          else this.bytes.push(Buffer.from(data))
          this.times.push((at - began) / 1000)
        },
        control: (kind) => this.controls.push(kind),
        closed: (close, at) => {
          this.closed = close
          this.closedAfterMs = (at - began) / 1000
        },
      },
    )
  }

  /** Ticks that arrived, as they came. */
  get ticks(): string {
    return this.texts
      .filter((text) => text.startsWith('tick '))
      .map((text) => text.slice(5))
      .join(' ')
  }

  async has(text: string): Promise<void> {
    await this.#world.until(() => this.texts.includes(text))
  }

  async end(): Promise<DialClose> {
    await this.#world.until(() => this.closed !== null)
    if (this.closed === null) throw new Error('unreachable')
    return this.closed
  }
}

export function get(world: World, path: string, timeoutMs = 5000): Promise<HttpResponse> {
  const url = `${world.url.replace('ws:', 'http:')}${path}`
  return world.platform.http({ id: 'x', method: 'GET', url }, { timeoutMs, maxBytes: 1024 * 1024 })
}
