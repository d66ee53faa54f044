import {
  boardMessage,
  channelMessage,
  executionsMessage,
  health,
  tickerMessage,
} from '../../schemas/bitflyer.js'
import { type JsonRpcCommand, type JsonRpcMessage, jsonRpc } from '../../src/protocols/json-rpc/index.js'
import {
  type Channel,
  checker,
  DecodeError,
  decoder,
  type HttpResponse,
  type Micros,
  type Protocol,
  ProtocolError,
  RestBackfills,
  Rising,
  readLossless,
  type SessionKit,
  type Stream,
  streamName,
  withCodec,
} from '../../src/venue/index.js'
import { Images, WINDOW } from './images.js'
import { changes, image, tickerFields, tradeFields } from './rows.js'
import { guess } from './symbols.js'
import { bitflyerTradeHistory } from './trade-history.js'

type Topic = 'board_snapshot' | 'board' | 'executions' | 'ticker'

/** The product is the end of a channel's name, and two names share a beginning. */
const CHANNEL = /^lightning_(board_snapshot|board|executions|ticker)_(\w+)$/
/** Which channel a frame that cannot be read was of. */
const NAMED = /"channel"\s*:\s*"(\w+)"/

const SERVED: Readonly<Record<Topic, readonly Channel[]>> = {
  board_snapshot: ['book'],
  board: ['book'],
  executions: ['trade'],
  ticker: ['ticker', 'quote', 'instrument'],
}

/** A call without an answer for this long was lost. */
const ANSWER_MS = 10_000
/** Codes of JSON-RPC by which a request is refused whenever it is made. */
const FOR_GOOD: ReadonlySet<unknown> = new Set([-32600, -32601, -32602])
/** What `gethealth` says while nothing can be ordered. */
const STOPPED = new Set(['STOP', 'NO ORDER'])

const checkChannel = checker(channelMessage)
const checkBoard = checker(boardMessage)
const checkExecutions = checker(executionsMessage)
const checkTicker = checker(tickerMessage)
const readHealth = decoder(health)

/** JSON-RPC 2.0: channels are subscribed by calls, and all that they bring is the notification `channelMessage`. */
export function bitflyerProtocol(kit: SessionKit): Protocol {
  const { init, sink, streams } = kit
  const { rest } = init.endpoint
  const backfills = new RestBackfills(kit, bitflyerTradeHistory(rest))
  const images = new Images()
  const ticks = new Rising()
  /** The venue's channels that are subscribed, and whether they are granted. */
  const topics = new Map<string, 'asked' | 'granted'>()

  const rpc = withCodec(kit, jsonRpc({ read: readLossless, timeoutMs: ANSWER_MS }), {
    message,
    answered,
    misfit,
    response,
  })

  // ── Topics ──────────────────────────────────────────────────────────────────────────────────────────────────────

  function call(method: 'subscribe' | 'unsubscribe', channel: string, at: Micros | null): void {
    if (method === 'subscribe') topics.set(channel, 'asked')
    else topics.delete(channel)
    rpc.command({ type: 'call', method, params: { channel } }, at)
  }

  function ask(stream: Stream, at: Micros | null): void {
    for (const channel of channelsOf(stream)) if (!topics.has(channel)) call('subscribe', channel, at)
    grant(stream, at)
  }

  /** The channels of a stream that no other stream needs are given up. */
  function release(stream: Stream, at: Micros | null): void {
    const needed = new Set([...streams.values()].filter((other) => other !== stream).flatMap(channelsOf))
    for (const channel of channelsOf(stream)) {
      if (topics.has(channel) && !needed.has(channel)) call('unsubscribe', channel, at)
    }
  }

  /** A stream is granted with the last of its channels. */
  function grant(stream: Stream, at: Micros | null): void {
    if (!channelsOf(stream).every((channel) => topics.get(channel) === 'granted')) return
    streams.refusals.forget(streamName(stream))
    if (stream.kind === 'trade') backfills.granted(stream, at)
    else streams.ack(stream, at)
  }

  /** The streams of a channel. A recording shows them by its acks and its data. */
  function served(channel: string, at: Micros | null): Stream[] {
    const [, topic, product = ''] = CHANNEL.exec(channel) ?? []
    if (topic === undefined) return []
    return SERVED[topic as Topic].flatMap((kind) => {
      const held = streams.get(product, kind)
      if (held !== undefined || !init.adopt) return held ?? []
      const instrument = init.instruments.get(product) ?? guess(product)
      if (instrument !== null) return streams.adopt(instrument, kind, at)
      throw misfitOf(`${JSON.stringify(product)} is no product of bitFlyer`, channel)
    })
  }

  // ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

  function answered(
    command: JsonRpcCommand,
    outcome: { readonly ok: true } | { readonly ok: false; readonly error: Error },
    at: Micros | null,
  ): void {
    const channel = command.type === 'call' ? channelIn(command.params) : null
    if (channel === null || command.type !== 'call') return
    if (command.method === 'unsubscribe') {
      if (init.adopt) for (const stream of served(channel, at)) streams.remove(stream)
    } else if (outcome.ok) granted(channel, at)
    else refused(channel, outcome.error, at)
  }

  function granted(channel: string, at: Micros | null): void {
    if (topics.has(channel)) topics.set(channel, 'granted')
    for (const stream of served(channel, at)) if (stream.state === 'requested') grant(stream, at)
  }

  function refused(channel: string, error: Error, at: Micros | null): void {
    if (topics.get(channel) !== 'asked') return
    topics.delete(channel)
    // Nothing was answered: the deadline of the stream asks again.
    const answer = error instanceof ProtocolError ? error.answer : null
    if (answer === null) return
    const reason = `${answer.message} (${answer.code})`
    for (const stream of served(channel, at)) {
      if (FOR_GOOD.has(answer.code)) {
        streams.refuse(stream, reason, at)
        release(stream, at)
      } else streams.postpone(stream, streams.refusals.refused(streamName(stream), reason, at), at)
    }
  }

  // ── Data ────────────────────────────────────────────────────────────────────────────────────────────────────────

  function message(received: JsonRpcMessage, frame: string, at: Micros | null): void {
    if (received.method !== 'channelMessage') throw misfitOf(`unknown method ${received.method}`, frame)
    const { channel } = checkChannel(received.params, frame)
    const [, topic] = CHANNEL.exec(channel) ?? []
    if (topic === undefined) throw misfitOf(`unknown channel ${channel}`, frame)
    // What comes on a channel that was asked for is as good as the answer.
    if (topics.get(channel) === 'asked') granted(channel, at)
    for (const stream of served(channel, at)) read(topic as Topic, stream, received.params, frame, at)
  }

  function read(topic: Topic, stream: Stream, params: unknown, frame: string, at: Micros | null): void {
    switch (topic) {
      case 'board_snapshot':
        readImage(stream, params, frame, at)
        break
      case 'board': {
        const { bids, asks } = changes(checkBoard(params, frame).message)
        images.changed(stream)
        streams.update(stream, { bids, asks, exchangeTime: null }, at)
        break
      }
      case 'executions':
        for (const row of checkExecutions(params, frame).message) {
          backfills.trade(stream, tradeFields(row), at)
        }
        break
      case 'ticker':
        readTicker(stream, params, frame, at)
        break
    }
  }

  function readImage(stream: Stream, params: unknown, frame: string, at: Micros | null): void {
    const book = image(checkBoard(params, frame).message)
    const [, board = ''] = channelsOf(stream)
    // Without the changes beside it, it would be a book that stands still for five seconds at a time.
    if (!init.adopt && topics.get(board) !== 'granted') return
    if (images.unexplained(stream, book)) {
      streams.resync(stream, 'stale', 'images differ and no change comes', at)
      return
    }
    const isCut = book.bids.length >= WINDOW || book.asks.length >= WINDOW
    streams.snapshot(stream, { ...book, depth: isCut ? WINDOW : null, exchangeTime: null }, at)
  }

  function readTicker(stream: Stream, params: unknown, frame: string, at: Micros | null): void {
    const { message: row } = checkTicker(params, frame)
    const fields = tickerFields(row)
    const { exchangeTime = null } = fields
    if (!ticks.takes(stream, row.tick_id, exchangeTime)) return
    if (stream.kind === 'ticker') streams.ticker(stream, fields, at)
    else if (stream.kind === 'quote') streams.quote(stream, fields, at)
    else {
      const status = row.state === 'RUNNING' ? 'open' : row.state === 'CLOSED' ? 'closed' : 'halted'
      const { instrument } = stream.instrument
      const known = init.instruments.get(instrument) ?? stream.instrument
      if (known.status === status && stream.state === 'live') return
      streams.instrument(stream, { ...known, status }, { exchangeTime, receiveTime: at })
    }
  }

  /** Nothing is numbered: a frame that cannot be read may be the one that changed a book, or brought a trade. */
  function misfit(frame: string, at: Micros | null, { code }: DecodeError): void {
    const [, channel] = NAMED.exec(frame) ?? []
    const torn = code === 'not_json' || code === 'undecodable'
    for (const stream of channel === undefined ? (torn ? [...streams.values()] : []) : served(channel, at)) {
      const harmed = stream.kind === 'book' || stream.kind === 'trade'
      if (harmed && stream.record.seen) streams.gap(stream, 'sequence', 'a message that cannot be read', at)
    }
  }

  function response(answer: HttpResponse, at: Micros | null): void {
    if (answer.id !== 'health') backfills.response(answer, at)
    else if (answer.status === 200) {
      const { status } = readHealth(answer.body)
      if (STOPPED.has(status)) streams.connection('maintenance', `the venue's health is ${status}`, at)
    }
  }

  return {
    ...rpc.protocol,
    opened(info, at) {
      if (rest !== null && !init.adopt) {
        sink.request({ id: 'health', method: 'GET', url: `${rest}/v1/gethealth` })
      }
      rpc.protocol.opened(info, at)
    },
    subscribe(asked, at) {
      for (const stream of asked) ask(stream, at)
    },
    unsubscribe(leaving, at) {
      for (const stream of leaving) {
        backfills.forget(stream)
        images.forget(stream)
        streams.remove(stream)
        release(stream, at)
      }
    },
    resubscribe(stream, at) {
      backfills.forget(stream)
      images.forget(stream)
      streams.leave(stream)
      streams.request(stream, at)
      for (const channel of channelsOf(stream)) {
        if (topics.has(channel)) call('unsubscribe', channel, at)
        call('subscribe', channel, at)
      }
    },
  }
}

function channelsOf({ kind, instrument: { instrument } }: Stream): string[] {
  const topics = kind === 'book' ? ['board_snapshot', 'board'] : [kind === 'trade' ? 'executions' : 'ticker']
  return topics.map((topic) => `lightning_${topic}_${instrument}`)
}

function channelIn(params: unknown): string | null {
  const channel = typeof params === 'object' && params !== null && 'channel' in params ? params.channel : null
  return typeof channel === 'string' ? channel : null
}

function misfitOf(what: string, head: string): DecodeError {
  return new DecodeError('unknown_message', what, { path: [], head })
}
