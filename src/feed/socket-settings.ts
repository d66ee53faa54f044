import type { Connector } from '../connector.js'
import type { SocketSettings } from '../socket/resilient-socket.js'

/** What the user says of sockets. */
interface SocketWishes {
  readonly connectTimeoutMs: number
  readonly stallAfterMs?: number | undefined
  readonly backoffBaseMs: number
  readonly backoffCapMs: number
  readonly stableAfterMs: number
  readonly maxAttempts: number
  readonly maxHoldMs: number
}

/** How the sockets of a venue behave: by what it declares, and what the user wants. */
export function socketSettings({ limits, liveness }: Connector, wishes: SocketWishes): SocketSettings {
  const {
    connectTimeoutMs,
    stallAfterMs,
    backoffBaseMs,
    backoffCapMs,
    stableAfterMs,
    maxAttempts,
    maxHoldMs,
  } = wishes
  return {
    connectTimeoutMs,
    silentAfterMs: stallAfterMs ?? liveness.silentAfterMs,
    ping: liveness.ping,
    backoff: { baseMs: backoffBaseMs, capMs: backoffCapMs },
    stableAfterMs,
    maxAttempts,
    maxHoldMs,
    maxFrameBytes: limits.maxFrameBytes,
    connectsPerMinute: limits.connectsPerMinute,
    refusedForMs: limits.refusedForMs ?? 0,
    plannedCodes: limits.plannedCodes ?? [],
  }
}
