import type { Micros } from '../../schemas/events.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'
import type { PendingFaults } from './pending-faults.js'
import { textOf } from './requests.js'
import type { ExchangeClient, Listed, SimulatedExchange } from './simulated-exchange.js'

/** One client of a simulated venue. A venue's own says what its requests mean. */
export abstract class SimulatedClient<I extends Listed = Listed> implements ExchangeClient {
  readonly exchange: SimulatedExchange<I>
  /** Its own, and after them those of the venue. */
  readonly faults: PendingFaults
  protected readonly peer: SimulatedPeer
  #open = true

  constructor(exchange: SimulatedExchange<I>, peer: SimulatedPeer) {
    this.exchange = exchange
    this.peer = peer
    this.faults = exchange.faults.ofConnection()
  }

  /** A message of the client. */
  protected abstract request(text: string): void

  /** The connection is over: nothing more can be sent. */
  protected ended(): void {}

  commit(_name: string): boolean | null {
    return null
  }

  get open(): boolean {
    return this.#open
  }

  received(data: string | Uint8Array, _at: Micros): void {
    if (this.#open) this.request(textOf(data))
  }

  closed(_at: Micros): void {
    this.#end()
  }

  fault(name: string, at: Micros): boolean {
    return this.#open && (this.commit(name) ?? this.faults.add(name, at))
  }

  send(frame: string | Uint8Array): void {
    if (this.#open) this.peer.send(frame)
  }

  /** Closes the connection from the venue's side. */
  close(code: number, reason: string): void {
    if (!this.#open) return
    this.peer.close(code, reason)
    this.#end()
  }

  /** Ends the connection without a word, where the network can do that. */
  cut(): void {
    if (!this.#open) return
    if (this.peer.link === undefined) this.peer.close(1001, '')
    else this.peer.link.cut('end')
    this.#end()
  }

  /** Runs once, so many microseconds from now, unless the connection is over by then. */
  after(micros: number, run: () => void): void {
    this.exchange.timers.after(micros, () => {
      if (this.#open) run()
    })
  }

  /** Runs in every such period until the connection is over. */
  every(micros: number, run: () => void): void {
    this.after(micros, () => {
      this.every(micros, run)
      run()
    })
  }

  #end(): void {
    if (!this.#open) return
    this.#open = false
    this.ended()
  }
}
