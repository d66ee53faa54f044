import {
  boardMessage,
  channelMessage,
  executionsMessage,
  health,
  tickerMessage,
} from '../../schemas/bitflyer.js'
import { type JsonRpcCommand, type JsonRpcMessage, jsonRpc } from '../../src/protocols/json-rpc/index.js'
import {
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
  Topics,
  withCodec,
} from '../../src/venue/index.js'
import { Images, WINDOW } from './images.js'
import { changes, image, tickerFields, tradeFields } from './rows.js'
import { guess } from './symbols.js'
import { bitflyerTradeHistory } from './trade-history.js'

type Name = 'board_snapshot' | 'board' | 'executions' | 'ticker'

interface Feed {
  readonly name: Name
  readonly product: string
}

/** The product is the end of a channel's name, and two names share a beginning. */
const CHANNEL = /^lightning_(board_snapshot|board|executions|ticker)_(\w+)$/
/** Which channel a frame that cannot be read was of. */
const NAMED = /"channel"\s*:\s*"(\w+)"/

const SERVED = {
  board_snapshot: ['book'],
  board: ['book'],
  executions: ['trade'],
  ticker: ['ticker', 'quote', 'instrument'],
} as const

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
  const topics = new Topics<Feed>(kit, {
    of: channelsOf,
    open: feedOf,
    shown: ({ data: { name, product } }) => {
      const instrument = init.instruments.get(product) ?? guess(product)
      if (instrument === null) throw misfitOf(`${JSON.stringify(product)} is no product of bitFlyer`, product)
      return SERVED[name].map((channel) => ({ instrument, channel }))
    },
    send: (method, [topic], at) =>
      rpc.command({ type: 'call', method, params: { channel: topic?.name ?? '' } }, at),
    confirms: false,
    granted: (stream, at) => {
      if (stream.kind === 'trade') backfills.granted(stream, at)
      else streams.ack(stream, at)
    },
    forget: (stream) => {
      backfills.forget(stream)
      images.forget(stream)
    },
  })

  const rpc = withCodec(kit, jsonRpc({ read: readLossless, timeoutMs: ANSWER_MS }), {
    message,
    answered,
    misfit,
    response,
  })

  // ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

  function answered(
    command: JsonRpcCommand,
    outcome: { readonly ok: true } | { readonly ok: false; readonly error: Error },
    at: Micros | null,
  ): void {
    const channel = command.type === 'call' ? channelIn(command.params) : null
    if (channel === null || command.type !== 'call') return
    if (command.method === 'unsubscribe') {
      if (init.adopt) topics.ended(channel, at)
    } else if (outcome.ok) topics.granted(channel, at)
    else refused(channel, outcome.error, at)
  }

  function refused(channel: string, error: Error, at: Micros | null): void {
    // Where nothing was answered, the deadline of the stream asks again.
    if (!(error instanceof ProtocolError) || error.answer === null) return
    const { code, message } = error.answer
    const reason = `${message} (${code})`
    // What comes already is not taken back by an answer.
    if (topics.get(channel)?.state !== 'asked') return
    if (FOR_GOOD.has(code)) topics.refused(channel, reason, at)
    else topics.postpone(channel, reason, at)
  }

  // ── Data ────────────────────────────────────────────────────────────────────────────────────────────────────────

  function message(received: JsonRpcMessage, frame: string, at: Micros | null): void {
    if (received.method !== 'channelMessage') throw misfitOf(`unknown method ${received.method}`, frame)
    const { channel } = checkChannel(received.params, frame)
    // What comes on a channel that was asked for is as good as the answer.
    const { name } = feedOf(channel)
    for (const stream of topics.granted(channel, at)?.streams ?? []) {
      read(name, stream, received.params, frame, at)
    }
  }

  function read(name: Name, stream: Stream, params: unknown, frame: string, at: Micros | null): void {
    switch (name) {
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
    if (!init.adopt && topics.get(board)?.state !== 'granted') return
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
    const harmedBy = channel === undefined ? (torn ? streams.values() : []) : topics.get(channel)?.streams
    for (const stream of harmedBy ?? []) {
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
    subscribe: (asked, at) => topics.subscribe(asked, at),
    unsubscribe: (leaving, at) => topics.unsubscribe(leaving, at),
    resubscribe: (stream, at) => topics.resubscribe(stream, at),
  }
}

/** @throws {DecodeError} where the venue has no such channel. */
function feedOf(channel: string): Feed {
  const [, name, product = ''] = CHANNEL.exec(channel) ?? []
  if (name === undefined) throw misfitOf(`unknown channel ${channel}`, channel)
  return { name: name as Name, product }
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
