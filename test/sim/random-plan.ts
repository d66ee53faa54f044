import type { Fault, FaultPlan, SeededRandom } from '../../src/simulator/index.js'

type Draft = FaultPlan['faults'][number]
type Maker = (random: SeededRandom, atMs: number) => Draft

/** How many faults of the network a venue gets. */
const FEWEST = 26
const MOST = 34

const CLOSE_CODES = [1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, null] as const

/** Every fault that a virtual network can commit, each with a strength that a run can bear. */
const NETWORK: Readonly<
  // Clocks are stepped by the run itself, which must tell the client's time from the true one.
  Record<Exclude<Fault['fault'], 'venue' | 'edit' | 'inject' | 'clock-step'>, Maker>
> = {
  'refuse-handshake': (random, atMs) => {
    const status = random.pick([403, 429, 503])
    return random.chance(0.5)
      ? { fault: 'refuse-handshake', atMs, status, retryAfterSeconds: random.integer(1, 5) }
      : { fault: 'refuse-handshake', atMs, status }
  },
  'stall-handshake': (_random, atMs) => ({ fault: 'stall-handshake', atMs }),
  'slow-handshake': (random, atMs) => ({
    fault: 'slow-handshake',
    atMs,
    delayMs: random.integer(100, 6_000),
  }),
  'reset-handshake': (_random, atMs) => ({ fault: 'reset-handshake', atMs }),
  'http-status': (random, atMs) => ({ fault: 'http-status', atMs, status: random.pick([429, 500, 503]) }),
  'http-stall': (_random, atMs) => ({ fault: 'http-stall', atMs }),
  'http-slow': (random, atMs) => ({ fault: 'http-slow', atMs, delayMs: random.integer(100, 6_000) }),
  'http-reset': (_random, atMs) => ({ fault: 'http-reset', atMs }),
  'http-half': (_random, atMs) => ({ fault: 'http-half', atMs }),
  'http-garbage': (_random, atMs) => ({ fault: 'http-garbage', atMs }),
  drop: (random, atMs) => ({ fault: 'drop', atMs, times: random.integer(1, 3) }),
  duplicate: (random, atMs) => ({ fault: 'duplicate', atMs, copies: random.integer(1, 3) }),
  reorder: (random, atMs) => ({ fault: 'reorder', atMs, by: random.integer(1, 4) }),
  delay: (random, atMs) => ({ fault: 'delay', atMs, delayMs: random.integer(50, 4_000) }),
  truncate: (random, atMs) => ({ fault: 'truncate', atMs, keep: random.integer(0, 95) / 100 }),
  'bad-utf8': (_random, atMs) => ({ fault: 'bad-utf8', atMs }),
  'broken-compression': (_random, atMs) => ({ fault: 'broken-compression', atMs }),
  oversize: (_random, atMs) => ({ fault: 'oversize', atMs }),
  'reserved-opcode': (_random, atMs) => ({ fault: 'reserved-opcode', atMs }),
  slice: (random, atMs) => ({ fault: 'slice', atMs, bytes: random.integer(1, 7), times: 3 }),
  fragment: (random, atMs) => ({ fault: 'fragment', atMs, pieces: random.integer(2, 6), times: 3 }),
  'fragment-bomb': (_random, atMs) => ({ fault: 'fragment-bomb', atMs, fragments: 2_000 }),
  'cut-mid-frame': (_random, atMs) => ({ fault: 'cut-mid-frame', atMs }),
  'ignore-request': (_random, atMs) => ({ fault: 'ignore-request', atMs }),
  'late-request': (random, atMs) => ({ fault: 'late-request', atMs, delayMs: random.integer(100, 6_000) }),
  close: (random, atMs) => ({ fault: 'close', atMs, code: random.pick(CLOSE_CODES), reason: 'simulated' }),
  'hang-up': (_random, atMs) => ({ fault: 'hang-up', atMs }),
  reset: (_random, atMs) => ({ fault: 'reset', atMs }),
  'half-open': (random, atMs) => ({ fault: 'half-open', atMs, durationMs: random.integer(2_000, 60_000) }),
  stall: (random, atMs) => ({ fault: 'stall', atMs, durationMs: random.integer(200, 8_000) }),
  silence: (random, atMs) => ({ fault: 'silence', atMs, durationMs: random.integer(2_000, 40_000) }),
  'no-pong': (random, atMs) => ({ fault: 'no-pong', atMs, durationMs: random.integer(5_000, 30_000) }),
  'ping-flood': (random, atMs) => ({ fault: 'ping-flood', atMs, pings: random.integer(10, 500) }),
  'slow-drip': (random, atMs) => ({
    fault: 'slow-drip',
    atMs,
    bytesPerSecond: random.integer(200, 5_000),
    durationMs: random.integer(500, 6_000),
  }),
  'unknown-message': (_random, atMs) => ({ fault: 'unknown-message', atMs }),
  unreachable: (random, atMs) => ({
    fault: 'unreachable',
    atMs,
    how: random.pick(['refused', 'black-hole'] as const),
    durationMs: random.integer(1_000, 12_000),
  }),
}

/** Faults that end in a new connection: what waits for a handshake or a subscribe needs one. */
const SHAKES = ['close', 'hang-up', 'reset', 'cut-mid-frame'] as const

/** Faults that strike connections as they are, and so may strike one or all. */
const MOMENTS: ReadonlySet<Fault['fault']> = new Set([
  'close',
  'hang-up',
  'reset',
  'half-open',
  'stall',
  'silence',
  'no-pong',
  'ping-flood',
  'slow-drip',
  'unknown-message',
])

export interface PlanLimits {
  /** No fault strikes after this. */
  readonly untilMs: number
  /** The faults that the venue's own simulator can commit. */
  readonly venueFaults: readonly string[]
  /** Names that are left out: `drop`, `venue trade-lost`. */
  readonly without: readonly string[]
  /** Whether a fault of a moment strikes all connections or one of them. */
  readonly pick: 'all' | 'one'
}

/** A mixed plan for one venue: faults of the network and of the venue's protocol, spread over the time there is. */
export function randomPlan(
  random: SeededRandom,
  { untilMs, venueFaults, without, pick }: PlanLimits,
): FaultPlan {
  const network = Object.entries(NETWORK).filter(([name]) => !without.includes(name))
  const own = venueFaults.filter((name) => !without.includes(`venue ${name}`))
  const moment = () => random.integer(0, Math.floor(untilMs))
  const faults: Draft[] = []
  for (let count = random.integer(FEWEST, MOST); count > 0; count--) {
    const [, make] = random.pick(network)
    const fault = make(random, moment())
    faults.push(isOfMoment(fault) ? { ...fault, pick } : fault)
  }
  for (let count = own.length === 0 ? 0 : random.integer(6, 14); count > 0; count--) {
    faults.push({ fault: 'venue', name: random.pick(own), atMs: moment(), pick: 'one' })
  }
  for (let count = random.integer(1, 4); count > 0; count--) {
    const fault: Draft = { fault: random.pick(SHAKES), atMs: moment() }
    faults.push(isOfMoment(fault) ? { ...fault, pick } : fault)
  }
  return { seed: random.integer(0, 0xffff_ffff), faults }
}

type OfMoment = Extract<Draft, { pick?: unknown }>

function isOfMoment(fault: Draft): fault is OfMoment {
  return MOMENTS.has(fault.fault)
}
