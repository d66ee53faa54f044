import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A directory of the test file, gone when it is over. Gives fresh paths in it. */
export function temporaryPaths(): (name?: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'tapewire-'))
  let count = 0
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return (name = 'tape.db') => join(directory, `${++count}-${name}`)
}
