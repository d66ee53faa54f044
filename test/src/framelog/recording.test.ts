import { basename } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type FrameRecord,
  openRecording,
  type RecordingOptions,
  type RecordingRecord,
} from '../../../src/framelog/index.js'
import { cleanUp, tempLog } from './temp-log.js'

cleanUp()

const url = 'wss://ws.alpha.example/v1'
const open = (t: number | null, conn = 0, more = {}): FrameRecord => ({ dir: 'open', t, conn, url, ...more })
const frame = (t: number | null, data: string, conn = 0): FrameRecord => ({ dir: 'in', t, conn, data })
const close = (t: number | null, conn = 0): FrameRecord => ({ dir: 'close', t, conn })
const rest = (t: number | null, path: string): FrameRecord => ({
  dir: 'rest',
  t,
  url: `https://api.alpha.example${path}`,
  status: 200,
  body: '[]',
  headers: {},
})

async function play(paths: readonly string[], options?: RecordingOptions): Promise<RecordingRecord[]> {
  const records: RecordingRecord[] = []
  for await (const batch of (await openRecording(paths, options)).records()) records.push(...batch)
  return records
}

/** The recording in short: `0:a` is frame a of connection 0. */
function short(records: readonly RecordingRecord[]): string {
  return records
    .map((record) => {
      if (record.dir === 'in') return `${record.conn}:${record.data}`
      if (record.dir === 'rest' || record.dir === 'preview')
        return `${record.dir}:${new URL(record.url).pathname}`
      return `${record.conn}:${record.dir}`
    })
    .join(' ')
}

describe('several files are one recording', () => {
  test('merged by time, with connections numbered anew', async () => {
    const a = tempLog([open(10), frame(20, 'a'), frame(30, 'b', 1), frame(40, 'c'), close(50)], 'a.jsonl')
    const b = tempLog([open(15), frame(25, 'd'), frame(30, 'e'), frame(60, 'f'), close(70)], 'b.jsonl.gz')
    expect(short(await play([a, b]))).toBe('0:open 1:open 0:a 1:d 2:b 1:e 0:c 0:close 2:lost 1:f 1:close')
    expect(short(await play([b, a]))).toBe('0:open 1:open 0:a 1:d 2:b 1:e 0:c 0:close 2:lost 1:f 1:close')
  })

  test('each file keeps its own order, whatever its clock does', async () => {
    const a = tempLog([open(10), frame(30, 'a'), frame(20, 'b'), frame(null, 'c'), frame(50, 'd'), close(50)])
    const b = tempLog([open(25), frame(40, 'x'), close(60)])
    expect(short(await play([a, b]))).toBe('0:open 1:open 0:a 0:b 0:c 1:x 0:d 0:close 1:close')
  })

  test('in any number and of any size, no record is lost, and time never goes back where no file went back', async () => {
    const file = fc.array(fc.nat({ max: 50 }), { maxLength: 30 }).map((times) => times.sort((a, b) => a - b))
    await fc.assert(
      fc.asyncProperty(fc.array(file, { maxLength: 6 }), async (files) => {
        const paths = files.map((times, at) =>
          tempLog([open(0), ...times.map((t, n) => frame(t, `${at}.${n}`)), close(99)]),
        )
        const records = await play(paths)
        const frames = records.filter((record) => record.dir === 'in')
        const times = frames.map(({ t }) => t ?? 0)
        expect(times).toEqual(files.flat().sort((a, b) => a - b))
        for (const [at] of files.entries()) {
          const own = frames.filter(({ data }) => `${data}`.startsWith(`${at}.`))
          expect(own.map(({ data }) => data)).toEqual(files[at]?.map((_, n) => `${at}.${n}`))
          expect(new Set(own.map(({ conn }) => conn)).size).toBeLessThanOrEqual(1)
        }
        expect(new Set(records.flatMap((record) => (record.dir === 'open' ? [record.conn] : []))).size).toBe(
          files.length,
        )
      }),
      { numRuns: 40 },
    )
  })

  test('of thousands of records come in pieces, in order', async () => {
    const times = Array.from({ length: 9000 }, (_, at) => at)
    const paths = [0, 1, 2].map((own) =>
      tempLog(
        [open(0), ...times.filter((t) => t % 3 === own).map((t) => frame(t, `${t}`))],
        `${own}.jsonl.gz`,
      ),
    )
    let pieces = 0
    const seen: number[] = []
    for await (const batch of (await openRecording(paths)).records()) {
      pieces++
      for (const record of batch) if (record.dir === 'in') seen.push(record.t ?? -1)
    }
    expect(seen).toEqual(times)
    expect(pieces).toBeGreaterThan(4)
  })

  test('files without a clock play whole, in the order named, after those that have one', async () => {
    const a = tempLog([open(null), frame(null, 'a'), close(null)])
    const b = tempLog([open(null), frame(null, 'b'), close(null)])
    const dated = tempLog([open(10), frame(11, 'x'), close(12)])
    expect(short(await play([b, a, dated]))).toBe('0:open 0:x 0:close 1:open 1:b 1:close 2:open 2:a 2:close')
  })

  test('a file that is named twice is refused, and so is one that is not there', async () => {
    const a = tempLog([open(10)])
    await expect(openRecording([a, a])).rejects.toMatchObject({ code: 'bad_option' })
    await expect(openRecording([a, `${a}.absent`])).rejects.toMatchObject({ code: 'log_unreadable' })
  })

  test('warnings come once, and how much has been read can be shown', async () => {
    const cut = tempLog(`${JSON.stringify(open(10))}\n{"t":11,`)
    const warnings: string[] = []
    const recording = await openRecording([cut], { onWarning: ({ code }) => void warnings.push(code) })
    expect(recording).toMatchObject({ bytesRead: 0, files: [cut] })
    for await (const batch of recording.records()) expect(short(batch)).toBe('0:open 0:lost')
    expect(warnings).toEqual(['truncated'])
    expect(recording.bytesRead).toBe(recording.bytes)
  })

  test('leaving early closes the files', async () => {
    const paths = [tempLog([open(1), frame(5, 'a')]), tempLog([open(2), frame(6, 'b')])]
    const recording = await openRecording(paths)
    for await (const batch of recording.records()) {
      expect(batch.length).toBeGreaterThan(0)
      break
    }
    expect(short(await play(paths))).toBe('0:open 1:open 0:a 0:lost 1:b 1:lost')
  })
})

describe('a file that goes on where another ended', () => {
  test('keeps its connections, so that part 2 without an open is understood', async () => {
    const part1 = tempLog([open(1_000_000, 3), frame(2_000_000, 'a', 3)], 'x.part1.jsonl')
    const part2 = tempLog([frame(3_000_000, 'b', 3), close(4_000_000, 3)], 'x.part2.jsonl')
    expect(short(await play([part2, part1]))).toBe('0:open 0:a 0:lost 0:b 0:close')
  })

  test('also without a clock, in the order named', async () => {
    const part1 = tempLog([open(null), frame(null, 'a')])
    const part2 = tempLog([frame(null, 'b')])
    expect(short(await play([part1, part2]))).toBe('0:open 0:a 0:lost 0:b 0:lost')
  })

  test('only where it follows within a minute: what was missed in between would not be known', async () => {
    const part1 = tempLog([open(1_000_000), frame(2_000_000, 'a')])
    const part2 = tempLog([frame(63_000_000, 'b')])
    expect(short(await play([part1, part2]))).toBe('0:open 0:a 0:lost 1:b 1:lost')
  })

  test('is joined to the one with the name most like its own', async () => {
    const two = tempLog([open(1), frame(10, 'a')], 'X.ws.2.0')
    const one = tempLog([open(2), frame(11, 'b')], 'X.ws.1.0')
    const more = tempLog([frame(20, 'c')], 'X.ws.1.1')
    const last = tempLog([frame(30, 'd')], 'X.ws.2.1')
    expect(short(await play([one, two, more, last]))).toBe(
      '0:open 1:open 0:a 0:lost 1:b 1:lost 1:c 1:lost 0:d 0:lost',
    )
  })

  test('a rotated log repeats what is open: dropped with the part before it, used without it', async () => {
    const part1 = tempLog([open(1, 0), open(1, 1), frame(2, 'a'), close(3, 1)], 'raw.jsonl.gz')
    const continues = basename(part1)
    const part2 = tempLog(
      [open(3, 0, { continues }), frame(4, 'b'), open(5, 1), frame(6, 'c', 1)],
      'raw.2.jsonl.gz',
    )
    expect(short(await play([part1, part2]))).toBe(
      '0:open 1:open 0:a 1:close 0:lost 0:b 1:open 1:c 0:lost 1:lost',
    )
    expect(short(await play([part2]))).toBe('0:open 0:b 1:open 1:c 0:lost 1:lost')
  })
})

describe('lists of instruments', () => {
  test('at the head of a file are given first, whenever they were fetched, the oldest last', async () => {
    const frames = tempLog([open(10), frame(20, 'a'), close(30)])
    const late = tempLog([rest(99, '/late'), rest(100, '/later')])
    const early = tempLog([rest(5, '/early'), open(5), rest(6, '/inside')])
    expect(short(await play([frames, late, early]))).toBe(
      'preview:/later preview:/late preview:/early rest:/early 0:open rest:/inside 0:lost 1:open 1:a 1:close rest:/late rest:/later',
    )
  })
})
