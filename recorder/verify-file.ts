import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { TapeError } from '../src/errors.js'
import { Findings, wholeFile } from './findings.js'
import { openTape } from './open-tape.js'
import { salvageTape } from './salvage.js'
import { sqliteCode } from './sqlite.js'
import { checkStorage, faultOf } from './storage-checks.js'
import type { Tape } from './tape.js'
import { judgeTape, type Verification, type VerifyOptions, verifyOptions } from './verify.js'

/**
 * As `verifyTape`, for a file that may be damaged: what can be read of it is copied to a temporary file and judged, and what is
 * wrong with the file is among the findings. The file itself is not touched.
 *
 * @throws {UsageError} `bad_option`.
 * @throws {TapeError} what `openTape` throws, but for a damaged tape.
 */
export function verifyFile(path: string, options: VerifyOptions = {}): Verification {
  const given = verifyOptions(options)
  const findings = new Findings(given.limit)
  const tape = opened(path, findings)
  if (tape !== null) {
    try {
      checkStorage(tape, findings)
      if (!findings.has('storage')) return judgeTape(tape, findings, given)
    } finally {
      tape.close()
    }
  }
  return judgeSalvaged(path, findings, given)
}

/** @returns null where the file is damaged, which is then found. */
function opened(path: string, findings: Findings): Tape | null {
  try {
    return openTape(path)
  } catch (error) {
    if (!(error instanceof TapeError) || !isDamage(error, path)) throw error
    findings.add('error', 'storage', wholeFile, headerFault(error) ?? faultOf(error))
    return null
  }
}

function judgeSalvaged(
  path: string,
  findings: Findings,
  given: ReturnType<typeof verifyOptions>,
): Verification {
  try {
    const salvaged = salvageTape(path)
    if (salvaged === null) {
      findings.add('error', 'storage', wholeFile, 'nothing of the file can be read')
      return judgeTape(null, findings, given)
    }
    try {
      return judgeTape(salvaged.tape, findings, given)
    } finally {
      salvaged.discard()
    }
  } catch (error) {
    if (sqliteCode(error) === null && !isFileError(error)) throw error
    const what = `what can be read cannot be copied to a temporary file to be judged: ${String(error)}`
    findings.add('error', 'storage', wholeFile, what)
    return judgeTape(null, findings, given)
  }
}

/** No version of a tape is as high as this: the number itself is damaged. */
const HIGHEST_VERSION = 1_000

function isDamage({ code, context }: TapeError, path: string): boolean {
  if (code === 'tape_damaged') return true
  if (code === 'tape_too_new') return Number(context['version']) > HIGHEST_VERSION
  // A schema of which a table cannot be found any more, and a file that ends in the middle of a page.
  if (code === 'tape_unwritable') return /^SQLITE_(?:ERROR|IOERR_SHORT_READ)/.test(String(context['sqlite']))
  return code === 'not_a_tape' && isRemains(path)
}

/** What is wrong with a header that SQLite can read. */
function headerFault({ code, cause, context }: TapeError): string | null {
  if (code === 'tape_too_new') return `the header gives layout ${context['version']}, which is none of a tape`
  if (code !== 'not_a_tape' || cause !== undefined) return null
  return 'the file is empty, or its header is not that of a tape'
}

const SQLITE_MAGIC = 'SQLite format 3\0'
/** The description of a table that only tapes have stands within the first pages. */
const TABLE_OF_A_TAPE = 'CREATE TABLE event_types'
const FIRST_PAGES_BYTES = 1 << 20
/** An SQLite file that is shorter than this was cut off. */
const SHORTEST_BYTES = 512

/** Whether a file that is no tape any more may have been one. */
function isRemains(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || !found.isFile()) return false
  if (found.size === 0) return true
  const beginning = Buffer.alloc(Math.min(found.size, FIRST_PAGES_BYTES))
  const handle = openSync(path, 'r')
  try {
    readSync(handle, beginning, 0, beginning.length, 0)
  } finally {
    closeSync(handle)
  }
  const text = beginning.toString('latin1')
  const magic = SQLITE_MAGIC.slice(0, found.size)
  return text.includes(TABLE_OF_A_TAPE) || (text.startsWith(magic) && found.size < SHORTEST_BYTES)
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
