import type { Micros } from '../../schemas/events.js'
import type { Agenda } from './agenda.js'
import { type BrokenFrameFault, brokenFrames } from './broken-frames.js'
import type { Fault, FrameFault, MomentFault, ReceivedFault } from './fault-plan.js'
import type { FaultTarget, FaultTrigger } from './fault-trigger.js'
import type {
  SimulatedConnection,
  SimulatedLink,
  SimulatedPeer,
  SimulatedRequest,
} from './venue-simulator.js'

/** A fault of the plan, ready to strike. */
export interface ArmedFault<F extends Fault> {
  readonly fault: F
  readonly trigger: FaultTrigger
}

/** What a connection needs of the simulation around it. */
export interface FaultScene {
  readonly frames: readonly ArmedFault<FrameFault>[]
  readonly received: readonly ArmedFault<ReceivedFault>[]
  readonly agenda: Agenda
  /** Never goes back. */
  readonly now: Micros
  /** Milliseconds since the simulation began. */
  readonly elapsed: number
  report(fault: Fault, connection: number | null, struck: boolean): void
  /** Asks the venue's simulator as a whole for a fault of its protocol. */
  venueFault(name: string, at: Micros): boolean
  ended(connection: FaultedConnection): void
}

/** Frames that faults may hold back on one connection; beyond it the client is cut as one that does not read. */
const MOST_HELD = 10_000
/** A frame that waits for others to overtake it goes after this long, lest a quiet stream keep it for ever. */
const LONGEST_REORDER_MS = 2000

/** One connection with the faults of a plan on its line: the peer that the venue sees, and the connection that the kernel sees. */
export class FaultedConnection implements SimulatedPeer, SimulatedConnection, FaultTarget {
  readonly connection: number
  readonly openedAt: Micros
  readonly request: SimulatedRequest
  readonly link?: SimulatedLink
  readonly #peer: SimulatedPeer
  readonly #scene: FaultScene
  #venue: SimulatedConnection | null = null
  #over = false
  #silentUntil: Micros = Number.NEGATIVE_INFINITY
  /** Until when the line keeps everything back, and what it keeps. */
  #blockedUntil: Micros = Number.NEGATIVE_INFINITY
  #blocked: (() => void)[] = []
  /** Frames that are to be overtaken by so many others. */
  #overtaken: { readonly put: () => void; behind: number }[] = []

  constructor(connection: number, peer: SimulatedPeer, scene: FaultScene) {
    this.connection = connection
    this.openedAt = scene.now
    this.request = peer.request
    if (peer.link !== undefined) this.link = peer.link
    this.#peer = peer
    this.#scene = scene
  }

  get path(): string {
    return this.request.path
  }

  get bufferedBytes(): number {
    return this.#peer.bufferedBytes ?? 0
  }

  attach(venue: SimulatedConnection): void {
    this.#venue = venue
  }

  send(data: string | Uint8Array): void {
    const scene = this.#scene
    if (this.#over || scene.now < this.#silentUntil) return
    let outgoing = data
    let copies = 1
    let behind = 0
    let broken: BrokenFrameFault | null = null
    for (const { fault, trigger } of scene.frames) {
      const text = typeof outgoing === 'string' ? outgoing : undefined
      if (!trigger.onOccasion(this, scene.elapsed, scene.now, text)) continue
      let struck = true
      switch (fault.fault) {
        case 'drop':
          this.#report(fault, true)
          return
        case 'duplicate':
          copies += fault.copies
          break
        case 'reorder':
          behind = fault.by
          break
        case 'delay':
          this.#block(fault.delayMs)
          break
        case 'truncate':
          outgoing = outgoing.slice(0, Math.floor(outgoing.length * fault.keep))
          break
        case 'edit': {
          const edited: string | undefined = text?.replace(new RegExp(fault.find), fault.replace)
          struck = edited !== undefined && edited !== text
          outgoing = edited ?? outgoing
          break
        }
        default:
          struck = this.link !== undefined
          if (struck) broken = fault
      }
      this.#report(fault, struck)
    }
    this.#dispatch(this.#putter(outgoing, broken), copies, behind)
  }

  ping(): void {
    this.#put(() => this.#peer.ping())
  }

  close(code: number, reason: string): void {
    if (this.#scene.now < this.#silentUntil) return
    this.#put(() => this.#peer.close(code, reason))
  }

  received(data: string | Uint8Array, at: Micros): void {
    const scene = this.#scene
    const text = typeof data === 'string' ? data : undefined
    for (const { fault, trigger } of scene.received) {
      if (!trigger.onOccasion(this, scene.elapsed, at, text)) continue
      this.#report(fault, true)
      if (fault.fault === 'late-request') {
        this.#later(fault.delayMs, () => this.#venue?.received(data, scene.now))
      }
      return
    }
    this.#venue?.received(data, at)
  }

  closed(at: Micros): void {
    this.#over = true
    this.#blocked = []
    this.#overtaken = []
    this.#scene.ended(this)
    this.#venue?.closed(at)
  }

  fault(name: string, at: Micros): boolean {
    return this.#venue?.fault?.(name, at) === true || this.#scene.venueFault(name, at)
  }

  /** Lets a fault of a moment strike this connection, now. */
  strike(fault: MomentFault): void {
    this.#report(fault, this.#struck(fault))
  }

  #struck(fault: MomentFault): boolean {
    const { link } = this
    const scene = this.#scene
    const peer = this.#peer
    switch (fault.fault) {
      case 'venue':
        return this.fault(fault.name, scene.now)
      case 'inject':
        this.#put(() => peer.send(fault.text))
        return true
      case 'unknown-message':
        if (!this.fault('message-unknown', scene.now)) {
          this.#put(() => peer.send('{"type":"never-heard-of","payload":[1,2,3]}'))
        }
        return true
      case 'silence':
        this.#silentUntil = scene.now + fault.durationMs * 1000
        return true
      case 'ping-flood':
        for (let ping = 0; ping < fault.pings; ping++) this.#put(() => peer.ping())
        return true
    }
    if (link === undefined) return false
    switch (fault.fault) {
      case 'close':
        link.close(fault.code, fault.reason)
        break
      case 'hang-up':
        link.cut('end')
        break
      case 'reset':
        link.cut('reset')
        break
      case 'half-open':
        link.hold('lost')
        this.#later(fault.durationMs, () => link.cut('reset'))
        break
      case 'stall':
        link.hold('held')
        this.#later(fault.durationMs, () => link.hold('flow'))
        break
      case 'no-pong':
        link.answerPings(false)
        this.#later(fault.durationMs, () => link.answerPings(true))
        break
      case 'slow-drip':
        link.limit(fault.bytesPerSecond)
        this.#later(fault.durationMs, () => link.limit(null))
        break
    }
    return true
  }

  #putter(data: string | Uint8Array, broken: BrokenFrameFault | null): () => void {
    const { link } = this
    if (broken === null || link === undefined) return () => this.#peer.send(data)
    return () => link.raw(brokenFrames(broken, data))
  }

  /** Sends a frame so many times, or lets others overtake it first. */
  #dispatch(put: () => void, copies: number, behind: number): void {
    if (behind > 0) {
      const entry = { put, behind }
      this.#overtaken.push(entry)
      this.#later(LONGEST_REORDER_MS, () => {
        entry.behind = 0
        this.#releaseOvertaken()
      })
      return
    }
    for (let copy = 0; copy < copies; copy++) this.#put(put)
    for (const entry of this.#overtaken) entry.behind--
    this.#releaseOvertaken()
  }

  #releaseOvertaken(): void {
    const due = this.#overtaken.filter(({ behind }) => behind <= 0)
    if (due.length === 0) return
    this.#overtaken = this.#overtaken.filter(({ behind }) => behind > 0)
    for (const { put } of due) this.#put(put)
  }

  /** Puts something on the line, behind all that the line keeps back. */
  #put(put: () => void): void {
    if (this.#over) return
    if (this.#blocked.length === 0 && this.#scene.now >= this.#blockedUntil) {
      put()
      return
    }
    this.#blocked.push(put)
    if (this.#blocked.length <= MOST_HELD) return
    this.#blocked = []
    this.#peer.close(1013, 'too slow')
  }

  #block(delayMs: number): void {
    const until = this.#scene.now + delayMs * 1000
    if (until <= this.#blockedUntil) return
    this.#blockedUntil = until
    this.#later(delayMs, () => {
      if (this.#scene.now < this.#blockedUntil) return
      const kept = this.#blocked
      this.#blocked = []
      for (const put of kept) put()
    })
  }

  #later(delayMs: number | undefined, run: () => void): void {
    if (delayMs === undefined) return
    this.#scene.agenda.add(this.#scene.now + delayMs * 1000, () => {
      if (!this.#over) run()
    })
  }

  #report(fault: Fault, struck: boolean): void {
    this.#scene.report(fault, this.connection, struck)
  }
}
