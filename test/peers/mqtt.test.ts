import { once } from 'node:events'
import * as fc from 'fast-check'
import mqttClient from 'mqtt'
import mqttPacket from 'mqtt-packet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MqttServer } from '../../simulators/protocols/mqtt.js'
import { mqtt } from '../../src/protocols/mqtt/index.js'
import { PacketStream } from '../../src/protocols/mqtt/packet-stream.js'
import { writePacket } from '../../src/protocols/mqtt/packets.js'
import { serveSimulator } from '../../src/simulator/index.js'
import { LiveCodec } from '../src/protocols/live-codec.js'
import { type Broker, mosquitto } from './brokers.js'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('mosquitto', () => {
  let broker: Broker
  beforeAll(async () => {
    broker = await mosquitto()
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  describe.each([
    ['TCP', 5],
    ['TCP', 4],
    ['WebSocket', 5],
    ['WebSocket', 4],
  ] as const)('over %s with version %i', (transport, version) => {
    const url = () => (transport === 'TCP' ? `mqtt://127.0.0.1:${broker.tcp}` : `ws://127.0.0.1:${broker.ws}`)
    const id = `${transport}${version}`

    test('every QoS both ways, retained messages, refusals and the will', async () => {
      const will = { topic: `gone/${id}`, payload: 'bye', qos: 1 } as const
      await using live = new LiveCodec(mqtt({ version }), url())
      const mortal = new LiveCodec(mqtt({ version, will, keepAliveSeconds: 5 }), url())
      await live.whenReady()
      await mortal.whenReady()
      await live.value({ type: 'publish', topic: `kept/${id}`, payload: 'kept', qos: 1, retain: true })
      for (const filter of [`q/${id}/+`, `kept/${id}`, `gone/${id}`]) {
        expect(await live.value({ type: 'subscribe', filter, qos: 2 })).toBe(2)
      }
      for (const qos of [0, 1, 2] as const) {
        const command = { type: 'publish', topic: `q/${id}/${qos}`, payload: `é${qos}`, qos } as const
        if (qos === 0) live.do(command)
        else await live.value(command)
      }
      await live.until(() => live.messages.length === 4)
      expect(
        live.messages.map(({ topic, payload, qos, retain }) => [topic, text(payload), qos, retain]),
      ).toEqual([
        [`kept/${id}`, 'kept', 1, true],
        [`q/${id}/0`, 'é0', 0, false],
        [`q/${id}/1`, 'é1', 1, false],
        [`q/${id}/2`, 'é2', 2, false],
      ])
      mortal.vanish()
      await live.until(() => live.messages.length === 5)
      expect(text(live.messages[4]?.payload ?? new Uint8Array())).toBe('bye')
      await live.value({ type: 'unsubscribe', filter: `q/${id}/+` })
      const large = new Uint8Array(300_000).fill(7)
      await live.value({ type: 'subscribe', filter: `large/${id}` })
      live.do({ type: 'publish', topic: `large/${id}`, payload: large })
      await live.until(() => live.messages.length === 6)
      expect(live.messages[5]?.payload.length).toBe(300_000)
      expect(live.errors).toEqual([])
      await mortal.close()
    })

    test('a session outlives cuts: QoS 2 exactly once', async () => {
      const options = { version, clean: false, sessionExpirySeconds: 60 } as const
      await using reader = new LiveCodec(mqtt({ ...options, clientId: `r${id}` }), url())
      await using writer = new LiveCodec(mqtt({ ...options, clientId: `w${id}` }), url())
      await reader.value({ type: 'subscribe', filter: `n/${id}`, qos: 2 })
      const outcomes: Promise<unknown>[] = []
      for (let n = 0; n < 80; n++) {
        await writer.whenReady()
        outcomes.push(writer.value({ type: 'publish', topic: `n/${id}`, payload: String(n), qos: 2 }))
        if (n % 20 !== 19) continue
        reader.cut()
        writer.cut()
        // mosquitto takes twenty at once.
        await Promise.all(outcomes)
      }
      await Promise.all(outcomes)
      await reader.until(() => reader.messages.length >= 80)
      expect(reader.messages.map(({ payload }) => Number(text(payload))).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 80 }, (_, n) => n),
      )
    })
  })
})

test.each([4, 5] as const)(
  'the client of mqtt is served by our test broker with version %i',
  async (version) => {
    const broker = new MqttServer({ authorize: (name, password) => name === 'ann' && password === 'p' })
    await using server = await serveSimulator(broker)
    const client = await mqttClient.connectAsync(server.url, {
      protocolVersion: version,
      username: 'ann',
      password: 'p',
      clientId: 'peer',
      clean: false,
      reconnectPeriod: 20,
      keepalive: 1,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}),
    })
    const came: string[] = []
    client.on('message', (topic, payload, { qos }) => came.push(`${topic} ${payload} ${qos}`))
    broker.publish('kept', 'k', { retain: true })
    await client.subscribeAsync({ 'a/#': { qos: 2 }, kept: { qos: 0 } })
    for (const qos of [0, 1, 2] as const) await client.publishAsync(`a/${qos}`, 'x', { qos })
    const until = async (count: number) => {
      while (came.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await until(4)
    expect(came.sort()).toEqual(['a/0 x 0', 'a/1 x 1', 'a/2 x 2', 'kept k 0'])
    const again = once(client as never, 'connect')
    for (const each of broker.clients) each.disconnect(0x8b)
    broker.publish('a/missed', 'm', { qos: 2 })
    await again
    await until(5)
    expect(came.at(-1)).toBe('a/missed m 2')
    await client.endAsync()
    await expect(mqttClient.connectAsync(server.url, { protocolVersion: version }, false)).rejects.toThrow()
  },
)

test('mqtt-packet reads what we write, and we what it writes', () => {
  const word = fc
    .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
    .filter((each) => !/[+#\0]/.test(each))
  const publish = fc.record({
    topic: word,
    payload: fc.uint8Array({ maxLength: 300 }),
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
    id: fc.integer({ min: 1, max: 65_535 }),
  })
  fc.assert(
    fc.property(publish, fc.constantFrom<4 | 5>(4, 5), ({ topic, payload, qos, retain, id }, version) => {
      const packet = {
        type: 'publish',
        topic,
        payload,
        qos: qos as 0,
        retain,
        dup: false,
        id: qos === 0 ? 0 : id,
        properties: {},
      } as const
      const parser = mqttPacket.parser({ protocolVersion: version })
      const read: {
        topic?: string
        payload?: Uint8Array
        qos?: number
        retain?: boolean
        messageId?: number
      }[] = []
      parser.on('packet' as never, ((each: (typeof read)[number]) => read.push(each)) as never)
      parser.parse(Buffer.from(writePacket(packet, version)))
      expect(read).toMatchObject([{ topic, qos, retain, ...(qos === 0 ? {} : { messageId: id }) }])
      expect([...(read[0]?.payload ?? [])]).toEqual([...payload])
      const theirs = mqttPacket.generate(
        {
          cmd: 'publish',
          topic,
          payload: Buffer.from(payload),
          qos: qos as 0,
          retain,
          dup: false,
          messageId: id,
        },
        { protocolVersion: version },
      )
      const stream = new PacketStream(1e6)
      stream.add(theirs)
      expect({ ...stream.take(version), payload: null }).toEqual({ ...packet, payload: null })
    }),
  )
})
