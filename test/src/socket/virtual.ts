import type {
  Clock,
  Dial,
  DialClose,
  DialEvents,
  DialedSocket,
  DialTarget,
  Timer,
} from '../../../src/platform.js'

/** A clock that stands until it is told to go on. Promises settle between any two timers. */
export class VirtualClock implements Clock {
  readonly #timers = new Set<{ readonly at: number; readonly order: number; readonly run: () => void }>()
  #monotonicMs = 0
  #order = 0
  /** What the wall clock is ahead of the monotonic one. */
  wallOffsetMs = 1_800_000_000_000
  /** What `random` answers. */
  chance = 0.5

  now(): number {
    return (this.wallOffsetMs + this.#monotonicMs) * 1000
  }

  monotonic(): number {
    return this.#monotonicMs * 1000
  }

  /** Of moments since the wall clock was set last. */
  steady(at: number): number {
    return at - this.wallOffsetMs * 1000
  }

  /** Milliseconds since the test began. */
  get elapsedMs(): number {
    return this.#monotonicMs
  }

  get pending(): number {
    return this.#timers.size
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { at: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, run }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  random(): number {
    return this.chance
  }

  async advance(ms: number): Promise<void> {
    const until = this.#monotonicMs + ms
    await settle()
    for (let next = this.#next(until); next !== null; next = this.#next(until)) {
      this.#timers.delete(next)
      this.#monotonicMs = next.at
      next.run()
      await settle()
    }
    this.#monotonicMs = until
  }

  #next(until: number) {
    let first = null
    for (const timer of this.#timers) {
      if (timer.at > until) continue
      if (first === null || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer
    }
    return first
  }
}

/** Lets every promise settle that can. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

/** One dialled socket, whose other end is the test. */
export class FakeSocket implements DialedSocket {
  readonly sent: (string | Uint8Array)[] = []
  readonly did: string[] = []
  pings = 0
  bufferedBytes = 0
  paused = false
  /** What `close` does; a venue that never answers a close frame is one that does nothing. */
  answersClose = true
  answersTerminate = true
  #over = false

  constructor(
    readonly target: DialTarget,
    readonly events: DialEvents,
    readonly clock: Clock,
  ) {}

  open(): void {
    this.events.opened(
      { status: 101, headers: { server: 'fake' }, protocol: '', extensions: '' },
      this.clock.now(),
    )
  }

  say(data: string | Uint8Array): void {
    this.events.message(data, this.clock.now())
  }

  pong(): void {
    this.events.control('pong', this.clock.now())
  }

  end(close: Partial<DialClose> = {}): void {
    if (this.#over) return
    this.#over = true
    this.events.closed({ code: null, reason: '', refused: null, error: null, ...close }, this.clock.now())
  }

  refuse(status: number, retryAfterMs: number | null = null): void {
    this.end({ refused: { status, retryAfterMs } })
  }

  send(data: string | Uint8Array): boolean {
    this.sent.push(data)
    return true
  }

  ping(): boolean {
    this.pings++
    return true
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  close(code?: number, reason?: string): void {
    this.did.push(`close ${code} ${reason}`.trim())
    if (this.answersClose) this.end({ code: code ?? null })
  }

  terminate(): void {
    this.did.push('terminate')
    if (this.answersTerminate) this.end()
  }
}

/** A network on which every dial waits for the test to answer it. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = []
  readonly dialledAtMs: number[] = []
  /** Called at every dial, for a venue that answers by itself. */
  answer: (socket: FakeSocket) => void = () => {}
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  readonly dial: Dial = (target, events) => {
    const socket = new FakeSocket(target, events, this.#clock)
    this.sockets.push(socket)
    this.dialledAtMs.push(this.#clock.elapsedMs)
    queueMicrotask(() => this.answer(socket))
    return socket
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) throw new Error('nothing was dialled')
    return socket
  }
}
