import * as http from 'node:http'
import { describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { NetworkError, UsageError } from '../../../src/errors.js'
import type { Codec, CodecSink, Protocol } from '../../../src/protocols/codec.js'
import { openSocket } from '../../../src/socket/index.js'
import { eventually, leavingNothingOpen, listen, venue } from './servers.js'

leavingNothingOpen()

const quick = { baseMs: 10, capMs: 50 }

type Command =
  | { readonly do: 'subscribe'; readonly topic: string }
  | { readonly do: 'call'; readonly what: string }

interface Topic {
  readonly topic: string
  readonly text: string
}

/**
 * A small protocol: a token over HTTP, a login that asks the program for a signature, subscriptions that are kept, calls with ids, a
 * ping of its own, and a goodbye.
 */
function small(tokenUrl: string): Protocol<Command, Topic, string> {
  return { name: 'small', schemes: ['ws'], codec: (_init, sink) => new Small(sink, tokenUrl) }
}

class Small implements Codec<Command> {
  readonly #sink: CodecSink<Topic, string>
  readonly #tokenUrl: string
  #url = ''
  #topics: Command[] = []
  #pending = new Set<string>()
  #calls = 0
  #ready = false

  constructor(sink: CodecSink<Topic, string>, tokenUrl: string) {
    this.#sink = sink
    this.#tokenUrl = tokenUrl
  }

  get kept() {
    return this.#topics
  }

  isKept(command: Command) {
    return command.do === 'subscribe'
  }

  connect({ url }: { readonly url: string }) {
    this.#url = url
    this.#sink.request({ id: 'token', method: 'GET', url: this.#tokenUrl })
  }

  response({ status, body }: { readonly status: number; readonly body: string }) {
    if (status === 200) this.#sink.dial({ transport: 'websocket', url: `${this.#url}?t=${body}` })
    else this.#sink.close({ retry: 'backoff', code: 1000, reason: `no token (${status})` })
  }

  opened(_opening: unknown, at: number) {
    this.#sink.ask({ id: 'sign', run: async () => 'signed' })
    this.#sink.wake(at + 20_000)
  }

  answered(_id: string, outcome: Parameters<Codec<Command>['answered']>[1]) {
    this.#sink.send(`login ${outcome.ok ? outcome.value : 'failed'}`)
  }

  frame(data: string | Uint8Array) {
    const [verb, rest = ''] = `${data}`.split(/ (.*)/s)
    if (verb === 'welcome') {
      this.#ready = true
      for (const command of this.#topics)
        if (command.do === 'subscribe') this.#sink.send(`sub ${command.topic}`)
      this.#sink.ready()
    } else if (verb === 'topic') {
      const [topic = '', text = ''] = rest.split(' ')
      this.#sink.emit({ topic, text })
    } else if (verb === 'result') {
      const [id = '', value = ''] = rest.split(' ')
      if (this.#pending.delete(id)) this.#sink.settle(id, { ok: true, value })
    } else if (verb === 'last') {
      this.#sink.emit({ topic: 'last', text: rest })
      this.#sink.close({ retry: 'now', code: 1000, reason: 'the last message' })
    } else if (verb === 'bye') {
      this.#sink.close({ retry: 'never', code: 1000, reason: 'said goodbye' })
    } else this.#sink.error(new NetworkError('frame_invalid', `no such verb ${verb}`))
  }

  tick(at: number) {
    this.#sink.send('beat')
    this.#sink.wake(at + 20_000)
  }

  closed({ code }: { readonly code: number | null }) {
    this.#ready = false
    for (const id of this.#pending)
      this.#sink.settle(id, { ok: false, error: new NetworkError('connection_lost', 'lost') })
    this.#pending.clear()
    if (code === 4002) return { retry: 'now' as const }
    return code === 4001
      ? { retry: 'never' as const, error: new NetworkError('connect_failed', 'not wanted here') }
      : null
  }

  command(command: Command) {
    if (command.do === 'subscribe') {
      if (command.topic === '') throw new UsageError('bad_option', 'a topic has a name')
      this.#topics.push(command)
      if (this.#ready) this.#sink.send(`sub ${command.topic}`)
      return null
    }
    const id = String(++this.#calls)
    this.#pending.add(id)
    this.#sink.send(`call ${id} ${command.what}`)
    return id
  }

  cancel(id: string) {
    this.#pending.delete(id)
  }

  end() {
    this.#sink.send('goodbye')
  }
}

/** Its server. Every connection needs the token of its own attempt. */
async function smallServer(connected: (socket: WebSocket) => void = () => {}) {
  const log: string[] = []
  let tokens = 0
  const server = http.createServer((_request, response) => void response.end(`t${++tokens}`))
  new WebSocketServer({ server }).on('connection', (socket, { url }) => {
    log.push(`open ${url}`)
    socket.on('message', (data) => {
      const [verb, a = '', b = ''] = `${data}`.split(' ')
      if (verb !== 'beat') log.push(`${data}`)
      if (verb === 'login') socket.send('welcome')
      if (verb === 'sub') socket.send(`topic ${a} hello`)
      if (verb === 'call' && b === 'cut') socket.terminate()
      else if (verb === 'call' && b !== 'nothing') socket.send(`result ${a} ${b.toUpperCase()}`)
      if (verb === 'beat') log.includes('beat') || log.push('beat')
      if (verb === 'goodbye') socket.send('bye')
    })
    connected(socket)
  })
  const port = await listen(server)
  return { log, url: `ws://127.0.0.1:${port}/`, tokenUrl: `http://127.0.0.1:${port}/token` }
}

describe('a protocol under openSocket', () => {
  it('negotiates, logs in, beats, pairs answers, and says goodbye', async () => {
    const { log, url, tokenUrl } = await smallServer()
    const socket = openSocket(url, { protocol: small(tokenUrl) })
    const told: string[] = []
    socket.on('handshake', () => told.push('handshake'))
    socket.on('connect', () => told.push('connect'))
    socket.send({ do: 'subscribe', topic: 'early' })
    expect(() => socket.send({ do: 'subscribe', topic: '' })).toThrow(/a topic has a name/)
    const reading = (async () => {
      for await (const { data } of socket) return data
      return null
    })()
    expect(await reading).toEqual({ topic: 'early', text: 'hello' })
    expect(told).toEqual(['handshake', 'connect'])
    expect(await socket.request({ do: 'call', what: 'abc' })).toBe('ABC')
    await eventually(() => expect(log).toContain('beat'))
    await socket.close()
    expect(log.filter((line) => line !== 'beat')).toEqual([
      'open /?t=t1',
      'login signed',
      'sub early',
      'call 1 abc',
      'goodbye',
    ])
    expect(socket.stats).toMatchObject({ state: 'closed', connects: 1, requests: 0 })
  })

  it('restores its subscriptions on each connection, with a token of its own, and settles what was lost', async () => {
    const { log, url, tokenUrl } = await smallServer()
    await using socket = openSocket(url, { protocol: small(tokenUrl), reconnect: quick })
    socket.send({ do: 'subscribe', topic: 'a' })
    await socket.ready()
    await expect(socket.request({ do: 'call', what: 'cut' })).rejects.toMatchObject({
      code: 'connection_lost',
    })
    await eventually(() => expect(socket.stats.connects).toBe(2))
    await eventually(() =>
      expect(log.filter((line) => /^(open|sub)/.test(line))).toEqual([
        'open /?t=t1',
        'sub a',
        'open /?t=t2',
        'sub a',
      ]),
    )
    await expect(socket.request({ do: 'call', what: 'nothing' }, { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'request_timeout',
    })
    expect(socket.stats.requests).toBe(0)
  })

  it('holds what is sent at the last message of a connection that its protocol ends', async () => {
    const { url, tokenUrl } = await smallServer((server) =>
      server.on('message', (data) => `${data}`.endsWith(' end') && server.send('last words')),
    )
    await using socket = openSocket(url, {
      protocol: small(tokenUrl),
      reconnect: quick,
      whileDisconnected: { hold: true },
    })
    const answered = new Promise((resolve, reject) => {
      socket.on('message', ({ data }) => {
        if (data.topic === 'last') socket.request({ do: 'call', what: 'late' }).then(resolve, reject)
      })
    })
    await socket.ready()
    socket.send({ do: 'call', what: 'end' })
    expect(await answered).toBe('LATE')
    expect(socket.stats.connects).toBe(2)
  })

  it('gives a replacement what is kept, also what is asked for while it is on its way', async () => {
    const { log, url, tokenUrl } = await smallServer()
    const told: string[] = []
    await using socket = openSocket(url, {
      protocol: small(tokenUrl),
      on: {
        connect: ({ connection, replaces }) => told.push(`connect ${connection} ${replaces}`),
        disconnect: ({ connection }) => told.push(`disconnect ${connection}`),
      },
    })
    socket.send({ do: 'subscribe', topic: 'a' })
    await socket.ready()
    socket.replace()
    socket.send({ do: 'subscribe', topic: 'b' })
    await eventually(() => expect(told).toEqual(['connect 1 null', 'connect 2 1', 'disconnect 1']))
    await eventually(() =>
      expect(log.filter((line) => line.startsWith('sub')).toSorted()).toEqual([
        'sub a',
        'sub a',
        'sub b',
        'sub b',
      ]),
    )
    expect(await socket.request({ do: 'call', what: 'x' })).toBe('X')
  })

  it('does what the protocol says of an end: never again, with its error', async () => {
    const { url, tokenUrl } = await smallServer((socket) => socket.close(4001, 'go'))
    const socket = openSocket(url, { protocol: small(tokenUrl), reconnect: quick })
    const codes: unknown[] = []
    socket.on('error', (error) => codes.push('code' in error ? error.code : error))
    await expect(socket.ready()).rejects.toMatchObject({
      code: 'gave_up',
      message: expect.stringContaining('closed with 4001 go'),
    })
    await socket.closed
    expect(codes).toEqual(['connect_failed', 'gave_up'])
  })

  it('connects again at once where the protocol says so, but not where the program wants no other connection', async () => {
    let connections = 0
    const { url, tokenUrl } = await smallServer((socket) => {
      connections++
      if (connections % 2 === 1) socket.on('message', () => socket.close(4002, 'move'))
    })
    const waits: number[] = []
    await using socket = openSocket(url, {
      protocol: small(tokenUrl),
      reconnect: { baseMs: 1_000_000, capMs: 1_000_000 },
      on: { waiting: ({ delayMs }) => waits.push(delayMs) },
    })
    await eventually(() => expect(connections).toBe(2))
    expect(waits).toEqual([0])
    await socket.close()
    const once = openSocket(url, { protocol: small(tokenUrl), reconnect: false })
    await once.closed
    expect(connections).toBe(3)
  })

  it('tries again where the step before the dial fails, and reports what does not fit', async () => {
    const { url } = await smallServer()
    const missing = await listen(
      http.createServer((_request, response) => void response.writeHead(500).end()),
    )
    const waits: string[] = []
    await using _failing = openSocket(url, {
      protocol: small(`http://127.0.0.1:${missing}/`),
      reconnect: quick,
      on: { waiting: ({ reason }) => waits.push(reason) },
    })
    await eventually(() => expect(waits.slice(0, 2)).toEqual(['no token (500)', 'no token (500)']))
    const talking = await smallServer((socket) => void socket.send('nonsense'))
    const errors: string[] = []
    await using socket = openSocket(talking.url, {
      protocol: small(talking.tokenUrl),
      on: { error: ({ message }) => errors.push(message) },
    })
    await socket.ready()
    expect(errors).toEqual(['no such verb nonsense'])
  })

  it('refuses a URL whose scheme the protocol does not take', async () => {
    const port = await venue(() => {})
    expect(() => openSocket(`wss://127.0.0.1:${port}/`, { protocol: small('http://x/') })).toThrow(
      /the url must begin with ws:\/\/ for small/,
    )
  })
})
