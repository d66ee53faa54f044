import { copied } from '../bytes.js'
import { malformed } from './bytes.js'
import { LONGEST_PACKET, type MqttPacket, type MqttVersion, readPacket } from './packets.js'

/** A packet that is larger than the reader allows. */
export class PacketTooLarge extends Error {}

/** Cuts a stream of bytes, in chunks of any size, into packets. */
export class PacketStream {
  readonly #mostBytes: number
  #chunks: Uint8Array[] = []
  #size = 0
  /** How many bytes are needed before a look is worth it. */
  #needed = 2

  constructor(mostBytes: number) {
    this.#mostBytes = Math.min(mostBytes, LONGEST_PACKET)
  }

  clear(): void {
    this.#chunks = []
    this.#size = 0
    this.#needed = 2
  }

  /** @param chunk borrowed. */
  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(copied(chunk))
    this.#size += chunk.length
  }

  /**
   * The next packet, null where it has not all come.
   *
   * @throws {DecodeError} where it is malformed. @throws {PacketTooLarge}
   */
  take(version: MqttVersion): MqttPacket | null {
    if (this.#size < this.#needed) return null
    const bytes = this.#whole()
    let length = 0
    let at = 1
    for (; ; at++) {
      if (at > 4) throw malformed('a length of more than four bytes')
      const byte = bytes[at]
      if (byte === undefined) {
        this.#needed = at + 1
        return null
      }
      length += (byte & 0x7f) * 2 ** (7 * (at - 1))
      if (byte < 0x80) break
    }
    if (length > this.#mostBytes) throw new PacketTooLarge()
    const end = at + 1 + length
    if (bytes.length < end) {
      this.#needed = end
      return null
    }
    this.#chunks = bytes.length === end ? [] : [bytes.subarray(end)]
    this.#size = bytes.length - end
    this.#needed = 2
    return readPacket(bytes[0] as number, bytes.subarray(at + 1, end), version)
  }

  #whole(): Uint8Array {
    const [only] = this.#chunks
    if (only !== undefined && this.#chunks.length === 1) return only
    const whole = new Uint8Array(this.#size)
    let at = 0
    for (const chunk of this.#chunks) {
      whole.set(chunk, at)
      at += chunk.length
    }
    this.#chunks = [whole]
    return whole
  }
}
