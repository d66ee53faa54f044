/**
 * Simulated venues: real servers on loopback, or a whole network in memory under a virtual clock, both with faults on
 * demand. The venues' own simulators are in `tapewire/connectors`.
 */
export type { Appointment } from './agenda.js'
export {
  checkFaultPlan,
  FAULT_NAMES,
  type Fault,
  type FaultPlan,
  fault,
  faultPlan,
  type ParsedFaultPlan,
  parseFaultPlan,
} from './fault-plan.js'
export { type FaultedSimulator, type FaultStrike, faultName, withFaults } from './faults.js'
export { type FramePlayerOptions, framePlayer, type PlayableRecord } from './frame-player.js'
export {
  type LevelMove,
  type MarketDay,
  type MarketShape,
  type MarketStep,
  type MarketTrade,
  SimulatedMarket,
} from './market.js'
export { SeededRandom } from './random.js'
export { type ServeOptions, type SimulatorServer, serveSimulator } from './server.js'
export { VENUE_FAULTS, type VenueFault } from './venue-faults.js'
export type {
  Delivery,
  RawFrame,
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedLink,
  SimulatedPeer,
  SimulatedRequest,
  SimulatorOptions,
  VenueSimulator,
} from './venue-simulator.js'
export { type OpenHandles, type VirtualOptions, type VirtualPlatform, virtualPlatform } from './virtual.js'
export type { VirtualClient, VirtualHost, VirtualHostOptions } from './virtual-host.js'
export type { VirtualTime } from './virtual-time.js'
export type { VirtualWire } from './virtual-wire.js'
