import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FrameRecord, writeRecord } from '../../../src/framelog/index.js'
import { cleanUp, readAll, tempLog, tempPath } from './temp-log.js'

cleanUp()

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/framelog/${name}`, import.meta.url))

const record = (over: Partial<{ t: number; conn: number; data: string }> = {}): FrameRecord => ({
  dir: 'in',
  t: 1,
  conn: 0,
  data: '{"a":1.10}',
  ...over,
})

describe('a log of ours', () => {
  const whole: FrameRecord[] = [
    { dir: 'open', t: 1617643606805714, conn: 0, url: 'wss://api.bitfinex.com/ws/2' },
    { dir: 'out', t: 1617643607334008, conn: 0, data: '{"event":"conf","flags":65536}' },
    { dir: 'in', t: 1617643607334009, conn: 0, data: '[1,[0.10,"ünï\\u0000\\n"]]' },
    { dir: 'in', t: 1617643607334010, conn: 1, data: Buffer.from([0x1f, 0x8b, 0, 255]) },
    {
      dir: 'rest',
      t: null,
      url: 'https://x.example/v1',
      status: 503,
      body: 'sorry',
      headers: { 'retry-after': '3' },
    },
    { dir: 'close', t: 1617643607334011, conn: 0, code: 1006, reason: 'cut' },
    { dir: 'open', t: null, conn: 2, url: 'ws://127.0.0.1:1', venue: 'bitfinex', continues: 'a.jsonl.gz' },
  ]

  test.each(['log.jsonl', 'log.jsonl.gz'])('is read back exactly as it was written, %s', async (name) => {
    const { records, warnings } = await readAll(tempLog(whole, name))
    expect(records).toEqual(whole)
    expect(warnings).toEqual([])
  })

  test('keeps every frame, whatever its text or bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.string({ unit: 'binary' }),
            fc.uint8Array().map((bytes) => Buffer.from(bytes)),
          ),
        ),
        async (frames) => {
          const records = frames.map((data): FrameRecord => ({ dir: 'in', t: 5, conn: 0, data }))
          expect((await readAll(tempLog(records, 'any.gz'))).records).toEqual(records)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('gives recorded headers with names in lower case, from JSON text or header lines', async () => {
    const line = (headers: string) =>
      `${JSON.stringify({ t: 1, dir: 'rest', url: 'https://x.example', body: '', headers })}\n`
    const path = tempLog(
      line('{"Sequence": "3209228", "Age": 3, "Set-Cookie": ["a=1", "b=2"]}') +
        line('Sequence: 3209229\r\nContent-Type: text/html; a: b'),
    )
    const { records } = await readAll(path)
    expect(records.map((found) => 'headers' in found && found.headers)).toEqual([
      { sequence: '3209228', age: '3', 'set-cookie': 'a=1, b=2' },
      { sequence: '3209229', 'content-type': 'text/html; a: b' },
    ])
  })

  test('may have empty lines, CRLF and fields that are not known', async () => {
    const path = tempLog(
      '\n{"t":1,"dir":"close","conn":0,"colour":"red"}\r\n\r\n\n{"t":2,"dir":"close","conn":1}\r\n',
    )
    expect((await readAll(path)).records).toEqual([
      { dir: 'close', t: 1, conn: 0 },
      { dir: 'close', t: 2, conn: 1 },
    ])
  })

  test('may have lines of many megabytes', async () => {
    const data = `["${'€'.repeat(3_000_000)}"]`
    const { records } = await readAll(tempLog([record(), record({ data }), record({ t: 3 })], 'big.gz'))
    expect(records.map((found) => 'data' in found && found.data.length)).toEqual([10, data.length, 10])
  })
})

describe('what is wrong with a log is said with file and line', () => {
  test.each([
    ['{"t":1,"dir":"in","conn":0,"data":5}', /:2: data: .*expected string/],
    ['{"t":"1","dir":"in","conn":0,"data":""}', /:2: t: .*expected/],
    ['{"t":1.5,"dir":"in","conn":0,"data":""}', /:2: t: /],
    ['{"t":1,"dir":"in","conn":0,"b64":"?"}', /:2: b64: /],
    ['{"t":1,"dir":"up","conn":0,"data":""}', /:2: dir: "up" is none of open, in, out, rest, close/],
    ['{"data":"{}"}', /:2: there is no "dir"/],
    ['[1]', /:2: there is no "dir"/],
    ['{"t":1,"dir":"in"', /:2: not JSON: /],
    ['{"t":1,"dir":"rest","url":"u","body":"","headers":"nonsense"}', /:2: headers: "nonsense" is no header/],
  ])('%s', async (line, message) => {
    const path = tempLog(`${writeRecord(record())}${line}\n${writeRecord(record())}`)
    const reading = readAll(path)
    await expect(reading).rejects.toMatchObject({ code: 'bad_record', context: { file: path, line: 2 } })
    await expect(reading).rejects.toThrow(message)
  })

  test('a file that is no log at all', async () => {
    const path = tempLog('# Notes\nsome text\n')
    await expect(readAll(path)).rejects.toThrow(`${path} is no frame log: line 1 is "# Notes"`)
    await expect(readAll(tempLog('no line feed'))).rejects.toMatchObject({ code: 'not_a_frame_log' })
  })

  test('a file that is not there', async () => {
    await expect(readAll(tempPath('absent.gz'))).rejects.toMatchObject({ code: 'log_unreadable' })
    await expect(readAll(fixture('.'))).rejects.toMatchObject({ code: 'log_unreadable' })
  })

  test('a line without end, which would fill memory', async () => {
    const path = tempLog(`${writeRecord(record())}${'{'.repeat(200_000)}`, 'endless.gz')
    await expect(readAll(path, 100_000)).rejects.toMatchObject({
      code: 'line_too_long',
      context: { file: path, line: 2 },
    })
    const inside = tempLog(`\n${'{'.repeat(2000)}\n`)
    await expect(readAll(inside, 1000)).rejects.toMatchObject({ context: { line: 2 } })
  })
})

describe('a log whose recorder crashed', () => {
  const lines = Array.from({ length: 3000 }, (_, at) =>
    writeRecord(record({ t: at, data: `${Math.sin(at)}` })),
  )

  test('gives all records before the cut, wherever the gzip file is cut, and a warning', async () => {
    const packed = gzipSync(lines.join(''))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: packed.length - 1 }), async (length) => {
        const path = tempLog(packed.subarray(0, length), 'cut.gz')
        const { records, warnings } = await readAll(path)
        expect(records).toEqual(lines.slice(0, records.length).map((line) => JSON.parse(line)))
        expect(warnings).toEqual([
          {
            code: 'truncated',
            file: path,
            line: records.length,
            message: `${path}: the file was cut after line ${records.length}, as by a crash of its recorder; all before was read`,
          },
        ])
        if (length > packed.length - 8) expect(records).toHaveLength(lines.length)
      }),
      { numRuns: 60 },
    )
  })

  test('loses no more than a little of what was compressed before the cut', async () => {
    const packed = gzipSync(lines.join(''))
    const { records } = await readAll(tempLog(packed.subarray(0, Math.floor(packed.length / 2)), 'half.gz'))
    expect(records.length).toBeGreaterThan(lines.length * 0.4)
  })

  test('gives all records before a plain file was cut', async () => {
    const path = tempLog(`${lines[0]}${lines[1]?.slice(0, -10)}`)
    const { records, warnings } = await readAll(path)
    expect(records).toHaveLength(1)
    expect(warnings).toMatchObject([{ code: 'truncated', line: 1 }])
  })

  test('a last line that merely lacks its line feed is read', async () => {
    const { records, warnings } = await readAll(tempLog(lines.slice(0, 2).join('').trimEnd()))
    expect(records).toHaveLength(2)
    expect(warnings).toEqual([])
  })

  test('a last line that is whole JSON and no record is an error all the same', async () => {
    await expect(readAll(tempLog(`${lines[0]}{"message":"x"}`))).rejects.toMatchObject({ code: 'bad_record' })
  })

  test('compressed data that is broken is not taken for data that is cut', async () => {
    const padded = Buffer.concat([gzipSync(lines.join('')), Buffer.alloc(200_000)])
    expect(await readAll(tempLog(padded, 'padded.gz'))).toMatchObject({
      records: { length: lines.length },
      warnings: [],
    })
    padded[padded.length - 1] = 7
    expect(await readAll(tempLog(padded, 'tail.gz'))).toMatchObject({
      records: { length: lines.length },
      warnings: [{ code: 'damaged', line: lines.length }],
    })

    const broken = gzipSync(lines.join('').repeat(20))
    broken.fill(0xff, broken.length - 30_000, broken.length - 20_000)
    const middle = await readAll(tempLog(broken, 'broken.gz'))
    expect(middle.warnings).toMatchObject([{ code: 'damaged' }])
    expect(middle.records.length).toBeGreaterThan(1000)
  })

  test('an empty file is an empty recording, and said to be one', async () => {
    expect(await readAll(tempLog(''))).toMatchObject({ records: [], warnings: [{ code: 'empty' }] })
    expect(await readAll(tempLog('\n\n'))).toMatchObject({ records: [], warnings: [{ code: 'empty' }] })
  })

  test('files that were packed one after the other into one are read through', async () => {
    const packed = Buffer.concat(lines.slice(0, 10).map((line) => gzipSync(line)))
    expect((await readAll(tempLog(packed, 'members.gz'))).records).toHaveLength(10)
  })
})

describe("cryptofeed's raw captures", () => {
  const url = 'wss://ws.alpha.example/v1'

  test('are read with opens, frames sent, bytes, HTTP answers and a lost socket', async () => {
    const { records, warnings } = await readAll(fixture('cryptofeed.txt'))
    expect(warnings).toEqual([])
    expect(records).toEqual([
      {
        dir: 'rest',
        t: 1617643606100000,
        url: 'https://api.alpha.example/instruments',
        status: 200,
        body: '["BTCUSD", "ETHUSD"]',
        headers: { 'content-type': 'application/json', sequence: '17' },
      },
      { dir: 'open', t: 1617643606805714, conn: 0, url },
      { dir: 'out', t: 1617643606900000, conn: 0, data: '{"op":"subscribe","channel":"trade"}' },
      { dir: 'in', t: 1617643607100000, conn: 0, data: '{"s":"BTCUSD","ack":"trade"}' },
      { dir: 'in', t: 1617643607250001, conn: 0, data: '{"s":"BTCUSD","trade":["1","59000.5","0.01"]}' },
      { dir: 'in', t: 1617643608000000, conn: 0, data: expect.any(Uint8Array) },
      { dir: 'close', t: 1617643609500000, conn: 0, reason: 'the recorder opened the socket again' },
      { dir: 'open', t: 1617643609500000, conn: 0, url },
      { dir: 'in', t: 1617643610000001, conn: 0, data: '{"s":"BTCUSD","trade":["3","59002","0.03"]}' },
    ])
  })

  test('may have the time before the mark', async () => {
    const path = tempLog(
      `1617643606.5 <-> ${url}\n1617643607 <- ${url}: {"a": 1}\n1617643608.25 -> https://x.example/a?b=1: {"c: d": 2}\n`,
    )
    expect((await readAll(path)).records).toEqual([
      { dir: 'open', t: 1617643606500000, conn: 0, url },
      { dir: 'out', t: 1617643607000000, conn: 0, data: '{"a": 1}' },
      {
        dir: 'rest',
        t: 1617643608250000,
        url: 'https://x.example/a?b=1',
        status: 200,
        body: '{"c: d": 2}',
        headers: {},
      },
    ])
  })

  test('hold binary frames as Python prints them', async () => {
    const path = tempLog(`${String.raw`1617643608.0: b'\x1f\x8b\x00A\\\'"\n\r\t'`}\n1617643608.0: b"it's"\n`)
    const { records } = await readAll(path)
    expect(records.map((found) => 'data' in found && [...Buffer.from(found.data)])).toEqual([
      [0x1f, 0x8b, 0, 65, 92, 39, 34, 10, 13, 9],
      [...Buffer.from("it's")],
    ])
  })

  test.each([
    ['1617643608.0: b"abc', 'the bytes literal has no end'],
    [String.raw`1617643608.0: b'\xg1'`, String.raw`the bytes literal holds \xg1, which is no byte`],
    [String.raw`1617643608.0: b'\q'`, String.raw`the bytes literal holds \q, which is no escape`],
    ["1617643608.0: b'€'", 'the bytes literal holds "€", which is no byte'],
    ['not a line of it', 'the line is none that cryptofeed writes'],
  ])('%s is an error', async (line, message) => {
    const path = tempLog(`1617643608.0: {}\n${line}\n`)
    await expect(readAll(path)).rejects.toThrow(`${path}:2: ${message}`)
  })

  test('a capture that was cut in the middle of a line gives what came before', async () => {
    const { records, warnings } = await readAll(tempLog('1617643608.0: {}\n16176436'))
    expect(records).toHaveLength(1)
    expect(warnings).toMatchObject([{ code: 'truncated', line: 1 }])
  })
})

describe("Tardis' raw feeds", () => {
  test('are read to the microsecond, with an empty line as a disconnect', async () => {
    const { records, warnings } = await readAll(fixture('tardis.txt'))
    expect(warnings).toEqual([])
    const at = Date.parse('2019-05-01T00:00:00Z') * 1000
    expect(records).toEqual([
      { dir: 'in', t: at + 13_105, conn: 0, data: '{"s":"BTCUSD","ack":"trade"}' },
      { dir: 'in', t: at + 999_999, conn: 0, data: '{"s":"BTCUSD","trade":["1","5350.5","100"]}' },
      { dir: 'in', t: at + 1_500_000, conn: 0, data: '{"s":"BTCUSD","trade":["2","5350","20"]}' },
      { dir: 'close', t: at + 1_500_000, conn: 0, reason: 'the recorder was disconnected' },
      { dir: 'in', t: at + 5_000_000, conn: 0, data: '{"s":"BTCUSD","ack":"trade"}' },
      { dir: 'in', t: at + 6_100_000, conn: 0, data: '{"s":"BTCUSD","trade":["3","5351","7"]}' },
    ])
  })

  test('a line without a time is an error with file and line', async () => {
    const path = tempLog('2019-05-01T00:00:00.0131050Z {}\r\nnothing\n')
    await expect(readAll(path)).rejects.toThrow(`${path}:2: the line does not begin with a time`)
    await expect(readAll(tempLog('2019-05-41T00:00:00.0131050Z {}\n'))).rejects.toThrow(
      ':1: 2019-05-41T00:00:00Z is no time',
    )
  })
})
