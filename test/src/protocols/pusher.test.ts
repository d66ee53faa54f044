import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { PusherServer } from '../../../simulators/protocols/pusher.js'
import { readLossless } from '../../../src/decode/index.js'
import { type PusherOptions, type PusherQuestion, pusher } from '../../../src/protocols/pusher/index.js'
import {
  SeededRandom,
  type SimulatorServer,
  serveSimulator,
  withFaults,
} from '../../../src/simulator/index.js'
import { openSocket } from '../../../src/socket/index.js'
import { LiveCodec } from './live-codec.js'
import { errorOf, ScriptedCodec } from './scripted-codec.js'

const GREETING = {
  event: 'pusher:connection_established',
  data: '{"socket_id":"1.2","activity_timeout":120}',
}
const confirmed = (channel: string, data: unknown = {}) => ({
  event: 'pusher_internal:subscription_succeeded',
  channel,
  data: JSON.stringify(data),
})
const greeted = (options?: PusherOptions) =>
  new ScriptedCodec(pusher(options)).connect().open().frame(GREETING)

test('the URL gets what the protocol needs, and keeps what the user wrote', () => {
  const script = new ScriptedCodec(pusher()).connect('wss://ws-eu.pusher.com/app/KEY?protocol=7&client=mine')
  expect(script.dialled).toMatchObject([
    { url: 'wss://ws-eu.pusher.com/app/KEY?protocol=7&client=mine&version=1.0&flash=false' },
  ])
})

test.each([
  ['as JSON text', JSON.parse, GREETING],
  ['as an object', JSON.parse, { ...GREETING, data: JSON.parse(GREETING.data) }],
  ['with an exact reader', readLossless, GREETING],
])('a greeting %s makes the socket ready, with the channels sent', (_how, read, greeting) => {
  const script = new ScriptedCodec(pusher({ read }))
  const id = script.do({ type: 'subscribe', channel: 'live_trades' })
  script.connect().open()
  expect(script.sent).toEqual([])
  script.frame(greeting)
  expect(script.takeSent()).toEqual([{ event: 'pusher:subscribe', data: { channel: 'live_trades' } }])
  expect(script.readyTimes).toBe(1)
  script.frame(confirmed('live_trades'))
  expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: {} })
  const trade = { event: 'trade', channel: 'live_trades', data: '{"price":"1.10"}' }
  const note = { event: 'note', channel: 'live_trades', data: 'plain', extra: true }
  script.frame(trade).frame(note)
  const event = { type: 'event', channel: 'live_trades', userId: null }
  expect(script.messages).toEqual([
    { type: 'subscribed', channel: 'live_trades', data: {} },
    { ...event, event: 'trade', data: { price: '1.10' }, message: trade },
    { ...event, event: 'note', data: 'plain', message: note },
  ])
  // The server's wish, in place of the longer one of its own.
  script.pass(119_999)
  expect(script.takeSent()).toEqual([])
  script.pass(1)
  expect(script.takeSent()).toEqual([{ event: 'pusher:ping', data: {} }])
})

describe('a server that speaks so under other names', () => {
  const dialect = { prefix: 'bts:', handshake: false, ping: 'heartbeat', pong: 'heartbeat' } as const
  const opened = (options: PusherOptions = {}) =>
    new ScriptedCodec(pusher({ dialect: { ...dialect, reconnect: 'request_reconnect' }, ...options }))
      .connect('wss://ws.bitstamp.net')
      .open()

  test('needs no greeting, and no word in the URL', () => {
    const script = opened()
    expect(script.dialled).toMatchObject([{ url: 'wss://ws.bitstamp.net/' }])
    expect(script.readyTimes).toBe(1)
  })

  test('is asked, confirms and ends under its own names, on each connection', () => {
    const script = opened()
    const id = script.do({ type: 'subscribe', channel: 'live_trades_btcusd' })
    const subscribe = { event: 'bts:subscribe', data: { channel: 'live_trades_btcusd' } }
    expect(script.takeSent()).toEqual([subscribe])
    script.frame({ event: 'bts:subscription_succeeded', channel: 'live_trades_btcusd', data: {} })
    expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: {} })
    script.closed()
    script.connect().open()
    expect(script.takeSent()).toEqual([subscribe])
    script.do({ type: 'unsubscribe', channel: 'live_trades_btcusd' })
    script.do({ type: 'subscribe', channel: 'live_trades_btcusd' })
    expect(script.takeSent()).toMatchObject([{ event: 'bts:unsubscribe' }, subscribe])
    const messages = script.messages.length
    script.frame({ event: 'bts:unsubscription_succeeded', channel: 'live_trades_btcusd', data: {} })
    expect(script.messages).toHaveLength(messages)
  })

  test('names no channel in an error', () => {
    const data = { code: null, message: 'Bad subscription string.' }
    const script = opened().frame({ event: 'bts:error', channel: '', data })
    expect(script.errors).toMatchObject([
      { code: 'request_refused', answer: { code: null, message: 'Bad subscription string.' } },
    ])
  })

  test('is asked whether it lives, and its answer is none to answer', () => {
    const script = opened({ activityTimeoutMs: 8_000 }).pass(8_000)
    expect(script.takeSent()).toEqual([{ event: 'bts:heartbeat', data: {} }])
    script.frame({ event: 'bts:heartbeat', channel: '', data: { status: 'success' } })
    expect(script.takeSent()).toEqual([])
    expect(script.messages).toEqual([])
    script.pass(8_000).pass(30_000)
    expect(script.closes).toMatchObject([{ error: { code: 'connection_unanswered' } }])
  })

  test('is left at once, without a failure, where it asks for that', () => {
    const script = opened().frame({ event: 'bts:request_reconnect', channel: '', data: '' })
    expect(script.closes).toEqual([{ code: 1000, reason: '', retry: 'now', planned: true }])
  })

  test.each([
    [{ prefix: '' }, 'option prefix must be text that is not empty'],
    [{ greets: true }, 'there is no option greets'],
  ])('a dialect that is none is refused: %o', (wrong, message) => {
    expect(() => pusher({ dialect: wrong as never })).toThrow(`pusher: dialect: ${message}`)
  })
})

describe('liveness', () => {
  test('a silent server is pinged, and given up where nothing comes', () => {
    const script = greeted({ activityTimeoutMs: 10_000, pongTimeoutMs: 3_000 })
    script.pass(9_000).frame({ event: 'x', data: {} }).pass(9_999)
    expect(script.takeSent()).toEqual([])
    script.pass(1)
    expect(script.takeSent()).toEqual([{ event: 'pusher:ping', data: {} }])
    script.frame({ event: 'pusher:pong', data: '{}' }).pass(9_999)
    expect(script.takeSent()).toEqual([])
    script.pass(1).pass(3_000)
    expect(script.closes).toMatchObject([
      { code: 4201, retry: 'backoff', error: { code: 'connection_unanswered' } },
    ])
  })

  test('its pings are answered', () => {
    expect(greeted().frame({ event: 'pusher:ping', data: '{}' }).takeSent()).toEqual([
      { event: 'pusher:pong', data: {} },
    ])
  })
})

test.each([
  [1000, null],
  [1006, null],
  [4000, { retry: 'never' }],
  [4001, { retry: 'never' }],
  [4099, { retry: 'never' }],
  [4100, { retry: 'backoff', afterMs: 1000 }],
  [4200, { retry: 'now' }],
  [4299, { retry: 'now' }],
  [4301, { retry: 'backoff' }],
] as const)('close code %i says %o', (code, next) => {
  const said = greeted().closed(code, 'why')
  if (next === null) expect(said).toBe(null)
  else expect(said).toMatchObject({ ...next, error: { code: 'connection_refused' } })
})

test('an error before the greeting decides where the close code says nothing', () => {
  const script = new ScriptedCodec(pusher()).connect().open()
  script.frame({ event: 'pusher:error', data: { code: 4001, message: 'no app' } })
  expect(script.closed(1006)).toMatchObject({ retry: 'never' })
})

describe('a signed channel', () => {
  const authorize = ({ channel, socketId }: PusherQuestion) => ({ auth: `key:${socketId}:${channel}` })

  test('is signed for each connection anew', async () => {
    const script = greeted({ authorize })
    script.do({ type: 'subscribe', channel: 'private-a' })
    expect(script.sent).toEqual([])
    const [question] = script.questions
    expect(question?.run(new AbortController().signal)).toEqual({ auth: 'key:1.2:private-a' })
    script.codec.answered(question?.id ?? '', { ok: true, value: { auth: 'key:sig' } }, script.now)
    expect(script.takeSent()).toEqual([
      { event: 'pusher:subscribe', data: { channel: 'private-a', auth: 'key:sig' } },
    ])
    script.closed()
    script
      .connect()
      .open()
      .frame({ ...GREETING, data: '{"socket_id":"3.4"}' })
    expect(script.questions[1]?.run(new AbortController().signal)).toEqual({ auth: 'key:3.4:private-a' })
  })

  test('whose authorize fails or never answers is refused with the reason', async () => {
    await using server = await serveSimulator(new PusherServer())
    for (const [reason, failing] of [
      [/private-a failed: no session/, () => Promise.reject(new Error('no session'))],
      [
        /private-a failed: thrown at once/,
        () => {
          throw new Error('thrown at once')
        },
      ],
      [/private-a failed: forbidden/, () => Promise.reject({ status: 403, message: 'forbidden' })],
      [/authorize for private-a was not answered within 50 ms/, () => new Promise<never>(() => {})],
    ] as const) {
      const socket = openSocket(`${server.url}/app/app-key`, {
        protocol: pusher({ authorize: failing, timeoutMs: 50 }),
        requestTimeoutMs: 30_000,
      })
      await expect(socket.request({ type: 'subscribe', channel: 'private-a' })).rejects.toThrow(reason)
      await socket.close()
    }
  })

  test('that is not signed is refused, at first for good, later until the next connection', () => {
    const script = greeted({ authorize })
    const id = script.do({ type: 'subscribe', channel: 'private-a' })
    script.codec.answered('channel private-a', { ok: true, value: 'nonsense' }, script.now)
    expect(errorOf(script.outcomes.get(id ?? '')).message).toMatch(/authorize must return/)
    expect(script.codec.kept).toEqual([])
    expect(() => greeted().do({ type: 'subscribe', channel: 'private-a' })).toThrow(
      /give the option authorize/,
    )
    expect(() => greeted().do({ type: 'subscribe', channel: 'private-encrypted-a' })).toThrow(/not supported/)
  })

  test('takes client events once it stands', () => {
    const script = greeted({ authorize })
    script.do({ type: 'subscribe', channel: 'private-a' })
    const send = { type: 'send', channel: 'private-a', event: 'client-x', data: { a: 1 } } as const
    expect(() => script.do(send)).toThrow(/is not subscribed/)
    script.frame(confirmed('private-a'))
    script.do(send)
    expect(script.takeSent()).toEqual([{ event: 'client-x', channel: 'private-a', data: { a: 1 } }])
    expect(() => script.do({ ...send, event: 'x' })).toThrow(/begins with client-/)
  })
})

test('a presence channel tells its members, and who comes and goes', () => {
  const script = greeted({ authorize: () => ({ auth: 'k:s', channel_data: '{"user_id":"1"}' }) })
  const id = script.do({ type: 'subscribe', channel: 'presence-a' })
  script.frame(confirmed('presence-a', { presence: { ids: ['1'], hash: { 1: {} }, count: 1 } }))
  expect(script.outcomes.get(id ?? '')).toMatchObject({ ok: true, value: { count: 1 } })
  script.frame({
    event: 'pusher_internal:member_added',
    channel: 'presence-a',
    data: '{"user_id":"2","user_info":{"n":1}}',
  })
  script.frame({ event: 'pusher_internal:member_removed', channel: 'presence-a', data: '{"user_id":"2"}' })
  script.frame({
    event: 'pusher_internal:subscription_count',
    channel: 'presence-a',
    data: '{"subscription_count":5}',
  })
  expect(script.messages.slice(1)).toEqual([
    { type: 'member_added', channel: 'presence-a', id: '2', info: { n: 1 } },
    { type: 'member_removed', channel: 'presence-a', id: '2' },
    { type: 'count', channel: 'presence-a', count: 5 },
  ])
})

test('what comes of a channel that was ended is nobody’s', () => {
  const script = greeted()
  script.do({ type: 'subscribe', channel: 'a' })
  script.do({ type: 'unsubscribe', channel: 'a' })
  script.frame(confirmed('a')).frame({ event: 'x', channel: 'a', data: '1' })
  expect(script.messages).toEqual([])
  expect(script.takeSent().at(-1)).toEqual({ event: 'pusher:unsubscribe', data: { channel: 'a' } })
})

test('a channel that is not confirmed in time fails', () => {
  const script = greeted({ timeoutMs: 5_000 })
  const id = script.do({ type: 'subscribe', channel: 'a' })
  script.pass(5_000)
  expect(errorOf(script.outcomes.get(id ?? '')).code).toBe('request_timeout')
})

test('whatever comes, nothing is thrown and nothing is settled twice', () => {
  const event = fc.oneof(
    fc.constantFrom(
      'pusher:connection_established',
      'pusher:error',
      'pusher:ping',
      'pusher:pong',
      'pusher:subscription_error',
      'pusher_internal:subscription_succeeded',
      'pusher_internal:member_added',
      'pusher_internal:member_removed',
      'pusher_internal:subscription_count',
    ),
    fc.string(),
    fc.integer(),
  )
  const message = fc.record(
    {
      event,
      channel: fc.oneof(fc.constantFrom('a', 'b'), fc.jsonValue()),
      data: fc.oneof(fc.json(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  const frame = fc.oneof(
    message.map((value) => JSON.stringify(value)),
    fc.json(),
    fc.string(),
    fc.uint8Array(),
  )
  fc.assert(
    fc.property(fc.array(frame), fc.boolean(), (frames, exact) => {
      const script = greeted(exact ? { read: readLossless } : {})
      script.do({ type: 'subscribe', channel: 'a' })
      for (const each of frames) script.frame(each)
      script.closed()
      script.connect().open().frame(GREETING)
    }),
    { numRuns: 500 },
  )
})

describe('on a real socket, against the test server', () => {
  let server: SimulatorServer
  afterEach(() => server.close())
  const sign = (text: string) => `app-key:${createHmac('sha256', 'secret').update(text).digest('hex')}`
  const verify = (auth: string, text: string) => auth === sign(text)
  const authorize = async ({ channel, socketId }: PusherQuestion) => {
    const data = channel?.startsWith('presence-')
      ? { channel_data: '{"user_id":"7","user_info":{"name":"Ann"}}' }
      : {}
    const tail = 'channel_data' in data ? `:${data.channel_data}` : ''
    return { auth: sign(`${socketId}:${channel}${tail}`), ...data }
  }

  test('public, private and presence channels over cuts, each signed anew', async () => {
    const app = new PusherServer({ verify })
    server = await serveSimulator(app)
    await using live = new LiveCodec(pusher({ authorize }), `${server.url}/app/app-key`)
    const channels = ['trades', 'private-orders', 'presence-room']
    const members = await Promise.all(channels.map((channel) => live.value({ type: 'subscribe', channel })))
    expect(members[2]).toMatchObject({ count: 1, hash: { 7: { name: 'Ann' } } })
    for (let round = 1; round <= 4; round++) {
      await live.until(() => live.messages.filter(({ type }) => type === 'subscribed').length === round * 3)
      for (const channel of channels) app.trigger(channel, 'news', { round })
      await live.until(() => live.messages.filter(({ type }) => type === 'event').length === round * 3)
      live.cut()
      await live.until(() => !live.ready)
    }
    expect(live.errors).toEqual([])
  })

  test('an app that does not exist is not asked for again', async () => {
    server = await serveSimulator(new PusherServer())
    const live = new LiveCodec(pusher(), `${server.url}/app/other`)
    await live.until(() => live.demands.length > 0)
    expect(live.demands).toMatchObject([{ retry: 'never' }])
    await live.close()
  })

  test('through a plan of faults every channel stands again', async () => {
    const app = new PusherServer({ verify, activityTimeout: 1 })
    const faults = [
      { fault: 'reset', everyMs: 250, times: 12 },
      { fault: 'duplicate', chance: 0.2 },
      { fault: 'reorder', chance: 0.1, untilMs: 1500 },
      { fault: 'truncate', chance: 0.1, untilMs: 1500 },
      { fault: 'venue', name: 'reconnect-notice', atMs: 400 },
      { fault: 'venue', name: 'over-capacity', atMs: 900 },
    ] as const
    server = await serveSimulator(withFaults(app, { seed: 3, faults: [...faults] }, new SeededRandom(3)))
    await using live = new LiveCodec(pusher({ authorize, pongTimeoutMs: 500 }), `${server.url}/app/app-key`)
    live.do({ type: 'subscribe', channel: 'trades' })
    live.do({ type: 'subscribe', channel: 'private-orders' })
    await live.until(() => live.readyTimes > 1)
    await live.until(() => app.clients.some(({ channels }) => channels.size === 2))
    app.trigger('trades', 'last', {})
    await live.until(() =>
      live.messages.some((message) => message.type === 'event' && message.event === 'last'),
    )
    expect(live.codec.kept).toHaveLength(2)
  })
})
