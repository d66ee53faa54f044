import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** The tests against other people's clients and servers, which `npm run peers` installs first. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/peers/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { NO_COLOR: '1' },
    pool: 'forks',
    maxWorkers: 1,
  },
})
