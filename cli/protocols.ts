import { UsageError } from '../src/errors.js'
import { didYouMean } from '../src/nearest.js'
import type { Protocol } from '../src/protocols/codec.js'
import {
  classicSignalR,
  jsonRpc,
  mqtt,
  pusher,
  signalR,
  socketIo,
  sse,
  wamp,
} from '../src/protocols/index.js'
import { quoted } from './flag.js'

/** Any protocol: its commands come from JSON, and it checks them itself. */
export type AnyProtocol = Protocol<unknown, unknown, unknown>

/** By the name that the command line has for each; options are checked by the protocol itself. */
const PROTOCOLS: Readonly<Record<string, (options: never) => unknown>> = {
  'classic-signalr': classicSignalR,
  'json-rpc': jsonRpc,
  mqtt,
  pusher,
  signalr: signalR,
  'socket.io': socketIo,
  sse,
  wamp,
}

/** Makes each of them. */
export const protocolFactories: readonly unknown[] = Object.values(PROTOCOLS)

/** The protocols that `tapewire socket` knows. */
export const protocolNames: readonly string[] = Object.keys(PROTOCOLS)

/**
 * `pusher`, or with options `pusher:{"key":"…"}`.
 *
 * @throws {UsageError} `unknown_protocol`, with the nearest; `bad_option`.
 */
export function protocolOf(text: string): AnyProtocol {
  const [, name = '', json] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  const make = Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : undefined
  if (make === undefined) {
    throw new UsageError(
      'unknown_protocol',
      `${quoted(name)} is no protocol${didYouMean(name, protocolNames) || ';'} there are ${protocolNames.join(', ')}`,
    )
  }
  const options = json === undefined ? {} : jsonOf(json)
  return make(options as never) as AnyProtocol
}

/** @throws {UsageError} `bad_json`. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError('bad_json', `${quoted(text.slice(0, 80))} is no JSON`, { cause: error })
  }
}
