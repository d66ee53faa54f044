import { NetworkError } from '../errors.js'
import type { DialClose, DialEvents, DialedSocket, DialTarget } from '../platform.js'
import { shownUrl } from '../shown.js'
import { connectFailure, frameBreach } from '../socket/failure.js'
import { redirection } from '../socket/redirect.js'
import { retryAfterMs } from '../socket/retry-after.js'
import type { Appointment } from './agenda.js'
import { FrameReceiver } from './frame-receiver.js'
import type { RawFrame, SimulatedAnswer } from './venue-simulator.js'
import { VirtualLane } from './virtual-lane.js'
import { VirtualPeer } from './virtual-peer.js'
import type { ToClient, ToServer, VirtualWire } from './virtual-wire.js'
import { Opcode } from './web-socket-frame.js'

/** As the real client: so long may the other side take to answer a close frame. */
const CLOSE_WITHIN_MICROS = 1_000_000
/** What the systems at both ends take in before a sender notices anything. */
const KERNEL_BYTES = 65_536

/** `connecting` → `open` → `closing` (we said goodbye) or `failing` (the venue broke the protocol) → `closed`. */
type ClientState = 'connecting' | 'open' | 'closing' | 'failing' | 'closed'

/** A dialed socket in the virtual network: the client's end of one connection, as `ws` behaves on a real one. */
export class VirtualConnection implements DialedSocket {
  readonly #wire: VirtualWire
  readonly #target: DialTarget
  readonly #events: DialEvents
  readonly #ended: () => void
  readonly #toServer: VirtualLane<ToServer>
  readonly #toClient: VirtualLane<ToClient>
  readonly #receiver: FrameReceiver
  readonly #peer: VirtualPeer
  #state: ClientState = 'connecting'
  /** What ends the state that it is in. */
  #deadline: Appointment
  #terminated = false
  #refused: DialClose['refused'] = null
  #breach: number | null = null
  #error: Error | null = null

  /** @param ended told when the client's end is closed, and when the host's end is: one may outlive the other. */
  constructor(
    wire: VirtualWire,
    target: DialTarget,
    events: DialEvents,
    ended: { client(): void; host(): void },
  ) {
    this.#wire = wire
    this.#target = target
    this.#events = events
    this.#ended = () => ended.client()
    this.#receiver = new FrameReceiver(target.maxFrameBytes)
    const latency = () => wire.latency()
    this.#toClient = new VirtualLane(wire.time, latency, (item) => this.#arrived(item))
    this.#toServer = new VirtualLane(wire.time, latency, (item) => this.#peer.arrived(item))
    this.#peer = new VirtualPeer(wire, target, this.#toClient, this.#toServer, () => ended.host())
    this.#deadline = wire.time.plan(target.timeoutMs * 1000, () => this.#timedOut())
    this.#toServer.push({ kind: 'syn' }, 0)
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#toServer.bytes - KERNEL_BYTES)
  }

  send(data: string | Uint8Array): boolean {
    if (this.#state !== 'open' || this.#terminated) return false
    this.#toServer.push({ kind: 'message', data }, Buffer.byteLength(data))
    return true
  }

  ping(): boolean {
    if (this.#state !== 'open') return false
    this.#toServer.push({ kind: 'ping' }, 6)
    return true
  }

  pause(): void {
    this.#toClient.hold('paused')
  }

  resume(): void {
    this.#toClient.release('paused')
  }

  close(code = 1000, reason = ''): void {
    if (this.#state === 'connecting') this.terminate()
    if (this.#state !== 'open') return
    this.#state = 'closing'
    // A paused socket would never see the answer.
    this.resume()
    this.#toServer.push({ kind: 'close', code, reason }, 8)
    this.#endWithin(CLOSE_WITHIN_MICROS)
  }

  terminate(): void {
    if (this.#state === 'closed' || this.#terminated) return
    this.#terminated = true
    this.#toClient.cut()
    this.#toServer.push({ kind: 'gone' }, 0)
    this.#wire.time.plan(0, () => this.#closed(null, ''))
  }

  /** Nothing passes, in either direction, until it heals; nothing is lost. */
  part(): void {
    this.#toClient.hold('parted')
    this.#toServer.hold('parted')
  }

  heal(): void {
    this.#toClient.release('parted')
    this.#toServer.release('parted')
  }

  /** The host's end is gone, as when its process dies. */
  crash(): void {
    this.#peer.link.cut('reset')
  }

  #arrived(item: ToClient): void {
    if (this.#terminated || this.#state === 'closed') return
    switch (item.kind) {
      case 'syn-ack':
        this.#toServer.push({ kind: 'upgrade' }, 0)
        break
      case 'opened':
        this.#opened(item.protocol)
        break
      case 'refused':
        this.#answered(item.answer)
        break
      case 'message':
        if (this.#receiver.busy || item.bytes > this.#target.maxFrameBytes) this.#raw([asFrame(item.data)])
        else this.#message(item.data)
        break
      case 'raw':
        this.#raw(item.frames)
        break
      case 'ping':
      case 'pong':
        this.#control(item.kind)
        break
      case 'close':
        this.#goodbye(item.code, item.reason)
        break
      case 'cut':
        if (this.#state === 'connecting' && item.error !== null) {
          this.#error = connectFailure(item.error, this.#target.url, null)
        }
        this.#closed(null, '')
    }
  }

  #raw(frames: readonly RawFrame[]): void {
    for (const frame of frames) {
      if (this.#terminated || this.#state === 'failing' || this.#state === 'closed') return
      const received = this.#receiver.take(frame)
      if (received === null) continue
      switch (received.kind) {
        case 'message':
          this.#message(received.data)
          break
        case 'close':
          this.#goodbye(received.code, received.reason)
          break
        case 'breach':
          this.#fail(received.error)
          break
        default:
          this.#control(received.kind)
      }
    }
  }

  #opened(protocol: string): void {
    this.#deadline.cancel()
    this.#state = 'open'
    this.#wire.time.enterClient()
    this.#events.opened({ status: 101, headers: {}, protocol, extensions: '' }, this.#wire.clientNow())
  }

  #answered(answer: SimulatedAnswer): void {
    const { status, headers = {} } = answer
    const url = shownUrl(this.#target.url)
    this.#refused = { status, retryAfterMs: retryAfterMs(headers, this.#wire.clientNow()) }
    this.#error = new NetworkError(
      'handshake_refused',
      `${url} refused the handshake: ${status}${redirection(status, headers, this.#target.url)}`,
      {
        context: { url, status },
      },
    )
    this.#closed(null, '')
  }

  #message(data: string | Uint8Array): void {
    if (this.#state !== 'open' && this.#state !== 'closing') return
    this.#wire.time.enterClient()
    this.#events.message(data, this.#wire.clientNow())
  }

  #control(kind: 'ping' | 'pong'): void {
    if (this.#state !== 'open' && this.#state !== 'closing') return
    this.#wire.time.enterClient()
    this.#events.control(kind, this.#wire.clientNow())
  }

  /** The venue's close frame; the answer to it goes out of itself. */
  #goodbye(code: number | null, reason: string): void {
    this.#toServer.push({ kind: 'gone' }, 0)
    // As a real socket tells a close frame without a code.
    this.#closed(code ?? 1005, reason)
  }

  #fail(cause: Error): void {
    const breach = frameBreach(cause, this.#target.url, this.#target.maxFrameBytes)
    this.#state = 'failing'
    this.#breach = breach?.code ?? 1002
    this.#error = breach?.error ?? cause
    this.#toServer.push({ kind: 'close', code: this.#breach, reason: '' }, 8)
    this.#endWithin(CLOSE_WITHIN_MICROS)
  }

  #timedOut(): void {
    const { url, timeoutMs } = this.#target
    this.#error = new NetworkError(
      'connect_timeout',
      `${shownUrl(url)} was not open within ${timeoutMs} ms`,
      { context: { url: shownUrl(url) } },
    )
    this.terminate()
  }

  #endWithin(micros: number): void {
    this.#deadline.cancel()
    this.#deadline = this.#wire.time.plan(micros, () => this.terminate())
  }

  #closed(code: number | null, reason: string): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#deadline.cancel()
    this.#toClient.cut()
    this.#ended()
    this.#wire.time.enterClient()
    this.#events.closed(
      { code: this.#breach ?? code, reason, refused: this.#refused, error: this.#error },
      this.#wire.clientNow(),
    )
  }
}

function asFrame(data: string | Uint8Array): RawFrame {
  return typeof data === 'string'
    ? { opcode: Opcode.text, payload: Buffer.from(data) }
    : { opcode: Opcode.binary, payload: data }
}
