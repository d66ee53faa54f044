import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../../src/protocols/codec.js'
import { pusher, type SocketIoMessage, socketIo, wamp } from '../../../src/protocols/index.js'
import { errorOf, ScriptedCodec } from './scripted-codec.js'

const limits = { maxSubscriptions: 3, maxSubscriptionBytes: 2_000 }
const long = 'x'.repeat(150)

type AnyProtocol = Protocol<object, unknown, unknown>

/** Protocols with small limits, and subscriptions of them: short ones, and such as hold much text. */
const KEPT: readonly (readonly [
  name: string,
  make: (limits: object) => AnyProtocol,
  short: (n: number) => object,
  much: (n: number) => object,
])[] = [
  [
    'pusher',
    (given) => pusher(given) as unknown as AnyProtocol,
    (n) => ({ type: 'subscribe', channel: `c${n}` }),
    (n) => ({ type: 'subscribe', channel: `${long}${n}` }),
  ],
  [
    'wamp',
    (given) => wamp({ realm: 'r', ...given }) as unknown as AnyProtocol,
    (n) => ({ type: 'subscribe', topic: `t${n}` }),
    (n) => ({ type: 'register', procedure: `p${n}`, options: { long } }),
  ],
  [
    'socket.io',
    (given) => socketIo(given) as unknown as AnyProtocol,
    (n) => ({ type: 'subscribe', key: `k${n}`, event: 'e' }),
    (n) => ({ type: 'subscribe', key: `k${n}`, event: 'e', args: [new Uint8Array(150), long] }),
  ],
]

describe.each(KEPT)('%s keeps for the next connection', (_name, make, short, much) => {
  const refused = expect.objectContaining({ code: 'too_many_subscriptions' })

  test('as many subscriptions as maxSubscriptions, and more when some have ended', () => {
    const { codec } = new ScriptedCodec(make(limits))
    for (let n = 0; n < 3; n++) codec.command(short(n), 0)
    expect(() => codec.command(short(3), 0)).toThrow(refused)
    expect(codec.kept).toEqual([short(0), short(1), short(2)])
    codec.command({ ...short(1), type: 'unsubscribe' }, 0)
    codec.command(short(3), 0)
    expect(codec.kept).toEqual([short(0), short(2), short(3)])
  })

  test('no more text than maxSubscriptionBytes, and gives the room back', () => {
    const { codec } = new ScriptedCodec(make({ ...limits, maxSubscriptions: 1_000 }))
    const fill = () => {
      for (let n = 0; n < 1_000; n++) codec.command(much(n), 0)
    }
    expect(fill).toThrow(refused)
    const { length } = codec.kept
    expect(length).toBeGreaterThan(0)
    expect(length).toBeLessThan(20)
    const [first] = codec.kept
    const end = (first as { readonly type: string }).type === 'register' ? 'unregister' : 'unsubscribe'
    codec.command({ ...first, type: end }, 0)
    codec.command(much(1_000), 0)
    expect(codec.kept).toHaveLength(length)
  })
})

const greeted = {
  wamp: () =>
    new ScriptedCodec(wamp({ realm: 'r', maxRequests: 2 }))
      .connect()
      .open({ protocol: 'wamp.2.json' })
      .frame([2, 1, { roles: {} }]),
  socketIo: (options = {}) =>
    new ScriptedCodec(socketIo({ maxRequests: 2, ...options }))
      .connect('https://host')
      .open()
      .frame('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}')
      .frame('40{"sid":"b"}'),
}
const tooMany = expect.objectContaining({ code: 'too_many_requests' })

test('wamp: as many calls wait as maxRequests, and one more when one has its answer', () => {
  const script = greeted.wamp()
  const call = () => script.do({ type: 'call', procedure: 'p' })
  call()
  const second = call()
  expect(call).toThrow(tooMany)
  expect(() => script.do({ type: 'publish', topic: 't', options: { acknowledge: true } })).toThrow(tooMany)
  const { sent } = script
  const [, request] = JSON.parse(`${sent.at(-1)}`)
  script.frame([50, request, {}])
  expect(script.outcomes.get(second ?? '')?.ok).toBe(true)
  call()
})

test('wamp: invocations beyond ten thousand are refused to the router, and forgotten with the connection', () => {
  const script = greeted.wamp()
  script.do({ type: 'register', procedure: 'p' })
  script.frame([65, JSON.parse(`${script.sent.at(-1)}`)[1], 7])
  for (let id = 1; id <= 10_001; id++) script.frame([68, id, 7, {}])
  expect(script.messages.filter((message) => message.type === 'invocation')).toHaveLength(10_000)
  expect(JSON.parse(`${script.sent.at(-1)}`)).toEqual([8, 68, 10_001, {}, 'wamp.error.unavailable'])
  script.closed()
  expect(() => script.do({ type: 'yield', id: '1' })).toThrow(/no connection/)
})

test('socket.io: as many acknowledgements are waited for as maxRequests', () => {
  const script = greeted.socketIo()
  const request = () => script.do({ type: 'request', event: 'e' })
  request()
  const second = request()
  expect(request).toThrow(tooMany)
  script.frame('432[]')
  expect(script.outcomes.get(second ?? '')?.ok).toBe(true)
  request()
  script.closed()
  expect(errorOf(script.outcomes.get('/ 1')).code).toBe('connection_lost')
})

test('socket.io: of events that want an acknowledgement ten thousand wait, and more come without an id', () => {
  const script = greeted.socketIo()
  for (let id = 0; id <= 10_000; id++) script.frame(`42${id}["e"]`)
  const acks = script.messages.map((message: SocketIoMessage) => message.type === 'event' && message.ack)
  expect(acks.at(-2)).toBe('/ 9999')
  expect(acks.at(-1)).toBe(null)
})

test('socket.io: a packet has a thousand attachments and 64 MiB of them at most, and the next one is read', () => {
  const script = greeted.socketIo()
  script.frame('451001-["e"]')
  expect(script.errors.splice(0)).toMatchObject([{ message: expect.stringContaining('1000 attachments') }])
  script.frame('455-["e",{"_placeholder":true,"num":0}]')
  const quarter = new Uint8Array(16 * 1024 * 1024)
  for (let n = 0; n < 4; n++) script.frame(quarter)
  expect(script.errors).toEqual([])
  script.frame(new Uint8Array(1))
  expect(script.errors).toMatchObject([{ message: expect.stringContaining(`${64 * 1024 * 1024} bytes`) }])
  script.frame('42["after"]')
  expect(script.messages.at(-1)).toMatchObject({ event: 'after' })
})

test('socket.io: nothing is kept of namespaces that nobody asked for', () => {
  const script = greeted.socketIo()
  const before = script.messages.length
  for (let n = 0; n < 1_000; n++) {
    script.frame(`40/n${n},{"sid":"s","pid":"p"}`)
    script.frame(`42/n${n},1["e"]`)
    script.frame(`41/n${n}`)
  }
  expect(script.messages).toHaveLength(before)
  expect(() => script.do({ type: 'emit', namespace: '/n1', event: 'e' })).toThrow(/no connection/)
  expect(() => script.do({ type: 'ack', id: '/n1 1', args: [] })).toThrow(/no event of the server waits/)
})
