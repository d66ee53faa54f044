import { spawnSync } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compiledRecorder, installed } from './compiled.js'

const script = `
import { inspectTape, openTape, verifyTape } from './dist/recorder/index.js'
const failures = [{ mode: 'write' }, { mode: 'read' }].map((options) => {
  try {
    openTape('tape.db', options)
    return null
  } catch ({ name, code, message }) {
    return { name, code, message }
  }
})
console.log(JSON.stringify({ imported: [typeof inspectTape, typeof verifyTape], failures }))
`

function run(directory: string) {
  writeFileSync(join(directory, 'try.mjs'), script)
  writeFileSync(join(directory, 'tape.db'), 'something')
  const { stdout, stderr } = spawnSync(process.execPath, ['try.mjs'], { cwd: directory, encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

describe('where better-sqlite3 is not installed', () => {
  it('the recorder can be imported, and opening a tape says how to install it', () => {
    const { directory } = compiledRecorder(['zod', 'decimal.js', 'fastest-levenshtein'])
    const { imported, failures } = run(directory)
    expect(imported).toEqual(['function', 'function'])
    for (const failure of failures) {
      expect(failure).toEqual({
        name: 'TapeError',
        code: 'sqlite_missing',
        message: expect.stringContaining('npm install better-sqlite3'),
      })
    }
  })
})

describe('where better-sqlite3 is installed without its native part', () => {
  it('opening a tape says how to build it', () => {
    const { directory } = compiledRecorder([
      'zod',
      'decimal.js',
      'fastest-levenshtein',
      'bindings',
      'file-uri-to-path',
    ])
    for (const part of ['package.json', 'lib']) {
      cpSync(join(installed('better-sqlite3'), part), join(directory, 'node_modules/better-sqlite3', part), {
        recursive: true,
      })
    }
    const { failures } = run(directory)
    for (const failure of failures) {
      expect(failure).toMatchObject({ name: 'TapeError', code: 'sqlite_missing' })
      expect(failure.message).toContain('Could not locate the bindings file')
      expect(failure.message).toContain('npm rebuild better-sqlite3')
    }
  })
})
