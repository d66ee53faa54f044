import type { Micros } from '../../schemas/events.js'
import { compareDecimals } from '../../src/decode/index.js'
import { decimal, type MarketTrade, units } from '../../src/simulator/market.js'
import { type Body, type Push, WIRE_DECIMALS, wire, wireTime } from './simulated-wire.js'

const MINUTE = 60_000_000

const LENGTHS = { MINUTE_1: MINUTE, MINUTE_5: 5 * MINUTE, HOUR_1: 60 * MINUTE, DAY_1: 1440 * MINUTE } as const

/** Candles that REST remembers. */
const KEPT = 60

/** One candle, in the market's own decimals; volumes as on the wire. */
export interface SimulatedCandle {
  readonly startsAt: Micros
  readonly open: string
  readonly high: string
  readonly low: string
  readonly close: string
  readonly volume: string
  readonly quoteVolume: string
}

/** The candles of one length. One is told when it begins, empty or not, and with every trade. */
export class SimulatedCandles {
  readonly interval: keyof typeof LENGTHS
  sequence: number
  readonly #symbol: string
  readonly #past: SimulatedCandle[] = []
  #current: SimulatedCandle | null = null
  #close: string
  #volume = 0n
  #quoteVolume = 0n

  constructor(symbol: string, interval: keyof typeof LENGTHS, price: string, sequence: number) {
    this.interval = interval
    this.sequence = sequence
    this.#symbol = symbol
    this.#close = price
  }

  get current(): SimulatedCandle | undefined {
    return this.#current ?? undefined
  }

  step(clock: Micros, trades: readonly MarketTrade[]): Push[] {
    const startsAt = clock - (clock % LENGTHS[this.interval])
    const pushes: Push[] = []
    if (this.#current?.startsAt !== startsAt) {
      if (this.#current !== null) this.#past.push(this.#current)
      if (this.#past.length > KEPT) this.#past.shift()
      this.#volume = 0n
      this.#quoteVolume = 0n
      const price = this.#close
      this.#current = {
        startsAt,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: '0',
        quoteVolume: '0',
      }
      pushes.push(this.#push(this.#current))
    }
    for (const trade of trades) {
      this.#current = this.#with(this.#current, trade)
      pushes.push(this.#push(this.#current))
    }
    return pushes
  }

  rows(): Body[] {
    return [...this.#past, ...(this.#current === null ? [] : [this.#current])].map(row)
  }

  #with(candle: SimulatedCandle, { price, amount }: MarketTrade): SimulatedCandle {
    this.#close = price
    const size = units(amount, WIRE_DECIMALS)
    this.#volume += size
    this.#quoteVolume += (size * units(price, WIRE_DECIMALS)) / 10n ** BigInt(WIRE_DECIMALS)
    return {
      ...candle,
      high: compareDecimals(price, candle.high) > 0 ? price : candle.high,
      low: compareDecimals(price, candle.low) < 0 ? price : candle.low,
      close: price,
      volume: wire(decimal(this.#volume, WIRE_DECIMALS)),
      quoteVolume: wire(decimal(this.#quoteVolume, WIRE_DECIMALS)),
    }
  }

  #push(candle: SimulatedCandle): Push {
    const body = {
      sequence: ++this.sequence,
      marketSymbol: this.#symbol,
      interval: this.interval,
      delta: row(candle),
      candleType: 'TRADE',
    }
    return { topic: `candle_${this.#symbol}_${this.interval}`, method: 'candle', body }
  }
}

function row({ startsAt, open, high, low, close, volume, quoteVolume }: SimulatedCandle): Body {
  return {
    startsAt: wireTime(startsAt),
    open: wire(open),
    high: wire(high),
    low: wire(low),
    close: wire(close),
    volume,
    quoteVolume,
  }
}
