import type { Micros } from '../../schemas/events.js'
import type { Appointment } from './agenda.js'
import type { VirtualTime } from './virtual-time.js'

/** What travels, and how much of the line it takes. */
interface Packet<T> {
  readonly item: T
  readonly bytes: number
}

/**
 * One direction of one connection in memory: what goes in comes out in the same order, after the latency of the network,
 * as fast as the bandwidth allows, and not at all while something holds it.
 */
export class VirtualLane<T> {
  readonly #time: VirtualTime
  readonly #latency: () => number
  readonly #deliver: (item: T) => void
  readonly #holds = new Set<string>()
  /** Sent, but waiting for bandwidth. */
  #unsent: Packet<T>[] = []
  #sending: Appointment | null = null
  #bytesPerSecond: number | null = null
  /** Arrived, but held. */
  #arrived: Packet<T>[] = []
  #draining = false
  #lastArrival: Micros = Number.NEGATIVE_INFINITY
  #bytes = 0
  /** Counts up when what is under way is gone. */
  #epoch = 0

  /** @param latency microseconds of the next packet. */
  constructor(time: VirtualTime, latency: () => number, deliver: (item: T) => void) {
    this.#time = time
    this.#latency = latency
    this.#deliver = deliver
  }

  /** Bytes that went in and have not come out. */
  get bytes(): number {
    return this.#bytes
  }

  push(item: T, bytes: number): void {
    this.#bytes += bytes
    this.#unsent.push({ item, bytes })
    this.#send()
  }

  /** Keeps everything until the same hold is released; several may hold at once. */
  hold(name: string): void {
    this.#holds.add(name)
  }

  release(name: string): void {
    this.#holds.delete(name)
    this.#drain()
  }

  limit(bytesPerSecond: number | null): void {
    this.#bytesPerSecond = bytesPerSecond
    this.#sending?.cancel()
    this.#sending = null
    this.#send()
  }

  /**
   * The sender is gone: what waits for bandwidth, or behind a hold of the sender's own, was never written; nor, then, was what
   * is under way behind it.
   */
  abandon(hold: string): void {
    if (this.#holds.delete(hold)) {
      this.cut()
      return
    }
    for (const { bytes } of this.#unsent) this.#bytes -= bytes
    this.#unsent = []
    this.limit(null)
  }

  /** Loses everything that has not come out. */
  cut(): void {
    this.#epoch++
    this.#sending?.cancel()
    this.#sending = null
    this.#unsent = []
    this.#arrived = []
    this.#bytes = 0
  }

  #send(): void {
    while (this.#sending === null) {
      const packet = this.#unsent[0]
      if (packet === undefined) return
      if (this.#bytesPerSecond !== null) {
        this.#sending = this.#time.plan((packet.bytes * 1e6) / this.#bytesPerSecond, () => {
          this.#sending = null
          this.#travel()
          this.#send()
        })
        return
      }
      this.#travel()
    }
  }

  #travel(): void {
    const packet = this.#unsent.shift()
    if (packet === undefined) return
    const { now } = this.#time
    const arrival = Math.max(this.#lastArrival, now + Math.ceil(this.#latency()))
    this.#lastArrival = arrival
    const epoch = this.#epoch
    this.#time.plan(arrival - now, () => {
      if (epoch !== this.#epoch) return
      if (this.#holds.size > 0 || this.#arrived.length > 0) this.#arrived.push(packet)
      else this.#out(packet)
    })
  }

  /** Lets out what was held, one event each, as a socket that is read again does. */
  #drain(): void {
    if (this.#draining || this.#arrived.length === 0) return
    this.#draining = true
    this.#time.plan(0, () => {
      this.#draining = false
      if (this.#holds.size > 0) return
      const packet = this.#arrived.shift()
      if (packet !== undefined) this.#out(packet)
      this.#drain()
    })
  }

  #out(packet: Packet<T>): void {
    this.#bytes -= packet.bytes
    this.#deliver(packet.item)
  }
}
