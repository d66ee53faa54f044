import { isRecord, type JsonReader, type JsonRecord, misfit, readJson } from '../json-text.js'

/** A message of the server. */
export interface PusherFrame {
  readonly event: string
  readonly channel: string | null
  readonly data: unknown
  readonly userId: string | null
  readonly message: JsonRecord
}

/**
 * Reads a frame, and the JSON text that `data` usually is.
 *
 * @throws {DecodeError} `not_json`, `schema_mismatch`.
 */
export function readFrame(read: JsonReader, text: string): PusherFrame {
  const value = readJson(read, text)
  if (!isRecord(value)) throw misfit('a message that is no object', text)
  const { event, channel = null, data, user_id: userId } = value
  if (typeof event !== 'string') throw misfit('a message without an event', text, ['event'])
  if (channel !== null && typeof channel !== 'string')
    throw misfit('a channel that is no text', text, ['channel'])
  return {
    event,
    // A server may name no channel by an empty one.
    channel: channel === '' ? null : channel,
    data: unpacked(read, data),
    userId: typeof userId === 'string' ? userId : null,
    message: value,
  }
}

/** Text that is no JSON is what an app sent as text. */
function unpacked(read: JsonReader, data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    return read(data)
  } catch {
    return data
  }
}
