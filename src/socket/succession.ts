import type { Micros } from '../../schemas/events.js'
import type { NetworkError } from '../errors.js'
import type { Clock, Timer } from '../platform.js'
import type { Outcome } from '../protocols/codec.js'
import type { Beat } from './heartbeat.js'
import { type Loss, NOTHING_KNOWN } from './loss.js'
import type { RotateOptions } from './open-options.js'
import { type LinkOptions, ProtocolLink } from './protocol-link.js'
import { retirementMs } from './retirement.js'
import type { Opening, Wait } from './socket-events.js'

/** How long both connections deliver, where no option says so. */
const OVERLAP_MS = 5_000

/** One line of connections: a link, and the number of its connection or attempt. */
export interface Line<Command, Message, Answer> {
  readonly link: ProtocolLink<Command, Message, Answer>
  connection: number
  /** When it became ready; null while it is not. */
  readyAt: Micros | null
  /** How its last connection or attempt ended. */
  loss: Loss | null
}

/** Whom a succession tells. */
export interface SuccessionEvents<Message, Answer> {
  attempt(): void
  handshake(connection: number, opening: Opening): void
  connect(connection: number, attempt: number, at: Micros, replaces: number | null): void
  message(connection: number, message: Message, at: Micros, bytes: number): void
  /** @param line that the command was given to. */
  settle(line: object, id: string, outcome: Outcome<Answer>): void
  error(error: Error): void
  disconnect(connection: number, loss: Loss, at: Micros, replaced: boolean): void
  /** A line is gone: what waits for an answer on it will get none. */
  over(line: object): void
  waiting(wait: Wait): void
  beat(connection: number, beat: Beat): void
  /** A connection or an attempt ended. */
  lost(loss: Loss): void
  /** @param loss the last. */
  failed(error: NetworkError, loss: Loss | null): void
}

/**
 * The connection that is used, and while it is being replaced the one that takes over: that is opened first, and the old one goes
 * on delivering for a while after, so that nothing falls between.
 */
export class Succession<Command, Message, Answer> {
  readonly #options: LinkOptions<Command, Message, Answer>
  readonly #rotate: Required<RotateOptions> | null
  readonly #clock: Clock
  readonly #events: SuccessionEvents<Message, Answer>
  #lead: Line<Command, Message, Answer>
  #next: Line<Command, Message, Answer> | null = null
  #last: Line<Command, Message, Answer> | null = null
  readonly #closing = new Set<Promise<void>>()
  #connections = 0
  #age: Timer | null = null
  #overlap: Timer | null = null
  #paused = false

  constructor(
    options: LinkOptions<Command, Message, Answer>,
    rotate: Required<RotateOptions> | null,
    events: SuccessionEvents<Message, Answer>,
  ) {
    this.#options = options
    this.#rotate = rotate
    this.#clock = options.clock
    this.#events = events
    this.#lead = this.#line()
  }

  get lead(): Line<Command, Message, Answer> {
    return this.#lead
  }

  start(): void {
    this.#lead.link.start()
  }

  /** Gives the lead a command; what is kept the successor gets as well. @throws {UsageError} where the codec refuses it. */
  command(command: Command): string | null {
    const id = this.#lead.link.command(command)
    if (this.#next?.link.isKept(command) === true) this.#next.link.command(command)
    return id
  }

  /** Opens a successor. Does nothing while there is one, and where there is no connection to succeed. */
  replace(): void {
    if (this.#next !== null || this.#lead.readyAt === null) return
    this.#retire()
    const next = this.#line()
    this.#next = next
    for (const command of this.#lead.link.kept) next.link.command(command)
    next.link.start()
  }

  pause(): void {
    this.#paused = true
    for (const { link } of this.#lines) link.pause()
  }

  resume(): void {
    this.#paused = false
    for (const { link } of this.#lines) link.resume()
  }

  async close(code: number, reason: string): Promise<void> {
    this.#age?.cancel()
    this.#overlap?.cancel()
    for (const line of this.#lines) this.#close(line, code, reason)
    await Promise.all(this.#closing)
  }

  get #lines(): Line<Command, Message, Answer>[] {
    return [this.#lead, this.#next, this.#last].filter((line) => line !== null)
  }

  #line(): Line<Command, Message, Answer> {
    const link = new ProtocolLink(this.#options, {
      connecting: () => {
        this.#connections++
        line.connection = this.#connections
        this.#events.attempt()
        return line.connection
      },
      handshake: (opening) => this.#events.handshake(line.connection, opening),
      connect: (attempt, at) => this.#connected(line, attempt, at),
      message: (message, at, bytes) => this.#events.message(line.connection, message, at, bytes),
      settle: (id, outcome) => this.#events.settle(line, id, outcome),
      error: (error) => this.#events.error(error),
      disconnect: (loss, at) => this.#disconnected(line, loss, at),
      waiting: (wait) => {
        if (line === this.#lead) this.#events.waiting(wait)
      },
      beat: (beat) => this.#events.beat(line.connection, beat),
      failed: (error) => this.#failed(line, error),
    })
    const line: Line<Command, Message, Answer> = { link, connection: 0, readyAt: null, loss: null }
    if (this.#paused) link.pause()
    return line
  }

  #connected(line: Line<Command, Message, Answer>, attempt: number, at: Micros): void {
    line.readyAt = at
    if (line !== this.#next) {
      this.#ageOn(line)
      this.#events.connect(line.connection, attempt, at, null)
      return
    }
    const old = this.#promote(line)
    this.#last = old
    this.#overlap = this.#clock.after(this.#rotate?.overlapMs ?? OVERLAP_MS, () => this.#retire())
    this.#events.connect(line.connection, attempt, at, old.connection)
  }

  #disconnected(line: Line<Command, Message, Answer>, loss: Loss, at: Micros): void {
    const wasReady = line.readyAt !== null
    line.readyAt = null
    line.loss = loss
    this.#events.lost(loss)
    const next = this.#next
    if (line === this.#lead) this.#age?.cancel()
    // Its successor is on the way already.
    if (line === this.#lead && next !== null) this.#promote(next)
    const replaced = line !== this.#lead && line !== this.#next
    if (wasReady) this.#events.disconnect(line.connection, loss, at, replaced)
    if (replaced) this.#close(line, 1000, '')
    if (line === this.#last) this.#last = null
  }

  /** @returns the line that led before. */
  #promote(next: Line<Command, Message, Answer>): Line<Command, Message, Answer> {
    const old = this.#lead
    this.#lead = next
    this.#next = null
    if (next.readyAt !== null) this.#ageOn(next)
    return old
  }

  /** Lets go of the connection that was replaced. */
  #retire(): void {
    this.#overlap?.cancel()
    const line = this.#last
    if (line === null) return
    this.#last = null
    if (line.readyAt !== null) {
      const reason = `replaced by connection ${this.#lead.connection}`
      const known = { ...NOTHING_KNOWN, cause: 'asked', planned: true, opened: true, attempt: 1 } as const
      this.#events.disconnect(line.connection, { ...known, reason }, this.#clock.now(), true)
    }
    this.#close(line, 1000, '')
  }

  #failed(line: Line<Command, Message, Answer>, error: NetworkError): void {
    if (line === this.#lead) {
      this.#events.failed(error, line.loss)
      return
    }
    this.#events.error(error)
    if (line === this.#next) this.#next = null
    this.#close(line, 1000, '')
    this.#ageOn(this.#lead)
  }

  #close(line: Line<Command, Message, Answer>, code: number, reason: string): void {
    const closing = line.link.close(code, reason).then(() => {
      this.#closing.delete(closing)
      this.#events.over(line)
    })
    this.#closing.add(closing)
  }

  #ageOn(line: Line<Command, Message, Answer>): void {
    this.#age?.cancel()
    if (line.readyAt === null) return
    const { maxAgeMs = Number.POSITIVE_INFINITY } = this.#rotate ?? {}
    const ageMs = Math.min(maxAgeMs, line.link.validForMs ?? Number.POSITIVE_INFINITY)
    if (ageMs === Number.POSITIVE_INFINITY) return
    this.#age = this.#clock.after(retirementMs(ageMs, this.#clock.random()), () => this.replace())
  }
}
