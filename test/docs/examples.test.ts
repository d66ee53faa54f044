import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = (name: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [
    fileURLToPath(new URL(`../../examples/${name}.mjs`, import.meta.url)),
    ...args,
  ])

test('the example of the spread runs as it stands, against the simulator', async () => {
  const { stdout, stderr } = await run('spread')
  const lines = stdout.trim().split('\n')
  expect(lines.length).toBeGreaterThan(3)
  for (const line of lines) expect(line).toMatch(/^\d+ \/ \d+ {2}spread \d+$/)
  expect(stderr).toBe('')
})

test('the example of the socket loses its connection and comes back', async () => {
  const { stdout, stderr } = await run('socket')
  const lines = stdout.trim().split('\n')
  expect(lines.filter((line) => !/^\d/.test(line))).toEqual([
    'connection 1',
    'lost: to show that it comes back',
    'connection 2',
  ])
  expect(lines.filter((line) => /^\d+: /.test(line))).toHaveLength(10)
  expect(stderr).toBe('')
})

test('the example of the protocols subscribes once and is served on two connections, whatever the protocol', async () => {
  const { stdout, stderr } = await run('protocols')
  const names = ['json-rpc', 'pusher', 'signalr', 'socket-io', 'mqtt', 'wamp', 'sse', 'classic-signalr']
  expect(stdout.trim().split('\n')).toEqual(
    names.flatMap((name) => [`${name}: message 1`, `${name}: message 2`]),
  )
  expect(stderr).toBe('')
})

test('the example of a backtest records the simulator and reads its own tape', async () => {
  const { stdout, stderr } = await run('backtest')
  expect(stdout).toMatch(/^live: ask \d+ × 0\.\d+\nvolume so far: \d+\.\d+\n$/)
  expect(stderr).toBe('')
})
