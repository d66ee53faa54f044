import { ProtocolError, UsageError } from '../../errors.js'
import type { CodecSink } from '../codec.js'
import { lostRequest } from '../command-errors.js'
import type { MqttAck, MqttPacket } from './packets.js'

type Publish = Extract<MqttPacket, { type: 'publish' }>

/** A publish of the user that the server has not acknowledged to its end. */
interface Delivery {
  /** Null where nobody waits any more. */
  settleId: string | null
  readonly packet: Publish
  readonly bytes: number
  /** What is waited for. */
  state: 'puback' | 'pubrec' | 'pubcomp'
}

const MOST_IDS = 65_535

/** What is under way with QoS 1 and 2, both ways, over the connections of one session. */
export class Deliveries {
  readonly #sink: Pick<CodecSink<never, unknown>, 'settle'>
  readonly #mostBytes: number
  readonly #sent = new Map<number, Delivery>()
  /** Messages of QoS 2 that came and are not released yet: they are not given to the user a second time. */
  readonly #received = new Set<number>()
  /** Ids that other requests have taken. */
  readonly #taken = new Set<number>()
  #bytes = 0
  #lastId = 0
  /** As the server of the present connection allows. */
  mostAtOnce = MOST_IDS

  constructor(sink: Pick<CodecSink<never, unknown>, 'settle'>, mostBytes: number) {
    this.#sink = sink
    this.#mostBytes = mostBytes
  }

  /** @throws {UsageError} `too_many_requests`. */
  checkRoom(bytes: number): void {
    if (this.#sent.size < this.mostAtOnce && this.#bytes + bytes <= this.#mostBytes) return
    throw new UsageError(
      'too_many_requests',
      `mqtt: ${this.#sent.size} messages of ${this.#bytes} bytes wait for the server; wait for some of them, or raise maxUnackedBytes`,
      { retryable: true },
    )
  }

  /** A packet id that nothing uses. @throws {UsageError} `too_many_requests`. */
  takeId(): number {
    for (let tries = 0; tries < MOST_IDS; tries++) {
      this.#lastId = (this.#lastId % MOST_IDS) + 1
      if (this.#sent.has(this.#lastId) || this.#taken.has(this.#lastId)) continue
      this.#taken.add(this.#lastId)
      return this.#lastId
    }
    throw new UsageError('too_many_requests', 'mqtt: every packet id is in use; wait for some answers', {
      retryable: true,
    })
  }

  freeId(id: number): void {
    this.#taken.delete(id)
  }

  add(packet: Publish, settleId: string): void {
    this.#taken.delete(packet.id)
    const bytes = packet.payload.length + packet.topic.length
    this.#bytes += bytes
    this.#sent.set(packet.id, { settleId, packet, bytes, state: packet.qos === 1 ? 'puback' : 'pubrec' })
  }

  /** An acknowledgement came. @returns what is answered, null for nothing. */
  acknowledged(type: Exclude<MqttAck, 'pubrel'>, id: number, code: number): MqttPacket | null {
    const delivery = this.#sent.get(id)
    const release = { type: 'pubrel', id, code: 0, properties: {} } as const
    if (delivery?.state !== type) {
      // A PUBREC that comes again, or after the session was forgotten here, must be released all the same.
      if (type !== 'pubrec' || code >= 0x80) return null
      return delivery?.state === 'pubcomp' || delivery === undefined ? release : null
    }
    if (code >= 0x80) {
      this.#end(id, delivery, refusal(delivery.packet.topic, code))
      return null
    }
    if (type === 'pubrec') {
      delivery.state = 'pubcomp'
      return release
    }
    this.#end(id, delivery, null, code)
    return null
  }

  /** Nobody waits for the settlement; the message is delivered all the same. */
  cancel(settleId: string): void {
    for (const delivery of this.#sent.values()) if (delivery.settleId === settleId) delivery.settleId = null
  }

  /** A message of QoS 2 came. @returns whether it is new. */
  isNew(id: number): boolean {
    if (this.#received.has(id)) return false
    this.#received.add(id)
    return true
  }

  released(id: number): void {
    this.#received.delete(id)
  }

  /**
   * What a new connection is sent first. Where the server kept the session, what is under way goes on; where it did not, what was to
   * come at least once is sent as new, and of what was to come exactly once nobody can say whether it did.
   */
  resumed(sessionPresent: boolean): readonly MqttPacket[] {
    this.#taken.clear()
    if (!sessionPresent) this.#received.clear()
    const packets: MqttPacket[] = []
    for (const [id, delivery] of [...this.#sent]) {
      const { packet, state } = delivery
      if (sessionPresent) {
        packets.push(
          state === 'pubcomp' ? { type: 'pubrel', id, code: 0, properties: {} } : { ...packet, dup: true },
        )
      } else if (state === 'puback') packets.push(packet)
      else if (state === 'pubcomp') this.#end(id, delivery, null)
      else this.#end(id, delivery, lostRequest(`the publish to ${packet.topic}`))
    }
    return packets
  }

  #end(
    id: number,
    delivery: Delivery,
    error: ProtocolError | ReturnType<typeof lostRequest> | null,
    code = 0,
  ): void {
    this.#sent.delete(id)
    this.#bytes -= delivery.bytes
    if (delivery.settleId === null) return
    this.#sink.settle(delivery.settleId, error === null ? { ok: true, value: code } : { ok: false, error })
  }
}

function refusal(topic: string, code: number): ProtocolError {
  return new ProtocolError('request_refused', `the publish to ${topic} was refused (${hex(code)})`, {
    answer: { code, message: '', data: null },
  })
}

/** As the specification writes reason codes. */
export function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`
}
