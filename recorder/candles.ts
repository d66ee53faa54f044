import { Decimal } from 'decimal.js'
import type { AmountUnit, GapReason, Micros, TradeEvent } from '../schemas/events.js'
import { TapeError, UsageError } from '../src/errors.js'
import { CoveredTime } from './covered-time.js'
import { ExactSum } from './exact-sum.js'
import type { Tape } from './tape.js'
import { assertTape } from './tape-argument.js'

/** Which candles. */
export interface CandleRequest {
  readonly venue: string
  /** The unified symbol or the venue's own id. */
  readonly symbol: string
  /** Length as the field writes it: `1s`, `1m`, `4h`, `1d`, `1w` (from Monday); UTC. */
  readonly interval: string
  /** The first moment of interest, microseconds. @default the first trade */
  readonly from?: Micros
  /** The moment after the last, microseconds. @default the last trade */
  readonly to?: Micros
}

/** The trades of one interval. Prices and volume are exact. */
export interface TapeCandle {
  readonly openTime: Micros
  /** Null where nothing was traded, as far as the tape knows. */
  readonly open: string | null
  readonly high: string | null
  readonly low: string | null
  readonly close: string | null
  /** The sum of the venue's own amounts, in `volumeUnit`. */
  readonly volume: string
  readonly volumeUnit: AmountUnit
  readonly trades: number
  /**
   * Why trades of the interval may be missing: reasons of gaps that were not healed, `joined_late` and `not_recording` where
   * nobody recorded. Empty: the candle is whole.
   */
  readonly missing: readonly GapReason[]
  /** Whether anything was recorded in the interval: false where it lies entirely before, between or after the recordings of the stream. */
  readonly covered: boolean
}

/** Candles of one call that are held at once. */
const MOST_CANDLES = 1_000_000

const UNITS: Readonly<Record<string, number>> = {
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
  w: 604_800_000_000,
}
/** The epoch was a Thursday; weeks begin on Mondays. */
const FIRST_MONDAY = 4 * 86_400_000_000

/**
 * Candles made from the trades of a tape, oldest first, one for each interval between the first and the last, those without
 * trades included. A trade belongs to the interval of its exchange time; where the venue gives none, of its receive time.
 *
 * @throws {UsageError} `bad_option`, `bad_interval`; `too_many_candles` beyond a million.
 * @throws {TapeError} `not_on_tape` where no trades of the instrument were recorded; `no_clock` where they have no times at all;
 * `tape_damaged`, `tape_closed`.
 */
export function candlesOf(tape: Tape, request: CandleRequest): TapeCandle[] {
  assertTape('candlesOf', tape, ", { venue: 'bitfinex', symbol: 'BTC/USD', interval: '1m' }")
  const { venue, symbol, interval, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = request
  const length = parseInterval(interval)
  const origin = length % (UNITS['w'] ?? 0) === 0 ? FIRST_MONDAY : 0
  const openOf = (time: Micros) => Math.floor((time - origin) / length) * length + origin
  const coverage = new CoveredTime(tape, { venue, symbol, channel: 'trade' })
  const building = new Map<Micros, Building>()
  for (const event of tape.replay({
    venues: [venue],
    symbols: [symbol],
    channels: ['trade'],
    types: ['trade', 'gap'],
  })) {
    if (event.type === 'gap') {
      coverage.gap(event)
      continue
    }
    const time = event.exchangeTime ?? event.receiveTime
    if (time === null) {
      throw new TapeError(
        'no_clock',
        `the trades of ${venue} ${symbol} have no times: candles cannot be made of them`,
        {
          context: { path: tape.path, venue, symbol },
        },
      )
    }
    if (time < from || time >= to) continue
    const openTime = openOf(time)
    const candle = building.get(openTime) ?? new Building(event)
    building.set(openTime, candle)
    candle.add(event, time)
    if (building.size > MOST_CANDLES) throw tooMany(interval)
  }
  const opens = [...building.keys()].sort((a, b) => a - b)
  const [first, last] = [opens[0], opens.at(-1)]
  if (first === undefined || last === undefined) return []
  const begin = from === Number.NEGATIVE_INFINITY ? first : openOf(from)
  const end = to === Number.POSITIVE_INFINITY ? last : openOf(to - 1)
  if ((end - begin) / length >= MOST_CANDLES) throw tooMany(interval)
  const unit = building.get(first)?.unit ?? 'base'
  const candles: TapeCandle[] = []
  for (let openTime = begin; openTime <= end; openTime += length) {
    candles.push({
      openTime,
      ...(building.get(openTime)?.finished() ?? nothingTraded(unit)),
      missing: coverage.missing(openTime, openTime + length),
      covered: coverage.covers(openTime, openTime + length),
    })
  }
  return candles
}

type Body = Omit<TapeCandle, 'openTime' | 'missing' | 'covered'>

function nothingTraded(volumeUnit: AmountUnit): Body {
  return { open: null, high: null, low: null, close: null, volume: '0', volumeUnit, trades: 0 }
}

/** The trades of one interval so far. Trades may come late: history is recorded after what followed it. */
class Building {
  readonly unit: AmountUnit
  readonly #volume = new ExactSum()
  #trades = 0
  #open: string
  #close: string
  #high: Decimal
  #low: Decimal
  #first: Place | null = null
  #last: Place | null = null

  constructor({ price, amountUnit }: TradeEvent) {
    this.unit = amountUnit
    this.#open = price
    this.#close = price
    this.#high = new Decimal(price)
    this.#low = this.#high
  }

  add({ id, price, amount }: TradeEvent, time: Micros): void {
    const place = { time, id }
    if (this.#first === null || isBefore(place, this.#first)) [this.#open, this.#first] = [price, place]
    if (this.#last === null || !isBefore(place, this.#last)) [this.#close, this.#last] = [price, place]
    const exact = new Decimal(price)
    if (exact.gt(this.#high)) this.#high = exact
    if (exact.lt(this.#low)) this.#low = exact
    this.#volume.add(amount)
    this.#trades++
  }

  finished(): Body {
    return {
      open: this.#open,
      high: this.#high.toFixed(),
      low: this.#low.toFixed(),
      close: this.#close,
      volume: this.#volume.toString(),
      volumeUnit: this.unit,
      trades: this.#trades,
    }
  }
}

/** Where a trade stands among the trades of its interval. */
interface Place {
  readonly time: Micros
  readonly id: string
}

/** Trades of one moment are in the order of their ids where those are numbers, else as they were recorded. */
function isBefore(a: Place, b: Place): boolean {
  if (a.time !== b.time) return a.time < b.time
  if (!/^\d+$/.test(a.id) || !/^\d+$/.test(b.id)) return false
  return a.id.length === b.id.length ? a.id < b.id : a.id.length < b.id.length
}

function parseInterval(text: string): number {
  const [, count = '', unit = ''] = /^([1-9]\d{0,3})([smhdw])$/.exec(text) ?? []
  const length = Number(count) * (UNITS[unit] ?? Number.NaN)
  if (length > 0) return length
  throw new UsageError(
    'bad_interval',
    `${JSON.stringify(text)} is no length of a candle: write 1s, 1m, 4h, 1d or 1w`,
    {
      context: { field: 'interval' },
    },
  )
}

function tooMany(interval: string): UsageError {
  return new UsageError(
    'too_many_candles',
    `more than ${MOST_CANDLES.toLocaleString('en')} candles of ${interval}: choose longer ones, or a part of the tape by from and to`,
    { context: { field: 'interval' } },
  )
}
