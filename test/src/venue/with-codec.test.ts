import { describe, expect, test } from 'vitest'
import type { MarketEvent } from '../../../schemas/events.js'
import type { ChannelSpec, HttpRequest, Session } from '../../../src/connector.js'
import type { Protocol } from '../../../src/protocols/codec.js'
import { jsonRpc, pusher, signalR } from '../../../src/protocols/index.js'
import type { SessionKit } from '../../../src/session/index.js'
import { DecodeError, spotMarket, withCodec } from '../../../src/venue/index.js'
import { T0, toySession } from '../session/toy-session.js'

const CHANNELS: readonly ChannelSpec[] = [
  { kind: 'trade', variants: [], markets: ['spot'], cadenceMs: null, snapshot: false },
]
const BTC = { instrument: spotMarket('toy', 'BTC', 'BTC', 'USD'), channel: 'trade' } as const

/** A session of a toy venue on a codec, driven by hand. */
class Stage<Command, Message> {
  readonly events: MarketEvent[] = []
  readonly sent: string[] = []
  readonly requests: HttpRequest[] = []
  readonly reconnects: string[] = []
  readonly messages: Message[] = []
  readonly answers: [Command, string][] = []
  readonly misfits: string[] = []
  readonly session: Session
  ready = 0
  wakeAt: number | null = null
  now = T0

  constructor(
    protocol: Protocol<Command, Message>,
    commandOf: (instrument: string) => Command,
    { adopt = false, onMessage = (_: Message, _frame: string): void => {} } = {},
  ) {
    const toy = (kit: SessionKit) => {
      const codec = withCodec(kit, protocol, {
        message: (message, frame) => {
          this.messages.push(message)
          onMessage(message, frame)
        },
        misfit: (_frame, _at, { code }) => void this.misfits.push(code),
        answered: (command, outcome, at) => {
          this.answers.push([command, outcome.ok ? JSON.stringify(outcome.value) : outcome.error.code])
          const stream = kit.streams.get('BTC', 'trade')
          if (stream !== undefined && outcome.ok) kit.streams.ack(stream, at)
        },
      })
      return {
        ...codec.protocol,
        subscribe: (
          streams: readonly { readonly instrument: { readonly instrument: string } }[],
          at: number | null,
        ) => {
          for (const { instrument } of streams) codec.command(commandOf(instrument.instrument), at)
        },
        unsubscribe: () => {},
      }
    }
    this.session = toySession(
      {
        channels: CHANNELS,
        adopt,
        sink: {
          emit: (event) => void this.events.push(event),
          send: (frame) => void this.sent.push(frame),
          request: (request) => void this.requests.push(request),
          wake: (at) => {
            this.wakeAt = at
          },
          // As the engine may: from within the call.
          ready: () => {
            this.ready++
            if (!adopt) this.session.subscribe([BTC], this.now)
          },
          reconnect: (reason) => void this.reconnects.push(reason),
        },
      },
      toy,
    )
  }

  open(): this {
    this.session.opened({ url: 'ws://toy', negotiated: null, attempt: 1 }, this.now)
    return this
  }

  frame(frame: string | Uint8Array): this {
    this.session.frame(frame, this.now)
    return this
  }

  /** Lets time pass, waking the session at each moment that it names. */
  wait(ms: number): void {
    const until = this.now + ms * 1000
    while (this.wakeAt !== null && this.wakeAt <= until) {
      this.now = Math.max(this.now, this.wakeAt)
      this.wakeAt = null
      this.session.tick(this.now)
    }
    this.now = until
  }

  malformed() {
    return this.events.filter((event) => event.type === 'malformed')
  }
}

const call = (channel: string) => ({ type: 'call', method: 'subscribe', params: { channel } }) as const
const rpc = (options: ConstructorParameters<typeof Stage>[2] = {}, settings = {}) =>
  new Stage(jsonRpc(settings), call, options)
const NOTE = '{"jsonrpc":"2.0","method":"note","params":[1]}'

describe('a session on a codec', () => {
  test('subscribes by a command when the codec is ready, and hears its answer by id', () => {
    const stage = rpc().open()
    expect(stage.ready).toBe(1)
    expect(stage.sent).toEqual(['{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"BTC"},"id":1}'])
    stage.frame('{"jsonrpc":"2.0","id":7,"result":true}')
    expect(stage.answers).toEqual([])
    stage.frame('{"jsonrpc":"2.0","id":1,"result":true}')
    expect(stage.answers).toEqual([[call('BTC'), 'true']])
  })

  test('hears of a refusal, and of a command that the codec cannot do', () => {
    const stage = rpc({}, { maxRequests: 1 }).open()
    stage.session.subscribe([BTC], stage.now)
    expect(stage.answers).toEqual([[call('BTC'), 'too_many_requests']])
    stage.frame('{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params"}}')
    expect(stage.answers[1]).toEqual([call('BTC'), 'request_refused'])
  })

  test('reads every message of a frame, though one of them does not fit the venue', () => {
    const stage = rpc({
      onMessage: (message, frame) => {
        if (JSON.stringify(message).includes('[2]'))
          throw new DecodeError('schema_mismatch', 'no', { path: [], head: frame })
      },
    }).open()
    stage.frame(`[${NOTE.replace('[1]', '[2]')},${NOTE},7]`)
    expect(stage.messages).toHaveLength(2)
    expect(stage.malformed().map(({ reason, head }) => [reason, head.slice(0, 9)])).toEqual([
      ['schema_mismatch', '[{"jsonrp'],
      ['schema_mismatch', '[{"jsonrp'],
    ])
    expect(() => stage.frame('{').frame(new Uint8Array([0xff]))).not.toThrow()
    expect(stage.malformed()).toHaveLength(4)
    expect(stage.misfits).toEqual(['schema_mismatch', 'schema_mismatch', 'not_json', 'undecodable'])
  })

  test('keeps the deadlines of the codec in the time of the session', () => {
    const stage = rpc(
      {},
      { timeoutMs: 5_000, heartbeat: { method: 'ping', everyMs: 20_000, withinMs: 1_000 } },
    ).open()
    stage.wait(4_999)
    expect(stage.answers).toEqual([])
    stage.wait(1)
    expect(stage.answers).toEqual([[call('BTC'), 'request_timeout']])
    stage.wait(15_000)
    expect(stage.sent.at(-1)).toContain('"method":"ping"')
    stage.wait(1_000)
    expect(stage.reconnects).toEqual(['the heartbeat was not answered within 1000 ms'])
  })

  test('says nothing of a command that the end of the connection leaves unanswered, and sends nothing after it', () => {
    const stage = rpc({}, { heartbeat: { method: 'ping', everyMs: 20_000 } }).open()
    stage.session.closed({ code: 1006, reason: '' }, stage.now)
    expect(stage.answers).toEqual([])
    stage.wait(60_000)
    expect(stage.sent).toHaveLength(1)
    expect(stage.wakeAt).toBeNull()
  })

  test('makes an error that no command waits for an event of the connection', () => {
    const stage = rpc()
      .open()
      .frame('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}')
    expect(stage.events).toMatchObject([{ type: 'connection', state: 'refused' }])
    expect(stage.answers).toEqual([[call('BTC'), 'request_refused']])
  })

  test('logs in with what is known at once, and ends the connection where that is a promise', () => {
    const login = { method: 'auth', params: { key: 'k' } }
    const stage = rpc({}, { login: () => login }).open()
    expect([stage.ready, stage.sent.length]).toEqual([0, 1])
    stage.frame('{"jsonrpc":"2.0","id":1,"result":true}')
    expect([stage.ready, stage.sent.length]).toEqual([1, 2])
    const late = rpc({}, { login: async () => login }).open()
    expect(late.reconnects).toEqual(['json-rpc: a session cannot wait; answer without a promise'])
  })

  test('refuses a codec that asks over HTTP before it dials', () => {
    const stage = new Stage(signalR(), () => ({ type: 'invoke', target: 'a', args: [] }) as never)
    expect(() => stage.open()).toThrow(/signalr asks for something before it dials/)
  })
})

describe('a recording', () => {
  test('is read without a word to anybody, and its answers belong to what the recorded client asked', () => {
    const stage = rpc({ adopt: true }, { heartbeat: { method: 'ping', everyMs: 1_000 } }).open()
    stage.session.sent(
      '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"BTC"},"id":"a"}',
      stage.now,
    )
    stage.session.sent('{"method":"subscribe","params":{"channel":"ETH"}}', stage.now)
    stage.frame(NOTE).frame('{"jsonrpc":"2.0","id":"b","result":true}').frame('{"id":"a","result":true}')
    expect(stage.messages).toHaveLength(1)
    expect(stage.answers).toEqual([[call('BTC'), 'true']])
    stage.wait(60_000)
    expect(stage.sent).toEqual([])
    stage.session.sent('{', stage.now)
    expect(stage.malformed()).toHaveLength(1)
  })

  test('may have no clock, and begin within a connection', () => {
    const stage = rpc({ adopt: true })
    stage.session.frame(NOTE, null)
    stage.session.closed({ code: null, reason: '' }, null)
    expect(stage.messages).toHaveLength(1)
  })

  test('of Pusher shows its channels, which nobody asked for here', () => {
    const adopted = new Stage(pusher(), (channel) => ({ type: 'subscribe', channel }), { adopt: true }).open()
    const live = new Stage(pusher(), (channel) => ({ type: 'subscribe', channel })).open()
    for (const stage of [adopted, live]) {
      stage.frame(JSON.stringify({ event: 'pusher:connection_established', data: '{"socket_id":"1.2"}' }))
      stage.frame('{"event":"pusher_internal:subscription_succeeded","channel":"ETH","data":"{}"}')
      stage.frame('{"event":"trade","channel":"ETH","data":"{}"}')
    }
    expect(adopted.messages.map((message) => (message as { type: string }).type)).toEqual([
      'subscribed',
      'event',
    ])
    expect([live.messages, live.ready, live.sent.length]).toEqual([[], 1, 1])
    expect(adopted.sent).toEqual([])
  })
})
