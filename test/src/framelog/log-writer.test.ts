import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FrameTap } from '../../../src/feed/frame-tap.js'
import {
  type FrameLogError,
  FrameLogWriter,
  type FrameLogWriterOptions,
  type FrameRecord,
  openRecording,
} from '../../../src/framelog/index.js'
import type { Clock, Timer } from '../../../src/platform.js'
import { cleanUp, readAll, tempPath } from './temp-log.js'

cleanUp()

/** Time that the test moves. */
class HandClock implements Clock {
  #now = 1_000_000
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>()

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  steady(at: number): number {
    return at
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { at: this.#now + delayMs * 1000, run }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  random(): number {
    return 0.5
  }

  pass(ms: number): void {
    this.#now += ms * 1000
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      this.#timers.delete(timer)
      timer.run()
    }
  }

  get waiting(): number {
    return this.#timers.size
  }
}

function writer(options: Partial<FrameLogWriterOptions> = {}) {
  const clock = new HandClock()
  const errors: FrameLogError[] = []
  const path = options.path ?? tempPath()
  const log = new FrameLogWriter({ clock, onError: (error) => void errors.push(error), ...options, path })
  return { log, clock, errors, path }
}

/** Waits until the file can be read that far: what was flushed is on its way to the disk. */
async function readUntil(path: string, count: number): Promise<FrameRecord[]> {
  for (;;) {
    const { records } = await readAll(path)
    if (records.length >= count) return records
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('a log that is being written', () => {
  test('takes what a feed taps and reads back the same', async () => {
    const { log, errors, path } = writer()
    const tap: FrameTap = log
    tap.open(0, 'wss://x.example', 1, 'alpha')
    tap.sent(0, 'hello', 2)
    tap.received(0, '{"a":1.0}', 3)
    tap.received(0, new Uint8Array([1, 2, 255]).subarray(1), 4)
    tap.rest({ id: 'x', url: 'https://x.example', status: 404, headers: { age: '1' }, body: 'no' }, 5)
    tap.closed(0, 6)
    log.open(1, 'ws://127.0.0.1:9001', 7, 'bitfinex')
    await log.close()
    expect((await readAll(path)).records).toEqual([
      { dir: 'open', t: 1, conn: 0, url: 'wss://x.example', venue: 'alpha' },
      { dir: 'out', t: 2, conn: 0, data: 'hello' },
      { dir: 'in', t: 3, conn: 0, data: '{"a":1.0}' },
      { dir: 'in', t: 4, conn: 0, data: Buffer.from([2, 255]) },
      { dir: 'rest', t: 5, url: 'https://x.example', status: 404, headers: { age: '1' }, body: 'no' },
      { dir: 'close', t: 6, conn: 0 },
      { dir: 'open', t: 7, conn: 1, url: 'ws://127.0.0.1:9001', venue: 'bitfinex' },
    ])
    expect(log.records).toBe(7)
    expect(errors).toEqual([])
  })

  test('can be read up to the last flush while it is still open, and after its process was killed', async () => {
    const { log, clock, path } = writer({ flushAfterMs: 1000 })
    log.open(0, 'wss://x.example', 1)
    log.received(0, 'first', 2)
    clock.pass(999)
    expect(readFileSync(path)).toHaveLength(0)
    clock.pass(1)
    expect(await readUntil(path, 2)).toHaveLength(2)
    log.received(0, 'second', 3)
    expect(clock.waiting).toBe(1)
    clock.pass(1000)
    expect(await readUntil(path, 3)).toHaveLength(3)
    expect(clock.waiting).toBe(0)
    const killed = `${path}.killed`
    writeFileSync(killed, readFileSync(path))
    expect(await readAll(killed)).toMatchObject({
      records: { length: 3 },
      warnings: [{ code: 'truncated', line: 3 }],
    })
    await log.close()
    expect((await readAll(path)).warnings).toEqual([])
  })

  test('flush resolves when it can be read', async () => {
    const { log, path } = writer()
    log.received(0, 'x'.repeat(200_000), 1)
    await log.flush()
    expect(await readUntil(path, 1)).toHaveLength(1)
    await log.close()
  })

  test('is a plain gzip file to everyone else', async () => {
    const { log, path } = writer()
    log.received(0, '{"a":1}', 12)
    await log.close()
    const gunzip = spawnSync('gunzip', ['-c', path], { encoding: 'utf8' })
    expect(gunzip.error ?? gunzip.stdout).toBe('{"dir":"in","t":12,"conn":0,"data":"{\\"a\\":1}"}\n')
  })

  test('never touches a file that exists', () => {
    const path = tempPath()
    writeFileSync(path, 'precious')
    expect(() => writer({ path })).toThrow(expect.objectContaining({ code: 'log_exists' }))
    expect(readFileSync(path, 'utf8')).toBe('precious')
  })

  test('says where it cannot write', () => {
    const path = join(dirname(tempPath()), 'no', 'such', 'folder.gz')
    expect(() => writer({ path })).toThrow(expect.objectContaining({ code: 'log_unwritable' }))
  })

  test('gives up, once and aloud, where the disk falls too far behind, and stays readable', async () => {
    const { log, errors, path } = writer({ maxPendingBytes: 5000 })
    for (let at = 0; at < 200; at++) log.received(0, 'x'.repeat(90), at)
    expect(log.pendingBytes).toBeLessThanOrEqual(5000)
    expect(errors).toMatchObject([{ code: 'log_overflow' }])
    await expect(log.close()).rejects.toBe(errors[0])
    expect(log.records).toBeLessThan(200)
    expect(await readAll(path)).toMatchObject({ records: { length: log.records }, warnings: [] })
  })

  test('counts what waits in bytes, not in characters', async () => {
    const { log, errors } = writer({ maxPendingBytes: 1500 })
    log.received(0, 'x'.repeat(600), 1)
    expect(errors).toEqual([])
    log.received(0, '\u6f22'.repeat(400), 2)
    expect(errors).toMatchObject([{ code: 'log_overflow' }])
    await expect(log.close()).rejects.toBe(errors[0])
  })

  test('that no connection was opened for leaves no file behind', async () => {
    const { log, path } = writer()
    log.rest({ id: 'x', url: 'https://x.example', status: 404, headers: {}, body: 'no' }, 5)
    await log.close()
    await log.close()
    expect(existsSync(path)).toBe(false)
  })

  test('after the end takes nothing more', async () => {
    const { log, clock, path } = writer()
    log.received(0, 'a', 1)
    await log.close()
    log.received(0, 'b', 2)
    await log.close()
    expect((await readAll(path)).records).toHaveLength(1)
    expect(clock.waiting).toBe(0)
  })
})

describe('a log of that name that exists', () => {
  async function recordOnce(path: string): Promise<string> {
    const { log } = writer({ path, existing: 'new-part' })
    log.open(0, 'wss://x.example', 1)
    await log.close()
    return basename(log.path)
  }

  test('is gone on with in a new part where that is asked for', async () => {
    const path = tempPath('a.frames.jsonl.gz')
    const names: string[] = []
    for (let run = 0; run < 3; run++) names.push(await recordOnce(path))
    expect(names).toEqual(['a.frames.jsonl.gz', 'a.frames.2.jsonl.gz', 'a.frames.3.jsonl.gz'])
  })

  test('has its new part after the highest one, though earlier ones were moved away', async () => {
    const path = tempPath()
    writeFileSync(join(dirname(path), 'log.7.jsonl.gz'), 'precious')
    writeFileSync(join(dirname(path), 'log.old.jsonl.gz'), 'no part')
    expect(await recordOnce(path)).toBe('log.8.jsonl.gz')
    expect(readFileSync(join(dirname(path), 'log.7.jsonl.gz'), 'utf8')).toBe('precious')
  })

  test('does not stop a rotation that meets a part of an earlier recording', async () => {
    const { log, clock, errors, path } = writer({ rotateAfterMs: 1_000 })
    writeFileSync(join(dirname(path), 'log.2.jsonl.gz'), 'precious')
    log.open(0, 'wss://x.example', clock.now())
    clock.pass(1_000)
    log.received(0, 'a', clock.now())
    expect(basename(log.path)).toBe('log.3.jsonl.gz')
    await log.close()
    expect(errors).toEqual([])
  })
})

describe('rotation', () => {
  test('by age or size begins a new part, and the parts play as one', async () => {
    const { log, clock, path } = writer({ rotateAfterMs: 60_000 })
    log.open(0, 'wss://x.example', clock.now())
    log.open(1, 'wss://y.example', clock.now())
    log.received(0, 'a', clock.now())
    log.closed(1, clock.now())
    clock.pass(60_000)
    log.received(0, 'b', clock.now())
    expect(basename(log.path)).toBe('log.2.jsonl.gz')
    clock.pass(60_000)
    log.open(1, 'wss://y.example', clock.now())
    await log.close()
    const [second, third] = [2, 3].map((part) => join(dirname(path), `log.${part}.jsonl.gz`))
    expect((await readAll(second ?? '')).records).toEqual([
      { dir: 'open', t: 61_000_000, conn: 0, url: 'wss://x.example', continues: 'log.jsonl.gz' },
      { dir: 'in', t: 61_000_000, conn: 0, data: 'b' },
    ])
    const seen: string[] = []
    for await (const batch of (await openRecording([third ?? '', path, second ?? ''])).records()) {
      for (const record of batch) seen.push(`${record.dir} ${'conn' in record ? record.conn : ''}`)
    }
    expect(seen).toEqual([
      'open 0',
      'open 1',
      'in 0',
      'close 1',
      'lost 0',
      'in 0',
      'lost 0',
      'open 1',
      'lost 0',
      'lost 1',
    ])
  })

  test('loses no frame, whatever is written when', async () => {
    const step = fc.record({ data: fc.string(), pass: fc.nat({ max: 40 }), conn: fc.nat({ max: 2 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { log, clock, path, errors } = writer({
          rotateAfterMs: 100,
          rotateAfterBytes: 200,
          flushAfterMs: 10,
        })
        const paths = new Set([path])
        for (const conn of [0, 1, 2]) log.open(conn, `wss://x.example/${conn}`, clock.now())
        for (const { data, pass, conn } of steps) {
          clock.pass(pass)
          log.received(conn, data, clock.now())
          paths.add(log.path)
          if (pass % 7 === 0) await log.flush()
        }
        await log.close()
        expect(errors).toEqual([])
        const frames: { conn: number; data: string | Uint8Array }[] = []
        let opens = 0
        for await (const batch of (await openRecording([...paths])).records()) {
          for (const record of batch) {
            if (record.dir === 'in') frames.push({ conn: record.conn, data: record.data })
            if (record.dir === 'open') opens++
          }
        }
        expect(frames).toEqual(steps.map(({ conn, data }) => ({ conn, data })))
        expect(opens).toBe(3)
      }),
      { numRuns: 40 },
    )
  })
})
