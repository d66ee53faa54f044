import { describe, expect, test } from 'vitest'
import { venues } from '../../connectors/index.js'
import { simulate } from '../../simulators/index.js'
import { openFeed } from '../../src/index.js'
import { SeededRandom, virtualPlatform, withFaults } from '../../src/simulator/index.js'

const HOST = 'venue.test'
/** A time in seconds or finer, and a year: each becomes one that microseconds in 2^53 cannot hold. */
const faults = [
  { fault: 'edit', chance: 0.1, fromMs: 2_000, find: '\\b20\\d\\d-(?=\\d\\d-)', replace: '9999-' },
  {
    fault: 'edit',
    chance: 0.1,
    fromMs: 2_000,
    find: '\\b1[67]\\d{8}(?:\\d{3}){0,2}\\b',
    replace: '9999999999999999',
  },
  {
    fault: 'edit',
    chance: 0.1,
    fromMs: 2_000,
    find: '(?<=microtimestamp":")\\d+',
    replace: '9999999999999999',
  },
] as const
/** Their frames are compressed, so that no edit finds anything in them. */
const COMPRESSED = ['huobi', 'bittrex']

describe.each(venues.map((venue) => [venue.id, venue] as const))('%s', (_id, venue) => {
  test('a time that no event can have makes the frame malformed, and no event has it', async () => {
    const platform = virtualPlatform({ seed: 5 })
    const simulator = simulate(venue.id, { seed: 5, stepsPerSecond: 20 })
    platform.serve(withFaults(simulator, { seed: 5, faults: [...faults] }, new SeededRandom(5)), {
      hosts: [HOST],
    })
    const connector = venue.connector({ url: `ws://${HOST}` })
    const symbols = [...simulator.markets.keys()]
      .flatMap((id) => connector.guess(id)?.symbol ?? [])
      .slice(0, 2)
    const feed = openFeed([venue.connector({ url: `ws://${HOST}`, symbols })], { platform })
    let malformed = 0
    let data = 0
    const wrong: unknown[] = []
    feed.on('malformed', () => malformed++)
    feed.on('event', (event) => {
      if (event.type === 'connection' || event.type === 'malformed') return
      data++
      const times = [event.exchangeTime, 'openTime' in event ? event.openTime : null]
      if (times.some((time) => time !== null && !Number.isSafeInteger(time))) wrong.push(event)
    })
    await platform.advance(40_000)
    expect(wrong).toEqual([])
    expect(data).toBeGreaterThan(20)
    expect(malformed > 0).toBe(!COMPRESSED.includes(venue.id))
    const closing = feed.close()
    await platform.advance(5_000)
    await closing
  })
})
