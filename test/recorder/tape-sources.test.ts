import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openTape } from '../../recorder/index.js'
import { trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()
const log = { name: 'frames.jsonl.gz', lines: 12, digest: 'ab12', marks: ['0011', '-2233'] }

describe('the logs that a tape was made from', () => {
  it('are on the tape before their events, and complete when all of them are', async () => {
    const file = path()
    await using recorder = openTape(file, { mode: 'write' })
    recorder.recordSources([log, { ...log, name: 'second.jsonl' }])
    {
      using begun = openTape(file)
      expect(begun.sources()).toEqual([
        { ...log, run: 1, complete: false },
        { ...log, name: 'second.jsonl', run: 1, complete: false },
      ])
    }
    recorder.record(trade())
    await recorder.completeSources()
    await recorder.close()
    using tape = openTape(file)
    expect(tape.sources().map(({ complete }) => complete)).toEqual([true, true])
    expect([...tape.replay()]).toHaveLength(1)
    expect(tape.runs()).toHaveLength(1)
  })

  it('that could not be read to their end are not complete', async () => {
    const file = path()
    const recorder = openTape(file, { mode: 'write' })
    recorder.recordSources([log, { ...log, name: 'cut.jsonl', digest: 'another' }])
    recorder.record(trade())
    await recorder.completeSources(['another'])
    await recorder.close()
    using tape = openTape(file)
    expect(tape.sources().map(({ name, complete }) => [name, complete])).toEqual([
      [log.name, true],
      ['cut.jsonl', false],
    ])
  })

  it('are none on a tape of layout 2, which is brought up to date', async () => {
    const file = path()
    {
      await using recorder = openTape(file, { mode: 'write' })
      recorder.record(trade())
    }
    const db = new Database(file)
    const views = db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'view'").pluck().all()
    for (const view of views) db.exec(`DROP VIEW "${view}"`)
    for (const column of ['n', 'offset', 'emitted']) db.exec(`ALTER TABLE events DROP COLUMN ${column}`)
    db.exec('ALTER TABLE runs DROP COLUMN epoch; DROP TABLE sources')
    db.pragma('user_version = 2')
    db.close()
    using tape = openTape(file)
    expect(tape.sources()).toEqual([])
    expect([...tape.replay()]).toEqual([trade()])
  })
})
