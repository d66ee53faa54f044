import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type FrameLogError, FrameLogWriter } from '../../../src/framelog/index.js'
import { systemClock } from '../../../src/socket/clock.js'
import { mayMount, smallDisk } from '../../support/small-disk.js'
import { readAll } from './temp-log.js'

/** Text that does not compress: each line takes about as much of the disk as it is long. */
function noise(): string {
  return Array.from({ length: 20_000 }, () => Math.random().toString(36).slice(2, 10)).join('')
}

test.skipIf(!mayMount)('a full disk ends the log, once and aloud, and no call waits for ever', async () => {
  const path = join(smallDisk(256), 'raw.jsonl.gz')
  const errors: FrameLogError[] = []
  const log = new FrameLogWriter({ path, clock: systemClock(), onError: (error) => void errors.push(error) })
  log.open(0, 'wss://x.example', 1)
  for (let at = 0; at < 100 && errors.length === 0; at++) {
    log.received(0, noise(), at)
    await log.flush()
  }
  await log.flush()
  await expect(log.close()).rejects.toMatchObject({
    code: 'log_unwritable',
    message: expect.stringMatching(/^cannot write .*raw\.jsonl\.gz: ENOSPC/),
    context: { file: path },
  })
  await expect(log.close()).rejects.toBe(errors[0])
  expect(errors).toHaveLength(1)
  expect((await readAll(path)).records.length).toBeGreaterThan(0)
})

test.skipIf(!mayMount)('a disk that was full gets a new part when the log is opened again', async () => {
  const folder = smallDisk(128)
  const ballast = join(folder, 'ballast')
  writeFileSync(ballast, Buffer.alloc(120 * 1024))
  const path = join(folder, 'raw.jsonl.gz')
  const open = () =>
    new FrameLogWriter({ path, clock: systemClock(), onError: () => {}, existing: 'new-part' })
  const first = open()
  first.open(0, 'wss://x.example', 1)
  first.received(0, noise(), 2)
  await expect(first.close()).rejects.toMatchObject({ code: 'log_unwritable' })
  rmSync(ballast)
  const second = open()
  expect(second.path).toBe(join(folder, 'raw.2.jsonl.gz'))
  second.open(0, 'wss://x.example', 3)
  await second.close()
  expect((await readAll(second.path)).records).toHaveLength(1)
})
