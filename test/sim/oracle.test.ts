import { expect, test } from 'vitest'
import type { Level } from '../../schemas/events.js'
import { simulate } from '../../simulators/index.js'
import type { Fault } from '../../src/simulator/index.js'
import { ClientClock } from './client-clock.js'
import { Oracle } from './oracle.js'
import { truthsOf } from './simulation.js'
import { simulatedVenues } from './venues.js'

const SECOND = 1_000_000
const BEGIN = 1_704_067_200 * SECOND
const IDS = { venue: 'bitstamp', symbol: 'BTC/USD', instrument: 'btcusd', exchangeTime: null, sequence: null }
const ONE = { times: 1, pick: 'one' } as const
const DROP: Fault = { fault: 'drop', ...ONE }
const SILENCE: Fault = { fault: 'silence', durationMs: 500, pick: 'one' }
const DUPLICATE: Fault = { fault: 'duplicate', copies: 1, ...ONE }

/** What the oracle says of a live book of Bitstamp from which one true change is missing for ten seconds, after a fault. */
function judged(channel: 'book' | 'book:100', fault: Fault | null): string[] {
  const profile = simulatedVenues.find(
    ({ venue, channels }) => venue.id === 'bitstamp' && channels.includes(channel),
  )
  if (profile === undefined) throw new Error(`no profile of Bitstamp has ${channel}`)
  const truths = truthsOf(simulate('bitstamp', { seed: 1 }), ['btcusd'])
  const market = truths.get('btcusd')?.market
  if (market === undefined) throw new Error('the simulator has no market btcusd')
  let now = BEGIN
  const under = { profile, truths, connectsPerMinute: 60, lines: 1 }
  const oracle = new Oracle([under], new ClientClock(), () => now)
  market.step(now)
  const { bids, asks } = market.book.top(Number.POSITIVE_INFINITY)
  const ids = { ...IDS, channel, amountUnit: 'base' } as const
  oracle.event({ type: 'book_snapshot', ...ids, n: 1, receiveTime: now, depth: null, bids, asks })
  now += 2 * SECOND
  if (fault !== null) oracle.struck('bitstamp', { fault, at: now, connection: 1, struck: true })
  const missed = new Set(market.step(now).moves.map(({ side, price }) => `${side} ${price}`))
  expect(missed.size).toBeGreaterThan(0)
  for (let n = 2; n <= 12; n++) {
    now += SECOND
    const told: { bids: Level[]; asks: Level[] } = { bids: [], asks: [] }
    for (const { side, price, amount } of market.step(now).moves)
      if (!missed.has(`${side} ${price}`)) told[side].push([price, amount ?? '0'])
    oracle.event({ type: 'book_update', ...ids, n, receiveTime: now, ...told })
  }
  return oracle.violations.map(({ what }) => what)
}

test.each([DROP, SILENCE])(
  'a book is not held against the feed where nothing at the venue shows what $fault took, nor in its trades',
  (fault) => {
    expect(judged('book', fault)).toEqual([])
  },
)

test.each([
  ['no fault struck', 'book', null],
  ['the fault shows in the books of the channel', 'book:100', DROP],
  ['the fault takes nothing', 'book', DUPLICATE],
] as const)('a book from which a change is missing is wrong where %s', (_, channel, fault) => {
  expect(judged(channel, fault).join('\n')).toContain('a live book is wrong')
})
