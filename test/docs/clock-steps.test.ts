import { describe, expect, test } from 'vitest'
import { boundOf, table } from './bounds.js'
import { measures } from './how-soon.js'
import { others, patients } from './patients.js'
import { Stage } from './stage.js'

const HOUR = 3_600_000

/** What the feed has to time by itself; the rest is noticed when it happens. */
const TIMED = [
  'a frame is lost, and the market stands still',
  'a book is crossed',
  'a subscribe has no answer',
  'a granted book has no snapshot',
  'a socket is dead',
  'a venue is silent behind a front that answers pings',
  'the heartbeat of the venue stops, and data go on',
  'one channel stalls, and the socket lives',
  'a socket opens, and the venue says nothing',
]

const STEPS = [
  ['an hour ahead', HOUR],
  ['an hour back', -HOUR],
] as const

describe.each(STEPS)('a clock that is set %s again and again', (_name, byMs) => {
  const network = table('what goes wrong')
  const cases = TIMED.flatMap((what) =>
    patients.map((patient, column) => ({
      what,
      venue: patient.name,
      patient: { ...patient, clock: { byMs, everyMs: 1_900 } },
      bound: boundOf(network.rows.get(what)?.[column] ?? ''),
    })),
  )
  test.each(cases.filter(({ bound }) => bound !== null))(
    '$what, at $venue, is noticed as soon as ever',
    async ({ what, patient, bound }) => {
      const tookMs = await measures[what]?.(patient)
      expect(tookMs).toBeGreaterThanOrEqual((bound ?? 0) * 0.9)
      expect(tookMs).toBeLessThanOrEqual((bound ?? 0) * 1.1)
    },
  )

  test.each(patients)('and a market in full swing at $name: not a word', async ({ venue, symbol }) => {
    const clock = { byMs, everyMs: 1_900 }
    const stage = new Stage(venue, { symbols: [symbol], channels: ['trade', 'book'], clock })
    const received: number[] = []
    // What waited for its snapshot bears the time at which it came.
    await stage.advance(10)
    stage.feed.on('event', ({ receiveTime }) => void received.push(receiveTime ?? 0))
    await stage.advance(90)
    expect(stage.events.filter(({ type }) => type === 'gap' || type === 'malformed')).toEqual([])
    const states = stage.events.flatMap((event) => (event.type === 'connection' ? [event.state] : []))
    expect(new Set(states)).toEqual(new Set(['connecting', 'open', 'ready']))
    expect(stage.feed.book(venue.id, symbol)?.state).toBe('live')
    expect(received).toEqual(received.toSorted((a, b) => a - b))
    await stage.close()
  })

  const kept = table('another socket')
  const sockets = ['a socket is dead', 'a venue is silent behind a front that answers pings'].flatMap(
    (what) =>
      others.map((patient, column) => ({
        what,
        socket: patient.name,
        patient: { ...patient, clock: { byMs, everyMs: 20_000 } },
        bound: boundOf(kept.rows.get(what)?.[column] ?? ''),
      })),
  )
  test.each(sockets)('$what, at $socket, is noticed as soon as ever', async ({ what, patient, bound }) => {
    const tookMs = await measures[what]?.(patient)
    expect(tookMs).toBeGreaterThanOrEqual((bound ?? 0) * 0.9)
    expect(tookMs).toBeLessThanOrEqual((bound ?? 0) * 1.1)
  })
})
