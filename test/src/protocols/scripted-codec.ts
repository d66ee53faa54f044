import type { HttpRequest } from '../../../src/connector.js'
import type {
  CloseDemand,
  Codec,
  CodecOpening,
  CodecTarget,
  Outcome,
  Protocol,
  Question,
  Reconnect,
} from '../../../src/protocols/codec.js'

/** A codec driven by hand: what it asks for is written down, time is a number. */
export class ScriptedCodec<Command, Message, Answer> {
  readonly codec: Codec<Command>
  readonly dialled: CodecTarget[] = []
  sent: (string | Uint8Array)[] = []
  messages: Message[] = []
  readonly outcomes = new Map<string, Outcome<Answer>>()
  readonly requests: HttpRequest[] = []
  readonly questions: Question[] = []
  readonly errors: Error[] = []
  readonly closes: CloseDemand[] = []
  wakeAt: number | null = null
  readyTimes = 0
  now = 1_000_000_000

  constructor(protocol: Protocol<Command, Message, Answer>, random: () => number = () => 0.5) {
    this.codec = protocol.codec(
      { random },
      {
        dial: (target) => void this.dialled.push(target),
        send: (frame) => void this.sent.push(frame),
        emit: (message) => void this.messages.push(message),
        settle: (id, outcome) => {
          if (this.outcomes.has(id)) throw new Error(`${id} is settled twice`)
          this.outcomes.set(id, outcome)
        },
        request: (request) => void this.requests.push(request),
        ask: (question) => void this.questions.push(question),
        wake: (at) => {
          this.wakeAt = at
        },
        ready: () => {
          this.readyTimes++
        },
        error: (error) => void this.errors.push(error),
        close: (demand) => void this.closes.push(demand),
      },
    )
  }

  connect(url = 'wss://example.test/path'): this {
    this.codec.connect({ url }, this.now)
    return this
  }

  open(opening: Partial<CodecOpening> = {}): this {
    this.codec.opened({ status: 101, headers: {}, protocol: '', ...opening }, this.now)
    return this
  }

  frame(data: string | Uint8Array | object): this {
    const frame = typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data)
    this.codec.frame(frame, this.now)
    return this
  }

  do(command: Command): string | null {
    return this.codec.command(command, this.now)
  }

  closed(code: number | null = null, reason = ''): Reconnect | null {
    return this.codec.closed({ code, reason, status: null }, this.now)
  }

  /** Lets time pass, and the codec's deadlines come as they are named. */
  pass(ms: number): this {
    const until = this.now + ms * 1000
    while (this.wakeAt !== null && this.wakeAt <= until) {
      this.now = Math.max(this.now, this.wakeAt)
      this.wakeAt = null
      this.codec.tick(this.now)
    }
    this.now = until
    return this
  }

  /** What was sent since the last look, read as JSON. */
  takeSent(): unknown[] {
    const { sent } = this
    this.sent = []
    return sent.map((frame) => (typeof frame === 'string' ? JSON.parse(frame) : frame))
  }
}

/** The error of an outcome; fails where there is none. */
export function errorOf(outcome: Outcome<unknown> | undefined): {
  code: string
  message: string
  answer?: unknown
} {
  if (outcome === undefined || outcome.ok) throw new Error(`no error: ${JSON.stringify(outcome)}`)
  return outcome.error as never
}
