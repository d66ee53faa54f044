import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const THROWN = /new (?:Usage|Venue|Protocol|Network|Tape|Tapewire|FrameLog|Decode)Error\(\s*'([a-z_]+)'/g

test('docs/errors.md has a section for every code that is thrown', () => {
  const documented = new Set(
    [...readFileSync(`${root}docs/errors.md`, 'utf8').matchAll(/^### `([a-z_]+)`$/gm)].map(
      ([, code]) => code,
    ),
  )
  const missing = new Set<string>()
  for (const folder of ['src', 'connectors', 'recorder', 'cli', 'simulators']) {
    for (const file of readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue
      for (const [, code = ''] of readFileSync(`${root}${folder}/${file}`, 'utf8').matchAll(THROWN)) {
        if (!documented.has(code)) missing.add(code)
      }
    }
  }
  expect([...missing]).toEqual([])
})
