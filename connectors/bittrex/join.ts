/** Where a number stands in a run that must go up by one. */
export type Place = 'next' | 'repeat' | 'break'

/** Numbers of messages as they came over the wire. */
export class Numbering {
  #last: number | null = null

  /** The number of the last message; null before any. */
  get last(): number | null {
    return this.#last
  }

  /** Places a number and goes on from it, whatever came. */
  take(sequence: number): Place {
    const last = this.#last
    if (sequence === last) return 'repeat'
    this.#last = sequence
    return last === null || sequence === last + 1 ? 'next' : 'break'
  }
}

/** A message that waits, with its number. */
export interface Numbered<T> {
  readonly sequence: number
  readonly delta: T
}

/** How messages of a kind are held. */
export interface Holding<T> {
  /** How many rows a message has. */
  rows(delta: T): number
  /** The message without the text that it was cut from, which may be as long as the venue likes. */
  own(delta: T): T
}

/**
 * What to do with a message: `apply` it; it is `held` until the snapshot comes; the snapshot has it (`covered`); it is a
 * `repeat` of the one before; or the run is broken (`break`): it is held, and a new snapshot is needed.
 */
export type Verdict = 'apply' | 'held' | 'covered' | 'repeat' | 'break'

/** Messages held for a snapshot. Beyond this the oldest goes, which only asks for a newer snapshot. */
const HELD = 5_000
/** Rows of the held messages together. */
const HELD_ROWS = 100_000

/**
 * A snapshot further ahead of the socket than this counts in numbers of another run (the venue's numbers begin again
 * when its server restarts): joining it would drop every message to come as old.
 */
const AHEAD = 1_000

/**
 * Joins a snapshot that is fetched over HTTP to the numbered messages of a socket. `waiting`: messages are held until a
 * snapshot reaches the first of them. `joined`: each message must carry the number after the last.
 */
export class Join<T> {
  readonly #holding: Holding<T>
  #state: 'waiting' | 'joined' = 'waiting'
  readonly #numbers = new Numbering()
  #held: Numbered<T>[] = []
  #heldRows = 0
  /** The last number that the state contains; null where nothing is asked of the next. */
  #position: number | null = null
  #breach = ''

  constructor(holding: Holding<T>) {
    this.#holding = holding
  }

  get waiting(): boolean {
    return this.#state === 'waiting'
  }

  /** Messages that are held for a snapshot. */
  get held(): number {
    return this.#held.length
  }

  /** Whether a message shows where the numbers stand. */
  get placed(): boolean {
    return this.#numbers.last !== null
  }

  /** The last number that the state contains; null while waiting, or where it began without a snapshot. */
  get position(): number | null {
    return this.#position
  }

  /** What the last break was, for a person. */
  get breach(): string {
    return this.#breach
  }

  /** @param broken takes the messages that were held when a break made them useless for a join. */
  offer(sequence: number, delta: T, broken?: (held: readonly Numbered<T>[]) => void): Verdict {
    const before = this.#position ?? this.#numbers.last
    const place = this.#numbers.take(sequence)
    if (place === 'repeat') return 'repeat'
    if (place === 'break' || this.#skips(sequence)) {
      this.#breach = `number ${sequence} came after ${before}`
      broken?.(this.#held)
      this.restart()
      this.#hold(sequence, delta)
      return 'break'
    }
    if (this.#state === 'waiting') {
      this.#hold(sequence, delta)
      return 'held'
    }
    if (this.#position !== null && sequence <= this.#position) return 'covered'
    this.#position = sequence
    return 'apply'
  }

  /**
   * A snapshot that stands for all messages up to a number.
   * @returns the held messages that follow it; null where it does not reach what is held, so that a newer one is needed.
   */
  join(sequence: number): Numbered<T>[] | null {
    const { last } = this.#numbers
    const reach = this.#held[0] === undefined ? last : this.#held[0].sequence - 1
    if (reach !== null && sequence < reach) return null
    if (last !== null && sequence > last + AHEAD) return null
    const following = this.#held.filter((held) => held.sequence > sequence)
    this.#position = Math.max(sequence, last ?? sequence)
    return this.#release(following)
  }

  /** Goes on without a snapshot. @returns everything that was held. */
  follow(): Numbered<T>[] {
    this.#position = this.#numbers.last
    return this.#release(this.#held)
  }

  /** Waits for a new snapshot, which must reach at least the last message. */
  restart(): void {
    this.#state = 'waiting'
    this.#held = []
    this.#heldRows = 0
    this.#position = null
  }

  #release(held: Numbered<T>[]): Numbered<T>[] {
    this.#state = 'joined'
    this.#held = []
    this.#heldRows = 0
    return held
  }

  #hold(sequence: number, delta: T): void {
    const { own, rows } = this.#holding
    this.#held.push({ sequence, delta: own(delta) })
    this.#heldRows += rows(delta)
    while (this.#held.length > HELD || this.#heldRows > HELD_ROWS) {
      const oldest = this.#held.shift()
      if (oldest === undefined) return
      this.#heldRows -= rows(oldest.delta)
    }
  }

  /** The first message after a snapshot that met no message: it may leave a hole. */
  #skips(sequence: number): boolean {
    return this.#position !== null && sequence > this.#position + 1
  }
}
