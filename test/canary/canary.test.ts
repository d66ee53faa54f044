import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cex } from '../../connectors/cex/index.js'
import { openTape } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { listInstruments } from '../../src/feed/catalogue.js'
import { openFeed } from '../../src/feed/feed.js'
import { FrameLogWriter } from '../../src/framelog/index.js'
import { nodePlatform, openSocket, systemClock } from '../../src/socket/index.js'
import { Command } from '../cli/command.js'
import { closeServers, eventually, holdingNoMore } from '../src/socket/servers.js'
import { ESCAPES, hostileVenue } from './hostile-venue.js'

const USER = 'canary-user-0001'
const PASSWORD = 'canary-password/0002 x'
const KEY = 'canary-api-key-0003'
const SECRET = 'canary-api-secret-0004'
const TOKEN = 'canary-token-0005'
const HEADER = 'canary-header-0006'
const PROXY_PASSWORD = 'canary-proxy-0007'
const secrets = [USER, PASSWORD, KEY, SECRET, TOKEN, HEADER, PROXY_PASSWORD]
const basic = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64')
const forms = [
  ...secrets,
  ...secrets.map(encodeURIComponent),
  basic(USER, PASSWORD),
  basic(USER, PROXY_PASSWORD),
  'canary-',
]

let nothingLeft: () => Promise<void>
let directory: string

beforeEach(() => {
  nothingLeft = holdingNoMore()
  directory = mkdtempSync(join(tmpdir(), 'tapewire-echo-'))
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await closeServers()
  await nothingLeft()
  rmSync(directory, { recursive: true, force: true })
})

/** @param raw also no character that a terminal obeys. */
function expectClean(what: string, text: string, raw = true): void {
  for (const form of forms) {
    const at = text.indexOf(form)
    const around = text.slice(Math.max(0, at - 120), at + 80)
    expect(at, `${what} holds ${form}: …${around}…`).toBe(-1)
  }
  if (raw)
    expect(
      /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.exec(text.replaceAll(/[\n\t]/g, ''))?.[0],
      what,
    ).toBeUndefined()
}

function at(port: number, path = '/ws'): string {
  return `ws://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}${path}?token=${TOKEN}`
}

/** Every file of the test's folder, unpacked where it is packed. */
function files(): [string, string][] {
  return readdirSync(directory).map((name) => {
    const bytes = readFileSync(join(directory, name))
    return [name, (name.endsWith('.gz') ? gunzipSync(bytes, { finishFlush: 2 }) : bytes).toString('latin1')]
  })
}

describe('a venue that repeats every secret, between escape sequences,', () => {
  it('leaves none in events, metrics, diagnostics, the frame log, the tape and errors', async () => {
    const port = await hostileVenue([USER, PASSWORD, KEY, SECRET, TOKEN, HEADER])
    const published: unknown[] = []
    const listen = (message: unknown) => void published.push(message)
    const channels = ['gap', 'connection', 'malformed', 'loss', 'handover', 'backfill', 'swallowed-gap']
    for (const name of channels) subscribe(`tapewire:${name}`, listen)
    const options = {
      api: 'classic',
      key: KEY,
      secret: SECRET,
      url: at(port),
      restUrl: `http://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/api?token=${TOKEN}`,
      headers: { 'X-Access': HEADER },
      symbols: ['BTC/USD'],
      channels: ['trade', 'book', 'ticker'],
    } as const
    const connector = cex(options)
    const log = new FrameLogWriter({
      path: join(directory, 'raw.jsonl.gz'),
      clock: systemClock(),
      onError: (error) => {
        throw error
      },
    })
    const recorder = openTape(join(directory, 'tape.db'), { mode: 'write' })
    const feed = openFeed([connector], { tap: log, backoffBaseMs: 5, backoffCapMs: 20 })
    const events: MarketEvent[] = []
    feed.on('event', (event) => {
      events.push(event)
      recorder.record(event)
    })
    await eventually(() => {
      const states = events.map((event) => (event.type === 'connection' ? event.state : event.type))
      expect(states.filter((state) => state === 'reconnecting').length).toBeGreaterThan(8)
      expect(states).toContain('malformed')
      expect(states).toContain('refused')
      expect(events.filter(({ type }) => type === 'malformed').length).toBeGreaterThan(5)
    })
    const metrics = feed.metrics()
    const streams = feed.streams()
    const error = await listInstruments(connector).catch((failure: unknown) => failure)
    await feed.close()
    await log.close()
    await recorder.close()
    for (const name of channels) unsubscribe(`tapewire:${name}`, listen)

    const everything = inspect(
      { events, metrics, streams, error, published },
      { depth: 12, maxArrayLength: null, maxStringLength: null, showHidden: true, getters: true },
    )
    expect(everything).toMatch(/\\\\u001b/)
    expectClean('what the feed told', everything)
    expect(inspect(error)).toContain('no_catalogue')
    const written = files()
    expect(written.map(([name]) => name)).toEqual(expect.arrayContaining(['raw.jsonl.gz', 'tape.db']))
    for (const [name, text] of written) expectClean(name, text, false)
    expect(Object.fromEntries(written)['raw.jsonl.gz']).toContain('(removed)')
  })

  it('leaves none in what openSocket tells, nor in what is thrown for its options', async () => {
    const port = await hostileVenue([USER, PASSWORD, TOKEN, HEADER])
    const told: unknown[] = []
    const socket = openSocket(at(port), {
      headers: { Authorization: `Bearer ${TOKEN}`, 'X-Access': HEADER },
      reconnect: { baseMs: 5, capMs: 20 },
      on: {
        handshake: (handshake) => void told.push({ ...handshake, headers: null }),
        connect: () => void socket.send('hello'),
        error: (error) => void told.push(error),
        disconnect: (loss) => void told.push(loss),
        waiting: (wait) => void told.push(wait),
      },
    })
    await eventually(() => expect(told.length).toBeGreaterThan(20))
    await socket.close()
    expectClean('openSocket', inspect([told, socket.stats], { depth: 12, showHidden: true }))
    const wrong: (() => unknown)[] = [
      () => openSocket(`http://${USER}:${PASSWORD}@venue/`),
      () => openSocket(at(port), { headers: { Authorization: 5 as never, 'X-Access': HEADER } }),
      () => openSocket(at(port), { proxy: `ftp://${USER}:${PROXY_PASSWORD}@proxy` }),
      () => cex({ url: `ftp://${USER}:${PASSWORD}@venue/?token=${TOKEN}` }),
      () => cex({ restUrl: `${USER}:${PASSWORD}@venue` }),
      () => cex({ key: KEY, secret: [SECRET] as never }),
      () => cex({ headers: [HEADER] as never }),
      () =>
        openFeed([cex({ symbols: ['BTC/USD'] })], {
          lines: [{ urls: { cex: `ftp://${USER}:${PASSWORD}@venue` } }],
        }),
      () =>
        openFeed([cex({ symbols: ['BTC/USD'] })], {
          lines: [{ proxy: `ftp://${USER}:${PROXY_PASSWORD}@proxy` }],
        }),
      () =>
        openFeed([cex({ symbols: [`ws://${USER}:${PASSWORD}@venue`] })], {
          connectTimeoutMs: `ws://${USER}:${PASSWORD}@x` as never,
        }),
    ]
    for (const make of wrong) {
      let error: unknown = null
      try {
        make()
      } catch (thrown) {
        error = thrown
      }
      expect(error, String(make)).toMatchObject({ code: 'bad_option' })
      expectClean(String(make), inspect(error, { depth: 12, showHidden: true }))
    }
  })

  it('leaves none where it is a proxy that repeats them', async () => {
    const port = await hostileVenue([USER, PROXY_PASSWORD])
    const platform = nodePlatform({ proxy: `http://${USER}:${PROXY_PASSWORD}@127.0.0.1:${port}` })
    const request = { id: '', method: 'GET', url: `https://venue.example/?token=${TOKEN}` } as const
    const answer = await platform.http(request, { timeoutMs: 10_000, maxBytes: 1_000_000 })
    expect(answer.status).toBe(0)
    expectClean('REST through the proxy', answer.body)
    const closed = await new Promise<unknown>((resolve) => {
      platform.dial(
        { url: `wss://venue.example/?token=${TOKEN}`, timeoutMs: 10_000, maxFrameBytes: 1_000 },
        { opened: () => {}, message: () => {}, control: () => {}, closed: resolve },
      )
    })
    expect(closed).toMatchObject({ error: { code: 'proxy_refused' } })
    expectClean('a socket through the proxy', inspect(closed, { depth: 12, showHidden: true }))
  })
})

describe('the command', () => {
  const environment = (proxy = '') => ({
    CEX_API_KEY: KEY,
    CEX_API_SECRET: SECRET,
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    NO_PROXY: '',
    no_proxy: '',
  })

  it.each([
    [
      'record',
      (url: string) => [
        'record',
        'cex:BTC/USD',
        '--db',
        'tape.db',
        '--raw',
        '--url',
        url,
        '--duration',
        '4s',
      ],
    ],
    ['stream', (url: string) => ['stream', 'cex:BTC/USD', '--url', url, '--duration', '2s']],
    ['instruments', (url: string) => ['instruments', 'cex', '--url', url]],
    ['two venues and one URL', (url: string) => ['stream', 'cex:BTC/USD', 'huobi:btcusdt', '--url', url]],
    ['a command that is a URL', (url: string) => [url]],
    ['an unknown option', (url: string) => ['stream', 'cex:BTC/USD', `--ulr=${url}`]],
    ['a wrong URL', (url: string) => ['stream', 'cex:BTC/USD', '--url', url.replace('ws:', 'ftp:')]],
  ])('prints no secret and no escape sequence, and writes none down: %s', async (_what, args) => {
    const port = await hostileVenue([USER, PASSWORD, TOKEN, KEY, SECRET])
    const { stdout, stderr } = await new Command(args(at(port)), directory, 'pipe', environment()).outcome()
    expect(stdout + stderr).not.toBe('')
    expectClean('stdout', stdout)
    expectClean('stderr', stderr)
    for (const [name, text] of files()) expectClean(name, text, false)
    if (!files().some(([name]) => name === 'tape.db')) return
    for (const read of ['inspect', 'verify', 'replay']) {
      for (const json of read === 'replay' ? [[]] : [[], ['--json']]) {
        const shown = await new Command([read, 'tape.db', ...json], directory).outcome()
        expect(shown.stdout).not.toBe('')
        expectClean(`${read} ${json}`, shown.stdout + shown.stderr)
      }
    }
  })

  it('prints none that a proxy of the environment repeats', async () => {
    const port = await hostileVenue([USER, PROXY_PASSWORD, KEY, SECRET])
    const proxy = `http://${USER}:${PROXY_PASSWORD}@127.0.0.1:${port}`
    const args = ['stream', 'cex:BTC/USD', '--url', 'ws://venue.example/ws']
    const command = new Command(args, directory, 'pipe', environment(proxy))
    await command.prints(/refused the way.*\n/)
    command.signal('SIGTERM')
    const { stdout, stderr } = await command.outcome()
    expectClean('stdout', stdout)
    expectClean('stderr', stderr)
  })
})

it('the escapes of this test are what a terminal obeys', () => {
  expect(ESCAPES).toMatch(/\p{Cc}/u)
})
