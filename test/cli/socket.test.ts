import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { protocolFactories } from '../../cli/protocols.js'
import { JsonRpcServer, MqttServer } from '../../simulators/protocols/index.js'
import * as protocols from '../../src/protocols/index.js'
import { serveSimulator } from '../../src/simulator/index.js'
import { closedPort, closeServers, venue } from '../src/socket/servers.js'
import { Desk } from './command.js'

const desk = new Desk()
afterEach(() => closeServers())
afterAll(() => desk.clear())

/** A server that greets, echoes, and hangs up when it is told to. */
function echo(): Promise<number> {
  return venue((socket, { headers }) => {
    socket.send(`hello ${headers['x-name'] ?? 'nobody'} ${socket.protocol}`.trim())
    socket.on('message', (data, binary) => {
      if (`${data}` === 'die') socket.terminate()
      else socket.send(binary ? data : `echo ${data}`)
    })
  })
}

describe('socket', () => {
  test('prints what comes, sends the lines of stdin, and ends after so many messages', async () => {
    const url = `ws://127.0.0.1:${await echo()}/`
    const command = desk.start(
      'socket',
      url,
      '--count',
      '3',
      '--header',
      'X-Name: ann',
      '--subprotocol',
      'v2,v1',
    )
    await command.prints(/hello ann/)
    command.type('one\ntwo\n')
    expect(await command.outcome()).toEqual({
      code: 0,
      stdout: 'hello ann v2\necho one\necho two\n',
      stderr: 'connected\n',
    })
  })

  test('says on stderr what becomes of the connection, and comes back', async () => {
    const url = `ws://127.0.0.1:${await echo()}/`
    const command = desk.start('socket', url, '--count', '3')
    await command.prints(/hello/)
    command.type('die\n')
    await command.prints(/hello nobody\nhello/)
    command.type('again\n')
    const { code, stdout, stderr } = await command.outcome()
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'hello nobody\nhello nobody\necho again\n' })
    expect(stderr).toMatch(
      /^connected\nlost: the connection was cut\nnext attempt in \d\.\d s\nconnected again \(connection 2\)\n$/,
    )
  })

  test('with --json gives each message and event as a line, and keeps the frames with --raw', async () => {
    const url = `ws://127.0.0.1:${await echo()}/`
    const command = desk.start('socket', url, '--json', '--count', '2', '--raw', 'frames.jsonl.gz')
    await command.prints(/hello/)
    command.type('x\n')
    const { code, stdout, stderr } = await command.outcome()
    expect(code).toBe(0)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toEqual([
      { at: expect.any(Number), connection: 1, text: 'hello nobody' },
      { at: expect.any(Number), connection: 1, text: 'echo x' },
    ])
    expect(JSON.parse(stderr)).toMatchObject({ event: 'connect', connection: 1 })
    const log = gunzipSync(readFileSync(join(desk.folder, 'frames.jsonl.gz')))
      .toString()
      .trim()
      .split('\n')
    expect(log.map((line) => JSON.parse(line)).map(({ dir, data }) => [dir, data])).toEqual([
      ['open', undefined],
      ['in', 'hello nobody'],
      ['out', 'x'],
      ['in', 'echo x'],
      ['close', undefined],
    ])
  })

  test('speaks a protocol: commands in JSON, answers and messages out', async () => {
    const server = await serveSimulator(new JsonRpcServer({ methods: { echo: (params) => params } }))
    const command = desk.start('socket', server.url, '--protocol', 'json-rpc', '--json')
    await command.prints(/"event":"connect"/, 'stderr')
    command.type('{"type":"call","method":"echo","params":["hi"]}\nno json\n')
    await command.prints(/"answer":/)
    await command.prints(/"code":"bad_json"/, 'stderr')
    command.signal('SIGTERM')
    expect(await command.outcome()).toMatchObject({ code: 143 })
    await server.close()
  })

  test('says in a sentence what is wrong with a command, and goes on', async () => {
    const server = await serveSimulator(new JsonRpcServer({ methods: { echo: (params) => params } }))
    const command = desk.start(
      'socket',
      server.url,
      '--protocol',
      'json-rpc',
      '--json',
      '--raw',
      'wrong.jsonl.gz',
    )
    await command.prints(/"event":"connect"/, 'stderr')
    command.type('null\n5\n{"type":"batch"}\n{"type":"batch","calls":[null]}\n')
    command.type('{"type":"call","method":"echo","params":["still here"]}\n')
    await command.prints(/still here/)
    command.signal('SIGTERM')
    const { code, stderr } = await command.outcome()
    expect(code).toBe(143)
    expect(stderr.match(/"event":"error","code":"bad_command"/g)).toHaveLength(4)
    const log = gunzipSync(readFileSync(join(desk.folder, 'wrong.jsonl.gz'))).toString()
    expect(log).toContain('"dir":"close"')
    await server.close()
  })

  test('prints the bytes in a message of a protocol as base64', async () => {
    const server = await serveSimulator(new MqttServer())
    const command = desk.start('socket', server.url, '--protocol', 'mqtt', '--count', '1')
    await command.prints(/connected/, 'stderr')
    command.type('{"type":"subscribe","filter":"a"}\n{"type":"publish","topic":"a","payload":"hello"}\n')
    const { stdout } = await command.outcome()
    expect(stdout).toContain(`"payload":"${Buffer.from('hello').toString('base64')}"`)
    await server.close()
  })

  test('knows every protocol that there is', () => {
    const exported = Object.values(protocols).filter((value) => typeof value === 'function')
    expect(exported.length).toBeGreaterThan(5)
    for (const factory of exported) expect(protocolFactories).toContain(factory)
  })

  test('ends as other commands do: network 3, usage 2, signals 130 and 143, a reader that is gone 0', async () => {
    const down = `ws://127.0.0.1:${await closedPort()}/`
    const url = `ws://127.0.0.1:${await echo()}/`
    // Long enough to connect in on a busy machine; the others run meanwhile.
    const timed = desk.run('socket', url, '--duration', '10s')
    const gone = await desk.run('socket', down, '--max-attempts', '2')
    expect(gone.code).toBe(3)
    expect(gone.stderr).toMatch(/gave up after 2 attempts: cannot connect/)
    const once = await desk.run('socket', down, '--no-reconnect')
    expect(once.code).toBe(3)
    for (const wrong of [
      ['http://x/'],
      ['ws://x/', '--protocol', 'jsonrpc'],
      ['ws://x/', '--protocol', 'json-rpc:{'],
      ['ws://x/', '--header', 'nonsense'],
      ['ws://x/', '--count', '0'],
    ]) {
      const { code, stderr } = await desk.run('socket', ...wrong)
      expect([wrong, code, stderr.split('\n').length]).toEqual([wrong, 2, 2])
      // What a message says for an example is no secret.
      expect(stderr).not.toContain('[redacted]')
    }
    const interrupted = desk.start('socket', url)
    await interrupted.prints(/hello/)
    interrupted.signal('SIGINT')
    expect(await interrupted.outcome()).toMatchObject({ code: 130 })
    expect(await timed).toMatchObject({ code: 0, stdout: 'hello nobody\n' })
  })

  test('shows the heartbeat when asked, and replaces a server that does not answer it', async () => {
    const port = await venue((socket) =>
      socket.on('message', (data) => `${data}` === 'ping' && socket.send('pong')),
    )
    const command = desk.start(
      'socket',
      `ws://127.0.0.1:${port}/`,
      '--ping',
      'ping',
      '--ping-every',
      '1s',
      '--verbose',
    )
    await command.prints(/heartbeat answered after \d+\.\d ms/, 'stderr')
    command.signal('SIGTERM')
    await command.outcome()
  })
})
