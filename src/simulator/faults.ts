import type * as z from 'zod'
import type { Micros } from '../../schemas/events.js'
import { Agenda } from './agenda.js'
import {
  checkFaultPlan,
  type Fault,
  type FaultPlan,
  frameFault,
  type HandshakeFault,
  type HostFault,
  handshakeFault,
  hostFault,
  type MomentFault,
  momentFault,
  type ParsedFaultPlan,
  type RequestFault,
  receivedFault,
  requestFault,
} from './fault-plan.js'
import { type FaultTarget, FaultTrigger } from './fault-trigger.js'
import { type ArmedFault, FaultedConnection, type FaultScene } from './faulted-connection.js'
import { SeededRandom } from './random.js'
import type {
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedPeer,
  SimulatedRequest,
  VenueSimulator,
} from './venue-simulator.js'

/** One strike of a fault. */
export interface FaultStrike {
  readonly at: Micros
  readonly fault: Fault
  /** The connection that it struck, counted from 0; null for a handshake, a request or the host. */
  readonly connection: number | null
  /** False where it came to nothing: the venue's protocol has no such fault, or there was nothing to edit. */
  readonly struck: boolean
}

/** The name by which a fault is counted: `drop`, or `venue checksum-wrong` for one of a venue's own. */
export function faultName(fault: FaultPlan['faults'][number]): string {
  return fault.fault === 'venue' ? `venue ${fault.name}` : fault.fault
}

/** A venue's simulator under a fault plan. */
export interface FaultedSimulator extends VenueSimulator {
  /** How often each fault struck, by its {@link faultName}. */
  readonly strikes: ReadonlyMap<string, number>
  /** How often each came to nothing. */
  readonly misses: ReadonlyMap<string, number>
  fault(name: string, at: Micros): boolean
  reachable(at: Micros): boolean
}

/**
 * Puts a fault plan between a venue's simulator and its network. What comes out is a simulator like any other: it runs
 * behind the real server and in the virtual network alike, and the same plan and seed give the same faults.
 *
 * @param random the source of all chance in the plan, where the plan names no seed of its own.
 * @param onStrike told of every strike, as it happens.
 * @throws {UsageError} code `bad_option`, where the plan does not fit its schema.
 */
export function withFaults(
  simulator: VenueSimulator,
  plan: FaultPlan,
  random: SeededRandom,
  onStrike?: (strike: FaultStrike) => void,
): FaultedSimulator {
  return new FaultedVenue(simulator, plan, random, onStrike)
}

class FaultedVenue implements FaultedSimulator, FaultScene {
  readonly venue: string
  readonly markets: VenueSimulator['markets']
  readonly faults: readonly string[]
  readonly strikes = new Map<string, number>()
  readonly misses = new Map<string, number>()
  readonly agenda = new Agenda()
  readonly frames: FaultScene['frames']
  readonly received: FaultScene['received']
  readonly #simulator: VenueSimulator
  readonly #random: SeededRandom
  readonly #onStrike: ((strike: FaultStrike) => void) | undefined
  readonly #handshakes: readonly ArmedFault<HandshakeFault>[]
  readonly #requests: readonly ArmedFault<RequestFault>[]
  readonly #moments: readonly ArmedFault<MomentFault>[]
  readonly #hosts: readonly ArmedFault<HostFault>[]
  readonly #connections = new Set<FaultedConnection>()
  #opened = 0
  #began: Micros | null = null
  #advanced: Micros | null = null
  now: Micros = 0
  #refusedUntil: Micros = Number.NEGATIVE_INFINITY
  #swallowedUntil: Micros = Number.NEGATIVE_INFINITY

  constructor(
    simulator: VenueSimulator,
    plan: FaultPlan,
    random: SeededRandom,
    onStrike: ((strike: FaultStrike) => void) | undefined,
  ) {
    const parsed = checkFaultPlan(plan)
    this.venue = simulator.venue
    this.markets = simulator.markets
    this.faults = simulator.faults ?? []
    this.#simulator = simulator
    this.#random = parsed.seed === undefined ? random.fork() : new SeededRandom(parsed.seed)
    this.#onStrike = onStrike
    // Each fault draws from a source of its own, so that one more at the end of a plan leaves the others where they were.
    const source = this.#random.fork()
    const triggers = parsed.faults.map((fault) => new FaultTrigger(fault, source.fork()))
    this.#handshakes = armed(parsed, triggers, handshakeFault)
    this.#requests = armed(parsed, triggers, requestFault)
    this.frames = armed(parsed, triggers, frameFault)
    this.received = armed(parsed, triggers, receivedFault)
    this.#moments = armed(parsed, triggers, momentFault)
    this.#hosts = armed(parsed, triggers, hostFault)
  }

  get elapsed(): number {
    return this.#began === null ? 0 : (this.now - this.#began) / 1000
  }

  admit(request: SimulatedRequest, at: Micros): SimulatedAnswer | null {
    this.#clock(at)
    if (at < this.#swallowedUntil) return { status: 101, body: '', delivery: { outcome: 'never' } }
    const answer = this.#simulator.admit?.(request, at) ?? null
    const fault = this.#first(this.#handshakes, request)
    switch (fault?.fault) {
      case undefined:
        return answer
      case 'refuse-handshake':
        return refusal(fault)
      case 'stall-handshake':
        return { status: 101, body: '', delivery: { outcome: 'never' } }
      case 'reset-handshake':
        return { status: 101, body: '', delivery: { outcome: 'reset' } }
      case 'slow-handshake':
        return { ...(answer ?? { status: 101, body: '' }), delivery: { delayMs: fault.delayMs } }
    }
  }

  connect(peer: SimulatedPeer, at: Micros): SimulatedConnection {
    this.#clock(at)
    const connection = new FaultedConnection(this.#opened++, peer, this)
    this.#connections.add(connection)
    connection.attach(this.#simulator.connect(connection, at))
    return connection
  }

  http(request: SimulatedRequest, at: Micros): SimulatedAnswer {
    this.#clock(at)
    if (at < this.#swallowedUntil) return { status: 503, body: '', delivery: { outcome: 'never' } }
    const fault = this.#first(this.#requests, request)
    if (fault?.fault === 'http-status') return refusal(fault)
    const answer = this.#simulator.http(request, at)
    switch (fault?.fault) {
      case undefined:
        return answer
      case 'http-stall':
        return { ...answer, delivery: { outcome: 'never' } }
      case 'http-reset':
        return { ...answer, delivery: { outcome: 'reset' } }
      case 'http-half':
        return { ...answer, delivery: { outcome: 'half' } }
      case 'http-slow':
        return { ...answer, delivery: { delayMs: fault.delayMs } }
      case 'http-garbage':
        return { status: 200, headers: { 'content-type': 'text/html' }, body: fault.body }
    }
  }

  advance(at: Micros): void {
    this.#clock(at)
    const sinceMs = this.#advanced === null ? 0 : (at - this.#advanced) / 1000
    this.#advanced = at
    this.agenda.runUntil(at)
    const { elapsed } = this
    for (const { fault, trigger } of this.#hosts) {
      if (trigger.onMoment(HOSTS, elapsed, sinceMs, at).length === 0) continue
      if (fault.fault === 'clock-step') {
        this.report(fault, null, this.#stepClock(fault.byMs))
        continue
      }
      const until = at + fault.durationMs * 1000
      if (fault.how === 'refused') this.#refusedUntil = Math.max(this.#refusedUntil, until)
      else this.#swallowedUntil = Math.max(this.#swallowedUntil, until)
      this.report(fault, null, true)
    }
    for (const { fault, trigger } of this.#moments) {
      const hit = trigger.onMoment(this.#connections, elapsed, sinceMs, at)
      const struck = fault.pick === 'one' && hit.length > 0 ? [this.#random.pick(hit)] : hit
      for (const connection of struck) connection.strike(fault)
    }
    this.#simulator.advance(at)
  }

  fault(name: string, at: Micros): boolean {
    return this.#simulator.fault?.(name, at) ?? false
  }

  reachable(at: Micros): boolean {
    return at >= this.#refusedUntil && (this.#simulator.reachable?.(at) ?? true)
  }

  venueFault(name: string, at: Micros): boolean {
    return this.fault(name, at)
  }

  ended(connection: FaultedConnection): void {
    this.#connections.delete(connection)
  }

  report(fault: Fault, connection: number | null, struck: boolean): void {
    const counts = struck ? this.strikes : this.misses
    const name = faultName(fault)
    counts.set(name, (counts.get(name) ?? 0) + 1)
    this.#onStrike?.({ at: this.now, fault, connection, struck })
  }

  /** Any line leads to the machine of the client. @returns false where none is open, or the machine is out of reach */
  #stepClock(byMs: number): boolean {
    for (const { link } of this.#connections) {
      if (link?.stepClock === undefined) continue
      link.stepClock(byMs)
      return true
    }
    return false
  }

  #first<F extends HandshakeFault | RequestFault>(
    candidates: readonly ArmedFault<F>[],
    request: SimulatedRequest,
  ): F | null {
    const target: FaultTarget = { path: request.path, connection: null, openedAt: null }
    const hit = candidates.find(({ trigger }) => trigger.onOccasion(target, this.elapsed, this.now))
    if (hit === undefined) return null
    this.report(hit.fault, null, true)
    return hit.fault
  }

  #clock(at: Micros): void {
    this.#began ??= at
    this.now = Math.max(this.now, at)
  }
}

/** The faults of one occasion with their triggers, in the order of the plan. */
function armed<S extends z.ZodType<Fault>>(
  plan: ParsedFaultPlan,
  triggers: readonly FaultTrigger[],
  occasion: S,
): ArmedFault<z.output<S>>[] {
  return plan.faults.flatMap((candidate, index) => {
    const result = occasion.safeParse(candidate)
    const trigger = triggers[index]
    return result.success && trigger !== undefined ? [{ fault: result.data, trigger }] : []
  })
}

const HOSTS: readonly FaultTarget[] = [{ path: '', connection: null, openedAt: null }]

function refusal(fault: {
  readonly status: number
  readonly retryAfterSeconds?: number | undefined
  readonly body: string
}): SimulatedAnswer {
  const { status, retryAfterSeconds, body } = fault
  return retryAfterSeconds === undefined
    ? { status, body }
    : { status, headers: { 'retry-after': String(retryAfterSeconds) }, body }
}
