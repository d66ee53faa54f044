import type { Clock, DialedSocket, Timer } from '../platform.js'
import { Silence } from './silence.js'

/** What the client sends to keep a connection, or to ask for a sign of life. */
export interface Ping {
  /** Send it after this long without a frame from the venue, and again as long as it stays silent. */
  readonly everyMs: number
  /** Send it at this pace however much the venue says. @default false */
  readonly always?: boolean
  /** The text frame to send; a function where it carries a time or a number; null for a ping frame of the protocol. */
  readonly frame: string | (() => string) | null
  /**
   * The connection is dead when after a ping nothing came for this long: no frame, and no pong of the protocol. Null: the
   * watchdog alone judges. @default null
   */
  readonly answerWithinMs?: number | null
}

/** Sends the pings of one connection, and says so when one stays unanswered. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #ping: Ping
  readonly #socket: DialedSocket
  readonly #unanswered: () => void
  readonly #silence: Silence | null
  #beat: Timer | null = null
  #deadline: Timer | null = null
  #paused = false

  constructor(clock: Clock, ping: Ping, socket: DialedSocket, unanswered: () => void) {
    this.#clock = clock
    this.#ping = ping
    this.#socket = socket
    this.#unanswered = unanswered
    this.#silence = ping.always === true ? null : new Silence(clock, ping.everyMs, () => this.#send())
  }

  start(): void {
    if (this.#silence === null) this.#beatOn()
    else this.#silence.start()
  }

  stop(): void {
    this.#silence?.stop()
    this.#beat?.cancel()
    this.#beat = null
    this.answered()
  }

  /** A frame of the venue came. */
  heard(): void {
    this.#silence?.heard()
    if (this.#deadline !== null) this.answered()
  }

  /** A sign of life came that answers a ping, if one is open. */
  answered(): void {
    this.#deadline?.cancel()
    this.#deadline = null
  }

  /** While nothing is read no answer can be seen: pings go on, and none is waited for. */
  set paused(paused: boolean) {
    this.#paused = paused
    if (paused) this.answered()
  }

  #beatOn(): void {
    this.#beat = this.#clock.after(this.#ping.everyMs, () => {
      this.#beatOn()
      this.#send()
    })
  }

  #send(): void {
    const { frame, answerWithinMs = null } = this.#ping
    if (frame === null) this.#socket.ping()
    else this.#socket.send(typeof frame === 'string' ? frame : frame())
    if (answerWithinMs === null || this.#paused || this.#deadline !== null) return
    this.#deadline = this.#clock.after(answerWithinMs, () => {
      this.#deadline = null
      this.#unanswered()
    })
  }
}
