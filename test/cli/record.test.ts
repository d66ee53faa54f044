import { existsSync, readdirSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openTape } from '../../recorder/index.js'
import { Desk } from './command.js'

const desk = new Desk()
const servers: Server[] = []
const sockets = new Set<Socket>()

afterAll(async () => {
  await desk.clear()
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
})

async function listening(server: Server): Promise<number> {
  servers.push(server)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function closedPort(): Promise<number> {
  const server = createServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

interface Line {
  readonly type: string
  readonly [field: string]: unknown
}

function parsed(stderr: string): Line[] {
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

const venueStatus = {
  venue: 'bitfinex',
  connections: { up: 1, asked: 1 },
  events: expect.any(Number),
  eventsPerSecond: expect.any(Number),
  gaps: { opened: 0, open: 0 },
  malformed: 0,
  sinceDataMs: expect.any(Number),
  wrong: [],
}

describe('a recording that is left alone', () => {
  test('says how it does in a line an interval, and at the end what it came to', async () => {
    const url = await desk.simulate('bitfinex')
    const recording = desk.start(
      ...['record', 'bitfinex:btc-usd', '--db', 'status.db', '--url', url, '--status-every', '300ms'],
    )
    await recording.prints(
      /^\d{4}-\d\d-\d\dT[\d:]{8}Z bitfinex: 1 of 1 connections up, [\d.,]+ events\/s, 0 gaps, last data [\d.]+ s ago; tape [\d.]+ MiB$/m,
      'stderr',
    )
    recording.signal('SIGINT')
    const { code, stdout, stderr } = await recording.outcome()
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toMatch(
      /recorded [\d.]+ s: [\d,]+ events of 2 streams, no gaps\ntape \S+status\.db, [\d.]+ MiB\n$/,
    )
  })

  test('says the same as NDJSON, with a pattern’s markets and every stream in the summary', async () => {
    const url = await desk.simulate('bitfinex')
    const recording = desk.start(
      ...['record', 'bitfinex:btc/us?', '--db', 'json.db', '--url', url, '--json', '--status-every', '300ms'],
    )
    await desk.holds('json.db', 'book_update')
    await recording.prints(/"up":1.*"sinceDataMs":\d/, 'stderr')
    recording.signal('SIGTERM')
    const { code, stderr } = await recording.outcome()
    const lines = parsed(stderr)
    expect(lines[0]).toMatchObject({
      type: 'notice',
      text: expect.stringMatching(/^bitfinex:btc\/us\? is 1 market now/),
    })
    expect(lines.filter(({ type }) => type === 'status').at(-1)).toEqual({
      type: 'status',
      at: expect.any(Number),
      elapsedMs: expect.any(Number),
      venues: [venueStatus],
      tape: {
        path: join(desk.folder, 'json.db'),
        bytes: expect.any(Number),
        waiting: expect.any(Number),
        lost: 0,
        gaps: { opened: 0, open: 0 },
        wrong: null,
      },
      rawWrong: null,
    })
    const stream = {
      venue: 'bitfinex',
      symbol: 'BTC/USD',
      state: 'live',
      events: expect.any(Number),
      began: true,
      reason: null,
    }
    expect(lines.at(-1)).toEqual({
      type: 'summary',
      at: expect.any(Number),
      elapsedMs: expect.any(Number),
      events: expect.any(Number),
      streams: [
        { ...stream, channel: 'trade' },
        { ...stream, channel: 'book' },
      ],
      gaps: {},
      malformed: 0,
      tape: {
        path: join(desk.folder, 'json.db'),
        bytes: expect.any(Number),
        lost: 0,
        lostWithoutGap: 0,
        deleted: 0,
      },
      raw: null,
      exitCode: 143,
    })
    expect(code).toBe(143)
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('of 400 days records until %s, which closes the tape', async (signal, code) => {
    const url = await desk.simulate('bitfinex')
    const db = `${signal}.db`
    const recording = desk.start('record', 'bitfinex:BTC/USD', '--db', db, '--url', url, '--duration', '400d')
    await desk.holds(db, 'book_update')
    // The terminal that is closed takes nothing any more.
    recording.closeStderr()
    recording.signal(signal)
    expect(await recording.outcome()).toMatchObject({ code })
    for (const left of ['-wal', '-shm', '-lock']) expect(existsSync(join(desk.folder, db + left))).toBe(false)
    using tape = openTape(join(desk.folder, db))
    expect(tape.runs()).toEqual([expect.objectContaining({ closed: expect.any(Number) })])
  })

  test('goes on with raw frames in a new part', async () => {
    const url = await desk.simulate('bitfinex')
    for (const part of ['again.frames.jsonl.gz', 'again.frames.2.jsonl.gz']) {
      const recording = desk.start(
        ...[
          'record',
          'bitfinex:BTC/USD',
          '--db',
          'again.db',
          '--url',
          url,
          '--raw',
          '--status-every',
          '300ms',
        ],
      )
      await recording.prints(/1 of 1 connections up, .*last data/, 'stderr')
      recording.signal('SIGINT')
      const { code, stderr } = await recording.outcome()
      expect({ code, stderr }).toEqual({ code: 130, stderr: expect.stringContaining(part) })
    }
    expect(
      readdirSync(desk.folder)
        .filter((name) => name.startsWith('again'))
        .sort(),
    ).toEqual(['again.db', 'again.frames.2.jsonl.gz', 'again.frames.jsonl.gz'])
  })
})

describe('a venue that is never reached', () => {
  const unknownHost = () => 'ws://nohost.invalid/'
  const refusing = async () => `ws://127.0.0.1:${await closedPort()}/`
  const missing = async () =>
    `ws://127.0.0.1:${await listening(createHttpServer((_, answer) => answer.writeHead(404).end()))}/`

  test.concurrent.each([
    ['a closed port', refusing, /the connection is refused, nothing listens there: .*ECONNREFUSED/],
    ['a server without the path', missing, /404/],
    ['an unknown host', unknownHost, /(?:the host is unknown|no name server answers): .*nohost\.invalid/],
  ])('says why at once and with every status, and is exit code 3: %s', async (name, address, why) => {
    const db = `${name.replaceAll(' ', '-')}.db`
    const url = await address()
    const { code, stderr } = await desk.run(
      ...[
        'record',
        'bitfinex:BTC/USD',
        '--db',
        db,
        '--url',
        url,
        '--duration',
        '12s',
        '--status-every',
        '1s',
        '--json',
      ],
    )
    const lines = parsed(stderr)
    const trouble = lines.find(({ type, connection }) => type === 'trouble' && connection !== 'catalogue')
    expect(trouble).toMatchObject({ venue: 'bitfinex', reason: expect.stringMatching(why) })
    const status = lines.filter(({ type }) => type === 'status').at(-1)
    expect(status).toMatchObject({
      venues: [
        {
          connections: { up: 0 },
          sinceDataMs: null,
          wrong: expect.arrayContaining([expect.objectContaining({ reason: expect.stringMatching(why) })]),
        },
      ],
    })
    expect(lines.at(-1)).toMatchObject({ type: 'summary', events: 0, tape: null, raw: null, exitCode: 3 })
    expect(lines.at(-1)).toMatchObject({
      streams: [{ reason: expect.stringMatching(why) }, { channel: 'book' }],
    })
    expect(existsSync(join(desk.folder, db))).toBe(false)
    expect(code).toBe(3)
  })

  test.concurrent('says that there is no connection yet where the handshake is not answered', async () => {
    const url = `ws://127.0.0.1:${await listening(createServer())}/`
    const { code, stderr } = await desk.run(
      ...[
        'record',
        'bitfinex:BTC/USD',
        '--db',
        'silent.db',
        '--url',
        url,
        '--duration',
        '12s',
        '--status-every',
        '1s',
      ],
    )
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringMatching(/0 of 1 connections up, .*there is no connection yet/),
    })
  })

  test.concurrent('names a cause once in each line, though the list and the socket both fail for it', async () => {
    const url = await refusing()
    const { code, stderr } = await desk.run(
      ...['record', 'bitfinex:BTC/USD', '--db', 'once.db', '--url', `${url}?token=7`],
      ...['--duration', '12s', '--status-every', '1s'],
    )
    const lines = stderr.split('\n').filter((line) => line.includes('refused'))
    expect(lines.length).toBeGreaterThanOrEqual(3)
    expect(lines.filter((line) => line.split('ECONNREFUSED').length !== 2)).toEqual([])
    expect(lines.filter((line) => line.includes('token') || line.length > 250)).toEqual([])
    expect(lines.at(-2)).toMatch(/; list of instruments, public#0: the connection is refused, .*; tape/)
    expect(lines.at(-1)).toMatch(
      /^ {2}bitfinex BTC\/USD trade, bitfinex BTC\/USD book: waiting, the connection/,
    )
    expect(code).toBe(3)
  })

  test.concurrent('says that the proxy is dead', async () => {
    const proxy = `http://127.0.0.1:${await closedPort()}`
    const proxies = { https_proxy: proxy, http_proxy: proxy, all_proxy: '', no_proxy: '' }
    const { code, stderr } = await desk
      .startWith(
        proxies,
        ...['record', 'bitfinex:BTC/USD', '--db', 'proxy.db', '--duration', '12s', '--status-every', '1s'],
      )
      .outcome()
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringMatching(/public#0: the connection is refused.*through http:\/\/127\.0\.0\.1/),
    })
  })

  test.concurrent('names where a redirected handshake points to, without the query', async () => {
    const server = createHttpServer()
    const moved =
      'HTTP/1.1 302 Found\r\nLocation: https://new.example/ws?key=sekret\r\nConnection: close\r\n\r\n'
    server.on('upgrade', (_, socket) => void socket.end(moved))
    const url = `ws://127.0.0.1:${await listening(server)}`
    const args = ['record', 'bitfinex:BTC/USD', '--db', 'moved.db', '--url', url, '--duration', '1h']
    const recording = desk.start(...args, '--status-every', '1s')
    await recording.prints(/public#0: HTTP 302, which points to https:\/\/new\.example\/ws/, 'stderr')
    recording.signal('SIGTERM')
    const { stderr } = await recording.outcome()
    expect(stderr).not.toContain('sekret')
  })

  test.concurrent('refuses a proxy that is none at once', async () => {
    const { code, stderr } = await desk
      .startWith(
        { https_proxy: 'http://[bad', no_proxy: '' },
        ...['record', 'bitfinex:BTC/USD', '--db', 'no-proxy.db', '--duration', '30d'],
      )
      .outcome()
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/HTTPS_PROXY is not a URL/) })
  })

  test.concurrent('is given up after as many failed connects as --max-attempts says', async () => {
    const { code, stderr } = await desk.run(
      ...[
        'record',
        'bitfinex:BTC/USD',
        '--db',
        'up.db',
        '--url',
        await refusing(),
        '--max-attempts',
        '2',
        '--json',
      ],
    )
    const lines = parsed(stderr)
    expect(lines).toContainEqual(
      expect.objectContaining({
        type: 'error',
        code: 'gave_up',
        message: expect.stringContaining('after 2 attempts'),
      }),
    )
    expect(lines.at(-1)).toMatchObject({ type: 'summary', exitCode: 3 })
    expect(code).toBe(3)
  })
})

test.concurrent('is exit code 1 where nothing came of some streams, and names them', async () => {
  const url = await desk.simulate('blockchain', '--faults', 'venue name=silent-but-one atMs=0')
  const { code, stderr } = await desk.run(
    ...['record', 'blockchain:BTC/USD,ETH/USD', '--channels', 'trade', '--db', 'some.db', '--url', url],
    ...['--duration', '15s'],
  )
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(
      /recorded \S+ s: [1-9]\d* events of 2 streams, .*\nnothing came of:\n {2}blockchain ETH\/USD trade: live\n/,
    ),
  })
})

const commands = [
  ...['venues', 'instruments', 'watch', 'stream', 'record', 'replay', 'ingest', 'inspect', 'book', 'candles'],
  ...['verify', 'simulate'],
]

test.concurrent.each(commands)('the help of %s shows no raw defaults, and examples', async (command) => {
  const { code, stdout } = await desk.run(command, '--help')
  expect(code).toBe(0)
  expect(stdout).not.toMatch(/default: (?:\[|"|null|\d{5})/)
  expect(stdout).toMatch(new RegExp(`Examples:\n  tapewire ${command}\\b`))
})
