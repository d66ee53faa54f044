import type { Micros } from '../../schemas/events.js'
import type { TapewireError } from '../errors.js'
import type { CodecSink } from './codec.js'
import { badCommand, lateAnswer } from './command-errors.js'
import type { Deadlines } from './deadlines.js'
import { KeptCommands, type KeptLimits } from './kept-commands.js'

/** How one subscription stands on the present connection. */
export interface SubscriptionState {
  /** Under which its command is settled, once; null when that is done or not wanted. */
  unsettled: string | null
  /** The other side has confirmed it on this connection. */
  standing: boolean
}

/** What a codec's sink must offer for them. */
type Settler<Answer> = Pick<CodecSink<never, Answer>, 'settle' | 'error'>

/**
 * The subscriptions of a codec over all its connections, by key. Each settles once, when it is first confirmed or refused; one that
 * is refused at first is forgotten, and one that is refused after a reconnect is reported and asked for again on the next connection.
 */
export class Subscriptions<Command, Answer> {
  readonly #kept: KeptCommands<Command, SubscriptionState>
  readonly #sink: Settler<Answer>
  readonly #deadlines: Deadlines
  readonly #withinMs: number
  #last = 0

  constructor(sink: Settler<Answer>, deadlines: Deadlines, withinMs: number, limits: KeptLimits) {
    this.#sink = sink
    this.#deadlines = deadlines
    this.#withinMs = withinMs
    this.#kept = new KeptCommands(limits)
  }

  get commands(): readonly Command[] {
    return this.#kept.commands
  }

  /** The keys and commands, as they are now. */
  get all(): readonly (readonly [key: string, command: Command])[] {
    return [...this.#kept].map(([key, { command }]) => [key, command] as const)
  }

  has(key: string): boolean {
    return this.#kept.has(key)
  }

  get(key: string): Command | undefined {
    return this.#kept.get(key)?.command
  }

  isStanding(key: string): boolean {
    return this.#kept.get(key)?.state.standing ?? false
  }

  /**
   * Remembers one.
   *
   * @param characters how much text the command holds.
   * @returns the id under which it is settled.
   * @throws {UsageError} `bad_command` where the key is taken, `too_many_subscriptions`.
   */
  keep(key: string, command: Command, characters: number): string {
    if (this.#kept.has(key)) throw badCommand(`there is a subscription to ${key} already; end it first`)
    const id = `subscription ${++this.#last}`
    this.#kept.set(key, command, characters, { unsettled: id, standing: false })
    return id
  }

  /** It was asked for on this connection: the other side, or whoever `of` names, must answer in time. */
  asked(key: string, at: Micros, of = `the subscription to ${key}`): void {
    if (this.#withinMs === Number.POSITIVE_INFINITY) return
    this.#deadlines.set(`subscription ${key}`, at, this.#withinMs, () => {
      this.refused(key, lateAnswer(of, this.#withinMs))
    })
  }

  /** @returns false where there is none of that key. */
  confirmed(key: string, answer: Answer): boolean {
    this.#deadlines.clear(`subscription ${key}`)
    const entry = this.#kept.get(key)
    if (entry === undefined) return false
    entry.state.standing = true
    this.#settle(entry.state, { ok: true, value: answer })
    return true
  }

  refused(key: string, error: TapewireError): void {
    this.#deadlines.clear(`subscription ${key}`)
    const entry = this.#kept.get(key)
    if (entry === undefined) return
    entry.state.standing = false
    const first = entry.state.unsettled !== null
    if (first) this.#kept.delete(key)
    else this.#sink.error(error)
    this.#settle(entry.state, { ok: false, error })
  }

  /**
   * Forgets one at the user's wish.
   *
   * @returns whether it stood on this connection.
   * @throws {UsageError} `bad_command` where there is none.
   */
  end(key: string): boolean {
    const entry = this.#kept.get(key)
    if (entry === undefined) throw badCommand(`there is no subscription to ${key}`)
    this.#deadlines.clear(`subscription ${key}`)
    this.#kept.delete(key)
    this.#settle(entry.state, { ok: false, error: badCommand(`the subscription to ${key} was ended`) })
    return entry.state.standing
  }

  /** Nobody waits for the settlement; the subscription stays. */
  cancel(id: string): void {
    for (const [, { state }] of this.#kept) if (state.unsettled === id) state.unsettled = null
  }

  /** The connection ended: none stands, and those that wait for an answer wait for the next connection's. */
  lost(): void {
    for (const [key, { state }] of this.#kept) {
      state.standing = false
      this.#deadlines.clear(`subscription ${key}`)
    }
  }

  #settle(state: SubscriptionState, outcome: Parameters<Settler<Answer>['settle']>[1]): void {
    const { unsettled } = state
    state.unsettled = null
    if (unsettled !== null) this.#sink.settle(unsettled, outcome)
  }
}
