import { describe, expect, test } from 'vitest'
import { venues } from '../../connectors/index.js'
import { simulate } from '../../simulators/index.js'
import { listInstruments, openFeed } from '../../src/index.js'
import { virtualPlatform } from '../../src/simulator/index.js'

const HOST = 'venue.test'
const COUNT = 500

function stage(venue: (typeof venues)[number]) {
  const platform = virtualPlatform({ seed: 3 })
  const simulator = simulate(venue.id, { seed: 3, stepsPerSecond: 20, instruments: COUNT })
  platform.serve(simulator, { hosts: [HOST] })
  return { platform, simulator, url: `ws://${HOST}` }
}

describe.each(venues.map((venue) => [venue.id, venue] as const))('%s with 500 instruments', (_id, venue) => {
  test('lists them all, and each that was added has a book and trades that are the true ones', async () => {
    const { platform, simulator, url } = stage(venue)
    const listing = listInstruments(venue.connector({ url }), { platform })
    await platform.advance(5_000)
    const listed = await listing
    // An index and what is suspended have no market.
    expect(listed.filter(({ market }) => market !== 'chain').length).toBeGreaterThanOrEqual(COUNT - 4)
    expect(new Set(listed.map(({ symbol }) => symbol)).size).toBe(listed.length)

    const added = [...simulator.markets.keys()].filter((id) =>
      listed.some(({ instrument }) => instrument === id),
    )
    const chosen = [added.at(-1) ?? '', added.at(-40) ?? '']
    const symbols = chosen.map((id) => listed.find(({ instrument }) => instrument === id)?.symbol ?? '')
    const feed = openFeed([venue.connector({ url, symbols, channels: ['trade', 'book'] })], { platform })
    const seen = new Map<string, Set<string>>()
    feed.on('event', (event) => {
      if (event.type !== 'trade' && event.type !== 'book_snapshot' && event.type !== 'book_update') return
      seen.set(event.instrument, (seen.get(event.instrument) ?? new Set()).add(event.type))
    })
    await platform.advance(60_000)
    for (const id of chosen)
      expect([...(seen.get(id) ?? [])]).toEqual(expect.arrayContaining(['trade', 'book_snapshot']))
    for (const market of simulator.markets.values()) market.frozen = true
    await platform.advance(5_000)
    for (const [index, symbol] of symbols.entries()) {
      const book = feed.book(venue.id, symbol)
      expect(book?.state).toBe('live')
      expect(book?.top(10)).toEqual(simulator.markets.get(chosen[index] ?? '')?.book.top(10))
    }
    const closing = feed.close()
    await platform.advance(5_000)
    await closing
  })

  test('begins in a moment, and moves on faster than time', () => {
    const { simulator } = stage(venue)
    const began = process.cpuUsage()
    for (let at = 0; at < 1_000; at++) simulator.advance(1_790_000_000_000_000 + at * 10_000)
    // Ten seconds of market. Other processes do not lengthen the time of the processor.
    const { user, system } = process.cpuUsage(began)
    expect((user + system) / 1000).toBeLessThan(10_000)
  })
})

test('a number of instruments that is none is refused with what it takes', () => {
  for (const instruments of [0, 1.5, Number.NaN, 5_001]) {
    expect(() => simulate('bitfinex', { instruments })).toThrow(
      /instruments must be a whole number from 1 to 5000/,
    )
  }
})
