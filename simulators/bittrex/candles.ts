import type { Micros } from '../../schemas/events.js'
import { compareDecimals } from '../../src/decode/index.js'
import { decimal, type MarketTrade, units } from '../../src/simulator/market.js'
import { type Body, type Push, WIRE_DECIMALS, wire, wireTime } from './wire.js'

const MINUTE = 60_000_000

const LENGTHS = { MINUTE_1: MINUTE, MINUTE_5: 5 * MINUTE, HOUR_1: 60 * MINUTE, DAY_1: 1440 * MINUTE } as const

/** Candles that REST remembers. */
const KEPT = 60

const ONE = 10n ** BigInt(WIRE_DECIMALS)

/** One candle: prices in the market's own decimals, volumes in units of the last decimal of the wire. */
export interface SimulatedCandle {
  readonly startsAt: Micros
  readonly open: string
  high: string
  low: string
  close: string
  volume: bigint
  quoteVolume: bigint
}

/** The candles of one length. One is told when it begins, empty or not, and with every trade. */
export class SimulatedCandles {
  readonly interval: keyof typeof LENGTHS
  sequence: number
  readonly #symbol: string
  readonly #topic: string
  readonly #past: SimulatedCandle[] = []
  #current: SimulatedCandle | null = null
  #close: string

  constructor(symbol: string, interval: keyof typeof LENGTHS, price: string, sequence: number) {
    this.interval = interval
    this.sequence = sequence
    this.#symbol = symbol
    this.#topic = `candle_${symbol}_${interval}`
    this.#close = price
  }

  get current(): SimulatedCandle | undefined {
    return this.#current ?? undefined
  }

  /**
   * Takes the trades of a step, and adds what is to be told to `pushes`.
   *
   * @param followed whether anybody has a topic: a message for nobody has its number and is not made.
   */
  step(
    clock: Micros,
    trades: readonly MarketTrade[],
    followed: (topic: string) => boolean,
    pushes: Push[],
  ): void {
    const startsAt = clock - (clock % LENGTHS[this.interval])
    let candle = this.#current
    if (candle?.startsAt === startsAt && trades.length === 0) return
    const told = followed(this.#topic)
    if (candle?.startsAt !== startsAt) {
      if (candle !== null) this.#past.push(candle)
      if (this.#past.length > KEPT) this.#past.shift()
      const price = this.#close
      candle = { startsAt, open: price, high: price, low: price, close: price, volume: 0n, quoteVolume: 0n }
      this.#current = candle
      this.sequence++
      if (told) pushes.push(this.#push(candle))
    }
    for (const trade of trades) {
      this.#take(candle, trade)
      this.sequence++
      if (told) pushes.push(this.#push(candle))
    }
  }

  rows(): Body[] {
    return [...this.#past, ...(this.#current === null ? [] : [this.#current])].map(row)
  }

  #take(candle: SimulatedCandle, { price, amount }: MarketTrade): void {
    this.#close = price
    const size = units(amount, WIRE_DECIMALS)
    candle.volume += size
    candle.quoteVolume += (size * units(price, WIRE_DECIMALS)) / ONE
    if (compareDecimals(price, candle.high) > 0) candle.high = price
    if (compareDecimals(price, candle.low) < 0) candle.low = price
    candle.close = price
  }

  #push(candle: SimulatedCandle): Push {
    const body = {
      sequence: this.sequence,
      marketSymbol: this.#symbol,
      interval: this.interval,
      delta: row(candle),
      candleType: 'TRADE',
    }
    return { topic: this.#topic, method: 'candle', body }
  }
}

function row({ startsAt, open, high, low, close, volume, quoteVolume }: SimulatedCandle): Body {
  return {
    startsAt: wireTime(startsAt),
    open: wire(open),
    high: wire(high),
    low: wire(low),
    close: wire(close),
    volume: volumeText(volume),
    quoteVolume: volumeText(quoteVolume),
  }
}

/** A volume as it is on the wire. */
export function volumeText(volume: bigint): string {
  return wire(decimal(volume, WIRE_DECIMALS))
}
