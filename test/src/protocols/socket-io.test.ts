import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { SocketIoServer } from '../../../simulators/protocols/socket-io.js'
import { readLossless } from '../../../src/decode/index.js'
import { type SocketIoOptions, socketIo } from '../../../src/protocols/socket-io/index.js'
import {
  SeededRandom,
  type SimulatorServer,
  serveSimulator,
  withFaults,
} from '../../../src/simulator/index.js'
import { LiveCodec } from './live-codec.js'
import { errorOf, ScriptedCodec } from './scripted-codec.js'

const OPENING = '0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
const make = (options?: SocketIoOptions) => new ScriptedCodec(socketIo(options)).connect('https://host')
const joined = (options?: SocketIoOptions) => {
  const script = make(options)
    .open()
    .frame(OPENING)
    .frame(options?.engine === 3 ? '40' : '40{"sid":"b"}')
  script.sent = []
  return script
}

test('the URL gets path and query of the transport', () => {
  expect(make().dialled).toMatchObject([{ url: 'wss://host/socket.io/?EIO=4&transport=websocket' }])
  const own = new ScriptedCodec(socketIo({ engine: 3 })).connect('wss://host/own/?x=1')
  expect(own.dialled).toMatchObject([{ url: 'wss://host/own/?x=1&EIO=3&transport=websocket' }])
})

describe('the connect to a namespace', () => {
  test('is asked for on engine 4, with the auth of the moment, and makes the socket ready', () => {
    const script = make({ auth: () => ({}) })
      .open()
      .frame(OPENING)
    expect(script.questions).toMatchObject([{ id: 'auth /' }])
    script.codec.answered('auth /', { ok: true, value: { token: 't' } }, script.now)
    expect(script.sent).toEqual(['40{"token":"t"}'])
    expect(script.readyTimes).toBe(0)
    script.frame('40{"sid":"b"}')
    expect(script.readyTimes).toBe(1)
    expect(script.messages).toEqual([{ type: 'connected', namespace: '/', sid: 'b', recovered: false }])
  })

  test('is given unasked on engine 3, where the client pings', () => {
    const script = make({ engine: 3 }).open().frame(OPENING)
    expect(script.sent).toEqual([])
    script.frame('40')
    expect(script.readyTimes).toBe(1)
    script.pass(25_000)
    expect(script.sent).toEqual(['2'])
  })

  test('that is refused ends the connection for /, and the command for another', () => {
    const root = make().open().frame(OPENING).frame('44{"message":"no","data":{"x":1}}')
    expect(root.closes).toMatchObject([
      { retry: 'backoff', error: { code: 'connection_refused', answer: { message: 'no' } } },
    ])
    const script = joined()
    const id = script.do({ type: 'connect', namespace: '/ns' })
    expect(script.sent).toEqual(['40/ns,'])
    script.frame('44/ns,{"message":"Invalid namespace"}')
    expect(errorOf(script.outcomes.get(id ?? '')).message).toMatch(/Invalid namespace/)
    expect(script.codec.kept).toEqual([])
    const old = joined({ engine: 3 })
    old.do({ type: 'connect', namespace: '/ns' })
    old.frame('44/ns,"Invalid namespace"')
    expect(old.outcomes.size).toBe(1)
  })

  test('is made again on each connection', () => {
    const script = joined()
    const id = script.do({ type: 'connect', namespace: '/ns' })
    script.frame('40/ns,{"sid":"c"}')
    expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: 'c' })
    script.closed()
    script.connect('https://host').open().sent = []
    script.frame(OPENING)
    expect(script.sent).toEqual(['40', '40/ns,'])
  })
})

describe('events', () => {
  test('go and come, with acknowledgements both ways', () => {
    const script = joined()
    script.do({ type: 'emit', event: 'join', args: ['room', { a: 1 }] })
    const id = script.do({ type: 'request', event: 'sub', args: [1] })
    expect(script.sent).toEqual(['42["join","room",{"a":1}]', '421["sub",1]'])
    script.frame('431[{"ok":true}]').frame('427["ask",5]')
    expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: [{ ok: true }] })
    expect(script.messages.at(-1)).toEqual({
      type: 'event',
      namespace: '/',
      event: 'ask',
      args: [5],
      ack: '/ 7',
    })
    script.do({ type: 'ack', id: '/ 7', args: ['answer'] })
    expect(script.sent.at(-1)).toBe('437["answer"]')
    expect(() => script.do({ type: 'ack', id: '/ 7', args: [] })).toThrow(/no event of the server waits/)
  })

  test('carry bytes as attachments', () => {
    const script = joined()
    script.do({ type: 'emit', event: 'up', args: [{ data: Uint8Array.of(1, 2) }, Uint8Array.of(3)] })
    expect(script.sent).toEqual([
      '452-["up",{"data":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}]',
      Uint8Array.of(1, 2),
      Uint8Array.of(3),
    ])
    const borrowed = Buffer.from([9, 8])
    script.frame('451-["ev",{"x":{"_placeholder":true,"num":0}}]').frame(borrowed)
    borrowed.fill(0)
    expect(script.messages.at(-1)).toMatchObject({ event: 'ev', args: [{ x: Uint8Array.of(9, 8) }] })
  })

  test('of engine 3 carry bytes behind a byte that says message', () => {
    const script = joined({ engine: 3 })
    script.do({ type: 'emit', event: 'up', args: [Uint8Array.of(1)] })
    expect(script.sent[1]).toEqual(Uint8Array.of(4, 1))
    script.frame('451-["ev",{"_placeholder":true,"num":0}]').frame(Uint8Array.of(4, 7))
    expect(script.messages.at(-1)).toMatchObject({ args: [Uint8Array.of(7)] })
  })

  test('that are subscriptions are sent again in their namespace', () => {
    const script = joined()
    const command = {
      type: 'subscribe',
      key: 'k',
      event: 'join-room',
      args: ['depth'],
      end: { event: 'leave-room', args: ['depth'] },
    } as const
    const id = script.do(command)
    script.pass(0)
    expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: null })
    script.closed()
    script.connect('https://host').open().sent = []
    script.frame(OPENING).frame('40{"sid":"c"}')
    expect(script.sent).toEqual(['40', '42["join-room","depth"]'])
    script.do({ type: 'unsubscribe', key: 'k' })
    expect(script.sent.at(-1)).toBe('42["leave-room","depth"]')
  })
})

test('a recovered connection tells its offset and joins nothing twice', () => {
  const script = make().open().frame(OPENING).frame('40{"sid":"b","pid":"p"}')
  script.do({ type: 'subscribe', key: 'k', event: 'join' })
  script.frame('42["news",1,"offset-1"]')
  script.closed()
  script.connect('https://host').open().sent = []
  script.frame(OPENING)
  expect(script.sent).toEqual(['40{"pid":"p","offset":"offset-1"}'])
  script.frame('40{"sid":"b","pid":"p"}')
  expect(script.sent).toHaveLength(1)
  expect(script.messages.at(-1)).toMatchObject({ type: 'connected', recovered: true })
  script.closed()
  script.connect('https://host').open().sent = []
  script.frame(OPENING).frame('40{"sid":"c","pid":"q"}')
  expect(script.sent.at(-1)).toBe('42["join"]')
})

test('pings are answered, and a server that sends none is given up', () => {
  const script = joined().frame('2')
  expect(script.sent).toEqual(['3'])
  script.pass(44_999)
  expect(script.closes).toEqual([])
  script.pass(1)
  expect(script.closes).toMatchObject([{ retry: 'backoff', error: { code: 'connection_silent' } }])
})

test('a disconnect from / is final unless it was asked otherwise; the engine’s close is not', () => {
  const script = joined().frame('41')
  expect(script.messages.at(-1)).toEqual({ type: 'disconnected', namespace: '/' })
  expect(script.closed(1005)).toMatchObject({ retry: 'never' })
  expect(joined({ alwaysReconnect: true }).frame('41').closed()).toMatchObject({ retry: 'backoff' })
  expect(joined().frame('1').closes).toMatchObject([{ retry: 'backoff', planned: true }])
})

test('a wrong option or command is said in one sentence', () => {
  expect(() => socketIo({ engine: 5 as never })).toThrow('socket.io: option engine must be 3 or 4, and is 5')
  const script = joined()
  const cycle: unknown[] = []
  cycle.push(cycle)
  expect(() => script.do({ type: 'emit', event: 'x', args: cycle })).toThrow(/nested deeper/)
  expect(() => script.do({ type: 'emit', namespace: '/other', event: 'x' })).toThrow(/namespace \/other/)
  expect(() => script.do({ type: 'connect', namespace: '/' })).toThrow(/without being asked/)
  expect(script.sent).toEqual([])
})

test('whatever comes, nothing is thrown and nothing is settled twice', () => {
  const packet = fc
    .tuple(
      fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7', ''),
      fc.constantFrom('', '1-', '2-', '999999-', 'x-'),
      fc.constantFrom('', '/ns,', '/', '/ns?x=1,'),
      fc.constantFrom('', '1', '2', '99999999999999999999'),
      fc.oneof(
        fc.constant(''),
        fc.json(),
        fc.constantFrom(
          '["e",{"_placeholder":true,"num":0}]',
          '{"sid":"x","pid":"y"}',
          '["e","off"]',
          '["e",{"_placeholder":true,"num":-1}]',
        ),
      ),
    )
    .map((parts) => `4${parts.join('')}`)
  const frame = fc.oneof(packet, fc.string(), fc.constantFrom('1', '2', '3', OPENING), fc.uint8Array())
  fc.assert(
    fc.property(fc.array(frame), fc.boolean(), fc.constantFrom(3, 4), (frames, exact, engine) => {
      const script = joined({ engine, ...(exact ? { read: readLossless } : {}) } as SocketIoOptions)
      script.do({ type: 'request', event: 'a' })
      script.do({ type: 'connect', namespace: '/ns' })
      script.do({ type: 'subscribe', key: 'k', event: 'b', namespace: '/ns' })
      for (const each of frames) script.frame(each)
      script.closed()
      script.connect('https://host').open().frame(OPENING)
    }),
    { numRuns: 500 },
  )
})

describe.each([3, 4] as const)('on a real socket with engine %i, against the test server', (engine) => {
  let server: SimulatorServer
  afterEach(() => server.close())
  const events = {
    'join-room': ([room]: readonly unknown[], client: { rooms: Set<string> }) =>
      void client.rooms.add(String(room)),
    echo: (args: readonly unknown[], _client: unknown, ack: ((...args: readonly unknown[]) => void) | null) =>
      ack?.(...args),
  }

  test('rooms, acknowledgements, bytes and namespaces, over cuts', async () => {
    const io = new SocketIoServer({ events, namespaces: ['/ns'] })
    server = await serveSimulator(io)
    await using live = new LiveCodec(socketIo({ engine }), server.url)
    live.do({ type: 'connect', namespace: '/ns' })
    live.do({ type: 'subscribe', key: 'r', event: 'join-room', args: ['depth'] })
    for (let cut = 1; cut <= 4; cut++) {
      await live.until(() => live.readyTimes === cut)
      const bytes = Uint8Array.of(cut, 2, 3)
      expect(await live.value({ type: 'request', event: 'echo', args: [cut, { bytes }] })).toEqual([
        cut,
        { bytes },
      ])
      const connected = () =>
        live.messages.filter(({ type, namespace }) => type === 'connected' && namespace === '/ns').length
      await live.until(() => connected() === cut)
      io.emit('depth', 'message', [cut])
      io.emit(null, 'other', [bytes], '/ns')
      await live.until(() => live.messages.filter(({ type }) => type === 'event').length === cut * 2)
      live.cut()
      await live.until(() => !live.ready)
    }
    expect(live.errors).toEqual([])
  })

  test('through a plan of faults the room is joined again', async () => {
    const io = new SocketIoServer({ events, pingIntervalMs: 100, pingTimeoutMs: 300 })
    const faults = [
      { fault: 'reset', everyMs: 250, times: 12 },
      { fault: 'duplicate', chance: 0.1 },
      { fault: 'drop', chance: 0.1, untilMs: 1500 },
      { fault: 'truncate', chance: 0.1, untilMs: 1500 },
      { fault: 'venue', name: 'text-in-binary', everyMs: 90, times: 5 },
      { fault: 'venue', name: 'engine-close', atMs: 700 },
    ] as const
    server = await serveSimulator(withFaults(io, { seed: 4, faults: [...faults] }, new SeededRandom(4)))
    await using live = new LiveCodec(socketIo({ engine, timeoutMs: 2_000 }), server.url)
    live.do({ type: 'subscribe', key: 'r', event: 'join-room', args: ['depth'] })
    await live.until(() => live.readyTimes > 1)
    await live.until(() => io.clients.some(({ rooms }) => rooms.has('depth')))
    expect(live.codec.kept).toHaveLength(1)
  })
})
