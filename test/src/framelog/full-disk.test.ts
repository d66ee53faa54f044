import { Writable } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { type FrameLogError, FrameLogWriter } from '../../../src/framelog/index.js'
import { cleanUp, tempPath } from './temp-log.js'

cleanUp()

// A disk that is full from the first byte on.
vi.mock('node:fs', async (original) => ({
  ...(await original<typeof import('node:fs')>()),
  createWriteStream: () =>
    new Writable({
      write: (_chunk, _encoding, done) =>
        done(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })),
    }),
}))

test('a disk that is full ends the log, once and aloud, and no call waits for ever', async () => {
  const errors: FrameLogError[] = []
  const path = tempPath()
  const clock = {
    now: () => 1,
    monotonic: () => 1,
    steady: (at: number) => at,
    random: () => 0.5,
    after: () => ({ cancel() {} }),
  }
  const log = new FrameLogWriter({ path, clock, onError: (error) => void errors.push(error) })
  log.received(0, 'a', 1)
  await log.flush()
  log.received(0, 'x'.repeat(100_000), 2)
  await log.flush()
  await expect(log.close()).rejects.toMatchObject({
    code: 'log_unwritable',
    message: `cannot write ${path}: ENOSPC: no space left on device, write`,
    context: { file: path },
  })
  expect(errors).toHaveLength(1)
})
