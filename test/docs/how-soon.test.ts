import { describe, expect, test } from 'vitest'
import type { Channel } from '../../src/connector.js'
import { boundOf, table } from './bounds.js'
import { measures } from './how-soon.js'
import { others, type Patient, patients } from './patients.js'
import { Stage } from './stage.js'

const network = table('what goes wrong')
const kept = table('another socket')

describe.each<[string, ReturnType<typeof table>, readonly Patient[], readonly string[]]>([
  ['what goes wrong', network, patients, Object.keys(measures)],
  ['another socket', kept, others, [...kept.rows.keys()]],
])('the table of docs/reliability.md: %s', (_name, { columns, rows }, venues, rowsWanted) => {
  test('says it of every venue, and of everything that can go wrong', () => {
    expect(columns).toEqual(venues.map(({ name }) => name))
    expect([...rows.keys()]).toEqual(rowsWanted)
  })

  const cases = rowsWanted.flatMap((what) =>
    venues.map((patient, column) => [what, patient.name, patient, rows.get(what)?.[column] ?? ''] as const),
  )
  test.each(cases)('%s, at %s, is noticed as soon as written', async (what, _venue, patient, cell) => {
    const measured = measures[what]?.(patient)
    const bound = boundOf(cell)
    if (bound === null || measured === null || measured === undefined) {
      expect(measured, 'what the page leaves out cannot be measured').toBe(bound)
      return
    }
    const tookMs = await measured
    expect(tookMs).toBeGreaterThanOrEqual(bound * 0.9)
    expect(tookMs).toBeLessThanOrEqual(bound * 1.1)
  })
})

describe('silence that means nothing', () => {
  const markets: Readonly<Record<string, readonly [symbol: string, ...channels: Channel[]]>> = {
    Bitfinex: ['BTC/USDT:USDT', 'trade', 'book', 'liquidation', 'derivative'],
    BitMEX: ['XBTUSD', 'trade', 'book', 'quote', 'liquidation', 'derivative', 'instrument'],
    Huobi: ['BTC/USDT:USDT', 'trade', 'book', 'quote', 'liquidation', 'derivative', 'instrument'],
    'CEX.IO': ['BTC/USD', 'trade', 'book', 'quote'],
    Bittrex: ['BTC/USD', 'trade', 'book', 'quote', 'candle'],
    Bitstamp: ['BTC/USD:USD', 'trade', 'book', 'book:100', 'order', 'derivative'],
    'Blockchain.com': ['BTC/USD', 'trade', 'book', 'order', 'derivative', 'candle'],
    bitFlyer: ['BTC/JPY', 'trade', 'book', 'ticker', 'quote'],
  }

  test.each(patients.map(({ name, venue }) => [name, venue] as const))(
    'an hour of it at %s is borne without a word',
    async (name, venue) => {
      const [symbol = '', ...channels] = markets[name] ?? []
      const stage = new Stage(venue, { symbols: [symbol], channels, stepMs: 100 })
      await stage.advance(20)
      stage.freeze()
      await stage.advance(3_600)
      expect(stage.events.filter(({ type }) => type === 'gap')).toEqual([])
      const states = stage.events.flatMap((event) => (event.type === 'connection' ? [event.state] : []))
      expect(new Set(states)).toEqual(new Set(['connecting', 'open', 'ready']))
      expect(stage.feed.book(venue.id, symbol)?.state).toBe('live')
      expect(stage.frames.findLast(({ dir }) => dir === 'in')?.at).toBeGreaterThan(
        stage.platform.now - 20_000_000,
      )
      await stage.close()
    },
  )

  test.each(patients.map((patient) => [patient.name, patient] as const))(
    'a handshake that takes fourteen seconds at %s is waited for',
    async (_name, { venue, symbol, channel }) => {
      const faults = [{ fault: 'slow-handshake' as const, delayMs: 14_000 }]
      const stage = new Stage(venue, { symbols: [symbol], channels: [channel], faults })
      await stage.advance(25)
      expect(
        stage.events.some((event) => event.type === 'connection' && event.state === 'reconnecting'),
      ).toBe(false)
      expect(stage.connection('open', 0) - stage.connection('connecting', 0)).toBeGreaterThanOrEqual(
        14_000_000,
      )
      expect(stage.feed.book(venue.id, symbol)?.state).toBe('live')
      await stage.close()
    },
  )
})
