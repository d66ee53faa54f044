import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { inspectTape, openTape, verifyTape } from '../../recorder/index.js'
import { mayMount, readOnlyView } from '../support/small-disk.js'
import { trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const paths = temporaryPaths()

function folder(): string {
  const made = paths('folder')
  mkdirSync(made)
  return made
}

async function tapeIn(directory: string): Promise<string> {
  const file = join(directory, 'tape.db')
  const recorder = openTape(file, { mode: 'write' })
  recorder.record(trade())
  await recorder.close()
  return file
}

describe('a closed tape', () => {
  it('is one file, also where somebody was reading when it was closed', async () => {
    const directory = folder()
    const file = join(directory, 'tape.db')
    const recorder = openTape(file, { mode: 'write' })
    recorder.record(trade())
    await recorder.flush()
    const reader = openTape(file)
    const replay = reader.replay()
    replay.next()
    await recorder.close()
    reader.close()
    expect(readdirSync(directory)).toEqual(['tape.db'])
    const db = new Database(file, { readonly: true })
    expect(db.pragma('journal_mode', { simple: true })).toBe('delete')
    db.close()
  })

  it.skipIf(!mayMount)('is read, inspected and verified where nothing can be written', async () => {
    const directory = folder()
    await tapeIn(directory)
    const file = join(readOnlyView(directory), 'tape.db')
    using tape = openTape(file)
    expect([...tape.replay()]).toEqual([trade()])
    expect(inspectTape(tape).tape.events).toBe(1)
    expect(verifyTape(tape).whole).toBe(true)
    expect(() => openTape(file, { mode: 'write' })).toThrow(
      expect.objectContaining({ code: 'tape_unwritable' }),
    )
    expect(readdirSync(directory)).toEqual(['tape.db'])
  })
})

describe.skipIf(!mayMount)('a tape whose recorder crashed', () => {
  async function crashed(suffixes: readonly string[]): Promise<string> {
    const file = join(folder(), 'tape.db')
    const directory = folder()
    const recorder = openTape(file, { mode: 'write' })
    recorder.record(trade())
    await recorder.flush()
    for (const suffix of suffixes) copyFileSync(file + suffix, join(directory, `tape.db${suffix}`))
    await recorder.close()
    return directory
  }

  it('is read where nothing can be written, with all that was committed', async () => {
    const file = join(readOnlyView(await crashed(['', '-wal', '-shm'])), 'tape.db')
    using tape = openTape(file)
    expect([...tape.replay()]).toEqual([trade()])
  })

  it('is refused with a sentence where SQLite must write to read it', async () => {
    const file = join(readOnlyView(await crashed(['', '-wal'])), 'tape.db')
    expect(() => openTape(file)).toThrow(
      /copy the tape, with tape\.db-wal .* to a directory that can be written/,
    )
  })

  it('is one file once it was read where it can be written', async () => {
    const directory = await crashed(['', '-wal'])
    const tape = openTape(join(directory, 'tape.db'))
    expect([...tape.replay()]).toEqual([trade()])
    tape.close()
    expect(readdirSync(directory)).toEqual(['tape.db'])
    using again = openTape(join(readOnlyView(directory), 'tape.db'))
    expect([...again.replay()]).toEqual([trade()])
  })
})
