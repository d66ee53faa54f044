import { ProtocolError } from '../../errors.js'
import type { Reconnect } from '../codec.js'

const FINAL: ReadonlySet<string> = new Set(['wamp.error.no_such_realm', 'wamp.error.protocol_violation'])
const PLANNED: ReadonlySet<string> = new Set([
  'wamp.close.system_shutdown',
  'wamp.error.system_shutdown',
  'wamp.close.close_realm',
  'wamp.close.normal',
])

/** What the end of a session by the router leads to. */
export function reconnectOf(reason: string, details: { readonly [name: string]: unknown }): Reconnect {
  const { message } = details
  const words = typeof message === 'string' && message !== '' ? `: ${message}` : ''
  const error = new ProtocolError(
    'connection_refused',
    `WAMP: the router ended the session with ${reason}${words}`,
    {
      answer: { code: reason, message: typeof message === 'string' ? message : '', data: details },
    },
  )
  return { retry: FINAL.has(reason) ? 'never' : 'backoff', planned: PLANNED.has(reason), error }
}
