import { UsageError } from '../../errors.js'
import type { Protocol } from '../codec.js'
import { checkOptions, KEPT_OPTIONS } from '../options.js'
import { MqttCodec } from './codec.js'
import type { MqttCommand, MqttMessage, MqttOptions } from './types.js'

export type { MqttAck, MqttFilter, MqttPacket, MqttQos, MqttVersion, MqttWill } from './packets.js'
export type { MqttProperties } from './properties.js'
export type { MqttCommand, MqttLogin, MqttMessage, MqttOptions } from './types.js'

/**
 * MQTT 5 and 3.1.1, over a WebSocket (`wss://`) or TCP (`mqtt://`, `mqtts://`): QoS 0 to 2, will, retained messages, sessions that outlive
 * connections.
 *
 * @throws {UsageError} `bad_option`, naming field and value.
 */
export function mqtt(options: MqttOptions = {}): Protocol<MqttCommand, MqttMessage> {
  checkOptions('mqtt', options, {
    ...KEPT_OPTIONS,
    version: 'whole',
    clientId: 'text',
    clean: 'boolean',
    sessionExpirySeconds: 'whole',
    keepAliveSeconds: 'whole',
    pingTimeoutMs: 'positive',
    login: 'function',
    will: 'object',
    maxPacketBytes: 'positive',
    maxUnackedBytes: 'positive',
    timeoutMs: 'positive',
  })
  const { version = 5, keepAliveSeconds = 0 } = options
  if (version !== 4 && version !== 5) {
    throw new UsageError(
      'bad_option',
      `mqtt: option version must be 4 (MQTT 3.1.1) or 5, and is ${version}`,
      {
        context: { field: 'version' },
      },
    )
  }
  if (keepAliveSeconds > 65_535) {
    throw new UsageError(
      'bad_option',
      `mqtt: option keepAliveSeconds must be at most 65,535, and is ${keepAliveSeconds}`,
      {
        context: { field: 'keepAliveSeconds' },
      },
    )
  }
  return {
    name: 'mqtt',
    schemes: ['ws', 'wss', 'mqtt', 'mqtts'],
    codec: (init, sink) => new MqttCodec(options, init, sink),
  }
}
