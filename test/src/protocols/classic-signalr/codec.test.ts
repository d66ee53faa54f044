import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { ClassicRefusal, ClassicSignalRServer } from '../../../../simulators/protocols/classic-signalr.js'
import { readLossless } from '../../../../src/decode/index.js'
import { negotiationBody } from '../../../../src/protocols/classic-signalr/grammar.js'
import {
  type ClassicSignalROptions,
  classicSignalR,
} from '../../../../src/protocols/classic-signalr/index.js'
import {
  SeededRandom,
  type SimulatorServer,
  serveSimulator,
  withFaults,
} from '../../../../src/simulator/index.js'
import { LiveCodec } from '../live-codec.js'
import { errorOf, ScriptedCodec } from '../scripted-codec.js'

const make = (options: Partial<ClassicSignalROptions> = {}) =>
  new ScriptedCodec(classicSignalR({ hubs: ['Hub'], ...options })).connect('https://host')
type Script = ReturnType<typeof make>
const answer = (script: Script, body: string, status = 200, headers = {}) => {
  const { id, url } = script.requests.at(-1) ?? { id: '', url: '' }
  script.codec.response({ id, url, status, headers, body }, script.now)
}
const connected = (script: Script) => {
  answer(script, negotiationBody('t/+=', 'id'))
  script.open().frame('{"C":"d-1","S":1,"M":[]}')
  answer(script, '{"Response":"started"}')
  script.sent = []
  return script
}

test('a connection is negotiated, opened and started, with the cookies of the balancer', () => {
  const script = make()
  expect(script.requests).toMatchObject([
    {
      id: 'negotiate',
      method: 'GET',
      url: expect.stringContaining('https://host/signalr/negotiate?clientProtocol=1.5'),
    },
  ])
  answer(script, negotiationBody('t/+=', 'id'), 200, { 'set-cookie': 'a=1; path=/' })
  expect(script.dialled).toMatchObject([
    {
      url: expect.stringContaining('wss://host/signalr/connect?transport=webSockets'),
      headers: { cookie: 'a=1' },
    },
  ])
  script.open().frame('{"C":"d-1","S":1,"M":[{"H":"HUB","M":"News","A":[1]}]}')
  expect(script.requests[1]).toMatchObject({ id: 'start', headers: { cookie: 'a=1' } })
  expect(script.readyTimes).toBe(0)
  // Data may come before the answer to start.
  expect(script.messages).toEqual([{ type: 'push', hub: 'hub', method: 'news', args: [1] }])
  answer(script, '{"Response":"started"}')
  expect(script.readyTimes).toBe(1)
})

test.each([
  ['negotiate', 500, 'unknown hub'],
  ['negotiate', 200, '<html>'],
])('a %s that is refused with %i ends the attempt', (_step, status, body) => {
  const script = make()
  answer(script, body, status)
  expect(script.closes).toMatchObject([{ retry: 'backoff', error: { code: 'negotiate_refused' } }])
})

test('a start that is refused ends the attempt', () => {
  const script = make()
  answer(script, negotiationBody('t', 'id'))
  script.open().frame('{"C":"d-1","S":1,"M":[]}')
  answer(script, 'no', 400)
  expect(script.closes).toMatchObject([{ retry: 'backoff', error: { code: 'connection_refused' } }])
})

test.each([JSON.parse, readLossless])(
  'calls settle by their id, pushes come in order, progress too',
  (read) => {
    const script = connected(make({ read }))
    const ids = ['a', 'b', 'c'].map((method) => script.do({ type: 'call', method, args: [1] }))
    expect(script.takeSent()[0]).toEqual({ H: 'Hub', M: 'a', A: [1], I: 1 })
    script
      .frame('{"I":"3","E":"boom","H":true}')
      .frame('{"I":"1","P":{"D":"half"}}')
      .frame('{"I":"1","R":"x"}')
      .frame('{"I":"2"}')
    expect(script.outcomes.get(ids[0] ?? '')).toEqual({ ok: true, value: 'x' })
    expect(script.outcomes.get(ids[1] ?? '')).toEqual({ ok: true, value: null })
    expect(errorOf(script.outcomes.get(ids[2] ?? '')).message).toBe('c was refused: boom')
    expect(script.messages).toEqual([{ type: 'progress', id: '1', value: 'half' }])
  },
)

test('a subscription is made again on each connection', () => {
  const script = connected(make())
  script.do({ type: 'subscribe', key: 'k', method: 'Subscribe', args: [['x']] })
  script.frame('{"I":"1","R":true}')
  script.closed()
  connected(script.connect('https://host'))
  script.closed()
  script.connect('https://host')
  answer(script, negotiationBody('t', 'id'))
  script.open().frame('{"C":"d-1","S":1,"M":[]}')
  answer(script, '{"Response":"started"}')
  expect(script.takeSent().at(-1)).toMatchObject({ M: 'Subscribe', A: [['x']] })
})

test('the silence that the server announces ends the connection; its keepalive is life', () => {
  const script = connected(make())
  script.pass(19_000).frame('{}').pass(19_999)
  expect(script.closes).toEqual([])
  script.pass(1)
  expect(script.closes).toMatchObject([{ retry: 'backoff', error: { code: 'connection_silent' } }])
})

test('the server’s wish for a new connection is planned', () => {
  const script = connected(make()).frame('{"C":"d-2","T":1,"M":[]}')
  expect(script.closed()).toEqual({ retry: 'backoff', planned: true })
})

test('the end tells the server that nobody comes back', () => {
  const script = connected(make())
  script.codec.end(script.now)
  expect(script.requests.at(-1)).toMatchObject({
    id: 'abort',
    method: 'POST',
    url: expect.stringContaining('/abort?'),
  })
  expect(script.closes).toMatchObject([{ retry: 'never' }])
})

test('a soft reconnect names the cursor and the groups, and begins anew where it fails', () => {
  const script = connected(make({ softReconnect: true }))
  script.do({ type: 'subscribe', key: 'k', method: 'Subscribe' })
  script.frame('{"I":"1","R":true}').frame('{"C":"d-2","G":"g/+","M":[]}')
  expect(script.closed(1006)).toEqual({ retry: 'now' })
  script.connect('https://host')
  expect(script.dialled.at(-1)).toMatchObject({
    url: expect.stringMatching(/\/reconnect\?.*&messageId=d-2&groupsToken=g%2F%2B$/),
  })
  script.open().sent = []
  expect(script.readyTimes).toBe(2)
  expect(script.sent).toEqual([])
  script.closed(1006)
  script.connect('https://host')
  expect(script.closed(null)).toBe(null)
  script.connect('https://host')
  expect(script.requests.at(-1)).toMatchObject({ id: 'negotiate' })
})

test('whatever comes, nothing is thrown and nothing is settled twice', () => {
  const message = fc.record(
    {
      C: fc.jsonValue(),
      S: fc.constantFrom(1, '1', null),
      T: fc.constantFrom(1, 0),
      G: fc.jsonValue(),
      M: fc.oneof(
        fc.jsonValue(),
        fc.array(fc.record({ H: fc.jsonValue(), M: fc.jsonValue(), A: fc.jsonValue() })),
      ),
      I: fc.oneof(fc.constantFrom('1', 2, '2'), fc.jsonValue()),
      R: fc.jsonValue(),
      E: fc.jsonValue(),
      P: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  const frame = fc.oneof(
    message.map((each) => JSON.stringify(each)),
    fc.json(),
    fc.string(),
    fc.uint8Array(),
  )
  fc.assert(
    fc.property(fc.array(frame), fc.boolean(), (frames, exact) => {
      const script = connected(make({ softReconnect: exact, ...(exact ? { read: readLossless } : {}) }))
      script.do({ type: 'call', method: 'a' })
      script.do({ type: 'subscribe', key: 'k', method: 'b' })
      for (const each of frames) script.frame(each)
      script.closed()
      script.connect('https://host')
      script.closed()
    }),
    { numRuns: 500 },
  )
})

describe('on a real socket, against the test server', () => {
  let server: SimulatorServer
  afterEach(() => server.close())
  const hubs = {
    Hub: {
      Echo: ([value]: readonly unknown[]) => value,
      Fail: () => new ClassicRefusal('no'),
      Join: () => true,
    },
  }

  test('calls, pushes and a subscription over cuts, and a goodbye', async () => {
    const hub = new ClassicSignalRServer({ hubs })
    server = await serveSimulator(hub)
    await using live = new LiveCodec(classicSignalR({ hubs: ['hub'] }), server.url)
    live.do({ type: 'subscribe', key: 'j', method: 'join' })
    for (let cut = 1; cut <= 4; cut++) {
      await live.until(() => live.readyTimes === cut)
      expect(await live.value({ type: 'call', method: 'echo', args: [{ cut: String(cut) }] })).toEqual({
        cut: String(cut),
      })
      expect(await live.outcome({ type: 'call', method: 'fail' })).toMatchObject({
        error: { code: 'request_refused' },
      })
      hub.push('Hub', 'News', cut)
      await live.until(() => live.messages.length === cut)
      live.cut()
      await live.until(() => !live.ready)
    }
    await live.until(() => live.ready)
    await live.close()
    expect(hub.steps).toContain('abort')
    expect(live.errors).toEqual([])
  })

  test('through a plan of faults the subscription stands again', async () => {
    let joined = 0
    const hub = new ClassicSignalRServer({ hubs: { Hub: { Join: () => ++joined } }, keepAliveTimeout: 1 })
    const faults = [
      { fault: 'reset', everyMs: 250, times: 8 },
      { fault: 'duplicate', chance: 0.1 },
      { fault: 'truncate', chance: 0.1, untilMs: 1_500 },
      { fault: 'http-status', chance: 0.2, untilMs: 1_500 },
      { fault: 'venue', name: 'reconnect-notice', atMs: 700 },
      { fault: 'venue', name: 'message-unknown', everyMs: 100, times: 5 },
    ] as const
    server = await serveSimulator(withFaults(hub, { seed: 6, faults: [...faults] }, new SeededRandom(6)))
    await using live = new LiveCodec(classicSignalR({ hubs: ['hub'], timeoutMs: 2_000 }), server.url)
    live.do({ type: 'subscribe', key: 'j', method: 'join' })
    await live.until(() => live.readyTimes > 2 && joined > 2)
    expect(live.codec.kept).toHaveLength(1)
  })
})
