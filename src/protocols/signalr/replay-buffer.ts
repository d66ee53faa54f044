import { UsageError } from '../../errors.js'
import { type HubMessage, isNumbered } from './messages.js'

/**
 * What stateful reconnect adds to one side of a connection: each numbered message is kept until the other side has acknowledged it,
 * and sent again after the transport broke; of what comes, what came before is passed over.
 */
export class ReplayBuffer {
  readonly #mostBytes: number
  #sent: { readonly sequence: number; readonly frame: string | Uint8Array }[] = []
  #bytes = 0
  #lastSent = 0
  #nextReceived = 1
  #latestReceived = 0
  /** After the transport broke nothing counts before the other side's `sequence`. */
  #awaitsSequence = false

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** The number to acknowledge. */
  get latestReceived(): number {
    return this.#latestReceived
  }

  /** @throws {UsageError} `too_many_requests`; to be asked before anything is sent. */
  checkRoom(): void {
    if (this.#bytes < this.#mostBytes) return
    throw new UsageError(
      'too_many_requests',
      `more than ${this.#mostBytes} bytes wait for the server's acknowledgement; wait, or raise statefulBufferBytes`,
      { retryable: true },
    )
  }

  sent(message: HubMessage, frame: string | Uint8Array): void {
    if (!isNumbered(message)) return
    this.#sent.push({ sequence: ++this.#lastSent, frame })
    this.#bytes += frame.length
  }

  acknowledged(sequence: number): void {
    let count = 0
    for (const { sequence: each, frame } of this.#sent) {
      if (each > sequence) break
      this.#bytes -= frame.length
      count++
    }
    this.#sent.splice(0, count)
  }

  broke(): void {
    this.#awaitsSequence = true
  }

  /** What is sent first on a new transport: the number of the first message that follows, and those messages. */
  replay(): { readonly sequence: number; readonly frames: readonly (string | Uint8Array)[] } {
    return {
      sequence: this.#sent[0]?.sequence ?? this.#lastSent + 1,
      frames: this.#sent.map(({ frame }) => frame),
    }
  }

  /** The other side begins again at this number. @returns false where messages are lost for good. */
  restarted(sequence: number): boolean {
    this.#awaitsSequence = false
    if (sequence > this.#nextReceived) return false
    this.#nextReceived = sequence
    return true
  }

  /** Whether a message is news. */
  isNew(message: HubMessage): boolean {
    if (this.#awaitsSequence) return message.type === 'sequence'
    if (!isNumbered(message)) return true
    const sequence = this.#nextReceived++
    if (sequence <= this.#latestReceived) return false
    this.#latestReceived = sequence
    return true
  }
}
