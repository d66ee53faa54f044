import { ProtocolError } from '../../errors.js'
import type { Reconnect } from '../codec.js'

/** What a close code, or the code of an error before the connection was established, says about another attempt. */
export function reconnectOf(code: number | null, reason: string): Reconnect | null {
  if (code === null || code < 4000 || code > 4999) return null
  const hint = code === 4000 ? '; use wss://' : ''
  const error = new ProtocolError(
    'connection_refused',
    `Pusher ended the connection: ${reason === '' ? 'no reason given' : reason} (${code})${hint}`,
    { answer: { code, message: reason, data: null } },
  )
  if (code < 4100) return { retry: 'never', error }
  if (code < 4200) return { retry: 'backoff', afterMs: 1_000, error }
  if (code < 4300) return { retry: 'now', error }
  return { retry: 'backoff', error }
}
