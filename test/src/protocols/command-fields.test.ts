import { expect, test } from 'vitest'
import type { Protocol } from '../../../src/protocols/codec.js'
import {
  classicSignalR,
  jsonRpc,
  mqtt,
  pusher,
  signalR,
  socketIo,
  wamp,
} from '../../../src/protocols/index.js'
import { openSocket } from '../../../src/socket/index.js'
import { ScriptedCodec } from './scripted-codec.js'

const mqttSubscribe = { type: 'subscribe', filter: 'a' }
const mqttPublish = { type: 'publish', topic: 'a', payload: 'x' }
const wampSubscribe = { type: 'subscribe', topic: 't' }
const rpcSubscribe = { type: 'subscribe', key: 'k', method: 'm' }
const hubSubscribe = { type: 'subscribe', key: 'k', target: 'T' }
const ioSubscribe = { type: 'subscribe', key: 'k', event: 'e' }

/** Commands of each protocol, each with one wrong field, whose name the message holds. */
const WRONG: readonly (readonly [
  name: string,
  protocol: unknown,
  wrong: readonly (readonly [field: string, command: object])[],
])[] = [
  [
    'mqtt',
    mqtt(),
    [
      ...[3, '1', 1.5, -1, null].map((qos) => ['qos', { ...mqttSubscribe, qos }] as const),
      ...[3, '1', 0.5, null].map(
        (value) => ['retainHandling', { ...mqttSubscribe, retainHandling: value }] as const,
      ),
      ['noLocal', { ...mqttSubscribe, noLocal: 1 }],
      ['retainAsPublished', { ...mqttSubscribe, retainAsPublished: 'yes' }],
      ['filter', { ...mqttSubscribe, filter: 'a'.repeat(65_536) }],
      ['qos', { ...mqttPublish, qos: '1' }],
      ['retain', { ...mqttPublish, retain: 'yes' }],
      ...[5, null, []].map((properties) => ['properties', { ...mqttPublish, properties }] as const),
      ...['x', -1, 1.5, 2 ** 32, null].map(
        (value) =>
          [
            'messageExpiryInterval',
            { ...mqttPublish, properties: { messageExpiryInterval: value } },
          ] as const,
      ),
      ['contentType', { ...mqttPublish, properties: { contentType: 5 } }],
      ['correlationData', { ...mqttPublish, properties: { correlationData: 'x' } }],
      ['userProperties', { ...mqttPublish, properties: { userProperties: { a: 'b' } } }],
      ['userProperties', { ...mqttPublish, properties: { userProperties: [['a', 1]] } }],
    ],
  ],
  [
    'wamp',
    wamp({ realm: 'r' }),
    [
      ...[5, 'x', [], null].map((options) => ['options', { ...wampSubscribe, options }] as const),
      ['options', { type: 'register', procedure: 'p', options: 'x' }],
      ['args', { type: 'publish', topic: 't', args: {} }],
      ['kwargs', { type: 'publish', topic: 't', kwargs: [] }],
      ['timeoutMs', { type: 'call', procedure: 'p', timeoutMs: 'x' }],
      ['progress', { type: 'yield', id: '1', progress: 1 }],
    ],
  ],
  [
    'json-rpc',
    jsonRpc(),
    [
      ...['x', 0, Number.NaN, null].map(
        (timeoutMs) => ['timeoutMs', { type: 'call', method: 'm', timeoutMs }] as const,
      ),
      ['timeoutMs', { type: 'batch', calls: [{ method: 'm' }], timeoutMs: 'x' }],
      ['end', { ...rpcSubscribe, end: null }],
      ['call', { ...rpcSubscribe, end: {} }],
    ],
  ],
  [
    'signalr',
    signalR(),
    [
      ['timeoutMs', { type: 'invoke', target: 'T', timeoutMs: 'x' }],
      ['streamIds', { type: 'send', target: 'T', streamIds: 5 }],
      ['streamIds', { type: 'send', target: 'T', streamIds: [5] }],
      ['stream', { ...hubSubscribe, stream: 1 }],
      ['args', { ...hubSubscribe, args: {} }],
      ['end', { ...hubSubscribe, end: null }],
      ['call', { ...hubSubscribe, end: {} }],
    ],
  ],
  [
    'classic signalr',
    classicSignalR({ hubs: ['h'] }),
    [
      ['timeoutMs', { type: 'call', method: 'm', timeoutMs: 'x' }],
      ['hub', { ...rpcSubscribe, hub: 5 }],
      ['args', { ...rpcSubscribe, args: 'x' }],
      ['end', { ...rpcSubscribe, end: 5 }],
    ],
  ],
  [
    'socket.io',
    socketIo(),
    [
      ['timeoutMs', { type: 'request', event: 'e', timeoutMs: 'x' }],
      ['namespace', { ...ioSubscribe, namespace: 5 }],
      ['args', { ...ioSubscribe, args: {} }],
      ['end', { ...ioSubscribe, end: 'x' }],
      ['event', { ...ioSubscribe, end: {} }],
    ],
  ],
  [
    'pusher',
    pusher(),
    [
      ['channel', { type: 'subscribe', channel: 5 }],
      ['channel', { type: 'send', channel: null, event: 'client-x', data: {} }],
      ['event', { type: 'send', channel: 'private-a', event: 5, data: {} }],
    ],
  ],
]

const shown = (command: object) =>
  JSON.stringify(command, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)).slice(0, 200)

/** What no connection could carry out, besides. */
const HOPELESS: Readonly<Record<string, readonly object[]>> = {
  mqtt: [
    { ...mqttPublish, topic: 'a/#' },
    { ...mqttPublish, payload: 5 },
  ],
  wamp: [
    { type: 'publish', topic: '' },
    { type: 'call', procedure: 5 },
    { type: 'yield', id: '1' },
    { type: 'fail', id: '1', error: 'e' },
  ],
  'json-rpc': [
    { type: 'call', method: '' },
    { type: 'notify', method: 'm', params: 5 },
    { type: 'batch', calls: [] },
    { type: 'batch', calls: [{ method: 5 }] },
    { type: 'reply', id: 1, result: 1 },
    { type: 'refuse', id: 1, error: { code: 1, message: 'x' } },
  ],
  signalr: [
    { type: 'invoke', target: '' },
    { type: 'send', target: 5 },
    { type: 'stream' },
    { type: 'reply', id: '1', result: 1 },
    { type: 'refuse', id: '1', error: 'x' },
  ],
  'classic signalr': [{ type: 'call', method: 5 }],
  'socket.io': [{ type: 'emit', event: '' }, { type: 'request' }, { type: 'ack', id: '/ 1', args: [] }],
  pusher: [
    { type: 'send', channel: 'private-a', event: 'x', data: {} },
    { type: 'send', channel: 'a', event: 'client-x', data: {} },
    { type: 'send', channel: 'private-a', event: 'client-x', data: 1n },
  ],
}

test('frames: what is neither text nor bytes is refused, with and without a connection', async () => {
  await using socket = openSocket('ws://127.0.0.1:9/', { whileDisconnected: { hold: true } })
  const refused = expect.objectContaining({ code: 'bad_command' })
  for (const wrong of [5, {}, [], new ArrayBuffer(1)]) {
    expect(() => socket.send(wrong as never)).toThrow(refused)
  }
  expect(socket.send('held')).toBe(true)
})

for (const [name, protocol, wrong] of WRONG) {
  test(`${name}: a command with a wrong field is refused in a sentence that names it, and nothing of it is kept`, () => {
    const script = new ScriptedCodec(protocol as Protocol<object | null, unknown, unknown>).connect()
    for (const [field, command] of [...wrong, ['command', null], ['command', []]] as const) {
      expect(() => script.do(command), JSON.stringify(command).slice(0, 200)).toThrow(
        expect.objectContaining({
          name: 'UsageError',
          code: 'bad_command',
          message: expect.stringContaining(field),
        }),
      )
    }
    expect([script.codec.kept, script.sent]).toEqual([[], []])
  })

  test(`${name}: a wrong command is refused at once where there is no connection, though it would be held`, async () => {
    const socket = openSocket('ws://127.0.0.1:9/', {
      protocol: protocol as Protocol<object | null, unknown, unknown>,
      whileDisconnected: { hold: true },
    })
    const refused = expect.objectContaining({ code: 'bad_command' })
    const hopeless = HOPELESS[name] ?? []
    expect(hopeless.length).toBeGreaterThan(0)
    for (const command of [...wrong.map(([, command]) => command), { type: 'nonsense' }, ...hopeless]) {
      expect(() => socket.send(command), shown(command)).toThrow(refused)
      await expect(socket.request(command)).rejects.toEqual(refused)
    }
    expect(socket.stats).toMatchObject({ held: 0, requests: 0 })
    await socket.close()
  })
}
