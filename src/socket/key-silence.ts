import type { Clock, Timer } from '../platform.js'

const TICKS = 20

/** A watchdog for each key of a connection: a channel, a market, whatever a message belongs to. */
export interface KeyWatch<Message> {
  /** The key that a message is a sign of life of; null for none. */
  readonly of: (message: Message) => string | null
  /** How long a key may be silent (up to 5 % longer). Milliseconds. */
  readonly silentAfterMs: number
  /** Keys that are watched from the connect on; any other from its first message on. @default [] */
  readonly expect?: readonly string[]
  /** `report`: the event `silent`. `reconnect`: that, and a new connection. @default 'report' */
  readonly onSilence?: 'report' | 'reconnect'
  /** Keys that are watched at once; further ones are not. @default 10_000 */
  readonly maxKeys?: number
}

/**
 * Notices which keys are silent, by ticks of one timer as the watchdog of the connection does. A key is reported once, and again
 * when it was heard since.
 */
export class KeySilence {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #maxKeys: number
  readonly #silent: (keys: readonly string[]) => void
  /** Ticks since each key was heard; -1 for one that was reported. */
  readonly #ticks = new Map<string, number>()
  #timer: Timer | null = null

  constructor(
    clock: Clock,
    silentAfterMs: number,
    maxKeys: number,
    silent: (keys: readonly string[]) => void,
  ) {
    this.#clock = clock
    this.#tickMs = Math.ceil(silentAfterMs / TICKS)
    this.#maxKeys = maxKeys
    this.#silent = silent
  }

  /** Counts from now on, for these keys. */
  start(keys: readonly string[]): void {
    this.stop()
    for (const key of keys) this.heard(key)
    this.#arm()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#ticks.clear()
  }

  /** While nothing is read no key can be heard. */
  set paused(paused: boolean) {
    if (paused) {
      this.#timer?.cancel()
      this.#timer = null
    } else if (this.#timer === null && this.#ticks.size > 0) {
      for (const [key, ticks] of this.#ticks) if (ticks > 0) this.#ticks.set(key, 0)
      this.#arm()
    }
  }

  heard(key: string): void {
    if (this.#ticks.size < this.#maxKeys || this.#ticks.has(key)) this.#ticks.set(key, 0)
  }

  #arm(): void {
    this.#timer = this.#clock.after(this.#tickMs, () => {
      this.#arm()
      const silent: string[] = []
      for (const [key, ticks] of this.#ticks) {
        if (ticks < 0) continue
        const isSilent = ticks + 1 > TICKS
        this.#ticks.set(key, isSilent ? -1 : ticks + 1)
        if (isSilent) silent.push(key)
      }
      if (silent.length > 0) this.#silent(silent)
    })
  }
}
