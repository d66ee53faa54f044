import { Decimal as DecimalJs } from 'decimal.js'
import type { AmountUnit, Decimal, LiquidationEvent, TradeEvent } from '../schemas/events.js'
import type { Instrument } from './connector.js'
import { TapewireError, UsageError } from './errors.js'

/** Any amount of an event that states its unit: a book level with the book's unit, a candle's volume. */
export interface StatedAmount {
  readonly amount: Decimal
  readonly amountUnit: AmountUnit
  /** Needed where the amount is money or the contract is inverse. */
  readonly price: Decimal | null
}

/** The contract data that a conversion needs: an `instrument` event or an `Instrument` has them. */
export type ContractTerms = Pick<
  Instrument,
  'venue' | 'symbol' | 'instrument' | 'contractSize' | 'contractUnit' | 'sidesCounted'
>

/** Options of `toBase`. */
export interface ToBaseOptions {
  /** Rounds half to even to so many decimals (0 to 1000). Without it the result is exact or there is none. */
  readonly decimals?: number
}

const MAX_DECIMALS = 1000

/**
 * Two precisions, so that the usual division of a few digits is cheap and the longest numbers of the wire (1000 digits
 * each) are exact all the same: a quotient that ends has at most the dividend's digits and 3.4 for each of the divisor's.
 */
const notation = { toExpNeg: -9e15, toExpPos: 9e15 }
const Short = DecimalJs.clone({ ...notation, precision: 120 })
const Long = DecimalJs.clone({ ...notation, precision: 12_000 })
const Product = DecimalJs.clone({ ...notation, precision: 30_000 })

/**
 * The amount in base units (coins), exactly.
 *
 * | unit | base units |
 * | --- | --- |
 * | `base` | the amount |
 * | `quote` | amount ÷ price |
 * | `contract`, each so many coins (linear) | amount × contractSize |
 * | `contract`, each so much money (inverse) | amount × contractSize ÷ price |
 *
 * The amount of a `trade` is divided by the instrument's `sidesCounted` too, for the venues that count both sides of a match.
 *
 * @param event a `trade` or `liquidation` event, or any `{ amount, amountUnit, price }`
 * @param instrument the event's instrument, from its `instrument` event or the list of instruments
 * @returns a decimal as canonical text
 * @throws {TapewireError} `inexact` where the quotient does not end and no `decimals` are given; `unknown_contract` where
 * the contract's worth is not known or varies (quanto); `unknown_price` where a price is needed and there is none
 * @throws {UsageError} `wrong_instrument` where event and instrument do not belong together; `bad_option`
 */
export function toBase(
  event: TradeEvent | LiquidationEvent | StatedAmount,
  instrument: ContractTerms,
  options: ToBaseOptions = {},
): Decimal {
  const { decimals } = options
  if (decimals !== undefined && !(Number.isInteger(decimals) && decimals >= 0 && decimals <= MAX_DECIMALS)) {
    throw new UsageError(
      'bad_option',
      `toBase: option decimals must be an integer from 0 to ${MAX_DECIMALS} (got ${decimals})`,
      { context: { field: 'decimals' } },
    )
  }
  if ('type' in event) belong(event, instrument)
  let dividend = new Product(event.amount)
  let divisor = new Product('type' in event && event.type === 'trade' ? instrument.sidesCounted : 1)
  if (event.amountUnit === 'contract') dividend = dividend.times(contractSize(instrument))
  if (
    event.amountUnit === 'quote' ||
    (event.amountUnit === 'contract' && instrument.contractUnit === 'quote')
  ) {
    divisor = divisor.times(knownPrice(event.price, instrument))
  }
  if (decimals !== undefined) return rounded(dividend, divisor, decimals)
  const exact = exactQuotient(dividend.toFixed(), divisor.toFixed())
  if (exact !== null) return exact
  throw new TapewireError(
    'inexact',
    `${event.amount} of ${instrument.symbol} at ${event.price} has no end as a decimal in base units: ` +
      'say how many decimals to round to, as in toBase(event, instrument, { decimals: 8 })',
    { context: { venue: instrument.venue, symbol: instrument.symbol } },
  )
}

/** The quotient of two decimals where it is a decimal itself; null where its digits never end. The divisor is not 0. */
export function exactQuotient(dividend: Decimal, divisor: Decimal): Decimal | null {
  for (const Precision of [Short, Long]) {
    const quotient = new Precision(dividend).div(divisor)
    if (new Product(quotient).times(divisor).eq(dividend)) return quotient.toFixed()
  }
  return null
}

/** The quotient rounded once, half to even, from the exact remainder. */
function rounded(dividend: DecimalJs, divisor: DecimalJs, decimals: number): Decimal {
  const unit = new Product(10).pow(decimals)
  const scaled = dividend.abs().times(unit)
  const size = divisor.abs()
  let whole = scaled.divToInt(size)
  const twice = scaled.minus(whole.times(size)).times(2)
  if (twice.gt(size) || (twice.eq(size) && !whole.mod(2).isZero())) whole = whole.plus(1)
  const negative = dividend.isNegative() !== divisor.isNegative()
  return (negative ? whole.negated() : whole).div(unit).toFixed()
}

function belong(event: TradeEvent | LiquidationEvent, instrument: ContractTerms): void {
  if (event.venue === instrument.venue && event.instrument === instrument.instrument) return
  throw new UsageError(
    'wrong_instrument',
    `a ${event.type} of ${event.venue} ${event.instrument} cannot be converted with the contract of ` +
      `${instrument.venue} ${instrument.instrument}: pass the instrument that the event names`,
    { context: { venue: event.venue, symbol: event.symbol, field: 'instrument' } },
  )
}

function contractSize(instrument: ContractTerms): Decimal {
  const { contractSize: size, contractUnit: unit, symbol, venue } = instrument
  if (size !== null && unit !== null) return size
  throw new TapewireError(
    'unknown_contract',
    `what a contract of ${symbol} is worth is not known, or varies with a price (quanto): ` +
      "use the venue's amount in contracts, or pass an instrument that has contractSize and contractUnit",
    { context: { venue, symbol, field: 'contractSize' } },
  )
}

function knownPrice(price: Decimal | null, instrument: ContractTerms): Decimal {
  if (price !== null && price !== '0') return price
  throw new TapewireError(
    'unknown_price',
    `an amount of ${instrument.symbol} is worth coins only at a price, and this one has ${price ?? 'none'}: ` +
      'pass { amount, amountUnit, price } with the price to use, such as the mark price',
    { context: { venue: instrument.venue, symbol: instrument.symbol, field: 'price' } },
  )
}
