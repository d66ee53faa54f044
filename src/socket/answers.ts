import { NetworkError } from '../errors.js'
import type { Clock, Timer } from '../platform.js'

/** A request that waits for its answer. */
export class PendingRequest<Answer> {
  readonly answer: Promise<Answer>
  /** What the user says answers it; null where the protocol pairs answers. */
  readonly matches: ((message: never) => boolean) | null
  /** Called once, whatever becomes of it. */
  onSettled: () => void = () => {}
  /** Called where nobody waits any more. */
  onCancelled: () => void = () => {}
  readonly #signal: AbortSignal | undefined
  readonly #timer: Timer
  #settled = false
  #resolve: (answer: Answer) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(
    clock: Clock,
    {
      timeoutMs,
      signal,
      matches,
    }: Pick<PendingRequest<Answer>, 'matches'> & {
      readonly timeoutMs: number
      readonly signal: AbortSignal | undefined
    },
  ) {
    this.matches = matches
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#signal = signal
    this.#timer = clock.after(timeoutMs, () => {
      this.onCancelled()
      this.reject(new NetworkError('request_timeout', `there was no answer within ${timeoutMs} ms`))
    })
    signal?.addEventListener('abort', this.#abort, { once: true })
    if (signal?.aborted === true) this.#abort()
  }

  get isSettled(): boolean {
    return this.#settled
  }

  resolve(answer: Answer): void {
    this.#settle()
    this.#resolve(answer)
  }

  reject(error: unknown): void {
    this.#settle()
    this.#reject(error)
  }

  readonly #abort = (): void => {
    this.onCancelled()
    this.reject(this.#signal?.reason)
  }

  #settle(): void {
    if (this.#settled) return
    this.#settled = true
    this.#timer.cancel()
    this.#signal?.removeEventListener('abort', this.#abort)
    this.onSettled()
  }
}
