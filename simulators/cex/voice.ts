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
  'price-exponent': ['update', 'trade'],
  'id-long': ['trade'],
  'message-unknown': ['update', 'trade'],
  'field-new': ['update', 'trade', 'snapshot'],
  'field-missing': ['update', 'trade'],
}

/** Faults that the exchanges commit themselves, when they are asked for something or when they publish. */
const DEEPER_FAULTS = [
  'ack-missing',
  'ack-then-silence',
  'ack-error',
  'limit-error',
  'update-before-snapshot',
  'checksum-wrong',
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
  /** Frames that go after the next of their stream. */
  #swapped: { readonly peer: SimulatedPeer; readonly stream: string; readonly text: string }[] = []

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
    const frames = this.#frames(peer, kind, text, at)
    for (const frame of frames) peer.send(frame)
    if (frames.length === 0) return
    const stream = streamOf(kind, text)
    const held = this.#swapped.filter((swapped) => swapped.peer === peer && swapped.stream === stream)
    if (held.length === 0) return
    this.#swapped = this.#swapped.filter((swapped) => !held.includes(swapped))
    for (const swapped of held) peer.send(swapped.text)
  }

  advance(at: Micros): void {
    if (this.#late.length === 0) return
    const due = this.#late.filter((late) => late.due <= at)
    this.#late = this.#late.filter((late) => late.due > at)
    for (const { peer, text } of due) peer.send(text)
  }

  gone(peer: SimulatedPeer): void {
    this.#late = this.#late.filter((late) => late.peer !== peer)
    this.#swapped = this.#swapped.filter((swapped) => swapped.peer !== peer)
  }

  /** What goes out in place of a frame: by the first fault that was ordered and fits it, else the frame itself. */
  #frames(peer: SimulatedPeer, kind: FrameKind, text: string, at: Micros): readonly string[] {
    for (const name of this.#ordered) {
      if (FRAME_FAULTS[name]?.includes(kind) !== true) continue
      const frames = this.#faulted(name, peer, kind, text, at)
      if (frames === null) continue
      this.#ordered.delete(name)
      return frames
    }
    return [text]
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
        this.#swapped.push({ peer, stream: streamOf(kind, text), text })
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

/** A book or the trades of one pair; trades of the classic rooms name none, and have a socket to themselves. */
function streamOf(kind: FrameKind, text: string): string {
  return `${kind} ${/"pair":"([^"]*)"/.exec(text)?.[1] ?? ''}`
}

/** Edits of the text itself, so that every other digit of it stays as it was. */
function edited(fault: string, text: string): readonly string[] | null {
  const change = (pattern: RegExp, by: string) => (pattern.test(text) ? [text.replace(pattern, by)] : null)
  const level = /(\[\[)("?)([\d.]+)("?)(,)/
  const row = /(\["(?:buy|sell)","\d+","\d+",)(")([\d.]+)(")(,)/
  const price = [level, row].find((pattern) => pattern.test(text)) ?? /("price":)("?)([\d.]+)("?)(,|})/
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
    case 'id-long': {
      const last = /(?<=-|")\d+(?="(?:\]\]|\}))/
      const id = last.exec(text)?.[0]
      return id === undefined ? null : change(last, `9${id.padStart(20, '0')}`)
    }
    case 'field-missing':
      return row.test(text) ? change(row, '$1') : change(/"pair":"[^"]*",?/, '')
    default:
      return null
  }
}

function insertBid(text: string, level: string): readonly string[] | null {
  if (!text.includes('"bids":[')) return null
  return [text.replace(/"bids":\[(\]?)/, (_all, end: string) => `"bids":[${level}${end === '' ? ',' : ']'}`)]
}
