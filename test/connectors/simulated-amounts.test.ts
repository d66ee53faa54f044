import { describe, expect, test } from 'vitest'
import { venues } from '../../connectors/index.js'
import type { AmountUnit, MarketEvent } from '../../schemas/events.js'
import { simulate } from '../../simulators/index.js'
import { type Instrument, listInstruments, openFeed, toBase } from '../../src/index.js'
import { virtualPlatform } from '../../src/simulator/index.js'

/** What a unit of money is worth in dollars, within the order of magnitude that matters here. */
const DOLLARS: Readonly<Record<string, number>> = {
  USD: 1,
  USDT: 1,
  EUR: 1.1,
  COP: 1 / 4000,
  JPY: 1 / 130,
  ETH: 2_500,
  BTC: 45_000,
}

/** Trades of a market that people use: most are between 20 and 20,000 dollars. */
const TRADE = { least: 1, most: 40_000, usual: [20, 20_000] } as const
const TURNOVER = { least: 10_000_000, most: 5_000_000_000 } as const
/** The price of a bitcoin in the years of the recordings, in dollars. */
const BITCOIN = { least: 10_000, most: 150_000 } as const

const HOST = 'venue.test'

/** Everything of each market that a simulator tells in half a minute. */
async function halfMinute(venue: (typeof venues)[number], seed: number) {
  const platform = virtualPlatform({ seed })
  platform.serve(simulate(venue.id, { seed, stepsPerSecond: 5, url: `ws://${HOST}` }), { hosts: [HOST] })
  const url = `ws://${HOST}`
  const all = await settled(listInstruments(venue.connector({ url }), { platform }), platform)
  const whole = venue.connector({ url })
  const traded = all.filter(
    ({ market, status, instrument }) =>
      market !== 'index' && (status ?? 'open') === 'open' && whole.guess(instrument) !== null,
  )
  const connector = venue.connector({
    url,
    symbols: traded.map(({ instrument }) => instrument),
    channels: whole.channels.some(({ kind }) => kind === 'ticker') ? ['trade', 'ticker'] : ['trade'],
  })
  const feed = openFeed([connector], { platform })
  const events: MarketEvent[] = []
  feed.on('event', (event) => void events.push(event))
  await platform.advance(30_000)
  await settled(feed.close(), platform)
  return { instruments: traded, events }
}

async function settled<T>(promise: Promise<T>, platform: ReturnType<typeof virtualPlatform>): Promise<T> {
  let done = false
  void promise.finally(() => {
    done = true
  })
  for (let tries = 0; !done && tries < 100; tries++) await platform.advance(100)
  return promise
}

/** The worth of an amount in dollars. */
function dollars(instrument: Instrument, amount: string, amountUnit: AmountUnit, price: string): number {
  const quote = instrument.quote ?? ''
  const rate = DOLLARS[quote] ?? Number.NaN
  if (amountUnit === 'quote') return Number(amount) * rate
  if (instrument.market === 'funding') return Number(amount) * (DOLLARS[instrument.base ?? ''] ?? Number.NaN)
  // A quanto contract is a millionth of a bitcoin for each dollar of the price.
  if (instrument.contractSize === null && amountUnit === 'contract') {
    return Number(amount) * Number(price) * 1e-6 * (DOLLARS['BTC'] ?? 0)
  }
  const { venue, symbol, instrument: id } = instrument
  const stated = { type: 'candle', venue, symbol, instrument: id, amount, amountUnit, price } as const
  return Number(toBase(stated, instrument, { decimals: 12 })) * Number(price) * rate
}

describe.each(venues.map((venue) => [venue.id, venue] as const))('the simulator of %s', (_id, venue) => {
  test('has trades, turnovers and prices of a real market', async () => {
    const { instruments, events } = await halfMinute(venue, 11)
    expect(instruments.length).toBeGreaterThan(2)
    for (const instrument of instruments) {
      const of = events.filter((event) => 'instrument' in event && event.instrument === instrument.instrument)
      const trades = of.flatMap((event) =>
        event.type === 'trade' ? [dollars(instrument, event.amount, event.amountUnit, event.price)] : [],
      )
      expect(trades.length, instrument.symbol).toBeGreaterThan(10)
      expect(Math.min(...trades), instrument.symbol).toBeGreaterThanOrEqual(TRADE.least)
      expect(Math.max(...trades), instrument.symbol).toBeLessThanOrEqual(TRADE.most)
      const usual = trades.filter((worth) => worth >= TRADE.usual[0] && worth <= TRADE.usual[1])
      expect(usual.length / trades.length, instrument.symbol).toBeGreaterThan(0.8)

      const price = of.findLast((event) => event.type === 'trade')?.price ?? '0'
      if (instrument.base === 'BTC' && instrument.market !== 'funding') {
        const bitcoin = Number(price) * (DOLLARS[instrument.quote ?? ''] ?? 0)
        expect(bitcoin, instrument.symbol).toBeGreaterThan(BITCOIN.least)
        expect(bitcoin, instrument.symbol).toBeLessThan(BITCOIN.most)
      }
      for (const event of of) {
        if (event.type !== 'ticker' || event.volume === null) continue
        const turnover = dollars(instrument, event.volume, event.volumeUnit, price)
        expect(turnover, `${instrument.symbol} ${event.channel}`).toBeGreaterThan(TURNOVER.least)
        expect(turnover, `${instrument.symbol} ${event.channel}`).toBeLessThan(TURNOVER.most)
        if (event.quoteVolume === null) continue
        const quoted = Number(event.quoteVolume) * (DOLLARS[instrument.quote ?? ''] ?? Number.NaN)
        expect(quoted / turnover, `${instrument.symbol} quoteVolume`).toBeGreaterThan(0.4)
        expect(quoted / turnover, `${instrument.symbol} quoteVolume`).toBeLessThan(2.5)
      }
    }
  })
})
