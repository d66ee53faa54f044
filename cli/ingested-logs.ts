import { statSync } from 'node:fs'
import { openTape, type TapeSource } from '../recorder/index.js'
import { UsageError } from '../src/errors.js'
import { type LogIdentity, overlapOf } from '../src/framelog/index.js'
import { shown } from '../src/shown.js'

/** A log that is to be ingested, and what it is known by. */
export interface NamedLog extends LogIdentity {
  /** The file's, without its folder. */
  readonly name: string
}

/**
 * Refuses logs that were given twice, and those that the tape has or has a part of: every event would be on the tape twice.
 *
 * @throws {UsageError} `already_ingested`.
 */
export function refuseRepeated(logs: readonly NamedLog[], path: string): void {
  logs.forEach((log, index) => {
    for (const other of logs.slice(0, index)) {
      const overlap = overlapOf(log, other)
      if (overlap !== null) {
        const what = overlap === 'same' ? 'are the same log' : 'have frames in common'
        refuse(`${shown(other.name)} and ${shown(log.name)} ${what}: give one of them`, log)
      }
    }
  })
  for (const source of sourcesOf(path)) {
    for (const log of logs) {
      const overlap = overlapOf(log, source)
      if (overlap !== null) refuse(`${describe(log, source, overlap)}; --force writes it all the same`, log)
    }
  }
}

function describe({ name }: NamedLog, source: TapeSource, overlap: 'same' | 'part'): string {
  const was = `${shown(source.name)} in run ${source.run}`
  const begun = source.complete ? 'is on the tape already' : 'was begun and not finished on this tape'
  return overlap === 'same'
    ? `${shown(name)} ${begun}, ingested as ${was}`
    : `a part of ${shown(name)} ${begun}, ingested with ${was}`
}

function refuse(message: string, { name }: NamedLog): never {
  throw new UsageError('already_ingested', message, { context: { file: name } })
}

/** What a tape was made from; nothing where there is none yet. */
function sourcesOf(path: string): readonly TapeSource[] {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return []
  using tape = openTape(path)
  return tape.sources()
}
