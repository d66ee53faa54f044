import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entries, InstalledPackage } from './installed.js'

let installed: InstalledPackage
beforeAll(() => {
  installed = new InstalledPackage()
})
afterAll(() => installed.remove())

/** Every module of the package that an import of this entry loads, by its path in `dist`. */
function loadedBy(entry: string, then = ''): string[] {
  return urlsLoadedBy(entry, then)
    .map((url) => /\/tapewire\/dist\/(.+)$/.exec(url)?.[1])
    .filter((path) => path !== undefined)
}

/** @param then what the program does with the entry, which it has as `entry`. */
function urlsLoadedBy(entry: string, then = ''): string[] {
  const hooks = `
    export async function load(url, context, next) {
      process.stdout.write(url + '\\n')
      return next(url, context)
    }`
  const program = installed.write(
    'load.mjs',
    `import { register } from 'node:module'
     register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))
     const entry = await import(${JSON.stringify(entry)})
     ${then}`,
  )
  return execFileSync(process.execPath, [program], { cwd: installed.project, encoding: 'utf8' })
    .split('\n')
    .filter((url) => url !== '')
}

describe('an entry loads what it needs and no more', () => {
  test.each(['tapewire', 'tapewire/connectors', 'tapewire/recorder'])('%s: no simulator', (entry) => {
    const loaded = loadedBy(entry)
    expect(loaded.length).toBeGreaterThan(20)
    expect(loaded.filter((path) => /^(simulators|src\/simulator)\//.test(path))).toEqual([])
  })

  test('tapewire/socket: no schema, no venue, no tape, and less than 71 KB of our own code, 60 KB in browsers', async () => {
    const loaded = loadedBy('tapewire/socket')
    const strange = loaded.filter(
      (path) => !/^src\/(socket\/[\w-]+|protocols\/deferred-calls|[\w-]+)\.js$/.test(path),
    )
    expect(strange).toEqual([])
    expect(loaded.length).toBeLessThan(60)
    const bundle = await rolldown({
      input: join(installed.package, 'dist/src/socket/entry.js'),
      platform: 'node',
      external: (id) => !/^[./]/.test(id),
    })
    const { output } = await bundle.generate({ format: 'esm', minify: true })
    const [entry] = output
    // What is loaded with it. HTTP, SOCKS and transports that are no WebSocket are loaded when they are first asked for.
    const chunks = output.filter(
      ({ fileName }) => fileName === entry.fileName || entry.imports.includes(fileName),
    )
    const size = chunks.reduce((sum, chunk) => sum + ('code' in chunk ? chunk.code.length : 0), 0)
    expect(size).toBeGreaterThan(60_000)
    expect(size).toBeLessThan(71_000)
    expect(entry.imports).not.toContain('better-sqlite3')
    const browsers = await rolldown({
      input: join(installed.package, 'dist/src/socket/browser-entry.js'),
      platform: 'browser',
      external: (id) => !/^[./]/.test(id),
    })
    const [page, ...others] = (await browsers.generate({ format: 'esm', minify: true })).output
    expect(others).toEqual([])
    expect(page.code.length).toBeLessThan(60_000)
  })

  test('tapewire/socket: a WebSocket loads nothing more when it connects and sends', () => {
    const loaded = loadedBy(
      'tapewire/socket',
      `const { WebSocketServer } = await import('ws')
       const server = new WebSocketServer({ port: 0 }).on('connection', (client) => {
         client.on('message', (data) => client.send(String(data)))
       })
       const socket = entry.openSocket('ws://127.0.0.1:' + server.address().port)
       await socket.ready()
       socket.send('x')
       for await (const { data } of socket) if (data === 'x') break
       await socket.close()
       server.close()`,
    )
    // Modules are read from the disk side by side, so that their order is not always the same.
    expect(loaded.toSorted()).toEqual(loadedBy('tapewire/socket').toSorted())
    for (const lazy of ['http', 'socks', 'stream-transports']) {
      expect(loaded).not.toContain(`src/socket/${lazy}.js`)
    }
  })

  test('tapewire/connectors: neither the feed nor the tape', () => {
    const others = loadedBy('tapewire/connectors').filter((path) =>
      /^(recorder|cli|src\/(feed|framelog))\//.test(path),
    )
    expect(others).toEqual([])
  })

  test.each([...entries.keys()].filter((entry) => entry.startsWith('./protocols/')))(
    '%s: nothing of Node, no schemas of zod, and no other protocol',
    (entry) => {
      const urls = urlsLoadedBy(`tapewire${entry.slice(1)}`)
      expect(urls.length).toBeGreaterThan(10)
      expect(urls.filter((url) => url.startsWith('node:') || /\/node_modules\/zod\//.test(url))).toEqual([])
      const own = entry.slice('./protocols/'.length)
      const others = urls.filter(
        (url) => /\/src\/protocols\/([\w-]+)\//.exec(url)?.[1]?.replace(own, '') ?? '',
      )
      expect(others).toEqual([])
    },
  )
})
