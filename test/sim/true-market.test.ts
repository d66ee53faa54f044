import { expect, test } from 'vitest'
import type { TradeEvent } from '../../schemas/events.js'
import { SeededRandom, SimulatedMarket } from '../../src/simulator/index.js'
import { TrueMarket } from './true-market.js'

const STEP = 5_000

/** A busy market of single contracts, in which many trades differ in nothing but the side. */
function busyMarket(): TrueMarket {
  const shape = { priceDecimals: 0, amountDecimals: 0, price: '100', amount: '1', levels: 3 }
  const truth = new TrueMarket(new SimulatedMarket(shape, new SeededRandom(1)))
  for (let step = 1; step <= 2_000; step++) truth.market.step(1_704_067_200_000_000 + step * STEP)
  return truth
}

test('a trade is told from one of the other side in the same moment, in whatever order they come', () => {
  const truth = busyMarket()
  const opposite = truth.trades.filter((trade) =>
    truth.trades.some(
      ({ price, amount, time, side }) =>
        price === trade.price && amount === trade.amount && time === trade.time && side !== trade.side,
    ),
  )
  expect(opposite.length).toBeGreaterThan(10)
  for (const { price, amount, time, side } of truth.trades.toReversed()) {
    const found = truth.find({ price, amount, side, exchangeTime: time }, false)
    expect(found?.side).toBe(side)
    if (found !== null) found.emitted = true
  }
  expect(truth.trades.filter(({ emitted }) => !emitted)).toEqual([])
})

test('a trade of a side that no like one has is found all the same, so that its side shows as wrong', () => {
  const truth = busyMarket()
  const wrong = (['buy', 'sell'] as const).flatMap(
    (side): Pick<TradeEvent, 'price' | 'amount' | 'side' | 'exchangeTime'>[] => {
      const alone = truth.trades.find(
        ({ price, amount, time, side: own }) =>
          own !== side &&
          !truth.trades.some(
            (other) =>
              other.side === side &&
              other.price === price &&
              other.amount === amount &&
              Math.abs(other.time - time) <= 20_000,
          ),
      )
      return alone === undefined ? [] : [{ ...alone, side, exchangeTime: alone.time }]
    },
  )
  expect(wrong).toHaveLength(2)
  for (const event of wrong)
    expect(truth.find(event, false)?.side).toBe(event.side === 'buy' ? 'sell' : 'buy')
})
