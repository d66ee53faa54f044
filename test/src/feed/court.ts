import type { GapEvent, Level, MarketEvent, Micros, StreamEvent } from '../../../schemas/events.js'
import type { Channel, ChannelSpec, Instrument } from '../../../src/connector.js'
import { Arbiter } from '../../../src/feed/arbiter.js'
import type { Leg } from '../../../src/feed/leg.js'
import { StreamMemory } from '../../../src/session/memory.js'
import { EmittedStream } from '../../../src/stream/emitted-stream.js'

export const INSTRUMENT: Instrument = {
  venue: 'somewhere',
  symbol: 'BTC/USD',
  instrument: 'BTCUSD',
  market: 'spot',
  status: null,
  base: 'BTC',
  quote: 'USD',
  settle: null,
  tickSize: null,
  lotSize: null,
  amountUnit: 'base',
  contractSize: null,
  contractUnit: null,
  sidesCounted: 1,
  expiry: null,
}
const spec = (kind: ChannelSpec['kind'], scope: 'connection' | 'stream'): ChannelSpec => ({
  kind,
  variants: [],
  markets: ['spot'],
  order: { by: 'sequence', scope, across: scope === 'stream' ? 'same' : 'own', step: 'next' },
  cadenceMs: null,
  snapshot: true,
})

/** An arbiter of one stream, with legs that are driven by hand: what came out lies open. */
export class Court {
  readonly told: MarketEvent[] = []
  readonly swallowed: string[] = []
  readonly arbiter: Arbiter
  readonly channel: Channel
  now: Micros = 1_000_000
  readonly #stream: EmittedStream

  constructor(channel: Channel, sequenceScope: 'connection' | 'stream' = 'connection') {
    this.channel = channel
    this.#stream = new EmittedStream(sequenceScope === 'stream')
    const channels = (['trade', 'book', 'quote'] as const).map((kind) => spec(kind, sequenceScope))
    this.arbiter = new Arbiter(channels, [{ instrument: INSTRUMENT, channel }], {
      emit: (event) => {
        if ('channel' in event) this.#stream.emit(event)
        this.told.push(event)
      },
      swallowed: (reason) => void this.swallowed.push(reason),
      steady: (at) => at,
    })
  }

  leg(name: string): Line {
    const line = new Line(this, name)
    this.arbiter.join(line)
    return line
  }

  /** Two legs that are whole; each then tells what it begins with. */
  pair(healed = false, begin: (line: Line) => void = () => {}): [Line, Line] {
    const pair: [Line, Line] = [this.leg('a'), this.leg('b')]
    for (const line of pair) {
      line.whole(healed)
      begin(line)
    }
    return pair
  }

  /** What was told, in a word each: `3` for a trade, `+2:5` for a change of a book to number 2. */
  get words(): string[] {
    return this.told.map((event) => {
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

/** One connection of a {@link Court}. */
export class Line implements Leg {
  readonly name: string
  readonly memory = new StreamMemory()
  readonly #court: Court
  /** Of what it tells next. */
  exchangeTime: Micros | null = null
  #quiet = false
  #lastAt: Micros | null = null

  constructor(court: Court, name: string) {
    this.#court = court
    this.name = name
  }

  get #base() {
    const { channel } = this.#court
    this.#court.now += 1000
    const { venue, symbol, instrument } = INSTRUMENT
    return {
      venue,
      symbol,
      instrument,
      channel,
      n: 0,
      exchangeTime: this.exchangeTime,
      receiveTime: this.#court.now,
    }
  }

  whole(healed = false): void {
    this.#gap('closed', 'disconnected', healed)
  }

  /** @param from when its stream was good last: a proof that fails looks back. @default when it told something last */
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
    const book = this.memory.record(INSTRUMENT.instrument, this.#court.channel).book
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
    this.memory.record(INSTRUMENT.instrument, this.#court.channel).book.update(bids, [])
    this.take({ type: 'book_update', ...this.#base, sequence, bids, asks: [] })
  }

  /** A change of the level behind the best. */
  deeper(amount: string, sequence: string | null = null): void {
    const bids: Level[] = [['0.5', amount]]
    this.memory.record(INSTRUMENT.instrument, this.#court.channel).book.update(bids, [])
    this.take({ type: 'book_update', ...this.#base, sequence, bids, asks: [] })
  }

  /** What was told before the arbiter was there. */
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
    if (!this.#quiet) this.#court.arbiter.take(this, event)
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
