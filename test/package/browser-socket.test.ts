import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { rolldown } from 'rolldown'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { closeServers, venue } from '../src/socket/servers.js'
import { InstalledPackage } from './installed.js'

let installed: InstalledPackage
let bundle: string

beforeAll(async () => {
  installed = new InstalledPackage()
  const source = installed.write('page.js', "export { openSocket } from 'tapewire/socket'")
  const built = await rolldown({ input: source, platform: 'browser' })
  const { output } = await built.generate({ format: 'esm' })
  bundle = output.map((part) => ('code' in part ? part.code : '')).join('\n')
  installed.write('bundle.mjs', bundle)
})
afterEach(() => closeServers())
afterAll(() => installed.remove())

/** Runs a program on the bundle where there is a WebSocket of the WHATWG standard: Node's own, not `ws`. */
async function run(program: string): Promise<unknown> {
  const file = installed.write('run.mjs', `import { openSocket } from './bundle.mjs'\n${program}`)
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings', '--experimental-websocket', file],
    {
      cwd: join(installed.project),
    },
  )
  return JSON.parse(stdout)
}

describe('tapewire/socket as a bundler for browsers takes it', () => {
  test('names nothing of Node', () => {
    expect(bundle.length).toBeGreaterThan(10_000)
    expect(
      [...bundle.matchAll(/(?:from|import\(|require\()\s*["']([^"'.][^"']*)["']/g)].map(([, name]) => name),
    ).toEqual([])
    expect(bundle).not.toMatch(/\b(?:Buffer|process|setImmediate)\s*[.(]/)
  })

  test('connects, talks in text and bytes, and comes back after a cut', async () => {
    let connections = 0
    const port = await venue((socket) => {
      connections++
      socket.on('message', (data, binary) => {
        socket.send(data, { binary })
        if (`${data}` === 'cut') socket.terminate()
      })
    })
    const got = await run(`
      const got = []
      const socket = openSocket('ws://127.0.0.1:${port}/', {
        reconnect: { baseMs: 10 },
        on: { connect: ({ connection }) => { got.push('connect ' + connection); socket.send(connection === 1 ? 'cut' : new Uint8Array([1, 2])) } },
      })
      for await (const { data } of socket) {
        got.push(typeof data === 'string' ? data : [...data])
        if (typeof data !== 'string') break
      }
      await socket.close()
      console.log(JSON.stringify({ got, state: socket.state }))`)
    expect(got).toMatchObject({ state: 'closed' })
    expect(connections).toBe(2)
    const { got: told } = got as { readonly got: unknown[] }
    expect(told.filter((what) => what !== 'cut')).toEqual(['connect 1', 'connect 2', [1, 2]])
  })

  test('says what a browser cannot: options of Node, headers', async () => {
    const told = await run(`
      const told = []
      try { openSocket('ws://127.0.0.1:1/', { proxy: 'http://x' }) } catch ({ code, message }) { told.push(code, message) }
      const socket = openSocket('ws://127.0.0.1:1/', { headers: { a: 'b' } })
      socket.on('error', ({ code, message }) => told.push(code, message))
      await socket.closed
      console.log(JSON.stringify(told))`)
    expect(told).toMatchObject([
      'bad_option',
      expect.stringContaining('there is no option proxy'),
      'bad_target',
      expect.stringContaining('cannot send headers'),
      'gave_up',
      expect.any(String),
    ])
  })
})
