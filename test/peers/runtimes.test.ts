import { execFile } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InstalledPackage } from '../package/installed.js'
import { certificateFor } from '../src/socket/certificate.js'
import { answering, closeServers, connectProxy, door, socksProxy, tcp } from '../src/socket/servers.js'
import { type Runtime, runtimes } from './runtimes/commands.js'
import { expected } from './runtimes/expected.js'
import { type PeerServers, peerServers } from './runtimes/peer-servers.js'
import { orderServer, scenarioServer } from './runtimes/server.js'

let installed: InstalledPackage
let peers: PeerServers
let file: string

beforeAll(async () => {
  installed = new InstalledPackage()
  const programme = await rolldown({
    input: fileURLToPath(new URL('runtimes/programme.ts', import.meta.url)),
    platform: 'neutral',
  })
  const { output } = await programme.generate({ format: 'esm' })
  installed.write('programme.mjs', output[0].code)
  file = installed.write(
    'run.mjs',
    `import { openSocket } from 'tapewire/socket'
     import * as protocols from 'tapewire/protocols'
     import * as programme from './programme.mjs'
     const given = { ...JSON.parse(process.argv.at(-1)), openSocket, protocols }
     const { everywhere, wayOut, protocols: codecs } = programme
     const report = await programme.play({ ...everywhere, ...wayOut, ...codecs }, given)
     const runtime = globalThis.Deno ? 'Deno' : globalThis.Bun ? 'Bun' : 'Node'
     console.log(JSON.stringify({ ...report, runtime }))`,
  )
  peers = await peerServers()
})
afterAll(async () => {
  await peers.close()
  await closeServers()
  installed.remove()
})

async function report(runtime: Runtime): Promise<Record<string, unknown>> {
  const port = await scenarioServer()
  const certificate = certificateFor(['localhost'], ['127.0.0.1'])
  const key = new X509Certificate(certificate.cert).publicKey.export({ type: 'spki', format: 'der' })
  const names = { 'venue.test': '127.0.0.1' }
  const given = {
    ws: `ws://127.0.0.1:${port}`,
    http: `http://127.0.0.1:${await orderServer(peers.relays)}`,
    urls: peers.urls,
    wayOut: {
      wss: `wss://127.0.0.1:${(await door(port, certificate)).port}`,
      busy: `ws://127.0.0.1:${await answering(503, { 'retry-after': '3000' })}`,
      deaf: `ws://127.0.0.1:${await tcp(() => {})}`,
      ca: certificate.cert,
      pin: `sha256/${createHash('sha256').update(key).digest('base64')}`,
      httpProxy: `http://127.0.0.1:${(await connectProxy({ names })).port}`,
      socksProxy: `socks5h://127.0.0.1:${(await socksProxy({ names })).port}`,
      venue: `ws://venue.test:${port}`,
      tcp: peers.tcp,
    },
  }
  const [command, ...flags] = runtimes[runtime]
  const { stdout } = await promisify(execFile)(command, [...flags, file, JSON.stringify(given)], {
    cwd: installed.project,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' },
  })
  return JSON.parse(stdout)
}

describe.each(Object.keys(runtimes) as Runtime[])('tapewire/socket on %s', (runtime) => {
  let came: Record<string, unknown>
  beforeAll(async () => {
    came = await report(runtime)
  })
  test('runs there, to its end', () => {
    expect(came['runtime']).toBe(runtime)
  })
  test.each(Object.entries({ ...expected.everywhere, ...expected.protocols, ...expected.wayOut }))(
    '%s',
    (name, value) => {
      expect(came[name]).toEqual(value)
    },
  )
})
