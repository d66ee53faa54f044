/** Faults that strike a message of one socket, once, when the next fitting one is sent or received. */
const MESSAGE_FAULTS = [
  'ack-missing',
  'ack-late',
  'ack-then-silence',
  'ack-error',
  'limit-error',
  'snapshot-twice',
  'update-before-snapshot',
  'sequence-skipped',
  'sequence-repeated',
  'sequence-backwards',
  'sequence-reset',
  'update-lost',
  'level-unknown',
  'book-crossed',
  'trade-duplicate',
  'trade-order',
  'trade-lost',
  'id-long',
  'price-null',
  'price-nan',
  'price-exponent',
  'field-new',
  'field-missing',
  // What only this venue does.
  'snapshot-null',
  'snapshot-refused',
  'snapshot-never',
  'snapshot-stale',
  'book-one-sided',
  'book-null-sides',
  'trade-no-side',
] as const

/** Faults that happen at once, to one socket or to the whole venue. */
const SCENE_FAULTS = [
  'message-unknown',
  'heartbeat-missing',
  'reconnect-notice',
  'maintenance',
  'instrument-delisted',
  'silent-but-one',
  'clock-off',
] as const

export type MessageFault = (typeof MESSAGE_FAULTS)[number]
export type SceneFault = (typeof SCENE_FAULTS)[number]

/** Every fault that the protocol can commit. Not among them: `checksum-wrong`, for there is none. */
export const FAULTS: readonly string[] = [...MESSAGE_FAULTS, ...SCENE_FAULTS]

const MESSAGE_NAMES = new Set<string>(MESSAGE_FAULTS)

/** The faults that wait for the message they fit. A desk behind this one is asked second: the venue's own. */
export class FaultDesk {
  readonly #armed = new Map<string, number>()
  readonly #behind: FaultDesk | null

  constructor(behind: FaultDesk | null = null) {
    this.#behind = behind
  }

  /** @returns false where it is no fault of a message. */
  arm(name: string): boolean {
    if (!MESSAGE_NAMES.has(name)) return false
    this.#armed.set(name, (this.#armed.get(name) ?? 0) + 1)
    return true
  }

  /** Whether the fault is to be committed now: once for each time it was armed. */
  take(name: MessageFault): boolean {
    const count = this.#armed.get(name)
    if (count === undefined) return this.#behind?.take(name) ?? false
    if (count === 1) this.#armed.delete(name)
    else this.#armed.set(name, count - 1)
    return true
  }
}
