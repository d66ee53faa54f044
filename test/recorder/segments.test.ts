import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openTape, verifyFile } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { START, trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const path = temporaryPaths()

interface SegmentRow {
  readonly first_event: number
  readonly last_event: number
  readonly receive_from: number | null
  readonly receive_to: number | null
  readonly exchange_from: number | null
  readonly exchange_to: number | null
  readonly streams: string
}

function segments(file: string): SegmentRow[] {
  const db = new Database(file, { readonly: true })
  try {
    return db.prepare<[], SegmentRow>('SELECT * FROM segments ORDER BY first_event').all()
  } finally {
    db.close()
  }
}

const ranges = (file: string) =>
  segments(file).map(({ first_event: first, last_event: last }) => [first, last])

const event = (at: number, fields: Parameters<typeof trade>[0] = {}): MarketEvent =>
  trade({ id: String(at), receiveTime: START + at, ...fields })

function recorder(file: string, batchEvents: number) {
  return openTape(file, { mode: 'write', clock: new VirtualClock(), batchEvents })
}

async function recorded(
  count: number,
  batchEvents: number,
  one: (at: number) => MarketEvent = (at) => event(at),
): Promise<string> {
  const file = path()
  await using tape = recorder(file, batchEvents)
  for (let at = 1; at <= count; at++) tape.record(one(at))
  await tape.close()
  expect(verifyFile(file)).toMatchObject({ events: count, findings: [] })
  return file
}

describe('a segment of the tape', () => {
  it.each([1, 10, 64, 1_000])('is filled by one batch of %d events after another', async (batchEvents) => {
    expect(ranges(await recorded(300, batchEvents))).toEqual([[1, 300]])
  })

  it.each([700, 4_096, 10_000])('ends at 4,096 events, in batches of %d', async (batchEvents) => {
    expect(ranges(await recorded(10_000, batchEvents))).toEqual([
      [1, 4_096],
      [4_097, 8_192],
      [8_193, 10_000],
    ])
  })

  it('ends at 4 MiB of bodies, because a reader holds one segment in memory', async () => {
    const letters = 64 << 10
    const file = await recorded(200, 7, (at) => event(at, { id: `${at} `.padEnd(letters, 'x') }))
    const each = segments(file).map(({ first_event: first, last_event: last }) => last - first + 1)
    // A body has the id and little else.
    expect(each.slice(0, -1)).toEqual(each.slice(0, -1).map(() => 64))
    expect(each.reduce((sum, events) => sum + events, 0)).toBe(200)
  })

  it('has the range of times and the streams of its own events, and of no others', async () => {
    const file = await recorded(4_100, 100, (at) => {
      const last = at > 4_096
      const instrument = last ? 'tETHUSD' : 'tBTCUSD'
      return event(at, { instrument, symbol: last ? 'ETH/USD' : 'BTC/USD', exchangeTime: START - at })
    })
    expect(segments(file)).toEqual([
      {
        first_event: 1,
        last_event: 4_096,
        receive_from: START + 1,
        receive_to: START + 4_096,
        exchange_from: START - 4_096,
        exchange_to: START - 1,
        streams: '[1]',
      },
      {
        first_event: 4_097,
        last_event: 4_100,
        receive_from: START + 4_097,
        receive_to: START + 4_100,
        exchange_from: START - 4_100,
        exchange_to: START - 4_097,
        streams: '[2]',
      },
    ])
  })

  it('counts a batch once that could not be written for a while', async () => {
    const file = path()
    await using tape = recorder(file, 10_000)
    for (let at = 1; at <= 100; at++) tape.record(event(at))
    await tape.flush()
    const other = new Database(file)
    // Fails when the events of the batch are on their way already.
    other.exec("CREATE TRIGGER no BEFORE INSERT ON segments BEGIN SELECT raise(ABORT, 'not now'); END")
    for (let at = 101; at <= 200; at++) tape.record(event(at, { instrument: 'tETHUSD', symbol: 'ETH/USD' }))
    for (let tried = 0; tried < 3; tried++) await expect(tape.flush()).rejects.toThrow('not now')
    expect(ranges(file)).toEqual([[1, 100]])
    other.exec('DROP TRIGGER no')
    other.close()
    await tape.flush()
    expect(ranges(file)).toEqual([[1, 200]])
    expect(segments(file)[0]?.streams).toBe('[1,2]')
    await tape.close()
    expect(verifyFile(file)).toMatchObject({ events: 200, findings: [] })
  })
})
