/** What a frame carries: some faults are only for some. */
export type Nature = 'snapshot' | 'update' | 'trade' | 'checksum' | 'heartbeat' | 'row'

/** One channel as it may use its connection. */
export interface ChannelLine {
  /** What the client asked `conf` for. */
  readonly flags: number
  /** How far the venue's clock is off, milliseconds. */
  readonly clockOffsetMs: number
  push(payload: string, nature: Nature, tag?: string): void
  /** Nothing is told at the moment: what happens now is not told later either. */
  readonly suspended: boolean
  /** Runs once, unless the channel has been left by then. */
  later(delayMs: number, run: () => void): void
  /** Whether this fault is to be committed now; it is then done with. */
  takes(fault: string): boolean
  random(low: number, high: number): number
}
