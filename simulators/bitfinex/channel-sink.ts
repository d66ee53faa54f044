import type { PendingFaults } from '../kit/pending-faults.js'

/** What a frame carries: some faults are only for some. */
export type Nature = 'snapshot' | 'update' | 'trade' | 'checksum' | 'heartbeat' | 'row'

/** What one channel may do with its connection. */
export interface ChannelSink {
  /** What the client asked `conf` for. */
  readonly flags: number
  readonly faults: PendingFaults
  push(payload: string, nature: Nature, tag?: string): void
  /** The venue is in maintenance: what happens now is not sent later either. */
  readonly suspended: boolean
  /** Runs once, unless the channel has been left by then. */
  later(delayMs: number, run: () => void): void
  random(low: number, high: number): number
}
