import type { Micros } from '../../schemas/events.js'
import type { SimulatedPeer } from '../../src/simulator/venue-simulator.js'

/** What a frame is, for the faults that fit it. */
export type FrameKind = 'snapshot' | 'reply' | 'update' | 'trade' | 'pong' | 'other'

/** Faults of the common vocabulary that both protocols know; see `VENUE_FAULTS` for what each means. */
const FRAME_FAULTS: Readonly<Record<string, readonly FrameKind[]>> = {
  'ack-late': ['snapshot', 'reply'],
  'snapshot-twice': ['snapshot'],
  'sequence-skipped': ['update'],
  'sequence-repeated': ['update'],
  'sequence-backwards': ['update'],
  'level-unknown': ['update'],
  'book-crossed': ['update'],
  'trade-duplicate': ['trade'],
  'trade-order': ['trade'],
  'trade-lost': ['trade'],
  'price-null': ['update', 'trade'],
  'price-nan': ['update', 'trade'],
  'price-exponent': ['update'],
  'message-unknown': ['update', 'trade'],
  'field-new': ['update', 'trade', 'snapshot'],
  'field-missing': ['update'],
}

/** Faults that the exchanges commit themselves, when they are asked for something or when they publish. */
const DEEPER_FAULTS = [
  'ack-missing',
  'ack-then-silence',
  'ack-error',
  'limit-error',
  'update-before-snapshot',
  'update-lost',
  'sequence-reset',
]

/** Faults that last, and how long. Milliseconds. */
const LASTING_FAULTS: Readonly<Record<string, number>> = {
  'silent-but-one': 30_000,
  'heartbeat-missing': 60_000,
  'clock-off': 60_000,
}

export const VOICE_FAULTS: readonly string[] = [
  ...Object.keys(FRAME_FAULTS),
  ...DEEPER_FAULTS,
  ...Object.keys(LASTING_FAULTS),
]

const LATE_MICROS = 5_000_000

/** Says the frames of both exchanges, with the faults that were ordered. */
export class Voice {
  readonly #ordered = new Set<string>()
  readonly #until = new Map<string, Micros>()
  #late: { readonly peer: SimulatedPeer; readonly text: string; readonly due: Micros }[] = []
  #swapped: { readonly peer: SimulatedPeer; readonly kind: FrameKind; readonly text: string } | null = null

  order(name: string, at: Micros): boolean {
    if (!VOICE_FAULTS.includes(name)) return false
    const lasting = LASTING_FAULTS[name]
    if (lasting === undefined) this.#ordered.add(name)
    else this.#until.set(name, at + lasting * 1000)
    return true
  }

  /** Whether a fault was ordered, which is thereby committed. */
  take(name: string): boolean {
    return this.#ordered.delete(name)
  }

  lasts(name: string, at: Micros): boolean {
    return at < (this.#until.get(name) ?? 0)
  }

  /** The venue's clock. */
  clock(at: Micros): Micros {
    return this.lasts('clock-off', at) ? at + 3_600_000_000 : at
  }

  say(peer: SimulatedPeer, kind: FrameKind, text: string, at: Micros): void {
    if (kind === 'pong' && this.lasts('heartbeat-missing', at)) return
    const swapped = this.#swapped
    if (swapped !== null && swapped.peer === peer && swapped.kind === kind) {
      this.#swapped = null
      peer.send(text)
      peer.send(swapped.text)
      return
    }
    const fault = [...this.#ordered].find((name) => FRAME_FAULTS[name]?.includes(kind) === true)
    if (fault === undefined) {
      peer.send(text)
      return
    }
    const frames = this.#faulted(fault, peer, kind, text, at)
    if (frames === null) {
      peer.send(text)
      return
    }
    this.#ordered.delete(fault)
    for (const frame of frames) peer.send(frame)
  }

  advance(at: Micros): void {
    const due = this.#late.filter((late) => late.due <= at)
    this.#late = this.#late.filter((late) => late.due > at)
    for (const { peer, text } of due) peer.send(text)
  }

  gone(peer: SimulatedPeer): void {
    this.#late = this.#late.filter((late) => late.peer !== peer)
    if (this.#swapped?.peer === peer) this.#swapped = null
  }

  /** What goes out in place of a frame; null where the fault does not fit it. */
  #faulted(
    fault: string,
    peer: SimulatedPeer,
    kind: FrameKind,
    text: string,
    at: Micros,
  ): readonly string[] | null {
    switch (fault) {
      case 'ack-late':
        this.#late.push({ peer, text, due: at + LATE_MICROS })
        return []
      case 'sequence-skipped':
      case 'trade-lost':
        return []
      case 'snapshot-twice':
      case 'sequence-repeated':
      case 'trade-duplicate':
        return [text, text]
      case 'sequence-backwards':
      case 'trade-order':
        this.#swapped = { peer, kind, text }
        return []
      case 'message-unknown':
        return ['{"e":"md_update_v9","data":{"pair":"BTC:USD"}}', text]
      case 'field-new':
        return [text.replace('{', '{"added_yesterday":{"nested":[1]},')]
      default:
        return edited(fault, text)
    }
  }
}

/** Edits of the text itself, so that every other digit of it stays as it was. */
function edited(fault: string, text: string): readonly string[] | null {
  const change = (pattern: RegExp, by: string) => (pattern.test(text) ? [text.replace(pattern, by)] : null)
  const level = /(\[\[)("?)([\d.]+)("?)(,)/
  const price = level.test(text) ? level : /("price":)("?)([\d.]+)("?)(,|})/
  const quoted = text.includes('[["') || text.includes('"price":"')
  switch (fault) {
    case 'level-unknown':
      return insertBid(text, quoted ? '["0.00000001","0"]' : '[0.00000001,0]')
    case 'book-crossed':
      return insertBid(text, quoted ? '["99999999","1"]' : '[99999999,1]')
    case 'price-null':
      return change(price, '$1null$5')
    case 'price-nan':
      return change(price, '$1"NaN"$5')
    case 'price-exponent': {
      const found = price.exec(text)?.[3]
      if (found === undefined) return null
      const [whole = '', fraction = ''] = found.split('.')
      return change(price, `$1$2${BigInt(whole + fraction)}E-${fraction.length}$4$5`)
    }
    case 'field-missing':
      return change(/"pair":"[^"]*",?/, '')
    default:
      return null
  }
}

function insertBid(text: string, level: string): readonly string[] | null {
  if (!text.includes('"bids":[')) return null
  return [text.replace(/"bids":\[(\]?)/, (_all, end: string) => `"bids":[${level}${end === '' ? ',' : ']'}`)]
}
