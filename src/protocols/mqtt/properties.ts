import { badCommand } from '../command-errors.js'
import { type ByteReader, ByteWriter, malformed } from './bytes.js'

/** Properties of MQTT 5, by the names of its specification. A client that speaks 3.1.1 has none. */
export interface MqttProperties {
  readonly payloadFormatIndicator?: number
  readonly messageExpiryInterval?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  readonly subscriptionIdentifier?: number
  readonly sessionExpiryInterval?: number
  readonly assignedClientIdentifier?: string
  readonly serverKeepAlive?: number
  readonly authenticationMethod?: string
  readonly authenticationData?: Uint8Array
  readonly requestProblemInformation?: number
  readonly willDelayInterval?: number
  readonly requestResponseInformation?: number
  readonly responseInformation?: string
  readonly serverReference?: string
  readonly reasonString?: string
  readonly receiveMaximum?: number
  readonly topicAliasMaximum?: number
  readonly topicAlias?: number
  readonly maximumQoS?: number
  readonly retainAvailable?: number
  /** May come several times, in order. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[]
  readonly maximumPacketSize?: number
  readonly wildcardSubscriptionAvailable?: number
  readonly subscriptionIdentifierAvailable?: number
  readonly sharedSubscriptionAvailable?: number
}

type Kind = 'byte' | 'short' | 'long' | 'variable' | 'text' | 'binary' | 'pair'

const TABLE: readonly (readonly [id: number, name: keyof MqttProperties, kind: Kind])[] = [
  [1, 'payloadFormatIndicator', 'byte'],
  [2, 'messageExpiryInterval', 'long'],
  [3, 'contentType', 'text'],
  [8, 'responseTopic', 'text'],
  [9, 'correlationData', 'binary'],
  [11, 'subscriptionIdentifier', 'variable'],
  [17, 'sessionExpiryInterval', 'long'],
  [18, 'assignedClientIdentifier', 'text'],
  [19, 'serverKeepAlive', 'short'],
  [21, 'authenticationMethod', 'text'],
  [22, 'authenticationData', 'binary'],
  [23, 'requestProblemInformation', 'byte'],
  [24, 'willDelayInterval', 'long'],
  [25, 'requestResponseInformation', 'byte'],
  [26, 'responseInformation', 'text'],
  [28, 'serverReference', 'text'],
  [31, 'reasonString', 'text'],
  [33, 'receiveMaximum', 'short'],
  [34, 'topicAliasMaximum', 'short'],
  [35, 'topicAlias', 'short'],
  [36, 'maximumQoS', 'byte'],
  [37, 'retainAvailable', 'byte'],
  [38, 'userProperties', 'pair'],
  [39, 'maximumPacketSize', 'long'],
  [40, 'wildcardSubscriptionAvailable', 'byte'],
  [41, 'subscriptionIdentifierAvailable', 'byte'],
  [42, 'sharedSubscriptionAvailable', 'byte'],
]

const BY_ID = new Map(TABLE.map((row) => [row[0], row]))
const BY_NAME = new Map<string, (typeof TABLE)[number]>(TABLE.map((row) => [row[1], row]))
/** More user properties than this in one packet are refused. */
const MAX_PAIRS = 10_000

/** @throws {DecodeError} `schema_mismatch`. */
export function readProperties(reader: ByteReader): MqttProperties {
  const end = reader.variable()
  if (end > reader.left) throw malformed('properties beyond the end of their packet')
  const stop = reader.left - end
  const properties: Record<string, unknown> = {}
  const pairs: [string, string][] = []
  while (reader.left > stop) {
    const row = BY_ID.get(reader.variable())
    if (row === undefined) throw malformed('an unknown property')
    const [, name, kind] = row
    if (kind === 'pair') {
      pairs.push([reader.text(), reader.text()])
      if (pairs.length > MAX_PAIRS) throw malformed(`more than ${MAX_PAIRS} user properties`)
      continue
    }
    // Only a message that several subscriptions fit repeats one: the first stands for them.
    if (name in properties && name !== 'subscriptionIdentifier') throw malformed(`the property ${name} twice`)
    const value = kind === 'binary' ? new Uint8Array(reader.binary()) : reader[kind]()
    properties[name] ??= value
  }
  if (reader.left !== stop) throw malformed('a property beyond the end of the properties')
  return pairs.length === 0 ? properties : { ...properties, userProperties: pairs }
}

/** What a property of each kind may be. */
const FITS: Readonly<Record<Kind, { readonly fits: (value: unknown) => boolean; readonly what: string }>> = {
  byte: wholeTo(0xff),
  short: wholeTo(0xffff),
  long: wholeTo(0xffff_ffff),
  variable: wholeTo(268_435_455),
  text: { fits: (value) => typeof value === 'string', what: 'text' },
  binary: { fits: (value) => value instanceof Uint8Array, what: 'bytes' },
  pair: {
    fits: (value) => Array.isArray(value) && value.every(isPair),
    what: 'a list of pairs of texts',
  },
}

function wholeTo(most: number) {
  const fits = (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= most
  return { fits, what: `a whole number from 0 to ${most}` }
}

function isPair(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every((text) => typeof text === 'string')
}

/** @throws {UsageError} `bad_command` for a property that does not exist, or whose value is of the wrong kind. */
export function checkProperties(properties: MqttProperties): void {
  for (const [name, value] of Object.entries(properties)) {
    const row = BY_NAME.get(name)
    if (row === undefined) throw badCommand(`mqtt: there is no property ${name}`)
    const { fits, what } = FITS[row[2]]
    if (value !== undefined && !fits(value)) throw badCommand(`mqtt: the property ${name} must be ${what}`)
  }
}

/** @throws {UsageError} `bad_command` for a property that does not exist. */
export function writeProperties(writer: ByteWriter, properties: MqttProperties): void {
  const fields = new ByteWriter()
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue
    const row = BY_NAME.get(name)
    if (row === undefined) throw badCommand(`mqtt: there is no property ${name}`)
    const [id, , kind] = row
    if (kind === 'pair') {
      for (const [key, text] of value as readonly (readonly [string, string])[])
        fields.byte(id).text(key).text(text)
    } else if (kind === 'text') fields.byte(id).text(String(value))
    else if (kind === 'binary') fields.byte(id).binary(value as Uint8Array)
    else fields.byte(id)[kind](Number(value))
  }
  const { bytes } = fields
  writer.variable(bytes.length).raw(bytes)
}
