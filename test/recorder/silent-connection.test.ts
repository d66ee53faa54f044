import { expect, it } from 'vitest'
import { openTape, verifyTape } from '../../recorder/index.js'
import { type FrameRecord, playRecording } from '../../src/framelog/index.js'
import { fakeVenue } from '../src/framelog/fake-venue.js'
import { START } from './sample-events.js'
import { temporaryPaths } from './temporary.js'
import { VirtualClock } from './virtual-clock.js'

const path = temporaryPaths()

/** Seconds after the start of the log. */
function at(seconds: number): number {
  return START + seconds * 1_000_000
}

function frame(seconds: number, conn: number, data: object): FrameRecord {
  return { dir: 'in', t: at(seconds), conn, data: JSON.stringify(data) }
}

/** A log of two connections, of which the first has trades of BTC at these seconds and the second is busy to the end. */
async function coverageOfBtc(trades: readonly number[], end: number) {
  const records: FrameRecord[] = [0, 1].map((conn) => ({
    dir: 'open',
    t: at(0),
    conn,
    url: 'wss://ws.alpha.example/v1',
  }))
  for (let second = 1; second <= end; second++) {
    if (trades.includes(second))
      records.push(frame(second, 0, { s: 'BTCUSD', trade: [`${second}`, '1', '2'] }))
    records.push(frame(second, 1, { s: 'ETHUSD', trade: [`${second}`, '1', '2'] }))
  }
  const file = path()
  const clock = new VirtualClock()
  clock.pass(10 ** 7)
  await using recorder = openTape(file, { mode: 'write', clock })
  recorder.recordSources([{ name: 'raw.jsonl', lines: records.length, digest: 'of raw.jsonl', marks: [] }])
  const { streams } = await playRecording([records], {
    connectors: [fakeVenue('alpha')],
    onEvent: (event) => recorder.record(event),
  })
  recorder.recordStreams(streams.map((stream) => ({ ...stream, askedAt: at(0), endedAt: null })))
  await recorder.completeSources()
  await recorder.close()
  using tape = openTape(file)
  const { verdict, runs } = verifyTape(tape)
  const btc = runs[0]?.streams.find(({ symbol }) => symbol === 'BTC/USD')
  return { verdict, to: btc?.to, missing: btc?.missing }
}

it('a stream is covered to the end of its run while its connection was not silent for too long', async () => {
  expect(await coverageOfBtc([1, 10], 20)).toEqual({ verdict: 'whole', to: at(20), missing: 0 })
})

it('a stream is covered up to its last datum where its connection was silent for too long at the end', async () => {
  expect(await coverageOfBtc([1, 10], 21)).toEqual({ verdict: 'not whole', to: at(10), missing: 11_000_000 })
})

it('an hour without a frame in the middle of a connection is missing from each of its streams', async () => {
  expect(await coverageOfBtc([1, 3_601, 3_605], 3_610)).toEqual({
    verdict: 'not whole',
    to: at(3_610),
    missing: 3_600_000_000,
  })
})
