import { fileURLToPath } from 'node:url'

const binary = (name: string) => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url))

/** How each runtime is told to run a file. */
export const runtimes = {
  Node: [process.execPath],
  Deno: [binary('deno'), 'run', '--allow-all', '--no-prompt', '--quiet'],
  Bun: [binary('bun'), 'run'],
} as const

export type Runtime = keyof typeof runtimes
