import type { HttpResponse } from '../connector.js'
import { UsageError } from '../errors.js'
import type { Clock, Dial, Http } from '../platform.js'
import type { Protocol } from '../protocols/codec.js'
import { shown } from '../shown.js'
import { systemClock } from './clock.js'
import { fetchDial } from './fetch-dial.js'
import { type OpenSocketOptions, openSocketSchema } from './open-options.js'
import { opened } from './opening.js'
import type { Frame } from './plain-frames.js'
import type { Socket } from './socket.js'
import { dialWith, type WhatwgWebSocket } from './whatwg.js'

/** What the runtime decides itself: there is no option for it. */
type OfNode = 'proxy' | 'tls' | 'localAddress' | 'agent' | 'compression'

/** Options of `openSocket` in a browser: proxy, TLS, compression and the local address are the browser's affair. */
export type BrowserSocketOptions<Command = Frame, Message = Frame, Answer = unknown> = Omit<
  OpenSocketOptions<Command, Message, Answer>,
  OfNode
>

/**
 * `openSocket` where there is no Node, on the runtime's own WebSocket. It cannot send headers (a target with some fails), and sends no ping
 * frame: a heartbeat needs `send`, or a watchdog finds the dead connection.
 *
 * @throws {UsageError} `bad_option`, naming field and value. What the network does is emitted.
 */
export function openSocket<Command, Message, Answer>(
  url: string,
  options: BrowserWithProtocol<Command, Message, Answer>,
): Socket<Command, Message, Answer>
export function openSocket(url: string, options?: BrowserSocketOptions): Socket<Frame, Frame, never>
export function openSocket<Command, Message, Answer>(
  url: string,
  options: BrowserWithProtocol<Command, Message, Answer> | BrowserSocketOptions = {},
): Socket<Command, Message, Answer> | Socket<Frame, Frame, never> {
  return opened<Command, Message, Answer, typeof openSocketSchema>(url, options, openSocketSchema, () => {
    const clock = systemClock()
    return { clock, dial: browserDial(clock), http: fetchHttp }
  })
}

/** Options that name a protocol. */
export type BrowserWithProtocol<Command, Message, Answer> = BrowserSocketOptions<Command, Message, Answer> & {
  readonly protocol: Protocol<Command, Message, Answer>
}

function browserDial(clock: Clock): Dial {
  const webSocket = dialWith(ownWebSocket(), clock)
  const stream = fetchDial(clock)
  return (target, events) => (/^https?:/.test(target.url) ? stream : webSocket)(target, events)
}

function ownWebSocket(): new (url: string, protocols: string[]) => WhatwgWebSocket {
  const { WebSocket: own } = globalThis as {
    WebSocket?: new (url: string, protocols: string[]) => WhatwgWebSocket
  }
  if (own === undefined)
    throw new UsageError('bad_option', 'openSocket: this runtime has no WebSocket; give option platform')
  return own
}

/** HTTP with the runtime's `fetch`, within the same bounds. */
const fetchHttp: Http = async (request, { timeoutMs, maxBytes, signal }) => {
  const { id, url, method, headers = {}, body } = request
  const failed = (why: string): HttpResponse => ({ id, url, status: 0, headers: {}, body: shown(why) })
  const signals = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]
  try {
    const answer = await fetch(url, {
      method,
      headers,
      signal: AbortSignal.any(signals),
      ...(body !== undefined && { body }),
    })
    const decoder = new TextDecoder()
    let text = ''
    let size = 0
    const reader = answer.body?.getReader()
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
      size += next.value.byteLength
      text += decoder.decode(next.value, { stream: true })
      if (size <= maxBytes) continue
      await reader?.cancel()
      return failed(`the answer is larger than ${maxBytes} bytes`)
    }
    text += decoder.decode()
    return { id, url, status: answer.status, headers: Object.fromEntries(answer.headers), body: text }
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error))
  }
}
