import type { Clock, DialedSocket, Timer } from '../platform.js'
import { Gate } from './gate.js'
import { Heartbeat, type HeartbeatEvents } from './heartbeat.js'
import { Silence } from './silence.js'
import type { SocketConfig } from './socket-options.js'

/** One connection of a resilient socket, from the attempt to the end: its socket and every timer that goes with it. */
export class Connection {
  /** Since the last stable connection, from 1. */
  readonly attempt: number
  /** Opens when the connection is over. */
  readonly over = new Gate()
  /** The venue said that it will end the connection. */
  endAnnounced = false
  readonly #clock: Clock
  readonly #abort = new AbortController()
  #socket: DialedSocket | null = null
  #gone = false
  #isOpen = false
  #paused = false
  #deadline: Timer | null = null
  #stable: Timer | null = null
  #watchdog: Silence | null = null
  #heartbeat: Heartbeat | null = null

  constructor(clock: Clock, attempt: number) {
    this.#clock = clock
    this.attempt = attempt
  }

  /** What a loss says of every connection. */
  get about(): { readonly attempt: number; readonly opened: boolean } {
    return { attempt: this.attempt, opened: this.#isOpen }
  }

  /** Aborts when the connection is over. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** The socket, until it says that it is gone. */
  get socket(): DialedSocket | null {
    return this.#gone ? null : this.#socket
  }

  /** What must come before the dial gets as long as the dial itself. */
  expectTarget(withinMs: number, late: () => void): void {
    this.#deadline = this.#clock.after(withinMs, late)
  }

  dialled(socket: DialedSocket): void {
    this.#deadline?.cancel()
    this.#socket = socket
    if (this.#paused) socket.pause()
  }

  opened(
    { silentAfterMs, stableAfterMs, ping }: SocketConfig,
    judge: HeartbeatEvents & { stable(): void; silent(): void },
  ): void {
    this.#isOpen = true
    this.#stable = this.#clock.after(stableAfterMs, () => judge.stable())
    if (silentAfterMs !== null) {
      this.#watchdog = new Silence(this.#clock, silentAfterMs, () => judge.silent())
      if (!this.#paused) this.#watchdog.start()
    }
    if (ping !== null && this.#socket !== null) {
      this.#heartbeat = new Heartbeat(this.#clock, ping, this.#socket, judge)
      this.#heartbeat.paused = this.#paused
      this.#heartbeat.start()
    }
  }

  /** A frame of the venue came. */
  heard(data: string | Uint8Array, isLife: boolean): void {
    if (isLife) this.#watchdog?.heard()
    this.#heartbeat?.heard(data)
  }

  /** A ping or pong of the protocol came. */
  controlled(kind: 'ping' | 'pong', isLife: boolean): void {
    if (isLife) this.#watchdog?.heard()
    this.#heartbeat?.controlled(kind)
  }

  set paused(paused: boolean) {
    if (this.#paused === paused) return
    this.#paused = paused
    if (paused) {
      this.#socket?.pause()
      this.#watchdog?.stop()
    } else {
      this.#socket?.resume()
      this.#watchdog?.start()
    }
    if (this.#heartbeat !== null) this.#heartbeat.paused = paused
  }

  /** The socket said that it is gone. */
  gone(): void {
    this.#gone = true
  }

  /** Lets go of everything but the socket itself. */
  end(): void {
    this.#deadline?.cancel()
    this.#stable?.cancel()
    this.#watchdog?.stop()
    this.#heartbeat?.stop()
    this.#abort.abort()
    this.over.open()
  }
}
