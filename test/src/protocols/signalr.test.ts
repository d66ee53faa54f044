import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import {
  HubRefusal,
  SignalRServer,
  type SignalRServerOptions,
} from '../../../simulators/protocols/signalr.js'
import { readLossless } from '../../../src/decode/index.js'
import { type SignalROptions, signalR } from '../../../src/protocols/signalr/index.js'
import {
  SeededRandom,
  type SimulatorServer,
  serveSimulator,
  withFaults,
} from '../../../src/simulator/index.js'
import { LiveCodec } from './live-codec.js'
import { errorOf, ScriptedCodec } from './scripted-codec.js'

const RS = '\x1e'
const GRANT = {
  negotiateVersion: 1,
  connectionId: 'id',
  connectionToken: 'tok+/=',
  availableTransports: [{ transport: 'WebSockets', transferFormats: ['Text', 'Binary'] }],
}

type Script = ScriptedCodec<never, never, never>
const answer = (script: Script, body: unknown, status = 200) => {
  const { id, url } = script.requests.at(-1) ?? { id: '', url: '' }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  script.codec.response({ id, url, status, headers: {}, body: text }, script.now)
}
const make = (options: SignalROptions = {}) =>
  new ScriptedCodec(signalR(options)).connect('https://host/hub?x=1')
const greeted = (options: SignalROptions = {}, grant: object = GRANT) => {
  const script = make(options)
  answer(script as never, grant)
  script.open()
  script.frame(`{}${RS}`)
  script.sent = []
  return script
}
const sentRecords = (script: { sent: unknown[] }) =>
  script.sent
    .splice(0)
    .flatMap((frame) => String(frame).split(RS).slice(0, -1))
    .map((record) => JSON.parse(record))

describe('the handshake', () => {
  test('negotiates, dials with the token, and is ready with the answer of the server', () => {
    const script = make()
    expect(script.requests).toMatchObject([
      { method: 'POST', url: 'https://host/hub/negotiate?x=1&negotiateVersion=1', confidential: true },
    ])
    answer(script as never, GRANT)
    expect(script.dialled).toMatchObject([
      { transport: 'websocket', url: 'wss://host/hub?x=1&id=tok%2B%2F%3D' },
    ])
    script.open()
    expect(script.sent).toEqual([`{"protocol":"json","version":1}${RS}`])
    // The answer may share its message with what follows, and be cut.
    script.frame('{').frame(`}${RS}{"type":1,"target":"news","arguments":[1]}${RS}{"type":6}`).frame(RS)
    expect(script.readyTimes).toBe(1)
    expect(script.messages).toEqual([{ type: 'invocation', target: 'news', args: [1], id: null }])
  })

  test('follows redirects with their token, and a version of 0', () => {
    const script = make()
    answer(script as never, { url: 'https://other/hub?a=b', accessToken: 'secret' })
    expect(script.requests[1]).toMatchObject({
      url: 'https://other/hub/negotiate?a=b&negotiateVersion=1',
      headers: { authorization: 'Bearer secret' },
    })
    answer(script as never, { connectionId: 'old', availableTransports: GRANT.availableTransports })
    expect(script.dialled).toMatchObject([
      { url: 'wss://other/hub?a=b&id=old', headers: { authorization: 'Bearer secret' } },
    ])
    const endless = make()
    for (let hop = 0; hop <= 100; hop++) answer(endless as never, { url: 'https://other/hub' })
    expect(endless.closes).toMatchObject([{ error: { code: 'connection_refused' } }])
    expect(endless.dialled).toEqual([])
  })

  test.each([
    [404, 'nothing', /HTTP 404/],
    [200, '<html>', /no JSON object/],
    [200, '{"error":"full"}', /the server says: full/],
    [200, '{"ProtocolVersion":"1.5"}', /classic SignalR/],
    [200, '{"negotiateVersion":1,"connectionToken":"a","availableTransports":[]}', /no WebSockets/],
    [200, '{"negotiateVersion":1}', /no connection token/],
    [0, 'unreachable', /unreachable/],
  ])('that is refused with %i %s says why', (status, body, message) => {
    const script = make()
    answer(script as never, body, status)
    expect(script.closes).toMatchObject([
      { retry: 'backoff', error: { message: expect.stringMatching(message) } },
    ])
  })

  test('asks for the access token before each connect, and can put it in the query', () => {
    const script = make({ accessToken: () => 'x', tokenInQuery: true, skipNegotiation: true })
    expect(script.questions).toMatchObject([{ id: 'access token' }])
    script.codec.answered('access token', { ok: true, value: 'jwt' }, script.now)
    expect(script.dialled).toMatchObject([{ url: 'wss://host/hub?x=1&access_token=jwt', headers: {} }])
  })

  test('that the server refuses ends for good', () => {
    const script = make({ skipNegotiation: true }).open()
    script.frame(`{"error":"The protocol 'json' is not supported."}${RS}{"type":6}${RS}`)
    expect(script.closes).toMatchObject([{ retry: 'never', error: { code: 'connection_refused' } }])
    expect(script.readyTimes).toBe(0)
  })
})

describe('invocations and streams', () => {
  test('settle by their id, void and null alike', () => {
    const script = greeted()
    const ids = ['a', 'b', 'c'].map((target) => script.do({ type: 'invoke', target, args: [1] }))
    script.do({ type: 'send', target: 'd' })
    expect(sentRecords(script)).toEqual([
      { type: 1, target: 'a', arguments: [1], invocationId: '1' },
      { type: 1, target: 'b', arguments: [1], invocationId: '2' },
      { type: 1, target: 'c', arguments: [1], invocationId: '3' },
      { type: 1, target: 'd', arguments: [] },
    ])
    script.frame(
      `{"type":3,"invocationId":"3","error":"boom"}${RS}{"type":3,"invocationId":"1","result":{"a":1}}${RS}`,
    )
    script.frame(`{"type":3,"invocationId":"2"}${RS}{"type":3,"invocationId":"9","result":1}${RS}`)
    expect(script.outcomes.get(ids[0] ?? '')).toEqual({ ok: true, value: { a: 1 } })
    expect(script.outcomes.get(ids[1] ?? '')).toEqual({ ok: true, value: null })
    expect(errorOf(script.outcomes.get(ids[2] ?? ''))).toMatchObject({
      code: 'request_refused',
      message: 'c was refused: boom',
    })
  })

  test('a stream brings items until it completes or is cancelled', () => {
    const script = greeted()
    const id = script.do({ type: 'stream', target: 's' }) ?? ''
    script.frame(
      `{"type":2,"invocationId":"${id}","item":1}${RS}{"type":2,"invocationId":"${id}","item":2}${RS}`,
    )
    script.frame(`{"type":3,"invocationId":"${id}"}${RS}`)
    expect(script.messages).toEqual([
      { type: 'item', id, key: null, item: 1 },
      { type: 'item', id, key: null, item: 2 },
    ])
    expect(script.outcomes.get(id)).toEqual({ ok: true, value: null })
    const second = script.do({ type: 'stream', target: 's' }) ?? ''
    script.codec.cancel(second, script.now)
    expect(sentRecords(script).at(-1)).toEqual({ type: 5, invocationId: second })
    script.frame(
      `{"type":2,"invocationId":"${second}","item":1}${RS}{"type":3,"invocationId":"${second}"}${RS}`,
    )
    expect(script.messages).toHaveLength(2)
    expect(script.outcomes.has(second)).toBe(false)
  })

  test('the user streams to the server', () => {
    const script = greeted()
    script.do({ type: 'invoke', target: 'upload', streamIds: ['u'] })
    script.do({ type: 'item', streamId: 'u', item: 5 })
    script.do({ type: 'complete', streamId: 'u' })
    expect(sentRecords(script).map(({ type }) => type)).toEqual([1, 2, 3])
    expect(() => script.do({ type: 'item', streamId: 'u', item: 6 })).toThrow(/no open stream is called u/)
  })

  test('the server’s own invocations are answered by the user, or refused', () => {
    const mute = greeted()
    mute.frame(`{"type":1,"target":"t","arguments":[],"invocationId":"s1"}${RS}`)
    expect(sentRecords(mute)).toEqual([
      { type: 3, invocationId: 's1', error: 'the client returns no results' },
    ])
    const script = greeted({ answers: true })
    script.frame(`{"type":1,"target":"t","arguments":[],"invocationId":"s1"}${RS}`)
    script.do({ type: 'reply', id: 's1', result: 4 })
    expect(sentRecords(script)).toEqual([{ type: 3, invocationId: 's1', result: 4 }])
    expect(() => script.do({ type: 'reply', id: 's1', result: 4 })).toThrow(/no invocation/)
  })

  test('fail with the connection; subscriptions are made again', () => {
    const script = greeted()
    script.do({ type: 'subscribe', key: 'k', target: 'join', args: ['x'] })
    script.do({ type: 'subscribe', key: 's', target: 'ticks', stream: true })
    script.frame(`{"type":3,"invocationId":"1"}${RS}`)
    const id = script.do({ type: 'invoke', target: 'a' })
    script.closed(1006)
    expect(errorOf(script.outcomes.get(id ?? '')).code).toBe('connection_lost')
    script.connect('https://host/hub')
    answer(script as never, GRANT)
    script.open().sent = []
    script.frame(`{}${RS}`)
    expect(sentRecords(script)).toMatchObject([
      { type: 1, target: 'join', arguments: ['x'] },
      { type: 4, target: 'ticks' },
    ])
    script.frame(`{"type":2,"invocationId":"5","item":7}${RS}`)
    expect(script.messages.at(-1)).toMatchObject({ type: 'item', key: 's', item: 7 })
  })
})

test('pings go out where nothing else does, and a silent server is given up', () => {
  const script = greeted({ keepAliveMs: 10_000, serverTimeoutMs: 25_000 })
  script.pass(6_000)
  script.do({ type: 'send', target: 'a' })
  script.pass(9_999)
  expect(sentRecords(script)).toHaveLength(1)
  script.pass(1)
  expect(sentRecords(script)).toEqual([{ type: 6 }])
  script.frame(`{"type":6}${RS}`).pass(24_999)
  expect(script.closes).toEqual([])
  script.pass(1)
  expect(script.closes).toMatchObject([{ retry: 'backoff', error: { code: 'connection_silent' } }])
})

test.each([
  [{}, { type: 7 }, 'never'],
  [{}, { type: 7, error: 'bye', allowReconnect: true }, 'backoff'],
  [{ alwaysReconnect: true }, { type: 7, error: 'bye' }, 'backoff'],
])('with %o the message %o leads to %s', (options, message, retry) => {
  const script = greeted(options).frame(JSON.stringify(message) + RS)
  expect(script.closes).toMatchObject([{ retry }])
  expect(script.closed(1000)).toMatchObject({ retry })
})

describe('stateful reconnect', () => {
  const grant = { ...GRANT, useStatefulReconnect: true }
  const stateful = () => greeted({ statefulReconnect: true }, grant)

  test('sends again what was not acknowledged, and passes over what came before', () => {
    const script = stateful()
    const ids = ['a', 'b', 'c'].map((target) => script.do({ type: 'invoke', target }))
    script.frame(`{"type":8,"sequenceId":1}${RS}{"type":3,"invocationId":"1","result":1}${RS}`)
    script.pass(1_000)
    expect(sentRecords(script).at(-1)).toEqual({ type: 8, sequenceId: 1 })
    expect(script.closed(1006)).toEqual({ retry: 'now' })
    expect(script.outcomes.size).toBe(1)
    script.connect('https://host/hub').open()
    expect(script.requests).toHaveLength(1)
    expect(script.dialled[1]).toEqual(script.dialled[0])
    expect(sentRecords(script)).toMatchObject([
      { type: 9, sequenceId: 2 },
      { type: 1, target: 'b' },
      { type: 1, target: 'c' },
    ])
    expect(script.readyTimes).toBe(1)
    script.frame(`{"type":9,"sequenceId":1}${RS}`)
    expect(script.readyTimes).toBe(2)
    script.frame(`{"type":3,"invocationId":"1","result":1}${RS}{"type":3,"invocationId":"2","result":2}${RS}`)
    script.frame(`{"type":3,"invocationId":"3","result":3}${RS}`)
    expect(ids.map((id) => script.outcomes.get(id ?? ''))).toEqual(
      [1, 2, 3].map((value) => ({ ok: true, value })),
    )
  })

  test('that fails begins anew, with nothing left to wait for', () => {
    const script = stateful()
    const id = script.do({ type: 'invoke', target: 'a' })
    script.closed(1006)
    script.connect('https://host/hub')
    expect(script.closed(null)).toBe(null)
    expect(errorOf(script.outcomes.get(id ?? '')).code).toBe('connection_lost')
    script.connect('https://host/hub')
    expect(script.requests).toHaveLength(2)
  })

  test('holds no more than its bound', () => {
    const script = greeted({ statefulReconnect: true, statefulBufferBytes: 100 }, grant)
    script.do({ type: 'send', target: 'a', args: ['x'.repeat(100)] })
    expect(() => script.do({ type: 'send', target: 'a' })).toThrow(/acknowledgement/)
    script.frame(`{"type":8,"sequenceId":1}${RS}`)
    script.do({ type: 'send', target: 'a' })
  })
})

test('an exact reader keeps each digit', () => {
  const script = greeted({ read: readLossless })
  script.frame(`{"type":1,"target":"t","arguments":[0.10000000000000000001]}${RS}`)
  expect(script.messages).toEqual([
    { type: 'invocation', target: 't', args: ['0.10000000000000000001'], id: null },
  ])
})

test('records mean the same however they are cut', () => {
  const stream = [
    '{}',
    '{"type":6}',
    '{"type":1,"target":"a","arguments":["é😀"]}',
    '{"type":77}',
    '{"type":1,"target":"b","arguments":[]}',
  ]
    .map((record) => record + RS)
    .join('')
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
      const script = make({ skipNegotiation: true }).open()
      const ends = [...new Set([...cuts, stream.length])].sort((a, b) => a - b)
      let at = 0
      for (const end of ends) {
        script.frame(stream.slice(at, end))
        at = end
      }
      expect(script.errors).toEqual([])
      expect(script.messages).toMatchObject([{ target: 'a', args: ['é😀'] }, { target: 'b' }])
    }),
  )
})

test('whatever comes, nothing is thrown and nothing is settled twice', () => {
  const message = fc.record(
    {
      type: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.jsonValue()),
      invocationId: fc.oneof(fc.constantFrom('1', '2', '3'), fc.jsonValue()),
      target: fc.oneof(fc.string(), fc.jsonValue()),
      arguments: fc.jsonValue(),
      result: fc.jsonValue(),
      error: fc.jsonValue(),
      item: fc.jsonValue(),
      sequenceId: fc.oneof(fc.integer(), fc.jsonValue()),
      allowReconnect: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  const frame = fc.oneof(
    fc.array(message).map((messages) => messages.map((each) => JSON.stringify(each) + RS).join('')),
    fc.string(),
    fc.uint8Array(),
  )
  fc.assert(
    fc.property(fc.array(frame), fc.boolean(), (frames, exact) => {
      const script = greeted(
        { statefulReconnect: true, ...(exact ? { read: readLossless } : {}) },
        { ...GRANT, useStatefulReconnect: true },
      )
      script.do({ type: 'invoke', target: 'a' })
      script.do({ type: 'stream', target: 'b' })
      script.do({ type: 'subscribe', key: 'k', target: 'c' })
      for (const each of frames) script.frame(each)
      script.closed()
      script.connect('https://host/hub')
      script.closed()
    }),
    { numRuns: 500 },
  )
})

describe('on a real socket, against the test hub', () => {
  let server: SimulatorServer
  afterEach(() => server.close())
  const methods: SignalRServerOptions['methods'] = {
    Echo: (args) => args[0],
    Fail: () => new HubRefusal('no'),
    Join: () => undefined,
  }
  const streams: SignalRServerOptions['streams'] = {
    Count: function* ([to]) {
      for (let count = 1; count <= Number(to); count++) yield count
    },
  }

  test('invocations, streams and client results, over cuts, a redirect and a token', async () => {
    const hub = new SignalRServer({ methods, streams, authorize: (token) => token === 'jwt' })
    server = await serveSimulator(hub)
    const front = await serveSimulator(
      new SignalRServer({ redirect: { url: `${server.url.replace('ws', 'http')}/hub`, accessToken: 'jwt' } }),
    )
    await using live = new LiveCodec(signalR({ answers: true }), `${front.url}/hub`)
    live.do({ type: 'subscribe', key: 'j', target: 'join', args: ['room'] })
    for (let cut = 1; cut <= 3; cut++) {
      await live.until(() => live.readyTimes === cut)
      expect(await live.value({ type: 'invoke', target: 'echo', args: [{ cut }] })).toEqual({ cut })
      expect(await live.outcome({ type: 'invoke', target: 'fail' })).toMatchObject({
        error: { code: 'request_refused' },
      })
      const before = live.messages.length
      await live.value({ type: 'stream', target: 'count', args: [5] })
      expect(
        live.messages.slice(before).map((message) => (message.type === 'item' ? message.item : null)),
      ).toEqual([1, 2, 3, 4, 5])
      live.cut()
      await live.until(() => !live.ready)
    }
    await live.until(() => live.readyTimes === 4)
    const result = new Promise((resolve) => hub.hubClients[0]?.ask('time', [], resolve))
    await live.until(() => live.messages.at(-1)?.type === 'invocation')
    const asked = live.messages.at(-1)
    if (asked?.type !== 'invocation' || asked.id === null) throw new Error('not asked')
    live.do({ type: 'reply', id: asked.id, result: 42 })
    expect(await result).toEqual({ error: null, result: 42 })
    await live.close()
    await front.close()
  })

  test('stateful reconnect: every call is answered once and every push comes once, in order, over cuts', async () => {
    const seen: unknown[] = []
    const hub = new SignalRServer({ methods: { Add: ([n]) => seen.push(n) && n } })
    server = await serveSimulator(hub)
    await using live = new LiveCodec(signalR({ statefulReconnect: true }), `${server.url}/hub`)
    await live.whenReady()
    const answers: Promise<unknown>[] = []
    for (let n = 0; n < 200; n++) {
      await live.whenReady()
      answers.push(live.value({ type: 'invoke', target: 'Add', args: [n] }))
      hub.broadcast('push', n)
      if (n % 40 === 39) {
        live.cut()
        await live.until(() => !live.ready)
      }
    }
    const numbers = Array.from({ length: 200 }, (_, n) => n)
    expect(await Promise.all(answers)).toEqual(numbers)
    await live.until(() => live.messages.length >= 200)
    expect(seen).toEqual(numbers)
    expect(live.messages.map((message) => (message.type === 'invocation' ? message.args[0] : null))).toEqual(
      numbers,
    )
    await live.until(() => live.readyTimes === 6)
  })

  test('through a plan of faults the subscription stands again', async () => {
    let joined = 0
    const hub = new SignalRServer({ methods: { ...methods, Join: () => ++joined }, keepAliveMs: 100 })
    const faults = [
      { fault: 'reset', everyMs: 250, times: 12 },
      { fault: 'duplicate', chance: 0.1 },
      { fault: 'truncate', chance: 0.1, untilMs: 1500 },
      { fault: 'http-status', chance: 0.3, untilMs: 1500 },
      { fault: 'http-garbage', chance: 0.2, untilMs: 1500 },
      { fault: 'venue', name: 'reconnect-notice', atMs: 400 },
      { fault: 'venue', name: 'records-together', everyMs: 60, times: 10 },
    ] as const
    server = await serveSimulator(withFaults(hub, { seed: 3, faults: [...faults] }, new SeededRandom(3)))
    await using live = new LiveCodec(
      signalR({ serverTimeoutMs: 1_000, timeoutMs: 5_000 }),
      `${server.url}/hub`,
    )
    live.do({ type: 'subscribe', key: 'j', target: 'join' })
    await live.until(() => live.readyTimes > 1 && joined > 1)
    await live.until(() => live.ready)
    expect(live.codec.kept).toHaveLength(1)
  })
})
