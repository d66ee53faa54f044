import type { Micros } from '../../schemas/events.js'
import type { Alarms } from '../../src/session/alarms.js'

/** Between two polls, whatever they ask: fifteen a minute, beside the eighty that subscribing may take of a hundred. */
const SPACING_MS = 4_000

const ALARM = 'poll'

interface Question {
  readonly ask: (at: Micros) => void
  readonly once: boolean
  due: Micros
}

/** Requests asked again and again because the venue has no stream of their answers, in turn and at a pace. */
export class Polls {
  readonly #alarms: Alarms
  readonly #everyMs: number
  readonly #asked = new Map<string, Question>()
  #next: Micros | null = null

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

  drop(key: string): void {
    this.#asked.delete(key)
  }

  #add(key: string, at: Micros | null, ask: Question['ask'], once: boolean): void {
    if (at === null) return
    if (!this.#asked.has(key)) this.#asked.set(key, { ask, once, due: at })
    this.#arm(at)
  }

  #arm(now: Micros): void {
    let due: Micros | null = null
    for (const question of this.#asked.values()) if (due === null || question.due < due) due = question.due
    if (due === null) return
    const at = Math.max(due, this.#next ?? now, now)
    this.#alarms.set(ALARM, now, (at - now) / 1000, (then) => this.#ask(then))
  }

  #ask(now: Micros): void {
    let key = ''
    let first: Question | null = null
    for (const [name, question] of this.#asked) {
      if (question.due > now || (first !== null && question.due >= first.due)) continue
      key = name
      first = question
    }
    if (first !== null) {
      if (first.once) this.#asked.delete(key)
      first.due = now + this.#everyMs * 1000
      this.#next = now + SPACING_MS * 1000
      first.ask(now)
    }
    this.#arm(now)
  }
}
