import { DecodeError } from '../../errors.js'
import { badCommand } from '../command-errors.js'

/** What is wrong with a packet. */
export function malformed(what: string): DecodeError {
  return new DecodeError('schema_mismatch', `MQTT: ${what}`, { path: [], head: '' })
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Reads the fields of one packet; what is not there is malformed. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(count: number): Uint8Array {
    if (count > this.left) throw malformed('a packet that ends within a field')
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  byte(): number {
    return this.take(1)[0] as number
  }

  short(): number {
    return this.byte() * 0x100 + this.byte()
  }

  long(): number {
    return this.short() * 0x1_0000 + this.short()
  }

  variable(): number {
    let value = 0
    for (let shift = 0; shift < 4; shift++) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** (7 * shift)
      if (byte < 0x80) return value
    }
    throw malformed('a number of more than four bytes')
  }

  binary(): Uint8Array {
    return this.take(this.short())
  }

  text(): string {
    const bytes = this.binary()
    let text: string
    try {
      text = decoder.decode(bytes)
    } catch {
      throw malformed('text that is not UTF-8')
    }
    if (text.includes('\0')) throw malformed('text with a null character')
    return text
  }
}

/** Writes the fields of one packet. */
export class ByteWriter {
  readonly #bytes: number[] = []

  byte(value: number): this {
    this.#bytes.push(value & 0xff)
    return this
  }

  short(value: number): this {
    return this.byte(value >>> 8).byte(value)
  }

  long(value: number): this {
    return this.short(value >>> 16).short(value & 0xffff)
  }

  variable(value: number): this {
    let left = value
    do {
      const seven = left % 0x80
      left = Math.floor(left / 0x80)
      this.byte(left === 0 ? seven : seven | 0x80)
    } while (left > 0)
    return this
  }

  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte)
    return this
  }

  /** @throws {UsageError} `bad_command` where it is longer than a field can be. */
  binary(bytes: Uint8Array): this {
    if (bytes.length > 0xffff)
      throw badCommand('mqtt: a text or a password may hold no more than 65,535 bytes')
    return this.short(bytes.length).raw(bytes)
  }

  text(text: string): this {
    return this.binary(encoder.encode(text))
  }

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }
}
