import {
  isRecord,
  type JsonReader,
  type JsonRecord,
  misfit,
  readJson,
  textOf,
  wholeNumber,
  writeJson,
} from '../json-text.js'
import { type HubFormat, type HubMessage, SEPARATOR, TYPES } from './messages.js'

/** The JSON hub protocol: each message an object, ended by 0x1E. */
export function jsonFormat(read: JsonReader): HubFormat {
  return {
    name: 'json',
    transferFormat: 'Text',
    write: (message) => writeJson(wire(message), 'the arguments') + SEPARATOR,
    read: (record) => message(read, typeof record === 'string' ? record : new TextDecoder().decode(record)),
  }
}

function wire(message: HubMessage): object {
  const type = TYPES[message.type]
  switch (message.type) {
    case 'invocation':
    case 'stream_invocation': {
      const { id, target, args, streamIds } = message
      return {
        type,
        target,
        arguments: args,
        ...(id === null ? {} : { invocationId: id }),
        ...(streamIds.length === 0 ? {} : { streamIds }),
      }
    }
    case 'item':
      return { type, invocationId: message.id, item: message.item ?? null }
    case 'completion':
      if (message.error !== null) return { type, invocationId: message.id, error: message.error }
      return 'result' in message
        ? { type, invocationId: message.id, result: message.result ?? null }
        : { type, invocationId: message.id }
    case 'cancel':
      return { type, invocationId: message.id }
    case 'close':
      return {
        type,
        ...(message.error === null ? {} : { error: message.error }),
        allowReconnect: message.allowReconnect,
      }
    case 'ack':
    case 'sequence':
      return { type, sequenceId: message.sequence }
    default:
      return { type }
  }
}

function message(read: JsonReader, text: string): HubMessage | null {
  const value = readJson(read, text)
  if (!isRecord(value)) throw misfit('a message that is no object', text)
  const type = wholeNumber(value['type'])
  if (type === null) throw misfit('a message without a type', text, ['type'])
  switch (type) {
    case TYPES.invocation:
      return { type: 'invocation', id: textOf(value['invocationId']), ...call(value, text) }
    case TYPES.stream_invocation:
      return { type: 'stream_invocation', id: needed(value, 'invocationId', text), ...call(value, text) }
    case TYPES.item:
      return { type: 'item', id: needed(value, 'invocationId', text), item: value['item'] }
    case TYPES.completion:
      return completion(value, text)
    case TYPES.cancel:
      return { type: 'cancel', id: needed(value, 'invocationId', text) }
    case TYPES.ping:
      return { type: 'ping' }
    case TYPES.close:
      return {
        type: 'close',
        error: textOf(value['error']),
        allowReconnect: value['allowReconnect'] === true,
      }
    case TYPES.ack:
    case TYPES.sequence: {
      const sequence = wholeNumber(value['sequenceId'])
      if (sequence === null) throw misfit('a sequenceId that is no whole number', text, ['sequenceId'])
      return { type: type === TYPES.ack ? 'ack' : 'sequence', sequence }
    }
    default:
      return null
  }
}

function call(value: JsonRecord, text: string) {
  const { arguments: args, streamIds = [] } = value
  if (!Array.isArray(args)) throw misfit('arguments that are no list', text, ['arguments'])
  if (!Array.isArray(streamIds) || !streamIds.every((id) => typeof id === 'string')) {
    throw misfit('streamIds that are no list of text', text, ['streamIds'])
  }
  return { target: needed(value, 'target', text), args, streamIds }
}

function completion(value: JsonRecord, text: string): HubMessage {
  const id = needed(value, 'invocationId', text)
  const { error, result } = value
  if (error != null && result != null)
    throw misfit('a completion with a result and an error', text, ['error'])
  if (error != null) return { type: 'completion', id, error: String(error) }
  return 'result' in value
    ? { type: 'completion', id, error: null, result }
    : { type: 'completion', id, error: null }
}

function needed(value: JsonRecord, name: string, text: string): string {
  const found = value[name]
  if (typeof found !== 'string' || found === '') throw misfit(`a message without ${name}`, text, [name])
  return found
}
