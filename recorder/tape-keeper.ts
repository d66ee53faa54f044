import { basename } from 'node:path'
import type { Micros } from '../schemas/events.js'
import { TapeError } from '../src/errors.js'
import { tapeError } from './sqlite.js'
import { fileAt, namesBeside } from './tape-place.js'
import type { TapeWriter } from './tape-writer.js'

/** Opens a tape to be written. `continues` names the file that it takes over from. */
export type OpenTapeWriter = (path: string, opened: Micros, continues: string | null) => TapeWriter

/** Why a tape was given up. */
interface Homeless {
  readonly what: string
  /** The moment from which the next tape has everything. */
  readonly boundary: Micros
  readonly noticed: Micros
  /** Another program wrote over the file: nothing more is written to it. */
  readonly overwritten: boolean
}

/** The recording goes on in another file. */
export interface TapeMove {
  /** The path of the former file. */
  readonly former: string
  /** What became of it: the predicate of a sentence. */
  readonly what: string
  /** The moment from which the new tape has everything. */
  readonly boundary: Micros
  readonly noticed: Micros
  /** Why the former file may be incomplete; null where it is not. */
  readonly error: TapeError | null
  /** Data of streams that are gone with the former file; null where that was not deleted. */
  readonly lost: number | null
}

/** Makes sure that what is recorded goes into a file that can be found: where the tape is moved or deleted, a new one beside it. */
export class TapeKeeper {
  /** The path that the recording was begun at. */
  readonly named: string
  readonly #open: OpenTapeWriter
  #writer: TapeWriter
  /** The tape was given up, and no new one could be begun yet. */
  #homeless: Homeless | null = null

  constructor(open: OpenTapeWriter, writer: TapeWriter) {
    this.named = writer.path
    this.#open = open
    this.#writer = writer
  }

  /** Writes to the file that is recorded to. */
  get writer(): TapeWriter {
    return this.#writer
  }

  /**
   * @param first when the first event that waits was received; null where nothing waits
   * @returns the move, where {@link writer} is another one now
   * @throws {TapeError} where the tape cannot be kept, and no new one can be begun, at the moment
   */
  keep(first: Micros | null, now: Micros): TapeMove | null {
    const what = this.#homeless === null ? this.#repair() : null
    if (what !== null) this.#homeless = { ...what, ...between(first, this.#writer.opened, now) }
    return this.#homeless === null ? null : this.#moveOn(this.#homeless)
  }

  /** @returns why the file must be given up, as it is; null where all is well. */
  #repair(): Pick<Homeless, 'what' | 'overwritten'> | null {
    switch (this.#writer.fault()) {
      case null:
        return null
      case 'log_removed':
        this.#writer.reconnect()
        return null
      case 'lock_removed':
        return this.#lockAgain()
      case 'moved':
        return given('was deleted, renamed or replaced while it was recorded to')
      case 'overwritten':
        return given('was cut short or written over by another program while it was recorded to', true)
    }
  }

  #lockAgain(): Pick<Homeless, 'what' | 'overwritten'> | null {
    try {
      this.#writer.lockAgain()
      return null
    } catch (error) {
      if (!(error instanceof TapeError && error.code === 'tape_locked')) throw error
      return given('was taken by another recorder, after its lock file had been removed')
    }
  }

  /** The run of the former file stays open until a new one has taken over. */
  #moveOn({ what, boundary, noticed, overwritten }: Homeless): TapeMove {
    const former = this.#writer
    const writer = this.#beginBeside(boundary)
    this.#homeless = null
    this.#writer = writer
    const lost = former.deleted ? former.data : null
    const error = overwritten ? giveUp(former) : finish(former, boundary)
    for (const stream of former.statedStreams) writer.stateStream(stream)
    if (former.epoch !== null) writer.setEpoch(former.epoch)
    return {
      former: former.path,
      what: lost === null ? what : 'was deleted or replaced while it was recorded to',
      boundary,
      noticed,
      error,
      lost,
    }
  }

  #beginBeside(opened: Micros): TapeWriter {
    for (const name of namesBeside(this.named)) {
      if (name === this.#writer.path || fileAt(name) !== null || fileAt(`${name}-wal`) !== null) continue
      const writer = this.#open(name, opened, basename(this.#writer.path))
      if (writer.made) return writer
      writer.closeUnfinished()
    }
    throw new Error('unreachable: there are names without end')
  }
}

function given(what: string, overwritten = false): Pick<Homeless, 'what' | 'overwritten'> {
  return { what, overwritten }
}

function between(first: Micros | null, opened: Micros, now: Micros): Pick<Homeless, 'boundary' | 'noticed'> {
  const boundary = first !== null && first >= opened && first <= now ? first : now
  return { boundary, noticed: now }
}

/** Leaves a file that another program wrote over, without a mark that its run is whole. */
function giveUp(former: TapeWriter): TapeError {
  former.closeUnfinished()
  return new TapeError(
    'tape_damaged',
    `${former.path} was cut short or written over; tapewire verify says what is left of it`,
    { context: { path: former.path } },
  )
}

/** Ends the run of a file that another one has taken over from. @returns what kept it from its proper end. */
function finish(former: TapeWriter, boundary: Micros): TapeError | null {
  try {
    former.leave(boundary)
    return null
  } catch (cause) {
    const error = tapeError(cause, former.path, 'cannot finish')
    if (error instanceof TapeError) return error
    throw error
  }
}
