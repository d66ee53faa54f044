import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { JsonRpcServer, RpcRefusal } from '../../../simulators/protocols/json-rpc.js'
import { readLossless } from '../../../src/decode/index.js'
import { type JsonRpcMessage, type JsonRpcOptions, jsonRpc } from '../../../src/protocols/json-rpc/index.js'
import {
  SeededRandom,
  type SimulatorServer,
  serveSimulator,
  withFaults,
} from '../../../src/simulator/index.js'
import { LiveCodec } from './live-codec.js'
import { errorOf, ScriptedCodec } from './scripted-codec.js'

const open = (options?: JsonRpcOptions) => new ScriptedCodec(jsonRpc(options)).connect().open()

describe('a call', () => {
  test('is sent with an id and settles with the result that has it, in whatever order answers come', () => {
    const script = open()
    const first = script.do({ type: 'call', method: 'a', params: [1] })
    const second = script.do({ type: 'call', method: 'b', params: { x: 1 } })
    expect(script.takeSent()).toEqual([
      { jsonrpc: '2.0', method: 'a', params: [1], id: 1 },
      { jsonrpc: '2.0', method: 'b', params: { x: 1 }, id: 2 },
    ])
    script.frame({ jsonrpc: '2.0', id: 2, result: 'B' }).frame({ id: '1', result: null, error: null })
    expect(script.outcomes.get(second ?? '')).toEqual({ ok: true, value: 'B' })
    expect(script.outcomes.get(first ?? '')).toEqual({ ok: true, value: null })
  })

  test('that is refused has the code, the words and the data of the other side', () => {
    const script = open()
    const id = script.do({ type: 'call', method: 'a' })
    script.frame({ id: 1, error: { code: -32602, message: 'bad params', data: { at: 'x' } } })
    const error = errorOf(script.outcomes.get(id ?? ''))
    expect(error).toMatchObject({
      code: 'request_refused',
      message: 'a was refused: bad params (-32602)',
      answer: { code: -32602, message: 'bad params', data: { at: 'x' } },
    })
    expect(JSON.stringify(error)).not.toContain('"at"')
  })

  test('that is none is refused with a sentence, in a batch too', () => {
    const script = open()
    for (const calls of [undefined, null, {}, [], [null], [5], [{}]] as never[]) {
      expect(() => script.do({ type: 'batch', calls })).toThrow(
        expect.objectContaining({
          code: 'bad_command',
          message: expect.stringMatching(/^json-rpc: (a|calls) /),
        }),
      )
    }
    const end = null as never
    expect(() => script.do({ type: 'subscribe', key: 'k', method: 'm', end })).toThrow(
      expect.objectContaining({ code: 'bad_command' }),
    )
    expect([script.sent, script.codec.kept]).toEqual([[], []])
  })

  test('that is not answered in time fails, and a late answer matches nothing', () => {
    const script = open({ timeoutMs: 5_000 })
    const id = script.do({ type: 'call', method: 'slow' })
    script.pass(4_999)
    script.wakeAt = null
    script.codec.tick(script.now)
    expect(script.outcomes.size).toBe(0)
    script.pass(2)
    expect(errorOf(script.outcomes.get(id ?? '')).code).toBe('request_timeout')
    script.frame({ id: 1, result: 1 })
    expect(script.outcomes.size).toBe(1)
    expect(script.errors).toEqual([])
  })

  test('fails when its connection ends, and an answer on the next connection is not its own', () => {
    const script = open()
    const id = script.do({ type: 'call', method: 'a' })
    script.closed()
    expect(errorOf(script.outcomes.get(id ?? '')).code).toBe('connection_lost')
    script.connect().open()
    script.do({ type: 'call', method: 'b' })
    expect(script.takeSent().at(-1)).toMatchObject({ id: 2 })
  })

  test('beyond the limit of calls that wait is refused, and leaves the codec as it was', () => {
    const script = open({ maxRequests: 2 })
    script.do({ type: 'call', method: 'a' })
    script.do({ type: 'call', method: 'a' })
    expect(() => script.do({ type: 'call', method: 'a' })).toThrow(/2 requests wait/)
    script.frame({ id: 1, result: 1 })
    expect(script.do({ type: 'call', method: 'a' })).toBe('3')
  })

  test('all fail with the reason where the other side could not read one of them', () => {
    const script = open()
    const ids = [script.do({ type: 'call', method: 'a' }), script.do({ type: 'call', method: 'b' })]
    script.frame({ id: null, error: { code: -32700, message: 'Parse error' } })
    expect(ids.map((id) => errorOf(script.outcomes.get(id ?? '')).code)).toEqual([
      'request_refused',
      'request_refused',
    ])
    expect(script.errors).toHaveLength(1)
  })
})

test('a batch is one message and settles with an outcome for each call', () => {
  const script = open()
  const id = script.do({ type: 'batch', calls: [{ method: 'a' }, { method: 'b' }] })
  expect(script.takeSent()).toEqual([
    [
      { jsonrpc: '2.0', method: 'a', id: 1 },
      { jsonrpc: '2.0', method: 'b', id: 2 },
    ],
  ])
  script.frame([
    { id: 2, error: { code: 1, message: 'no' } },
    { id: 1, result: 'yes' },
  ])
  expect(script.outcomes.get(id ?? '')).toMatchObject({
    ok: true,
    value: [
      { ok: true, value: 'yes' },
      { ok: false, error: { code: 'request_refused' } },
    ],
  })
})

describe('a subscription', () => {
  const subscribe = { type: 'subscribe', key: 'k', method: 'sub', params: ['x'] } as const

  test('is made again on each connection, before the socket is ready, and settles once', () => {
    const script = new ScriptedCodec(jsonRpc())
    const id = script.do(subscribe)
    expect(script.takeSent()).toEqual([])
    script.connect().open()
    expect(script.takeSent()).toMatchObject([{ method: 'sub', params: ['x'], id: 1 }])
    script.closed()
    expect(script.outcomes.size).toBe(0)
    script.connect().open()
    expect(script.takeSent()).toMatchObject([{ method: 'sub', id: 2 }])
    script.frame({ id: 2, result: 'ok' })
    expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: 'ok' })
    script.closed()
    script
      .connect()
      .open()
      .frame({ id: 3, error: { code: 5, message: 'not now' } })
    expect(script.errors).toHaveLength(1)
    expect(script.codec.kept).toEqual([subscribe])
  })

  test('that is refused at first is forgotten', () => {
    const script = open()
    const id = script.do(subscribe)
    script.frame({ id: 1, error: { code: 5, message: 'never' } })
    expect(errorOf(script.outcomes.get(id ?? '')).code).toBe('request_refused')
    expect(script.codec.kept).toEqual([])
  })

  test('ends with its own call', () => {
    const script = open()
    script.do({ ...subscribe, end: { method: 'unsub', params: ['x'] } })
    script.frame({ id: 1, result: true })
    script.takeSent()
    const id = script.do({ type: 'unsubscribe', key: 'k' })
    expect(script.takeSent()).toMatchObject([{ method: 'unsub', params: ['x'] }])
    script.frame({ id: 2, result: true })
    expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: true })
    expect(script.codec.kept).toEqual([])
  })

  test('beyond the bounds in number or bytes is refused', () => {
    const few = new ScriptedCodec(jsonRpc({ maxSubscriptions: 1 }))
    few.do(subscribe)
    expect(() => few.do({ ...subscribe, key: 'other' })).toThrow(/more than 1 subscriptions/)
    const small = new ScriptedCodec(jsonRpc({ maxSubscriptionBytes: 500 }))
    expect(() => small.do({ ...subscribe, params: ['x'.repeat(250)] })).toThrow(/500 bytes/)
    expect(small.codec.kept).toEqual([])
  })
})

describe('the other side', () => {
  test('notifies, also in batches', () => {
    const script = open()
    script
      .frame({ method: 'n', params: { a: 1 } })
      .frame({ notification: 'r', params: [] })
      .frame([{ method: 'm' }, 7, { method: 'o', params: [] }])
    expect(script.messages.map((message: JsonRpcMessage) => message.method)).toEqual(['n', 'r', 'm', 'o'])
    expect(script.errors).toMatchObject([{ code: 'schema_mismatch', path: [1] }])
  })

  test('asks, and gets the answer under the id as it wrote it; one without takers is refused', () => {
    const mute = open()
    mute.frame({ id: 'q', method: 'm' })
    expect(mute.takeSent()).toEqual([
      { jsonrpc: '2.0', id: 'q', error: { code: -32601, message: 'Method not found' } },
    ])
    for (const read of [JSON.parse, readLossless]) {
      const script = open({ answers: true, read })
      script.frame({ id: 7, method: 'm' }).frame({ id: '7', method: 'm' })
      expect(script.messages).toMatchObject([{ id: 7 }, { id: '7' }])
      script.do({ type: 'reply', id: '7', result: 1 })
      script.do({ type: 'refuse', id: 7, error: { code: 1, message: 'no' } })
      expect(script.takeSent()).toEqual([
        { jsonrpc: '2.0', id: '7', result: 1 },
        { jsonrpc: '2.0', id: 7, error: { code: 1, message: 'no' } },
      ])
      expect(() => script.do({ type: 'reply', id: 7, result: 1 })).toThrow(/no request/)
    }
  })

  test('says numbers that an exact reader keeps digit by digit, its own fields being read all the same', () => {
    const script = open({ read: readLossless })
    const id = script.do({ type: 'call', method: 'a' })
    script.frame('{"id":1,"result":{"price":0.10000000000000000001}}')
    expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: { price: '0.10000000000000000001' } })
    const refused = script.do({ type: 'call', method: 'a' })
    script.frame('{"id":2,"error":{"code":-32000,"message":"no"}}')
    expect(errorOf(script.outcomes.get(refused ?? '')).answer).toMatchObject({ code: -32000 })
  })
})

describe('login', () => {
  test('comes first on each connection; what is kept follows its answer', async () => {
    const script = new ScriptedCodec(jsonRpc({ login: () => ({ method: 'auth' }) }))
    script.do({ type: 'subscribe', key: 'k', method: 'sub' })
    script.connect().open()
    expect(script.questions.map(({ id }) => id)).toEqual(['login'])
    script.codec.answered('login', { ok: true, value: { method: 'auth' } }, script.now)
    expect(script.takeSent()).toMatchObject([{ method: 'auth', id: 1 }])
    expect(() => script.do({ type: 'call', method: 'early' })).toThrow(/there is no connection/)
    script.frame({ id: 1, result: {} })
    expect(script.takeSent()).toMatchObject([{ method: 'sub' }])
    expect(script.readyTimes).toBe(1)
  })

  test('that is refused ends the connection with the reason', () => {
    const script = open({ login: () => ({ method: 'auth' }) })
    script.codec.answered('login', { ok: true, value: { method: 'auth' } }, script.now)
    script.frame({ id: 1, error: { code: 13009, message: 'unauthorized' } })
    expect(script.closes).toMatchObject([{ retry: 'backoff', error: { code: 'request_refused' } }])
  })
})

test('a heartbeat that is not answered ends the connection; a refusal of it is life', () => {
  const script = open({ heartbeat: { method: 'ping', everyMs: 10_000, withinMs: 3_000 } })
  script.pass(10_000)
  expect(script.takeSent()).toMatchObject([{ method: 'ping' }])
  script.frame({ id: 1, error: { code: -32601, message: 'no such method' } })
  script.pass(9_000)
  expect(script.closes).toEqual([])
  script.pass(5_000)
  expect(script.closes).toMatchObject([{ retry: 'backoff', error: { code: 'connection_unanswered' } }])
})

test('a wrong option or command is said in one sentence', () => {
  expect(() => jsonRpc({ timeoutMS: 1 } as never)).toThrow(
    'json-rpc: there is no option timeoutMS; did you mean timeoutMs?',
  )
  expect(() => jsonRpc({ timeoutMs: -1 })).toThrow(
    'json-rpc: option timeoutMs must be a number above 0, and is -1',
  )
  const script = open()
  expect(() => script.do({ type: 'call', method: '' })).toThrow(/needs a method/)
  expect(() => script.do({ type: 'call', method: 'a', params: [1n] })).toThrow(/cannot be written as JSON/)
  expect(() => script.do({ type: 'nothing' } as never)).toThrow(/no command nothing/)
  expect(script.sent).toEqual([])
})

test('whatever comes, nothing is thrown and nothing is settled twice', () => {
  const id = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom('1', '2', null, {}, []))
  const message = fc.record(
    {
      jsonrpc: fc.constant('2.0'),
      id,
      method: fc.oneof(fc.string(), fc.integer()),
      params: fc.jsonValue(),
      result: fc.jsonValue(),
      error: fc.oneof(fc.jsonValue(), fc.record({ code: fc.jsonValue(), message: fc.jsonValue() })),
    },
    { requiredKeys: [] },
  )
  const frame = fc.oneof(
    message.map((value) => JSON.stringify(value)),
    fc.array(message).map((value) => JSON.stringify(value)),
    fc.string(),
    fc.json(),
    fc.uint8Array(),
  )
  fc.assert(
    fc.property(fc.array(frame), fc.boolean(), fc.boolean(), (frames, exact, answers) => {
      const script = open({ answers, ...(exact ? { read: readLossless } : {}) })
      for (let call = 0; call < 3; call++) script.do({ type: 'call', method: 'a' })
      for (const each of frames) script.frame(each)
      script.closed()
      expect(script.outcomes.size).toBe(3)
    }),
    { numRuns: 500 },
  )
})

describe('on a real socket, against the test server', () => {
  let server: SimulatorServer
  afterEach(() => server.close())
  const methods = {
    echo: (params: unknown) => params,
    fail: () => new RpcRefusal(7, 'no', { x: 1 }),
    subscribe: () => 'ok',
  }

  test('calls, batches, requests of the server, and a subscription over cuts', async () => {
    const rpc = new JsonRpcServer({ methods })
    server = await serveSimulator(rpc)
    await using live = new LiveCodec(jsonRpc({ answers: true }), server.url)
    await live.whenReady()
    expect(await live.value({ type: 'subscribe', key: 's', method: 'subscribe', params: ['a'] })).toBe('ok')
    expect(await live.value({ type: 'call', method: 'echo', params: [1, 'x'] })).toEqual([1, 'x'])
    expect(
      await live.value({ type: 'batch', calls: [{ method: 'echo', params: [2] }, { method: 'fail' }] }),
    ).toMatchObject([
      { ok: true, value: [2] },
      { ok: false, error: { code: 'request_refused' } },
    ])
    for (let cut = 1; cut <= 3; cut++) {
      live.cut()
      await live.until(() => live.readyTimes === cut + 1)
      await live.until(() => rpc.received.filter(({ method }) => method === 'subscribe').length === cut + 1)
    }
    const answer = new Promise((resolve) => rpc.clients[0]?.request('client/time', [], resolve))
    await live.until(() => live.messages.length > 0)
    const [asked] = live.messages
    if (asked?.type !== 'request') throw new Error('no request came')
    live.do({ type: 'reply', id: asked.id, result: 42 })
    expect(await answer).toMatchObject({ result: 42 })
  })

  test('through a plan of faults: every call is settled, and the subscription is there at the end', async () => {
    const rpc = new JsonRpcServer({ methods })
    const faults = [
      { fault: 'drop', chance: 0.05 },
      { fault: 'duplicate', chance: 0.1 },
      { fault: 'reorder', chance: 0.1 },
      { fault: 'truncate', chance: 0.05 },
      { fault: 'reset', everyMs: 300, times: 4 },
      { fault: 'venue', name: 'id-text', everyMs: 50, times: 20 },
      { fault: 'venue', name: 'answers-swapped', everyMs: 70, times: 10 },
    ] as const
    server = await serveSimulator(withFaults(rpc, { seed: 5, faults: [...faults] }, new SeededRandom(5)))
    await using live = new LiveCodec(jsonRpc({ timeoutMs: 400 }), server.url)
    live.do({ type: 'subscribe', key: 's', method: 'subscribe' })
    let settled = 0
    let right = 0
    for (let call = 0; call < 60; call++) {
      const outcome = await live.outcome({ type: 'call', method: 'echo', params: [call] })
      settled++
      if (!outcome.ok) continue
      expect(outcome.value).toEqual([call])
      right++
    }
    expect(settled).toBe(60)
    expect(right).toBeGreaterThan(30)
    expect(live.readyTimes).toBeGreaterThan(1)
    expect(live.codec.kept).toHaveLength(1)
  })
})
