import type { GapEvent, Level, MarketEvent, Micros, StreamEvent } from '../../../schemas/events.js'
import type { Channel, ChannelSpec, Instrument } from '../../../src/connector.js'
import { StreamMemory } from '../../../src/session/memory.js'
import { EmittedStream } from '../../../src/stream/emitted-stream.js'
import { Merge } from '../../../src/stream/merge.js'
import type { MergeConnection, MergedStream } from '../../../src/stream/merged-stream.js'
import { spotMarket } from '../../../src/venue/spot-market.js'

export const INSTRUMENT: Instrument = spotMarket('somewhere', 'BTCUSD', 'BTC', 'USD')
const spec = (kind: ChannelSpec['kind'], scope: 'connection' | 'stream'): ChannelSpec => ({
  kind,
  variants: [],
  markets: ['spot'],
  order: { by: 'sequence', scope, across: scope === 'stream' ? 'same' : 'own', step: 'next' },
  cadenceMs: null,
  snapshot: true,
})

/** A merge of one stream, with connections that are driven by hand. */
export class MergeScript {
  readonly emitted: MarketEvent[] = []
  readonly swallowed: string[] = []
  readonly merge: Merge
  readonly channel: Channel
  now: Micros = 1_000_000
  /** When the merge wants to be settled. */
  deadline: Micros | null = null
  readonly #emittedStream: EmittedStream

  constructor(channel: Channel, sequenceScope: 'connection' | 'stream' = 'connection') {
    this.channel = channel
    this.#emittedStream = new EmittedStream(sequenceScope === 'stream')
    const channels = (['trade', 'book', 'quote'] as const).map((kind) => spec(kind, sequenceScope))
    this.merge = new Merge(channels, [{ instrument: INSTRUMENT, channel }], {
      emit: (event) => {
        if ('channel' in event) this.#emittedStream.emit(event)
        this.emitted.push(event)
      },
      swallowed: (reason) => void this.swallowed.push(reason),
      steady: (at) => at,
      wake: (at) => {
        this.deadline = at
      },
      led: () => {},
    })
  }

  /** The stream that is merged. */
  get stream(): MergedStream {
    const stream = this.merge.stream(INSTRUMENT.instrument, this.channel)
    if (stream === undefined) throw new Error(`no stream ${this.channel}`)
    return stream
  }

  connect(name: string): ScriptedConnection {
    const connection = new ScriptedConnection(this, name)
    this.merge.join(connection)
    return connection
  }

  /** Two connections that are whole; each then delivers what it begins with. */
  pair(
    healed = false,
    begin: (connection: ScriptedConnection) => void = () => {},
  ): [ScriptedConnection, ScriptedConnection] {
    const pair: [ScriptedConnection, ScriptedConnection] = [this.connect('a'), this.connect('b')]
    for (const connection of pair) {
      connection.whole(healed)
      begin(connection)
    }
    return pair
  }

  /** What was emitted, in a word each: `3` for a trade, `+2:5` for a change of a book to number 2. */
  get words(): string[] {
    return this.emitted.map((event) => {
      if (event.type === 'gap')
        return event.state === 'open' ? `gap ${event.reason}` : `whole ${event.healed}`
      if (event.type === 'trade') return event.historical ? `(${event.id})` : event.id
      if (event.type === 'book_snapshot') return `book ${event.bids.map(([, amount]) => amount).join()}`
      if (event.type === 'book_update') return `+${event.bids.map(([, amount]) => amount).join()}`
      if (event.type === 'quote') return `q${event.bidAmount}`
      if (event.type === 'candle') return `${event.openTime}${event.closed ? ' closed' : ''} ${event.close}`
      if (event.type === 'liquidation') return `l${event.amount}`
      return event.type
    })
  }
}

/** One connection of a {@link MergeScript}. */
export class ScriptedConnection implements MergeConnection {
  readonly name: string
  readonly memory = new StreamMemory()
  readonly #script: MergeScript
  /** Of what it delivers next. */
  exchangeTime: Micros | null = null
  #quiet = false
  #lastAt: Micros | null = null

  constructor(script: MergeScript, name: string) {
    this.#script = script
    this.name = name
  }

  get #base() {
    const { channel } = this.#script
    this.#script.now += 1000
    const { venue, symbol, instrument } = INSTRUMENT
    return {
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
      exchangeTime: this.exchangeTime,
      receiveTime: this.#script.now,
    }
  }

  whole(healed = false, from: Micros | null = null): void {
    this.#gap('closed', 'disconnected', healed, from)
  }

  /** @param from when its stream was good last: a proof that fails looks back. @default when it delivered something last */
  gap(reason: GapEvent['reason'] = 'disconnected', from: Micros | null = this.#lastAt): void {
    this.#gap('open', reason, false, from)
  }

  /** A trade of an id, which is its exchange time too. */
  trade(id: number, historical = false): void {
    const facts = { price: '1', amount: '1', amountUnit: 'base', side: null, liquidation: false } as const
    this.take({
      type: 'trade',
      ...this.#base,
      exchangeTime: id,
      sequence: null,
      id: String(id),
      ...facts,
      historical,
    })
  }

  snapshot(amount: string, sequence: string | null = null): void {
    const bids: Level[] = [['1', amount]]
    const book = this.memory.record(INSTRUMENT.instrument, this.#script.channel).book
    book.snapshot(bids, [])
    this.take({
      type: 'book_snapshot',
      ...this.#base,
      sequence,
      bids,
      asks: [],
      amountUnit: 'base',
      depth: null,
    })
  }

  update(amount: string, sequence: string | null = null): void {
    const bids: Level[] = [['1', amount]]
    this.memory.record(INSTRUMENT.instrument, this.#script.channel).book.update(bids, [])
    this.take({ type: 'book_update', ...this.#base, sequence, bids, asks: [] })
  }

  /** A change of the level behind the best. */
  deeper(amount: string, sequence: string | null = null): void {
    const bids: Level[] = [['0.5', amount]]
    this.memory.record(INSTRUMENT.instrument, this.#script.channel).book.update(bids, [])
    this.take({ type: 'book_update', ...this.#base, sequence, bids, asks: [] })
  }

  /** What was emitted before the merge was there. */
  quietly(tell: () => void): void {
    this.#quiet = true
    tell()
    this.#quiet = false
  }

  quote(amount: string): void {
    const ask = { askPrice: null, askAmount: null, amountUnit: 'base' } as const
    this.take({ type: 'quote', ...this.#base, sequence: null, bidPrice: '1', bidAmount: amount, ...ask })
  }

  candle(openTime: number, close: string, closed = false): void {
    const prices = { open: '1', high: '9', low: '1', close }
    const rest = { volume: null, volumeUnit: 'base', trades: null, historical: false } as const
    this.take({ type: 'candle', ...this.#base, interval: '1m', openTime, ...prices, ...rest, closed })
  }

  liquidation(amount: string): void {
    const facts = { id: null, price: '1', amount, amountUnit: 'base', side: null } as const
    this.take({ type: 'liquidation', ...this.#base, ...facts })
  }

  take(event: StreamEvent): void {
    if (event.type !== 'gap') this.#lastAt = event.receiveTime
    if (!this.#quiet) this.#script.merge.take(this, event)
  }

  #gap(
    state: GapEvent['state'],
    reason: GapEvent['reason'],
    healed: boolean,
    from: Micros | null = null,
  ): void {
    this.take({
      type: 'gap',
      ...this.#base,
      reason,
      state,
      from,
      to: null,
      healed,
      after: null,
      before: null,
      detail: null,
    })
  }
}
