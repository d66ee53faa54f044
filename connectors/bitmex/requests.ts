import { type Failure, request } from '../../schemas/bitmex.js'

/** What a failure says of the request that it answers. */
export interface FailedRequest {
  readonly op: string | null
  /** The topics that the text names, or else the only ones that there were; all of them where it names none. */
  readonly named: readonly string[]
}

/** Reads the request that a failure echoes. Another client may have sent anything, so only what fits is taken. */
export function readRequest(failure: Failure): FailedRequest {
  const { op, args } = request.safeParse(failure.request).data ?? {}
  const topics = (Array.isArray(args) ? args : [args]).filter((arg) => typeof arg === 'string')
  const words = new Set(failure.error.split(/[^\w:.]+/).flatMap((word) => [word, word.replace(/\.+$/, '')]))
  const named = topics.filter((topic) => words.has(topic))
  return { op: op ?? null, named: named.length > 0 ? named : topics }
}

/** How many topics a request may have, where the failure is that it had more; else null. */
export function asksTooMany(failure: Failure): number | null {
  if (!/too many args/i.test(failure.error)) return null
  return Number(/max(?:imum)? length is (\d+)/i.exec(failure.error)?.[1] ?? 1)
}

/** When a limit ends: `meta.retryAfter`, or `retry in N seconds`, or a second. */
export function retryAfterMs(failure: Failure): number {
  const seconds = Number(failure.meta?.retryAfter ?? /retry in (\d+) second/i.exec(failure.error)?.[1] ?? 1)
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds * 1000) : 1000
}
