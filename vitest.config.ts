import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: 'test/support/built.ts',
    include: ['test/**/*.test.ts'],
    // They need what `npm run peers` installs.
    exclude: [...configDefaults.exclude, 'test/peers/**'],
    // Generous, so that a busy machine fails no test: what is awaited is an event, never a time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Colours are on wherever the variable CI is set, a pipe included; what is compared is text.
    env: { NO_COLOR: '1' },
    pool: 'forks',
    maxWorkers: 2,
    reporters: process.env['CI'] === undefined ? ['dot'] : ['default'],
    coverage: {
      provider: 'v8',
      include: ['{src,connectors,simulators,schemas,recorder,cli}/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
})
