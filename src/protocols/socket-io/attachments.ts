import { badCommand } from '../command-errors.js'
import { isRecord, misfit, wholeNumber, writeJson } from '../json-text.js'

/** Deeper values are refused: a hostile packet must not exhaust the stack, and a cycle must end. */
const MAX_DEPTH = 100

/** Takes the bytes out of arguments: JSON with a placeholder for each, and the bytes. @throws {UsageError} `bad_command`. */
export function detached(args: readonly unknown[]): {
  readonly json: string
  readonly attachments: readonly Uint8Array[]
} {
  const attachments: Uint8Array[] = []
  const take = (value: unknown, depth: number): unknown => {
    if (depth > MAX_DEPTH) throw badCommand(`socket.io: arguments are nested deeper than ${MAX_DEPTH}`)
    const bytes = bytesOf(value)
    if (bytes !== null) return { _placeholder: true, num: attachments.push(bytes) - 1 }
    if (Array.isArray(value)) return value.map((each) => take(each, depth + 1))
    if (!isRecord(value) || typeof value['toJSON'] === 'function') return value
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, take(each, depth + 1)]))
  }
  const json = writeJson(take(args, 0), 'the arguments')
  return { json, attachments }
}

/** Puts the bytes back where placeholders are. @throws {DecodeError} `schema_mismatch`. */
export function attached(data: unknown, attachments: readonly Uint8Array[]): unknown {
  const put = (value: unknown, depth: number): unknown => {
    if (depth > MAX_DEPTH) throw misfit(`a packet nested deeper than ${MAX_DEPTH}`, '')
    if (Array.isArray(value)) return value.map((each) => put(each, depth + 1))
    if (!isRecord(value)) return value
    if (value['_placeholder'] === true) {
      const bytes = attachments[wholeNumber(value['num']) ?? -1]
      if (bytes === undefined) throw misfit('a placeholder without its attachment', '')
      return bytes
    }
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, put(each, depth + 1)]))
  }
  return put(data, 0)
}

function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0))
  return null
}
