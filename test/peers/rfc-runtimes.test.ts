import { execFile } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InstalledPackage } from '../package/installed.js'
import { hasClosed, madeOf } from '../src/socket/client-frames.js'
import { deflateCases, type RfcCase, rfcCases } from '../src/socket/rfc-cases.js'
import { closeServers, rawVenue } from '../src/socket/servers.js'
import { type Runtime, runtimes } from './runtimes/commands.js'

/** What differs, by runtime: the case, and what comes in place of what is expected. */
const DIFFERING: Readonly<Record<Runtime, readonly (readonly [string, object])[]>> = {
  Node: [],
  // Its zlib reads bytes that are no deflate as nothing.
  Deno: [['13.7 bytes that are no deflate', { messages: [''], pongs: [], close: 1005 }]],
  Bun: [],
}

/** A server that serves each connection the next case. */
interface CaseServer {
  readonly url: string
  readonly count: number
  /** What each connection sent. */
  readonly received: Buffer[]
  readonly gone: Promise<void>[]
}

async function serve(cases: readonly RfcCase[], headers: readonly string[] = []): Promise<CaseServer> {
  const received: Buffer[] = cases.map(() => Buffer.alloc(0))
  const gone: Promise<void>[] = []
  const port = await rawVenue((socket: Duplex) => {
    const index = gone.length
    gone.push(new Promise((resolve) => void socket.on('close', resolve)))
    ;(socket as Socket).setNoDelay(true)
    socket.on('data', (data: Buffer) => {
      const bytes = Buffer.concat([received[index] ?? Buffer.alloc(0), data])
      received[index] = bytes
      if (hasClosed(bytes)) socket.end()
    })
    void write(socket, cases[index]?.writes ?? [])
  }, headers)
  return { url: `ws://127.0.0.1:${port}/`, count: cases.length, received, gone }
}

async function write(socket: Duplex, writes: readonly Buffer[]): Promise<void> {
  for (const each of writes) {
    if (socket.destroyed || socket.writableEnded) return
    socket.write(each)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

let installed: InstalledPackage
let file: string
beforeAll(() => {
  installed = new InstalledPackage()
  file = installed.write(
    'rfc.mjs',
    `import { openSocket } from 'tapewire/socket'
     const shown = (data) => (typeof data === 'string' ? data : '0x' + Buffer.from(data).toString('hex'))
     const all = []
     for (const { url, count } of JSON.parse(process.argv.at(-1))) {
       for (let n = 0; n < count; n++) {
         const messages = []
         const on = { message: ({ data }) => messages.push(shown(data)) }
         await openSocket(url, { reconnect: false, heartbeat: null, compression: true, on }).closed
         all.push(messages)
       }
     }
     console.log(JSON.stringify(all))`,
  )
})
afterAll(async () => {
  await closeServers()
  installed.remove()
})

test.each(Object.keys(runtimes) as Runtime[])(
  '%s keeps RFC 6455 and RFC 7692, but for what is said',
  async (runtime) => {
    const servers = [
      await serve(rfcCases),
      await serve(deflateCases, ['Sec-WebSocket-Extensions: permessage-deflate']),
    ]
    const [command, ...flags] = runtimes[runtime]
    const given = JSON.stringify(servers.map(({ url, count }) => ({ url, count })))
    const { stdout } = await promisify(execFile)(command, [...flags, file, given], {
      cwd: installed.project,
      maxBuffer: 256 * 1024 * 1024,
    })
    await Promise.all(servers.flatMap(({ gone }) => gone))
    const messages: string[][] = JSON.parse(stdout)
    const received = servers.flatMap((server) => server.received)
    const cases = [...rfcCases, ...deflateCases]
    expect(messages).toHaveLength(cases.length)
    const differing = cases
      .map(({ name, expected }, n) => {
        const came = { messages: messages[n], ...madeOf(received[n] ?? Buffer.alloc(0)) }
        return { name, came, expected }
      })
      .filter(({ came, expected }) => JSON.stringify(came) !== JSON.stringify(expected))
    expect(differing.map(({ name, came }) => [name, came])).toEqual(DIFFERING[runtime])
  },
)
