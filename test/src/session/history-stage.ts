import * as z from 'zod'
import type { GapEvent, MarketEvent, TradeEvent } from '../../../schemas/events.js'
import type { BackfillReport, ChannelSpec, HttpRequest, Instrument, Session } from '../../../src/connector.js'
import { decoder } from '../../../src/decode/index.js'
import {
  Backfills,
  Instruments,
  RestBackfills,
  type SessionKit,
  StreamMemory,
  type TradeFields,
  type TradeHistory,
} from '../../../src/session/index.js'
import { spotMarket } from '../../../src/venue/spot-market.js'
import { T0, toySession } from './toy-session.js'

const CHANNELS: readonly ChannelSpec[] = [
  { kind: 'trade', variants: [], markets: ['spot'], cadenceMs: null, snapshot: true },
]

const INSTRUMENT: Instrument = { ...spotMarket('toy', 'BTCUSD', 'BTC', 'USD'), status: 'open' }

const readRows = decoder(z.array(z.tuple([z.string(), z.string()])))

/** `[["17","3"],…]`: trade 17, three milliseconds after the beginning. */
function read(text: string): TradeFields[] {
  return readRows(text).map(([id, ms]) => toyTrade(Number(id), Number(ms)))
}

export function toyTrade(id: number, ms: number): TradeFields {
  return { id: String(id), price: '1', amount: '1', side: 'buy', exchangeTime: T0 + ms * 1000 }
}

export function rowsOf(trades: readonly TradeFields[]): string {
  return JSON.stringify(
    trades.map(({ id, exchangeTime }) => [id, String(((exchangeTime ?? T0) - T0) / 1000)]),
  )
}

export type History = { readonly rest: { readonly pageSize: number } } | { readonly connection: TradeHistory }

/**
 * One trade stream of a toy venue, on a session as any venue has it, driven by hand. Its frames: `ack`, `hole`, `live` and
 * `rows` with trades behind them, `answer` likewise for a history on the connection.
 */
export class HistoryStage {
  readonly events: MarketEvent[] = []
  readonly requests: HttpRequest[] = []
  readonly reports: BackfillReport[] = []
  readonly memory: StreamMemory
  now = T0
  readonly #history: History
  #session: Session | null = null
  #wake: number | null = null

  constructor(history: History, tradeIdsKept?: number) {
    this.#history = history
    this.memory = new StreamMemory(tradeIdsKept)
  }

  open(adopt = false): void {
    const instruments = new Instruments()
    instruments.add(INSTRUMENT)
    const session = toySession(
      {
        channels: CHANNELS,
        adopt,
        rest: 'http://toy',
        instruments,
        memory: this.memory,
        sink: {
          emit: (event) => void this.events.push(event),
          request: (request) => void this.requests.push(request),
          wake: (at) => {
            if (this.#session === session || this.#session === null) this.#wake = at
          },
          backfill: (report) => void this.reports.push(report),
        },
      },
      (kit) => toyProtocol(kit, this.#history),
    )
    this.#wake = null
    this.#session = session
    session.opened({ url: 'ws://toy', negotiated: null, attempt: 1 }, this.now)
    if (!adopt) session.subscribe([{ instrument: INSTRUMENT, channel: 'trade' }], this.now)
    this.say('ack')
  }

  say(word: 'ack' | 'hole' | 'live' | 'rows' | 'answer', trades: readonly TradeFields[] = []): void {
    this.#session?.frame(`${word} ${rowsOf(trades)}`, this.now)
  }

  /** Answers a request. */
  answer(request: HttpRequest, status: number, body: string, headers: Record<string, string> = {}): void {
    this.#session?.response({ id: request.id, url: request.url, status, headers, body }, this.now)
  }

  cut(): void {
    this.#session?.closed({ code: 1006, reason: '' }, this.now)
    this.#session = null
    this.#wake = null
  }

  get connected(): boolean {
    return this.#session !== null
  }

  /** Lets time pass, waking the session at each deadline that it names. */
  wait(ms: number): void {
    const until = this.now + ms * 1000
    while (this.#wake !== null && this.#wake <= until) {
      this.now = Math.max(this.now, this.#wake)
      this.#wake = null
      this.#session?.tick(this.now)
    }
    this.now = until
  }

  get trades(): TradeEvent[] {
    return this.events.filter((event) => event.type === 'trade')
  }

  get gaps(): GapEvent[] {
    return this.events.filter((event) => event.type === 'gap')
  }

  /** What was said, shortly: `17`, `18h` for history, `gap`, `healed`, `unhealed`. */
  get said(): string[] {
    return this.events.flatMap((event) => {
      if (event.type === 'trade') return [event.historical ? `${event.id}h` : event.id]
      if (event.type !== 'gap') return []
      return [event.state === 'open' ? 'gap' : event.healed ? 'healed' : 'unhealed']
    })
  }
}

function toyProtocol(kit: SessionKit, history: History) {
  const { streams } = kit
  const rest =
    'rest' in history
      ? new RestBackfills(kit, {
          pageSize: history.rest.pageSize,
          newestFirst: true,
          url: (_stream, since) => `http://toy/trades?since=${(since.exchangeTime - T0) / 1000}`,
          instrument: () => INSTRUMENT.instrument,
          read: ({ body }) => read(body),
          throttledMs: 60_000,
        })
      : null
  const backfills = rest ?? new Backfills(kit, 'connection' in history ? history.connection : never())
  return {
    opened: () => kit.sink.ready(),
    subscribe: () => {},
    unsubscribe: () => {},
    frame(data: string | Uint8Array, at: number | null) {
      const [word = '', text = ''] = String(data).split(' ')
      const stream = streams.get(INSTRUMENT.instrument, 'trade') ?? streams.adopt(INSTRUMENT, 'trade', at)
      if (word === 'ack') backfills.granted(stream, at)
      if (word === 'hole') streams.gap(stream, 'sequence', null, at)
      if (word === 'live') for (const trade of read(text)) backfills.trade(stream, trade, at)
      if (word === 'rows') backfills.history(stream, read(text), at)
      if (word === 'answer') backfills.answered(stream, read(text), at)
    },
    response: (response: Parameters<RestBackfills['response']>[0], at: number | null) =>
      rest?.response(response, at),
  }
}

function never(): never {
  throw new Error('a toy venue has a history')
}
