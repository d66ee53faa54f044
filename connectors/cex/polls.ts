import type { Micros } from '../../schemas/events.js'
import type { Alarms } from '../../src/session/alarms.js'

/** Between two polls, whatever they ask: fifteen a minute, beside the eighty that subscribing may take of a hundred. */
const SPACING_MS = 4_000

const ALARM = 'poll'

interface Question {
  readonly ask: (at: Micros) => void
  readonly once: boolean
  /** It is due so long after this: when it was asked last, or entered. */
  since: Micros
  afterMs: number
}

/** Requests asked again and again because the venue has no stream of their answers, in turn and at a pace. */
export class Polls {
  readonly #alarms: Alarms
  readonly #everyMs: number
  readonly #asked = new Map<string, Question>()
  #askedAt: Micros | null = null

  /** @param everyMs the same question is not asked again within this. */
  constructor(alarms: Alarms, everyMs: number) {
    this.#alarms = alarms
    this.#everyMs = everyMs
  }

  /** Asks from now on; a question that is asked already stays in its turn. */
  add(key: string, at: Micros | null, ask: (at: Micros) => void): void {
    this.#add(key, at, ask, false)
  }

  /** Asks once, when it is its turn. */
  once(key: string, at: Micros | null, ask: (at: Micros) => void): void {
    this.#add(key, at, ask, true)
  }

  /** The answer was a refusal: not asked again before this has passed. */
  delay(key: string, waitMs: number, at: Micros | null): void {
    const question = this.#asked.get(key)
    if (question === undefined || at === null) return
    question.since = at
    question.afterMs = Math.max(this.#everyMs, waitMs)
    this.#arm(at)
  }

  drop(key: string): void {
    this.#asked.delete(key)
  }

  #add(key: string, at: Micros | null, ask: Question['ask'], once: boolean): void {
    if (at === null) return
    if (!this.#asked.has(key)) this.#asked.set(key, { ask, once, since: at, afterMs: 0 })
    this.#arm(at)
  }

  #arm(now: Micros): void {
    if (this.#asked.size === 0) return
    let waitMs = Number.POSITIVE_INFINITY
    for (const question of this.#asked.values()) waitMs = Math.min(waitMs, this.#waitMs(question, now))
    const paceMs = this.#askedAt === null ? 0 : SPACING_MS - this.#alarms.elapsedMs(this.#askedAt, now)
    this.#alarms.set(ALARM, now, Math.max(0, waitMs, paceMs), (then) => this.#ask(then))
  }

  #waitMs({ since, afterMs }: Question, now: Micros): number {
    return afterMs - this.#alarms.elapsedMs(since, now)
  }

  #ask(now: Micros): void {
    let key = ''
    let first: Question | null = null
    let least = 0
    for (const [name, question] of this.#asked) {
      const waitMs = this.#waitMs(question, now)
      if (waitMs > 0 || (first !== null && waitMs >= least)) continue
      key = name
      first = question
      least = waitMs
    }
    if (first !== null) {
      if (first.once) this.#asked.delete(key)
      first.since = now
      first.afterMs = this.#everyMs
      this.#askedAt = now
      first.ask(now)
    }
    this.#arm(now)
  }
}
