import { DecodeError, UsageError } from '../errors.js'
import { copied } from './bytes.js'

/**
 * What a codec needs of a MessagePack library. `@msgpack/msgpack` fits as it is: `import * as msgpack from '@msgpack/msgpack'`. It is
 * given by the user, so that nobody installs it who speaks JSON.
 */
export interface MessagePackLibrary {
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

/** @throws {UsageError} `bad_command` where the value has no MessagePack. */
export function packMessage(library: MessagePackLibrary, value: unknown): Uint8Array {
  try {
    return library.encode(value)
  } catch (cause) {
    throw new UsageError('bad_command', 'the arguments cannot be written as MessagePack', { cause })
  }
}

/** @throws {DecodeError} `undecodable`. */
export function unpackMessage(library: MessagePackLibrary, bytes: Uint8Array): unknown {
  try {
    // A view of a frame is borrowed; what is read may be views of it.
    return library.decode(copied(bytes))
  } catch (cause) {
    throw new DecodeError('undecodable', 'the message is not MessagePack', { path: [], head: '' }, { cause })
  }
}
