import type { SimulatorOptions } from '../../src/simulator/venue-simulator.js'
import { protocolFaults } from '../kit/pending-faults.js'
import { SimulatedExchange } from '../kit/simulated-exchange.js'
import { DerivativeStatus } from './derivative-status.js'
import { BitfinexInstrument } from './instrument.js'
import { Liquidations } from './liquidations.js'
import { listings } from './listing.js'

/** Books of the frequency F1 are sent this often. */
const SLOW_MICROS = 2_000_000

/** @see VENUE_FAULTS; the last four are this venue's own. */
const FAULTS = protocolFaults([], ['ack-after-retry', 'ack-lost', 'status-short', 'unknown-channel'])
const IMMEDIATE_FAULTS = [
  'reconnect-notice',
  'snapshot-twice',
  'level-unknown',
  'book-crossed',
  'message-unknown',
  'unknown-channel',
]

/** The simulated venue: its instruments, and what happens to them in time. */
export class BitfinexVenue {
  readonly exchange: SimulatedExchange<BitfinexInstrument>
  readonly statuses: ReadonlyMap<string, DerivativeStatus>
  readonly liquidations: Liquidations

  constructor(options: SimulatorOptions) {
    const { extremeAmounts = false } = options
    this.exchange = new SimulatedExchange(options, {
      faults: FAULTS,
      immediate: IMMEDIATE_FAULTS,
      instruments: (random) =>
        listings(options.instruments ?? 0).map(
          (listing, number) =>
            new BitfinexInstrument(
              { ...listing, shape: { ...listing.shape, extremeAmounts } },
              number,
              random.fork(),
            ),
        ),
      step: (instrument, at) => instrument.step(at),
      begin: (at) => {
        for (const instrument of this.exchange.instruments.values()) instrument.begin(at)
        this.exchange.timers.every(SLOW_MICROS, () => {
          for (const instrument of this.exchange.instruments.values()) instrument.refreshSlow()
        })
        this.liquidations.begin()
      },
    })
    const statuses = new Map<string, DerivativeStatus>()
    for (const instrument of this.exchange.instruments.values()) {
      const spot = this.exchange.instruments.get(instrument.listing.spot ?? '')
      if (spot === undefined) continue
      statuses.set(instrument.id, new DerivativeStatus(instrument, spot, this.exchange.random.fork()))
    }
    this.statuses = statuses
    this.liquidations = new Liquidations(this.exchange)
  }

  get inMaintenance(): boolean {
    return this.exchange.faults.active('maintenance', this.exchange.now)
  }
}
