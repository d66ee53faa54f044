import { type LosslessValue, readLossless } from '../../decode/lossless.js'
import { DecodeError } from '../../errors.js'
import { isRecord, type JsonReader, type JsonRecord, misfit, readJson } from '../json-text.js'

/** One message that a hub pushed. */
export interface HubMessage<Value = LosslessValue> {
  /** In lower case: servers write their own casing (`C3`). */
  readonly hub: string
  /** In lower case, for the same reason. */
  readonly method: string
  readonly args: readonly Value[]
}

/** A frame of the server. Numbers inside values are their exact text, unless another reader was given. */
export type HubFrame<Value = LosslessValue> =
  /** `{}`: the transport lives, nothing else is proved. */
  | { readonly kind: 'keepalive' }
  /** What the persistent connection carries: messages, and news of itself. */
  | {
      readonly kind: 'push'
      /** Position in the server's backplane; opaque, and no gap detector. */
      readonly cursor: string | null
      /** The first frame of a connection: the transport is up, start may be requested. */
      readonly initialised: boolean
      /** A new groups token, after the set of a client's groups changed. */
      readonly groups: string | null
      /** The server asks for a new connection. */
      readonly reconnect: boolean
      /** Often none, often several: to be handled in order. */
      readonly messages: readonly HubMessage<Value>[]
    }
  /** The answer to a call. `value` is null also for a method that returns nothing. */
  | { readonly kind: 'result'; readonly id: string; readonly value: Value | null }
  /** A call that failed. */
  | {
      readonly kind: 'failure'
      readonly id: string
      readonly error: string
      /** Thrown on purpose by the hub's author, so that `error` is meant for the caller. */
      readonly hubException: boolean
      readonly data: Value | null
    }
  /** A sign of life of a call that takes long. */
  | { readonly kind: 'progress'; readonly id: string; readonly value: Value | null }

/**
 * Reads one frame of the server:
 * `{"C":"d-D56EFF76-B,0|nuz,0|nu0,1","S":1,"M":[]}` (the first frame), `{"C":"…","G":"…","M":[]}` (new groups),
 * `{"C":"…","M":[{"H":"C3","M":"ticker","A":["q1Yq…"]}]}`, `{"R":[{"Success":true,"ErrorCode":null}],"I":"1"}` (the id is text, whatever
 * was sent), all seen at Bittrex, 2021-06-14; `{"I":"2","E":"boom","H":true}`, `{"I":"3","P":{"I":0,"D":…}}`, and `{"I":"4"}` from a method
 * without a result.
 *
 * @throws {DecodeError} `not_json`, `schema_mismatch`, or `unknown_message` for an object that is none of the kinds.
 */
export function readFrame(text: string): HubFrame {
  return readFrameWith(readLossless, text)
}

/** As {@link readFrame}, with another reader of JSON. */
export function readFrameWith<Value>(read: (text: string) => Value, text: string): HubFrame<Value> {
  const value = readJson(read as JsonReader, text)
  if (!isRecord(value)) return unknownFrame(text)
  if ('I' in value) return reply(value, text)
  if ('M' in value || 'C' in value || 'S' in value || 'T' in value) return push(value, text)
  return Object.keys(value).length === 0 ? { kind: 'keepalive' } : unknownFrame(text)
}

function push<Value>(frame: JsonRecord, text: string): HubFrame<Value> {
  const messages = frame['M'] ?? []
  if (!Array.isArray(messages)) throw misfit('messages that are no list', text, ['M'])
  return {
    kind: 'push',
    cursor: optionalText(frame, 'C', text),
    initialised: isOne(frame['S']),
    groups: optionalText(frame, 'G', text),
    reconnect: isOne(frame['T']),
    messages: messages.map((each: unknown, index) => message(each, text, index)),
  }
}

function message<Value>(value: unknown, text: string, index: number): HubMessage<Value> {
  const { H: hub, M: method, A: args } = isRecord(value) ? value : {}
  if (typeof hub !== 'string') throw misfit('a message without a hub', text, ['M', index, 'H'])
  if (typeof method !== 'string') throw misfit('a message without a method', text, ['M', index, 'M'])
  if (!Array.isArray(args)) throw misfit('arguments that are no list', text, ['M', index, 'A'])
  return { hub: hub.toLowerCase(), method: method.toLowerCase(), args }
}

function reply<Value>(frame: JsonRecord, text: string): HubFrame<Value> {
  const { I, R, E, H, D, P } = frame as { readonly [name: string]: Value | null | undefined }
  if (typeof I !== 'string' && typeof I !== 'number') throw misfit('an id that is none', text, ['I'])
  const id = String(I)
  if (P !== undefined) {
    if (!isRecord(P)) throw misfit('progress that is no object', text, ['P'])
    return { kind: 'progress', id, value: (P['D'] as Value | undefined) ?? null }
  }
  if (E === undefined) return { kind: 'result', id, value: R ?? null }
  if (typeof E !== 'string') throw misfit('an error that is no text', text, ['E'])
  return { kind: 'failure', id, error: E, hubException: H === true, data: D ?? null }
}

function optionalText(frame: JsonRecord, name: string, text: string): string | null {
  const value = frame[name]
  if (value === undefined) return null
  if (typeof value !== 'string') throw misfit(`${name} that is no text`, text, [name])
  return value
}

/** An exact reader returns the number as text. */
function isOne(value: unknown): boolean {
  return value === '1' || value === 1
}

function unknownFrame(text: string): never {
  throw new DecodeError('unknown_message', 'the frame is none that SignalR knows', { path: [], head: text })
}
