import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InstalledPackage } from './installed.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const example = join(root, 'examples/venue')
const node = (...args: string[]) => promisify(execFile)(process.execPath, args)

let installed: InstalledPackage
beforeAll(() => {
  installed = new InstalledPackage()
  // What its author installs beside tapewire.
  mkdirSync(join(installed.project, 'node_modules/@types'))
  for (const name of ['node', 'ws']) {
    symlinkSync(join(root, 'node_modules/@types', name), join(installed.project, 'node_modules/@types', name))
  }
  for (const name of readdirSync(example)) {
    if (/\.(?:ts|json)$/.test(name)) copyFileSync(join(example, name), join(installed.project, name))
  }
})
afterAll(() => installed.remove())

test('a venue written by somebody who has only the package compiles, finds what was lost and has the true book', async () => {
  const compiled = await node(join(root, 'node_modules/typescript/bin/tsc'), '-p', installed.project).catch(
    (error: { stdout: string }) => error,
  )
  expect(compiled.stdout).toBe('')
  const { stdout, stderr } = await node(join(installed.project, 'out/main.js'))
  expect(stdout).toMatch(
    /^gap open: sequence expected seq \d+, got \d+\ngap closed: sequence\nthe book is the true one\n$/,
  )
  expect(stderr).toBe('')
})

test('the test that docs/adding-a-venue.md shows for a venue outside this repository compiles and passes', async () => {
  const page = readFileSync(join(installed.package, 'docs/adding-a-venue.md'), 'utf8')
  const [, text = ''] = /```ts\n(import assert.*?)```/s.exec(page) ?? []
  installed.write('harbor.test.ts', text)
  const { compilerOptions } = JSON.parse(readFileSync(join(example, 'tsconfig.json'), 'utf8'))
  installed.write('tsconfig.test.json', JSON.stringify({ compilerOptions, files: ['harbor.test.ts'] }))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const compiled = await node(tsc, '-p', join(installed.project, 'tsconfig.test.json')).catch(
    (error: { stdout: string }) => error,
  )
  expect(compiled.stdout).toBe('')
  const { stdout } = await node(
    '--test',
    '--test-reporter=tap',
    join(installed.project, 'out/harbor.test.js'),
  )
  expect(stdout).toMatch(/^# pass 1$/m)
})
