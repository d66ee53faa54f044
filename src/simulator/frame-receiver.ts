import type { RawFrame } from './venue-simulator.js'
import { isCloseCode, Opcode } from './web-socket-frame.js'

/** What a client makes of a frame. */
export type ReceivedFrame =
  | { readonly kind: 'message'; readonly data: string | Uint8Array }
  | { readonly kind: 'ping' | 'pong' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  /** A breach of the protocol; the error has the `code` that `ws` gives it. */
  | { readonly kind: 'breach'; readonly error: Error }

/** As in `ws`. */
const MOST_FRAGMENTS = 16 * 1024

/**
 * A client's side of the WebSocket protocol for the network in memory: it takes raw frames as `ws` takes their bytes, with
 * the same limits and the same errors.
 */
export class FrameReceiver {
  readonly #maxBytes: number
  #opcode: number | null = null
  #fragments: Uint8Array[] = []
  #count = 0
  #bytes = 0
  /** A frame that announced more than came: all that follows is taken for its rest. */
  #swallowing = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whether plain frames, too, have to come through here: they meet something unfinished. */
  get busy(): boolean {
    return this.#swallowing || this.#opcode !== null
  }

  /** @returns null where the frame completes nothing. */
  take(frame: RawFrame): ReceivedFrame | null {
    if (this.#swallowing) return null
    const { opcode, payload, final = true } = frame
    const length = frame.announcedBytes ?? payload.length
    if (frame.compressed === true) {
      return breach('WS_ERR_UNEXPECTED_RSV_1', 'Invalid WebSocket frame: RSV1 must be clear')
    }
    if (opcode >= 8) return this.#control(frame, length)
    const expected = opcode === Opcode.continuation ? this.#opcode !== null : this.#opcode === null
    if (!expected || opcode > Opcode.binary) {
      return breach('WS_ERR_INVALID_OPCODE', `Invalid WebSocket frame: invalid opcode ${opcode}`)
    }
    this.#bytes += length
    if (this.#bytes > this.#maxBytes && this.#maxBytes > 0) {
      return breach('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'Max payload size exceeded')
    }
    if (length > payload.length) {
      this.#swallowing = true
      return null
    }
    if (++this.#count > MOST_FRAGMENTS) {
      return breach('WS_ERR_TOO_MANY_BUFFERED_PARTS', 'Too many message fragments')
    }
    this.#opcode ??= opcode
    this.#fragments.push(payload)
    return final ? this.#complete(this.#opcode) : null
  }

  #complete(opcode: number): ReceivedFrame {
    const bytes = this.#fragments.length === 1 ? this.#fragments[0] : Buffer.concat(this.#fragments)
    this.#opcode = null
    this.#fragments = []
    this.#count = 0
    this.#bytes = 0
    const data = bytes ?? Buffer.alloc(0)
    if (opcode === Opcode.binary) return { kind: 'message', data }
    const text = decoded(data)
    return text === null ? badText() : { kind: 'message', data: text }
  }

  #control(frame: RawFrame, length: number): ReceivedFrame {
    const { opcode, payload } = frame
    if (opcode === Opcode.ping) return { kind: 'ping' }
    if (opcode === Opcode.pong) return { kind: 'pong' }
    if (opcode !== Opcode.close) {
      return breach('WS_ERR_INVALID_OPCODE', `Invalid WebSocket frame: invalid opcode ${opcode}`)
    }
    if (length > 125 || length === 1) {
      return breach(
        'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
        `Invalid WebSocket frame: invalid payload length ${length}`,
      )
    }
    if (length === 0) return { kind: 'close', code: 1005, reason: '' }
    const code = Buffer.from(payload).readUInt16BE(0)
    if (!isCloseCode(code)) {
      return breach('WS_ERR_INVALID_CLOSE_CODE', `Invalid WebSocket frame: invalid status code ${code}`)
    }
    const reason = decoded(payload.subarray(2))
    return reason === null ? badText() : { kind: 'close', code, reason }
  }
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // The decoder throws for nothing but bytes that are not UTF-8: a breach, which the caller reports.
    return null
  }
}

function badText(): ReceivedFrame {
  return breach('WS_ERR_INVALID_UTF8', 'Invalid WebSocket frame: invalid UTF-8 sequence')
}

function breach(code: string, message: string): ReceivedFrame {
  return { kind: 'breach', error: Object.assign(new Error(message), { code }) }
}
