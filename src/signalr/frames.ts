import * as z from 'zod'
import { checker, type LosslessValue, readLossless } from '../decode/index.js'
import { DecodeError } from '../errors.js'

/** One message that a hub pushed. */
export interface HubMessage {
  /** In lower case: servers write their own casing (`C3`). */
  readonly hub: string
  /** In lower case, for the same reason. */
  readonly method: string
  readonly args: readonly LosslessValue[]
}

/** A frame of the server. Numbers inside values are their exact text. */
export type HubFrame =
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
      readonly messages: readonly HubMessage[]
    }
  /** The answer to a call. `value` is null also for a method that returns nothing. */
  | { readonly kind: 'result'; readonly id: string; readonly value: LosslessValue }
  /** A call that failed. */
  | {
      readonly kind: 'failure'
      readonly id: string
      readonly error: string
      /** Thrown on purpose by the hub's author, so that `error` is meant for the caller. */
      readonly hubException: boolean
      readonly data: LosslessValue
    }
  /** A sign of life of a call that takes long. */
  | { readonly kind: 'progress'; readonly id: string; readonly value: LosslessValue }

const lossless = z.custom<LosslessValue>((value) => value !== undefined)

/**
 * `{"C":"d-D56EFF76-B,0|nuz,0|nu0,1","S":1,"M":[]}` (the first frame), `{"C":"…","G":"…","M":[]}` (new groups),
 * `{"C":"…","M":[{"H":"C3","M":"ticker","A":["q1Yq…"]}]}`. Seen at Bittrex, 2021-06-14.
 */
const pushFrame = z.looseObject({
  C: z.string().optional(),
  S: z.string().optional(),
  G: z.string().optional(),
  T: z.string().optional(),
  M: z.array(z.looseObject({ H: z.string(), M: z.string(), A: z.array(lossless) })).optional(),
})

/**
 * `{"R":[{"Success":true,"ErrorCode":null}],"I":"1"}` (Bittrex, 2021-06-14: the id is text, whatever was sent),
 * `{"I":"2","E":"boom","H":true}`, `{"I":"3","P":{"I":0,"D":…}}`, `{"I":"4"}` from a method without a result.
 */
const replyFrame = z.looseObject({
  I: z.string(),
  R: lossless.optional(),
  E: z.string().optional(),
  H: lossless.optional(),
  D: lossless.optional(),
  P: z.looseObject({ D: lossless.optional() }).optional(),
})

const checkPush = checker(pushFrame)
const checkReply = checker(replyFrame)

/**
 * Reads one frame of the server.
 *
 * @throws {DecodeError} `not_json`, `schema_mismatch`, or `unknown_message` for an object that is none of the kinds.
 */
export function readFrame(text: string): HubFrame {
  const value = readLossless(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return unknownFrame(text)
  if ('I' in value) return reply(checkReply(value, text))
  if ('M' in value || 'C' in value || 'S' in value || 'T' in value) return push(checkPush(value, text))
  return Object.keys(value).length === 0 ? { kind: 'keepalive' } : unknownFrame(text)
}

function push(frame: z.output<typeof pushFrame>): HubFrame {
  return {
    kind: 'push',
    cursor: frame.C ?? null,
    initialised: frame.S === '1',
    groups: frame.G ?? null,
    reconnect: frame.T === '1',
    messages: (frame.M ?? []).map(({ H, M, A }) => ({
      hub: H.toLowerCase(),
      method: M.toLowerCase(),
      args: A,
    })),
  }
}

function reply(frame: z.output<typeof replyFrame>): HubFrame {
  const id = frame.I
  if (frame.P !== undefined) return { kind: 'progress', id, value: frame.P.D ?? null }
  if (frame.E === undefined) return { kind: 'result', id, value: frame.R ?? null }
  return { kind: 'failure', id, error: frame.E, hubException: frame.H === true, data: frame.D ?? null }
}

function unknownFrame(text: string): never {
  throw new DecodeError('unknown_message', 'the frame is none that SignalR knows', { path: [], head: text })
}
