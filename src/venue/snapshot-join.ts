import type { Level } from '../../schemas/events.js'
import { ownLevel } from '../book/order-book.js'
import type { OrderRule } from './spec.js'

/** A message of a stream with its numbers, as the stream's {@link OrderRule} has them. */
export interface Numbered {
  /** The number of the message; of a range the last. */
  readonly sequence: bigint
  /** The first number of a range (`range`, `overlap`). @default sequence */
  readonly first?: bigint
  /** The number of the predecessor (`prev`). */
  readonly previous?: bigint
}

/** How messages are held while a snapshot is awaited. */
export interface Holding<Message> {
  /** How many rows a message has. */
  rows(message: Message): number
  /** The message without the text that it was cut from, which may be as long as the venue likes. */
  own(message: Message): Message
}

/** How changes of a book are held. */
export const bookHolding = {
  rows: ({ bids, asks }: Sides): number => bids.length + asks.length,
  own: <Message extends Sides>(message: Message): Message => ({
    ...message,
    bids: message.bids.map(ownLevel),
    asks: message.asks.map(ownLevel),
  }),
}

/** The rows of a change. */
export interface Sides {
  readonly bids: Level[]
  readonly asks: Level[]
}

/**
 * What became of a message. `apply`: it is the next. `held`: it waits for a snapshot. `covered`: the snapshot holds it. `repeat`: it
 * has the number of the one before. `back`: its number is lower than where the stream stands. `break`: something is missing before
 * it. After `back` and `break` the message is held and a new snapshot is needed.
 */
export type Verdict = 'apply' | 'held' | 'covered' | 'repeat' | 'back' | 'break'

/**
 * What became of a snapshot. `joined`: with the messages to apply on top of it. `older`: a held message shows that something is
 * missing after it, or it lies before where the stream stood and nothing shows that the numbers began again. `astride`: it lies within a message, which it neither holds nor leaves whole. `foreign`: it is so far ahead that it
 * counts in another run of numbers.
 */
export type Joined<Message> =
  | { readonly kind: 'joined'; readonly following: readonly Message[] }
  | { readonly kind: 'older' | 'astride' | 'foreign' }

/** Messages held for a snapshot. Beyond this the oldest goes, which only asks for a newer snapshot. */
const HELD = 5_000
/** Rows of the held messages together. */
const HELD_ROWS = 100_000

/**
 * A snapshot further ahead of the messages than this counts in numbers of another run (a venue's numbers may begin again when its
 * server restarts): to join it would drop every message to come as old.
 */
const AHEAD = 1_000n

/** Messages in a row that show that numbers which went back began again. One alone may be an old message that came late. */
const BEGUN_AGAIN = 2

/**
 * Joins a snapshot to the numbered messages of a stream by the venue's declared order. While it is `waiting`, messages are held; a
 * snapshot that fits them makes it joined, and from then on each message must follow the one before it.
 *
 * The first message after a snapshot must follow it exactly. A looser rule (the snapshot lies within a message) misses a level
 * that changed before the snapshot and changed back after it, where a message holds several changes.
 */
export class SnapshotJoin<Message extends Numbered> {
  readonly #order: OrderRule
  readonly #holding: Holding<Message>
  #waiting = true
  /** The number at which the stream stands; null while waiting, or where it goes on without a snapshot before any message. */
  #position: bigint | null = null
  /** The number of the last message, held or applied. */
  #last: bigint | null = null
  /** The number at which the stream stood before it waited: a snapshot that leaves it before that would take it back. */
  #reached: bigint | null = null
  /** Whether a message followed the snapshot: until then older ones may still come. */
  #followed = false
  #held: Message[] = []
  #heldRows = 0
  #waited = 0
  #breach = ''

  constructor(order: OrderRule, holding: Holding<Message>) {
    this.#order = order
    this.#holding = holding
  }

  get waiting(): boolean {
    return this.#waiting
  }

  get position(): bigint | null {
    return this.#position
  }

  /** Whether a message has shown where the numbers stand. */
  get placed(): boolean {
    return this.#last !== null
  }

  /** Messages that came since a snapshot is awaited, those included that are no longer held. */
  get waited(): number {
    return this.#waited
  }

  /** What the last break was, for a person. */
  get breach(): string {
    return this.#breach
  }

  /** @param useless takes the held messages that a break has made useless for a join */
  offer(message: Message, useless?: (held: readonly Message[]) => void): Verdict {
    const before = this.#waiting ? this.#last : this.#position
    if (message.sequence === before) return 'repeat'
    if (before === null || this.#follows(before, message)) return this.#take(message)
    const back = message.sequence < before
    if (back && !this.#waiting && !this.#followed) return 'covered'
    this.#breach = this.#missed(before, message)
    const wasWaiting = this.#waiting
    useless?.(this.#held)
    if (wasWaiting) this.#forget()
    else this.restart()
    this.#hold(message)
    return back ? 'back' : 'break'
  }

  /** A snapshot that stands for every message up to a number. */
  join(sequence: bigint): Joined<Message> {
    const from = this.#held.findIndex((held) => held.sequence > sequence)
    const following = from === -1 ? [] : this.#held.slice(from)
    const [first] = following
    // A number that only rises does not show what is missing: the snapshot must hold a message that came.
    if (first !== undefined && from === 0 && this.#order.step === 'rising') return { kind: 'older' }
    if (first !== undefined && !this.#follows(sequence, first)) {
      const missing = from === 0 && (first.previous ?? firstOf(first)) > sequence
      return { kind: missing ? 'older' : 'astride' }
    }
    const last = this.#last
    if (first === undefined && last !== null) {
      if (sequence < last) return { kind: 'older' }
      if (this.#contiguous && sequence > last + AHEAD) return { kind: 'foreign' }
    }
    const end = following.at(-1)?.sequence ?? sequence
    if (this.#reached !== null && end < this.#reached) {
      const begunAgain = this.#held.length >= BEGUN_AGAIN && end === last
      if (!begunAgain) return { kind: 'older' }
    }
    this.#begin(end)
    this.#followed = following.length > 0
    return { kind: 'joined', following }
  }

  /**
   * A snapshot that came in its place among the messages: it holds whatever came before it.
   * @returns the held messages that are newer, to be offered again in order.
   */
  place(sequence: bigint): readonly Message[] {
    const newer = this.#held.filter((held) => held.sequence > sequence)
    this.#begin(sequence)
    this.#followed = true
    return newer
  }

  /** Goes on without a snapshot. @returns everything that was held. */
  follow(): readonly Message[] {
    const held = this.#held
    this.#begin(this.#last)
    this.#followed = true
    return held
  }

  /** Waits for a new snapshot, which must reach at least the last message. */
  restart(): void {
    this.#waiting = true
    this.#reached = this.#position ?? this.#reached
    this.#position = null
    this.#waited = 0
    this.#forget()
  }

  #begin(position: bigint | null): void {
    this.#waiting = false
    this.#position = position
    this.#waited = 0
    this.#forget()
  }

  #take(message: Message): Verdict {
    if (this.#waiting) {
      this.#hold(message)
      return 'held'
    }
    this.#position = message.sequence
    this.#last = message.sequence
    this.#followed = true
    return 'apply'
  }

  #missed(position: bigint, message: Message): string {
    const { by, step } = this.#order
    const [expected, got] =
      step === 'prev'
        ? [position, message.previous]
        : [step === 'overlap' ? position : position + 1n, firstOf(message)]
    return `expected ${by} ${expected}, got ${got}`
  }

  get #contiguous(): boolean {
    return this.#order.step !== 'prev' && this.#order.step !== 'rising'
  }

  #follows(position: bigint, message: Message): boolean {
    switch (this.#order.step) {
      case 'next':
        return message.sequence === position + 1n
      case 'range':
        return firstOf(message) === position + 1n
      case 'overlap':
        return firstOf(message) === position
      case 'prev':
        return message.previous === position
      case 'rising':
        return message.sequence > position
    }
  }

  #hold(message: Message): void {
    const { own, rows } = this.#holding
    this.#last = message.sequence
    this.#waited++
    this.#held.push(own(message))
    this.#heldRows += rows(message)
    while (this.#held.length > HELD || this.#heldRows > HELD_ROWS) {
      const oldest = this.#held.shift()
      if (oldest === undefined) return
      this.#heldRows -= rows(oldest)
    }
  }

  #forget(): void {
    this.#held = []
    this.#heldRows = 0
  }
}

function firstOf({ first, sequence }: Numbered): bigint {
  return first ?? sequence
}
