/**
 * What the engine sets of Node's and `ws`'s behaviour, each on purpose: a default of theirs may change, or be wrong for a client that
 * runs for months. docs/reliability.md lists every one with its reason, and a test compares the two.
 */
export const NETWORK = {
  /** Share of `connectTimeoutMs` that one address of a host gets. Node gives each 250 ms, also the last. */
  addressShare: 1 / 4,
  /** A TCP connection is probed after this long without traffic, so that a router between does not forget it. */
  keepAliveAfterMs: 30_000,
  /** The head of an HTTP answer. Bytes. */
  maxHeaderBytes: 16 * 1024,
  /** The oldest TLS that is spoken. */
  minTlsVersion: 'TLSv1.2',
  /** Fragments of one message. */
  maxFragments: 16 * 1024,
  /** Chunks of the network that may wait for the rest of a frame. */
  maxBufferedChunks: 256 * 1024,
  /** Pings that are answered one by one while the network does not take the answers; of more, the last is. */
  maxPendingPongs: 60,
  /** How long the other side may take to answer a close frame, or to hang up after its own. */
  closeWithinMs: 1_000,
  /** The longest that frames are read in one turn of the event loop. */
  turnMs: 10,
  /** The longest wait that a server may ask for (Retry-After). */
  maxHoldMs: 3_600_000,
} as const

/** How one address of several is tried, within the time that the whole connect has. */
export function addressAttempts(timeoutMs: number): {
  readonly autoSelectFamily: true
  readonly autoSelectFamilyAttemptTimeout: number
} {
  return {
    autoSelectFamily: true,
    // Node refuses less than 10.
    autoSelectFamilyAttemptTimeout: Math.max(10, Math.ceil(timeoutMs * NETWORK.addressShare)),
  }
}
