import { Decimal } from 'decimal.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LiquidationEvent, TradeEvent } from '../../schemas/events.js'
import { type ContractTerms, exactQuotient, type StatedAmount, toBase } from '../../src/amount.js'

const terms: ContractTerms = {
  venue: 'bitmex',
  symbol: 'BTC/USD:BTC',
  instrument: 'XBTUSD',
  contractSize: null,
  contractUnit: null,
  sidesCounted: 1,
}
const inverse: ContractTerms = { ...terms, contractSize: '1', contractUnit: 'quote' }
const linear: ContractTerms = { ...terms, contractSize: '0.000001', contractUnit: 'base' }

const trade: TradeEvent = {
  type: 'trade',
  venue: 'bitmex',
  symbol: 'BTC/USD:BTC',
  instrument: 'XBTUSD',
  channel: 'trade',
  n: 1,
  exchangeTime: 1,
  receiveTime: 2,
  sequence: null,
  id: 'a',
  price: '32000',
  amount: '100',
  amountUnit: 'contract',
  side: 'buy',
  liquidation: false,
  historical: false,
}

const liquidation: LiquidationEvent = {
  type: 'liquidation',
  venue: 'bitmex',
  symbol: 'BTC/USD:BTC',
  instrument: 'XBTUSD',
  channel: 'liquidation',
  n: 1,
  exchangeTime: null,
  receiveTime: 2,
  id: 'b',
  price: null,
  amount: '100',
  amountUnit: 'contract',
  side: 'sell',
}

function stated(amount: string, amountUnit: StatedAmount['amountUnit'], price: string | null): StatedAmount {
  return { amount, amountUnit, price }
}

/** A decimal of up to thirty digits, as canonical text. */
const decimals = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 22n }), fc.integer({ min: 0, max: 12 }))
  .map(([digits, places]) => new Exact(digits.toString()).div(new Exact(10).pow(places)).toFixed())
const Exact = Decimal.clone({ precision: 500, toExpNeg: -1000, toExpPos: 1000 })
const positive = decimals.filter((text) => text !== '0')

describe('an amount in base units', () => {
  it.each([
    ['coins are coins', stated('0.1', 'base', null), terms, '0.1'],
    ['money is divided by the price', stated('150', 'quote', '32000'), terms, '0.0046875'],
    ['linear contracts are so many coins', stated('2547000', 'contract', null), linear, '2.547'],
    ['inverse contracts are so much money', stated('100', 'contract', '32000'), inverse, '0.003125'],
    ['a trade of contracts', trade, inverse, '0.003125'],
    [
      'a trade at a venue that counts both sides',
      trade,
      { ...inverse, sidesCounted: 2 as const },
      '0.0015625',
    ],
    [
      'a trade of coins at such a venue',
      { ...trade, amountUnit: 'base' as const, amount: '3' },
      { ...terms, sidesCounted: 2 as const },
      '1.5',
    ],
    [
      'a liquidation counts one side everywhere',
      { ...liquidation, price: '32000' },
      { ...inverse, sidesCounted: 2 as const },
      '0.003125',
    ],
    [
      'a level counts one side everywhere',
      stated('4', 'base', null),
      { ...terms, sidesCounted: 2 as const },
      '4',
    ],
    ['nothing is nothing', stated('0', 'quote', '3'), terms, '0'],
    ['a debt stays one', stated('-5', 'contract', '4'), inverse, '-1.25'],
  ])('%s', (_what, event, instrument, expected) => {
    expect(toBase(event, instrument)).toBe(expected)
  })

  it('is refused where its digits have no end, unless one says how many to keep', () => {
    const third = stated('1', 'quote', '3')
    expect(() => toBase(third, terms)).toThrowError(
      expect.objectContaining({ code: 'inexact', message: expect.stringContaining('{ decimals: 8 }') }),
    )
    expect(toBase(third, terms, { decimals: 8 })).toBe('0.33333333')
    expect(toBase(third, terms, { decimals: 0 })).toBe('0')
  })

  it.each([
    ['5', '2', 0, '2'],
    ['7', '2', 0, '4'],
    ['1', '8', 2, '0.12'],
    ['3', '8', 2, '0.38'],
    ['1', '6', 3, '0.167'],
    ['-5', '2', 0, '-2'],
    ['-7', '2', 0, '-4'],
    ['-1', '4000', 3, '0'],
    // A double rounding would make 0.5 of the digits behind, and 1 of that.
    ['0.4999999999999999999999999999999999999999999999999999999999999', '1', 0, '0'],
    ['0.5000000000000000000000000000000000000000000000000000000000001', '1', 0, '1'],
  ])('rounds %s / %s half to even at %d decimals: %s', (amount, price, places, expected) => {
    expect(toBase(stated(amount, 'quote', price), terms, { decimals: places })).toBe(expected)
  })

  it('is refused where nobody knows what a contract is worth', () => {
    for (const unknown of [
      terms,
      { ...terms, contractSize: '1' },
      { ...terms, contractUnit: 'base' as const },
    ]) {
      expect(() => toBase(trade, unknown, { decimals: 8 })).toThrowError(
        expect.objectContaining({
          code: 'unknown_contract',
          message: expect.stringContaining('BTC/USD:BTC'),
        }),
      )
    }
  })

  it.each([null, '0'])('is refused where a price is needed and it is %s', (price) => {
    expect(() => toBase({ ...liquidation, price }, inverse, { decimals: 8 })).toThrowError(
      expect.objectContaining({ code: 'unknown_price', message: expect.stringContaining('mark price') }),
    )
  })

  it('is refused with the contract of another instrument', () => {
    expect(() => toBase(trade, { ...inverse, instrument: 'ETHUSD' })).toThrowError(
      expect.objectContaining({ code: 'wrong_instrument' }),
    )
    expect(() => toBase(liquidation, { ...inverse, venue: 'huobi' })).toThrowError(
      /pass the instrument that the event names/,
    )
  })

  it.each([-1, 1.5, 1001, Number.NaN])('is refused with %d decimals', (places) => {
    expect(() => toBase(trade, inverse, { decimals: places })).toThrowError(
      expect.objectContaining({ code: 'bad_option', message: expect.stringContaining(`got ${places}`) }),
    )
  })

  it('of a linear contract turns back into the amount, for any digits', () => {
    fc.assert(
      fc.property(decimals, positive, (amount, contractSize) => {
        const instrument = { ...linear, contractSize }
        const coins = toBase(stated(amount, 'contract', null), instrument)
        expect(new Exact(coins).div(contractSize).toFixed()).toBe(amount)
      }),
    )
  })

  it('of money is the exact quotient, or it is refused and the rounded one is the nearest', () => {
    fc.assert(
      fc.property(decimals, positive, fc.integer({ min: 0, max: 30 }), (amount, price, places) => {
        const rounded = new Exact(toBase(stated(amount, 'quote', price), terms, { decimals: places }))
        const away = rounded.times(price).minus(amount).abs()
        expect(away.times(2).lte(new Exact(price).div(new Exact(10).pow(places)))).toBe(true)
        try {
          const exact = toBase(stated(amount, 'quote', price), terms)
          expect(new Exact(exact).times(price).toFixed()).toBe(amount)
        } catch (error) {
          expect(error).toMatchObject({ code: 'inexact' })
          expect(endless(amount, price)).toBe(true)
        }
      }),
    )
  })

  it('halves what two sides were counted for, always exactly', () => {
    fc.assert(
      fc.property(decimals, (amount) => {
        const both = { ...terms, sidesCounted: 2 as const }
        const half = toBase({ ...trade, amountUnit: 'base', amount }, both)
        expect(new Exact(half).times(2).toFixed()).toBe(amount)
      }),
    )
  })
})

describe('a quotient', () => {
  it('is found for the longest numbers that a wire may bring', () => {
    const long = `1${'0'.repeat(990)}1`
    const power = (2n ** 3000n).toString().slice(0, 900)
    expect(exactQuotient(long, '8')).toBe(`125${'0'.repeat(988)}.125`)
    const divisor = (5n ** 1200n).toString()
    expect(divisor.length).toBeLessThan(1000)
    const Huge = Decimal.clone({ precision: 20_000, toExpNeg: -9e15, toExpPos: 9e15 })
    expect(new Huge(exactQuotient(power, divisor) ?? 0).times(divisor).toFixed()).toBe(power)
  })

  it('is none where the digits never end', () => {
    expect(exactQuotient('1', '3')).toBeNull()
    expect(exactQuotient('1', '7000000000000000000000000000000')).toBeNull()
  })
})

/** Whether a fraction has no end as a decimal: a prime other than 2 and 5 is left in its divisor. */
function endless(dividend: string, divisor: string): boolean {
  const scale = new Exact(10).pow(40)
  let above = BigInt(new Exact(dividend).times(scale).toFixed())
  let below = BigInt(new Exact(divisor).times(scale).toFixed())
  const reduced = below
  while (below !== 0n) [above, below] = [below, above % below]
  let rest = reduced / above
  for (const prime of [2n, 5n]) while (rest % prime === 0n) rest /= prime
  return rest !== 1n
}
