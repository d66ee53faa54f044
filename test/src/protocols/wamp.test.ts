import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { WampRefusal, WampServer } from '../../../simulators/protocols/wamp.js'
import { readLossless } from '../../../src/decode/index.js'
import { type WampProtocolOptions, wamp } from '../../../src/protocols/wamp/index.js'
import {
  SeededRandom,
  type SimulatorServer,
  serveSimulator,
  withFaults,
} from '../../../src/simulator/index.js'
import { LiveCodec } from './live-codec.js'
import { errorOf, ScriptedCodec } from './scripted-codec.js'

const make = (options: Partial<WampProtocolOptions> = {}) =>
  new ScriptedCodec(wamp({ realm: 'realm1', ...options })).connect()
const WELCOME = [2, 9129137332, { roles: { broker: {} } }]
const joined = (options: Partial<WampProtocolOptions> = {}) => {
  const script = make(options).open({ protocol: 'wamp.2.json' }).frame(WELCOME)
  script.sent = []
  return script
}

describe('a session', () => {
  test('begins with the realm and what the client can do', () => {
    const script = make().open({ protocol: 'wamp.2.json' })
    expect(script.dialled).toMatchObject([{ protocols: ['wamp.2.json'] }])
    expect(script.takeSent()).toMatchObject([
      [1, 'realm1', { roles: { subscriber: {}, caller: {}, callee: {}, publisher: {} } }],
    ])
    expect(script.readyTimes).toBe(0)
    script.frame(WELCOME)
    expect(script.readyTimes).toBe(1)
  })

  test('proves who the client is where it is asked', () => {
    const login = { authid: 'ann', methods: ['ticket'], answer: () => 'secret' }
    const script = make({ login }).open({ protocol: 'wamp.2.json' })
    expect(script.takeSent()).toMatchObject([[1, 'realm1', { authid: 'ann', authmethods: ['ticket'] }]])
    script.frame([4, 'ticket', { a: 1 }])
    expect(script.questions[0]?.run(new AbortController().signal)).toBe('secret')
    script.codec.answered('challenge', { ok: true, value: 'secret' }, script.now)
    expect(script.takeSent()).toEqual([[5, 'secret', {}]])
    const mute = make().open({ protocol: 'wamp.2.json' }).frame([4, 'ticket', {}])
    expect(mute.closes).toMatchObject([{ retry: 'never' }])
  })

  test.each([
    [[3, { message: 'no' }, 'wamp.error.no_such_realm'], 'never', false],
    [[3, {}, 'wamp.error.authentication_failed'], 'backoff', false],
    [[6, {}, 'wamp.close.system_shutdown'], 'backoff', true],
  ])('that is ended by %j leads to %s', (message, retry, planned) => {
    const script = make().open({ protocol: 'wamp.2.json' }).frame(message)
    expect(script.closed()).toMatchObject({ retry, planned })
  })

  test('ends with a goodbye that is answered; one of the router is answered', () => {
    const script = joined()
    script.codec.end(script.now)
    expect(script.takeSent()).toEqual([[6, {}, 'wamp.close.close_realm']])
    expect(script.closes).toEqual([])
    script.frame([6, {}, 'wamp.close.goodbye_and_out'])
    expect(script.closes).toMatchObject([{ retry: 'never' }])
    expect(joined().frame([6, {}, 'wamp.close.close_realm']).takeSent()).toEqual([
      [6, {}, 'wamp.close.goodbye_and_out'],
    ])
  })

  test('is not begun where the server chose no subprotocol', () => {
    expect(make().open({ protocol: '' }).closes).toMatchObject([
      { retry: 'never', error: { code: 'connection_refused' } },
    ])
  })
})

describe('subscriptions', () => {
  test.each([JSON.parse, readLossless])(
    'bring events by the id that the router gave, on each connection anew',
    (read) => {
      const script = joined({ read })
      const id = script.do({ type: 'subscribe', topic: 'ticker' })
      expect(script.takeSent()).toEqual([[32, 1, {}, 'ticker']])
      script.frame('[33,1,9007199254740991]')
      expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: '9007199254740991' })
      script.frame('[36,9007199254740991,7,{},["x"],{"seq":"5"}]').frame([36, 5, 8, {}])
      expect(script.messages).toEqual([
        { type: 'event', topic: 'ticker', publication: '7', details: {}, args: ['x'], kwargs: { seq: '5' } },
      ])
      script.closed()
      script.connect().open({ protocol: 'wamp.2.json' }).sent = []
      script.frame(WELCOME)
      expect(script.takeSent()).toEqual([[32, 1, {}, 'ticker']])
      script.frame([33, 1, 6]).frame([36, 6, 9, { topic: 'ticker.btc' }])
      expect(script.messages.at(-1)).toMatchObject({ topic: 'ticker.btc', args: [], kwargs: {} })
      script.do({ type: 'unsubscribe', topic: 'ticker' })
      expect(script.takeSent()).toEqual([[34, 2, 6]])
      script.frame([36, 6, 10, {}])
      expect(script.messages).toHaveLength(2)
    },
  )

  test('that are refused at first are forgotten', () => {
    const script = joined()
    const id = script.do({ type: 'subscribe', topic: 'x', options: { match: 'prefix' } })
    script.frame([8, 32, 1, {}, 'wamp.error.not_authorized'])
    expect(errorOf(script.outcomes.get(id ?? ''))).toMatchObject({
      answer: { code: 'wamp.error.not_authorized' },
    })
    expect(script.codec.kept).toEqual([])
  })

  test('that are ended before they stand are undone', () => {
    const script = joined()
    script.do({ type: 'subscribe', topic: 'x' })
    script.do({ type: 'unsubscribe', topic: 'x' })
    script.takeSent()
    script.frame([33, 1, 44])
    expect(script.takeSent()).toEqual([[34, 2, 44]])
  })
})

describe('calls', () => {
  test('settle with their result, progress before it', () => {
    const script = joined()
    const id = script.do({
      type: 'call',
      procedure: 'sum',
      args: [1, 2],
      kwargs: { a: 1 },
      options: { receive_progress: true },
    })
    expect(script.takeSent()).toEqual([[48, 1, { receive_progress: true }, 'sum', [1, 2], { a: 1 }]])
    script.frame([50, 1, { progress: true }, [1]]).frame([50, 1, {}, [3]])
    expect(script.messages).toEqual([
      { type: 'progress', id, details: { progress: true }, args: [1], kwargs: {} },
    ])
    expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: { details: {}, args: [3], kwargs: {} } })
  })

  test('fail with the error of the other side, with the connection, and in time', () => {
    const script = joined({ timeoutMs: 1_000 })
    const ids = [1, 2].map(() => script.do({ type: 'call', procedure: 'p' }))
    script.frame([8, 48, 1, {}, 'app.error', ['why'], { x: 1 }]).pass(1_000)
    const lost = script.do({ type: 'call', procedure: 'p' })
    script.closed()
    expect(errorOf(script.outcomes.get(ids[0] ?? ''))).toMatchObject({
      message: 'p was refused with app.error: why',
      answer: { code: 'app.error', message: 'why', data: { args: ['why'], kwargs: { x: 1 } } },
    })
    expect(errorOf(script.outcomes.get(ids[1] ?? '')).code).toBe('request_timeout')
    expect(errorOf(script.outcomes.get(lost ?? '')).code).toBe('connection_lost')
  })

  test('are cancelled at the router', () => {
    const script = joined()
    const id = script.do({ type: 'call', procedure: 'p' })
    script.codec.cancel(id ?? '', script.now)
    expect(script.takeSent().at(-1)).toEqual([49, 1, { mode: 'killnowait' }])
    script.frame([8, 48, 1, {}, 'wamp.error.canceled'])
    expect(script.outcomes.size).toBe(0)
  })
})

test('a registered procedure is answered by the user', () => {
  const script = joined()
  script.do({ type: 'register', procedure: 'time' })
  script
    .frame([65, 1, 70])
    .frame([68, 5, 70, {}, [1]])
    .frame([68, 6, 70, {}])
    .frame([68, 7, 999, {}])
  expect(script.messages).toMatchObject([
    { type: 'invocation', id: '5', procedure: 'time', args: [1] },
    { type: 'invocation', id: '6' },
  ])
  script.takeSent()
  script.do({ type: 'yield', id: '5', args: [1], progress: true })
  script.do({ type: 'yield', id: '5', args: [2] })
  script.do({ type: 'fail', id: '6', error: 'app.no', args: ['why'] })
  expect(script.takeSent()).toEqual([
    [70, 5, { progress: true }, [1]],
    [70, 5, {}, [2]],
    [8, 68, 6, {}, 'app.no', ['why']],
  ])
  expect(() => script.do({ type: 'yield', id: '5' })).toThrow(/no invocation/)
})

test('whatever comes, nothing is thrown and nothing is settled twice', () => {
  const field = fc.oneof(
    fc.integer({ min: 0, max: 6 }),
    fc.jsonValue(),
    fc.constant({}),
    fc.constantFrom('wamp.error.x', 'a'),
  )
  const message = fc.tuple(
    fc.oneof(fc.constantFrom(2, 3, 4, 6, 8, 17, 33, 35, 36, 50, 65, 67, 68, 69), fc.integer()),
    fc.array(field, { maxLength: 7 }),
  )
  const frame = fc.oneof(
    message.map(([code, fields]) => JSON.stringify([code, ...fields])),
    fc.json(),
    fc.string(),
    fc.uint8Array(),
  )
  fc.assert(
    fc.property(fc.array(frame), fc.boolean(), (frames, exact) => {
      const script = joined(exact ? { read: readLossless } : {})
      script.do({ type: 'subscribe', topic: 'a' })
      script.do({ type: 'register', procedure: 'b' })
      script.do({ type: 'call', procedure: 'c' })
      for (const each of frames) script.frame(each)
      script.closed()
      script.connect().open({ protocol: 'wamp.2.json' }).frame(WELCOME)
    }),
    { numRuns: 1_000 },
  )
})

describe('on a real socket, against the test router', () => {
  let server: SimulatorServer
  afterEach(() => server.close())
  const procedures = {
    echo: ([value]: readonly unknown[]) => value,
    boom: () => new WampRefusal('app.no', ['why']),
  }

  test('events, calls, registrations and a ticket, over cuts', async () => {
    const router = new WampServer({ procedures, ticket: 't' })
    server = await serveSimulator(router)
    const login = { authid: 'ann', methods: ['ticket'], answer: async () => 't' }
    await using live = new LiveCodec(wamp({ realm: 'realm1', login }), server.url)
    await using callee = new LiveCodec(wamp({ realm: 'realm1', login }), server.url)
    await callee.value({ type: 'register', procedure: 'double' })
    live.do({ type: 'subscribe', topic: 'news.', options: { match: 'prefix' } })
    for (let cut = 1; cut <= 4; cut++) {
      await live.until(() => live.readyTimes === cut)
      expect(await live.value({ type: 'call', procedure: 'echo', args: [cut] })).toMatchObject({
        args: [cut],
      })
      expect(await live.outcome({ type: 'call', procedure: 'boom' })).toMatchObject({
        error: { answer: { code: 'app.no' } },
      })
      const doubled = live.value({ type: 'call', procedure: 'double', args: [cut] })
      await callee.until(() => callee.messages.length === cut)
      const asked = callee.messages.at(-1)
      if (asked?.type !== 'invocation') throw new Error('not asked')
      callee.do({ type: 'yield', id: asked.id, args: [Number(asked.args[0]) * 2] })
      expect(await doubled).toMatchObject({ args: [cut * 2] })
      await callee.value({ type: 'publish', topic: 'news.a', args: [cut], options: { acknowledge: true } })
      await live.until(() => live.messages.length === cut)
      live.cut()
      await live.until(() => !live.ready)
    }
    expect(live.messages).toMatchObject(
      [1, 2, 3, 4].map((n) => ({ type: 'event', topic: 'news.a', args: [n] })),
    )
    expect(live.errors).toEqual([])
  })

  test('through a plan of faults the subscription stands again', async () => {
    const router = new WampServer({ procedures })
    const faults = [
      { fault: 'reset', everyMs: 250, times: 8 },
      { fault: 'duplicate', chance: 0.1 },
      { fault: 'truncate', chance: 0.1, untilMs: 1_500 },
      { fault: 'venue', name: 'reconnect-notice', atMs: 600 },
      { fault: 'venue', name: 'message-unknown', everyMs: 100, times: 5 },
    ] as const
    server = await serveSimulator(withFaults(router, { seed: 4, faults: [...faults] }, new SeededRandom(4)))
    await using live = new LiveCodec(wamp({ realm: 'realm1', timeoutMs: 1_000 }), server.url)
    live.do({ type: 'subscribe', topic: 'news' })
    await live.until(() => live.readyTimes > 2)
    await live.until(() => router.clients.some(({ subscriptions }) => subscriptions.size > 0))
    const before = live.messages.length
    while (live.messages.length === before) {
      router.publish('news')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })
})
