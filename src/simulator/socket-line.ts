import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers'
import type { Clock, Timer } from '../platform.js'

/** What a chunk of bytes has to go through on its way. */
interface Handling {
  readonly sliceBytes: number
  readonly cutAfterBytes: number
}

const PLAIN: Handling = { sliceBytes: Number.POSITIVE_INFINITY, cutAfterBytes: Number.POSITIVE_INFINITY }

/** A limited line writes this often. Milliseconds. */
const DRIP_MS = 20

/**
 * A duplex stream between the WebSocket implementation and a real TCP socket, where the bytes themselves can be held,
 * lost, slowed, sliced and cut. Left alone it passes everything on as it is.
 */
export class SocketLine extends Duplex {
  readonly #socket: Socket
  readonly #clock: Clock
  #mode: 'flow' | 'held' | 'lost' = 'flow'
  #bytesPerSecond: number | null = null
  /** Written by {@link special}: looked up by the very buffer. */
  readonly #handling = new WeakMap<Uint8Array, Handling>()
  /** The write that waits for the line to flow. */
  #waiting: (() => void) | null = null
  #timer: Timer | null = null
  /** Bytes that a limited line may write by now. */
  #allowance = 0

  constructor(socket: Socket, clock: Clock) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    this.#clock = clock
    socket.on('data', (chunk: Buffer) => this.#arrived(chunk))
    socket.on('end', () => this.#peerEnded())
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
    // A cut line has nobody to tell: the kernel learns of it by 'close'.
    this.on('error', () => {})
  }

  hold(mode: 'flow' | 'held' | 'lost'): void {
    if (this.#mode === 'lost') return
    this.#mode = mode
    if (mode === 'held') this.#socket.pause()
    else {
      this.#socket.resume()
      this.#proceed()
    }
  }

  limit(bytesPerSecond: number | null): void {
    this.#bytesPerSecond = bytesPerSecond
    this.#allowance = 0
    if (bytesPerSecond === null) this.#proceed()
  }

  /** Ends the connection beneath the protocol; what is still to be written is lost. */
  sever(how: 'reset' | 'end'): void {
    if (how === 'reset') {
      reset(this.#socket)
      return
    }
    this.hold('lost')
    this.#socket.end()
  }

  /** Writes bytes in slices, or cuts the connection within them. */
  special(bytes: Uint8Array, handling: Partial<Handling>): void {
    this.#handling.set(bytes, { ...PLAIN, ...handling })
    this.write(bytes)
  }

  setNoDelay(on?: boolean): this {
    this.#socket.setNoDelay(on)
    return this
  }

  setTimeout(ms: number): this {
    this.#socket.setTimeout(ms)
    return this
  }

  override _read(): void {
    if (this.#mode !== 'held') this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#write(chunk, this.#handling.get(chunk) ?? PLAIN, done)
  }

  /** A frame is written as header and payload; on an untouched line both leave in one packet. */
  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    const plain = this.#mode === 'flow' && this.#bytesPerSecond === null
    if (plain && chunks.every(({ chunk }) => !this.#handling.has(chunk))) {
      this.#socket.cork()
      const last = chunks.length - 1
      chunks.forEach(({ chunk }, index) => {
        if (index === last) this.#socket.write(chunk, done)
        else this.#socket.write(chunk)
      })
      this.#socket.uncork()
      return
    }
    this.#writeEach(chunks, 0, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#waiting = null
    this.#socket.destroy()
    done(error)
  }

  /** From one chunk on, each when the one before it is written. What a lost line still has may be any number of them. */
  #writeEach(
    chunks: readonly { readonly chunk: Buffer }[],
    from: number,
    done: (error?: Error | null) => void,
  ): void {
    const next = chunks[from]
    if (next === undefined || this.#mode === 'lost' || this.#socket.destroyed) {
      done()
      return
    }
    this.#write(next.chunk, this.#handling.get(next.chunk) ?? PLAIN, (error) => {
      if (error) done(error)
      else this.#writeEach(chunks, from + 1, done)
    })
  }

  #write(chunk: Buffer, handling: Handling, done: (error?: Error | null) => void): void {
    if (this.#mode === 'lost' || chunk.length === 0 || this.#socket.destroyed) {
      done()
      return
    }
    const ready = this.#ready()
    if (ready === 0) {
      this.#waiting = () => this.#write(chunk, handling, done)
      return
    }
    const length = Math.min(chunk.length, ready, handling.sliceBytes, handling.cutAfterBytes)
    const rest = chunk.subarray(length)
    const left: Handling = { ...handling, cutAfterBytes: handling.cutAfterBytes - length }
    if (this.#bytesPerSecond !== null) this.#allowance -= length
    this.#socket.write(chunk.subarray(0, length), (error) => {
      if (error) done(error)
      else if (left.cutAfterBytes <= 0) soon(() => this.sever('reset'))
      else if (rest.length === 0) done()
      else soon(() => this.#write(rest, left, done))
    })
  }

  /** How many bytes may be written now. 0: none until the line flows again, or until the next drip. */
  #ready(): number {
    if (this.#mode === 'held') return 0
    const rate = this.#bytesPerSecond
    if (rate === null) return Number.POSITIVE_INFINITY
    if (this.#allowance < 1 && this.#timer === null) {
      this.#timer = this.#clock.after(DRIP_MS, () => {
        this.#timer = null
        this.#allowance += (rate * DRIP_MS) / 1000
        this.#proceed()
      })
    }
    return Math.max(0, Math.floor(this.#allowance))
  }

  #proceed(): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.()
  }

  #arrived(chunk: Buffer): void {
    if (this.#mode === 'lost') return
    if (!this.push(chunk)) this.#socket.pause()
  }

  /** The client is gone. A lost line would never notice, and must not stay behind for ever. */
  #peerEnded(): void {
    if (this.#mode === 'lost') this.destroy()
    else this.push(null)
  }
}

/**
 * Resets a connection. While its end is on the way the system refuses that (EINVAL), and Node then neither closes the
 * connection nor says so: such a one is destroyed.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}

/** Two turns of the event loop later, so that a reader in between sees what was written by itself. */
function soon(run: () => void): void {
  setImmediate(() => setImmediate(run))
}
