import * as z from 'zod'
import { UsageError } from '../errors.js'
import { didYouMean } from '../nearest.js'
import { parseOptions } from '../options.js'

/**
 * A fault plan: which faults strike, when and whom. Milliseconds count from the start of the simulation (`afterMs`: from
 * the opening of each connection).
 *
 * Every fault has an *occasion*: a handshake, an HTTP request, a frame on its way to the client, a frame from it, any
 * moment of an open connection, or any moment of the host. Without a trigger a fault strikes on every occasion in its
 * window; a fault of a moment needs a trigger. docs/simulator.md describes each fault.
 */

const ms = z.number().min(0)
const share = z.number().min(0).max(1)
const pattern = z.string().refine(isPattern, 'must be a regular expression')

const time = {
  /** Trigger: the first occasion from this moment on. */
  atMs: ms.optional(),
  /** Trigger: again and again at this pace. */
  everyMs: z.number().positive().optional(),
  /** Trigger: by seeded chance on each occasion; for a moment: within each second, for each connection. */
  chance: share.optional(),
  /** Strikes at most so often in all. @default once with `atMs`, else without end */
  times: z.int().min(1).optional(),
  /** The window in which it strikes. @default always */
  fromMs: ms.optional(),
  untilMs: ms.optional(),
}

const target = {
  /** Trigger: the first occasion from this age of a connection on, once on each. */
  afterMs: ms.optional(),
  /** Only these connections, counted from 0 in the order in which they opened. @default all */
  connection: z.union([z.int().min(0), z.array(z.int().min(0))]).optional(),
  /** Only where the path of the handshake or request matches this regular expression. @default all */
  path: pattern.optional(),
}

/** Trigger: only the n-th occasion that fits, counted from 1. */
const nth = z.int().min(1).optional()

const onAttempt = { ...time, path: target.path, nth }
/** `nth` counts on each connection; `match` is a regular expression over the text of the frame. @default all frames */
const onFrame = { ...time, ...target, nth, match: pattern.optional() }
/** Whether it strikes all connections that fit, or one of them by chance. */
const onMoment = { ...time, ...target, pick: z.enum(['all', 'one']).default('all') }

const refusal = {
  status: z.int().min(200).max(599).default(503),
  /** Sent as Retry-After. */
  retryAfterSeconds: z.int().min(0).optional(),
  body: z.string().default(''),
}

export const handshakeFault = z.discriminatedUnion('fault', [
  z.strictObject({ fault: z.literal('refuse-handshake'), ...refusal, ...onAttempt }),
  z.strictObject({ fault: z.literal('stall-handshake'), ...onAttempt }),
  z.strictObject({ fault: z.literal('slow-handshake'), delayMs: ms.default(1000), ...onAttempt }),
  z.strictObject({ fault: z.literal('reset-handshake'), ...onAttempt }),
])

export const requestFault = z.discriminatedUnion('fault', [
  z.strictObject({ fault: z.literal('http-status'), ...refusal, ...onAttempt }),
  z.strictObject({ fault: z.literal('http-stall'), ...onAttempt }),
  z.strictObject({ fault: z.literal('http-slow'), delayMs: ms.default(1000), ...onAttempt }),
  z.strictObject({ fault: z.literal('http-reset'), ...onAttempt }),
  z.strictObject({ fault: z.literal('http-half'), ...onAttempt }),
  z.strictObject({
    fault: z.literal('http-garbage'),
    body: z.string().default('<html>Bad gateway</html>'),
    ...onAttempt,
  }),
])

export const frameFault = z.discriminatedUnion('fault', [
  z.strictObject({ fault: z.literal('drop'), ...onFrame }),
  z.strictObject({ fault: z.literal('duplicate'), copies: z.int().min(1).max(1000).default(1), ...onFrame }),
  z.strictObject({ fault: z.literal('reorder'), by: z.int().min(1).max(1000).default(1), ...onFrame }),
  z.strictObject({ fault: z.literal('delay'), delayMs: ms.default(1000), ...onFrame }),
  z.strictObject({ fault: z.literal('truncate'), keep: share.default(0.5), ...onFrame }),
  z.strictObject({ fault: z.literal('edit'), find: pattern, replace: z.string(), ...onFrame }),
  z.strictObject({ fault: z.literal('bad-utf8'), ...onFrame }),
  z.strictObject({ fault: z.literal('broken-compression'), ...onFrame }),
  z.strictObject({ fault: z.literal('oversize'), bytes: z.int().min(1).default(0x1000_0000), ...onFrame }),
  z.strictObject({ fault: z.literal('reserved-opcode'), ...onFrame }),
  z.strictObject({ fault: z.literal('slice'), bytes: z.int().min(1).default(1), ...onFrame }),
  z.strictObject({ fault: z.literal('fragment'), pieces: z.int().min(2).max(10_000).default(3), ...onFrame }),
  z.strictObject({
    fault: z.literal('fragment-bomb'),
    fragments: z.int().min(1).max(1_000_000).default(100_000),
    ...onFrame,
  }),
  z.strictObject({ fault: z.literal('cut-mid-frame'), ...onFrame }),
])

export const receivedFault = z.discriminatedUnion('fault', [
  z.strictObject({ fault: z.literal('ignore-request'), ...onFrame }),
  z.strictObject({ fault: z.literal('late-request'), delayMs: ms.default(5000), ...onFrame }),
])

export const momentFault = z.discriminatedUnion('fault', [
  z.strictObject({
    fault: z.literal('close'),
    code: z.int().min(1000).max(4999).nullable().default(1012),
    reason: z.string().max(123).default(''),
    ...onMoment,
  }),
  z.strictObject({ fault: z.literal('hang-up'), ...onMoment }),
  z.strictObject({ fault: z.literal('reset'), ...onMoment }),
  z.strictObject({ fault: z.literal('half-open'), durationMs: ms.optional(), ...onMoment }),
  z.strictObject({ fault: z.literal('stall'), durationMs: ms.default(5000), ...onMoment }),
  z.strictObject({ fault: z.literal('silence'), durationMs: ms.default(30_000), ...onMoment }),
  z.strictObject({ fault: z.literal('no-pong'), durationMs: ms.optional(), ...onMoment }),
  z.strictObject({
    fault: z.literal('ping-flood'),
    pings: z.int().min(1).max(1_000_000).default(1000),
    ...onMoment,
  }),
  z.strictObject({
    fault: z.literal('slow-drip'),
    bytesPerSecond: z.number().positive().default(50),
    durationMs: ms.optional(),
    ...onMoment,
  }),
  z.strictObject({ fault: z.literal('inject'), text: z.string(), ...onMoment }),
  z.strictObject({ fault: z.literal('unknown-message'), ...onMoment }),
  z.strictObject({ fault: z.literal('venue'), name: z.string().min(1), ...onMoment }),
])

export const hostFault = z.discriminatedUnion('fault', [
  z.strictObject({
    fault: z.literal('unreachable'),
    /** `refused`: nobody listens. `black-hole`: connects and requests are swallowed and never answered. */
    how: z.enum(['refused', 'black-hole']).default('refused'),
    durationMs: ms.default(5000),
    ...time,
  }),
  /** Back where it is less than 0. */
  z.strictObject({ fault: z.literal('clock-step'), byMs: z.number().default(3_600_000), ...time }),
])

const MOMENTS: ReadonlySet<string> = new Set(
  [...momentFault.options, ...hostFault.options].map((option) => option.shape.fault.value),
)

/** Schema of one fault. */
export const fault = z
  .discriminatedUnion(
    'fault',
    [handshakeFault, requestFault, frameFault, receivedFault, momentFault, hostFault],
    { error: ({ input }) => noFault(input) },
  )
  .superRefine((value, context) => {
    const triggers = Object.entries(value).filter(([key, given]) => TRIGGERS.has(key) && given !== undefined)
    const [first, second] = triggers.map(([key]) => key)
    if (second !== undefined) {
      const message = `cannot stand beside ${first}: a fault has one trigger`
      context.addIssue({ code: 'custom', path: [second], message })
    }
    if (first === undefined && MOMENTS.has(value.fault)) {
      const message = 'needs a trigger: atMs, afterMs, everyMs or chance'
      context.addIssue({ code: 'custom', path: ['fault'], message })
    }
  })

const TRIGGERS: ReadonlySet<string> = new Set(['atMs', 'afterMs', 'everyMs', 'chance', 'nth'])

/** Schema of a plan. */
export const faultPlan = z.strictObject({
  /** Of the chances in the plan. @default drawn from the simulation's own seed */
  seed: z.int().min(0).optional(),
  faults: z.array(fault, 'must be the list of faults'),
})

/** A plan as a user writes it. */
export type FaultPlan = z.input<typeof faultPlan>
/** A plan with all defaults filled in; it may be given wherever a plan may. */
export type ParsedFaultPlan = z.output<typeof faultPlan>
/** One fault with all defaults filled in. */
export type Fault = z.output<typeof fault>
export type HandshakeFault = z.output<typeof handshakeFault>
export type RequestFault = z.output<typeof requestFault>
export type FrameFault = z.output<typeof frameFault>
export type ReceivedFault = z.output<typeof receivedFault>
export type MomentFault = z.output<typeof momentFault>
export type HostFault = z.output<typeof hostFault>
/** When and whom: what a trigger reads of any fault. */
export interface When {
  readonly atMs?: number | undefined
  readonly afterMs?: number | undefined
  readonly everyMs?: number | undefined
  readonly chance?: number | undefined
  readonly nth?: number | undefined
  readonly times?: number | undefined
  readonly fromMs?: number | undefined
  readonly untilMs?: number | undefined
  readonly connection?: number | readonly number[] | undefined
  readonly path?: string | undefined
  readonly match?: string | undefined
}

/** The name of every fault, in the order of docs/simulator.md. */
export const FAULT_NAMES: readonly Fault['fault'][] = [
  ...handshakeFault.options.map((option) => option.shape.fault.value),
  ...requestFault.options.map((option) => option.shape.fault.value),
  ...frameFault.options.map((option) => option.shape.fault.value),
  ...receivedFault.options.map((option) => option.shape.fault.value),
  ...momentFault.options.map((option) => option.shape.fault.value),
  ...hostFault.options.map((option) => option.shape.fault.value),
]

/** @throws {UsageError} code `bad_option`, naming the field and the value. */
export function checkFaultPlan(plan: unknown): ParsedFaultPlan {
  return parseOptions('fault plan', faultPlan, plan)
}

/**
 * Reads a plan from the text of a file (JSON: a plan, or just its list of faults) or of a flag:
 * `drop chance=0.01; close atMs=5000 code=1012 reason="back soon"`.
 *
 * @throws {UsageError} code `bad_option`, naming what does not fit.
 */
export function parseFaultPlan(text: string): ParsedFaultPlan {
  const trimmed = text.trim()
  if (!/^[[{]/.test(trimmed)) return checkFaultPlan({ faults: readFlags(trimmed) })
  const value = readJson(trimmed)
  return checkFaultPlan(Array.isArray(value) ? { faults: value } : value)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError('bad_option', `the fault plan is not JSON: ${why}`, {
      cause,
      context: { field: 'faults' },
    })
  }
}

const WORD = /\s*(?:([a-z0-9-]+)|([a-zA-Z]+)=("(?:[^"\\]|\\.)*"|[^\s;]*))(?=[\s;]|$)/y

/** The flag form: faults apart by `;`, each a name and `key=value` words. A value that is no JSON is text. */
function readFlags(text: string): Record<string, unknown>[] {
  const faults: Record<string, unknown>[] = []
  let current: Record<string, unknown> | null = null
  let at = 0
  while (at < text.length) {
    const end = /\s*(?:;|$)/y
    end.lastIndex = at
    if (end.test(text)) {
      current = null
      at = end.lastIndex
      continue
    }
    WORD.lastIndex = at
    const word = WORD.exec(text)
    const [, name, key, value] = word ?? []
    if (word === null || (name === undefined) === (current === null)) {
      throw new UsageError(
        'bad_option',
        `fault plan: expected ${current === null ? 'the name of a fault' : 'key=value'} at "${text.slice(at, at + 30).trim()}"`,
        { context: { field: 'faults' } },
      )
    }
    if (name !== undefined) {
      current = { fault: name }
      faults.push(current)
    } else if (current !== null && key !== undefined) current[key] = flagValue(value ?? '')
    at = WORD.lastIndex
  }
  return faults
}

function flagValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A bare word: `match=trade` needs no quotes.
    return text
  }
}

/** What is wrong with something in the list that is none of the faults. */
function noFault(input: unknown): string {
  const name = typeof input === 'object' && input !== null && 'fault' in input ? input.fault : undefined
  if (typeof name !== 'string') return 'must be a fault with its name: { "fault": "drop" }'
  return `is no fault${didYouMean(name, FAULT_NAMES) || `; there are ${FAULT_NAMES.join(', ')}`}`
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text)
    return true
  } catch {
    return false
  }
}
