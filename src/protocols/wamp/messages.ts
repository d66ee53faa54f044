import { DecodeError } from '../../errors.js'
import { isRecord, type JsonReader, misfit, readJson, wholeNumber, writeJson } from '../json-text.js'
import { type MessagePackLibrary, packMessage, unpackMessage } from '../message-pack.js'
import type { WampPayload, WampResult } from './types.js'

/** The codes of the messages. */
export const CODES = {
  hello: 1,
  welcome: 2,
  abort: 3,
  challenge: 4,
  authenticate: 5,
  goodbye: 6,
  error: 8,
  publish: 16,
  published: 17,
  subscribe: 32,
  subscribed: 33,
  unsubscribe: 34,
  unsubscribed: 35,
  event: 36,
  call: 48,
  cancel: 49,
  result: 50,
  register: 64,
  registered: 65,
  unregister: 66,
  unregistered: 67,
  invocation: 68,
  interrupt: 69,
  yield: 70,
} as const

/** How messages are written. */
export interface WampFormat {
  /** The subprotocol of the WebSocket. */
  readonly subprotocol: string
  write(message: readonly unknown[]): string | Uint8Array
  /** @throws {DecodeError} */
  read(frame: string | Uint8Array): WampFields
}

/** The fields of a message, by their place; what does not fit is a misfit. */
export class WampFields {
  readonly #values: readonly unknown[]
  readonly #head: string
  readonly code: number

  constructor(value: unknown, head: string) {
    const code = Array.isArray(value) ? wholeNumber(value[0]) : null
    if (!Array.isArray(value) || code === null) throw misfit('a message that is no list with a code', head)
    this.#values = value
    this.#head = head
    this.code = code
  }

  /** Ids are compared as text, for an exact reader returns text and MessagePack perhaps a bigint. */
  id(at: number): string {
    const value = this.#values[at]
    const isId = typeof value === 'bigint' || wholeNumber(value) !== null
    if (!isId) throw misfit('an id that is no whole number', this.#head, [at])
    return String(value)
  }

  text(at: number): string {
    const value = this.#values[at]
    if (typeof value !== 'string') throw misfit('a field that is no text', this.#head, [at])
    return value
  }

  record(at: number): { readonly [name: string]: unknown } {
    const value = this.#values[at]
    if (!isRecord(value)) throw misfit('a field that is no object', this.#head, [at])
    return value
  }

  /** Arguments and keywords from a place on; either may be left out. */
  payload(at: number): Pick<WampResult, 'args' | 'kwargs'> {
    const args = this.#values[at] ?? []
    const kwargs = this.#values[at + 1] ?? {}
    if (!Array.isArray(args)) throw misfit('arguments that are no list', this.#head, [at])
    if (!isRecord(kwargs)) throw misfit('keywords that are no object', this.#head, [at + 1])
    return { args, kwargs }
  }
}

/** Text in text messages. */
export function jsonWamp(read: JsonReader): WampFormat {
  return {
    subprotocol: 'wamp.2.json',
    write: (message) => writeJson(message, 'the arguments'),
    read(frame) {
      if (typeof frame !== 'string')
        throw new DecodeError('undecodable', 'bytes where JSON was agreed on', { path: [], head: '' })
      return new WampFields(readJson(read, frame), frame)
    },
  }
}

/** MessagePack in binary messages. */
export function messagePackWamp(library: MessagePackLibrary): WampFormat {
  return {
    subprotocol: 'wamp.2.msgpack',
    write: (message) => packMessage(library, message),
    read(frame) {
      if (typeof frame === 'string')
        throw new DecodeError('undecodable', 'text where MessagePack was agreed on', {
          path: [],
          head: frame,
        })
      return new WampFields(unpackMessage(library, frame), '')
    },
  }
}

/** The end of a message: arguments that are empty are left out. */
export function payloadOf({ args = [], kwargs = {} }: WampPayload): readonly unknown[] {
  const hasKeywords = Object.keys(kwargs).length > 0
  if (hasKeywords) return [args, kwargs]
  return args.length > 0 ? [args] : []
}
