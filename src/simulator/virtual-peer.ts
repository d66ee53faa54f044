import type { DialTarget } from '../platform.js'
import type { Appointment } from './agenda.js'
import type {
  RawFrame,
  SimulatedAnswer,
  SimulatedConnection,
  SimulatedLink,
  SimulatedPeer,
  SimulatedRequest,
} from './venue-simulator.js'
import type { VirtualLane } from './virtual-lane.js'
import { systemError, type ToClient, type ToServer, type VirtualWire } from './virtual-wire.js'
import { closePayload, isCloseCode, Opcode } from './web-socket-frame.js'

/** As the real server: a client that was told to go and does not is cut after this. */
const CLOSE_GRACE_MICROS = 1_000_000

/** `handshake` → `open` → `closing` (the client was told to go) → `closed`. */
type PeerState = 'handshake' | 'open' | 'closing' | 'closed'

/** The host's end of one connection in the virtual network. */
export class VirtualPeer implements SimulatedPeer {
  readonly request: SimulatedRequest
  readonly link: SimulatedLink
  readonly #wire: VirtualWire
  readonly #toClient: VirtualLane<ToClient>
  readonly #toServer: VirtualLane<ToServer>
  readonly #ended: () => void
  #state: PeerState = 'handshake'
  #connection: SimulatedConnection | null = null
  #lost = false
  #answersPings = true
  /** What is planned for this end: a late answer to the handshake, or the end of a closing. */
  #planned: Appointment | null = null

  constructor(
    wire: VirtualWire,
    target: DialTarget,
    toClient: VirtualLane<ToClient>,
    toServer: VirtualLane<ToServer>,
    ended: () => void,
  ) {
    this.#wire = wire
    this.#toClient = toClient
    this.#toServer = toServer
    this.#ended = ended
    this.request = handshake(target)
    this.link = {
      raw: (frames) => this.#raw(frames),
      close: (code, reason) => this.#closeWith(code, reason),
      cut: (how) => this.#cut(how === 'reset' ? systemError('ECONNRESET', 'read') : null),
      hold: (mode) => this.#hold(mode),
      limit: (bytesPerSecond) => this.#toClient.limit(bytesPerSecond),
      answerPings: (on) => {
        this.#answersPings = on
      },
      stepClock: (ms) => wire.stepClock(ms),
    }
  }

  get bufferedBytes(): number {
    return this.#toClient.bytes
  }

  send(data: string | Uint8Array): void {
    if (!this.#sends) return
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length
    this.#toClient.push({ kind: 'message', data, bytes }, bytes)
    this.#bound()
  }

  ping(): void {
    if (!this.#sends) return
    this.#toClient.push({ kind: 'ping' }, 2)
    this.#bound()
  }

  close(code: number, reason: string): void {
    this.#closeWith(code, reason)
  }

  /** Something came from the client. */
  arrived(item: ToServer): void {
    switch (item.kind) {
      case 'syn':
        this.#syn()
        break
      case 'upgrade':
        this.#upgrade()
        break
      case 'message':
        if (!this.#lost && this.#state === 'open') this.#connection?.received(item.data, this.#wire.time.now)
        break
      case 'ping':
        if (this.#answersPings && this.#sends) this.#toClient.push({ kind: 'pong' }, 2)
        break
      case 'close':
        if (this.#lost) break
        if (this.#state === 'open') {
          this.#toClient.push({ kind: 'close', code: item.code, reason: item.reason }, 4)
        }
        this.#end()
        break
      case 'gone':
        this.#end()
    }
  }

  get #sends(): boolean {
    return this.#state === 'open' && !this.#lost
  }

  #syn(): void {
    const { simulator, time } = this.#wire
    if (simulator.reachable?.(time.now) ?? true) this.#toClient.push({ kind: 'syn-ack' }, 0)
    else this.#cut(systemError('ECONNREFUSED', 'connect'))
  }

  #upgrade(): void {
    const { simulator, time } = this.#wire
    const answer = simulator.admit?.(this.request, time.now) ?? null
    const { delayMs = 0, outcome = 'whole' } = answer?.delivery ?? {}
    if (outcome === 'reset') this.#cut(systemError('ECONNRESET', 'read'))
    else if (outcome !== 'never') {
      if (delayMs === 0) this.#answer(answer)
      else this.#planned = time.plan(delayMs * 1000, () => this.#answer(answer))
    }
  }

  #answer(answer: SimulatedAnswer | null): void {
    const { simulator, time } = this.#wire
    if (answer !== null && answer.status !== 101) {
      this.#toClient.push({ kind: 'refused', answer }, 0)
      this.#end()
      return
    }
    const protocol = this.request.headers['sec-websocket-protocol']?.split(',')[0] ?? ''
    this.#toClient.push({ kind: 'opened', protocol }, 0)
    this.#state = 'open'
    this.#connection = simulator.connect(this, time.now)
  }

  #raw(frames: readonly RawFrame[]): void {
    if (!this.#sends) return
    const cutAt = frames.findIndex((frame) => frame.cutAfterBytes !== undefined)
    const whole = cutAt === -1 ? frames : frames.slice(0, cutAt)
    let bytes = 0
    for (const frame of whole) bytes += frame.payload.length + 2
    if (whole.length > 0) this.#toClient.push({ kind: 'raw', frames: whole }, bytes)
    if (cutAt === -1) this.#bound()
    else this.#cut(systemError('ECONNRESET', 'read'))
  }

  #closeWith(code: number | null, reason: string): void {
    // A goodbye on a line that is lost is never heard.
    if (!this.#sends) return
    if (code === null || isCloseCode(code)) this.#toClient.push({ kind: 'close', code, reason }, 4)
    else this.#raw([{ opcode: Opcode.close, payload: closePayload(code, reason) }])
    this.#state = 'closing'
    this.#planned = this.#wire.time.plan(CLOSE_GRACE_MICROS, () => {
      this.#toClient.cut()
      this.#cut(systemError('ECONNRESET', 'read'))
    })
  }

  #cut(error: Error | null): void {
    if (this.#state === 'closed') return
    this.#toClient.abandon('held')
    this.#toClient.push({ kind: 'cut', error }, 0)
    this.#end()
  }

  #hold(mode: 'flow' | 'held' | 'lost'): void {
    if (this.#lost) return
    if (mode === 'held') {
      this.#toClient.hold('held')
      this.#toServer.hold('held')
    } else {
      this.#lost = mode === 'lost'
      this.#toClient.release('held')
      this.#toServer.release('held')
    }
  }

  /** A client that does not read is cut, so that what waits for it stays bounded. */
  #bound(): void {
    if (this.#toClient.bytes > this.#wire.maxBufferedBytes) {
      this.#closeWith(1013, 'too slow: frames are not being read')
    }
  }

  #end(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#planned?.cancel()
    this.#ended()
    this.#connection?.closed(this.#wire.time.now)
  }
}

function handshake(target: DialTarget): SimulatedRequest {
  const url = new URL(target.url)
  const headers: Record<string, string> = {
    host: url.host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
  }
  if (target.protocols !== undefined && target.protocols.length > 0) {
    headers['sec-websocket-protocol'] = target.protocols.join(',')
  }
  for (const [name, value] of Object.entries(target.headers ?? {})) headers[name.toLowerCase()] = value
  return { method: 'GET', path: `${url.pathname}${url.search}`, headers, body: '' }
}
