import { UsageError } from '../../errors.js'
import type { Protocol } from '../codec.js'
import { CHECKS, checkOptions, KEPT_OPTIONS } from '../options.js'
import { MqttCodec } from './codec.js'
import { checkProperties } from './properties.js'
import { isTopic } from './topics.js'
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
  checkWill(options.will)
  return {
    name: 'mqtt',
    schemes: ['ws', 'wss', 'mqtt', 'mqtts'],
    codec: (init, sink) => new MqttCodec(options, init, sink),
  }
}

/** A wrong will would be found by the server, and end each connection. */
function checkWill(will: MqttOptions['will']): void {
  if (will === undefined) return
  const { topic, payload, qos, retain, properties } = will
  if (!isTopic(topic)) throw badWill('topic must be text without + and #')
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array))
    throw badWill('payload must be text or bytes')
  if (qos !== undefined && !CHECKS.upTo2.fits(qos)) throw badWill(`qos must be ${CHECKS.upTo2.what}`)
  if (retain !== undefined && typeof retain !== 'boolean') throw badWill('retain must be true or false')
  if (properties === undefined) return
  if (!CHECKS.record.fits(properties)) throw badWill('properties must be an object')
  try {
    checkProperties(properties)
  } catch (error) {
    throw badWill(
      `properties: ${error instanceof Error ? error.message.replace(/^mqtt: /, '') : String(error)}`,
    )
  }
}

function badWill(what: string): UsageError {
  return new UsageError('bad_option', `mqtt: option will.${what}`, { context: { field: 'will' } })
}
