import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'
import { outside } from './tests.mjs'

/** For Stryker: only the tests that are asked about the changed code. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: JSON.parse(process.env['MUTATION_TESTS'] ?? '[]'),
    exclude: [...configDefaults.exclude, ...outside],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
