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
}
