import type { Micros } from '../../schemas/events.js'
import { DecodeError } from '../../src/errors.js'
import type { MessagePackLibrary } from '../../src/protocols/message-pack.js'
import {
  CODES,
  jsonWamp,
  messagePackWamp,
  payloadOf,
  type WampFields,
  type WampFormat,
} from '../../src/protocols/wamp/messages.js'
import type { SimulatedAnswer, SimulatedPeer, SimulatedRequest } from '../../src/simulator/venue-simulator.js'
import { type ProtocolClient, ProtocolServer } from './protocol-server.js'

/** A procedure of the test router itself: what it returns is the one argument of the result. */
export type WampProcedure = (args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>) => unknown

/** What a procedure of the test router fails with. */
export class WampRefusal {
  constructor(
    readonly error: string,
    readonly args: readonly unknown[] = [],
  ) {}
}

/** Options of {@link WampServer}. */
export interface WampServerOptions {
  /** @default 'realm1' */
  readonly realm?: string
  readonly procedures?: Readonly<Record<string, WampProcedure>>
  /** Asks each client for this ticket. @default no proof is wanted */
  readonly ticket?: string
  /** Speaks MessagePack too. @default JSON alone */
  readonly messagePack?: MessagePackLibrary
}

const FAULTS = ['ack-missing', 'ack-error', 'reconnect-notice', 'message-unknown']

/**
 * A router of WAMP 2 for tests, broker and dealer: exact and prefix subscriptions, procedures of its own and of its clients, progress,
 * tickets. Its own faults, by name: `ack-missing` and `ack-error` (of the next subscription or call), `reconnect-notice` (a GOODBYE that
 * the system shuts down), `message-unknown`.
 */
export class WampServer extends ProtocolServer<WampClient> {
  readonly venue = 'wamp'
  readonly options: WampServerOptions
  readonly procedures: Record<string, WampProcedure>
  #lastId = 1_000

  constructor(options: WampServerOptions = {}) {
    super(FAULTS)
    this.options = options
    this.procedures = { ...options.procedures }
  }

  /** Sends an event to who has subscribed. */
  publish(
    topic: string,
    args: readonly unknown[] = [],
    kwargs: Readonly<Record<string, unknown>> = {},
    except?: WampClient,
  ): number {
    const publication = this.nextId()
    for (const client of this.clients) {
      if (client !== except) client.event(topic, publication, args, kwargs)
    }
    return publication
  }

  nextId(): number {
    return ++this.#lastId
  }

  /** The client that offers a procedure. */
  callee(procedure: string): WampClient | undefined {
    return this.clients.find((client) => client.procedures.has(procedure))
  }

  format(request: SimulatedRequest): WampFormat | null {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',')[0]?.trim()
    if (offered === 'wamp.2.json') return jsonWamp(JSON.parse)
    const { messagePack } = this.options
    return offered === 'wamp.2.msgpack' && messagePack !== undefined ? messagePackWamp(messagePack) : null
  }

  admit(request: SimulatedRequest): SimulatedAnswer | null {
    return this.format(request) === null ? { status: 400, body: 'the first subprotocol is not spoken' } : null
  }

  override fault(name: string, at: Micros): boolean {
    if (name !== 'reconnect-notice' && name !== 'message-unknown') return super.fault(name, at)
    const message = name === 'message-unknown' ? [999] : [CODES.goodbye, {}, 'wamp.close.system_shutdown']
    for (const client of this.clients) client.write(message)
    return this.clients.length > 0
  }

  protected accept(peer: SimulatedPeer): WampClient {
    return new WampClient(this, peer, this.format(peer.request) ?? jsonWamp(JSON.parse))
  }
}

/** One client of a {@link WampServer}. */
export class WampClient implements ProtocolClient {
  /** Topics by the id of their subscription, with how they match. */
  readonly subscriptions = new Map<string, { readonly topic: string; readonly match: string }>()
  /** Ids of registrations, by procedure. */
  readonly procedures = new Map<string, number>()
  readonly #server: WampServer
  readonly #peer: SimulatedPeer
  readonly #format: WampFormat
  /** Invocations that this client works at: who called, and under which request. */
  readonly #invoked = new Map<string, { readonly caller: WampClient; readonly request: number }>()
  #state: 'new' | 'challenged' | 'joined' | 'gone' = 'new'

  constructor(server: WampServer, peer: SimulatedPeer, format: WampFormat) {
    this.#server = server
    this.#peer = peer
    this.#format = format
  }

  write(message: readonly unknown[]): void {
    if (this.#state !== 'gone') this.#peer.send(this.#format.write(message))
  }

  event(
    topic: string,
    publication: number,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
  ): void {
    for (const [id, { topic: wanted, match }] of this.subscriptions) {
      if (match === 'prefix' ? !topic.startsWith(wanted) : topic !== wanted) continue
      const details = match === 'prefix' ? { topic } : {}
      this.write([CODES.event, Number(id), publication, details, ...payloadOf({ args, kwargs })])
    }
  }

  /** Has the client work at an invocation. */
  invoke(
    caller: WampClient,
    request: number,
    procedure: string,
    progress: boolean,
    rest: readonly unknown[],
  ): void {
    const id = this.#server.nextId()
    this.#invoked.set(String(id), { caller, request })
    const details = progress ? { receive_progress: true } : {}
    this.write([CODES.invocation, id, this.procedures.get(procedure), details, ...rest])
  }

  advance(): void {}

  closed(): void {
    this.#state = 'gone'
    this.subscriptions.clear()
    this.procedures.clear()
    for (const { caller, request } of this.#invoked.values())
      caller.#refuse(CODES.call, request, 'wamp.error.canceled')
  }

  received(data: string | Uint8Array): void {
    try {
      this.#message(this.#format.read(data))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#leave([CODES.abort, { message: 'unreadable message' }, 'wamp.error.protocol_violation'])
    }
  }

  #leave(message: readonly unknown[]): void {
    this.write(message)
    if (this.#state !== 'gone') this.#peer.close(1000, '')
    this.#state = 'gone'
  }

  #message(fields: WampFields): void {
    if (this.#state !== 'joined') {
      this.#join(fields)
      return
    }
    switch (fields.code) {
      case CODES.subscribe:
        this.#subscribe(fields)
        break
      case CODES.unsubscribe:
        if (this.subscriptions.delete(fields.id(2))) this.write([CODES.unsubscribed, Number(fields.id(1))])
        else this.#refuse(CODES.unsubscribe, Number(fields.id(1)), 'wamp.error.no_such_subscription')
        break
      case CODES.publish:
        this.#publish(fields)
        break
      case CODES.call:
        this.#call(fields)
        break
      case CODES.register: {
        const procedure = fields.text(3)
        const isTaken =
          this.#server.callee(procedure) !== undefined || Object.hasOwn(this.#server.procedures, procedure)
        if (isTaken) this.#refuse(CODES.register, Number(fields.id(1)), 'wamp.error.procedure_already_exists')
        else {
          const id = this.#server.nextId()
          this.procedures.set(procedure, id)
          this.write([CODES.registered, Number(fields.id(1)), id])
        }
        break
      }
      case CODES.unregister: {
        const [procedure] = [...this.procedures].find(([, id]) => String(id) === fields.id(2)) ?? ['']
        this.procedures.delete(procedure)
        this.write([CODES.unregistered, Number(fields.id(1))])
        break
      }
      case CODES.yield:
        this.#yield(fields)
        break
      case CODES.error: {
        const invoked = this.#invoked.get(fields.id(2))
        this.#invoked.delete(fields.id(2))
        if (invoked === undefined) break
        invoked.caller.#refuse(CODES.call, invoked.request, fields.text(4), payloadOf(fields.payload(5)))
        break
      }
      case CODES.cancel:
        this.#refuse(CODES.call, Number(fields.id(1)), 'wamp.error.canceled')
        break
      case CODES.goodbye:
        this.#leave([CODES.goodbye, {}, 'wamp.close.goodbye_and_out'])
        break
      default:
        this.#leave([CODES.abort, {}, 'wamp.error.protocol_violation'])
    }
  }

  #join(fields: WampFields): void {
    const { realm = 'realm1', ticket } = this.#server.options
    if (this.#state === 'challenged') {
      if (fields.code === CODES.authenticate && fields.text(1) === ticket) this.#welcome()
      else this.#leave([CODES.abort, { message: 'the ticket is wrong' }, 'wamp.error.authentication_failed'])
    } else if (fields.code !== CODES.hello) this.#leave([CODES.abort, {}, 'wamp.error.protocol_violation'])
    else if (fields.text(1) !== realm) this.#leave([CODES.abort, {}, 'wamp.error.no_such_realm'])
    else if (ticket === undefined) this.#welcome()
    else {
      this.#state = 'challenged'
      this.write([CODES.challenge, 'ticket', {}])
    }
  }

  #welcome(): void {
    this.#state = 'joined'
    this.write([CODES.welcome, this.#server.nextId(), { roles: { broker: {}, dealer: {} } }])
  }

  #subscribe(fields: WampFields): void {
    const request = Number(fields.id(1))
    const topic = fields.text(3)
    const match = String(fields.record(2)['match'] ?? 'exact')
    if (this.#server.takeFault('ack-missing')) return
    if (this.#server.takeFault('ack-error')) {
      this.#refuse(CODES.subscribe, request, 'wamp.error.not_authorized')
      return
    }
    const [known] =
      [...this.subscriptions].find(([, each]) => each.topic === topic && each.match === match) ?? []
    const id = known ?? String(this.#server.nextId())
    this.subscriptions.set(id, { topic, match })
    this.write([CODES.subscribed, request, Number(id)])
  }

  #publish(fields: WampFields): void {
    const options = fields.record(2)
    const { args, kwargs } = fields.payload(4)
    const publication = this.#server.publish(
      fields.text(3),
      args,
      kwargs,
      options['exclude_me'] === false ? undefined : this,
    )
    if (options['acknowledge'] === true) this.write([CODES.published, Number(fields.id(1)), publication])
  }

  #call(fields: WampFields): void {
    const request = Number(fields.id(1))
    const procedure = fields.text(3)
    const { args, kwargs } = fields.payload(4)
    if (this.#server.takeFault('ack-missing')) return
    const own = Object.hasOwn(this.#server.procedures, procedure)
      ? this.#server.procedures[procedure]
      : undefined
    const callee = this.#server.callee(procedure)
    if (this.#server.takeFault('ack-error')) this.#refuse(CODES.call, request, 'wamp.error.not_authorized')
    else if (own !== undefined) {
      const result = own(args, kwargs)
      if (result instanceof WampRefusal)
        this.#refuse(CODES.call, request, result.error, payloadOf({ args: result.args }))
      else this.write([CODES.result, request, {}, ...(result === undefined ? [] : [[result]])])
    } else if (callee === undefined) this.#refuse(CODES.call, request, 'wamp.error.no_such_procedure')
    else {
      const wantsProgress = fields.record(2)['receive_progress'] === true
      callee.invoke(this, request, procedure, wantsProgress, payloadOf({ args, kwargs }))
    }
  }

  #yield(fields: WampFields): void {
    const id = fields.id(1)
    const invoked = this.#invoked.get(id)
    const progress = fields.record(2)['progress'] === true
    if (!progress) this.#invoked.delete(id)
    const details = progress ? { progress: true } : {}
    invoked?.caller.write([CODES.result, invoked.request, details, ...payloadOf(fields.payload(3))])
  }

  #refuse(code: number, request: number, reason: string, rest: readonly unknown[] = []): void {
    this.write([CODES.error, code, request, {}, reason, ...rest])
  }
}
