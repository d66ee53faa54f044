import type { DecodeError, ProtocolAnswer } from '../../errors.js'
import { isRecord, type JsonReader, type JsonRecord, misfit, readJson, wholeNumber } from '../json-text.js'
import type { RpcId } from './types.js'

/** One message of a frame. */
export type RpcMessage =
  | { readonly kind: 'notification'; readonly method: string; readonly params: unknown }
  | { readonly kind: 'request'; readonly id: RpcId; readonly method: string; readonly params: unknown }
  | { readonly kind: 'result'; readonly id: string; readonly result: unknown }
  /** The id is null where the other side could not read the request. */
  | { readonly kind: 'error'; readonly id: string | null; readonly answer: ProtocolAnswer }
  | { readonly kind: 'misfit'; readonly error: DecodeError }

/** More messages than this in one batch are refused. */
const MAX_BATCH = 10_000

/**
 * Reads a frame: one message, or a batch of them. One that does not fit spoils no other.
 *
 * @throws {DecodeError} `not_json`, `schema_mismatch`.
 */
export function readMessages(read: JsonReader, text: string): readonly RpcMessage[] {
  const value = readJson(read, text)
  if (!Array.isArray(value)) return [message(value, text, [], text)]
  if (value.length === 0) throw misfit('a batch without a message', text)
  if (value.length > MAX_BATCH) throw misfit(`a batch of more than ${MAX_BATCH} messages`, text)
  return value.map((one, index) => message(one, text, [index], null))
}

/** @param source the text of this message alone, null in a batch. */
function message(
  value: unknown,
  text: string,
  path: readonly (string | number)[],
  source: string | null,
): RpcMessage {
  if (!isRecord(value)) return wrong('a message that is no object', text, path)
  // The servers of rpc-websockets name a notification `notification`.
  const { method = value['notification'], id } = value
  if (typeof method === 'string') {
    const params = value['params']
    if (!('id' in value)) return { kind: 'notification', method, params }
    const own = requestId(id, source ?? text, path)
    return own === null
      ? wrong('a request whose id is neither text nor a number', text, path)
      : { kind: 'request', id: own, method, params }
  }
  if (value['error'] != null) return failure(value, text, path)
  if (!('result' in value)) return wrong('neither method, result nor error', text, path)
  const answered = answerId(id)
  if (answered === null) return wrong('a result without an id', text, path)
  return { kind: 'result', id: answered, result: value['result'] }
}

function failure(value: JsonRecord, text: string, path: readonly (string | number)[]): RpcMessage {
  const { error } = value
  if (!isRecord(error)) return wrong('an error that is no object', text, [...path, 'error'])
  const { code, message: said, data } = error
  const answer = {
    code: wholeNumber(code) ?? (typeof code === 'string' ? code : null),
    message: typeof said === 'string' ? said : '',
    data,
  }
  return { kind: 'error', id: answerId(value['id']), answer }
}

/** Some servers answer the number that was sent as text. */
function answerId(id: unknown): string | null {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null
}

/** A number must go back as a number; an exact reader does not tell the two apart. */
function requestId(id: unknown, text: string, path: readonly (string | number)[]): RpcId | null {
  if (typeof id === 'number') return id
  if (typeof id !== 'string') return null
  const whole: unknown = JSON.parse(text)
  const [index] = path
  const one = typeof index === 'number' && Array.isArray(whole) ? whole[index] : whole
  const plain: unknown = isRecord(one) ? one['id'] : null
  return typeof plain === 'number' || typeof plain === 'string' ? plain : null
}

function wrong(what: string, text: string, path: readonly (string | number)[]): RpcMessage {
  return { kind: 'misfit', error: misfit(what, text, path) }
}
