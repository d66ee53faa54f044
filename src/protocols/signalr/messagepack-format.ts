import { misfit } from '../json-text.js'
import { type MessagePackLibrary, packMessage, unpackMessage } from '../message-pack.js'
import { type HubFormat, type HubMessage, TYPES } from './messages.js'

const ERROR = 1
const VOID = 2
const VALUE = 3

/** The MessagePack hub protocol: each message an array, its length before it in seven bits a byte. */
export function messagePackFormat(library: MessagePackLibrary): HubFormat {
  return {
    name: 'messagepack',
    transferFormat: 'Binary',
    write: (message) => withLength(packMessage(library, wire(message))),
    read: (record) =>
      message(unpackMessage(library, typeof record === 'string' ? new TextEncoder().encode(record) : record)),
  }
}

function wire(message: HubMessage): readonly unknown[] {
  const type = TYPES[message.type]
  switch (message.type) {
    case 'invocation':
    case 'stream_invocation':
      return [type, {}, message.id, message.target, message.args, message.streamIds]
    case 'item':
      return [type, {}, message.id, message.item ?? null]
    case 'completion':
      if (message.error !== null) return [type, {}, message.id, ERROR, message.error]
      return 'result' in message
        ? [type, {}, message.id, VALUE, message.result ?? null]
        : [type, {}, message.id, VOID]
    case 'cancel':
      return [type, {}, message.id]
    case 'close':
      return [type, message.error, message.allowReconnect]
    case 'ack':
    case 'sequence':
      return [type, message.sequence]
    default:
      return [type]
  }
}

function message(value: unknown): HubMessage | null {
  if (!Array.isArray(value) || typeof value[0] !== 'number')
    throw misfit('a message that is no list with a type', '')
  const [type, second, id, fourth, fifth, streamIds = []] = value
  switch (type) {
    case TYPES.invocation:
    case TYPES.stream_invocation: {
      if (typeof fourth !== 'string' || !Array.isArray(fifth))
        throw misfit('an invocation without target or list', '')
      if (!Array.isArray(streamIds) || !streamIds.every((each) => typeof each === 'string')) {
        throw misfit('streamIds that are no list of text', '')
      }
      const call = { target: fourth, args: fifth, streamIds }
      if (type === TYPES.stream_invocation) return { type: 'stream_invocation', id: text(id), ...call }
      return { type: 'invocation', id: typeof id === 'string' ? id : null, ...call }
    }
    case TYPES.item:
      return { type: 'item', id: text(id), item: fourth }
    case TYPES.completion:
      if (fourth === ERROR) return { type: 'completion', id: text(id), error: String(fifth) }
      if (fourth === VOID) return { type: 'completion', id: text(id), error: null }
      if (fourth === VALUE) return { type: 'completion', id: text(id), error: null, result: fifth }
      throw misfit('a completion of an unknown kind', '', [3])
    case TYPES.cancel:
      return { type: 'cancel', id: text(id) }
    case TYPES.ping:
      return { type: 'ping' }
    case TYPES.close:
      return { type: 'close', error: typeof second === 'string' ? second : null, allowReconnect: id === true }
    case TYPES.ack:
    case TYPES.sequence:
      if (typeof second !== 'number') throw misfit('a sequence that is no number', '', [1])
      return { type: type === TYPES.ack ? 'ack' : 'sequence', sequence: second }
    default:
      return null
  }
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw misfit('a message without invocationId', '', [2])
}

function withLength(bytes: Uint8Array): Uint8Array {
  const head: number[] = []
  let left = bytes.length
  do {
    const seven = left & 0x7f
    left >>>= 7
    head.push(left === 0 ? seven : seven | 0x80)
  } while (left > 0)
  const framed = new Uint8Array(head.length + bytes.length)
  framed.set(head)
  framed.set(bytes, head.length)
  return framed
}
