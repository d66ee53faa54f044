import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** The simulators under other people's clients of the venues, which `npm run peers:venues` installs first. */
export default defineConfig({
  root: fileURLToPath(new URL('../../..', import.meta.url)),
  test: {
    include: ['test/peers/venues/*.test.ts'],
    testTimeout: 120_000,
    env: { NO_COLOR: '1' },
    pool: 'forks',
    maxWorkers: 1,
  },
})
