import { ProtocolError } from '../../errors.js'
import type { Reconnect } from '../codec.js'
import { hex } from './deliveries.js'
import type { MqttVersion } from './packets.js'
import type { MqttProperties } from './properties.js'

const UNSUPPORTED = 'the version is not supported'

/** What the return codes of 3.1.1 mean, from 1. */
const RETURN_CODES = [
  UNSUPPORTED,
  'the client id is refused',
  'the server is not available',
  'user name or password is wrong',
  'the client is not authorised',
]

const REASONS: Readonly<Record<number, string>> = {
  128: 'unspecified error',
  129: 'malformed packet',
  130: 'protocol error',
  131: 'implementation specific error',
  132: UNSUPPORTED,
  133: 'the client id is refused',
  134: 'user name or password is wrong',
  135: 'the client is not authorised',
  136: 'the server is not available',
  137: 'the server is busy',
  138: 'the client is banned',
  139: 'the server shuts down',
  140: 'bad authentication method',
  141: 'keep alive timeout',
  142: 'the session was taken over by another connection of the same client id',
  144: 'the topic name is invalid',
  147: 'receive maximum exceeded',
  149: 'the packet is too large',
  151: 'quota exceeded',
  152: 'administrative action',
  153: 'the payload format is invalid',
  154: 'retain is not supported',
  155: 'the QoS is not supported',
  156: 'use another server',
  157: 'the server has moved',
  159: 'too many connections in a short time',
}

/** Reasons for which the same attempt can never succeed. */
const FINAL = new Set([0x84, 0x85, 0x8a, 0x8c, 0x8e, 0x95, 0x9a, 0x9b, 0x9c, 0x9d])
const LOGIN = new Set([0x86, 0x87])

/** What a refused connect leads to. A login that is asked anew may be another one next time. */
export function refusedConnect(
  version: MqttVersion,
  code: number,
  properties: MqttProperties,
  hasLogin: boolean,
): Reconnect {
  // A server that knows only 3.1.1 answers a client of version 5 with its own codes (MQTT 5, 4.13; nats-server).
  const old = version === 4 || code < 0x80
  const known = old ? RETURN_CODES[code - 1] : REASONS[code]
  const words = known === UNSUPPORTED && version === 5 ? `${known}; 3.1.1 is \`version: 4\`` : known
  const final = old ? code <= 2 : FINAL.has(code)
  const login = old ? code === 4 || code === 5 : LOGIN.has(code)
  return {
    retry: final || (login && !hasLogin) ? 'never' : 'backoff',
    error: ended('the server refused the connection', words, code, properties),
  }
}

/** What a DISCONNECT of the server leads to. */
export function disconnected(code: number, properties: MqttProperties): Reconnect {
  if (code === 0) return { retry: 'backoff', planned: true }
  return {
    retry: FINAL.has(code) ? 'never' : 'backoff',
    planned: code === 0x8b || code === 0x98,
    error: ended('the server ended the connection', REASONS[code], code, properties),
  }
}

function ended(
  what: string,
  words: string | undefined,
  code: number,
  properties: MqttProperties,
): ProtocolError {
  const { reasonString, serverReference } = properties
  const more = [words, reasonString, serverReference].filter((each) => each !== undefined).join(': ')
  return new ProtocolError(
    'connection_refused',
    `MQTT: ${what}: ${more === '' ? 'no reason given' : more} (${hex(code)})`,
    {
      answer: { code, message: more, data: properties },
    },
  )
}
