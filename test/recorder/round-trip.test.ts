import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openTape } from '../../recorder/index.js'
import type { MarketEvent } from '../../schemas/events.js'
import { arbitraryEvents, START, trade } from './sample-events.js'
import { temporaryPaths } from './temporary.js'

const path = temporaryPaths()

async function recordAndReplay(events: readonly MarketEvent[]): Promise<string[]> {
  const file = path()
  await using recorder = openTape(file, { mode: 'write' })
  for (const event of events) recorder.record(event)
  await recorder.close()
  using tape = openTape(file)
  return [...tape.replay()].map((event) => JSON.stringify(event))
}

describe('replay gives the very events that were recorded, byte for byte', () => {
  for (const [type, arbitrary] of arbitraryEvents) {
    it(`of type ${type}`, async () => {
      const file = path()
      await using recorder = openTape(file, { mode: 'write' })
      using tape = openTape(file)
      await fc.assert(
        fc.asyncProperty(fc.array(arbitrary, { minLength: 1, maxLength: 5 }), async (events) => {
          const fromEvent = recorder.written + 1
          for (const event of events) recorder.record(event)
          await recorder.flush()
          const replayed = [...tape.replay({ fromEvent })]
          expect(replayed.map((event) => JSON.stringify(event))).toEqual(
            events.map((event) => JSON.stringify(event)),
          )
        }),
        { numRuns: 100 },
      )
    })
  }

  it('of all types mixed, however they are cut into batches, flushes and recordings', async () => {
    const any = fc.oneof(...arbitraryEvents.values())
    const steps = fc.array(fc.oneof({ weight: 8, arbitrary: any }, fc.constantFrom('flush', 'reopen')), {
      maxLength: 60,
    })
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 7 }), async (script, batchEvents) => {
        const file = path()
        let recorder = openTape(file, { mode: 'write', batchEvents })
        const events: MarketEvent[] = []
        for (const step of script) {
          if (step === 'flush') await recorder.flush()
          else if (step === 'reopen') {
            await recorder.close()
            recorder = openTape(file, { mode: 'write', batchEvents })
          } else if (typeof step === 'object') {
            recorder.record(step)
            events.push(step)
          }
        }
        await recorder.close()
        using tape = openTape(file)
        expect([...tape.replay()].map((event) => JSON.stringify(event))).toEqual(
          events.map((event) => JSON.stringify(event)),
        )
        expect([...tape.entries()].map(({ id }) => id)).toEqual(events.map((_, at) => at + 1))
      }),
      { numRuns: 25 },
    )
  })
})

it('a tape of more events than fit one read comes back whole and in order', async () => {
  const events = Array.from({ length: 20_000 }, (_, at) =>
    trade({ id: String(at), receiveTime: START + at, instrument: `t${at % 7}` }),
  )
  expect(await recordAndReplay(events)).toEqual(events.map((event) => JSON.stringify(event)))
})

it('two replays of one tape print the same', async () => {
  const file = path()
  await using recorder = openTape(file, { mode: 'write' })
  for (let at = 0; at < 100; at++) recorder.record(trade({ id: String(at), receiveTime: START + at }))
  await recorder.close()
  using tape = openTape(file)
  expect(JSON.stringify([...tape.replay()])).toBe(JSON.stringify([...tape.replay()]))
})
