import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GapEvent, Level, MarketEvent, Micros, StreamEvent } from '../../../schemas/events.js'
import type { Channel, ChannelSpec, Instrument } from '../../../src/connector.js'
import { Arbiter } from '../../../src/feed/arbiter.js'
import type { Leg } from '../../../src/feed/leg.js'
import { StreamMemory } from '../../../src/session/memory.js'
import { oracle } from './oracle.js'

const INSTRUMENT: Instrument = {
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
const spec = (kind: ChannelSpec['kind'], sequenceScope: 'connection' | 'stream'): ChannelSpec => ({
  kind,
  variants: [],
  markets: ['spot'],
  proof: null,
  cadenceMs: null,
  snapshot: true,
  sequenceScope,
})

/** An arbiter of one stream, with legs that are driven by hand: what came out lies open. */
class Court {
  readonly told: MarketEvent[] = []
  readonly swallowed: string[] = []
  readonly arbiter: Arbiter
  readonly channel: Channel
  now: Micros = 1_000_000

  constructor(channel: Channel, sequenceScope: 'connection' | 'stream' = 'connection') {
    this.channel = channel
    const channels = (['trade', 'book', 'quote'] as const).map((kind) => spec(kind, sequenceScope))
    this.arbiter = new Arbiter(channels, [{ instrument: INSTRUMENT, channel }], {
      emit: (event) => void this.told.push(event),
      swallowed: (reason) => void this.swallowed.push(reason),
    })
  }

  leg(name: string): Line {
    const line = new Line(this, name)
    this.arbiter.join(line)
    return line
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

class Line implements Leg {
  readonly name: string
  readonly memory = new StreamMemory()
  readonly #court: Court
  #quiet = false

  constructor(court: Court, name: string) {
    this.#court = court
    this.name = name
  }

  get #base() {
    const { channel } = this.#court
    this.#court.now += 1000
    const { venue, symbol, instrument } = INSTRUMENT
    return { venue, symbol, instrument, channel, exchangeTime: null, receiveTime: this.#court.now }
  }

  whole(healed = false): void {
    this.#gap('closed', 'disconnected', healed)
  }

  gap(reason: GapEvent['reason'] = 'disconnected'): void {
    this.#gap('open', reason, false)
  }

  trade(id: number, historical = false): void {
    const facts = { price: '1', amount: '1', amountUnit: 'base', side: null, liquidation: false } as const
    this.take({ type: 'trade', ...this.#base, sequence: null, id: String(id), ...facts, historical })
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
  deeper(amount: string): void {
    const bids: Level[] = [['0.5', amount]]
    this.memory.record(INSTRUMENT.instrument, this.#court.channel).book.update(bids, [])
    this.take({ type: 'book_update', ...this.#base, sequence: null, bids, asks: [] })
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
    if (!this.#quiet) this.#court.arbiter.take(this, event)
  }

  #gap(state: GapEvent['state'], reason: GapEvent['reason'], healed: boolean): void {
    this.take({ type: 'gap', ...this.#base, reason, state, from: null, to: null, healed, detail: null })
  }
}

describe('what the reader did not read', () => {
  const bounds = ({ told }: Court) =>
    told.flatMap((event) => (event.type === 'gap' ? [[event.state, event.from, event.to]] : []))

  test('of a gap that was open already is disclosed with its end', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(1)
    const first = court.now
    b.whole()
    b.trade(1)
    a.trade(2)
    const last = court.now
    a.gap()
    b.gap()
    court.arbiter.overflowed(INSTRUMENT.instrument, 'trade', first, court.now)
    a.whole()
    expect(bounds(court)).toEqual([
      ['open', last, null],
      ['closed', first, court.now],
    ])
  })

  test('is disclosed in full where more of it was dropped before the gap ended', () => {
    const court = new Court('trade')
    const a = court.leg('a')
    a.whole()
    a.trade(1)
    const first = court.now
    a.trade(2)
    court.arbiter.overflowed(INSTRUMENT.instrument, 'trade', court.now, court.now)
    court.arbiter.overflowed(INSTRUMENT.instrument, 'trade', first, court.now)
    a.trade(3)
    expect(bounds(court).at(-1)).toEqual(['closed', first, court.now])
  })

  test('is a gap that ends although the line that goes on alone has none', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    b.whole()
    a.trade(1)
    court.arbiter.overflowed(INSTRUMENT.instrument, 'trade', court.now, court.now)
    court.arbiter.leave(b, 'disconnected', 'over', court.now)
    court.arbiter.dissolve(a, court.now)
    expect(a.memory.peek(INSTRUMENT.instrument, 'trade')?.gap?.reason).toBe('overflow')
  })

  test('of the book of a line that told it alone before is made good by its book as it is', () => {
    const court = new Court('book')
    const a = new Line(court, 'a')
    a.quietly(() => a.snapshot('1'))
    const record = a.memory.record(INSTRUMENT.instrument, 'book')
    record.seen = true
    record.lastData = court.now
    court.arbiter.adopt(a)
    a.update('2')
    court.arbiter.overflowed(INSTRUMENT.instrument, 'book', court.now, court.now)
    a.update('3')
    expect(court.words).toEqual(['+2', 'gap overflow', 'whole true', 'book 2', '+3'])
  })
})

describe('trades of two lines', () => {
  test('are told once, by whichever is first', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(1)
    b.whole()
    b.trade(1)
    b.trade(2)
    a.trade(2)
    a.trade(3)
    b.trade(3)
    expect(court.words).toEqual(['1', '2', '3'])
  })

  test('of one that has just come wait until the other has told what was before them', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(1)
    b.whole()
    b.trade(4)
    b.trade(5)
    expect(court.words).toEqual(['1'])
    a.trade(2)
    a.trade(3)
    expect(court.words).toEqual(['1', '2', '3'])
    a.trade(4)
    expect(court.words).toEqual(['1', '2', '3', '4', '5'])
    b.trade(6)
    expect(court.words.at(-1)).toBe('6')
  })

  test('go on with the other’s history where one dies before it told all', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(1)
    for (const id of [1, 2, 3]) b.trade(id, true)
    b.whole()
    a.gap()
    expect(court.words).toEqual(['1', '(2)', '(3)'])
    b.trade(4)
    expect(court.words).toEqual(['1', '(2)', '(3)', '4'])
    expect(court.swallowed).toEqual(['disconnected'])
  })

  test('are a gap where nothing proves that the other saw all', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.trade(1)
    b.whole()
    a.gap()
    expect(court.words).toEqual(['1', 'gap disconnected', 'whole false'])
    b.trade(5)
    expect(court.words.at(-1)).toBe('5')
  })

  test('are a gap where both are holed, healed by a history that reaches back', () => {
    const court = new Court('trade')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    b.whole()
    a.trade(1)
    b.trade(1)
    a.gap()
    b.gap('sequence')
    expect(court.words).toEqual(['1', 'gap sequence'])
    for (const id of [1, 2, 3]) a.trade(id, true)
    a.whole()
    expect(court.words).toEqual(['1', 'gap sequence', '(2)', '(3)', 'whole true'])
  })

  test('come through whatever the two lines do (any interleaving, with resets that history heals)', () => {
    const turn = fc.record({
      leg: fc.nat(1),
      act: fc.oneof({ weight: 12, arbitrary: fc.constant('read') }, fc.constant('reset')),
      steps: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(turn, { minLength: 5, maxLength: 80 }), (turns) => {
        const court = new Court('trade')
        const legs = [court.leg('a'), court.leg('b')]
        let truth = 1
        const at = [0, 0]
        const connect = (index: number) => {
          // The venue's history goes back to the beginning; the line may be behind what the other has read.
          for (let id = 1; id <= truth; id++) legs[index]?.trade(id, true)
          legs[index]?.whole(true)
          at[index] = truth
        }
        connect(0)
        connect(1)
        for (const { leg, act, steps } of turns) {
          if (act === 'reset') {
            legs[leg]?.gap()
            connect(leg)
            continue
          }
          for (let step = 0; step < steps; step++) {
            const next = (at[leg] ?? 0) + 1
            truth = Math.max(truth, next)
            at[leg] = next
            legs[leg]?.trade(next)
          }
        }
        for (const index of [0, 1]) {
          for (let next = (at[index] ?? 0) + 1; next <= truth; next++) legs[index]?.trade(next)
        }
        oracle(court.told)
        const ids = court.told.filter((event) => event.type === 'trade').map(({ id }) => Number(id))
        expect(ids).toEqual(Array.from({ length: truth }, (_, index) => index + 1))
        expect(court.words.filter((word) => word.startsWith('gap'))).toEqual([])
      }),
    )
  })
})

describe('a book of two lines', () => {
  test('goes on without a snapshot where the other is level', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1')
      line.update('2')
    }
    a.gap()
    b.update('3')
    expect(court.words).toEqual(['book 1', '+2', '+3'])
  })

  test('is told whole where the other is ahead', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1')
    }
    b.update('2')
    b.update('3')
    a.gap()
    b.update('4')
    expect(court.words).toEqual(['book 1', 'book 3', '+4'])
  })

  test('waits for one that is behind, and never goes back', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1')
    }
    for (const amount of ['2', '3', '4']) a.update(amount)
    b.update('2')
    a.gap()
    for (const amount of ['3', '4', '5']) b.update(amount)
    expect(court.words).toEqual(['book 1', '+2', '+3', '+4', '+5'])
  })

  test('that was caught being wrong is replaced by the other’s', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1')
      line.update('2')
    }
    a.gap('checksum')
    expect(court.words).toEqual(['book 1', '+2', 'book 2'])
    expect(court.swallowed).toEqual(['checksum'])
  })

  test('with the venue’s own numbers is told by whichever line is first', () => {
    const court = new Court('book', 'stream')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1', '9')
    }
    b.update('2', '10')
    a.update('2', '10')
    a.update('3', '11')
    b.update('3', '11')
    expect(court.words).toEqual(['book 1', '+2', '+3'])
    a.gap()
    b.update('4', '12')
    expect(court.words).toEqual(['book 1', '+2', '+3', '+4'])
  })

  test('with the venue’s own numbers is told whole by the first that is ahead', () => {
    const court = new Court('book', 'stream')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    a.snapshot('1', '9')
    b.whole()
    b.snapshot('3', '11')
    a.update('2', '10')
    a.update('3', '11')
    a.update('4', '12')
    expect(court.words).toEqual(['book 1', 'book 3', '+4'])
  })

  test('with the venue’s own numbers is not mended with a batch that begins before it', () => {
    const court = new Court('book', 'stream')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1', '9')
    }
    a.update('2', '11')
    a.gap()
    b.update('3', '13')
    expect(court.words).toEqual(['book 1', '+2', 'book 3'])
  })

  test('with numbers that the venue has begun anew does not wait for the old ones', () => {
    const court = new Court('book', 'stream')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1', '900')
    }
    a.update('2', '901')
    b.gap('sequence')
    b.whole(true)
    b.snapshot('3', '4')
    a.gap()
    b.update('4', '5')
    court.now += 2_000_000
    b.update('5', '6')
    b.update('6', '7')
    expect(court.words).toEqual(['book 1', '+2', 'book 5', '+6'])
  })

  test('of a line that is behind and says a thing twice is not taken back to the first time', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1')
    }
    for (const amount of ['2', '3', '4']) a.update(amount)
    a.deeper('7')
    a.update('4')
    for (const amount of ['2', '3']) b.update(amount)
    a.gap()
    b.update('4')
    b.deeper('7')
    b.update('4')
    b.update('5')
    expect(court.words).toEqual(['book 1', '+2', '+3', '+4', '+7', '+4', '+5'])
  })

  test('of a line that falls silent is taken from the other after two seconds', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1')
    }
    b.update('2')
    court.now += 1_900_000
    b.update('3')
    expect(court.words).toEqual(['book 1'])
    court.now += 200_000
    b.update('4')
    b.update('5')
    expect(court.words).toEqual(['book 1', 'book 4', '+5'])
    a.gap()
    expect(court.words).toEqual(['book 1', 'book 4', '+5'])
  })

  test('that both lost is a gap, healed by the first snapshot', () => {
    const court = new Court('book')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole(true)
      line.snapshot('1')
    }
    a.gap()
    b.gap()
    b.whole(true)
    b.snapshot('7')
    a.whole(true)
    a.snapshot('7')
    a.update('8')
    b.update('8')
    expect(court.words).toEqual(['book 1', 'gap disconnected', 'whole true', 'book 7', '+8'])
    oracle(court.told)
  })
})

describe.each(['connection', 'stream'] as const)('a book numbered within its %s', (scope) => {
  test('never goes back and ends true, whatever the two lines do', () => {
    const turn = fc.record({
      leg: fc.nat(1),
      act: fc.oneof({ weight: 12, arbitrary: fc.constant('read') }, fc.constant('reset')),
      steps: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(turn, { minLength: 5, maxLength: 80 }), (turns) => {
        const court = new Court('book', scope)
        const legs = [court.leg('a'), court.leg('b')]
        let truth = 1
        const at = [0, 0]
        const number = (state: number) => (scope === 'stream' ? String(state) : null)
        const connect = (index: number) => {
          legs[index]?.whole(true)
          legs[index]?.snapshot(String(truth), number(truth))
          at[index] = truth
        }
        const read = (index: number) => {
          const next = (at[index] ?? 0) + 1
          truth = Math.max(truth, next)
          at[index] = next
          legs[index]?.update(String(next), number(next))
        }
        connect(0)
        connect(1)
        for (const { leg, act, steps } of turns) {
          if (act === 'reset') {
            legs[leg]?.gap()
            connect(leg)
          } else for (let step = 0; step < steps; step++) read(leg)
        }
        for (const index of [0, 1]) while ((at[index] ?? 0) < truth) read(index)
        oracle(court.told)
        const states = court.told.flatMap((event) => ('bids' in event ? [Number(event.bids[0]?.[1])] : []))
        expect(states).toEqual(states.toSorted((a, b) => a - b))
        expect(states.at(-1)).toBe(truth)
        expect(court.words.filter((word) => word.startsWith('gap'))).toEqual([])
      }),
    )
  })
})

describe('quotes of two lines', () => {
  test('follow one, and never repeat what a slower one still tells', () => {
    const court = new Court('quote')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    b.whole()
    for (const amount of ['1', '2', '3']) a.quote(amount)
    b.quote('1')
    a.gap()
    for (const amount of ['2', '3', '4']) b.quote(amount)
    expect(court.words).toEqual(['q1', 'q2', 'q3', 'q4'])
  })

  test('of one that is ahead go on with its last', () => {
    const court = new Court('quote')
    const [a, b] = [court.leg('a'), court.leg('b')]
    a.whole()
    b.whole()
    a.quote('1')
    b.quote('1')
    b.quote('2')
    a.gap()
    b.quote('3')
    expect(court.words).toEqual(['q1', 'q2', 'q3'])
  })
})

describe('candles of two lines', () => {
  test('lose none that closed between what one told last and what the other tells next', () => {
    const court = new Court('candle')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole()
      line.candle(60, '2')
    }
    b.candle(60, '3', true)
    b.candle(120, '4')
    a.gap()
    b.candle(120, '5')
    expect(court.words).toEqual(['60 2', '60 closed 3', '120 4', '120 5'])
  })

  test('are not told again where the other was ahead and is not any more', () => {
    const court = new Court('candle')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) {
      line.whole()
      line.candle(60, '2')
    }
    b.candle(60, '3', true)
    b.candle(120, '4')
    a.candle(60, '2.5')
    a.candle(60, '3', true)
    a.candle(120, '4.5')
    a.gap()
    b.candle(120, '5')
    expect(court.words).toEqual(['60 2', '60 2.5', '60 closed 3', '120 4.5', '120 5'])
  })
})

describe('liquidations of two lines', () => {
  test('that are alike in everything are each told once', () => {
    const court = new Court('liquidation')
    const [a, b] = [court.leg('a'), court.leg('b')]
    for (const line of [a, b]) line.whole()
    for (const line of [a, b]) for (let times = 0; times < 2; times++) line.liquidation('1')
    b.liquidation('2')
    a.liquidation('2')
    expect(court.words).toEqual(['l1', 'l1', 'l2'])
  })
})
