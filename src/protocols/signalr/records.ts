import { DecodeError } from '../../errors.js'
import { copied, joined } from '../bytes.js'
import { SEPARATOR } from './messages.js'

/** A record that is not finished holds no more than this. Characters or bytes. */
const MOST = 16 * 1024 * 1024
const SEPARATOR_BYTE = 0x1e
/** The most that a length may take, seven bits each. */
const LENGTH_BYTES = 5

/**
 * Cuts what comes into records: text at each 0x1E, bytes by the length before each. A record may be cut anywhere, although servers
 * send whole ones. The handshake's answer is text, also where bytes follow.
 */
export class Records {
  #text = ''
  #bytes: Uint8Array = new Uint8Array()

  clear(): void {
    this.#text = ''
    this.#bytes = new Uint8Array()
  }

  addText(text: string): void {
    this.#text = this.#text === '' ? text : this.#text + text
    if (this.#text.length > MOST && !this.#text.includes(SEPARATOR)) this.#tooLong()
  }

  addBytes(bytes: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? copied(bytes) : joined(this.#bytes, bytes)
  }

  /** The next record of text, without its end; null where none is whole. */
  takeText(): string | null {
    const end = this.#text.indexOf(SEPARATOR)
    if (end === -1) return null
    const record = this.#text.slice(0, end)
    this.#text = this.#text.slice(end + 1)
    return record
  }

  /** The next record of text out of bytes: the handshake. */
  takeTextOfBytes(): string | null {
    const end = this.#bytes.indexOf(SEPARATOR_BYTE)
    if (end === -1) {
      if (this.#bytes.length > 65_536) this.#tooLong()
      return null
    }
    const record = new TextDecoder().decode(this.#bytes.subarray(0, end))
    this.#bytes = this.#bytes.subarray(end + 1)
    return record
  }

  /** The next record of bytes. @throws {DecodeError} where its length cannot be. */
  takeBytes(): Uint8Array | null {
    let length = 0
    for (let at = 0; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at] as number
      if (at === LENGTH_BYTES - 1 && byte > 0x07) this.#tooLong()
      length += (byte & 0x7f) * 2 ** (7 * at)
      if (byte >= 0x80) continue
      if (length > MOST) this.#tooLong()
      const end = at + 1 + length
      if (end > this.#bytes.length) return null
      const record = this.#bytes.subarray(at + 1, end)
      this.#bytes = this.#bytes.subarray(end)
      return record
    }
    return null
  }

  #tooLong(): never {
    this.clear()
    throw new DecodeError('oversize', `a record of more than ${MOST} bytes`, { path: [], head: '' })
  }
}
