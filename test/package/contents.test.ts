import { posix } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InstalledPackage } from './installed.js'

let installed: InstalledPackage
beforeAll(() => {
  installed = new InstalledPackage()
})
afterAll(() => installed.remove())

test('every link in a page of the package leads to a page of the package', () => {
  const files = new Set(installed.files)
  const folders = new Set(installed.files.map((file) => posix.dirname(file)))
  const pages = installed.files.filter((file) => file.endsWith('.md'))
  expect(pages).toContain('README.md')
  const dead = pages.flatMap((page) =>
    [...installed.read(page).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map(([, target = '']) => posix.normalize(posix.join(posix.dirname(page), target)))
      .filter((target) => !files.has(target) && !folders.has(target.replace(/\/$/, '')))
      .map((target) => `${page} → ${target}`),
  )
  expect(dead).toEqual([])
})

test('no source map stands without its sources', () => {
  expect(installed.files.filter((file) => file.endsWith('.map'))).toEqual([])
  const pointing = installed.files.filter(
    (file) => file.endsWith('.js') && installed.read(file).includes('//# sourceMappingURL'),
  )
  expect(pointing).toEqual([])
})

test('the package holds neither tests nor what only the tests need', () => {
  expect(installed.files.filter((file) => /(^|\/)(test|\.ci|coverage|node_modules)\//.test(file))).toEqual([])
})
