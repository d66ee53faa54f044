import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MqttMessage, mqtt } from '../../src/protocols/mqtt/index.js'
import { openSocket } from '../../src/socket/entry.js'
import { type Broker, natsServer } from './brokers.js'

const text = ({ payload }: MqttMessage) => new TextDecoder().decode(payload)
const reconnect = { baseMs: 20, capMs: 200 }
/** A server that has just been killed answers late. */
const requestTimeoutMs = 60_000

let broker: Broker
beforeAll(async () => {
  broker = await natsServer()
})
afterAll(() => broker[Symbol.asyncDispose]())

describe.each(['TCP', 'WebSocket'] as const)("nats-server's MQTT over %s", (transport) => {
  const url = () =>
    transport === 'TCP' ? `mqtt://127.0.0.1:${broker.tcp}` : `ws://127.0.0.1:${broker.ws}/mqtt`

  /** A socket, and what comes to it. */
  const client = (options: Parameters<typeof mqtt>[0] = {}) => {
    const socket = openSocket(url(), {
      protocol: mqtt({ version: 4, ...options }),
      reconnect,
      requestTimeoutMs,
      whileDisconnected: { hold: true, expireMs: 120_000 },
    })
    const messages: MqttMessage[] = []
    const errors: (Error & { readonly code?: string })[] = []
    socket.on('message', ({ data }) => messages.push(data))
    socket.on('error', (error) => errors.push(error))
    const until = (holds: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = setInterval(() => {
          if (!holds()) return
          clearInterval(look)
          resolve()
        }, 10)
      })
    return { socket, messages, errors, until }
  }

  test('QoS 0 and 1 both ways, retained messages, the will; QoS 2 is granted as 1', async () => {
    const { socket, messages, errors, until } = client()
    const will = { topic: `${transport}/gone`, payload: 'bye', qos: 1 } as const
    const mortal = client({ will })
    await mortal.socket.request({ type: 'subscribe', filter: `${transport}/none` })
    await socket.request({
      type: 'publish',
      topic: `${transport}/kept`,
      payload: 'kept',
      qos: 1,
      retain: true,
    })
    expect(await socket.request({ type: 'subscribe', filter: `${transport}/#`, qos: 1 })).toBe(1)
    await until(() => messages.length === 1)
    expect(messages.map((each) => [each.topic, text(each), each.retain])).toEqual([
      [`${transport}/kept`, 'kept', true],
    ])
    socket.send({ type: 'publish', topic: `${transport}/a`, payload: 'é0' })
    await socket.request({ type: 'publish', topic: `${transport}/a`, payload: 'é1', qos: 1 })
    await until(() => messages.length === 3)
    expect(
      messages
        .slice(1)
        .map((each) => [text(each), each.qos])
        .sort(),
    ).toEqual([
      ['é0', 0],
      ['é1', 1],
    ])
    expect(await socket.request({ type: 'subscribe', filter: `${transport}-2`, qos: 2 })).toBe(1)
    const large = new Uint8Array(300_000).fill(7)
    await socket.request({ type: 'publish', topic: `${transport}/large`, payload: large, qos: 1 })
    await until(() => messages.length === 4)
    expect(messages[3]?.payload).toEqual(large)
    // No goodbye: the connection is given up, and the will is published.
    mortal.socket.reconnect('gone')
    await until(() => messages.some((each) => each.topic === `${transport}/gone`))
    expect(errors).toEqual([])
    await mortal.socket.close()
    await socket.close()
  })

  test('what was published with QoS 1 comes, through kills of the server; so does what was retained', async () => {
    const session = { clean: false } as const
    const reader = client({ ...session, clientId: `reader-${transport}` })
    const writer = client({ ...session, clientId: `writer-${transport}` })
    const topic = `killed/${transport}`
    await reader.socket.request({ type: 'subscribe', filter: `${topic}/#`, qos: 1 })
    await writer.socket.request({
      type: 'publish',
      topic: `retained/${transport}`,
      payload: 'kept',
      qos: 1,
      retain: true,
    })
    for (let round = 0; round < 3; round++) {
      const published = Array.from({ length: 20 }, (_, n) =>
        writer.socket.request({
          type: 'publish',
          topic: `${topic}/${round}`,
          payload: `${round}.${n}`,
          qos: 1,
        }),
      )
      await broker.restart()
      await Promise.all(published)
    }
    const wanted = [0, 1, 2].flatMap((round) => Array.from({ length: 20 }, (_, n) => `${round}.${n}`))
    await reader.until(() =>
      wanted.every((each) => reader.messages.some((message) => text(message) === each)),
    )
    const late = client()
    await late.socket.request({ type: 'subscribe', filter: `retained/${transport}`, qos: 1 })
    await late.until(() => late.messages.length === 1)
    expect([text(late.messages[0] as MqttMessage), late.messages[0]?.retain]).toEqual(['kept', true])
    for (const each of [reader, writer, late]) await each.socket.close()
  })

  test('it speaks no version 5 and no QoS 2, and is not asked for ever', async () => {
    const modern = client({ version: 5 })
    await modern.socket.closed.catch(() => {})
    expect(modern.errors[0]).toMatchObject({
      code: 'connection_refused',
      message: expect.stringContaining('the version is not supported; 3.1.1 is `version: 4`'),
    })
    const { socket } = client()
    await expect(socket.request({ type: 'publish', topic: 'x', payload: 'x', qos: 2 })).rejects.toMatchObject(
      { code: 'connection_lost' },
    )
    await socket.close()
  })
})
