import { isRecord, type JsonReader, misfit, readJson } from '../json-text.js'

/** The types of Socket.IO's packets, by their digit. */
export const PACKETS = ['connect', 'disconnect', 'event', 'ack', 'connect_error', 'event', 'ack'] as const

/** More attachments than this, one frame each, are refused. */
const MAX_ATTACHMENTS = 1_000
const FIRST_BINARY = 5

/** A packet of Socket.IO. */
export interface SocketIoPacket {
  readonly type: (typeof PACKETS)[number]
  readonly namespace: string
  readonly id: string | null
  readonly data: unknown
  /** How many binary frames follow, whose bytes the placeholders in `data` stand for. */
  readonly attachments: number
}

const HEAD = /^([0-6])(?:(\d{1,6})-)?(?:(\/[^,]*)(?:,|$))?(\d{1,15})?/

/**
 * Reads a packet of text: `51-/ns,7["ev",{"_placeholder":true,"num":0}]`.
 *
 * @throws {DecodeError} `not_json`, `schema_mismatch`.
 */
export function readPacket(read: JsonReader, text: string): SocketIoPacket {
  const head = HEAD.exec(text)
  if (head === null) throw misfit('not a packet of Socket.IO', text)
  const [whole, digit = '', count, path = '/', id = null] = head
  const type = PACKETS[Number(digit)]
  const isBinary = Number(digit) >= FIRST_BINARY
  if (type === undefined || isBinary !== (count !== undefined))
    throw misfit('attachments where none can be, or none', text)
  const attachments = Number(count ?? 0)
  if (attachments > MAX_ATTACHMENTS) throw misfit(`more than ${MAX_ATTACHMENTS} attachments`, text)
  const body = text.slice(whole.length)
  const data = body === '' ? undefined : readJson(read, body)
  check(type, data, text)
  // Servers of version 2 may send a query with the namespace.
  const namespace = path.split('?', 1)[0] ?? '/'
  return { type, namespace, id, data, attachments }
}

function check(type: SocketIoPacket['type'], data: unknown, text: string): void {
  if (type === 'event') {
    const name: unknown = Array.isArray(data) ? data[0] : null
    if (typeof name !== 'string' && typeof name !== 'number') throw misfit('an event without a name', text)
  } else if (type === 'ack') {
    if (!Array.isArray(data)) throw misfit('an acknowledgement that is no list', text)
  } else if (type === 'connect' && data !== undefined && !isRecord(data)) {
    throw misfit('a connect whose data are no object', text)
  }
}

/** Writes a packet. `data` is JSON already, with placeholders where attachments follow. */
export function writePacket(
  type: SocketIoPacket['type'],
  {
    namespace,
    id = null,
    data,
    attachments = 0,
  }: {
    readonly namespace: string
    readonly id?: string | null
    readonly data?: string
    readonly attachments?: number
  },
): string {
  const digit = PACKETS.indexOf(type) + (attachments > 0 ? 3 : 0)
  const place = namespace === '/' ? '' : `${namespace},`
  return `${digit}${attachments > 0 ? `${attachments}-` : ''}${place}${id ?? ''}${data ?? ''}`
}
