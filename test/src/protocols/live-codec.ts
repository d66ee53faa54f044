import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import WebSocket from 'ws'
import type { ConnectTarget, HttpRequest } from '../../../src/connector.js'
import { ProtocolError } from '../../../src/errors.js'
import type { Timer } from '../../../src/platform.js'
import type {
  CloseDemand,
  Codec,
  CodecClose,
  CodecSink,
  CodecTarget,
  Outcome,
  Protocol,
  Question,
  Reconnect,
} from '../../../src/protocols/codec.js'
import { systemClock } from '../../../src/socket/clock.js'

const clock = systemClock()
/** From the beginning of an attempt until it is ready. */
const CONNECT_WITHIN_MS = 3_000

/**
 * Runs a codec on real sockets by the contract, and no more: it connects again after a short wait, so that what a codec restores can
 * be seen. The policies of a socket are not its business.
 */
export class LiveCodec<Command, Message, Answer> implements AsyncDisposable {
  readonly codec: Codec<Command>
  readonly messages: Message[] = []
  readonly errors: Error[] = []
  readonly demands: (CloseDemand | Reconnect)[] = []
  readonly #target: ConnectTarget
  readonly #answers = new Map<string, Outcome<Answer>>()
  readonly #settled = new Map<string, (outcome: Outcome<Answer>) => void>()
  readonly #watchers = new Set<() => void>()
  readonly #work: (() => void)[] = []
  #working = false
  #alarm: Timer | null = null
  #again: Timer | null = null
  #late: Timer | null = null
  #transport: {
    send(data: string | Uint8Array): void
    close(code: number, reason: string): void
    terminate(): void
  } | null = null
  #attempt = 0
  #demand: CloseDemand | null = null
  #ended = false
  ready = false
  opened = 0
  readyTimes = 0

  constructor(
    protocol: Protocol<Command, Message, Answer>,
    url: string,
    headers: Record<string, string> = {},
  ) {
    this.#target = { url, headers }
    this.codec = protocol.codec({ random: () => clock.random() }, this.#sink())
    this.#begin()
  }

  /** Resolves once the condition holds; it is looked at after everything that happens. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return
        this.#watchers.delete(look)
        resolve()
      }
      this.#watchers.add(look)
      look()
    })
  }

  whenReady(): Promise<void> {
    return this.until(() => this.ready)
  }

  /**
   * Does a command while there is a connection, and waits for its outcome. The connection that was there a microtask ago may be
   * gone, so the command is done where readiness is seen.
   */
  async outcome(command: Command): Promise<Outcome<Answer>> {
    const id = await new Promise<string | null>((resolve, reject) => {
      const look = () => {
        if (!this.ready && !this.#ended) return
        this.#watchers.delete(look)
        try {
          resolve(this.do(command))
        } catch (error) {
          reject(error)
        }
      }
      this.#watchers.add(look)
      look()
    })
    if (id === null) throw new Error('the command is not answered')
    const already = this.#answers.get(id)
    if (already !== undefined) return already
    return new Promise((resolve) => this.#settled.set(id, resolve))
  }

  /** The value of a command's outcome; its error is thrown. */
  async value(command: Command): Promise<Answer> {
    const outcome = await this.outcome(command)
    if (!outcome.ok) throw outcome.error
    return outcome.value
  }

  do(command: Command): string | null {
    let id: string | null = null
    this.#run(() => {
      id = this.codec.command(command, now())
    })
    return id
  }

  /** Ends the connection, as a network would. */
  cut(): void {
    this.#transport?.close(4_999, 'cut by the test')
  }

  /** Is gone without a word, for good. */
  vanish(): void {
    this.#ended = true
    this.#alarm?.cancel()
    this.#transport?.terminate()
  }

  async close(): Promise<void> {
    if (this.#ended) return
    this.#again?.cancel()
    if (this.#transport !== null) {
      this.#run(() => this.codec.end(now()))
      await this.until(() => this.#transport === null)
    }
    this.#ended = true
    this.#again?.cancel()
    this.#alarm?.cancel()
    this.#late?.cancel()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #begin(): void {
    this.#attempt++
    this.#demand = null
    this.#late?.cancel()
    const attempt = this.#attempt
    this.#late = clock.after(CONNECT_WITHIN_MS, () => {
      if (attempt !== this.#attempt || this.ready) return
      if (this.#transport === null) this.#over(attempt, { code: null, reason: 'late', status: null })
      else this.#transport.close(1000, 'late')
    })
    this.#run(() => this.codec.connect(this.#target, now()))
  }

  /** Nothing is called from within a call of the sink. */
  #run(work: () => void): void {
    if (this.#working) {
      this.#work.push(work)
      return
    }
    this.#working = true
    try {
      work()
      for (let next = this.#work.shift(); next !== undefined; next = this.#work.shift()) next()
    } finally {
      this.#working = false
    }
    for (const look of [...this.#watchers]) look()
  }

  #sink(): CodecSink<Message, Answer> {
    return {
      dial: (target) => this.#dial(target, this.#attempt),
      send: (frame) => this.#transport?.send(frame),
      emit: (message) => void this.messages.push(message),
      settle: (id, outcome) => {
        this.#answers.set(id, outcome)
        this.#settled.get(id)?.(outcome)
      },
      request: (request) => void this.#request(request, this.#attempt),
      ask: (question) => void this.#ask(question, this.#attempt),
      wake: (at) => {
        this.#alarm?.cancel()
        this.#alarm =
          at === null
            ? null
            : clock.after(Math.max(0, (at - now()) / 1000), () => this.#run(() => this.codec.tick(now())))
      },
      ready: () => {
        this.ready = true
        this.readyTimes++
      },
      error: (error) => void this.errors.push(error),
      close: (demand) => {
        this.#demand = demand
        this.demands.push(demand)
        // As under a socket: no command comes to a codec that ends its connection.
        this.ready = false
        if (this.#transport === null)
          this.#work.push(() => this.#over(this.#attempt, { code: null, reason: '', status: null }))
        else this.#transport.close(demand.code, demand.reason)
      },
    }
  }

  #over(attempt: number, close: CodecClose): void {
    if (attempt !== this.#attempt) return
    this.#attempt++
    this.#transport = null
    this.ready = false
    this.#run(() => {
      const next = this.codec.closed(close, now())
      if (next !== null) this.demands.push(next)
      const then = this.#demand ?? next
      if (then?.retry === 'never' || this.#ended) this.#ended = true
      else this.#again = clock.after(20, () => this.#begin())
    })
  }

  #dial(target: CodecTarget, attempt: number): void {
    const mine = (work: () => void) => {
      if (attempt === this.#attempt) this.#run(work)
    }
    if (target.transport === 'websocket') this.#webSocket(target, attempt, mine)
    else if (target.transport === 'tcp') this.#tcp(target, attempt, mine)
    else void this.#http(target, attempt, mine)
  }

  #webSocket(
    { url, headers = {}, protocols = [] }: Extract<CodecTarget, { transport: 'websocket' }>,
    attempt: number,
    mine: (work: () => void) => void,
  ): void {
    const socket = new WebSocket(url, [...protocols], { headers: { ...headers } })
    let status: number | null = null
    this.#transport = {
      send: (data) => socket.send(data),
      close: (code, reason) => socket.close(code, reason),
      terminate: () => socket.terminate(),
    }
    let heads: Record<string, string> = {}
    socket.on('upgrade', (response) => {
      heads = Object.fromEntries(
        Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
      )
    })
    socket.on('open', () => {
      this.opened++
      mine(() => this.codec.opened({ status: 101, headers: heads, protocol: socket.protocol }, now()))
    })
    socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer
      mine(() => this.codec.frame(isBinary ? bytes : bytes.toString(), now()))
    })
    socket.on('unexpected-response', (request, response) => {
      status = response.statusCode ?? 0
      request.destroy()
      this.#over(attempt, { code: null, reason: '', status })
    })
    socket.on('error', () => {})
    socket.on('close', (code, reason) =>
      this.#over(attempt, { code: code === 1006 ? null : code, reason: reason.toString(), status }),
    )
  }

  #tcp(
    { host, port, tls }: Extract<CodecTarget, { transport: 'tcp' }>,
    attempt: number,
    mine: (work: () => void) => void,
  ): void {
    const socket: Socket = tls
      ? connectTls({ host, port, rejectUnauthorized: false })
      : connectTcp({ host, port })
    this.#transport = {
      send: (data) => void socket.write(data),
      close: () => void socket.end(),
      terminate: () => void socket.destroy(),
    }
    socket.on(tls ? 'secureConnect' : 'connect', () => {
      this.opened++
      mine(() => this.codec.opened({ status: 0, headers: {}, protocol: '' }, now()))
    })
    socket.on('data', (bytes) => mine(() => this.codec.frame(bytes, now())))
    socket.on('error', () => {})
    socket.on('close', () => this.#over(attempt, { code: null, reason: '', status: null }))
  }

  async #http(
    { method, url, headers = {}, body }: Extract<CodecTarget, { transport: 'http' }>,
    attempt: number,
    mine: (work: () => void) => void,
  ): Promise<void> {
    const abort = new AbortController()
    this.#transport = { send: () => {}, close: () => abort.abort(), terminate: () => abort.abort() }
    try {
      const response = await fetch(url, { method, headers, body: body ?? null, signal: abort.signal })
      this.opened++
      mine(() =>
        this.codec.opened(
          { status: response.status, headers: Object.fromEntries(response.headers), protocol: '' },
          now(),
        ),
      )
      for await (const chunk of response.body ?? []) mine(() => this.codec.frame(chunk, now()))
    } catch {
      // Cut or refused: the connection is over either way.
    }
    this.#over(attempt, { code: null, reason: '', status: null })
  }

  async #request(request: HttpRequest, attempt: number): Promise<void> {
    const { id, method, url, headers = {}, body = null } = request
    const answer = await fetch(url, { method, headers, body, redirect: 'manual' }).then(
      async (response) => ({
        id,
        url,
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.text(),
      }),
      (error: Error) => ({ id, url, status: 0, headers: {}, body: error.message }),
    )
    if (attempt === this.#attempt) this.#run(() => this.codec.response(answer, now()))
  }

  async #ask({ id, run }: Question, attempt: number): Promise<void> {
    const outcome = await Promise.resolve()
      .then(() => run(new AbortController().signal))
      .then(
        (value): Outcome<unknown> => ({ ok: true, value }),
        (error: Error): Outcome<unknown> => ({
          ok: false,
          error: new ProtocolError('request_refused', error.message),
        }),
      )
    if (attempt === this.#attempt) this.#run(() => this.codec.answered(id, outcome, now()))
  }
}

function now(): number {
  return clock.steady(clock.now())
}
