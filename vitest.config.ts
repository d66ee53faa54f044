import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: process.env['CI'] === undefined ? ['dot'] : ['default'],
    coverage: {
      provider: 'v8',
      include: ['{src,connectors,schemas,recorder,cli}/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
})
