import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { MqttServer } from '../../../simulators/protocols/mqtt.js'
import { type MqttOptions, type MqttQos, mqtt } from '../../../src/protocols/mqtt/index.js'
import { PacketStream } from '../../../src/protocols/mqtt/packet-stream.js'
import { type MqttPacket, writePacket } from '../../../src/protocols/mqtt/packets.js'
import {
  SeededRandom,
  type SimulatorServer,
  serveSimulator,
  withFaults,
} from '../../../src/simulator/index.js'
import { LiveCodec } from './live-codec.js'
import { errorOf, ScriptedCodec } from './scripted-codec.js'

const none = { properties: {} }
const make = (options: MqttOptions = {}, url = 'wss://host/mqtt') =>
  new ScriptedCodec(mqtt(options)).connect(url)
type Script = ReturnType<typeof make>
const say = (script: Script, packet: MqttPacket, version: 4 | 5 = 5) =>
  script.frame(writePacket(packet, version))
const connack = (sessionPresent = false, code = 0): MqttPacket => ({
  type: 'connack',
  sessionPresent,
  code,
  ...none,
})
const ready = (options: MqttOptions = {}) => {
  const script = make(options).open()
  say(script, connack(), options.version)
  script.sent = []
  return script
}
const sent = (script: Script, version: 4 | 5 = 5) => {
  const stream = new PacketStream(1e6)
  const packets: MqttPacket[] = []
  for (const frame of script.sent.splice(0)) stream.add(frame as Uint8Array)
  for (let packet = stream.take(version); packet !== null; packet = stream.take(version)) packets.push(packet)
  return packets
}
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

test('every packet comes back from its bytes, however they are cut', () => {
  const short = fc.integer({ min: 1, max: 65_535 })
  const bytes = fc.uint8Array({ maxLength: 300 })
  const word = fc
    .string({ unit: 'grapheme', maxLength: 20 })
    .filter((each) => !/[\0+#]/.test(each) && !/\p{Cs}/u.test(each))
  const properties = fc.record(
    {
      messageExpiryInterval: fc.nat(0xffff_ffff),
      contentType: word,
      correlationData: bytes,
      subscriptionIdentifier: fc.integer({ min: 1, max: 268_435_455 }),
      userProperties: fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  )
  const qos = fc.constantFrom<MqttQos>(0, 1, 2)
  const packet: fc.Arbitrary<MqttPacket> = fc.oneof(
    fc
      .record({
        type: fc.constant('publish' as const),
        topic: word,
        payload: bytes,
        qos,
        retain: fc.boolean(),
        dup: fc.boolean(),
        id: short,
        properties,
      })
      .map((each) => ({ ...each, id: each.qos === 0 ? 0 : each.id })),
    fc.record({
      type: fc.constantFrom('puback' as const, 'pubrec' as const, 'pubrel' as const, 'pubcomp' as const),
      id: short,
      code: fc.constantFrom(0, 0x10, 0x87),
      properties,
    }),
    fc.record({
      type: fc.constantFrom('suback' as const, 'unsuback' as const),
      id: short,
      codes: fc.array(fc.nat(255), { minLength: 1 }),
      properties,
    }),
    fc.record({
      type: fc.constant('unsubscribe' as const),
      id: short,
      filters: fc.array(word, { minLength: 1 }),
      properties,
    }),
    fc.record({
      type: fc.constant('connack' as const),
      sessionPresent: fc.boolean(),
      code: fc.nat(255),
      properties,
    }),
    fc.record({
      type: fc.constantFrom('disconnect' as const, 'auth' as const),
      code: fc.nat(255),
      properties,
    }),
    fc.constantFrom<MqttPacket>({ type: 'pingreq' }, { type: 'pingresp' }),
  )
  fc.assert(
    fc.property(fc.array(packet), fc.array(fc.integer({ min: 1, max: 50 })), (packets, cuts) => {
      const whole = Buffer.concat(packets.map((each) => writePacket(each, 5)))
      const stream = new PacketStream(1e6)
      const read: MqttPacket[] = []
      const take = () => {
        for (let each = stream.take(5); each !== null; each = stream.take(5)) read.push(each)
      }
      let at = 0
      for (const cut of cuts) {
        stream.add(whole.subarray(at, at + cut))
        take()
        at += cut
      }
      stream.add(whole.subarray(at))
      take()
      expect(
        read.map((each) => ('payload' in each ? { ...each, payload: [...each.payload] } : each)),
      ).toEqual(packets.map((each) => ('payload' in each ? { ...each, payload: [...each.payload] } : each)))
    }),
  )
})

describe('the connect', () => {
  test.each([
    ['wss://host/mqtt', { transport: 'websocket', url: 'wss://host/mqtt', protocols: ['mqtt'] }],
    ['mqtt://host', { transport: 'tcp', host: 'host', port: 1883, tls: false }],
    ['mqtts://[::1]', { transport: 'tcp', host: '::1', port: 8883, tls: true }],
    ['mqtt://host:99', { transport: 'tcp', host: 'host', port: 99, tls: false }],
  ])('to %s dials %o', (url, target) => {
    expect(make({}, url).dialled).toMatchObject([target])
  })

  test('says who the client is, and its will', () => {
    const script = make({
      clientId: 'me',
      keepAliveSeconds: 30,
      clean: false,
      login: () => ({ username: 'ann' }),
      will: { topic: 'gone', payload: 'bye', qos: 1, retain: true },
    })
    script.codec.answered('login', { ok: true, value: { username: 'ann', password: 'p' } }, script.now)
    script.open()
    expect(sent(script)).toMatchObject([
      {
        type: 'connect',
        version: 5,
        clientId: 'me',
        clean: false,
        keepAlive: 30,
        username: 'ann',
        will: { topic: 'gone', qos: 1, retain: true },
        properties: { sessionExpiryInterval: 0xffff_ffff },
      },
    ])
  })

  test.each([
    ['topic', { topic: 'a/#', payload: '' }],
    ['topic', { topic: '', payload: '' }],
    ['payload', { topic: 'a', payload: 1 }],
    ['qos', { topic: 'a', payload: '', qos: 3 }],
    ['retain', { topic: 'a', payload: '', retain: 'yes' }],
    ['properties', { topic: 'a', payload: '', properties: { nonsense: 1 } }],
    ['properties', { topic: 'a', payload: '', properties: { willDelayInterval: 'soon' } }],
  ])('is refused before it is made for a will with a wrong %s', (field, will) => {
    expect(() => mqtt({ will: will as never })).toThrow(
      expect.objectContaining({
        code: 'bad_option',
        message: expect.stringContaining(`mqtt: option will.${field}`),
      }),
    )
  })

  test.each([
    [5, 0x84, 'never'],
    [5, 0x01, 'never'],
    [5, 0x86, 'never'],
    [5, 0x89, 'backoff'],
    [4, 1, 'never'],
    [4, 3, 'backoff'],
    [4, 5, 'never'],
  ] as const)('of version %i that is refused with %i: %s', (version, code, retry) => {
    const script = make({ version }).open()
    say(script, connack(false, code), version)
    expect(script.closes).toMatchObject([{ retry, error: { code: 'connection_refused' } }])
  })
})

describe('a publish', () => {
  test('of QoS 0 is forgotten, of 1 and 2 settles with the server’s word', () => {
    const script = ready()
    expect(script.do({ type: 'publish', topic: 'a', payload: 'x' })).toBe(null)
    const once = script.do({ type: 'publish', topic: 'a', payload: 'x', qos: 1 })
    const exactly = script.do({ type: 'publish', topic: 'a', payload: 'x', qos: 2 })
    const refused = script.do({ type: 'publish', topic: 'a', payload: 'x', qos: 1 })
    script.sent = []
    say(script, { type: 'puback', id: 1, code: 0x10, ...none })
    say(script, { type: 'pubrec', id: 2, code: 0, ...none })
    expect(sent(script)).toEqual([{ type: 'pubrel', id: 2, code: 0, ...none }])
    say(script, { type: 'pubcomp', id: 2, code: 0, ...none })
    say(script, { type: 'puback', id: 3, code: 0x87, ...none })
    expect(script.outcomes.get(once ?? '')).toEqual({ ok: true, value: 0x10 })
    expect(script.outcomes.get(exactly ?? '')).toEqual({ ok: true, value: 0 })
    expect(errorOf(script.outcomes.get(refused ?? ''))).toMatchObject({
      code: 'request_refused',
      answer: { code: 0x87 },
    })
  })

  test('under way goes on where the server kept the session', () => {
    const script = ready({ clean: false })
    for (const qos of [1, 2, 2] as const) script.do({ type: 'publish', topic: `t${qos}`, payload: 'x', qos })
    say(script, { type: 'pubrec', id: 3, code: 0, ...none })
    script.closed()
    script.connect().open().sent = []
    say(script, connack(true))
    expect(sent(script)).toMatchObject([
      { type: 'publish', id: 1, dup: true },
      { type: 'publish', id: 2, dup: true },
      { type: 'pubrel', id: 3 },
    ])
    expect(script.outcomes.size).toBe(0)
  })

  test('under way is sent anew, or said to be uncertain, where it did not', () => {
    const script = ready()
    const ids = ([1, 2, 2] as const).map((qos) =>
      script.do({ type: 'publish', topic: 't', payload: 'x', qos }),
    )
    say(script, { type: 'pubrec', id: 3, code: 0, ...none })
    script.closed()
    script.connect().open().sent = []
    say(script, connack())
    expect(sent(script)).toMatchObject([{ type: 'publish', id: 1, dup: false }])
    expect(errorOf(script.outcomes.get(ids[1] ?? '')).code).toBe('connection_lost')
    expect(script.outcomes.get(ids[2] ?? '')).toEqual({ ok: true, value: 0 })
  })

  test('waits within bounds of bytes and of what the server receives at once', () => {
    const script = ready({ maxUnackedBytes: 100 })
    script.do({ type: 'publish', topic: 't', payload: 'x'.repeat(90), qos: 1 })
    expect(() => script.do({ type: 'publish', topic: 't', payload: 'x'.repeat(90), qos: 1 })).toThrow(
      /wait for the server/,
    )
    const few = make().open()
    say(few, { type: 'connack', sessionPresent: false, code: 0, properties: { receiveMaximum: 1 } })
    few.do({ type: 'publish', topic: 't', payload: 'x', qos: 1 })
    expect(() => few.do({ type: 'publish', topic: 't', payload: 'x', qos: 1 })).toThrow(/wait for the server/)
  })
})

test('a message comes once, whatever its QoS, and is acknowledged; its bytes are its own', () => {
  const script = ready()
  const publish = {
    type: 'publish',
    topic: 't',
    payload: Buffer.from('hi'),
    retain: false,
    dup: false,
    ...none,
  } as const
  const frame = Buffer.from(writePacket({ ...publish, qos: 0, id: 0 }, 5))
  script.frame(frame)
  frame.fill(0)
  say(script, { ...publish, qos: 1, id: 5 })
  say(script, { ...publish, qos: 2, id: 6 })
  say(script, { ...publish, qos: 2, id: 6, dup: true })
  say(script, { type: 'pubrel', id: 6, code: 0, ...none })
  say(script, { ...publish, qos: 2, id: 6 })
  expect(script.messages.map(({ payload, qos }) => [text(payload), qos])).toEqual([
    ['hi', 0],
    ['hi', 1],
    ['hi', 2],
    ['hi', 2],
  ])
  expect(sent(script).map(({ type }) => type)).toEqual(['puback', 'pubrec', 'pubrec', 'pubcomp', 'pubrec'])
})

describe('a subscription', () => {
  test('settles with the granted QoS, and is made again unless the server kept the session', () => {
    const script = ready({ clean: false })
    const id = script.do({ type: 'subscribe', filter: 'a/+/#', qos: 2 })
    expect(sent(script)).toMatchObject([{ type: 'subscribe', id: 1, filters: [{ filter: 'a/+/#', qos: 2 }] }])
    say(script, { type: 'suback', id: 1, codes: [1], ...none })
    expect(script.outcomes.get(id ?? '')).toEqual({ ok: true, value: 1 })
    script.closed()
    script.connect().open().sent = []
    say(script, connack(true))
    expect(sent(script)).toEqual([])
    script.closed()
    script.connect().open().sent = []
    say(script, connack(false))
    expect(sent(script)).toMatchObject([{ type: 'subscribe' }])
  })

  test('that is refused fails; a wrong filter is not sent', () => {
    const script = ready()
    const id = script.do({ type: 'subscribe', filter: 'secret' })
    say(script, { type: 'suback', id: 1, codes: [0x87], ...none })
    expect(errorOf(script.outcomes.get(id ?? ''))).toMatchObject({ code: 'request_refused' })
    for (const filter of ['', 'a/#/b', 'a+', '#x']) {
      expect(() => script.do({ type: 'subscribe', filter })).toThrow(/a filter is text/)
    }
  })
})

test('pings keep the connection, and one without an answer ends it', () => {
  const script = ready({ keepAliveSeconds: 40, pingTimeoutMs: 5_000 })
  script.pass(30_000)
  expect(sent(script)).toEqual([{ type: 'pingreq' }])
  say(script, { type: 'pingresp' })
  script.pass(30_000).pass(4_999)
  expect(script.closes).toEqual([])
  script.pass(1)
  expect(script.closes).toMatchObject([{ retry: 'backoff', error: { code: 'connection_unanswered' } }])
})

test.each([
  [0x8b, 'backoff', true],
  [0x8e, 'never', false],
  [0x82, 'backoff', false],
])('a DISCONNECT with %i leads to %s', (code, retry, planned) => {
  const script = ready()
  say(script, { type: 'disconnect', code, ...none })
  expect(script.closed()).toMatchObject({ retry, planned })
})

test('a packet that is too large or malformed ends the connection with its reason', () => {
  const large = ready({ maxPacketBytes: 1_000 }).frame(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f))
  expect(sent(large)).toMatchObject([{ type: 'disconnect', code: 0x95 }])
  expect(large.closes).toMatchObject([{ retry: 'backoff' }])
  const broken = ready().frame(Uint8Array.of(0x36, 0x00))
  expect(sent(broken)).toMatchObject([{ type: 'disconnect', code: 0x81 }])
})

test('whatever comes, nothing is thrown and nothing is settled twice', () => {
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc
      .tuple(fc.nat(255), fc.uint8Array({ maxLength: 60 }))
      .map(([first, body]) => Uint8Array.of(first, body.length, ...body)),
    fc
      .tuple(fc.constantFrom(0x40, 0x50, 0x62, 0x70, 0x90, 0xb0), fc.nat(5))
      .map(([first, id]) => Uint8Array.of(first, 3, 0, id, 0)),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(frame), fc.constantFrom<4 | 5>(4, 5), (frames, version) => {
      const script = ready({ version })
      for (const qos of [1, 2] as const) script.do({ type: 'publish', topic: 't', payload: 'x', qos })
      script.do({ type: 'subscribe', filter: 'a' })
      for (const each of frames) script.frame(each)
      script.closed()
      script.connect().open()
      say(script, connack(true), version)
    }),
    { numRuns: 1_000 },
  )
})

describe.each([4, 5] as const)('on a real socket with version %i, against the test broker', (version) => {
  let server: SimulatorServer
  afterEach(() => server.close())

  test('each message of QoS 2 comes exactly once over cuts, and one of QoS 1 at least once', async () => {
    const broker = new MqttServer()
    server = await serveSimulator(broker)
    await using live = new LiveCodec(
      mqtt({ version, clean: false, clientId: 'reader', sessionExpirySeconds: 600 }),
      server.url,
    )
    await using writer = new LiveCodec(
      mqtt({ version, clean: false, clientId: 'writer', sessionExpirySeconds: 600 }),
      server.url,
    )
    await live.value({ type: 'subscribe', filter: 'n/#', qos: 2 })
    const outcomes: Promise<unknown>[] = []
    for (let n = 0; n < 120; n++) {
      await writer.whenReady()
      outcomes.push(
        writer.value({
          type: 'publish',
          topic: `n/${n % 2 === 0 ? 2 : 1}`,
          payload: String(n),
          qos: n % 2 === 0 ? 2 : 1,
        }),
      )
      if (n % 30 === 29) {
        live.cut()
        writer.cut()
        await writer.until(() => !writer.ready)
      }
    }
    await Promise.all(outcomes)
    const came = (qos: number) =>
      live.messages.filter((each) => each.qos === qos).map(({ payload }) => Number(text(payload)))
    await live.until(() => came(2).length >= 60 && new Set(came(1)).size === 60)
    expect(came(2).sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n * 2))
  })

  test('through a plan of faults every publish settles', async () => {
    const broker = new MqttServer()
    const faults = [
      { fault: 'reset', everyMs: 250, times: 6 },
      { fault: 'duplicate', chance: 0.05 },
      { fault: 'slice', bytes: 3, chance: 0.3 },
      { fault: 'venue', name: 'reconnect-notice', atMs: 500 },
      { fault: 'venue', name: 'session-lost', atMs: 900 },
      { fault: 'venue', name: 'message-unknown', atMs: 1_200 },
    ] as const
    server = await serveSimulator(withFaults(broker, { seed: 4, faults: [...faults] }, new SeededRandom(4)))
    await using live = new LiveCodec(mqtt({ version, clean: false, clientId: 'c' }), server.url)
    live.do({ type: 'subscribe', filter: 'n' })
    for (let n = 0; n < 60; n++) {
      await live.outcome({ type: 'publish', topic: 'n', payload: 'x', qos: n % 2 === 0 ? 1 : 2 })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(live.readyTimes).toBeGreaterThan(1)
    expect(live.codec.kept).toHaveLength(1)
  })
})
