import type { OpenSocketConfig } from './open-options.js'
import type { SocketSettings } from './socket-options.js'

/** What the protocol sends by itself (subscriptions, above all after a reconnect) may take so many times what a user may send. */
const PROTOCOL_SHARE = 4

/** How the resilient sockets of `openSocket` behave. */
export function linkSettings(config: OpenSocketConfig): SocketSettings {
  const { heartbeat, watchdog, reconnect, connectTimeoutMs, maxFrameBytes, maxBufferedBytes } = config
  const bounds = { connectTimeoutMs, maxFrameBytes, maxBufferedBytes: maxBufferedBytes * PROTOCOL_SHARE }
  const liveness: SocketSettings = {
    silentAfterMs: watchdog?.silentAfterMs ?? null,
    ...(watchdog !== null && { life: watchdog.life }),
    ping: heartbeat === null ? null : ping(heartbeat),
  }
  if (reconnect === false) return { ...bounds, ...liveness, judge: () => ({ retry: 'never' }) }
  const { baseMs, capMs, factor, dialsPerMinute, shouldRetry, ...rest } = reconnect
  return {
    ...bounds,
    ...liveness,
    ...rest,
    backoff: { baseMs, capMs, factor },
    connectsPerMinute: dialsPerMinute,
    judge: (loss) => (shouldRetry(loss) ? null : { retry: 'never' }),
  }
}

function ping({
  send,
  everyMs,
  when,
  answer,
  answerWithinMs,
}: NonNullable<OpenSocketConfig['heartbeat']>): NonNullable<SocketSettings['ping']> {
  return { frame: send, everyMs, always: when === 'always', answer, answerWithinMs }
}
