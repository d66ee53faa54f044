import type { WebSocket } from 'ws'
import type { Clock, Timer } from '../platform.js'
import type { SocketLine } from './socket-line.js'
import type { RawFrame, SimulatedLink, SimulatedPeer, SimulatedRequest } from './venue-simulator.js'
import { closePayload, encodeFrame, isCloseCode, Opcode } from './web-socket-frame.js'

/** A client that was told to go and does not is cut after this. Milliseconds. */
const CLOSE_GRACE_MS = 1000

/** A client on a real socket, as a venue's simulator sees it. */
export class ServerPeer implements SimulatedPeer {
  readonly request: SimulatedRequest
  readonly link: SimulatedLink
  readonly #socket: WebSocket
  readonly #line: SocketLine
  readonly #clock: Clock
  readonly #maxBufferedBytes: number
  #answersPings = true
  #lost = false
  #ending: Timer | null = null

  constructor(
    request: SimulatedRequest,
    socket: WebSocket,
    line: SocketLine,
    clock: Clock,
    maxBufferedBytes: number,
  ) {
    this.request = request
    this.#socket = socket
    this.#line = line
    this.#clock = clock
    this.#maxBufferedBytes = maxBufferedBytes
    this.link = {
      raw: (frames) => this.#raw(frames),
      close: (code, reason) => this.#closeRaw(code, reason),
      cut: (how) => line.sever(how),
      hold: (mode) => {
        this.#lost ||= mode === 'lost'
        line.hold(mode)
      },
      limit: (bytesPerSecond) => line.limit(bytesPerSecond),
      answerPings: (on) => {
        this.#answersPings = on
      },
    }
    socket.on('ping', (payload) => {
      if (this.#answersPings && this.#open) socket.pong(payload)
    })
    socket.on('close', () => {
      this.#ending?.cancel()
    })
    // What is wrong with a client's frames ends its connection; 'close' follows, and the venue learns of it there.
    socket.on('error', () => {})
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  send(data: string | Uint8Array): void {
    if (!this.#open) return
    this.#socket.send(data, { binary: typeof data !== 'string' })
    this.#bound()
  }

  ping(): void {
    if (!this.#open) return
    this.#socket.ping()
    this.#bound()
  }

  close(code: number, reason: string): void {
    if (!this.#open) return
    this.#socket.close(code, Buffer.from(reason).subarray(0, 123))
    this.#cutLater()
  }

  /** What is said on a line that is lost, a goodbye too, is never heard. */
  get #open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && this.#ending === null && !this.#lost
  }

  #raw(frames: readonly RawFrame[]): void {
    if (!this.#open) return
    let plain: Buffer[] = []
    const flush = () => {
      if (plain.length > 0) this.#line.write(Buffer.concat(plain))
      plain = []
    }
    for (const frame of frames) {
      const { sliceBytes, cutAfterBytes } = frame
      const bytes = encodeFrame(frame)
      if (sliceBytes === undefined && cutAfterBytes === undefined) plain.push(bytes)
      else {
        flush()
        this.#line.special(bytes, {
          ...(sliceBytes === undefined ? {} : { sliceBytes }),
          ...(cutAfterBytes === undefined ? {} : { cutAfterBytes }),
        })
      }
      if ((frame.announcedBytes ?? 0) > frame.payload.length) {
        // Whatever came next would be read as the rest of this frame.
        flush()
        this.#line.write(Buffer.alloc(0), () => this.#line.hold('lost'))
      }
    }
    flush()
    this.#bound()
  }

  #closeRaw(code: number | null, reason: string): void {
    if (!this.#open) return
    if (code !== null && isCloseCode(code)) this.close(code, reason)
    else if (code === null) {
      this.#socket.close()
      this.#cutLater()
    } else {
      this.#raw([{ opcode: Opcode.close, payload: closePayload(code, reason) }])
      this.#cutLater()
    }
  }

  /** A client that does not read is cut, so that what waits for it stays bounded. */
  #bound(): void {
    if (this.bufferedBytes > this.#maxBufferedBytes) this.close(1013, 'too slow: frames are not being read')
  }

  #cutLater(): void {
    this.#ending ??= this.#clock.after(CLOSE_GRACE_MS, () => this.#socket.terminate())
  }
}
